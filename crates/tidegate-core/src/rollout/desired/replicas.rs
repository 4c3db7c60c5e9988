//! `spec.replicas` of every ReplicaSet, and the notes that belong to a size.

pub(crate) mod blue_green;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tidegate_api::{labels, meta::Time};

use crate::{
    plan::{Class, Effect, Guard, ObjectKey, REPLICA_SETS, Verb, Write},
    reason::Reason,
    rollout::{
        draft::Draft,
        events,
        replica_math::{self, CanarySize, has_explicit_abort_delay, is_dynamic},
        scale_down,
        snapshot::{Deadline, ReplicaSetView, RolloutSnapshot, Routing, UserPause},
        traffic::Weights,
    },
};

/// What a pass does to sizes.
#[derive(Debug, Default)]
pub(crate) struct Sizes {
    pub(crate) effects: Vec<Effect>,
    pub(crate) wakes: Vec<(Timestamp, Reason)>,
    pub(crate) reasons: Vec<Reason>,
    /// Whether a size changes: then the pass ends, for availability is about to change.
    pub(crate) scaling: Scaling,
}

/// Whether a size changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scaling {
    #[default]
    Settled,
    Moved,
}

/// Sizes of the canary's ReplicaSets: deadlines first, then stable, new and others, ending after the
/// first group of which a size changes. Keeps CAN-20 (k) and CAN-23.
pub(crate) fn reconcile(snapshot: &RolloutSnapshot, draft: &Draft, now: Timestamp) -> Sizes {
    let mut sizes = Sizes::default();
    if is_halted(snapshot).is_some() {
        follow_count(snapshot, draft, &mut sizes);
        return sizes;
    }
    let holding = holds_on_abort(snapshot, draft);
    let unmarked = remove_deadlines(snapshot, holding, &mut sizes);
    scale_stable(snapshot, &unmarked, &mut sizes);
    if sizes.scaling == Scaling::Moved {
        return sizes;
    }
    let size = (canary_count(snapshot, draft, holding), why(snapshot));
    scale_new(snapshot, size, (&unmarked, holding, now), &mut sizes);
    if sizes.scaling == Scaling::Moved {
        return sizes;
    }
    scale_down::others(snapshot, now, &mut sizes);
    sizes
}

/// Why nothing may move, if that is so.
pub(crate) fn is_halted(snapshot: &RolloutSnapshot) -> Option<&'static str> {
    if snapshot.user_pause == UserPause::Paused {
        return Some("spec.paused is true");
    }
    snapshot
        .recorded
        .pauses
        .iter()
        .any(|pause| pause.reason == "InconclusiveAnalysisRun")
        .then_some("the analysis was inconclusive")
}

/// While nothing may move, sizes still follow a changed `spec.replicas`: each version keeps its share, and
/// the new one never gets more than it had.
///
/// Differs from upstream: there a paused canary is not scaled at all (CAN-22), and an autoscaler that
/// sees load coming can do nothing about it.
fn follow_count(snapshot: &RolloutSnapshot, draft: &Draft, sizes: &mut Sizes) {
    let canary = snapshot
        .new_replica_set()
        .filter(|_| snapshot.stable.is_some() && snapshot.new != snapshot.stable);
    let count = canary.map_or(0, |set| share(snapshot, draft, set));
    let rest = match snapshot.canary.routing {
        Routing::ByReplicas => snapshot.replicas.saturating_sub(count),
        Routing::ByRouters { .. } if snapshot.stable == snapshot.new => snapshot.replicas,
        Routing::ByRouters { .. } => {
            replica_math::counts(snapshot, snapshot.recorded.weights.as_ref()).stable
        }
    };
    let reason = || Reason::ReplicasChanged {
        replicas: snapshot.replicas,
    };
    let stable = snapshot.stable_replica_set();
    let main = stable.or_else(|| snapshot.new_replica_set());
    let wanted = main.map(|set| (set, rest)).into_iter();
    for (set, count) in wanted.chain(canary.map(|set| (set, count))) {
        if set.desired.is_none_or(|before| before == snapshot.replicas) {
            continue;
        }
        scale(snapshot, set, (count, reason()), (Holding::No, &[]), sizes);
        if sizes.scaling == Scaling::Moved {
            return;
        }
    }
}

/// A canary's part of the count, as it was before the count changed: of an aborted one never more than it
/// has (TRF-47). Behind routers it is rounded up, so that the pods carry their weight; else down, so that
/// their part of the traffic does not grow, but to no less than one.
fn share(snapshot: &RolloutSnapshot, draft: &Draft, set: &ReplicaSetView) -> i32 {
    let before = set.desired.unwrap_or(snapshot.replicas);
    if before <= 0 || set.replicas <= 0 || snapshot.replicas <= 0 {
        return 0;
    }
    let count = match snapshot.canary.routing {
        Routing::ByRouters { .. } => {
            replica_math::ceil_share(snapshot.replicas, set.replicas, before)
        }
        Routing::ByReplicas => {
            replica_math::cut_share(snapshot.replicas, set.replicas, before).max(1)
        }
    };
    if draft.is_aborted(snapshot) {
        count.min(set.replicas)
    } else {
        count
    }
}

