//! The weight of the canary, and the split that routers are asked for (TRF-10 to TRF-34).

use tidegate_api::rollout::{TrafficWeights, WeightDestination};

use crate::{
    plan::{Backend, Effect, Event, ManagedRoutes, Route, RouteRequest, Sequence, TrafficSplit},
    reason::Reason,
    rollout::{
        desired::{analysis_runs::INCONCLUSIVE, experiments, routers},
        draft::Draft,
        replica_math::{
            self, current_step, cut_share, desired_weight, is_dynamic, lacking, max_weight,
            set_weight,
        },
        snapshot::{RolloutSnapshot, Routing, UserPause},
        steps::Target,
    },
};

/// What becomes of the traffic in this pass.
#[derive(Debug, Default)]
pub(crate) struct Routed {
    /// The change of routing.
    pub(crate) effect: Option<Effect>,
    /// Why nothing is changed.
    pub(crate) reason: Option<Reason>,
    /// Why sizes and steps stay as they are, too.
    pub(crate) hold: Option<Reason>,
    /// Why the routers are to be asked again soon whether the weight is in effect.
    pub(crate) unverified: Option<Reason>,
}

/// The routing of this pass, the weights to record, or why nothing is changed.
pub(crate) fn reconcile(snapshot: &RolloutSnapshot, draft: &mut Draft) -> Routed {
    match snapshot.canary.routing {
        Routing::ByReplicas => {
            draft.weights = None;
            return Routed::default();
        }
        Routing::ByRouters { .. } => {}
    }
    let wish = wish(snapshot, draft);
    if let Some(reason) = stable_is_short(snapshot, wish.weight) {
        return Routed {
            reason: Some(reason),
            ..Routed::default()
        };
    }
    let split = split(snapshot, &wish);
    if let Some(hold) = routers::hold(snapshot, draft, &split) {
        draft.events.extend(hold.event);
        return Routed {
            hold: Some(hold.reason),
            ..Routed::default()
        };
    }
    route(snapshot, draft, split, wish.reason)
}

/// The change of routing, and what the routers say of the weight (TRF-23).
fn route(
    snapshot: &RolloutSnapshot,
    draft: &mut Draft,
    split: TrafficSplit,
    reason: Reason,
) -> Routed {
    let mut told = Vec::new();
    let mut next = record(snapshot, &split);
    let held = snapshot.rollout.status.canary.weights.as_ref();
    let news = if held.is_none_or(|held| !same(held, &next)) {
        told.push(updated(held, &next));
        routers::News::Changed
    } else {
        routers::News::Same
    };
    let answer = routers::verify(snapshot, next.canary.weight, news);
    next.verified = answer.verified;
    draft.events.extend(answer.event);
    draft.weights = Some(next);
    let ends = split.canary.weight == split.max_weight;
    let route = Route {
        rollout: std::sync::Arc::clone(&snapshot.rollout),
        split,
        events: told,
        reason,
    };
    Routed {
        effect: Some(Effect::Route(Box::new(route))),
        reason: None,
        hold: answer.unverified.clone().filter(|_| ends),
        unverified: answer.unverified,
    }
}

/// What the routers are asked for.
struct Wish {
    weight: i32,
    canary_hash: String,
    /// Those of the experiment that runs.
    additional: Vec<Backend>,
    managed_routes: ManagedRoutes,
    reason: Reason,
}

