//! The events that people see under `kubectl describe`, with upstream's reasons and sentences
//! (EVT-01). Scripts and notification triggers match them.

use tidegate_api::{meta::ObjectMeta, rollout::RolloutStatus};

use crate::{
    plan::{Class, Event, INGRESSES, ObjectKey, REPLICA_SETS, Verb, Write},
    rollout::{conditions, draft::Skip},
};

/// A Rollout is gone. Keeps QUE-05: the name comes before the namespace.
pub fn deleted(metadata: &ObjectMeta) -> Event {
    Event::normal(
        "RolloutDeleted",
        format!(
            "Rollout {}/{} is deleted.",
            metadata.name, metadata.namespace
        ),
    )
}

/// The Rollout's revision annotation was written.
pub fn rollout_updated(revision: i64) -> Event {
    Event::normal(
        "RolloutUpdated",
        format!("Rollout updated to revision {revision}"),
    )
}

/// A ReplicaSet was created.
pub fn replica_set_created(name: &str, revision: i64) -> Event {
    Event::normal(
        conditions::NEW_REPLICA_SET_CREATED,
        format!("Created ReplicaSet {name} (revision {revision})"),
    )
}

/// A ReplicaSet could not be created; the message is the condition's.
pub fn replica_set_create_error(name: &str, why: &str) -> Event {
    Event::warning(
        conditions::REPLICA_SET_CREATE_ERROR,
        conditions::create_error_message(name, why),
    )
}

/// A field of the template that nobody can read is left out.
pub fn left_out(field: &str) -> Event {
    Event::warning(
        "UnreadableField",
        format!("{field}; it is left out: correct it and apply the manifest again"),
    )
}

/// A ReplicaSet's size was changed.
pub fn scaled(name: &str, revision: i64, from: i32, to: i32) -> Event {
    let way = if from < to { "up" } else { "down" };
    Event::normal(
        "ScalingReplicaSet",
        format!("Scaled {way} ReplicaSet {name} (revision {revision}) from {from} to {to}"),
    )
}

/// A Service selects another ReplicaSet; hashes are empty where there is none.
pub fn service_switched(service: &str, from: &str, to: &str) -> Event {
    Event::normal(
        "SwitchService",
        format!("Switched selector for service '{service}' from '{from}' to '{to}'"),
    )
}

/// An update that begins anew jumps over its steps (CAN-42).
pub fn steps_skipped(skip: Skip) -> Option<Event> {
    let sentence = match skip {
        Skip::No => return None,
        Skip::ToStable => "Rollback to stable ReplicaSets",
        Skip::WithinWindow => "Rollback to active ReplicaSets within RollbackWindow",
    };
    Some(Event::normal("SkipSteps", sentence))
}

/// A canary step is done; counted from 1 (CAN-27).
pub fn step_completed(number: i32, total: usize, words: &str) -> Event {
    Event::normal(
        "RolloutStepCompleted",
        format!("Rollout step {number}/{total} completed ({words})"),
    )
}

/// The new version is now the stable one (CAN-29).
pub fn completed(revision: i64, hash: &str, why: &str) -> Event {
    Event::normal(
        conditions::COMPLETED,
        format!("Rollout completed update to revision {revision} ({hash}): {why}"),
    )
}

/// An update began (STS-08).
pub fn not_completed(revision: i64, hash: &str) -> Event {
    Event::normal(
        "RolloutNotCompleted",
        format!("Rollout not completed, started update to revision {revision} ({hash})"),
    )
}

/// The update was aborted; the message is the condition's (STS-07).
pub fn aborted(message: &str) -> Event {
    Event::warning(conditions::ABORTED, message)
}

/// Pauses began or ended between two statuses. An abort also clears the pauses, which is no resuming.
/// Keeps STS-15.
pub fn pauses(before: &RolloutStatus, after: &RolloutStatus) -> Option<Event> {
    match (
        before.pause_conditions.first(),
        after.pause_conditions.first(),
    ) {
        (None, Some(first)) => Some(Event::normal(
            conditions::PAUSED,
            format!("{} ({})", conditions::PAUSED_MESSAGE, first.reason),
        )),
        (Some(_), None) if after.aborted_at.is_none() => Some(Event::normal(
            conditions::RESUMED,
            conditions::RESUMED_MESSAGE,
        )),
        (Some(_) | None, None) | (Some(_), Some(_)) => None,
    }
}

