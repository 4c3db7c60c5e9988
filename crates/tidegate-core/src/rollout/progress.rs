//! Does the update get on? Healthy, completed, progressing, timed out; and when to look again.

use jiff::{SignedDuration, Timestamp};
use tidegate_api::rollout::{CanaryStep, Rollout, RolloutSpec, RolloutStatus};

use crate::{
    plan::Wake,
    reason::Reason,
    rollout::{
        conditions::{self, Kind},
        snapshot::RolloutSnapshot,
    },
};

/// Seconds without progress after which an update counts as stuck, unless the Rollout says otherwise
/// (PDL-01).
const PROGRESS_DEADLINE_SECONDS: i32 = 600;

/// Whether what is recorded as stable is the current version.
pub fn is_completed(status: &RolloutStatus) -> bool {
    !status.stable_rs.is_empty() && status.stable_rs == status.current_pod_hash
}

/// Whether everything is as it should be. The generation is compared with what was recorded *before*
/// this pass, so a change is never healthy in the pass that first sees it. Keeps STS-04.
pub fn is_healthy(rollout: &Rollout, next: &RolloutStatus) -> bool {
    let replicas = rollout.spec.replicas.unwrap_or(1);
    let strategy = &rollout.spec.strategy;
    let mut strategy_done = true;
    if let Some(blue_green) = &strategy.blue_green {
        let current = &next.current_pod_hash;
        strategy_done = next.blue_green.active_selector == *current
            && (blue_green.preview_service.is_empty()
                || next.blue_green.preview_selector == *current);
    }
    if let Some(canary) = &strategy.canary {
        let steps_done = canary.steps.is_empty()
            || next
                .current_step_index
                .is_none_or(|index| is_index(index, canary.steps.len()));
        strategy_done = steps_done && is_completed(next) && next.replicas == replicas;
    }
    next.updated_replicas == replicas
        && next.available_replicas == replicas
        && rollout.status.observed_generation == rollout.metadata.generation.to_string()
        && strategy_done
}

/// Whether the next status shows progress against the recorded one. Keeps STS-06.
pub fn is_progressing(rollout: &Rollout, next: &RolloutStatus) -> bool {
    let held = &rollout.status;
    let mut strategy_moved = false;
    if rollout.spec.strategy.blue_green.is_some() {
        strategy_moved = held.blue_green.active_selector != next.blue_green.active_selector
            || held.blue_green.preview_selector != next.blue_green.preview_selector;
    }
    if rollout.spec.strategy.canary.is_some() {
        let step_moved = match (held.current_step_index, next.current_step_index) {
            (Some(held), Some(next)) => held != next,
            (None, _) | (_, None) => false,
        };
        strategy_moved = held.stable_rs != next.stable_rs
            || step_moved
            || held.current_step_hash != next.current_step_hash;
    }
    let old_pods = |status: &RolloutStatus| status.replicas - status.updated_replicas;
    next.updated_replicas != held.updated_replicas
        || old_pods(next) < old_pods(held)
        || next.ready_replicas > held.ready_replicas
        || next.available_replicas > held.available_replicas
        || strategy_moved
}

/// Whether the deadline has passed since the last progress. Keeps PDL-01.
pub fn is_timed_out(spec: &RolloutSpec, status: &RolloutStatus, now: Timestamp) -> bool {
    let Some(progressing) = conditions::get(status, Kind::Progressing) else {
        return false;
    };
    match progressing.reason.as_str() {
        conditions::ABORTED | conditions::PAUSED => false,
        conditions::TIMED_OUT => true,
        _ => deadline(spec, status).is_some_and(|deadline| deadline < now),
    }
}

/// Whether the current step takes as long as it takes, or a pause holds everything. Keeps PDL-02.
pub fn is_indefinite_step(rollout: &Rollout) -> bool {
    let waits = current_step(rollout).is_some_and(|step| {
        step.experiment.is_some() || step.analysis.is_some() || step.pause.is_some()
    });
    waits
        || conditions::get(&rollout.status, Kind::Paused)
            .is_some_and(|paused| paused.status == conditions::Holds::True.as_str())
}