/// The weight, first match. Keeps TRF-11 to TRF-17.
fn wish(snapshot: &RolloutSnapshot, draft: &Draft) -> Wish {
    let new = snapshot.new_replica_set();
    let hash = new.map_or_else(String::new, |new| new.hash.clone());
    let wish = |weight: i32, reason: Reason, managed_routes: ManagedRoutes| Wish {
        weight,
        canary_hash: hash.clone(),
        additional: Vec::new(),
        managed_routes,
        reason,
    };
    let beside = |wish: Wish| Wish {
        additional: experiments::receivers(snapshot, wish.weight, max_weight(snapshot)),
        ..wish
    };
    if let Some(old_canary) = rolls_back_dynamically(snapshot) {
        return Wish {
            canary_hash: old_canary.to_owned(),
            ..wish(
                step_down(snapshot),
                Reason::BackToStable,
                ManagedRoutes::Keep,
            )
        };
    }
    if snapshot.is_fully_promoted() {
        return wish(0, Reason::Promoted, ManagedRoutes::Remove);
    }
    if draft.is_aborted(snapshot) {
        return wish(step_down(snapshot), Reason::Aborted, ManagedRoutes::Remove);
    }
    let Some(new) = new.filter(|new| new.available > 0) else {
        let reason = Reason::Because("the new version has no available pods".to_owned());
        return beside(wish(0, reason, ManagedRoutes::Remove));
    };
    let max = max_weight(snapshot);
    if snapshot.recorded.promote_full.is_set() {
        let held = snapshot.recorded.weights.as_ref();
        let weight = if is_dynamic(snapshot) {
            cut_share(max, new.available, snapshot.replicas).min(max)
        } else {
            held.map_or(0, |weights| weights.canary)
        };
        return wish(weight, Reason::PromoteFull, ManagedRoutes::Remove);
    }
    let (_, Some(index)) = current_step(snapshot) else {
        let reason = Reason::Because("there are no steps".to_owned());
        return wish(0, reason, ManagedRoutes::Keep);
    };
    let (weight, reason) = while_paused(snapshot, mid_steps(snapshot, index));
    if replica_math::counts(snapshot, None).canary > 0 {
        return beside(wish(weight, reason, ManagedRoutes::Keep));
    }
    // Whoever is about to lose all pods loses its traffic and its routes first (S0-3, S0-15).
    beside(wish(0, reason, ManagedRoutes::Remove))
}

/// Differs from upstream, which moves traffic on to pods that were on their way when somebody paused
/// the Rollout (S1-7), or when an analysis came to no verdict (S1-6): a weight does not rise meanwhile.
fn while_paused(snapshot: &RolloutSnapshot, (weight, reason): (i32, Reason)) -> (i32, Reason) {
    let held = held_weight(snapshot);
    let by = match snapshot.user_pause {
        UserPause::Paused => "spec.paused is true",
        UserPause::Running if snapshot.is_paused_for(INCONCLUSIVE) => "an analysis has no verdict",
        UserPause::Running => return (weight, reason),
    };
    if weight <= held {
        return (weight, reason);
    }
    (held, Reason::Halted { by })
}

/// The weight that the new version has been given so far.
fn held_weight(snapshot: &RolloutSnapshot) -> i32 {
    let recorded = snapshot.recorded.weights.as_ref();
    let new = snapshot.new_replica_set();
    recorded
        .filter(|weights| new.is_some_and(|new| weights.canary_hash == new.hash))
        .map_or(0, |weights| weights.canary)
}

/// Who skips steps, or loses pods, gets no weight that the pods that are there could not carry.
///
/// Differs from upstream, which sets the weight of the steps before whatever pods there are (S0-2).
fn carried(snapshot: &RolloutSnapshot, weight: i32) -> i32 {
    let held = held_weight(snapshot);
    let needed = cut_share(snapshot.replicas, weight, max_weight(snapshot));
    let short = snapshot
        .new_replica_set()
        .is_none_or(|new| new.available < needed);
    if short { weight.min(held) } else { weight }
}

/// Until the pods for a step are there, the weight of the steps before it holds. Keeps TRF-16.
///
/// Differs from upstream: a weight that falls goes before the pods that it needs no more, because
/// fewer pods would have to carry the higher weight otherwise (S0-3).
fn mid_steps(snapshot: &RolloutSnapshot, index: i32) -> (i32, Reason) {
    if let Some(reason) = lacking(snapshot, None).filter(|_| !falls(snapshot)) {
        let before = Target::fold(&snapshot.canary.steps, index.saturating_sub(1));
        let weight = if index > 0 { before.weight } else { None };
        return (carried(snapshot, weight.unwrap_or(0)), reason);
    }
    match current_step(snapshot) {
        (Some(step), _) => (
            set_weight(snapshot),
            Reason::StepAsks {
                number: index.saturating_add(1),
                words: step.words(),
            },
        ),
        (None, _) => (
            max_weight(snapshot),
            Reason::Because("all steps are done".to_owned()),
        ),
    }
}

