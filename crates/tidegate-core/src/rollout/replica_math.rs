//! How many pods each version should have: arithmetic only, with upstream's rounding.

mod basic;
pub mod blue_green;
mod routed;

use tidegate_api::{
    int_or_percent::{Rounding, scaled_any_text},
    int_or_string::IntOrString,
};

use crate::{
    reason::Reason,
    rollout::{
        snapshot::{ReplicaSetView, RolloutSnapshot, Routing, StableScale},
        steps::{Scale, Step, Target},
        traffic::Weights,
    },
};

/// Pods of both versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Of the new version.
    pub canary: i32,
    /// Of the stable version.
    pub stable: i32,
}

/// Parts of a whole, never less than none: `ceil(parts * of / whole)`.
pub(crate) fn ceil_share(of: i32, parts: i32, whole: i32) -> i32 {
    let product = i64::from(of) * i64::from(parts);
    let whole = i64::from(whole.max(1));
    let share = product.div_euclid(whole) + i64::from(product.rem_euclid(whole) != 0);
    i32::try_from(share).unwrap_or(i32::MAX)
}

/// Parts of a whole, cut: `parts * of / whole`.
pub(crate) fn cut_share(of: i32, parts: i32, whole: i32) -> i32 {
    let share = i64::from(of) * i64::from(parts) / i64::from(whole.max(1));
    i32::try_from(share).unwrap_or(i32::MAX)
}

/// The highest weight (CAN-02).
pub fn max_weight(snapshot: &RolloutSnapshot) -> i32 {
    match snapshot.canary.routing {
        Routing::ByReplicas => 100,
        Routing::ByRouters { max_weight, .. } => max_weight,
    }
}

/// The current step with its index; without steps there is neither (CAN-03).
pub fn current_step(snapshot: &RolloutSnapshot) -> (Option<&Step>, Option<i32>) {
    if snapshot.canary.steps.is_empty() {
        return (None, None);
    }
    let index = snapshot.recorded.step_index.unwrap_or(0);
    let step = usize::try_from(index)
        .ok()
        .and_then(|index| snapshot.canary.steps.get(index));
    (step, Some(index))
}

/// The weight that the steps ask for now. Keeps CAN-04.
pub fn set_weight(snapshot: &RolloutSnapshot) -> i32 {
    if snapshot.recorded.abort.is_set() {
        return 0;
    }
    match current_step(snapshot) {
        (Some(_), Some(index)) => Target::fold(&snapshot.canary.steps, index)
            .weight
            .unwrap_or(0),
        _ => max_weight(snapshot),
    }
}

/// What decides the canary's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CanarySize {
    /// A number of pods.
    Replicas(i32),
    /// A weight.
    Weight(i32),
}

/// Keeps CAN-05.
pub fn canary_size(snapshot: &RolloutSnapshot) -> CanarySize {
    let recorded = &snapshot.recorded;
    if recorded.promote_full.is_set() || recorded.stable.is_empty() || snapshot.is_fully_promoted()
    {
        return CanarySize::Weight(max_weight(snapshot));
    }
    match canary_scale(snapshot) {
        Some(Scale::Replicas(replicas)) => CanarySize::Replicas(replicas),
        Some(Scale::Weight(weight)) => CanarySize::Weight(weight),
        None => CanarySize::Weight(desired_weight(snapshot)),
    }
}

/// What `setCanaryScale` asks for, where it counts. Keeps CAN-06.
pub fn canary_scale(snapshot: &RolloutSnapshot) -> Option<Scale> {
    match snapshot.canary.routing {
        Routing::ByReplicas => return None,
        Routing::ByRouters { .. } => {}
    }
    if snapshot.recorded.abort.is_set() && abort_delay(snapshot).is_some() {
        return None;
    }
    match current_step(snapshot) {
        (Some(_), Some(index)) => Target::fold(&snapshot.canary.steps, index).scale,
        _ => None,
    }
}

