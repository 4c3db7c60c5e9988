//! Single pods: which may be evicted, and what they carry.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;
use tidegate_api::{pod_template::ephemeral::Injected, rollout::Rollout};
use tidegate_core::rollout::replica_math::{blue_green, fenceposts};

use super::{Deed, State, picture::hash_of};
use crate::{
    cluster::{
        What, fields,
        kinds::{PODS, REPLICA_SETS},
    },
    world::CONTROLLER,
};

/// S0-7: a pod is only evicted where one more may be missing than are missing already.
pub(super) fn evictions_leave_enough(deed: &Deed<'_>) -> Option<String> {
    let change = deed.change;
    let went = change.what == What::Deleted || fields::is_deleting(&change.new);
    let was_going = change.old.as_deref().is_some_and(fields::is_deleting);
    if !is_ours(deed) || !went || was_going {
        return None;
    }
    let before = deed.before;
    let available: i64 = before.sets.values().map(|set| set.available).sum();
    let wanted: i64 = before.sets.values().map(|set| set.want).sum();
    let least = before.replicas.max(wanted) - max_unavailable(before.object()).max(1);
    (available <= least).then(|| {
        format!("S0-7: a pod is evicted with {available} available, and {least} must stay")
    })
}

fn max_unavailable(rollout: &Value) -> i64 {
    let Ok(rollout) = serde_json::from_value::<Rollout>(rollout.clone()) else {
        return 0;
    };
    let replicas = rollout.spec.replicas.unwrap_or(1);
    let strategy = &rollout.spec.strategy;
    i64::from(match (&strategy.canary, &strategy.blue_green) {
        (Some(canary), _) => {
            let (surge, unavailable) = (canary.max_surge.as_ref(), canary.max_unavailable.as_ref());
            fenceposts(surge, unavailable, replicas).1.min(replicas)
        }
        (None, Some(colours)) => blue_green::max_unavailable(colours, replicas),
        (None, None) => 0,
    })
}

/// S1-24: of a pod only those labels and annotations are written that its ReplicaSet's annotation
/// says were injected.
pub(super) fn only_what_was_injected(deed: &Deed<'_>) -> Option<String> {
    let change = deed.change;
    let old = change.old.as_deref()?;
    if !is_ours(deed) || change.what == What::Deleted {
        return None;
    }
    let owner = fields::controller_uid(&change.new);
    let set = deed
        .state
        .of(REPLICA_SETS)
        .find(|set| fields::uid(set) == owner)?;
    let injected = injected(set);
    for member in ["labels", "annotations"] {
        let path = ["metadata", member];
        let (before, after) = (fields::map(old, &path), fields::map(&change.new, &path));
        let mut keys = before.keys().chain(after.keys());
        let foreign = keys.find(|key| {
            before.get(*key) != after.get(*key) && !injected.contains(&(member, (*key).clone()))
        });
        if let Some(key) = foreign {
            return Some(format!(
                "S1-24: {key} of a pod is written and was never injected"
            ));
        }
    }
    None
}

/// What an annotation says was injected.
fn injected(set: &Value) -> BTreeSet<(&'static str, String)> {
    let notes = fields::map(set, &["metadata", "annotations"])
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    let Some(injected) = Injected::read(&notes) else {
        return BTreeSet::new();
    };
    let labels = injected.metadata.labels.into_keys();
    let annotations = injected.metadata.annotations.into_keys();
    labels
        .map(|key| ("labels", key))
        .chain(annotations.map(|key| ("annotations", key)))
        .collect()
}

/// Whether the controller wrote a pod of this Rollout.
fn is_ours(deed: &Deed<'_>) -> bool {
    let change = deed.change;
    let owner = fields::controller_uid(&change.new);
    change.actor == CONTROLLER
        && change.object.kind == PODS
        && deed
            .state
            .sets()
            .any(|set| set.uid == owner && set.owner == deed.after.uid)
}

/// S1-24: in the end every pod carries the metadata of its version's role, and none of the other's.
pub(super) fn carry_their_role(state: &State, rollout: &Value) -> Vec<String> {
    let (uid, status) = (fields::uid(rollout), &rollout["status"]);
    let stable = fields::text(status, &["stableRS"]);
    let (new_wish, stable_wish) = wishes(&rollout["spec"]["strategy"]);
    let mut broken = Vec::new();
    for set in state.of(REPLICA_SETS) {
        if fields::controller_uid(set) != uid {
            continue;
        }
        let (wish, other) = if hash_of(set) == stable {
            (stable_wish, new_wish)
        } else if hash_of(set) == fields::text(status, &["currentPodHash"]) {
            (new_wish, stable_wish)
        } else {
            (&Value::Null, stable_wish)
        };
        let template = &rollout["spec"]["template"]["metadata"];
        let pods = state.of(PODS).filter(|pod| {
            fields::controller_uid(pod) == fields::uid(set) && !fields::is_deleting(pod)
        });
        for pod in pods {
            broken.extend(check(pod, (wish, other), template));
        }
    }
    broken
}

fn wishes(strategy: &Value) -> (&Value, &Value) {
    let (canary, colours) = (&strategy["canary"], &strategy["blueGreen"]);
    if canary.is_object() {
        (&canary["canaryMetadata"], &canary["stableMetadata"])
    } else {
        (&colours["previewMetadata"], &colours["activeMetadata"])
    }
}

fn check(pod: &Arc<Value>, (wish, other): (&Value, &Value), template: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    for member in ["labels", "annotations"] {
        let held = fields::map(pod, &["metadata", member]);
        let wished = fields::map(wish, &[member]);
        for (key, value) in wished {
            if held.get(key) != Some(value) {
                broken.push(format!("S1-24: a pod lacks {key}={value}"));
            }
        }
        let own = fields::map(template, &[member]);
        let unwanted = fields::map(other, &[member]).keys().find(|key| {
            !wished.contains_key(*key) && !own.contains_key(*key) && held.contains_key(*key)
        });
        if let Some(key) = unwanted {
            broken.push(format!("S1-24: a pod keeps {key} of the other role"));
        }
    }
    broken
}
