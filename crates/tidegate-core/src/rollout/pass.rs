//! What every pass begins and ends with, whatever the strategy.

use jiff::{SignedDuration, Timestamp};

use crate::{
    plan::{Effect, Look, ObjectKey, Plan, ROLLOUTS},
    rollout::{
        conditions::{self, Kind},
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

/// The Rollout itself, unless what was observed is less than a second old: a person may have aborted or paused it, or
/// have asked for other pods, and its cache may lag behind those that tell of pods.
pub(crate) fn look(snapshot: &RolloutSnapshot, now: Timestamp) -> Option<Look> {
    let noted = conditions::get(&snapshot.rollout.status, Kind::Progressing)
        .and_then(|noted| noted.last_update_time)
        .map(|noted| now.duration_since(noted.timestamp()));
    let new = SignedDuration::ZERO..SignedDuration::from_secs(1);
    let is_new = noted.is_some_and(|age| new.contains(&age));
    (!is_new).then(|| Look {
        key: ObjectKey::new(ROLLOUTS, &snapshot.namespace, &snapshot.name),
        version: snapshot.resource_version.clone(),
    })
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