/// A router could not be given its weights (TRF-26).
pub fn routing_error(why: impl Into<String>) -> Event {
    Event::warning("TrafficRoutingError", why)
}

/// A router could not say whether a weight is in effect (TRF-23).
pub fn weight_verify_error(why: &str) -> Event {
    Event::warning(
        "WeightVerifyError",
        format!("Failed to verify weight: {why}"),
    )
}

/// The API server does not take a write; nothing else of the pass is done.
pub fn refused(write: &Write, why: &str) -> Event {
    let Write { verb, target, .. } = write;
    let kind = if target.resource == INGRESSES {
        // No other Ingress is ever written.
        "canary ingress".to_owned()
    } else {
        target.resource.kind.to_lowercase()
    };
    let (doing, reason) = match verb {
        Verb::Create => ("creating", "FailedCreate"),
        Verb::Patch | Verb::PatchStatus => ("patching", "FailedUpdate"),
        Verb::Delete => ("deleting", "FailedDelete"),
        Verb::Evict => ("evicting", "FailedEvict"),
    };
    let message = format!(
        "error {doing} {kind} `{}`: {why}; the update waits and tries again until that is taken out \
         of the way",
        target.name
    );
    match write.class {
        Class::Traffic => routing_error(message),
        Class::Additive | Class::Destructive | Class::Status | Class::Meta => {
            Event::warning(reason, message)
        }
    }
}

/// The API server does not take the write of a single pod; everything else goes on.
pub fn pod_refused(write: &Write, why: &str) -> Event {
    let (doing, reason) = match write.verb {
        Verb::Evict => ("evicting", "FailedEvict"),
        Verb::Create | Verb::Patch | Verb::PatchStatus | Verb::Delete => {
            ("patching", "FailedUpdate")
        }
    };
    let name = &write.target.name;
    let message = format!("error {doing} pod `{name}`: {why}; it is tried again");
    Event::warning(reason, message)
}

/// What the API server means by a name that exists although no cache has it.
pub fn name_is_taken(target: &ObjectKey) -> String {
    let resource = &target.resource;
    let kind = if resource.group.is_empty() {
        resource.plural.to_string()
    } else {
        format!("{}.{}", resource.plural, resource.group)
    };
    let hint = if *resource == REPLICA_SETS {
        "one without the label rollouts-pod-template-hash"
    } else {
        "one of another controller instance"
    };
    format!(
        "{kind} \"{}\" already exists and is not ours ({hint}): delete it",
        target.name
    )
}

/// An AnalysisRun that somebody asked for cannot be made; the sentence names the field.
pub fn analysis_not_begun(why: &str) -> Event {
    Event::warning("AnalysisRunCreateError", why)
}

/// An Experiment that a step asks for cannot be made; the sentence names the field.
pub fn experiment_not_begun(why: &str) -> Event {
    Event::warning("ExperimentCreateError", why)
}

/// A step that is not carried out holds the update; the sentence says what to do.
pub fn step_not_supported(sentence: &str) -> Event {
    Event::warning("StepNotSupported", sentence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status(value: serde_json::Value) -> RolloutStatus {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_pause_is_told_with_its_first_reason() {
        let paused = status(json!({"pauseConditions":
            [{"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:00Z"}]}));
        let event = pauses(&RolloutStatus::default(), &paused).unwrap();
        assert_eq!(event.message, "Rollout is paused (CanaryPauseStep)");
        let event = pauses(&paused, &RolloutStatus::default()).unwrap();
        assert_eq!(event.message, "Rollout is resumed");
        assert_eq!(pauses(&paused, &paused), None);
    }

    #[test]
    fn an_abort_that_clears_a_pause_is_no_resuming() {
        let paused = status(json!({"pauseConditions":
            [{"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:00Z"}]}));
        let aborted = status(json!({"abort": true, "abortedAt": "2026-01-01T00:01:00Z"}));
        assert_eq!(pauses(&paused, &aborted), None);
    }
}