/// Whether an aborted canary keeps its size for a while. Keeps TRF-45.
///
/// Differs from upstream: a delay of 0 keeps it for good also without `setCanaryScale`, because that is
/// what upstream's documentation promises; upstream scales it to nothing at once (TRF-46).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holding {
    /// It does, for that many seconds after the stable version is whole.
    For(i32),
    /// It does, until somebody decides what becomes of it.
    ForGood,
    /// It does not.
    No,
}

fn holds_on_abort(snapshot: &RolloutSnapshot, draft: &Draft) -> Holding {
    let routed = matches!(snapshot.canary.routing, Routing::ByRouters { .. });
    if !draft.is_aborted(snapshot) || snapshot.stable.is_none() || !routed {
        return Holding::No;
    }
    match replica_math::abort_delay(snapshot) {
        Some(seconds) if !is_dynamic(snapshot) || has_explicit_abort_delay(snapshot) => {
            Holding::For(seconds)
        }
        None if !is_dynamic(snapshot) => Holding::ForGood,
        Some(_) | None => Holding::No,
    }
}

/// The ReplicaSets from which this pass takes a deadline: one patch each, joined with a change of
/// size if there is one.
fn remove_deadlines(
    snapshot: &RolloutSnapshot,
    holding: Holding,
    sizes: &mut Sizes,
) -> Vec<String> {
    let new = snapshot
        .new_replica_set()
        .filter(|_| !matches!(holding, Holding::For(_)));
    let stable = snapshot
        .stable_replica_set()
        .filter(|stable| new.is_none_or(|new| new.name != stable.name));
    unmark(snapshot, new.into_iter().chain(stable), sizes)
}

/// Takes the deadlines of these ReplicaSets away; names those that had one.
fn unmark<'a>(
    snapshot: &RolloutSnapshot,
    sets: impl Iterator<Item = &'a ReplicaSetView>,
    sizes: &mut Sizes,
) -> Vec<String> {
    let mut unmarked = Vec::new();
    for set in sets {
        if set.scale_down_deadline.is_none() {
            continue;
        }
        sizes.effects.push(annotate(
            snapshot,
            set,
            &Value::Null,
            Reason::FollowsRollout,
        ));
        unmarked.push(set.name.clone());
    }
    unmarked
}

fn scale_stable(snapshot: &RolloutSnapshot, unmarked: &[String], sizes: &mut Sizes) {
    let Some(stable) = snapshot.stable_replica_set() else {
        return;
    };
    if snapshot.new == snapshot.stable {
        // Then it is scaled as the new one.
        return;
    }
    // The weights as they were before this pass: pods leave one pass after their traffic (TRF-34).
    let counts = replica_math::counts(snapshot, snapshot.recorded.weights.as_ref());
    scale(
        snapshot,
        stable,
        (counts.stable, why(snapshot)),
        (Holding::No, unmarked),
        sizes,
    );
}

/// The new version: as many pods as are wanted of it, unless it was aborted and is kept for a while.
fn scale_new(
    snapshot: &RolloutSnapshot,
    (mut count, reason): (i32, Reason),
    (unmarked, holding, now): (&[String], Holding, Timestamp),
    sizes: &mut Sizes,
) {
    let Some(new) = snapshot.new_replica_set() else {
        return;
    };
    if let Holding::For(seconds) = holding {
        match &new.scale_down_deadline {
            Some(Deadline::At(at)) if *at > now => {
                // Keeps TRF-46, and fixes TRF-48: a long delay holds as well as a short one.
                scale(
                    snapshot,
                    new,
                    (new.replicas, Reason::Aborted),
                    (holding, unmarked),
                    sizes,
                );
                let reason = Reason::ScaleDownDelay {
                    replica_set: new.name.clone(),
                };
                sizes.wakes.push((*at, reason));
                return;
            }
            Some(Deadline::At(_)) => count = 0,
            Some(Deadline::Unreadable(_)) => {}
            None => {
                hold(snapshot, (new, seconds, now), (holding, unmarked), sizes);
                return;
            }
        }
    }
    scale(snapshot, new, (count, reason), (holding, unmarked), sizes);
}

/// The size of the new ReplicaSet, deadlines aside.
///
/// Differs from upstream: with a dynamic stable version, pods of an aborted one only ever go. There,
/// each scaling up brings some back for a while, because the stable pods are not there yet (S1-23).
fn canary_count(snapshot: &RolloutSnapshot, draft: &Draft, holding: Holding) -> i32 {
    let Some(new) = snapshot.new_replica_set() else {
        return 0;
    };
    if holding == Holding::ForGood && snapshot.replicas > 0 {
        return new.replicas;
    }
    let weights = draft.weights.as_ref().map(Weights::from);
    let count = replica_math::counts(snapshot, weights.as_ref()).canary;
    if draft.is_aborted(snapshot) && is_dynamic(snapshot) {
        return count.min(new.replicas);
    }
    match (weights, replica_math::canary_size(snapshot)) {
        // Pods go after the traffic that they carry: a weight that is to fall may still wait for pods
        // of the stable version (S0-3).
        (Some(weights), CanarySize::Weight(_)) if weights.canary_hash == new.hash => {
            let max = replica_math::max_weight(snapshot);
            let carried = replica_math::ceil_share(snapshot.replicas, weights.canary, max);
            count.max(carried.min(new.replicas))
        }
        (Some(_), CanarySize::Weight(_) | CanarySize::Replicas(_)) | (None, _) => count,
    }
}

