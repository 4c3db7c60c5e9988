//! The last part of every whole pass: generation, abort, pauses, conditions, phase, duration.

use jiff::Timestamp;
use tidegate_api::{
    meta::Time,
    rollout::{PauseCondition, RolloutCondition, RolloutStatus},
};

use super::{Next, base, colours};
use crate::{
    plan::Event,
    rollout::{
        conditions::{self, Change, Holds, Kind},
        desired::{analysis_runs, experiments},
        draft::{AbortChange, Clearing, Draft, Resume},
        duration, events, progress, replica_math,
        snapshot::RolloutSnapshot,
        workload,
    },
};

/// Completes a status and collects the events that follow from it, in upstream's order.
pub(super) fn settle(
    snapshot: &RolloutSnapshot,
    draft: &Draft,
    mut status: RolloutStatus,
    mut told: Vec<Event>,
    now: Timestamp,
) -> Next {
    let mut draft = draft.clone();
    status.observed_generation = snapshot.generation.to_string();
    status.workload_observed_generation = workload::observed_generation(snapshot);
    told.extend(abort_when_stuck(snapshot, &mut draft, &status, now));
    set_abort_and_pauses(snapshot, &draft, &mut status, now);
    told.extend(set_conditions(snapshot, &draft, &mut status, now));
    note_pause(snapshot, &mut status, now);
    super::set_phase(&snapshot.rollout, &mut status);
    status.duration = duration::next(snapshot, &draft, &status, now);
    told.extend(events::pauses(&snapshot.rollout.status, &status));
    let wake = progress::wake(snapshot, &status, now);
    Next {
        status: Box::new(status),
        events: told,
        wake,
    }
}

/// `progressDeadlineAbort`: an update that is stuck is aborted in the pass that notices. Keeps PDL-04.
fn abort_when_stuck(
    snapshot: &RolloutSnapshot,
    draft: &mut Draft,
    status: &RolloutStatus,
    now: Timestamp,
) -> Option<Event> {
    let rollout = &snapshot.rollout;
    let stuck = rollout.spec.progress_deadline_abort
        && !draft.is_aborted(snapshot)
        && !progress::is_completed(status)
        && !progress::is_progressing(rollout, status)
        && !progress::is_indefinite_step(rollout)
        && !progress::awaits_scale_down(snapshot)
        && progress::is_timed_out(&rollout.spec, &rollout.status, now);
    if !stuck {
        return None;
    }
    let message = conditions::timed_out_message(new_name(snapshot, draft), &snapshot.name);
    draft.abort = AbortChange::Add(message.clone());
    Some(events::aborted(&message))
}

/// Keeps ACT-07, ACT-08 and STS-17: an abort keeps its first instant, a pause its start, and the
/// controller's own pause flag stands only while a pause does.
///
/// Where no pause is left, the status is not touched: after a whole pass it holds none, and a pass
/// that only scaled must hand the signal to resume (flag without pauses) on to the next.
fn set_abort_and_pauses(
    snapshot: &RolloutSnapshot,
    draft: &Draft,
    status: &mut RolloutStatus,
    now: Timestamp,
) {
    let held = &snapshot.rollout.status;
    status.abort = draft.is_aborted(snapshot);
    status.aborted_at = status
        .abort
        .then(|| held.aborted_at.unwrap_or_else(|| Time::new(now)));
    if status.abort && held.aborted_at.is_none() {
        // Whoever retries later asks for the steps, not for a full promotion of long ago (S1-9).
        status.promote_full = false;
    }
    if status.abort || draft.pauses == Clearing::Clear {
        return;
    }
    let mut controller_pause = held.controller_pause;
    let mut pauses: Vec<PauseCondition> = held
        .pause_conditions
        .iter()
        .filter(|pause| !draft.remove_pauses.contains(&pause.reason.as_str()))
        .cloned()
        .collect();
    for reason in &draft.add_pauses {
        let exists = held
            .pause_conditions
            .iter()
            .any(|pause| pause.reason == *reason);
        if !exists {
            pauses.push(PauseCondition {
                reason: (*reason).to_owned(),
                start_time: Some(Time::new(now)),
            });
            controller_pause = true;
        }
    }
    // The first is what a message shows, and nothing else ends before somebody has judged (S1-6).
    pauses.sort_by_key(|pause| !awaits_a_verdict(&pause.reason));
    if !pauses.is_empty() {
        status.controller_pause = controller_pause;
        status.pause_conditions = pauses;
    } else if draft.resume == Resume::Waits {
        status.controller_pause = true;
    }
}

