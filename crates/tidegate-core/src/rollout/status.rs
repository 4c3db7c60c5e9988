//! From what a pass has decided to the next status, and from there to the write.
//!
//! Every function here gives the *complete* next status, as it will be once every effect of the pass
//! is done; [`write()`] sends only what differs.

mod base;
mod colours;
mod settle;

use jiff::Timestamp;
use serde_json::json;
use tidegate_api::{
    document::merge_patch,
    rollout::{Rollout, RolloutCondition, RolloutStatus},
};

use crate::{
    observed::Finding,
    plan::{Class, Event, Guard, ObjectKey, Plan, ROLLOUTS, Verb, Wake, Write},
    reason::Reason,
    rollout::{
        conditions::{self, Holds, Kind},
        draft::{Draft, Outcome},
        duration, phase, progress,
        snapshot::RolloutSnapshot,
    },
    run::Applied,
};

/// A status, what is told once it stands, and when to look again.
#[derive(Clone, Debug)]
pub struct Next {
    /// The complete status.
    pub status: Box<RolloutStatus>,
    /// Sent after it was written, in this order.
    pub events: Vec<Event>,
    /// When the progress deadline may have passed.
    pub wake: Option<Wake>,
}

/// The status after a whole pass over a canary: rebuilt from the snapshot, then moved on as the draft
/// says. Keeps STS-01, STS-02, CAN-27, CAN-29, CAN-41, CAN-42, CAN-47.
pub fn next(snapshot: &RolloutSnapshot, draft: &Draft, now: Timestamp) -> Next {
    let mut draft = draft.clone();
    let mut status = base::rebuilt(snapshot, &draft);
    if let Some(name) = &draft.created {
        // It ends what was noted of the version before, such as an abort.
        conditions::set(&mut status, created(name, now));
    } else if let Some(note) = ends_an_abort(snapshot, &draft, now) {
        conditions::set(&mut status, note);
    }
    let mut events = base::move_on(snapshot, &mut draft, &mut status);
    events.splice(0..0, std::mem::take(&mut draft.events));
    settle::settle(snapshot, &draft, status, events, now)
}

/// The status after a pass that only scaled, because `spec.replicas` changed: the recorded one with
/// new counts. Keeps SCL-03.
pub fn scaled_only(snapshot: &RolloutSnapshot, draft: &Draft, now: Timestamp) -> Next {
    let mut status = snapshot.rollout.status.clone();
    status.available_replicas = base::sum(snapshot, |replica_set| replica_set.available);
    status.hpa_replicas = base::sum(snapshot, |replica_set| replica_set.created_replicas);
    if let Some(active) = colours::active(snapshot, &status) {
        status.available_replicas = active.available;
        status.hpa_replicas = active.created_replicas;
    }
    settle::settle(snapshot, draft, status, draft.events.clone(), now)
}

/// The status that first notes that pauses or an abort came or went, if that is so; the pass ends with
/// it. Without it, a Rollout that was paused for longer than its progress deadline would count as
/// stuck when it is resumed. Keeps STS-14.
pub fn pauses_noted(snapshot: &RolloutSnapshot, draft: &Draft, now: Timestamp) -> Option<Next> {
    let held = &snapshot.rollout.status;
    if held.observed_generation != snapshot.generation.to_string() {
        return None;
    }
    let progressing = conditions::get(held, Kind::Progressing);
    let reason = progressing.map_or("", |condition| condition.reason.as_str());
    let paused = !held.pause_conditions.is_empty() || snapshot.rollout.spec.paused;
    let aborted = reason == conditions::ABORTED;
    let mut notes = Vec::new();
    if paused != (reason == conditions::PAUSED) && !aborted && !progress::is_completed(held) {
        notes.push(if paused {
            (
                Holds::Unknown,
                conditions::PAUSED,
                conditions::PAUSED_MESSAGE,
            )
        } else {
            (
                Holds::Unknown,
                conditions::RESUMED,
                conditions::RESUMED_MESSAGE,
            )
        });
    }
    if !held.abort && aborted {
        notes.push((Holds::Unknown, conditions::RETRY, conditions::RETRY_MESSAGE));
    }
    let marked = conditions::get(held, Kind::Paused)
        .is_some_and(|condition| condition.status == Holds::True.as_str());
    let mark =
        (paused != marked && !aborted).then_some(if paused { Holds::True } else { Holds::False });
    if notes.is_empty() && mark.is_none() {
        return None;
    }
    let mut status = held.clone();
    for (holds, reason, message) in notes {
        let note = conditions::condition(Kind::Progressing, holds, reason, message, now);
        conditions::set(&mut status, note);
    }
    if let Some(holds) = mark {
        let message = conditions::PAUSED_MESSAGE;
        let note = conditions::condition(Kind::Paused, holds, conditions::PAUSED, message, now);
        conditions::set(&mut status, note);
    }
    Some(patched(snapshot, draft, status, now))
}

