//! Which pods are evicted because a restart was asked for (AVL-02 to AVL-07).

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    plan::{Class, Effect, ObjectKey, PODS, Plan, Verb, Write},
    reason::Reason,
    rollout::{
        draft::{Draft, Restart},
        pods::{self, PodView},
        replica_math::blue_green,
        restart,
        snapshot::{Lifetime, RolloutSnapshot},
    },
};

/// How soon pods that could not be evicted are looked at again (AVL-04). What becomes of a pod wakes
/// the Rollout before that; only a disruption budget may give way in silence.
const AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// Evicts pods that were created before `spec.restartAt`, as many as may be missing; the restart is
/// over once there is none. A pass that evicts one ends with that, so that nothing is scaled down on
/// account of pods that are about to go: [`crate::run::PlanRun`] sees to it.
///
/// Keeps AVL-02 to AVL-05 and AVL-07, and fixes AVL-06: pods of the stable ReplicaSet go first, then
/// those of the new one, then all others.
///
/// Differs from upstream: behind a router, a version that has a part of the traffic keeps its last
/// available pod, because nobody else serves that part (S0-1): it waits for another one, or for the
/// update to end. And a blue-green pass ends after evicting, too, because no pass should both
/// evict and scale down.
pub(crate) fn reconcile(
    snapshot: &RolloutSnapshot,
    draft: &mut Draft,
    now: Timestamp,
    plan: &mut Plan,
) {
    let Some(asked) = restart::is_asked_for(&snapshot.rollout) else {
        return;
    };
    if now < asked {
        plan.wake_at(asked, because("a restart is asked for"));
        return;
    }
    let Some(pods) = pods::listed(snapshot, plan) else {
        return;
    };
    let mut old: Vec<&PodView> = pods
        .iter()
        .filter(|pod| pod.created.is_none_or(|created| created < asked))
        .collect();
    if old.is_empty() {
        draft.restart = Restart::Done;
        return;
    }
    let again = now.checked_add(AGAIN).unwrap_or(Timestamp::MAX);
    plan.wake_at(again, because("pods from before spec.restartAt are left"));
    let allowed = allowed(snapshot, pods, now);
    if allowed == 0 {
        return;
    }
    old.retain(|pod| pod.lifetime == Lifetime::Alive);
    old.sort_by(|first, second| order(snapshot, first, second));
    keep_last_serving(snapshot, pods, &mut old, now);
    plan.most_evictions = allowed;
    let evictions = old.into_iter().map(|pod| evict(snapshot, pod));
    plan.effects.extend(evictions);
}

/// Takes the pods out that alone serve their version's part of the traffic.
fn keep_last_serving(
    snapshot: &RolloutSnapshot,
    pods: &[PodView],
    old: &mut Vec<&PodView>,
    now: Timestamp,
) {
    for place in sharing(snapshot) {
        let serves =
            |pod: &PodView| pod.set == place && pod.is_available(snapshot.min_ready_seconds, now);
        let is_old = |pod: &PodView| old.iter().any(|old| old.name == pod.name);
        let remains = pods.iter().any(|pod| serves(pod) && !is_old(pod));
        if !remains && let Some(last) = old.iter().rposition(|pod| serves(pod)) {
            old.remove(last);
        }
    }
}

/// The ReplicaSets that have some but not all of the traffic.
fn sharing(snapshot: &RolloutSnapshot) -> Vec<usize> {
    let Some(weights) = &snapshot.recorded.weights else {
        return Vec::new();
    };
    if weights.canary == 0 || weights.stable == 0 {
        return Vec::new();
    }
    let shares = [&weights.canary_hash, &weights.stable_hash];
    let sets = snapshot.replica_sets.iter().enumerate();
    sets.filter(|(_, set)| shares.contains(&&set.hash))
        .map(|(place, _)| place)
        .collect()
}

/// How many pods may go now. Keeps AVL-03.
fn allowed(snapshot: &RolloutSnapshot, pods: &[PodView], now: Timestamp) -> usize {
    let min_ready = snapshot.min_ready_seconds;
    let available = pods
        .iter()
        .filter(|pod| pod.is_available(min_ready, now))
        .count();
    let total = snapshot
        .replica_sets
        .iter()
        .fold(0_i32, |total, set| total.saturating_add(set.replicas));
    let least = snapshot.replicas.max(total) - max_unavailable(snapshot).max(1);
    let available = i32::try_from(available).unwrap_or(i32::MAX);
    usize::try_from(available.saturating_sub(least)).unwrap_or(0)
}

/// Keeps AVL-07.
fn max_unavailable(snapshot: &RolloutSnapshot) -> i32 {
    match &snapshot.rollout.spec.strategy.blue_green {
        Some(strategy) => blue_green::max_unavailable(strategy, snapshot.replicas),
        None => snapshot.canary.max_unavailable,
    }
}

fn order(snapshot: &RolloutSnapshot, first: &PodView, second: &PodView) -> Ordering {
    let key = |pod: &PodView| {
        let is_not = |role: Option<usize>| role != Some(pod.set);
        let role = (is_not(snapshot.stable), is_not(snapshot.new));
        (role, pod.created, pod.name.clone())
    };
    key(first).cmp(&key(second))
}

fn evict(snapshot: &RolloutSnapshot, pod: &PodView) -> Effect {
    Effect::Write(Write {
        verb: Verb::Evict,
        target: ObjectKey::new(PODS, &snapshot.namespace, &pod.name),
        guard: pod.guard(),
        body: Value::Null,
        class: Class::Destructive,
        events: Vec::new(),
        reason: because("it is from before spec.restartAt"),
    })
}

fn because(sentence: &str) -> Reason {
    Reason::Because(sentence.to_owned())
}
