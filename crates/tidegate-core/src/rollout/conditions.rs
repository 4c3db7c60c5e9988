//! The conditions of a Rollout: their names, reasons, sentences, and the rule by which one replaces
//! another. Scripts match these texts, so each is upstream's word for word (STS-16).

use jiff::Timestamp;
use tidegate_api::rollout::{RolloutCondition, RolloutStatus};

use crate::rollout::snapshot::ReplicaFailure;

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Enough pods serve.
    Available,
    /// The new version is the stable one.
    Completed,
    /// Everything is as it should be.
    Healthy,
    /// The manifest, or something it names, is wrong.
    InvalidSpec,
    /// Somebody or a step paused it.
    Paused,
    /// The update gets on.
    Progressing,
    /// A ReplicaSet could not make its pods.
    ReplicaFailure,
}

impl Kind {
    /// The `type` on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "Available",
            Self::Completed => "Completed",
            Self::Healthy => "Healthy",
            Self::InvalidSpec => "InvalidSpec",
            Self::Paused => "Paused",
            Self::Progressing => "Progressing",
            Self::ReplicaFailure => "ReplicaFailure",
        }
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// It does.
    True,
    /// It does not.
    False,
    /// Nobody can say, or it does not matter.
    Unknown,
}

impl Holds {
    /// The `status` on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// Reason of `Available`, whether it holds or not.
pub const AVAILABLE: &str = "AvailableReason";
/// Reason of `Completed`, whether it holds or not; also its message, and an event's reason.
pub const COMPLETED: &str = "RolloutCompleted";
/// Reason of `Healthy`, whether it holds or not.
pub const HEALTHY: &str = "RolloutHealthy";
/// Reason of `InvalidSpec`.
pub const INVALID_SPEC: &str = "InvalidSpec";
/// Reason while paused.
pub const PAUSED: &str = "RolloutPaused";
/// Reason after a pause.
pub const RESUMED: &str = "RolloutResumed";
/// Reason after an abort was taken back.
pub const RETRY: &str = "RolloutRetry";
/// Reason after an abort.
pub const ABORTED: &str = "RolloutAborted";
/// Reason once the progress deadline has passed.
pub const TIMED_OUT: &str = "ProgressDeadlineExceeded";
/// Reason while pods are replaced.
pub const REPLICA_SET_UPDATED: &str = "ReplicaSetUpdated";
/// Reason when a fully promoted Rollout loses pods.
pub const REPLICA_SET_NOT_AVAILABLE: &str = "ReplicaSetNotAvailable";
/// Reason when everything is there.
pub const NEW_REPLICA_SET_AVAILABLE: &str = "NewReplicaSetAvailable";
/// Reason when a ReplicaSet was created.
pub const NEW_REPLICA_SET_CREATED: &str = "NewReplicaSetCreated";
/// Reason when a ReplicaSet was found.
pub const FOUND_NEW_REPLICA_SET: &str = "FoundNewReplicaSet";
/// Reason when a ReplicaSet could not be created.
pub const REPLICA_SET_CREATE_ERROR: &str = "ReplicaSetCreateError";

/// Message of `Available` if it holds.
pub const AVAILABLE_MESSAGE: &str = "Rollout has minimum availability";
/// Message of `Available` if it does not hold.
pub const NOT_AVAILABLE_MESSAGE: &str = "Rollout does not have minimum availability";
/// Message of `Healthy` if it holds.
pub const HEALTHY_MESSAGE: &str = "Rollout is healthy";
/// Message of `Healthy` if it does not hold.
pub const NOT_HEALTHY_MESSAGE: &str = "Rollout is not healthy";
/// Message of `Paused`, whether it holds or not.
pub const PAUSED_MESSAGE: &str = "Rollout is paused";
/// Message after a pause.
pub const RESUMED_MESSAGE: &str = "Rollout is resumed";
/// Message after an abort was taken back.
pub const RETRY_MESSAGE: &str = "Retrying Rollout after abort";

/// `Progressing`, for the ReplicaSet of this name or, without one, for the Rollout of this name.
pub fn progressing_message(replica_set: Option<&str>, rollout: &str) -> String {
    match replica_set {
        Some(name) => format!("ReplicaSet \"{name}\" is progressing."),
        None => format!("Rollout \"{rollout}\" is progressing."),
    }
}

/// The progress deadline has passed, for the ReplicaSet or, without one, for the Rollout.
pub fn timed_out_message(replica_set: Option<&str>, rollout: &str) -> String {
    match replica_set {
        Some(name) => format!("ReplicaSet \"{name}\" has timed out progressing."),
        None => format!("Rollout \"{rollout}\" has timed out progressing."),
    }
}

/// Everything is there.
pub fn progressed_message(replica_set: &str) -> String {
    format!("ReplicaSet \"{replica_set}\" has successfully progressed.")
}

/// The update was aborted, with the sentence that says why if the controller did it (STS-07).
pub fn aborted_message(revision: i64, why: &str) -> String {
    if why.is_empty() {
        format!("Rollout aborted update to revision {revision}")
    } else {
        format!("Rollout aborted update to revision {revision}: {why}")
    }
}

/// The manifest, or something it names, is wrong (STS-12).
pub fn invalid_message(rollout: &str, finding: &str) -> String {
    format!("The Rollout \"{rollout}\" is invalid: {finding}")
}

/// A ReplicaSet was created.
pub fn created_message(replica_set: &str) -> String {
    format!("Created new replica set \"{replica_set}\"")
}

/// A ReplicaSet was found.
pub fn found_message(replica_set: &str) -> String {
    format!("Found new replica set \"{replica_set}\"")
}

/// A ReplicaSet could not be created.
pub fn create_error_message(replica_set: &str, why: &str) -> String {
    format!("Failed to create new replica set \"{replica_set}\": {why}")
}

/// A condition that begins now.
pub fn condition(
    kind: Kind,
    holds: Holds,
    reason: &str,
    message: impl Into<String>,
    now: Timestamp,
) -> RolloutCondition {
    RolloutCondition {
        kind: kind.as_str().to_owned(),
        status: holds.as_str().to_owned(),
        last_update_time: Some(now.into()),
        last_transition_time: Some(now.into()),
        reason: reason.to_owned(),
        message: message.into(),
    }
}

/// The condition of this kind.
pub fn get(status: &RolloutStatus, kind: Kind) -> Option<&RolloutCondition> {
    status
        .conditions
        .iter()
        .find(|condition| condition.kind == kind.as_str())
}

/// Whether setting a condition changed anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It did.
    Changed,
    /// The same status and reason stood there already.
    Same,
}

