//! Customers' traffic: it always meets pods that can serve it.

use super::Deed;
use crate::{
    cluster::{fields, istio, kinds},
    world::CONTROLLER,
};

/// S0-1: what has a share of the traffic has a pod that serves it.
///
/// Pods that are still there but were told to go do not count: they go because we asked.
pub(super) fn no_black_hole(deed: &Deed<'_>) -> Option<String> {
    let serving = |picture: &super::Picture, hash: &str| {
        let set = picture.set(hash);
        set.available.min(set.want)
    };
    if deed.after.replicas == 0 {
        // Somebody asked for no pods at all.
        return None;
    }
    deed.after
        .hashes()
        .filter(|hash| deed.after.declared(hash) > 0 && serving(deed.after, hash) == 0)
        .filter(|hash| deed.before.declared(hash) == 0 || serving(deed.before, hash) > 0)
        .find(|hash| deed.known(hash) == 0)
        .map(|hash| {
            let share = deed.after.declared(hash);
            format!("S0-1: {hash} has weight {share} and no pod")
        })
}

/// S0-2: before a share rises, there are the pods that it needs, rounded down as upstream does.
///
/// Allowed: the stable side takes traffic back with whatever it has, as long as it has a pod, when
/// it was never scaled down for the update (it is not `dynamicStableScale`'s).
pub(super) fn capacity_before_weight(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    after
        .hashes()
        .filter(|hash| after.declared(hash) > before.declared(hash))
        .find_map(|hash| {
            let available = deed.capacity(hash);
            let share = after.declared(hash);
            let returns = hash == after.stable && !after.is_dynamic();
            let needed = if returns {
                after.needed_below(share).min(1)
            } else {
                after.needed_below(share)
            };
            (available < needed).then(|| {
                format!("S0-2: {hash} gets weight {share} with {available} of {needed} pods")
            })
        })
}

/// S0-3: a ReplicaSet is not scaled below what its share of the traffic needs, rounded up.
pub(super) fn weight_before_scale_down(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    // One that is deleted wants none.
    before.sets.keys().find_map(|hash| {
        let (was, set) = (before.set(hash).want, after.set(hash));
        let needed = after.needed_above(after.declared(hash));
        (set.want < was && set.want < needed).then(|| {
            format!(
                "S0-3: {hash} is scaled from {was} to {}, and its weight needs {needed}",
                set.want
            )
        })
    })
}

/// S0-4: a Service is never pointed at a ReplicaSet without pods while it has traffic, and at one with
/// fewer pods than that traffic needs.
///
/// Allowed, as upstream does it: after an abort that keeps the stable ReplicaSet whole, the canary
/// Service goes back to it whatever it has.
pub(super) fn selector_points_at_pods(deed: &Deed<'_>) -> Option<String> {
    if ![kinds::SERVICES, istio::DESTINATION_RULES].contains(&deed.change.object.kind) {
        return None;
    }
    let (before, after) = (deed.before, deed.after);
    let (old, new) = (before.routing.as_ref()?, after.routing.as_ref()?);
    new.selectors.iter().find_map(|(service, hash)| {
        let share = new.share_of_service(service);
        // Nothing was told apart before the first hash is set.
        let moved = old
            .selectors
            .get(service)
            .is_some_and(|old| !old.is_empty() && old != hash);
        let excused = after.is_aborted() && *hash == after.stable && !after.is_dynamic();
        if !moved || hash.is_empty() || share == 0 || excused {
            return None;
        }
        let needed = after.needed_below(share).max(1).min(after.replicas);
        let available = deed.capacity(hash);
        (available < needed).then(|| {
            format!(
                "S0-4: {service} of weight {share} is pointed at {hash} with {available} of {needed} pods"
            )
        })
    })
}

/// S0-5: while an update is under way, the stable ReplicaSet behind a router keeps its full size.
pub(super) fn stable_floor(deed: &Deed<'_>) -> Option<String> {
    let is_low = |picture: &super::Picture| {
        picture.routing.is_some()
            && !picture.is_dynamic()
            && (picture.is_in_flight() || picture.is_aborted())
            && picture.set(&picture.stable).want < picture.replicas
    };
    (is_low(deed.after) && !is_low(deed.before)).then(|| {
        format!(
            "S0-5: the stable ReplicaSet is to have {} of {} pods",
            deed.after.set(&deed.after.stable).want,
            deed.after.replicas
        )
    })
}

/// S0-11: once aborted, the new version never gets more traffic.
pub(super) fn abort_returns_traffic(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    if !before.is_aborted() || !after.is_aborted() || before.current != after.current {
        return None;
    }
    if !after.is_in_flight() || deed.change.actor != CONTROLLER {
        return None;
    }
    let (was, is) = (
        before.declared(&before.current),
        after.declared(&after.current),
    );
    (is > was).then(|| format!("S0-11: the aborted version goes from weight {was} to {is}"))
}

/// S0-13: nothing depends on a weight that is not the same on every route.
pub(super) fn routes_agree(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    let is_status = deed.change.object.kind == kinds::ROLLOUTS && deed.change.actor == CONTROLLER;
    let depends = before.current == after.current
        && (before.stable != after.stable || before.step < after.step)
        && !before.stable.is_empty();
    if !is_status || !depends || before.step.is_none() || before.promotes_fully() {
        return None;
    }
    let routing = before.routing.as_ref()?;
    let mut shares = routing.split(&before.current);
    let first = shares.next()?;
    let other = shares.find(|other| *other != first)?;
    Some(format!(
        "S0-13: an update goes on with weight {first} on one route and {other} on another"
    ))
}

/// S0-12: every weight is a whole number between nothing and all.
pub(super) fn weights_are_well_formed(deed: &Deed<'_>) -> Option<String> {
    if deed.change.object.kind != kinds::INGRESSES {
        return None;
    }
    let routing = deed.after.routing.as_ref()?;
    routing.weights.iter().find_map(|weight| {
        let fits = weight
            .parse::<i64>()
            .is_ok_and(|weight| (0..=routing.total).contains(&weight));
        (!fits).then(|| {
            let name = fields::name(&deed.change.new);
            format!(
                "S0-12: Ingress {name} has weight {weight} of {}",
                routing.total
            )
        })
    })
}
