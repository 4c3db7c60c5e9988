//! Pods of a canary whose traffic is split by routers.

use super::{CanarySize, Counts, canary_size, ceil_share, is_dynamic, max_weight};
use crate::rollout::{
    snapshot::{RolloutSnapshot, Routing},
    traffic::Weights,
};

/// Keeps TRF-32 and TRF-33.
pub(super) fn counts(snapshot: &RolloutSnapshot, weights: Option<&Weights>) -> Counts {
    let replicas = snapshot.replicas;
    let max = max_weight(snapshot);
    let share = |weight: i32| ceil_share(replicas, weight, max);
    let (canary, weight) = match canary_size(snapshot) {
        CanarySize::Replicas(count) => (count, 0),
        CanarySize::Weight(weight) => (at_least_min_pods(snapshot, share(weight)), weight),
    };
    if !is_dynamic(snapshot) {
        return Counts {
            canary,
            stable: replicas,
        };
    }
    let mut counts = Counts {
        canary,
        stable: share(max - weight),
    };
    if let Some(weights) = weights {
        // Weight moves before pods go, and pods come before weight moves.
        counts.stable = counts.stable.max(share(weights.stable));
        if snapshot.recorded.abort.is_set() {
            counts.canary = counts.canary.max(share(weights.canary));
        }
    }
    Counts {
        canary: at_least_min_pods(snapshot, counts.canary),
        stable: at_least_min_pods(snapshot, counts.stable),
    }
}

/// Keeps TRF-35: never more than the Rollout's own count, and none stays none.
fn at_least_min_pods(snapshot: &RolloutSnapshot, count: i32) -> i32 {
    match snapshot.canary.routing {
        Routing::ByRouters {
            min_pods: Some(least),
            ..
        } if count != 0 => count.max(least.min(snapshot.replicas)),
        Routing::ByRouters { .. } | Routing::ByReplicas => count,
    }
}
