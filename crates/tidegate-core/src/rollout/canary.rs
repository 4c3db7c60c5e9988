//! One pass over a canary, in reading order. Each part is decided by its owner; here stands only what
//! comes before what, and where a pass ends (CAN-20).

use jiff::{SignedDuration, Timestamp};

use crate::{
    plan::Plan,
    reason::Reason,
    rollout::{
        desired::{
            analysis_runs, experiments, metadata,
            replicas::{self, Scaling},
            restart, services, weight,
        },
        draft::{AbortChange, Clearing, Draft, Outcome, Skip},
        events,
        pass::{begin, finish, follow_revision},
        replica_math::{current_step, progress_is_enough},
        rollback, scale_down,
        snapshot::{RolloutSnapshot, UserPause},
        status,
        steps::{PAUSE_CONDITION, Progress, Step, StepView},
    },
};

/// A whole pass.
pub(crate) fn pass(snapshot: &RolloutSnapshot, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let mut draft = begin(snapshot, now);
    follow_revision(snapshot, &mut draft, &mut plan);
    if snapshot.template_or_steps_changed() {
        draft.outcome = Outcome::Restart(skip(snapshot));
        return finish(plan, status::next(snapshot, &draft, now));
    }
    restart::reconcile(snapshot, &mut draft, now, &mut plan);
    metadata::reconcile(snapshot, now, &mut plan);
    plan.effects.extend(scale_down::history(snapshot));
    let (switches, held) = services::reconcile(snapshot, &draft);
    plan.effects.extend(switches);
    plan.reasons.extend(held);
    let routed = weight::reconcile(snapshot, &mut draft);
    plan.effects.extend(routed.effect);
    plan.reasons.extend(routed.reason);
    if let Some(reason) = routed.unverified {
        plan.wake_at(after(now, snapshot.verify_retry_seconds), reason);
    }
    let tried = experiments::reconcile(snapshot, &mut draft);
    plan.effects.extend(tried.effects);
    let runs = analysis_runs::reconcile(snapshot, &mut draft, now);
    plan.effects.extend(runs.effects);
    let missing = tried
        .retry
        .map(|why| (events::experiment_not_begun(&why.to_string()), why))
        .or_else(|| {
            let why = runs.retry?;
            Some((events::analysis_not_begun(&why.to_string()), why))
        });
    if let Some((told, why)) = missing {
        // Nothing moves on without the experiment or the analysis that somebody asked for.
        plan.reasons.push(why.clone());
        plan.events.push(told);
        plan.retry = Some(why);
        return plan;
    }
    let traffic = if routed.hold.is_some() {
        Traffic::Held
    } else {
        Traffic::Free
    };
    plan.reasons.extend(routed.hold);
    if !draft.adds_pause() {
        let moved = match traffic {
            // Pods stay where the traffic stays.
            Traffic::Held => Scaling::Settled,
            Traffic::Free => resize(snapshot, &draft, now, &mut plan),
        };
        if moved == Scaling::Settled {
            begin_pause(snapshot, &mut draft);
        }
    }
    conclude(snapshot, &mut draft, (now, traffic), &mut plan);
    finish(plan, status::next(snapshot, &draft, now))
}

/// Whether the routers take what they are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Traffic {
    /// They do.
    Free,
    /// They do not: nothing is promoted, and no pods go.
    Held,
}

fn after(now: Timestamp, seconds: u32) -> Timestamp {
    now.checked_add(SignedDuration::from_secs(i64::from(seconds)))
        .unwrap_or(Timestamp::MAX)
}

/// Only sizes, because `spec.replicas` changed: everything else waits for the next pass. Keeps SCL-03.
pub(crate) fn scale_only(snapshot: &RolloutSnapshot, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let mut draft = begin(snapshot, now);
    follow_revision(snapshot, &mut draft, &mut plan);
    resize(snapshot, &draft, now, &mut plan);
    finish(plan, status::scaled_only(snapshot, &draft, now))
}

/// Keeps CAN-42.
fn skip(snapshot: &RolloutSnapshot) -> Skip {
    let Some(new) = snapshot.new_replica_set() else {
        return Skip::No;
    };
    if snapshot.recorded.stable == new.hash {
        Skip::ToStable
    } else if rollback::is_within_window(snapshot) && new.replicas > 0 {
        Skip::WithinWindow
    } else {
        Skip::No
    }
}

