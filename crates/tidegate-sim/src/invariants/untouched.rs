//! When nothing may be written but a Rollout's (or an Experiment's) own status: it cannot be acted upon, it is going, or what
//! it names is another's.

use serde_json::Value;
use tidegate_api::{labels, rollout::Rollout};
use tidegate_core::{
    plan::{
        DEPLOYMENTS, EXPERIMENTS, ObjectKey, POD_TEMPLATES, REPLICA_SETS, ROLLOUTS, Resource, Verb,
        Write,
    },
    rollout::{service_names, validate, workload},
};

use super::{Deed, State, experiments};
use crate::{
    cluster::{Locator, fields, kinds},
    world::CONTROLLER,
};

/// S0-19, S0-20 and S2-14, before a write of a pass over a Rollout is sent.
pub(super) fn only_the_status(state: &State, about: &ObjectKey, write: &Write) -> Option<String> {
    if about.resource == EXPERIMENTS {
        let place = Locator::new(kinds::EXPERIMENTS, &about.namespace, &about.name);
        return experiments::only_the_status(state.get(&place)?, (about, &write.target));
    }
    if about.resource != ROLLOUTS {
        return None;
    }
    let object = state.get(&Locator::new(
        kinds::ROLLOUTS,
        &about.namespace,
        &about.name,
    ))?;
    if fields::is_deleting(object) {
        return Some(format!(
            "S0-20: {about} is going, and {} is written",
            write.target
        ));
    }
    if write.verb == Verb::PatchStatus && write.target == *about {
        return None;
    }
    // Read only for writes to others: most writes are statuses.
    let target = &write.target;
    let Ok(rollout) = serde_json::from_value::<Rollout>((**object).clone()) else {
        return Some(format!(
            "S0-19: {about} cannot be read, and {target} is written"
        ));
    };
    if let Some(finding) = validate::manifest(&rollout).first() {
        let why = &finding.message;
        return Some(format!(
            "S0-19: {about} is invalid, and {target} is written: {why}"
        ));
    }
    if let Some(referent) = workload::referent(&rollout)
        && kind_of(&referent.resource).is_some_and(|kind| {
            state
                .get(&Locator::new(kind, &referent.namespace, &referent.name))
                .is_none()
        })
    {
        return Some(format!(
            "S0-19: {referent} is missing, and {target} is written"
        ));
    }
    rival(state, &rollout, object).map(|(service, rival)| {
        format!(
            "S2-14: {rival}, which is older, names Service {service}, too, and {target} is written"
        )
    })
}

fn kind_of(resource: &Resource) -> Option<kinds::KindId> {
    [
        (DEPLOYMENTS, kinds::DEPLOYMENTS),
        (POD_TEMPLATES, kinds::POD_TEMPLATES),
        (REPLICA_SETS, kinds::REPLICA_SETS),
    ]
    .into_iter()
    .find(|(known, _)| known == resource)
    .map(|(_, kind)| kind)
}

/// A Service that an older Rollout names, too, unless the younger one manages it already.
fn rival(state: &State, rollout: &Rollout, object: &Value) -> Option<(String, String)> {
    let metadata = &rollout.metadata;
    let named = service_names(rollout);
    if named.is_empty() {
        return None;
    }
    let age = |object: &Value| {
        (
            fields::text(object, &["metadata", "creationTimestamp"]).to_owned(),
            fields::name(object).to_owned(),
        )
    };
    state.of(kinds::ROLLOUTS).find_map(|other| {
        let same = fields::uid(other) == metadata.uid
            || fields::namespace(other) != metadata.namespace
            || age(other) >= age(object);
        if same {
            return None;
        }
        let other: Rollout = serde_json::from_value((**other).clone()).ok()?;
        let shared = service_names(&other)
            .into_iter()
            .find(|name| named.contains(name) && !manages(state, rollout, name))?;
        Some((shared, other.metadata.name))
    })
}

fn manages(state: &State, rollout: &Rollout, service: &str) -> bool {
    let locator = Locator::new(kinds::SERVICES, &rollout.metadata.namespace, service);
    let path = ["metadata", "annotations", labels::MANAGED_BY_ROLLOUTS];
    state
        .get(&locator)
        .is_some_and(|service| fields::text(service, &path) == rollout.metadata.name)
}

/// S0-20: a Service is released only once its Rollout is gone or names it no more, and never loses the
/// last key of its selector.
pub(super) fn release_keeps_pods(deed: &Deed<'_>) -> Option<String> {
    let change = deed.change;
    if change.actor != CONTROLLER || change.object.kind != kinds::SERVICES {
        return None;
    }
    let path = ["spec", "selector"];
    let (old, new) = (
        fields::map(change.old.as_deref()?, &path),
        fields::map(&change.new, &path),
    );
    let name = &change.object.name;
    if !old.is_empty() && new.is_empty() {
        return Some(format!("S0-20: Service {name} selects nothing any more"));
    }
    let released =
        old.contains_key(labels::POD_TEMPLATE_HASH) && !new.contains_key(labels::POD_TEMPLATE_HASH);
    if !released {
        return None;
    }
    let rollout = deed.state.of(kinds::ROLLOUTS).find(|rollout| {
        serde_json::from_value::<Rollout>((***rollout).clone())
            .is_ok_and(|rollout| service_names(&rollout).contains(&**name))
    })?;
    let manager = ["metadata", "annotations", labels::MANAGED_BY_ROLLOUTS];
    let old_manager = fields::text(change.old.as_deref()?, &manager);
    (fields::name(rollout) == old_manager)
        .then(|| format!("S0-20: Service {name} is released while its Rollout names it"))
}