/// Keeps an aborted canary at its size; its deadline begins once the stable version is whole (TRF-46).
fn hold(
    snapshot: &RolloutSnapshot,
    (new, seconds, now): (&ReplicaSetView, i32, Timestamp),
    (holding, unmarked): (Holding, &[String]),
    sizes: &mut Sizes,
) {
    let before = sizes.effects.len();
    scale(
        snapshot,
        new,
        (new.replicas, Reason::Aborted),
        (holding, unmarked),
        sizes,
    );
    let whole = snapshot
        .stable_replica_set()
        .is_some_and(|stable| stable.available >= snapshot.replicas);
    if !whole || sizes.effects.len() > before {
        return;
    }
    mark(snapshot, new, seconds, now, sizes);
}

/// Notes on a ReplicaSet when it is to go, and looks again then.
pub(crate) fn mark(
    snapshot: &RolloutSnapshot,
    set: &ReplicaSetView,
    seconds: i32,
    now: Timestamp,
    sizes: &mut Sizes,
) {
    let at = now
        .checked_add(SignedDuration::from_secs(i64::from(seconds)))
        .unwrap_or(Timestamp::MAX);
    let reason = Reason::ScaleDownDelay {
        replica_set: set.name.clone(),
    };
    let deadline = json!(Time::new(at).to_string());
    sizes
        .effects
        .push(annotate(snapshot, set, &deadline, reason.clone()));
    sizes.wakes.push((at, reason));
}

fn annotate(
    snapshot: &RolloutSnapshot,
    set: &ReplicaSetView,
    deadline: &Value,
    reason: Reason,
) -> Effect {
    Effect::Write(Write {
        verb: Verb::Patch,
        target: ObjectKey::new(REPLICA_SETS, &snapshot.namespace, &set.name),
        guard: guard(set),
        body: json!({"metadata": {"annotations": {labels::SCALE_DOWN_DEADLINE: deadline}}}),
        class: Class::Meta,
        events: Vec::new(),
        reason,
    })
}

/// One write for size and notes, if anything differs. Keeps SCL-04 and SCL-05.
pub(crate) fn scale(
    snapshot: &RolloutSnapshot,
    set: &ReplicaSetView,
    (count, reason): (i32, Reason),
    (holding, unmarked): (Holding, &[String]),
    sizes: &mut Sizes,
) {
    // A step may ask for more than all of the weight, and so for less than no pods of the other side.
    let count = count.max(0);
    let marked = set.scale_down_deadline.is_some() && !unmarked.contains(&set.name);
    let notes_differ = set.desired != Some(snapshot.replicas) || (snapshot.replicas == 0 && marked);
    if set.replicas == count && !notes_differ {
        return;
    }
    let mut annotations = json!({labels::DESIRED_REPLICAS: snapshot.replicas.to_string()});
    if marked && count == 0 && holding == Holding::No {
        annotations[labels::SCALE_DOWN_DEADLINE] = Value::Null;
    }
    if unmarked.contains(&set.name) {
        // Joins the write that takes the deadline away: one write, one version.
        annotations[labels::SCALE_DOWN_DEADLINE] = Value::Null;
        sizes.effects.retain(|effect| !is_about(effect, set));
    }
    let mut body = json!({"metadata": {"annotations": annotations}});
    let mut told = Vec::new();
    if set.replicas != count {
        body["spec"] = json!({"replicas": count});
        let revision = set.revision.unwrap_or(0);
        told.push(events::scaled(&set.name, revision, set.replicas, count));
        sizes.scaling = Scaling::Moved;
    }
    sizes.effects.push(Effect::Write(Write {
        verb: Verb::Patch,
        target: ObjectKey::new(REPLICA_SETS, &snapshot.namespace, &set.name),
        guard: guard(set),
        body,
        class: if count < set.replicas {
            Class::Destructive
        } else {
            Class::Additive
        },
        events: told,
        reason,
    }));
}

fn is_about(effect: &Effect, set: &ReplicaSetView) -> bool {
    match effect {
        Effect::Write(write) => write.target.name == set.name,
        Effect::Route(_) => false,
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
    if snapshot.is_fully_promoted() {
        return Reason::ReplicasChanged {
            replicas: snapshot.replicas,
        };
    }
    match replica_math::current_step(snapshot) {
        (Some(step), Some(index)) => Reason::StepAsks {
            number: index.saturating_add(1),
            words: step.words(),
        },
        _ => Reason::Because("all steps are done".to_owned()),
    }
}

/// Only the very object that was looked at is written.
pub(crate) fn guard(set: &ReplicaSetView) -> Guard {
    Guard::Version {
        uid: set.uid.clone(),
        resource_version: set.resource_version.clone(),
    }
}
