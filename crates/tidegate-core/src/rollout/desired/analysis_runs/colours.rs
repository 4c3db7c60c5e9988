//! AnalysisRuns before and after the switch of a blue-green update (BG-14, BG-15).

use tidegate_api::rollout::RolloutAnalysis;

use super::{Held, INCONCLUSIVE, Place, RunView, Runs, cancel, follow};
use crate::rollout::{
    draft::{CurrentRun, Draft},
    promotion,
    replica_math::is_saturated,
    snapshot::RolloutSnapshot,
};

/// Both runs of an update that is going on.
pub(super) fn reconcile(
    snapshot: &RolloutSnapshot,
    draft: &mut Draft,
    held: &Held<'_>,
    runs: &mut Runs,
) {
    let before = Slot {
        place: Place::BeforePromotion,
        analysis: promotion::before_analysis(snapshot),
        held: held.before_promotion,
        turn: before_turn(snapshot),
    };
    draft.analysis.before_promotion = before.reconcile(snapshot, draft, runs);
    let after = Slot {
        place: Place::AfterPromotion,
        analysis: promotion::after_analysis(snapshot),
        held: held.after_promotion,
        turn: after_turn(snapshot),
    };
    draft.analysis.after_promotion = after.reconcile(snapshot, draft, runs);
}

/// Both stay on record once they are over. Keeps ANA-10.
pub(super) fn keep(snapshot: &RolloutSnapshot, draft: &mut Draft, held: &Held<'_>) {
    if snapshot.blue_green.is_some() {
        draft.analysis.before_promotion = held.before_promotion.map(RunView::current);
        draft.analysis.after_promotion = held.after_promotion.map(RunView::current);
    }
}

/// Whether it is a run's turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It is.
    Now,
    /// It is once the pods are there; one that has begun goes on, because it would count as successful
    /// if it were ended.
    OncePodsAreThere,
    /// It is not.
    No,
}

/// Keeps BG-14.
fn before_turn(snapshot: &RolloutSnapshot) -> Turn {
    let Some(new) = snapshot
        .new_replica_set()
        .filter(|_| promotion::awaits_before_analysis(snapshot))
    else {
        return Turn::No;
    };
    let preview = snapshot
        .blue_green
        .as_ref()
        .and_then(|strategy| strategy.preview_replica_count);
    let is_there = match preview {
        Some(count) => new.replicas == count && new.available == count,
        None => is_saturated(snapshot, new),
    };
    if is_there {
        Turn::Now
    } else {
        Turn::OncePodsAreThere
    }
}

/// Keeps BG-15.
fn after_turn(snapshot: &RolloutSnapshot) -> Turn {
    match snapshot.new_replica_set() {
        Some(new) if promotion::awaits_after_analysis(snapshot) => {
            if is_saturated(snapshot, new) {
                Turn::Now
            } else {
                Turn::OncePodsAreThere
            }
        }
        Some(_) | None => Turn::No,
    }
}

/// One of the two.
struct Slot<'a> {
    place: Place,
    analysis: Option<&'a RolloutAnalysis>,
    held: Option<&'a RunView>,
    turn: Turn,
}

impl Slot<'_> {
    /// Begins, follows or ends the run.
    ///
    /// Differs from upstream: a run of an attempt that was aborted is not the next one's. Upstream
    /// aborts a retry at once because the run of the attempt before has failed.
    fn reconcile(
        self,
        snapshot: &RolloutSnapshot,
        draft: &mut Draft,
        runs: &mut Runs,
    ) -> Option<CurrentRun> {
        let Some(analysis) = self.analysis else {
            runs.effects.extend(self.held.and_then(cancel));
            return None;
        };
        let is_retry = snapshot.recorded.aborted_at.is_some();
        let held = self.held.filter(|_| !is_retry);
        let is_its_turn = match self.turn {
            Turn::Now => true,
            Turn::OncePodsAreThere => held.is_some(),
            Turn::No => false,
        };
        if !is_its_turn {
            runs.effects.extend(self.held.and_then(cancel));
            return held.map(RunView::current);
        }
        if snapshot.is_paused_for(INCONCLUSIVE) {
            return held.map(RunView::current);
        }
        follow(snapshot, draft, (analysis, self.place, held), runs)
    }
}
