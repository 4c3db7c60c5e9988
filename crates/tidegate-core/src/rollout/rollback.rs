//! Is the new template an old one? (RBK-01 to RBK-04)

use jiff::Timestamp;
use tidegate_api::labels;

use crate::rollout::{
    draft::Rollback,
    snapshot::{Deadline, ReplicaSetView, RolloutSnapshot},
};

/// How the new ReplicaSet relates to the stable one. Keeps RBK-01 and RBK-03.
pub(crate) fn classify(snapshot: &RolloutSnapshot, now: Timestamp) -> Rollback {
    let (Some(new), Some(stable)) = (snapshot.new_replica_set(), snapshot.stable_replica_set())
    else {
        return Rollback::None;
    };
    let to_stable = snapshot.recorded.stable == new.hash;
    if !to_stable && !is_older(new, stable) {
        return Rollback::None;
    }
    if to_stable || is_within_window(snapshot) || is_within_delay(snapshot, now) {
        Rollback::Fast
    } else {
        Rollback::Stepwise
    }
}

/// Whether fewer revisions lie between the new ReplicaSet and the stable one than the rollback window
/// allows. Keeps RBK-02.
pub(crate) fn is_within_window(snapshot: &RolloutSnapshot) -> bool {
    let (Some(new), Some(stable)) = (snapshot.new_replica_set(), snapshot.stable_replica_set())
    else {
        return false;
    };
    if !is_older(new, stable) || snapshot.rollback_window <= 0 {
        return false;
    }
    let between = snapshot
        .replica_sets
        .iter()
        .filter(|set| !is_of_experiment(set) && is_older(set, stable) && is_older(new, set))
        .count();
    i32::try_from(between).is_ok_and(|between| between < snapshot.rollback_window)
}

/// Whether a blue-green Rollout goes back to a version that is still kept whole for that very purpose.
/// Keeps BG-18, and BG-19: what an abort keeps is not kept for going back to.
pub(crate) fn is_within_delay(snapshot: &RolloutSnapshot, now: Timestamp) -> bool {
    let (Some(new), Some(stable)) = (snapshot.new_replica_set(), snapshot.stable_replica_set())
    else {
        return false;
    };
    let recorded = &snapshot.recorded;
    let kept = match &new.scale_down_deadline {
        Some(Deadline::At(at)) => *at > now,
        Some(Deadline::Unreadable(_)) | None => false,
    };
    snapshot.blue_green.is_some()
        && kept
        && is_older(new, stable)
        && !recorded.abort.is_set()
        && recorded.aborted_at.is_none()
}

fn is_older(one: &ReplicaSetView, other: &ReplicaSetView) -> bool {
    match (one.created, other.created) {
        (Some(one), Some(other)) => one < other,
        (None, Some(_)) => true,
        (Some(_) | None, None) => false,
    }
}

fn is_of_experiment(set: &ReplicaSetView) -> bool {
    set.annotations
        .get(labels::EXPERIMENT_NAME)
        .is_some_and(|name| !name.is_empty())
}
