//! One pass over a blue-green Rollout, in reading order. Each part is decided by its owner; here
//! stands only what comes before what, and where a pass ends (BG-01).

use jiff::Timestamp;

use crate::{
    plan::Plan,
    rollout::{
        desired::{analysis_runs, colours, experiments, metadata, replicas, restart},
        draft::{AbortChange, Clearing, Draft, Outcome, Resume, Skip},
        events,
        pass::{self, finish, follow_revision},
        promotion::{self, Waiting},
        rollback, scale_down,
        snapshot::{BlueGreen, Promotion, RolloutSnapshot},
        status,
    },
};

/// A whole pass.
pub(crate) fn pass(snapshot: &RolloutSnapshot, strategy: &BlueGreen, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let mut draft = begin(snapshot, now);
    follow_revision(snapshot, &mut draft, &mut plan);
    colours::preview(snapshot, strategy, &mut draft, &mut plan);
    if snapshot.template_changed() {
        draft.outcome = Outcome::Restart(Skip::No);
        return finish(plan, status::next(snapshot, &draft, now));
    }
    restart::reconcile(snapshot, &mut draft, now, &mut plan);
    resize(snapshot, &draft, now, &mut plan);
    plan.effects.extend(scale_down::history(snapshot));
    pause(snapshot, strategy, (&mut draft, &mut plan), now);
    colours::active(snapshot, strategy, (&mut draft, &mut plan), now);
    // Those of a canary before.
    plan.effects
        .extend(experiments::reconcile(snapshot, &mut draft).effects);
    let runs = analysis_runs::reconcile(snapshot, &mut draft, now);
    plan.effects.extend(runs.effects);
    if let Some(why) = runs.retry {
        // Nothing moves on without the analysis that somebody asked for.
        plan.reasons.push(why.clone());
        plan.events
            .push(events::analysis_not_begun(&why.to_string()));
        plan.retry = Some(why);
        return plan;
    }
    metadata::reconcile(snapshot, now, &mut plan);
    conclude(snapshot, strategy, &mut draft, now);
    finish(plan, status::next(snapshot, &draft, now))
}

/// Only sizes, because `spec.replicas` changed: everything else waits for the next pass. Keeps SCL-03.
pub(crate) fn scale_only(snapshot: &RolloutSnapshot, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let mut draft = begin(snapshot, now);
    follow_revision(snapshot, &mut draft, &mut plan);
    resize(snapshot, &draft, now, &mut plan);
    plan.effects.extend(scale_down::history(snapshot));
    finish(plan, status::scaled_only(snapshot, &draft, now))
}

/// What is promoted fully, or goes back within the rollback window, is neither paused nor aborted.
/// Keeps RBK-04 and ACT-09, from the beginning of the pass on, so that nothing is taken away from a
/// version that is to be promoted.
///
/// Differs from upstream: the pause of a canary's step ends when the strategy becomes blue-green, where
/// upstream takes it for a pause that somebody has ended, and switches all users.
fn begin(snapshot: &RolloutSnapshot, now: Timestamp) -> Draft {
    let mut draft = pass::begin(snapshot, now);
    if snapshot.recorded.promote_full.is_set() || rollback::is_within_window(snapshot) {
        draft.pauses = Clearing::Clear;
        draft.abort = AbortChange::Remove;
    }
    draft.remove_pauses.push("CanaryPauseStep");
    draft
}

fn resize(snapshot: &RolloutSnapshot, draft: &Draft, now: Timestamp, plan: &mut Plan) {
    let sizes = replicas::blue_green::reconcile(snapshot, draft, now);
    plan.effects.extend(sizes.effects);
    plan.reasons.extend(sizes.reasons);
    for (at, reason) in sizes.wakes {
        plan.wake_at(at, reason);
    }
}

/// Begins and ends the time in which the new version is only looked at. Keeps BG-07 to BG-09.
fn pause(
    snapshot: &RolloutSnapshot,
    strategy: &BlueGreen,
    (draft, plan): (&mut Draft, &mut Plan),
    now: Timestamp,
) {
    let halted = replicas::is_halted(snapshot).is_some();
    if draft.is_aborted(snapshot) || halted || !promotion::is_ready(snapshot, draft) {
        return;
    }
    let passed = snapshot.recorded.colours.check_point.is_set()
        || strategy.promotion == Promotion::AtOnce
        || promotion::is_fast_tracked(snapshot, strategy, draft);
    if passed {
        draft.remove_pauses.push(promotion::PAUSE);
        return;
    }
    if let Some(reason) = promotion::before_analysis_lacks(snapshot) {
        plan.reasons.push(reason);
        return;
    }
    let recorded = &snapshot.recorded;
    match promotion::pause_lacks(snapshot, strategy, draft, now) {
        None => draft.remove_pauses.push(promotion::PAUSE),
        Some(_) if !snapshot.is_paused_for(promotion::PAUSE) => {
            if !recorded.controller_pause.is_set() {
                draft.add_pauses.push(promotion::PAUSE);
                if let Promotion::After(seconds) = strategy.promotion {
                    let end = promotion::after(now, seconds);
                    plan.wake_at(end, Waiting::Until(end).reason());
                }
            }
        }
        Some(waiting) => {
            if let Waiting::Until(at) = waiting {
                plan.wake_at(at, waiting.reason());
            }
            plan.reasons.push(waiting.reason());
        }
    }
}

/// What becomes of the update. Keeps BG-05 and BG-12.
fn conclude(snapshot: &RolloutSnapshot, strategy: &BlueGreen, draft: &mut Draft, now: Timestamp) {
    if let Some(why) = promotion::to_stable(snapshot, draft) {
        draft.outcome = Outcome::Promote(why.to_owned());
        return;
    }
    draft.colours.check_point = promotion::check_point(snapshot, strategy, draft, now);
    if promotion::resume_is_early(snapshot, draft) {
        draft.resume = Resume::Waits;
    }
}
