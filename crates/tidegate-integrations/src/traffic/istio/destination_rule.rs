//! The subsets of a `DestinationRule`: their labels carry the hashes of the two versions (TR-318 to TR-321).

use serde_json::{Map, Value, json};
use tidegate_api::{
    labels::{MANAGED_BY_ROLLOUTS, POD_TEMPLATE_HASH},
    rollout::IstioDestinationRule,
};
use tidegate_core::{
    plan::{Class, DESTINATION_RULES, Event, ObjectKey, Route, TrafficSplit, Verb, Write},
    reason::Reason,
};

use super::{guard, guarded, rule_key};

/// Which subsets are pointed at their versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// The stable one alone: the canary's follows once it has lost its weight.
    Stable,
    /// Both, and those of experiments.
    Both,
}

/// The name of the Rollout whose marks the rule carries.
pub(in super::super) fn manager(rule: &Value) -> Option<&str> {
    rule.get("metadata")?
        .get("annotations")?
        .get(MANAGED_BY_ROLLOUTS)?
        .as_str()
        .filter(|name| !name.is_empty())
}

fn subsets(rule: &Value) -> &[Value] {
    let subsets = rule.pointer("/spec/subsets").and_then(Value::as_array);
    subsets.map_or(&[], Vec::as_slice)
}

fn name_of(subset: &Value) -> &str {
    subset
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn hash_of(subset: &Value) -> &str {
    let hash = subset
        .get("labels")
        .and_then(|labels| labels.get(POD_TEMPLATE_HASH));
    hash.and_then(Value::as_str).unwrap_or_default()
}

/// Whether the rule has a subset of this name.
pub(super) fn has(rule: &Value, name: &str) -> bool {
    subsets(rule).iter().any(|subset| name_of(subset) == name)
}

/// The hash of a subset; empty if it has none.
pub(super) fn hash<'a>(rule: &'a Value, name: &str) -> &'a str {
    let mut subsets = subsets(rule).iter();
    subsets
        .find(|subset| name_of(subset) == name)
        .map_or("", hash_of)
}

/// All hashes that the rule's subsets name (TRF-43).
pub(super) fn hashes(rule: &Value) -> Vec<String> {
    let hashes = subsets(rule).iter().map(hash_of);
    hashes
        .filter(|hash| !hash.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The write that points the subsets at the split's versions and notes whose they are, if something is
/// missing. Keeps TR-318 and TR-319.
///
/// Differs from upstream: subsets that are not ours stay, additional ones included; only those that carry
/// a hash and belong to no experiment of now go, and those only once the rule is marked as ours: before, they
/// may be another Rollout's.
pub(super) fn point(
    route: &Route,
    named: &IstioDestinationRule,
    rule: &Value,
    which: Which,
) -> Option<Write> {
    let (split, rollout) = (&route.split, &*route.rollout);
    let ours = manager(rule) == Some(rollout.metadata.name.as_str());
    let mut next: Vec<Value> = subsets(rule)
        .iter()
        .filter_map(|subset| {
            pointed(subset, named, split, which).or_else(|| (!ours).then(|| subset.clone()))
        })
        .collect();
    if which == Which::Both {
        next.extend(split.additional.iter().filter(|backend| !has(rule, &backend.service)).map(
            |backend| json!({"name": backend.service, "labels": {POD_TEMPLATE_HASH: backend.hash}}),
        ));
    }
    let mut body = Map::new();
    if next != subsets(rule) {
        body.insert("spec".to_owned(), json!({ "subsets": next }));
    }
    if !ours && (which == Which::Both || !body.is_empty()) {
        let annotations = json!({MANAGED_BY_ROLLOUTS: rollout.metadata.name});
        body.insert("metadata".to_owned(), json!({ "annotations": annotations }));
    }
    if body.is_empty() {
        return None;
    }
    let message = format!(
        "DestinationRule {} subset updated ({}: {}, {}: {})",
        named.name,
        named.canary_subset_name,
        split.canary.hash,
        named.stable_subset_name,
        split.stable.hash
    );
    let events = vec![Event::normal("UpdatedDestinationRule", message)];
    let target = rule_key(rollout, &named.name);
    Some(guarded(target, rule, Value::Object(body), (events, route)))
}

/// A subset as it should be; `None` if it should go.
fn pointed(
    subset: &Value,
    named: &IstioDestinationRule,
    split: &TrafficSplit,
    which: Which,
) -> Option<Value> {
    let name = name_of(subset);
    if name == named.canary_subset_name {
        return Some(match which {
            Which::Both => with_hash(subset, &split.canary.hash),
            Which::Stable => subset.clone(),
        });
    }
    if name == named.stable_subset_name {
        return Some(with_hash(subset, &split.stable.hash));
    }
    if which == Which::Stable {
        return Some(subset.clone());
    }
    if let Some(backend) = split
        .additional
        .iter()
        .find(|backend| backend.service == name)
    {
        return Some(with_hash(subset, &backend.hash));
    }
    let listed = named
        .additional_subset_names
        .iter()
        .any(|kept| kept == name);
    (listed || hash_of(subset).is_empty()).then(|| subset.clone())
}

fn with_hash(subset: &Value, hash: &str) -> Value {
    if hash_of(subset) == hash {
        return subset.clone();
    }
    let mut subset = subset.clone();
    if let Some(members) = subset.as_object_mut() {
        let labels = members.entry("labels").or_insert_with(|| json!({}));
        if labels.is_null() {
            *labels = json!({});
        }
        if let Some(labels) = labels.as_object_mut() {
            if hash.is_empty() {
                labels.remove(POD_TEMPLATE_HASH);
            } else {
                labels.insert(POD_TEMPLATE_HASH.to_owned(), json!(hash));
            }
        }
    }
    subset
}

/// The write that takes a Rollout's marks off a rule, if it carries any. Keeps TR-321.
pub(in super::super) fn clean(rule: &Value) -> Option<Write> {
    let manager = manager(rule)?;
    let metadata = rule.get("metadata")?;
    let text = |member: &str| {
        metadata
            .get(member)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let next: Vec<Value> = subsets(rule)
        .iter()
        .map(|subset| with_hash(subset, ""))
        .collect();
    let mut body = json!({"metadata": {"annotations": {MANAGED_BY_ROLLOUTS: null}}});
    if next != subsets(rule) {
        body["spec"] = json!({ "subsets": next });
    }
    Some(Write {
        verb: Verb::Patch,
        target: ObjectKey::new(DESTINATION_RULES, text("namespace"), text("name")),
        guard: guard(rule),
        body,
        class: Class::Traffic,
        events: Vec::new(),
        reason: Reason::Because(format!("Rollout {manager} does not name it")),
    })
}
