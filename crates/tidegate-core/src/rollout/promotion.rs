//! From preview to active to stable: when a blue-green version takes which step.

use jiff::{SignedDuration, Timestamp};
use tidegate_api::{
    analysis::phase,
    rollout::{BlueGreenStrategy, RolloutAnalysis, RolloutAnalysisRunStatus},
};

use crate::{
    reason::Reason,
    rollout::{
        draft::{Draft, Rollback},
        replica_math::{self, blue_green},
        rollback,
        snapshot::{BlueGreen, Flag, Promotion, RolloutSnapshot},
    },
};

/// The pause in which a new version is only looked at.
pub(crate) const PAUSE: &str = "BlueGreenPause";

/// What the pause waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Somebody.
    ForSomebody,
    /// This instant, or somebody.
    Until(Timestamp),
}

impl Waiting {
    pub(crate) fn reason(self) -> Reason {
        Reason::Because(match self {
            Self::ForSomebody => "the preview waits until somebody promotes".to_owned(),
            Self::Until(_) => "the preview waits for autoPromotionSeconds".to_owned(),
        })
    }
}

/// An instant so many seconds later.
pub(crate) fn after(since: Timestamp, seconds: i32) -> Timestamp {
    let seconds = SignedDuration::from_secs(i64::from(seconds));
    since.checked_add(seconds).unwrap_or(Timestamp::MAX)
}

/// The pods that the new version should have as a preview, or as the active one. Keeps BG-04.
///
/// Differs from upstream: a version to which somebody goes back at once is no preview. Upstream takes
/// pods from it, although users may be sent there next, and then waits for ever: nobody looks at it, so
/// nothing lets it grow again.
pub(crate) fn wanted_replicas(snapshot: &RolloutSnapshot, draft: &Draft) -> i32 {
    if draft.rollback == Rollback::Fast {
        return snapshot.replicas;
    }
    blue_green::new_replicas(snapshot).unwrap_or(snapshot.replicas)
}

/// Whether the new version has these pods. Keeps BG-06.
pub(crate) fn is_ready(snapshot: &RolloutSnapshot, draft: &Draft) -> bool {
    let wanted = wanted_replicas(snapshot, draft);
    let new = snapshot.new_replica_set();
    new.is_some_and(|new| new.replicas == wanted && new.available == wanted)
}

/// Whether the new version could serve everybody.
pub(crate) fn is_whole(snapshot: &RolloutSnapshot, draft: &Draft) -> bool {
    let new = snapshot.new_replica_set();
    is_ready(snapshot, draft) && new.is_some_and(|new| replica_math::is_saturated(snapshot, new))
}

/// Whether nobody has to look at the new version: it is active already, or goes back to what was
/// stable not long ago, or somebody asked for full promotion, or it is the first one. Keeps BG-08.
///
/// Differs from upstream: an active Service that selects no hash while an update is under way is
/// pointed at the stable version, where upstream hands it to the new one that nobody has judged.
pub(crate) fn is_fast_tracked(
    snapshot: &RolloutSnapshot,
    strategy: &BlueGreen,
    draft: &Draft,
) -> bool {
    let active = snapshot.services.get(&strategy.active_service);
    let hash = active.map_or("", |service| service.hash.as_str());
    let is_first = hash.is_empty() && snapshot.stable_replica_set().is_none();
    draft.rollback == Rollback::Fast
        || snapshot.recorded.promote_full.is_set()
        || is_first
        || hash == snapshot.current_hash()
}

/// What the pause waits for; `None` once it is over. Keeps BG-09.
///
/// Differs from upstream: whoever promotes ends a pause of `autoPromotionSeconds` as well, where
/// upstream begins it anew.
pub(crate) fn pause_lacks(
    snapshot: &RolloutSnapshot,
    strategy: &BlueGreen,
    draft: &Draft,
    now: Timestamp,
) -> Option<Waiting> {
    let recorded = &snapshot.recorded;
    let pause = snapshot.pause_for(PAUSE);
    let waiting = match (strategy.promotion, pause) {
        (Promotion::AtOnce, _) => return adds_pause(draft),
        (Promotion::After(seconds), Some(pause)) => {
            let end = after(pause.since, seconds);
            if end <= now {
                return adds_pause(draft);
            }
            Waiting::Until(end)
        }
        (Promotion::After(_), None) | (Promotion::ByHand, _) => Waiting::ForSomebody,
    };
    let resumed = recorded.controller_pause.is_set() && recorded.pauses.is_empty();
    if resumed || recorded.colours.check_point.is_set() {
        return adds_pause(draft);
    }
    Some(waiting)
}

/// Nothing is over in the pass that adds a pause.
fn adds_pause(draft: &Draft) -> Option<Waiting> {
    draft.adds_pause().then_some(Waiting::ForSomebody)
}

