//! Sizes of a blue-green Rollout's ReplicaSets: stable, new, and what was either once (BG-03, BG-04,
//! BG-16, BG-17).

use std::cmp::Reverse;

use jiff::Timestamp;

use super::{Holding, Sizes, mark, scale, scale_new, unmark};
use crate::{
    reason::Reason,
    rollout::{
        draft::{Draft, Rollback},
        promotion,
        replica_math::{abort_delay, scale_down_delay},
        rollback, scale_down,
        snapshot::{Deadline, ReplicaSetView, RolloutSnapshot},
    },
};

/// Deadlines first, then stable, new and others. A person's pause does not stop it (BG-03).
pub(crate) fn reconcile(snapshot: &RolloutSnapshot, draft: &Draft, now: Timestamp) -> Sizes {
    let mut sizes = Sizes::default();
    let holding = holding(snapshot, draft);
    let new = snapshot
        .new_replica_set()
        .filter(|_| holding == Holding::No && !is_going_back(snapshot, draft, now));
    let stable = snapshot
        .stable_replica_set()
        .filter(|_| snapshot.new != snapshot.stable);
    let unmarked = unmark(snapshot, new.into_iter().chain(stable), &mut sizes);
    if let Some(stable) = stable {
        let size = (snapshot.replicas, why(snapshot));
        scale(snapshot, stable, size, (Holding::No, &unmarked), &mut sizes);
    }
    let size = (new_size(snapshot, draft), why(snapshot));
    scale_new(snapshot, size, (&unmarked, holding, now), &mut sizes);
    others(snapshot, now, &mut sizes);
    sizes
}

/// Whether a version that was just left is on its way back. Its deadline stays until it is stable
/// again: that is how every pass until then knows that it is one to go back to at once (BG-18).
///
/// Differs from upstream, which takes the deadline away at once, and so goes the long way if a pod was
/// missing or the controller died just then.
fn is_going_back(snapshot: &RolloutSnapshot, draft: &Draft, now: Timestamp) -> bool {
    draft.rollback == Rollback::Fast
        && !snapshot.is_fully_promoted()
        && rollback::is_within_delay(snapshot, now)
}

/// Whether an aborted version keeps its size for a while. Keeps TRF-45.
///
/// Differs from upstream (BG-11): as long as users are still on it, nothing of it is taken away.
fn holding(snapshot: &RolloutSnapshot, draft: &Draft) -> Holding {
    let has_stable = snapshot.stable.is_some() && snapshot.new != snapshot.stable;
    if !draft.is_aborted(snapshot) || !has_stable || is_new_active(snapshot) {
        return Holding::No;
    }
    abort_delay(snapshot).map_or(Holding::No, Holding::For)
}

/// Whether the active Service selects the new version, as it stands in the cluster.
fn is_new_active(snapshot: &RolloutSnapshot) -> bool {
    let strategy = snapshot.blue_green.as_ref();
    strategy
        .and_then(|strategy| snapshot.services.get(&strategy.active_service))
        .is_some_and(|service| service.hash == snapshot.current_hash())
}

/// A version that users get is never as small as a preview, whatever was recorded.
fn new_size(snapshot: &RolloutSnapshot, draft: &Draft) -> i32 {
    if is_new_active(snapshot) {
        return snapshot.replicas;
    }
    promotion::wanted_replicas(snapshot, draft)
}

/// Versions that are neither new nor stable. Keeps BG-16.
fn others(snapshot: &RolloutSnapshot, now: Timestamp, sizes: &mut Sizes) {
    let mut active: Vec<&ReplicaSetView> = snapshot
        .other_replica_sets()
        .filter(|set| set.replicas > 0)
        .collect();
    if active.is_empty() {
        return;
    }
    if let Some(reason) = kept_by_analysis(snapshot) {
        sizes.reasons.push(reason);
        return;
    }
    active.sort_by_key(|set| (Reverse(set.revision), Reverse(set.created)));
    let mut kept = 0;
    for set in active {
        if scale_down::is_referenced(snapshot, set) {
            continue;
        }
        let wanted = old_size(snapshot, set, (&mut kept, now), sizes);
        if wanted == set.replicas {
            continue;
        }
        let reason = Reason::Unused {
            replica_set: set.name.clone(),
        };
        scale(snapshot, set, (wanted, reason), (Holding::No, &[]), sizes);
    }
}

/// Why no old version is given up yet: the newest one is still being judged, and it may be wanted.
fn kept_by_analysis(snapshot: &RolloutSnapshot) -> Option<Reason> {
    if snapshot.is_paused_for("InconclusiveAnalysisRun") {
        let by = "the analysis was inconclusive";
        return Some(Reason::Halted { by });
    }
    let has_delay = snapshot
        .blue_green
        .as_ref()
        .is_some_and(|strategy| strategy.scale_down_delay.is_some());
    let judged = promotion::after_analysis(snapshot).is_some()
        && !has_delay
        && promotion::awaits_after_analysis(snapshot)
        && !promotion::after_analysis_is_done(snapshot);
    judged.then(|| Reason::Because("postPromotionAnalysis is not over".to_owned()))
}

/// The size of an old version: its own until it has a deadline, then the Rollout's, then none. Keeps
/// TRF-42, and fixes TRF-41 as canaries do.
///
/// Differs from upstream: one that never was whole, such as a preview that was superseded, does not
/// grow while it waits to go.
fn old_size(
    snapshot: &RolloutSnapshot,
    set: &ReplicaSetView,
    (kept, now): (&mut i32, Timestamp),
    sizes: &mut Sizes,
) -> i32 {
    let limit = snapshot
        .blue_green
        .as_ref()
        .and_then(|strategy| strategy.scale_down_delay_revision_limit)
        .unwrap_or(i32::MAX);
    match &set.scale_down_deadline {
        None => {
            let seconds = scale_down_delay(snapshot);
            if *kept >= limit || seconds <= 0 {
                return 0;
            }
            *kept += 1;
            mark(snapshot, set, seconds, now, sizes);
            set.replicas
        }
        Some(Deadline::Unreadable(_)) => {
            *kept += 1;
            0
        }
        Some(Deadline::At(at)) => {
            *kept += 1;
            if *kept > limit || *at <= now {
                return 0;
            }
            let reason = Reason::ScaleDownDelay {
                replica_set: set.name.clone(),
            };
            sizes.wakes.push((*at, reason));
            let was_whole = set.desired.is_none_or(|desired| desired <= set.replicas);
            if was_whole {
                snapshot.replicas
            } else {
                set.replicas.min(snapshot.replicas)
            }
        }
    }
}

/// Why sizes are as they are now.
fn why(snapshot: &RolloutSnapshot) -> Reason {
    let recorded = &snapshot.recorded;
    if recorded.abort.is_set() {
        return Reason::Aborted;
    }
    if recorded.promote_full.is_set() {
        return Reason::PromoteFull;
    }
    Reason::ReplicasChanged {
        replicas: snapshot.replicas,
    }
}