/// The weight that the canary should have, pods aside. Keeps TRF-31.
pub fn desired_weight(snapshot: &RolloutSnapshot) -> i32 {
    let (Some(new), Some(stable)) = (snapshot.new_replica_set(), snapshot.stable_replica_set())
    else {
        return set_weight(snapshot);
    };
    if !snapshot.recorded.abort.is_set() || !is_dynamic(snapshot) {
        return set_weight(snapshot);
    }
    let missing = snapshot.replicas.saturating_sub(stable.available);
    // An explicit delay keeps the canary at its size, so its size must not hold the weight up.
    let canary = if has_explicit_abort_delay(snapshot) {
        missing
    } else {
        missing.max(new.available)
    };
    snapshot
        .canary
        .steps
        .iter()
        .rev()
        .filter_map(Step::weight)
        .find(|weight| ceil_share(snapshot.replicas, *weight, max_weight(snapshot)) < canary)
        .unwrap_or(0)
}

/// Whether the stable ReplicaSet shrinks as weight moves.
pub fn is_dynamic(snapshot: &RolloutSnapshot) -> bool {
    matches!(
        snapshot.canary.routing,
        Routing::ByRouters {
            stable_scale: StableScale::Dynamic,
            ..
        }
    )
}

/// Seconds for which an aborted version is kept; `None` keeps it for good (an explicit 0).
pub fn abort_delay(snapshot: &RolloutSnapshot) -> Option<i32> {
    if let Some(colours) = &snapshot.blue_green {
        let seconds = colours.abort_scale_down_delay.unwrap_or(DEFAULT_DELAY);
        return Some(seconds).filter(|seconds| *seconds != 0);
    }
    match (
        snapshot.canary.routing,
        snapshot.canary.abort_scale_down_delay,
    ) {
        (Routing::ByReplicas, _) => Some(0),
        (Routing::ByRouters { .. }, None) => Some(DEFAULT_DELAY),
        (Routing::ByRouters { .. }, Some(0)) => None,
        (Routing::ByRouters { .. }, Some(seconds)) => Some(seconds),
    }
}

/// Seconds for which an older version is kept after a promotion. A canary without routers does not
/// keep it.
pub fn scale_down_delay(snapshot: &RolloutSnapshot) -> i32 {
    if let Some(colours) = &snapshot.blue_green {
        return colours.scale_down_delay.unwrap_or(DEFAULT_DELAY);
    }
    match snapshot.canary.routing {
        Routing::ByReplicas => 0,
        Routing::ByRouters { .. } => snapshot.canary.scale_down_delay.unwrap_or(DEFAULT_DELAY),
    }
}

/// Upstream's default for both scale-down delays, in seconds.
const DEFAULT_DELAY: i32 = 30;

/// Whether the user asked for a delayed scale-down on abort.
pub fn has_explicit_abort_delay(snapshot: &RolloutSnapshot) -> bool {
    if let Some(colours) = &snapshot.blue_green {
        return colours.abort_scale_down_delay.is_some() && abort_delay(snapshot).is_some();
    }
    match snapshot.canary.routing {
        Routing::ByReplicas => false,
        Routing::ByRouters { .. } => {
            snapshot.canary.abort_scale_down_delay.is_some() && abort_delay(snapshot).is_some()
        }
    }
}

/// The pods that both versions should have now, for the routing that the Rollout has.
pub fn counts(snapshot: &RolloutSnapshot, weights: Option<&Weights>) -> Counts {
    match snapshot.canary.routing {
        Routing::ByReplicas => basic::counts(snapshot),
        Routing::ByRouters { .. } => routed::counts(snapshot, weights),
    }
}

/// The counts of a canary without routers, whatever the Rollout says (CAN-09 to CAN-14).
pub fn basic_counts(snapshot: &RolloutSnapshot) -> Counts {
    basic::counts(snapshot)
}

/// The counts of a canary with routers, whatever the Rollout says (TRF-32, TRF-33).
pub fn routed_counts(snapshot: &RolloutSnapshot, weights: Option<&Weights>) -> Counts {
    routed::counts(snapshot, weights)
}

