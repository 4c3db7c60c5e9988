//! Who is fought, for how long they wait, and what may go on meanwhile.

use std::sync::Arc;

use serde_json::json;
use tidegate_api::rollout::RolloutStatus;

use super::*;
use crate::{
    plan::{Class, Guard, ROLLOUTS, SERVICES},
    reason::Reason,
};

fn owner() -> ObjectKey {
    ObjectKey::new(ROLLOUTS, "shop", "web")
}

fn patch(body: Value) -> Write {
    Write {
        verb: Verb::Patch,
        target: ObjectKey::new(SERVICES, "shop", "web"),
        guard: Guard::Absent,
        body,
        class: Class::Traffic,
        events: Vec::new(),
        reason: Reason::FollowsRollout,
    }
}

fn weight(weight: i32) -> Write {
    patch(json!({ "weight": weight }))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn done() -> Outcome {
    Outcome::Done(Arc::new(Value::Null))
}

/// Writes as soon as it may, for so many times; tells when each write went.
fn fight(contests: &mut Contests, write: &Write, times: usize) -> Vec<i64> {
    let mut now = at(0);
    let mut sent = Vec::new();
    for _ in 0..times {
        if let Some(turn) = contests.turn(&owner(), write, now) {
            now = now.max(turn.at);
        }
        contests.record(&owner(), (write, &done()), now);
        sent.push(now.as_second());
    }
    sent
}

#[test]
fn who_is_taken_back_again_and_again_waits_longer_each_time() {
    let mut contests = Contests::default();
    let sent = fight(&mut contests, &weight(20), 14);
    assert_eq!(sent[..7], [0, 0, 1, 3, 7, 15, 31]);
    assert_eq!(sent[13] - sent[12], 300);
    let later = at(sent[13] + 299);
    assert!(contests.doubt(&owner(), later).is_some());
    let turn = contests.turn(&owner(), &weight(20), later).unwrap();
    assert_eq!((turn.at, turn.news), (at(sent[13] + 300), true));
    let again = contests.turn(&owner(), &weight(20), later).unwrap();
    assert!(!again.news, "it was told already");
}

#[test]
fn a_field_that_was_repaired_once_is_relied_upon() {
    let mut contests = Contests::default();
    fight(&mut contests, &weight(20), 2);
    assert_eq!(contests.doubt(&owner(), at(0)), None);
    fight(&mut contests, &weight(20), 1);
    let doubt = contests.doubt(&owner(), at(2)).unwrap();
    assert_eq!(doubt.until, at(31));
    assert_eq!(contests.doubt(&owner(), at(31)), None);
}

#[test]
fn another_word_is_no_repetition() {
    let mut contests = Contests::default();
    for step in [20, 0, 20, 0, 20] {
        assert_eq!(contests.turn(&owner(), &weight(step), at(0)), None);
        contests.record(&owner(), (&weight(step), &done()), at(0));
    }
    let lost = Outcome::Failed(crate::run::Failure::Unknown(String::new()));
    for _ in 0..5 {
        contests.record(&owner(), (&weight(20), &lost), at(0));
    }
    assert_eq!(contests.turn(&owner(), &weight(20), at(0)), None);
}

/// A tool that resets a whole object makes two patches of it necessary, in turn.
#[test]
fn patches_of_different_fields_are_counted_apart() {
    let mut contests = Contests::default();
    for _ in 0..2 {
        for body in [
            json!({"weight": 20}),
            json!({"note": "2026-01-01T00:00:00Z"}),
        ] {
            contests.record(&owner(), (&patch(body), &done()), at(0));
        }
    }
    assert!(contests.turn(&owner(), &weight(20), at(0)).is_some());
    let another = patch(json!({"note": "2026-01-01T00:00:07Z"}));
    assert!(contests.turn(&owner(), &another, at(0)).is_some());
}

#[test]
fn who_gave_up_is_forgotten_and_so_is_another_version() {
    let mut contests = Contests::default();
    fight(&mut contests, &weight(20), 2);
    assert_eq!(contests.turn(&owner(), &weight(20), at(602)), None);
    assert!(contests.turn(&owner(), &weight(20), at(601)).is_some());
    let plan = |hash: &str, abort| Plan {
        status: Some(Box::new(RolloutStatus {
            current_pod_hash: hash.to_owned(),
            abort,
            ..RolloutStatus::default()
        })),
        ..Plan::default()
    };
    contests.begin(&owner(), &plan("a", false));
    contests.begin(&owner(), &Plan::default());
    assert!(contests.turn(&owner(), &weight(20), at(1)).is_some());
    contests.begin(&owner(), &plan("a", true));
    assert_eq!(contests.turn(&owner(), &weight(20), at(1)), None);
}

#[test]
fn the_fighter_is_named_by_what_it_owns() {
    let body = json!({"spec": {"selector": {"hash": "x"}}});
    let live = json!({"metadata": {"managedFields": [
        {"manager": "argocd", "time": "2026-01-01T00:00:05Z", "fieldsV1": {"f:spec": {"f:selector": {}}}},
        {"manager": OURS, "time": "2026-01-01T00:00:09Z", "fieldsV1": {"f:spec": {"f:selector": {}}}},
        {"manager": "kubelet", "time": "2026-01-01T00:00:08Z", "subresource": "status", "fieldsV1": {"f:spec": {}}},
        {"manager": "helm", "time": "2026-01-01T00:00:07Z", "fieldsV1": {"f:spec": {"f:ports": {}}}},
    ]}});
    let since = "2026-01-01T00:00:06.5Z".parse().unwrap();
    let name = |live: &Value, body: &Value| fighter(live, body, since);
    assert_eq!(name(&live, &body).as_deref(), Some("argocd"));
    let other = json!({"metadata": {"annotations": {"a.b/c": "1"}}});
    assert_eq!(
        name(&live, &other).as_deref(),
        Some("helm"),
        "it wrote since we did"
    );
    assert_eq!(name(&json!({}), &body), None);
    let turn = Turn {
        at: at(1),
        delay: SignedDuration::from_secs(2),
        since,
        news: true,
    };
    let both = json!({"spec": {"replicas": 2}, "metadata": {"annotations": {"a.b/c": "1"}}});
    let standing = json!({"spec": {"replicas": 2}});
    let event = told(&patch(both), Some(&standing), &turn);
    assert!(
        event
            .message
            .starts_with("somebody takes back metadata.annotations[a.b/c] of Service web"),
        "{}",
        event.message
    );
}