/// The canary step that the recorded index points to (CAN-03).
pub fn current_step(rollout: &Rollout) -> Option<&CanaryStep> {
    let canary = rollout.spec.strategy.canary.as_ref()?;
    let index = rollout.status.current_step_index.unwrap_or(0);
    canary.steps.get(usize::try_from(index).ok()?)
}

/// Whether a ReplicaSet of another version waits for its scale-down deadline (PDL-02).
pub fn awaits_scale_down(snapshot: &RolloutSnapshot) -> bool {
    snapshot
        .other_replica_sets()
        .any(|replica_set| replica_set.scale_down_deadline.is_some())
}

/// When to look whether the deadline has passed, if it can. Keeps PDL-03; the second on top makes sure
/// that it has passed by then.
pub fn wake(snapshot: &RolloutSnapshot, next: &RolloutStatus, now: Timestamp) -> Option<Wake> {
    let rollout = &snapshot.rollout;
    let paused = !next.pause_conditions.is_empty() || rollout.spec.paused;
    if paused
        || next.abort
        || is_healthy(rollout, next)
        || is_indefinite_step(rollout)
        || awaits_scale_down(snapshot)
        || is_timed_out(&rollout.spec, next, now)
    {
        return None;
    }
    let at = deadline(&rollout.spec, next)?
        .checked_add(SignedDuration::from_secs(1))
        .ok()?;
    Some(Wake {
        at,
        reason: Reason::ProgressDeadline,
    })
}

/// The instant after which the last progress is too long ago.
fn deadline(spec: &RolloutSpec, status: &RolloutStatus) -> Option<Timestamp> {
    let since = conditions::get(status, Kind::Progressing)?.last_update_time?;
    let seconds = spec
        .progress_deadline_seconds
        .unwrap_or(PROGRESS_DEADLINE_SECONDS);
    since
        .timestamp()
        .checked_add(SignedDuration::from_secs(i64::from(seconds)))
        .ok()
}

