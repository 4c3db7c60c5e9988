//! What a Rollout takes from a workload that it refers to, and what it does to that.

use serde_json::Value;
use tidegate_api::pod_template;
use tidegate_core::plan::ObjectKey;

use super::{Deed, State};
use crate::{
    cluster::{Locator, fields, kinds},
    world::CONTROLLER,
};

/// S2-1 for Deployments: only one that the Rollout's `workloadRef` names is written.
pub(super) fn not_referred_to(
    state: &State,
    about: &ObjectKey,
    target: &ObjectKey,
) -> Option<String> {
    let rollout = Locator::new(kinds::ROLLOUTS, &about.namespace, &about.name);
    let named = state.get(&rollout).is_some_and(|rollout| {
        fields::text(rollout, &["spec", "workloadRef", "name"]) == target.name
            && fields::text(rollout, &["spec", "workloadRef", "kind"]) == "Deployment"
    });
    (!named).then(|| format!("S2-1: {about} does not refer to {target}"))
}

/// S1-26: a Deployment loses pods only as the Rollout's come in their place, and the last ones only to a
/// Rollout that is healthy.
pub(super) fn pods_come_before_they_go(deed: &Deed<'_>) -> Option<String> {
    let change = deed.change;
    let picture = deed.after;
    let reference = picture.spec("workloadRef");
    if change.actor != CONTROLLER
        || change.object.kind != kinds::DEPLOYMENTS
        || fields::text(reference, &["name"]) != &*change.object.name
    {
        return None;
    }
    let count = |object: &Value| fields::number(object, &["spec", "replicas"]).unwrap_or(1);
    let (was, is) = (change.old.as_deref().map_or(0, count), count(&change.new));
    if is >= was {
        return None;
    }
    let available = picture.set(&picture.stable).available;
    let name = &change.object.name;
    if available + is < picture.replicas {
        return Some(format!(
            "S1-26: Deployment {name} goes from {was} to {is}, and the Rollout has {available} pods"
        ));
    }
    let policy = fields::text(reference, &["scaleDown"]);
    let healthy = picture.status()["phase"] == "Healthy" && available > 0;
    let allowed = match policy {
        "onsuccess" => healthy && is == 0,
        "progressively" => healthy || is > 0,
        _ => false,
    };
    (!allowed).then(|| format!("S1-26: Deployment {name} goes from {was} to {is} ({policy})"))
}

/// S1-26: the template stays where it is: no write puts it into the Rollout, nor changes the Rollout's own but
/// for what nobody can read in it; and the generation that the status names is one that the referent has
/// had.
pub(super) fn template_stays_away(deed: &Deed<'_>) -> Option<String> {
    let change = deed.change;
    if change.actor != CONTROLLER || change.object.kind != kinds::ROLLOUTS {
        return None;
    }
    if fields::name(&change.new) != deed.after.name() {
        return None;
    }
    let old = change.old.as_deref()?;
    for member in ["template", "selector", "workloadRef"] {
        let (was, is) = (&old["spec"][member], &change.new["spec"][member]);
        let mended = || {
            let readable = pod_template::readable(was);
            member == "template" && readable.is_some_and(|readable| readable.template == *is)
        };
        if was != is && !mended() {
            return Some(format!("S1-26: spec.{member} is written"));
        }
    }
    let reference = &change.new["spec"]["workloadRef"];
    if fields::text(reference, &["kind"]) != "Deployment" {
        return None;
    }
    let (namespace, name) = (
        fields::namespace(&change.new),
        fields::text(reference, &["name"]),
    );
    let deployment = deed
        .state
        .get(&Locator::new(kinds::DEPLOYMENTS, namespace, name))?;
    let generation = fields::number(deployment, &["metadata", "generation"]).unwrap_or(0);
    let seen =
        |object: &Value| fields::text(object, &["status", "workloadObservedGeneration"]).to_owned();
    let observed = seen(&change.new);
    let newer = observed
        .parse::<i64>()
        .is_ok_and(|observed| observed > generation);
    (newer && observed != seen(old))
        .then(|| format!("S1-26: generation {observed} of {generation} was observed"))
}