/// Whether a pause is for somebody to judge what an analysis or an experiment has left open.
fn awaits_a_verdict(reason: &str) -> bool {
    [analysis_runs::INCONCLUSIVE, experiments::INCONCLUSIVE].contains(&reason)
}

/// A pause stands in the conditions from the write on that begins it to the one that ends it: whoever
/// resumes at once finds it there, and passes are saved. Keeps STS-14 but for the second write.
fn note_pause(snapshot: &RolloutSnapshot, status: &mut RolloutStatus, now: Timestamp) {
    let note = |kind, holds| {
        let (reason, message) = (conditions::PAUSED, conditions::PAUSED_MESSAGE);
        conditions::condition(kind, holds, reason, message, now)
    };
    if !is_paused(snapshot, status) {
        let marked = conditions::get(status, Kind::Paused)
            .is_some_and(|condition| condition.status == Holds::True.as_str());
        if marked && !status.abort {
            conditions::set(status, note(Kind::Paused, Holds::False));
        }
        return;
    }
    if !progress::is_completed(status) {
        conditions::set(status, note(Kind::Progressing, Holds::Unknown));
    }
    conditions::set(status, note(Kind::Paused, Holds::True));
}

fn is_paused(snapshot: &RolloutSnapshot, status: &RolloutStatus) -> bool {
    let paused = !status.pause_conditions.is_empty() || snapshot.rollout.spec.paused;
    paused && !status.abort
}

/// Whether a pause that goes on is noted already: what progresses meanwhile does not end the note.
fn stays_paused(snapshot: &RolloutSnapshot, status: &RolloutStatus) -> bool {
    let noted = conditions::get(status, Kind::Progressing);
    is_paused(snapshot, status)
        && !progress::is_completed(status)
        && noted.is_some_and(|noted| noted.reason == conditions::PAUSED)
}

/// Keeps STS-04, STS-05, STS-07, STS-08, in this order.
fn set_conditions(
    snapshot: &RolloutSnapshot,
    draft: &Draft,
    status: &mut RolloutStatus,
    now: Timestamp,
) -> Vec<Event> {
    let mut told = Vec::new();
    let lost_health = set_healthy(snapshot, status, now);
    if draft.is_aborted(snapshot) {
        told.extend(set_aborted(snapshot, draft, status, now));
    } else if !stays_paused(snapshot, status) {
        set_progressing((snapshot, draft), status, lost_health, now);
    }
    set_available(snapshot, status, now);
    match failure(snapshot) {
        Some(failure) => {
            conditions::set(status, failure);
        }
        None => conditions::remove(status, Kind::ReplicaFailure),
    }
    told.extend(set_completed(snapshot, draft, status, now));
    told
}

/// Whether a Rollout that was healthy is so no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    JustLost,
    Steady,
}

fn set_healthy(snapshot: &RolloutSnapshot, status: &mut RolloutStatus, now: Timestamp) -> Health {
    let rollout = &snapshot.rollout;
    let paused = !status.pause_conditions.is_empty() || rollout.spec.paused;
    let healthy = |holds, message: &str| {
        conditions::condition(Kind::Healthy, holds, conditions::HEALTHY, message, now)
    };
    if !paused && progress::is_healthy(rollout, status) {
        conditions::set(status, healthy(Holds::True, conditions::HEALTHY_MESSAGE));
        return Health::Steady;
    }
    if conditions::get(&rollout.status, Kind::Healthy).is_none() {
        return Health::Steady;
    }
    let lost = healthy(Holds::False, conditions::NOT_HEALTHY_MESSAGE);
    match conditions::set(status, lost) {
        Change::Changed => Health::JustLost,
        Change::Same => Health::Steady,
    }
}

fn set_aborted(
    snapshot: &RolloutSnapshot,
    draft: &Draft,
    status: &mut RolloutStatus,
    now: Timestamp,
) -> Option<Event> {
    let why = match &draft.abort {
        AbortChange::Add(why) => why.as_str(),
        AbortChange::Keep | AbortChange::Remove => "",
    };
    let message = conditions::aborted_message(base::revision(snapshot, draft), why);
    let reason = conditions::ABORTED;
    let condition = conditions::condition(
        Kind::Progressing,
        Holds::False,
        reason,
        message.clone(),
        now,
    );
    (conditions::set(status, condition) == Change::Changed).then(|| events::aborted(&message))
}

