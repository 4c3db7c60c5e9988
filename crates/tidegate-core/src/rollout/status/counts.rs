//! Numbers of pods that change alone may wait for what they lead to.

use jiff::{SignedDuration, Timestamp};
use tidegate_api::rollout::{RolloutCondition, RolloutStatus};

use crate::{
    plan::Plan,
    reason::Reason,
    rollout::{
        conditions::{self, Kind},
        snapshot::RolloutSnapshot,
    },
};

/// How long after the last note about progress numbers alone are not noted: pods that start are mostly
/// ready by then, and whatever follows from that tells their numbers, too.
const WAIT: SignedDuration = SignedDuration::from_secs(10);

/// Lets the status wait if only numbers of pods differ, shortly after the last progress. Whoever
/// starts ten pods that get ready one by one does not write ten statuses. Differs from upstream, which writes each
/// of them (STS-02).
///
/// After a change of anything else the status is written: it is the write that fails if the Rollout is not any
/// more what was observed.
pub(in crate::rollout) fn wait(snapshot: &RolloutSnapshot, plan: &mut Plan, now: Timestamp) {
    let held = &snapshot.rollout.status;
    let progress = conditions::get(held, Kind::Progressing);
    let until = progress
        .and_then(|progress| progress.last_update_time)
        .and_then(|noted| noted.timestamp().checked_add(WAIT).ok());
    let Some(until) = until.filter(|until| now < *until) else {
        return;
    };
    let waits = plan.events.is_empty()
        && plan
            .status
            .as_deref()
            .is_some_and(|next| next != held && differs_in_numbers(held, next));
    if waits {
        plan.status_waits = true;
        plan.wake_at(
            until,
            Reason::Because("numbers of pods alone are not noted at once".to_owned()),
        );
    }
}

/// Whether nothing else differs, but for what follows from numbers alone: the time of the progress that they are, and
/// the sentence that tells what is waited for.
fn differs_in_numbers(held: &RolloutStatus, next: &RolloutStatus) -> bool {
    let mut numbers = RolloutStatus {
        replicas: next.replicas,
        updated_replicas: next.updated_replicas,
        ready_replicas: next.ready_replicas,
        available_replicas: next.available_replicas,
        hpa_replicas: next.hpa_replicas,
        message: next.message.clone(),
        ..held.clone()
    };
    if are_alike(&held.conditions, &next.conditions) {
        numbers.conditions.clone_from(&next.conditions);
    }
    numbers == *next
}

fn are_alike(held: &[RolloutCondition], next: &[RolloutCondition]) -> bool {
    let is_known = |condition: &RolloutCondition| {
        held.iter().any(|held| {
            let renewed = RolloutCondition {
                last_update_time: condition.last_update_time,
                ..held.clone()
            };
            renewed == *condition
        })
    };
    held.len() == next.len() && next.iter().all(is_known)
}
