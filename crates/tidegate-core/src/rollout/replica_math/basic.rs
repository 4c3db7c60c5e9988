//! Pods of a canary whose traffic follows the number of pods: weights are approximated within
//! maxSurge and maxUnavailable.

use super::{CanarySize, Counts, canary_size, max_weight};
use crate::rollout::snapshot::{ReplicaSetView, RolloutSnapshot};

/// Keeps CAN-09 to CAN-14.
pub(super) fn counts(snapshot: &RolloutSnapshot) -> Counts {
    let new = snapshot.new_replica_set();
    let stable = stable_apart(snapshot);
    let desired = desired(snapshot, stable);
    let most = snapshot.replicas + snapshot.canary.max_surge;
    let others: i32 = snapshot.other_replica_sets().map(|set| set.replicas).sum();
    let now = Counts {
        canary: new.map_or(0, |set| set.replicas),
        stable: stable.map_or(0, |set| set.replicas),
    };
    let room = most - others - now.canary - now.stable;
    let up = scale_up(now, desired, room, (new, stable));
    if others > 0 {
        // Older versions go first.
        return up;
    }
    let least = snapshot.replicas - snapshot.canary.max_unavailable;
    let increasing = new.is_none_or(|new| desired.canary >= new.replicas);
    // Where the stable ReplicaSet is the new one, its pods count on both sides, as upstream has it.
    let reckoned_stable = snapshot.stable_replica_set();
    // Pods of the side that is to shrink count even if they are not available.
    let pool = if increasing {
        removable(new, Availability::Counts) + removable(reckoned_stable, Availability::Ignored)
    } else {
        removable(new, Availability::Ignored) + removable(reckoned_stable, Availability::Counts)
    };
    if pool <= least {
        return up;
    }
    let limits = Limits {
        most,
        least,
        spare: pool - least,
    };
    if !increasing {
        let (canary, stable) = drain(
            (new, up.canary, desired.canary),
            (reckoned_stable, up.stable),
            limits,
        );
        return Counts { canary, stable };
    }
    if stable.is_some() {
        let (stable, canary) = drain(
            (stable, up.stable, desired.stable),
            (new, up.canary),
            limits,
        );
        return Counts { canary, stable };
    }
    up
}

/// The stable ReplicaSet where it is another than the new one.
fn stable_apart(snapshot: &RolloutSnapshot) -> Option<&ReplicaSetView> {
    let stable = snapshot.stable_replica_set()?;
    let same = snapshot
        .new_replica_set()
        .is_some_and(|new| new.name == stable.name);
    (!same).then_some(stable)
}

/// What the weight asks for; without a stable version apart, everything is new (CAN-14).
fn desired(snapshot: &RolloutSnapshot, stable: Option<&ReplicaSetView>) -> Counts {
    if stable.is_none() {
        return Counts {
            canary: snapshot.replicas,
            stable: 0,
        };
    }
    let weight = match canary_size(snapshot) {
        CanarySize::Weight(weight) => weight,
        CanarySize::Replicas(_) => 0,
    };
    approximate(
        snapshot.replicas,
        (weight, max_weight(snapshot)),
        snapshot.canary.max_surge,
    )
}

/// The counts closest to a weight. Keeps CAN-07 and CAN-08; the order of the options decides ties.
pub(crate) fn approximate(replicas: i32, (weight, max): (i32, i32), max_surge: i32) -> Counts {
    if replicas == 0 {
        return Counts {
            canary: 0,
            stable: 0,
        };
    }
    let product = i64::from(replicas) * i64::from(weight);
    let max_wide = i64::from(max.max(1));
    let floor = i32::try_from(product.div_euclid(max_wide)).unwrap_or(i32::MAX);
    let ceil = floor + i32::from(product.rem_euclid(max_wide) != 0);
    let edges_allowed = weight == max || weight == 0 || (replicas == 1 && max_surge == 0);
    let floor_allowed = floor != 0 || edges_allowed;
    let mut options = Vec::with_capacity(4);
    if ceil < replicas || edges_allowed {
        options.push((ceil, replicas));
    }
    if floor_allowed && !is_tied(replicas, weight, max) {
        options.push((floor, replicas));
    }
    if max_surge > 0 {
        options.push((ceil, replicas + 1));
        if floor_allowed && !is_tied(replicas + 1, weight, max) {
            options.push((floor, replicas + 1));
        }
    }
    let mut best: Option<(f64, i32, i32)> = None;
    for (canary, total) in options {
        let delta =
            (f64::from(canary) * f64::from(max) / f64::from(total) - f64::from(weight)).abs();
        if best.is_none_or(|(least, _, _)| delta < least) {
            best = Some((delta, canary, total));
        }
    }
    let (_, canary, total) = best.unwrap_or((0.0, 0, replicas));
    Counts {
        canary,
        stable: total - canary,
    }
}

/// Whether rounding up and down are equally far from the weight. Keeps Go's order of operations: the
/// quotient first.
fn is_tied(total: i32, weight: i32, max: i32) -> bool {
    let exact = f64::from(total) * (f64::from(weight) / f64::from(max));
    (exact.fract() - 0.5).abs() == 0.0
}

/// Spends the room on the stable version first. Keeps CAN-09.
fn scale_up(
    now: Counts,
    desired: Counts,
    room: i32,
    (new, stable): (Option<&ReplicaSetView>, Option<&ReplicaSetView>),
) -> Counts {
    let mut counts = now;
    let mut room = room;
    if stable.is_some() && now.stable < desired.stable && room > 0 {
        counts.stable = desired.stable.min(now.stable + room);
        room -= counts.stable - now.stable;
    }
    if new.is_some() && now.canary < desired.canary && room > 0 {
        counts.canary = desired.canary.min(now.canary + room);
    }
    counts
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Availability {
    Counts,
    Ignored,
}

/// The pods of one side of the scale-down pool. Keeps CAN-11: pods beyond the wished size are already
/// on their way out.
fn removable(replica_set: Option<&ReplicaSetView>, availability: Availability) -> i32 {
    let Some(set) = replica_set else {
        return 0;
    };
    if set.replicas < set.available || availability == Availability::Ignored {
        set.replicas
    } else {
        set.available
    }
}

#[derive(Clone, Copy)]
struct Limits {
    most: i32,
    least: i32,
    spare: i32,
}

/// Drains one side and re-fits the other to the limits. Keeps CAN-12 and CAN-13.
fn drain(
    (drained, mut count, desired): (Option<&ReplicaSetView>, i32, i32),
    (other, mut other_count): (Option<&ReplicaSetView>, i32),
    limits: Limits,
) -> (i32, i32) {
    if let Some(set) = drained.filter(|set| set.replicas > desired) {
        count = desired.max(set.replicas - limits.spare);
    }
    let over = (other_count + count - limits.most).max(0);
    let Some(other) = other else {
        return (count, other_count);
    };
    let drained_available = drained.map_or(0, |set| set.available.min(count));
    other_count -= over;
    let available = drained_available + other.available.min(other_count);
    let lost = (other.available - other_count).max(0);
    let short = (limits.least - available).max(0);
    other_count += lost.min(short);
    let over = (other_count + count - limits.most).max(0);
    (count - over, other_count)
}