fn set_progressing(
    (snapshot, draft): (&RolloutSnapshot, &Draft),
    status: &mut RolloutStatus,
    health: Health,
    now: Timestamp,
) {
    let rollout = &snapshot.rollout;
    let name = new_name(snapshot, draft);
    let progressing = |holds, reason: &str, message: String| {
        conditions::condition(Kind::Progressing, holds, reason, message, now)
    };
    if progress::is_healthy(rollout, status) {
        let message = conditions::progressed_message(name.unwrap_or_default());
        let reason = conditions::NEW_REPLICA_SET_AVAILABLE;
        conditions::set(status, progressing(Holds::True, reason, message));
    } else if progress::is_progressing(rollout, status) || health == Health::JustLost {
        let promoted = status.stable_rs == status.current_pod_hash;
        let (reason, message) = if promoted && health == Health::JustLost {
            (
                conditions::REPLICA_SET_NOT_AVAILABLE,
                conditions::NOT_AVAILABLE_MESSAGE.to_owned(),
            )
        } else {
            (
                conditions::REPLICA_SET_UPDATED,
                conditions::progressing_message(name, &snapshot.name),
            )
        };
        let mut condition = progressing(Holds::True, reason, message);
        // Progress renews the update time even if status and reason stay, so this one replaces the
        // recorded one and does not go by the usual rule.
        if let Some(held) = conditions::get(&rollout.status, Kind::Progressing) {
            if held.status == Holds::True.as_str() {
                condition.last_transition_time = held.last_transition_time;
            }
            conditions::remove(status, Kind::Progressing);
        }
        conditions::set(status, condition);
    } else if !progress::is_indefinite_step(rollout)
        && !progress::awaits_scale_down(snapshot)
        && progress::is_timed_out(&rollout.spec, status, now)
    {
        let message = conditions::timed_out_message(name, &snapshot.name);
        let condition = progressing(Holds::False, conditions::TIMED_OUT, message);
        conditions::set(status, condition);
    }
}

fn set_available(snapshot: &RolloutSnapshot, status: &mut RolloutStatus, now: Timestamp) {
    let is_available = if snapshot.blue_green.is_some() {
        let active = colours::active(snapshot, status);
        active.is_some_and(|active| replica_math::is_saturated(snapshot, active))
    } else {
        base::sum(snapshot, |replica_set| replica_set.available) >= snapshot.replicas
    };
    let (holds, message) = if is_available {
        (Holds::True, conditions::AVAILABLE_MESSAGE)
    } else {
        (Holds::False, conditions::NOT_AVAILABLE_MESSAGE)
    };
    let reason = conditions::AVAILABLE;
    let condition = conditions::condition(Kind::Available, holds, reason, message, now);
    conditions::set(status, condition);
}

fn set_completed(
    snapshot: &RolloutSnapshot,
    draft: &Draft,
    status: &mut RolloutStatus,
    now: Timestamp,
) -> Option<Event> {
    let completed = progress::is_completed(status);
    let holds = if completed { Holds::True } else { Holds::False };
    let text = conditions::COMPLETED;
    let condition = conditions::condition(Kind::Completed, holds, text, text, now);
    let change = conditions::set(status, condition);
    (!completed && change == Change::Changed)
        .then(|| events::not_completed(base::revision(snapshot, draft), &status.current_pod_hash))
}

/// The failure of the new ReplicaSet, else of any.
fn failure(snapshot: &RolloutSnapshot) -> Option<RolloutCondition> {
    snapshot
        .new_replica_set()
        .and_then(|new| new.failure.as_ref())
        .or_else(|| {
            snapshot
                .replica_sets
                .iter()
                .find_map(|replica_set| replica_set.failure.as_ref())
        })
        .map(conditions::replica_failure)
}

fn new_name<'a>(snapshot: &'a RolloutSnapshot, draft: &'a Draft) -> Option<&'a str> {
    let new = snapshot.new_replica_set().map(|new| new.name.as_str());
    new.or(draft.created.as_deref())
}
