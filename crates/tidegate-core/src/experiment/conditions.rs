//! The conditions of an Experiment (EXP-01, EXP-16), with upstream's reasons and sentences.

use jiff::Timestamp;
use tidegate_api::{
    analysis::phase,
    experiment::{Experiment, ExperimentCondition, ExperimentStatus},
    meta::Time,
};

use super::assess;
use crate::rollout::conditions::{
    Holds, INVALID_SPEC, NEW_REPLICA_SET_AVAILABLE, REPLICA_SET_UPDATED,
};

const PROGRESSING: &str = "Progressing";
const COMPLETED: &str = "ExperimentCompleted";

/// The spec is wrong: another sentence takes the place of the one before.
pub(super) fn set_invalid(next: &mut ExperimentStatus, message: &str, now: Timestamp) {
    let known = get(next, INVALID_SPEC);
    if known.is_some_and(|known| known.message != message) {
        remove(next, INVALID_SPEC);
    }
    let note = condition((INVALID_SPEC, Holds::True), INVALID_SPEC, message, now);
    set(next, note);
}

/// What holds after a pass. Keeps EXP-16: of failures it says nothing.
pub(super) fn follow(experiment: &Experiment, next: &mut ExperimentStatus, now: Timestamp) {
    let held = &experiment.status;
    let name = &experiment.metadata.name;
    remove(next, INVALID_SPEC);
    if next.phase == phase::SUCCESSFUL {
        let message = format!("Experiment \"{name}\" has successfully ran and completed.");
        let kind = (PROGRESSING, Holds::False);
        set(next, condition(kind, COMPLETED, &message, now));
    } else if has_progressed(held, next) {
        let message = format!("Experiment \"{name}\" is progressing.");
        let kind = (PROGRESSING, Holds::True);
        let mut note = condition(kind, REPLICA_SET_UPDATED, &message, now);
        // Progress renews the update time even if status and reason stay.
        if let Some(known) = get(held, PROGRESSING) {
            if known.status == Holds::True.as_str() {
                note.last_transition_time = known.last_transition_time;
            }
            remove(next, PROGRESSING);
        }
        set(next, note);
    } else if held.available_at.is_some() && !assess::is_over(experiment, now) {
        let message = format!("Experiment \"{name}\" is running.");
        let kind = (PROGRESSING, Holds::True);
        set(
            next,
            condition(kind, NEW_REPLICA_SET_AVAILABLE, &message, now),
        );
    }
}

fn has_progressed(held: &ExperimentStatus, next: &ExperimentStatus) -> bool {
    held.template_statuses.len() < next.template_statuses.len()
        || held.template_statuses.iter().any(|before| {
            assess::template(next, &before.name).is_some_and(|after| {
                before.replicas != after.replicas
                    || before.updated_replicas != after.updated_replicas
                    || before.ready_replicas != after.ready_replicas
                    || before.available_replicas != after.available_replicas
            })
        })
}

fn condition(
    (kind, holds): (&str, Holds),
    reason: &str,
    message: &str,
    now: Timestamp,
) -> ExperimentCondition {
    ExperimentCondition {
        kind: kind.to_owned(),
        status: holds.as_str().to_owned(),
        last_update_time: Some(Time::new(now)),
        last_transition_time: Some(Time::new(now)),
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}

fn get<'a>(status: &'a ExperimentStatus, kind: &str) -> Option<&'a ExperimentCondition> {
    let mut known = status.conditions.iter();
    known.find(|condition| condition.kind == kind)
}

fn remove(status: &mut ExperimentStatus, kind: &str) {
    status.conditions.retain(|condition| condition.kind != kind);
}

/// By the rule of a Rollout's conditions (STS-03).
fn set(status: &mut ExperimentStatus, mut next: ExperimentCondition) {
    if let Some(known) = get(status, &next.kind).filter(|known| known.status == next.status) {
        if known.reason == next.reason {
            return;
        }
        next.last_transition_time = known.last_transition_time;
    }
    remove(status, &next.kind.clone());
    status.conditions.push(next);
}