/// The status of a Rollout that cannot be acted upon, if it does not say so already. Its pods stay as
/// they are. Keeps STS-12.
pub fn invalid(rollout: &Rollout, finding: &Finding, now: Timestamp) -> Option<RolloutStatus> {
    let held = &rollout.status;
    let message = conditions::invalid_message(&rollout.metadata.name, &finding.message);
    let generation = rollout.metadata.generation.to_string();
    let recorded = conditions::get(held, Kind::InvalidSpec);
    let same = recorded.is_some_and(|condition| condition.message == message);
    if same && held.observed_generation == generation {
        return None;
    }
    let mut status = held.clone();
    if !same {
        conditions::remove(&mut status, Kind::InvalidSpec);
        let reason = conditions::INVALID_SPEC;
        let condition = conditions::condition(Kind::InvalidSpec, Holds::True, reason, message, now);
        conditions::set(&mut status, condition);
    }
    status.observed_generation = generation;
    set_phase(rollout, &mut status);
    Some(status)
}

/// The recorded status with the note that a ReplicaSet was created (RSI-10).
pub fn replica_set_created(rollout: &Rollout, name: &str, now: Timestamp) -> RolloutStatus {
    let mut status = rollout.status.clone();
    conditions::set(&mut status, created(name, now));
    status
}

/// What stands instead of the abort of the version before, where a ReplicaSet of the new one is there already:
/// somebody made it and did not live to note it (S1-10).
fn ends_an_abort(
    snapshot: &RolloutSnapshot,
    draft: &Draft,
    now: Timestamp,
) -> Option<RolloutCondition> {
    let held = conditions::get(&snapshot.rollout.status, Kind::Progressing)?;
    let begins_anew = matches!(draft.outcome, Outcome::Restart(_));
    if !begins_anew || held.reason != conditions::ABORTED {
        return None;
    }
    let message = conditions::found_message(&snapshot.new_replica_set()?.name);
    let reason = conditions::FOUND_NEW_REPLICA_SET;
    Some(conditions::condition(
        Kind::Progressing,
        Holds::True,
        reason,
        message,
        now,
    ))
}

fn created(name: &str, now: Timestamp) -> RolloutCondition {
    let reason = conditions::NEW_REPLICA_SET_CREATED;
    let message = conditions::created_message(name);
    conditions::condition(Kind::Progressing, Holds::True, reason, message, now)
}

/// The recorded status with the note that a ReplicaSet of this template was found; wanted only if
/// nothing was noted about progress yet (RSI-10), or that there can be none: the time for which one was
/// refused is no lack of progress.
pub fn replica_set_found(rollout: &Rollout, name: &str, now: Timestamp) -> Option<RolloutStatus> {
    let held = conditions::get(&rollout.status, Kind::Progressing);
    if held.is_some_and(|held| held.reason != conditions::REPLICA_SET_CREATE_ERROR) {
        return None;
    }
    let message = conditions::found_message(name);
    Some(noted(
        rollout,
        conditions::FOUND_NEW_REPLICA_SET,
        message,
        now,
    ))
}