/// Sets a condition. One of the same status and reason is left alone, even if its message differs;
/// one of the same status keeps its transition time; the new one goes to the end. Keeps STS-03.
pub fn set(status: &mut RolloutStatus, mut condition: RolloutCondition) -> Change {
    let current = status
        .conditions
        .iter()
        .find(|held| held.kind == condition.kind);
    if let Some(current) = current.filter(|held| held.status == condition.status) {
        if current.reason == condition.reason {
            return Change::Same;
        }
        condition.last_transition_time = current.last_transition_time;
    }
    remove_named(status, &condition.kind);
    status.conditions.push(condition);
    Change::Changed
}

/// Removes the condition of this kind.
pub fn remove(status: &mut RolloutStatus, kind: Kind) {
    remove_named(status, kind.as_str());
}

/// A ReplicaSet's failure as a condition of the Rollout (STS-08).
pub fn replica_failure(failure: &ReplicaFailure) -> RolloutCondition {
    let since = failure.since.map(Into::into);
    RolloutCondition {
        kind: Kind::ReplicaFailure.as_str().to_owned(),
        status: failure.status.clone(),
        last_update_time: since,
        last_transition_time: since,
        reason: failure.reason.clone(),
        message: failure.message.clone(),
    }
}

fn remove_named(status: &mut RolloutStatus, kind: &str) {
    status.conditions.retain(|held| held.kind != kind);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn with(conditions: Vec<RolloutCondition>) -> RolloutStatus {
        RolloutStatus {
            conditions,
            ..RolloutStatus::default()
        }
    }

    /// Keeps STS-03.
    #[test]
    fn the_same_status_and_reason_leave_the_old_message_and_place() {
        let mut status = with(vec![
            condition(Kind::Progressing, Holds::True, "R", "old", at(1)),
            condition(Kind::Paused, Holds::True, "P", "", at(1)),
        ]);
        let before = status.clone();
        let again = condition(Kind::Progressing, Holds::True, "R", "new", at(9));
        assert_eq!(set(&mut status, again), Change::Same);
        assert_eq!(status, before);
    }

    /// Keeps STS-03.
    #[test]
    fn a_new_reason_keeps_the_transition_time_and_goes_to_the_end() {
        let mut status = with(vec![
            condition(Kind::Progressing, Holds::True, "R", "old", at(1)),
            condition(Kind::Paused, Holds::True, "P", "", at(1)),
        ]);
        let next = condition(Kind::Progressing, Holds::True, "S", "new", at(9));
        assert_eq!(set(&mut status, next), Change::Changed);
        assert_eq!(status.conditions[0].kind, "Paused");
        assert_eq!(
            status.conditions[1].last_transition_time,
            Some(at(1).into())
        );
        assert_eq!(status.conditions[1].last_update_time, Some(at(9).into()));
    }

    /// Keeps STS-03.
    #[test]
    fn another_status_begins_a_new_transition() {
        let mut status = with(vec![condition(
            Kind::Available,
            Holds::False,
            AVAILABLE,
            "",
            at(1),
        )]);
        let next = condition(Kind::Available, Holds::True, AVAILABLE, "", at(9));
        assert_eq!(set(&mut status, next), Change::Changed);
        assert_eq!(
            status.conditions[0].last_transition_time,
            Some(at(9).into())
        );
    }

    /// Keeps STS-16.
    #[test]
    fn sentences_are_upstreams_word_for_word() {
        let said = [
            progressing_message(Some("web-a"), "web"),
            progressing_message(None, "web"),
            timed_out_message(Some("web-a"), "web"),
            timed_out_message(None, "web"),
            progressed_message("web-a"),
            aborted_message(2, ""),
            aborted_message(2, "why"),
            invalid_message("web", "why"),
            created_message("web-a"),
            found_message("web-a"),
            create_error_message("web-a", "why"),
        ];
        let expected = [
            "ReplicaSet \"web-a\" is progressing.",
            "Rollout \"web\" is progressing.",
            "ReplicaSet \"web-a\" has timed out progressing.",
            "Rollout \"web\" has timed out progressing.",
            "ReplicaSet \"web-a\" has successfully progressed.",
            "Rollout aborted update to revision 2",
            "Rollout aborted update to revision 2: why",
            "The Rollout \"web\" is invalid: why",
            "Created new replica set \"web-a\"",
            "Found new replica set \"web-a\"",
            "Failed to create new replica set \"web-a\": why",
        ];
        assert_eq!(said, expected);
    }
}
