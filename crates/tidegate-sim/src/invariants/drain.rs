//! Experiments that are a Rollout's steps: their traffic meets pods, leaves before they go, and they do
//! go.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;
use tidegate_api::{labels, meta::Time};

use super::{Deed, State, picture::hash_of};
use crate::{
    cluster::{What, fields, kinds},
    world::CONTROLLER,
};

/// The Experiments that are steps of a Rollout, by its uid.
fn steps<'a>(state: &'a State, rollout: &'a str) -> impl Iterator<Item = &'a Arc<Value>> {
    let all = state.of(kinds::EXPERIMENTS);
    all.filter(move |one| !rollout.is_empty() && fields::controller_uid(one) == rollout)
}

fn is_step(state: &State, (rollout, uid): (&str, &str)) -> bool {
    !uid.is_empty() && steps(state, rollout).any(|one| fields::uid(one) == uid)
}

/// The objects of a kind that belong to an Experiment, by its uid.
fn own<'a>(
    state: &'a State,
    kind: kinds::KindId,
    experiment: &'a str,
) -> impl Iterator<Item = &'a Arc<Value>> {
    let all = state.of(kind);
    all.filter(move |one| !experiment.is_empty() && fields::controller_uid(one) == experiment)
}

/// The version of an Experiment that an object belongs to.
fn template(object: &Value) -> &str {
    let path = ["metadata", "annotations", labels::EXPERIMENT_TEMPLATE_NAME];
    fields::text(object, &path)
}

/// The Services of a Rollout's Experiments, by name.
pub(super) fn services(state: &State, rollout: &str) -> BTreeSet<String> {
    let services =
        steps(state, rollout).flat_map(|one| own(state, kinds::SERVICES, fields::uid(one)));
    services
        .map(|service| fields::name(service).to_owned())
        .collect()
}

/// The hashes of the ReplicaSets of a Rollout's Experiments.
pub(super) fn hashes(state: &State, rollout: &str) -> BTreeSet<String> {
    let sets =
        steps(state, rollout).flat_map(|one| own(state, kinds::REPLICA_SETS, fields::uid(one)));
    sets.map(|set| hash_of(set).to_owned()).collect()
}

/// S0-14: no pods, no Service and no Experiment go while routers still send traffic there.
pub(super) fn traffic_leaves_first(deed: &Deed<'_>) -> Option<String> {
    let (change, state) = (deed.change, deed.state);
    if change.actor != CONTROLLER {
        return None;
    }
    let routing = deed.after.routing.as_ref()?;
    let goes = change.what == What::Deleted || fields::is_deleting(&change.new);
    let object = &*change.new;
    let rollout = deed.after.uid.as_str();
    let owner = fields::controller_uid(object);
    let with_traffic = |services: &mut dyn Iterator<Item = &str>| {
        let mut shares = services.map(|name| (name, routing.share_of_service(name)));
        let (service, share) = shares.find(|(_, share)| *share > 0)?;
        let (kind, name) = (fields::text(object, &["kind"]), fields::name(object));
        Some(format!(
            "S0-14: {kind} {name} goes while Service {service} has weight {share}"
        ))
    };
    let kind = change.object.kind;
    if kind == kinds::EXPERIMENTS && goes && owner == rollout {
        let services = own(state, kinds::SERVICES, fields::uid(object));
        return with_traffic(&mut services.map(|service| fields::name(service)));
    }
    if !is_step(state, (rollout, owner)) {
        return None;
    }
    if kind == kinds::SERVICES && goes {
        return with_traffic(&mut std::iter::once(fields::name(object)));
    }
    let size = |set: &Value| fields::number(set, &["spec", "replicas"]).unwrap_or(1);
    let shrinks = goes
        || change
            .old
            .as_deref()
            .is_some_and(|old| size(object) < size(old));
    if kind != kinds::REPLICA_SETS || !shrinks {
        return None;
    }
    let services = own(state, kinds::SERVICES, owner);
    let services = services.filter(|service| template(service) == template(object));
    with_traffic(&mut services.map(|service| fields::name(service)))
}

/// S0-14: a version of an Experiment that gets traffic is to have pods, and has had some. That it still
/// has them nobody can know.
pub(super) fn traffic_meets_pods(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before.routing.as_ref()?, deed.after.routing.as_ref()?);
    let state = deed.state;
    let mut services =
        steps(state, &deed.after.uid).flat_map(|one| own(state, kinds::SERVICES, fields::uid(one)));
    services.find_map(|service| {
        let name = fields::name(service);
        let share = after.share_of_service(name);
        if share <= before.share_of_service(name) {
            return None;
        }
        let owner = fields::controller_uid(service);
        let mut sets = own(state, kinds::REPLICA_SETS, owner);
        let serves = sets.any(|set| {
            template(set) == template(service)
                && fields::number(set, &["spec", "replicas"]).unwrap_or(1) > 0
                && state.was_available((owner, hash_of(set)))
        });
        (!serves).then(|| format!("S0-14: Service {name} gets weight {share}, and has no pods"))
    })
}

/// L-8: of an Experiment that is over no pods stay after their deadline, once nobody sends them traffic.
pub(super) fn overdue(state: &State, is_late: &dyn Fn(Timestamp) -> bool) -> Vec<String> {
    let note = ["metadata", "annotations", labels::SCALE_DOWN_DEADLINE];
    let mut late = Vec::new();
    for rollout in state.of(kinds::ROLLOUTS) {
        let over = steps(state, fields::uid(rollout)).filter(|one| is_left(rollout, one));
        let sets = over.flat_map(|one| own(state, kinds::REPLICA_SETS, fields::uid(one)));
        late.extend(sets.filter(|set| has_pods(set)).filter_map(|set| {
            let due = fields::text(set, &note).parse::<Time>().ok()?.timestamp();
            is_late(due).then(|| format!("L-8: {} is there after its deadline", fields::name(set)))
        }));
    }
    late
}

/// L-8: in the end every Experiment whose step is left is over, and has neither pods nor Services.
pub(super) fn ends(state: &State, rollout: &Value) -> Vec<String> {
    let current = fields::text(rollout, &["status", "canary", "currentExperiment"]);
    let left = steps(state, fields::uid(rollout)).filter(|one| fields::name(one) != current);
    let mut broken = Vec::new();
    for one in left {
        let (name, uid) = (fields::name(one), fields::uid(one));
        if !is_over(one) {
            broken.push(format!("L-8: {name} goes on, and no step waits for it"));
        }
        let sets = own(state, kinds::REPLICA_SETS, uid).filter(|set| has_pods(set));
        broken.extend(sets.map(|set| format!("L-8: {} still has pods", fields::name(set))));
        let services = own(state, kinds::SERVICES, uid);
        broken.extend(services.map(|one| format!("L-8: Service {} is left", fields::name(one))));
    }
    broken
}

/// Whether an Experiment is over and its Rollout has no word of it any more.
fn is_left(rollout: &Value, experiment: &Value) -> bool {
    let canary = &rollout["status"]["canary"];
    let recorded = fields::list(canary, &["weights", "additional"]);
    is_over(experiment)
        && fields::text(canary, &["currentExperiment"]) != fields::name(experiment)
        && recorded.is_empty()
}

fn is_over(experiment: &Value) -> bool {
    let phase = fields::text(experiment, &["status", "phase"]);
    ["Successful", "Failed", "Error", "Inconclusive"].contains(&phase)
}

fn has_pods(set: &Value) -> bool {
    fields::number(set, &["spec", "replicas"]).unwrap_or(1) > 0
}