/// Whether the step asks for less weight than there was, and enough pods for it are there: also while
/// those that are too many are still to go, for the weight would go up again.
fn falls(snapshot: &RolloutSnapshot) -> bool {
    let (Some(new), Some(held)) = (snapshot.new_replica_set(), &snapshot.recorded.weights) else {
        return false;
    };
    held.canary_hash == new.hash
        && set_weight(snapshot) <= held.canary
        && new.available >= replica_math::counts(snapshot, None).canary
}

/// The weight on the way down, after an abort or back to the stable version: it never rises, and with
/// a dynamic stable version it falls no faster than stable pods come. Keeps TRF-30.
pub(crate) fn step_down(snapshot: &RolloutSnapshot) -> i32 {
    let (Some(stable), Some(_)) = (snapshot.stable_replica_set(), snapshot.new_replica_set())
    else {
        return 0;
    };
    if !is_dynamic(snapshot) || snapshot.replicas == 0 {
        return 0;
    }
    let max = max_weight(snapshot);
    let carried = cut_share(max, stable.available, snapshot.replicas);
    let expected = (max - carried).max(0);
    let desired = desired_weight(snapshot);
    let Some(weights) = &snapshot.recorded.weights else {
        return expected.max(desired);
    };
    if desired <= 0 {
        return expected.min(weights.canary);
    }
    if carried < max - desired {
        return weights.canary;
    }
    desired.min(weights.canary)
}

/// Whether the traffic of an aborted canary is all back, so that its Service may leave it.
pub(crate) fn is_abort_done(snapshot: &RolloutSnapshot) -> bool {
    !is_dynamic(snapshot) || step_down(snapshot) == 0
}

/// The hash of the canary that is being left, while a promoted Rollout with a dynamic stable version
/// brings its stable pods back. Keeps TRF-04.
pub fn rolls_back_dynamically(snapshot: &RolloutSnapshot) -> Option<&str> {
    if !snapshot.is_fully_promoted() || !is_dynamic(snapshot) {
        return None;
    }
    let weights = snapshot.recorded.weights.as_ref()?;
    let new = snapshot.new_replica_set();
    let hash = new.map_or("", |new| new.hash.as_str());
    let available = new.map_or(0, |new| new.available);
    (weights.canary_hash != hash && available < snapshot.replicas)
        .then_some(weights.canary_hash.as_str())
}

/// Whether routers that can tell are asked if a weight is in effect. Keeps TRF-25.
pub fn is_to_be_verified(snapshot: &RolloutSnapshot, weight: i32) -> bool {
    if snapshot.recorded.stable.is_empty() || snapshot.is_fully_promoted() {
        return false;
    }
    match current_step(snapshot) {
        (Some(step), _) => step.weight().is_some(),
        (None, _) => weight == max_weight(snapshot),
    }
}

/// Nothing is touched while the stable version could not carry its share. Keeps TRF-18.
fn stable_is_short(snapshot: &RolloutSnapshot, weight: i32) -> Option<Reason> {
    let stable = snapshot.stable_replica_set();
    let max = max_weight(snapshot);
    let needed = cut_share(snapshot.replicas, max - weight, max);
    let enough = stable.is_some_and(|set| {
        set.available >= needed || replica_math::progress_is_enough(snapshot, stable, needed)
    });
    (!enough).then(|| Reason::AwaitsPods {
        replica_set: stable.map_or_else(
            || "the stable ReplicaSet".to_owned(),
            |set| set.name.clone(),
        ),
        available: stable.map_or(0, |set| set.available),
        needed,
    })
}

fn split(snapshot: &RolloutSnapshot, wish: &Wish) -> TrafficSplit {
    let max = max_weight(snapshot);
    let empty = snapshot
        .new_replica_set()
        .is_none_or(|new| new.available == 0);
    let had_weight = snapshot
        .recorded
        .weights
        .as_ref()
        .is_some_and(|weights| weights.canary > 0);
    let (stable_service, canary_service) = snapshot.canary.routed_services();
    TrafficSplit {
        canary: Backend {
            weight: wish.weight,
            hash: wish.canary_hash.clone(),
            service: canary_service.to_owned(),
        },
        stable: Backend {
            weight: wish
                .additional
                .iter()
                .fold(max - wish.weight, |rest, one| rest - one.weight),
            hash: snapshot
                .stable_replica_set()
                .map_or_else(String::new, |set| set.hash.clone()),
            service: stable_service.to_owned(),
        },
        additional: wish.additional.clone(),
        max_weight: max,
        managed_routes: wish.managed_routes,
        routes: routes(snapshot, wish),
        sequence: if (empty && had_weight) || falls_away(snapshot, wish) {
            Sequence::WeightFirst
        } else {
            Sequence::HashFirst
        },
    }
}

