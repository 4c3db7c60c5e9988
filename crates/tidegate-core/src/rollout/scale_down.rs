//! ReplicaSets that nobody needs any more: older versions drain, and history is cut (CAN-44, CAN-45,
//! TRF-40 to TRF-43, REV-06).

use std::cmp::Reverse;

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    plan::{Class, Effect, ObjectKey, REPLICA_SETS, Verb, Write},
    reason::Reason,
    rollout::{
        desired::replicas::{self, Holding, Sizes, guard},
        replica_math::{is_dynamic, scale_down_delay},
        snapshot::{Deadline, Lifetime, ObservedSpec, ReplicaSetView, RolloutSnapshot, Routing},
    },
};

/// Drains ReplicaSets that are neither new nor stable.
pub(crate) fn others(snapshot: &RolloutSnapshot, now: Timestamp, sizes: &mut Sizes) {
    let active: Vec<&ReplicaSetView> = snapshot
        .other_replica_sets()
        .filter(|set| set.replicas > 0)
        .collect();
    if active.is_empty() {
        return;
    }
    let mut drained = drop_unavailable(snapshot, &active, sizes);
    // Pods beyond the size of their ReplicaSet are on their way out, and replace nobody (S0-7).
    let staying = snapshot.replica_sets.iter();
    let available: i32 = staying.map(|set| set.available.min(set.replicas)).sum();
    let least = snapshot.replicas - snapshot.canary.max_unavailable;
    let mut budget = available - least;
    if budget <= 0 {
        return;
    }
    let mut by_revision = active;
    by_revision.sort_by_key(|set| (Reverse(set.revision), Reverse(set.created)));
    let mut kept = 0;
    for set in by_revision {
        if budget <= 0 {
            break;
        }
        if drained.contains(&set.name) {
            // One write per pass and object: the rest of it goes with the next one.
            continue;
        }
        let wanted = match snapshot.canary.routing {
            Routing::ByReplicas => (set.replicas - budget).max(0),
            Routing::ByRouters { .. } if is_referenced(snapshot, set) => continue,
            Routing::ByRouters { .. } => routed(snapshot, set, (&mut kept, now), sizes),
        };
        if wanted == set.replicas {
            continue;
        }
        let reason = Reason::Unused {
            replica_set: set.name.clone(),
        };
        replicas::scale(snapshot, set, (wanted, reason), (Holding::No, &[]), sizes);
        drained.push(set.name.clone());
        budget -= set.replicas - wanted;
    }
}

/// Pods that are not available serve nobody: they go first. Keeps CAN-45.
fn drop_unavailable(
    snapshot: &RolloutSnapshot,
    active: &[&ReplicaSetView],
    sizes: &mut Sizes,
) -> Vec<String> {
    let mut dropped = Vec::new();
    for set in active {
        if set.available < set.replicas {
            let reason = Reason::Unused {
                replica_set: set.name.clone(),
            };
            let size = (set.available, reason);
            replicas::scale(snapshot, set, size, (Holding::No, &[]), sizes);
            dropped.push(set.name.clone());
        }
    }
    dropped
}

/// The size of an old ReplicaSet that no router sends traffic to. Keeps TRF-40 and TRF-42.
///
/// Differs from upstream: an explicit delay of 0 scales down at once (TRF-41), where upstream never
/// does.
fn routed(
    snapshot: &RolloutSnapshot,
    set: &ReplicaSetView,
    (kept, now): (&mut i32, Timestamp),
    sizes: &mut Sizes,
) -> i32 {
    if !snapshot.is_fully_promoted() && set.scale_down_deadline.is_none() {
        // Superseded in the middle of its own update: nothing was ever promised to it.
        return 0;
    }
    if is_dynamic(snapshot) {
        return 0;
    }
    let limit = snapshot
        .canary
        .scale_down_delay_revision_limit
        .unwrap_or(i32::MAX);
    match &set.scale_down_deadline {
        None => {
            let seconds = scale_down_delay(snapshot);
            if *kept >= limit || seconds == 0 {
                return 0;
            }
            *kept += 1;
            replicas::mark(snapshot, set, seconds, now, sizes);
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
            set.replicas
        }
    }
}

/// Whether the status, the recorded weights, a live Service or a router still name the ReplicaSet. Keeps
/// TRF-43; of a `pingPong` without canary weight the canary's Service does not count, because it keeps the
/// old version until the next update comes.
pub(crate) fn is_referenced(snapshot: &RolloutSnapshot, set: &ReplicaSetView) -> bool {
    if set.hash.is_empty() {
        return false;
    }
    let recorded = &snapshot.recorded;
    let colours = &recorded.colours;
    let by_status = [
        &recorded.stable,
        &recorded.current,
        &colours.active,
        &colours.preview,
    ];
    let by_weights = recorded
        .weights
        .iter()
        .flat_map(|weights| [&weights.canary_hash, &weights.stable_hash]);
    let has_weight = recorded
        .weights
        .as_ref()
        .is_some_and(|weights| weights.canary > 0);
    let idle = snapshot.canary.ping_pong.as_ref().filter(|_| !has_weight);
    let by_services = snapshot
        .services
        .values()
        .filter(|service| idle.is_none_or(|roles| roles.canary != service.name))
        .map(|service| &service.hash);
    let by_routers = snapshot.routers.iter().flat_map(|router| &router.named);
    by_status
        .into_iter()
        .chain(by_weights)
        .chain(by_services)
        .chain(by_routers)
        .any(|hash| *hash == set.hash)
}

/// Deletes the oldest ReplicaSets beyond the history limit that have no pods. Keeps REV-06.
pub(crate) fn history(snapshot: &RolloutSnapshot) -> Vec<Effect> {
    let alive: Vec<&ReplicaSetView> = snapshot
        .other_replica_sets()
        .filter(|set| set.lifetime == Lifetime::Alive)
        .collect();
    let limit = usize::try_from(snapshot.revision_history_limit).unwrap_or(0);
    let excess = alive.len().saturating_sub(limit);
    alive
        .into_iter()
        .take(excess)
        .filter(|set| {
            set.replicas == 0 && set.created_replicas == 0 && set.observed == ObservedSpec::Current
        })
        .map(|set| {
            Effect::Write(Write {
                verb: Verb::Delete,
                target: ObjectKey::new(REPLICA_SETS, &snapshot.namespace, &set.name),
                guard: guard(set),
                body: Value::Null,
                class: Class::Destructive,
                events: Vec::new(),
                reason: Reason::HistoryLimit,
            })
        })
        .collect()
}
