//! How long updates take, how they end, and what of it was waiting for people (DUR-01 to DUR-03).

use jiff::SignedDuration;
use tidegate_api::rollout::RolloutDurationStatus;

use super::*;
use crate::rollout::snapshot::RolloutSnapshot;

fn minutes(count: i64) -> Timestamp {
    now().checked_add(SignedDuration::from_mins(count)).unwrap()
}

fn after(held: &RolloutSnapshot, draft: &Draft, at: Timestamp) -> RolloutDurationStatus {
    next(held, draft, at).status.duration.unwrap()
}

/// An update that began an hour ago, with more in its duration.
fn running(more: &Value) -> Value {
    let mut duration = json!({"rolloutStartedAt": "2026-01-01T11:00:00Z"});
    for (name, value) in more.as_object().unwrap() {
        duration[name] = value.clone();
    }
    json!({ "duration": duration })
}

/// The new version has all pods and is promoted in this pass.
fn promoted(more: &Value) -> RolloutDurationStatus {
    let status = midway(2, more);
    let held = snapshot(
        rollout(&status),
        vec![replica_set("old", 0), replica_set("new", 2)],
    );
    let draft = Draft {
        outcome: Outcome::Promote("done".to_owned()),
        ..Draft::default()
    };
    after(&held, &draft, now())
}

fn ending(duration: &RolloutDurationStatus) -> (Option<&str>, bool) {
    (
        duration.completion_status.as_deref(),
        duration.finished_at.is_some(),
    )
}

/// Keeps DUR-02.
#[test]
fn an_update_ends_as_it_went() {
    let plain = promoted(&running(&json!({})));
    assert_eq!(ending(&plain), (Some("Promoted"), true));
    let mut asked = running(&json!({}));
    asked["promoteFull"] = json!(true);
    assert_eq!(ending(&promoted(&asked)), (Some("FastPromoted"), true));
    for kind in ["RolledBack", "FastRolledBack"] {
        let back = promoted(&running(&json!({"completionStatus": kind})));
        assert_eq!(ending(&back), (Some(kind), true));
    }
    let draft = Draft {
        abort: AbortChange::Add("why".to_owned()),
        ..Draft::default()
    };
    let held = halfway(1, &running(&json!({})));
    assert_eq!(
        ending(&after(&held, &draft, now())),
        (Some("Aborted"), true)
    );
}

/// Keeps DUR-02: the last pods belong to it.
#[test]
fn an_update_lasts_until_its_pods_are_there() {
    let status = midway(2, &running(&json!({})));
    let mut held = snapshot(rollout(&status), vec![replica_set("new", 2)]);
    Arc::make_mut(&mut held.rollout).status.stable_rs = "new".to_owned();
    held.replica_sets[0].available = 1;
    assert_eq!(
        ending(&after(&held, &Draft::default(), now())),
        (None, false)
    );
    held.replica_sets[0].available = 2;
    assert_eq!(
        ending(&after(&held, &Draft::default(), now())),
        (Some("Promoted"), true)
    );
}

fn changed(rollback: Rollback) -> RolloutDurationStatus {
    let mut held = halfway(1, &running(&json!({})));
    held.replica_sets[1].hash = "other".to_owned();
    let draft = Draft {
        outcome: Outcome::Restart(Skip::No),
        rollback,
        ..Draft::default()
    };
    after(&held, &draft, now())
}

/// Keeps DUR-02: what kind of rollback it is, is said when it begins.
#[test]
fn going_back_is_still_the_same_update() {
    for (rollback, kind) in [
        (Rollback::Stepwise, "RolledBack"),
        (Rollback::Fast, "FastRolledBack"),
    ] {
        let duration = changed(rollback);
        assert_eq!(ending(&duration), (Some(kind), false));
        assert_eq!(duration.rollout_started_at, Some(minutes(-60).into()));
    }
}

/// Keeps DUR-01 and DUR-02: the status tells of the next one at once.
#[test]
fn an_update_that_is_superseded_gives_way_to_the_next() {
    let duration = changed(Rollback::None);
    assert_eq!(ending(&duration), (None, false));
    assert_eq!(duration.rollout_started_at, Some(now().into()));
}

/// Who is asked for in this pass, from when on.
fn waits_for_people(canary_step: &Value, reason: &'static str) -> Option<Timestamp> {
    let mut held = halfway(1, &running(&json!({})));
    let rollout = Arc::make_mut(&mut held.rollout);
    rollout.spec.strategy =
        serde_json::from_value(json!({"canary": {"steps": [{"setWeight": 50}, canary_step]}}))
            .unwrap();
    let draft = Draft {
        add_pauses: vec![reason],
        ..Draft::default()
    };
    let since = after(&held, &draft, now()).manual_pause_started_at;
    since.map(tidegate_api::meta::Time::timestamp)
}

/// Keeps DUR-03.
#[test]
fn only_pauses_that_people_end_are_counted_as_theirs() {
    let (open, timed) = (json!({"pause": {}}), json!({"pause": {"duration": "1h"}}));
    assert_eq!(waits_for_people(&open, "CanaryPauseStep"), Some(now()));
    assert_eq!(waits_for_people(&timed, "CanaryPauseStep"), None);
    for reason in ["InconclusiveAnalysisRun", "InconclusiveExperiment"] {
        assert_eq!(waits_for_people(&timed, reason), Some(now()));
    }
    let mut by_hand = halfway(0, &running(&json!({})));
    Arc::make_mut(&mut by_hand.rollout).spec.paused = true;
    let since = after(&by_hand, &Draft::default(), now()).manual_pause_started_at;
    assert_eq!(since, Some(now().into()));
}

/// Keeps DUR-03: a preview that promotes itself waits for nobody.
#[test]
fn a_preview_waits_for_people_unless_it_promotes_itself() {
    let waits = |strategy: Value| {
        let mut held = halfway(1, &running(&json!({})));
        let rollout = Arc::make_mut(&mut held.rollout);
        rollout.spec.strategy = serde_json::from_value(json!({ "blueGreen": strategy })).unwrap();
        let draft = Draft {
            add_pauses: vec!["BlueGreenPause"],
            ..Draft::default()
        };
        after(&held, &draft, now())
            .manual_pause_started_at
            .is_some()
    };
    assert!(waits(
        json!({"activeService": "a", "autoPromotionEnabled": false})
    ));
    assert!(!waits(
        json!({"activeService": "a", "autoPromotionSeconds": 60})
    ));
}

/// Keeps DUR-03: seconds add up, and a pause that is still open is closed by the end.
#[test]
fn pauses_add_up() {
    let paused = |seconds: i64| {
        json!({"manualPauseStartedAt": "2026-01-01T11:50:00Z",
            "totalManualPauseDurationSeconds": seconds})
    };
    let resumed = after(&halfway(0, &running(&paused(5))), &Draft::default(), now());
    assert_eq!(resumed.manual_pause_started_at, None);
    assert_eq!(resumed.total_manual_pause_duration_seconds, Some(605));
    let ended = promoted(&running(&paused(5)));
    assert_eq!(ended.manual_pause_started_at, None);
    assert_eq!(ended.total_manual_pause_duration_seconds, Some(605));
    let mut held = halfway(1, &running(&paused(5)));
    Arc::make_mut(&mut held.rollout).spec.paused = true;
    let going_on = after(&held, &Draft::default(), minutes(1));
    assert_eq!(going_on.total_manual_pause_duration_seconds, Some(5));
    assert!(going_on.manual_pause_started_at.is_some());
}