fn is_index(index: i32, length: usize) -> bool {
    usize::try_from(index).is_ok_and(|index| index == length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn canary(status: &serde_json::Value) -> Rollout {
        serde_json::from_value(json!({
            "metadata": {"generation": 2},
            "spec": {"replicas": 2, "strategy": {"canary": {"steps": [{"setWeight": 20}]}}},
            "status": status,
        }))
        .unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Keeps STS-04.
    #[test]
    fn a_change_is_not_healthy_in_the_pass_that_first_sees_it() {
        let done = json!({"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2,
            "currentStepIndex": 1, "stableRS": "a", "currentPodHash": "a",
            "observedGeneration": "1"});
        let mut rollout = canary(&done);
        assert!(!is_healthy(&rollout, &rollout.status));
        rollout.status.observed_generation = "2".to_owned();
        assert!(is_healthy(&rollout, &rollout.status));
    }

    /// Whether a Rollout is healthy once one member of its status is another one.
    fn healthy_but_for(sound: &Rollout, name: &str, value: serde_json::Value) -> bool {
        let mut status = serde_json::to_value(&sound.status).unwrap();
        status[name] = value;
        is_healthy(sound, &serde_json::from_value(status).unwrap())
    }

    /// Keeps STS-04.
    #[test]
    fn a_canary_is_healthy_when_nothing_of_it_is_left_to_do() {
        let sound = canary(
            &json!({"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2,
            "currentStepIndex": 1, "stableRS": "a", "currentPodHash": "a",
            "observedGeneration": "2"}),
        );
        assert!(healthy_but_for(&sound, "readyReplicas", json!(1)));
        assert!(healthy_but_for(&sound, "currentStepIndex", json!(null)));
        for (name, value) in [
            ("replicas", json!(3)),
            ("updatedReplicas", json!(1)),
            ("updatedReplicas", json!(3)),
            ("availableReplicas", json!(1)),
            ("currentStepIndex", json!(0)),
            ("stableRS", json!("b")),
            ("stableRS", json!("")),
        ] {
            assert!(
                !healthy_but_for(&sound, name, value.clone()),
                "{name}: {value}"
            );
        }
        let nothing = healthy_but_for(&sound, "currentPodHash", json!(""));
        assert!(!nothing);
    }

    fn blue_green(status: &serde_json::Value) -> Rollout {
        let mut rollout = canary(status);
        rollout.spec.strategy = serde_json::from_value(
            json!({"blueGreen": {"activeService": "active", "previewService": "preview"}}),
        )
        .unwrap();
        rollout
    }

    /// Keeps STS-04.
    #[test]
    fn blue_green_is_healthy_when_its_services_lead_to_the_new_version() {
        let mut sound = blue_green(&json!({"replicas": 4, "updatedReplicas": 2,
            "availableReplicas": 2, "currentPodHash": "a", "observedGeneration": "2",
            "blueGreen": {"activeSelector": "a", "previewSelector": "a"}}));
        assert!(is_healthy(&sound, &sound.status));
        let active = json!({"activeSelector": "b", "previewSelector": "a"});
        assert!(!healthy_but_for(&sound, "blueGreen", active));
        let preview = json!({"activeSelector": "a", "previewSelector": "b"});
        assert!(!healthy_but_for(&sound, "blueGreen", preview.clone()));
        sound.spec.strategy =
            serde_json::from_value(json!({"blueGreen": {"activeService": "active"}})).unwrap();
        assert!(healthy_but_for(&sound, "blueGreen", preview));
    }

    #[test]
    fn the_deadline_counts_from_the_last_progress_and_sticks() {
        let progressing = |reason: &str| {
            canary(
                &json!({"conditions": [{"type": "Progressing", "status": "True",
                "reason": reason, "lastUpdateTime": "2026-01-01T00:00:00Z"}]}),
            )
        };
        let rollout = progressing("ReplicaSetUpdated");
        let timed_out =
            |rollout: &Rollout, now: &str| is_timed_out(&rollout.spec, &rollout.status, at(now));
        assert!(!timed_out(&rollout, "2026-01-01T00:10:00Z"));
        assert!(timed_out(&rollout, "2026-01-01T00:10:01Z"));
        assert!(!timed_out(
            &progressing("RolloutPaused"),
            "2026-01-02T00:00:00Z"
        ));
        assert!(timed_out(
            &progressing("ProgressDeadlineExceeded"),
            "2026-01-01T00:00:01Z"
        ));
    }

    /// Keeps STS-06.
    #[test]
    fn fewer_old_pods_are_progress_and_fewer_ready_pods_are_not() {
        let rollout = canary(&json!({"replicas": 4, "updatedReplicas": 1, "readyReplicas": 4}));
        let mut next = rollout.status.clone();
        assert!(!is_progressing(&rollout, &next));
        next.ready_replicas = 3;
        assert!(!is_progressing(&rollout, &next));
        next.replicas = 3;
        assert!(is_progressing(&rollout, &next));
    }

    /// Keeps STS-06.
    #[test]
    fn what_gets_on_is_progress() {
        let held = json!({"replicas": 4, "updatedReplicas": 2, "readyReplicas": 2,
            "availableReplicas": 2, "currentStepIndex": 0, "stableRS": "a", "currentPodHash": "b",
            "currentStepHash": "s", "blueGreen": {"activeSelector": "a", "previewSelector": "a"}});
        let moved = |rollout: &Rollout, name: &str, value: &serde_json::Value| {
            let mut next = held.clone();
            next[name] = value.clone();
            is_progressing(rollout, &serde_json::from_value(next).unwrap())
        };
        let (canary, colours) = (canary(&held), blue_green(&held));
        let active = json!({"activeSelector": "b", "previewSelector": "a"});
        let preview = json!({"activeSelector": "a", "previewSelector": "b"});
        for (name, value, expected) in [
            ("updatedReplicas", json!(1), [true, true]),
            ("replicas", json!(3), [true, true]),
            ("replicas", json!(5), [false, false]),
            ("readyReplicas", json!(3), [true, true]),
            ("availableReplicas", json!(3), [true, true]),
            ("availableReplicas", json!(1), [false, false]),
            ("stableRS", json!("b"), [true, false]),
            ("currentStepIndex", json!(1), [true, false]),
            ("currentStepIndex", json!(null), [false, false]),
            ("currentStepHash", json!("t"), [true, false]),
            ("blueGreen", active, [false, true]),
            ("blueGreen", preview, [false, true]),
        ] {
            let found = [&canary, &colours].map(|rollout| moved(rollout, name, &value));
            assert_eq!(found, expected, "{name}: {value}");
        }
    }
}