fn resize(snapshot: &RolloutSnapshot, draft: &Draft, now: Timestamp, plan: &mut Plan) -> Scaling {
    if let Some(by) = replicas::is_halted(snapshot) {
        plan.reasons.push(Reason::Halted { by });
    }
    let sizes = replicas::reconcile(snapshot, draft, now);
    plan.effects.extend(sizes.effects);
    for (at, reason) in sizes.wakes {
        plan.wake_at(at, reason);
    }
    sizes.scaling
}

/// The pause step adds its condition on the first visit. Keeps CAN-30.
fn begin_pause(snapshot: &RolloutSnapshot, draft: &mut Draft) {
    let recorded = &snapshot.recorded;
    let waits = snapshot.user_pause == UserPause::Running && !recorded.promote_full.is_set();
    let (step, _) = current_step(snapshot);
    if step.and_then(Step::pause).is_some()
        && waits
        && !recorded.controller_pause.is_set()
        && !recorded
            .pauses
            .iter()
            .any(|pause| pause.reason == PAUSE_CONDITION)
    {
        draft.add_pauses.push(PAUSE_CONDITION);
    }
}

/// What becomes of the update. Keeps CAN-27 to CAN-29 and ACT-09.
fn conclude(
    snapshot: &RolloutSnapshot,
    draft: &mut Draft,
    (now, traffic): (Timestamp, Traffic),
    plan: &mut Plan,
) {
    let skips = snapshot.recorded.promote_full.is_set() || rollback::is_within_window(snapshot);
    if skips {
        draft.pauses = Clearing::Clear;
        draft.abort = AbortChange::Remove;
    }
    let promotion = promotion(snapshot, draft).filter(|_| traffic == Traffic::Free);
    if let Some(why) = promotion {
        draft.outcome = Outcome::Promote(why);
        return;
    }
    if draft.is_aborted(snapshot) {
        plan.reasons.push(Reason::Aborted);
        return;
    }
    if skips {
        draft.outcome = Outcome::SkipToEnd;
        return;
    }
    let (Some(step), Some(index)) = current_step(snapshot) else {
        return;
    };
    if replicas::is_halted(snapshot).is_some() {
        // Without a verdict nothing goes on before a person says so; upstream goes past pauses that run
        // out meanwhile (S1-6).
        return;
    }
    let view = StepView {
        snapshot,
        draft,
        number: index.saturating_add(1),
    };
    match step.progress(&view, now) {
        Progress::Done => draft.outcome = Outcome::StepDone(step.words()),
        Progress::Waiting { reason, until } => {
            if let Some(at) = until {
                plan.wake_at(at, reason.clone());
            }
            if let Reason::NotSupported { .. } = reason {
                draft
                    .events
                    .push(events::step_not_supported(&reason.to_string()));
            }
            plan.reasons.push(reason);
        }
    }
}

/// Why the new version becomes the stable one now, if it does. Keeps CAN-28 and RSI-12.
fn promotion(snapshot: &RolloutSnapshot, draft: &Draft) -> Option<String> {
    if snapshot.stable.is_none() {
        return Some("Initial deploy".to_owned());
    }
    if draft.is_aborted(snapshot) {
        return None;
    }
    let new = snapshot.new_replica_set()?;
    let enough = new.available >= snapshot.replicas
        || progress_is_enough(snapshot, Some(new), snapshot.replicas);
    if !enough {
        return None;
    }
    if snapshot.recorded.promote_full.is_set() {
        return Some("Full promotion requested".to_owned());
    }
    if draft.rollback == crate::rollout::draft::Rollback::Fast {
        let why = if rollback::is_within_window(snapshot) {
            "Rollback within window"
        } else {
            "Fast rollback"
        };
        return Some(why.to_owned());
    }
    let count = snapshot.canary.steps.len();
    let (_, index) = current_step(snapshot);
    let all = index.is_none_or(|index| usize::try_from(index) == Ok(count));
    all.then(|| format!("Completed all {count} canary steps"))
}