/// What is not yet as the current step asks for, if anything; the reason names the ReplicaSet and its
/// counts. Keeps CAN-25.
pub fn lacking(snapshot: &RolloutSnapshot, weights: Option<&Weights>) -> Option<Reason> {
    let desired = counts(snapshot, weights);
    let new = snapshot.new_replica_set();
    if !progress_is_enough(snapshot, new, desired.canary) {
        return Some(awaits(new, desired.canary));
    }
    if !is_dynamic(snapshot) {
        let stable = snapshot.stable_replica_set();
        let created = stable.is_some_and(|stable| {
            stable.replicas == desired.stable && stable.created_replicas == desired.stable
        });
        if !created {
            return Some(awaits(stable, desired.stable));
        }
    }
    if snapshot.canary.routing == Routing::ByReplicas {
        // Without routers every pod serves, so older versions must be gone.
        let older = snapshot
            .other_replica_sets()
            .find(|other| other.available != 0);
        if let Some(older) = older {
            return Some(awaits(Some(older), 0));
        }
    }
    None
}

fn awaits(replica_set: Option<&ReplicaSetView>, needed: i32) -> Reason {
    if let Some(set) = replica_set.filter(|set| set.available >= needed) {
        let pods = set.created_replicas.max(set.available);
        return Reason::Because(format!(
            "{} has {pods} pods and should have {needed}",
            set.name
        ));
    }
    Reason::AwaitsPods {
        replica_set: replica_set
            .map_or_else(|| "the ReplicaSet".to_owned(), |set| set.name.clone()),
        available: replica_set.map_or(0, |set| set.available),
        needed,
    }
}

/// Keeps CAN-26.
pub fn progress_is_enough(
    snapshot: &RolloutSnapshot,
    replica_set: Option<&ReplicaSetView>,
    desired: i32,
) -> bool {
    let canary = snapshot.rollout.spec.strategy.canary.as_ref();
    let threshold = canary
        .and_then(|canary| canary.replica_progress_threshold.as_ref())
        .filter(|threshold| threshold.value >= 0);
    let (Some(replica_set), Some(threshold)) = (replica_set, threshold) else {
        return replica_set.is_some_and(|set| desired == set.replicas && desired == set.available);
    };
    if threshold.kind == "Percent" {
        return desired == 0
            || i64::from(replica_set.available) * 100
                >= i64::from(threshold.value) * i64::from(desired);
    }
    replica_set.available >= threshold.value
}

/// Surge and unavailable in pods. Any text is a percentage (CAN-01); what cannot be read counts as 0,
/// for both.
pub fn fenceposts(
    surge: Option<&IntOrString>,
    unavailable: Option<&IntOrString>,
    replicas: i32,
) -> (i32, i32) {
    let default = IntOrString::String("25%".to_owned());
    let surge = share(surge.unwrap_or(&default), replicas, Rounding::Up);
    let unavailable = share(unavailable.unwrap_or(&default), replicas, Rounding::Down);
    let (Some(surge), Some(unavailable)) = (surge, unavailable) else {
        return (0, 0);
    };
    let unavailable = if surge == 0 && unavailable == 0 {
        1
    } else {
        unavailable
    };
    (surge, unavailable)
}

fn share(value: &IntOrString, of: i32, rounding: Rounding) -> Option<i32> {
    let share = scaled_any_text(value, i64::from(of), rounding).ok()?;
    i32::try_from(share).ok()
}

/// Saturated: its size, its wish and its available pods are the Rollout's. Keeps STS-09.
pub fn is_saturated(snapshot: &RolloutSnapshot, replica_set: &ReplicaSetView) -> bool {
    replica_set.replicas == snapshot.replicas
        && replica_set.desired == Some(snapshot.replicas)
        && replica_set.available == snapshot.replicas
}

#[cfg(test)]
mod tests;