/// Whether the canary's side gets less traffic and another version: then whoever has the traffic keeps
/// it until the weight is lower. Beyond TRF-20, whose canary is empty.
fn falls_away(snapshot: &RolloutSnapshot, wish: &Wish) -> bool {
    let recorded = snapshot.recorded.weights.as_ref();
    recorded.is_some_and(|held| held.canary > wish.weight && held.canary_hash != wish.canary_hash)
}

/// The routes that the steps so far ask for. Keeps TRF-19.
///
/// Differs from upstream: they are asked for in every pass and not only while their step is the current
/// one, so a route that somebody removes comes back; and only while the new version has pods, where
/// upstream leads such requests to nobody (S0-15).
fn routes(snapshot: &RolloutSnapshot, wish: &Wish) -> Vec<RouteRequest> {
    let served = snapshot
        .new_replica_set()
        .is_some_and(|new| new.available > 0);
    let updated = snapshot.revision.is_some_and(|revision| revision > 1);
    match (wish.managed_routes, current_step(snapshot)) {
        (ManagedRoutes::Keep, (Some(_), Some(index))) if served && updated => {
            Target::fold(&snapshot.canary.steps, index).routes
        }
        (ManagedRoutes::Keep | ManagedRoutes::Remove, _) => Vec::new(),
    }
}

/// Keeps TRF-22.
fn record(snapshot: &RolloutSnapshot, split: &TrafficSplit) -> TrafficWeights {
    let destination = |backend: &Backend, service: &str| WeightDestination {
        weight: backend.weight,
        service_name: service.to_owned(),
        pod_template_hash: backend.hash.clone(),
    };
    TrafficWeights {
        canary: destination(&split.canary, &snapshot.canary.canary_service),
        stable: destination(&split.stable, &snapshot.canary.stable_service),
        additional: split
            .additional
            .iter()
            .map(|backend| destination(backend, &backend.service))
            .collect(),
        verified: None,
    }
}

/// The weights as an update begins, and what is told of them: a canary that gets nothing gets nothing of the new
/// version, too. Whatever else changes waits for the routers; so do hashes that only they know.
pub(crate) fn handed_over(snapshot: &RolloutSnapshot) -> Option<(TrafficWeights, Event)> {
    let held = snapshot.rollout.status.canary.weights.as_ref()?;
    let serves_nobody = held.canary.weight == 0 && held.additional.is_empty();
    let routed = matches!(snapshot.canary.routing, Routing::ByRouters { .. })
        && !snapshot.canary.canary_service.is_empty();
    if !serves_nobody || !routed || held.verified.is_some() {
        return None;
    }
    let mut next = held.clone();
    next.canary
        .pod_template_hash
        .clone_from(&snapshot.template_hash);
    let told = updated(Some(held), &next);
    Some((next, told))
}

fn same(held: &TrafficWeights, next: &TrafficWeights) -> bool {
    held.canary == next.canary && held.stable == next.stable && held.additional == next.additional
}

/// Keeps TR-008, with lists as Go prints them.
fn updated(held: Option<&TrafficWeights>, next: &TrafficWeights) -> Event {
    let mut changes = Vec::new();
    match held {
        None => changes.push(format!("to {}", next.canary.weight)),
        Some(held) => {
            let (from, to) = (held.canary.weight, next.canary.weight);
            changes.extend((from != to).then(|| format!("from {from} to {to}")));
            if held.additional != next.additional {
                let all: Vec<String> = next.additional.iter().map(in_go).collect();
                changes.push(format!("additional: [{}]", all.join(" ")));
            }
        }
    }
    Event::normal(
        "TrafficWeightUpdated",
        format!("Traffic weight updated {}", changes.join(", ")),
    )
}

fn in_go(one: &WeightDestination) -> String {
    format!(
        "{{{} {} {}}}",
        one.weight, one.service_name, one.pod_template_hash
    )
}
