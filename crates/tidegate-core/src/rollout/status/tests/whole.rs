//! The status as a whole: what is rebuilt, what is kept, which conditions follow from it.

use super::*;
use crate::rollout::{
    draft::Restart,
    snapshot::{BlueGreen, Colours, Promotion, ReplicaFailure},
};

/// Keeps STS-01.
#[test]
fn what_a_pass_does_not_set_is_cleared_and_a_few_things_are_kept() {
    let recorded = json!({
        "abortedAt": "2026-01-01T11:00:00Z", "message": "m", "workloadObservedGeneration": "4",
        "blueGreen": {"activeSelector": "old"},
        "canary": {"currentExperiment": "e", "currentStepAnalysisRunStatus": {"name": "r", "status": "Running"}},
        "restartedAt": "2026-01-01T10:00:00Z", "collisionCount": 3, "promoteFull": true,
        "duration": {"rolloutStartedAt": "2026-01-01T11:00:00Z"},
    });
    let held = halfway(0, &recorded);
    let draft = Draft {
        outcome: Outcome::StepDone("setWeight: 50".to_owned()),
        ..Draft::default()
    };
    let next = next(&held, &draft, now()).status;
    assert_eq!((next.aborted_at, next.promote_full), (None, true));
    assert_eq!(next.workload_observed_generation, "");
    assert_eq!(
        next.blue_green,
        tidegate_api::rollout::BlueGreenStatus::default()
    );
    assert_eq!(next.canary.current_experiment, "");
    assert_eq!(next.canary.current_step_analysis_run_status, None);
    let before = &held.rollout.status;
    assert_eq!(
        (next.restarted_at, next.collision_count),
        (before.restarted_at, Some(3))
    );
    assert!(next.restarted_at.is_some());
    let started = next
        .duration
        .as_ref()
        .and_then(|duration| duration.rollout_started_at);
    assert_eq!(
        started,
        Some("2026-01-01T11:00:00Z".parse::<Timestamp>().unwrap().into())
    );
}

/// Keeps STS-01: the note of a restart follows the field once it is over, and not before.
#[test]
fn a_restart_is_noted_when_it_is_over() {
    let mut asked = rollout(&midway(1, &json!({})));
    asked.spec.restart_at = Some("2026-01-01T11:30:00Z".parse::<Timestamp>().unwrap().into());
    let held = snapshot(asked, vec![replica_set("old", 1), replica_set("new", 1)]);
    let noted = |restart| {
        let draft = Draft {
            restart,
            ..Draft::default()
        };
        next(&held, &draft, now()).status.restarted_at
    };
    assert_eq!(noted(Restart::Pending), None);
    assert_eq!(noted(Restart::Done), held.rollout.spec.restart_at);
}

/// Keeps STS-02.
#[test]
fn counts_are_sums_but_for_the_updated_pods() {
    let (mut old, mut new) = (replica_set("old", 3), replica_set("new", 2));
    (old.ready, old.available) = (2, 1);
    (new.ready, new.available) = (1, 0);
    let mut held = snapshot(rollout(&midway(1, &json!({}))), vec![old, new]);
    let counts = |held: &RolloutSnapshot| {
        let next = next(held, &Draft::default(), now()).status;
        let counts = [
            next.replicas,
            next.updated_replicas,
            next.ready_replicas,
            next.available_replicas,
        ];
        (counts, next.current_pod_hash, next.observed_generation)
    };
    assert_eq!(
        counts(&held),
        ([5, 2, 3, 1], "new".to_owned(), "2".to_owned())
    );
    held.new = None;
    held.template_hash = "computed".to_owned();
    assert_eq!(
        counts(&held),
        ([5, 0, 3, 1], "computed".to_owned(), "2".to_owned())
    );
}

fn available_and_completed(held: &RolloutSnapshot, draft: &Draft) -> [String; 2] {
    let next = next(held, draft, now()).status;
    [Kind::Available, Kind::Completed].map(|kind| reason_of(&next, kind).0.to_owned())
}