/// The recorded status with the note that a ReplicaSet could not be created (RSI-09), if it does not say so
/// already.
///
/// Differs from upstream: what runs is not what is asked for, so the generation does not count as observed
/// and the phase is not `Healthy`, whatever the version before is; and another reason replaces the one that
/// was noted before.
pub fn replica_set_refused(
    rollout: &Rollout,
    (name, why): (&str, &str),
    now: Timestamp,
) -> Option<RolloutStatus> {
    let held = &rollout.status;
    let message = conditions::create_error_message(name, why);
    let reason = conditions::REPLICA_SET_CREATE_ERROR;
    let noted = conditions::get(held, Kind::Progressing);
    let noted = noted.filter(|noted| noted.reason == reason);
    if noted.is_some_and(|noted| noted.message == message) {
        return None;
    }
    let mut status = held.clone();
    let mut note = conditions::condition(
        Kind::Progressing,
        Holds::False,
        reason,
        message.clone(),
        now,
    );
    if let Some(noted) = noted {
        note.last_transition_time = noted.last_transition_time;
        conditions::remove(&mut status, Kind::Progressing);
    }
    conditions::set(&mut status, note);
    set_phase(rollout, &mut status);
    if [phase::HEALTHY, phase::PROGRESSING].contains(&status.phase.as_str()) {
        phase::PROGRESSING.clone_into(&mut status.phase);
        status.message = format!("{reason}: {message}");
    }
    Some(status)
}

/// The write that brings the recorded status to the plan's, with exactly the differences: what Go's
/// encoding leaves out becomes null, lists are replaced whole, and members that nobody here knows stay
/// as they are. `None` if nothing differs or the plan was not carried out to its end. Keeps QUE-18.
pub fn write(snapshot: &RolloutSnapshot, plan: &Plan, applied: &Applied) -> Option<Write> {
    let next = plan.status.as_deref().filter(|_| applied.is_complete())?;
    write_status(&snapshot.rollout, next, applied.rollout_version())
}

/// How many pods there are and, if everything was written, where the traffic goes, where a plan that was held
/// up says more than may be noted down: no stage rests on a field that somebody takes back (S2-11).
pub fn counted(snapshot: &RolloutSnapshot, plan: &Plan, applied: &Applied) -> Option<Write> {
    let planned = plan.status.as_deref()?;
    let mut next = RolloutStatus {
        replicas: planned.replicas,
        updated_replicas: planned.updated_replicas,
        ready_replicas: planned.ready_replicas,
        available_replicas: planned.available_replicas,
        ..snapshot.rollout.status.clone()
    };
    let waits = matches!(applied.failure(), Some((Some(_), _)));
    if !waits {
        next.canary.weights.clone_from(&planned.canary.weights);
    }
    write_status(&snapshot.rollout, &next, applied.rollout_version())
}

/// As [`write()`], for a status that stands for itself; `version` is the Rollout's newest known one if
/// it is newer than what was observed.
pub fn write_status(
    rollout: &Rollout,
    next: &RolloutStatus,
    version: Option<&str>,
) -> Option<Write> {
    if rollout.status == *next {
        return None;
    }
    let before = serde_json::to_value(&rollout.status).ok()?;
    let after = serde_json::to_value(next).ok()?;
    let differences = merge_patch(&before, &after)?;
    let metadata = &rollout.metadata;
    Some(Write {
        verb: Verb::PatchStatus,
        target: ObjectKey::new(ROLLOUTS, &metadata.namespace, &metadata.name),
        guard: Guard::Version {
            uid: metadata.uid.clone(),
            resource_version: version.unwrap_or(&metadata.resource_version).to_owned(),
        },
        body: json!({ "status": differences }),
        class: Class::Status,
        events: Vec::new(),
        reason: Reason::Because("the status follows what was decided".to_owned()),
    })
}

fn noted(rollout: &Rollout, reason: &str, message: String, now: Timestamp) -> RolloutStatus {
    let mut status = rollout.status.clone();
    let note = conditions::condition(Kind::Progressing, Holds::True, reason, message, now);
    conditions::set(&mut status, note);
    status
}

/// A status of which only conditions were changed: generation, phase and duration follow.
fn patched(
    snapshot: &RolloutSnapshot,
    draft: &Draft,
    mut status: RolloutStatus,
    now: Timestamp,
) -> Next {
    status.observed_generation = snapshot.generation.to_string();
    set_phase(&snapshot.rollout, &mut status);
    status.duration = duration::next(snapshot, draft, &status, now);
    let wake = progress::wake(snapshot, &status, now);
    Next {
        status: Box::new(status),
        events: Vec::new(),
        wake,
    }
}

fn set_phase(rollout: &Rollout, status: &mut RolloutStatus) {
    let phase = phase::calculated(&rollout.spec, status);
    status.phase = phase.name;
    status.message = phase.message;
}

#[cfg(test)]
mod tests;