/// Whether a person has resumed, and what that is for cannot be done yet.
///
/// Differs from upstream, which forgets the resume and pauses again.
pub(crate) fn resume_is_early(snapshot: &RolloutSnapshot, draft: &Draft) -> bool {
    let recorded = &snapshot.recorded;
    recorded.controller_pause.is_set()
        && recorded.pauses.is_empty()
        && !draft.is_aborted(snapshot)
        && draft.colours.active != snapshot.current_hash()
        && !draft.colours.check_point.is_set()
        && before_analysis_lacks(snapshot).is_none()
}

/// Whether the new version may grow from a preview to its full size. Keeps BG-05: once so, it stays
/// so until the version is stable or another comes.
pub(crate) fn check_point(
    snapshot: &RolloutSnapshot,
    strategy: &BlueGreen,
    draft: &Draft,
    now: Timestamp,
) -> Flag {
    let Some(count) = strategy.preview_replica_count else {
        return Flag::Unset;
    };
    if snapshot.recorded.colours.check_point.is_set() {
        return Flag::Set;
    }
    let available = snapshot.new_replica_set().map_or(0, |new| new.available);
    Flag::from(
        available == count
            && before_analysis_lacks(snapshot).is_none()
            && pause_lacks(snapshot, strategy, draft, now).is_none(),
    )
}

/// Why the new version becomes the stable one now, if it does. Keeps BG-12.
pub(crate) fn to_stable(snapshot: &RolloutSnapshot, draft: &Draft) -> Option<&'static str> {
    if snapshot.stable.is_none() {
        return Some("Initial deploy");
    }
    if draft.colours.active != snapshot.current_hash() {
        return None;
    }
    if snapshot.recorded.promote_full.is_set() {
        return Some("Full promotion requested");
    }
    if draft.rollback == Rollback::Fast {
        return Some(if rollback::is_within_window(snapshot) {
            "Rollback within window"
        } else {
            "Fast rollback"
        });
    }
    let judged = after_analysis(snapshot).is_none()
        || draft
            .analysis
            .after_promotion
            .as_ref()
            .is_some_and(|run| run.phase == phase::SUCCESSFUL);
    (judged && !draft.is_aborted(snapshot)).then_some("Completed blue-green update")
}

/// `prePromotionAnalysis`, if it names anything to measure.
pub(crate) fn before_analysis(snapshot: &RolloutSnapshot) -> Option<&RolloutAnalysis> {
    wire(snapshot)?
        .pre_promotion_analysis
        .as_ref()
        .filter(|analysis| !analysis.templates.is_empty())
}

/// `postPromotionAnalysis`, if it names anything to measure.
pub(crate) fn after_analysis(snapshot: &RolloutSnapshot) -> Option<&RolloutAnalysis> {
    wire(snapshot)?
        .post_promotion_analysis
        .as_ref()
        .filter(|analysis| !analysis.templates.is_empty())
}

fn wire(snapshot: &RolloutSnapshot) -> Option<&BlueGreenStrategy> {
    snapshot.rollout.spec.strategy.blue_green.as_ref()
}

/// What `prePromotionAnalysis` waits for, if there is one and it was not successful. A run of an
/// attempt that was aborted says nothing about the next one (S1-4).
pub(crate) fn before_analysis_lacks(snapshot: &RolloutSnapshot) -> Option<Reason> {
    before_analysis(snapshot)?;
    let recorded = &snapshot.rollout.status.blue_green;
    let run = recorded.pre_promotion_analysis_run_status.as_ref();
    if is_successful(snapshot, run) {
        return None;
    }
    Some(match run {
        Some(run) => Reason::AwaitsAnalysis {
            name: run.name.clone(),
        },
        None => Reason::Because("prePromotionAnalysis has not begun".to_owned()),
    })
}

/// Whether `postPromotionAnalysis` was successful.
pub(crate) fn after_analysis_is_done(snapshot: &RolloutSnapshot) -> bool {
    let recorded = &snapshot.rollout.status.blue_green;
    is_successful(
        snapshot,
        recorded.post_promotion_analysis_run_status.as_ref(),
    )
}

fn is_successful(snapshot: &RolloutSnapshot, run: Option<&RolloutAnalysisRunStatus>) -> bool {
    let run = run.filter(|_| snapshot.recorded.aborted_at.is_none());
    run.and_then(|run| {
        snapshot
            .analysis_runs
            .iter()
            .find(|one| one.name == run.name)
    })
    .is_some_and(|run| run.phase == phase::SUCCESSFUL)
}

/// Whether the new version is to be judged before it is active, once it has its pods. Keeps BG-14.
pub(crate) fn awaits_before_analysis(snapshot: &RolloutSnapshot) -> bool {
    let active = &snapshot.recorded.colours.active;
    snapshot.recorded.stable != snapshot.current_hash()
        && !active.is_empty()
        && *active != snapshot.current_hash()
}

/// Whether the new version is to be judged as the active one. Keeps BG-15.
pub(crate) fn awaits_after_analysis(snapshot: &RolloutSnapshot) -> bool {
    snapshot.recorded.stable != snapshot.current_hash()
        && snapshot.recorded.colours.active == snapshot.current_hash()
}