/// Keeps STS-08: all pods of a canary count.
#[test]
fn a_canary_is_available_with_pods_of_any_version() {
    let draft = Draft::default();
    assert_eq!(
        available_and_completed(&halfway(1, &json!({})), &draft),
        ["True", "False"]
    );
    let mut short = halfway(1, &json!({}));
    short.replica_sets[0].available = 0;
    assert_eq!(available_and_completed(&short, &draft), ["False", "False"]);
    let stable = halfway(2, &json!({"stableRS": "new"}));
    assert_eq!(available_and_completed(&stable, &draft), ["True", "True"]);
    let nothing = halfway(1, &json!({"stableRS": ""}));
    assert_eq!(available_and_completed(&nothing, &draft), ["True", "False"]);
}

/// Keeps STS-08 and STS-09: the active version alone counts, once it is saturated.
#[test]
fn a_blue_green_rollout_is_available_with_its_active_version() {
    let mut held = halfway(1, &json!({}));
    let rollout = Arc::make_mut(&mut held.rollout);
    rollout.spec.strategy =
        serde_json::from_value(json!({"blueGreen": {"activeService": "a"}})).unwrap();
    held.blue_green = Some(BlueGreen {
        active_service: "a".to_owned(),
        preview_service: String::new(),
        preview_replica_count: None,
        promotion: Promotion::AtOnce,
        abort_scale_down_delay: None,
        scale_down_delay: None,
        scale_down_delay_revision_limit: None,
    });
    held.replica_sets = vec![replica_set("old", 2), replica_set("new", 2)];
    let selecting = |active: &str| Draft {
        colours: Colours {
            active: active.to_owned(),
            ..Colours::default()
        },
        ..Draft::default()
    };
    let available = |held: &RolloutSnapshot, active: &str| {
        available_and_completed(held, &selecting(active))[0] == "True"
    };
    assert!(
        !available(&held, "old"),
        "nobody noted the size that it should have"
    );
    held.replica_sets[0].desired = Some(2);
    assert!(available(&held, "old"));
    assert!(!available(&held, "new"));
    assert!(!available(&held, ""));
    for (replicas, desired, pods) in [(3, 2, 2), (2, 3, 2), (2, 2, 1), (2, 2, 3)] {
        let active = &mut held.replica_sets[0];
        (active.replicas, active.desired, active.available) = (replicas, Some(desired), pods);
        assert!(!available(&held, "old"), "{replicas} {desired} {pods}");
    }
}

/// Keeps STS-08.
#[test]
fn the_failure_of_a_replica_set_is_told_that_of_the_new_one_first() {
    let failure = |message: &str| {
        Some(ReplicaFailure {
            status: "True".to_owned(),
            reason: "FailedCreate".to_owned(),
            message: message.to_owned(),
            since: None,
        })
    };
    let told = |held: &RolloutSnapshot| {
        let next = next(held, &Draft::default(), now()).status;
        conditions::get(&next, Kind::ReplicaFailure).map(|told| told.message.clone())
    };
    let before = json!({"conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}]});
    let mut held = halfway(1, &before);
    assert_eq!(told(&held), None);
    held = halfway(1, &json!({}));
    held.replica_sets[0].failure = failure("old");
    assert_eq!(told(&held).as_deref(), Some("old"));
    held.replica_sets[1].failure = failure("new");
    assert_eq!(told(&held).as_deref(), Some("new"));
}

/// Keeps STS-04: health that was lost is told, health that never was is not.
#[test]
fn only_who_was_healthy_is_unhealthy() {
    let never = next(&halfway(1, &json!({})), &Draft::default(), now()).status;
    assert_eq!(reason_of(&never, Kind::Healthy), ("", ""));
    let was =
        json!({"conditions": [{"type": "Healthy", "status": "True", "reason": "RolloutHealthy"}]});
    let lost = next(&halfway(1, &was), &Draft::default(), now()).status;
    assert_eq!(reason_of(&lost, Kind::Healthy), ("False", "RolloutHealthy"));
}

/// Keeps STS-04: while anything pauses, nothing is healthy.
#[test]
fn who_is_paused_is_not_healthy() {
    let whole = |paused: bool| {
        let mut rollout = rollout(&midway(2, &json!({"stableRS": "new"})));
        rollout.spec.paused = paused;
        let held = snapshot(rollout, vec![replica_set("new", 2)]);
        let next = next(&held, &Draft::default(), now()).status;
        reason_of(&next, Kind::Healthy).0.to_owned()
    };
    assert_eq!((whole(false).as_str(), whole(true).as_str()), ("True", ""));
}
