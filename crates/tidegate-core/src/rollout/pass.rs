//! What every pass begins and ends with, whatever the strategy.

use jiff::Timestamp;

use crate::{
    plan::{Effect, Plan},
    rollout::{
        draft::{AbortChange, Draft},
        revision, rollback,
        snapshot::RolloutSnapshot,
        status::Next,
    },
};

/// A draft before anything is decided.
pub(crate) fn begin(snapshot: &RolloutSnapshot, now: Timestamp) -> Draft {
    let mut draft = Draft::new(snapshot);
    if snapshot.is_fully_promoted() && snapshot.recorded.abort.is_set() {
        // There is nothing to abort (CAN-48).
        draft.abort = AbortChange::Remove;
    }
    draft.rollback = rollback::classify(snapshot, now);
    draft
}

/// Notes that follow the Rollout, on its ReplicaSet and on itself.
pub(crate) fn follow_revision(snapshot: &RolloutSnapshot, draft: &mut Draft, plan: &mut Plan) {
    let Some(new) = snapshot.new_replica_set() else {
        return;
    };
    plan.effects.extend(revision::follow(snapshot, new));
    let number = new
        .revision
        .unwrap_or(0)
        .max(revision::next_number(snapshot));
    if let Some(effect) = revision::note(snapshot, number) {
        plan.effects.push(effect);
        draft.revision = Some(number);
    }
}

/// A plan with the status that follows from it.
pub(crate) fn finish(mut plan: Plan, next: Next) -> Plan {
    plan.status = Some(next.status);
    plan.events = next.events;
    if let Some(wake) = next.wake {
        plan.wake_at(wake.at, wake.reason);
    }
    plan
}

/// A plan that only changes the status.
pub(crate) fn status_only(next: Next) -> Plan {
    finish(Plan::default(), next)
}

/// A plan of one effect.
pub(crate) fn single(effect: Effect) -> Plan {
    Plan {
        effects: vec![effect],
        ..Plan::default()
    }
}
