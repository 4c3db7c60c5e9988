//! Revisions: which number the new ReplicaSet has, and which notes it carries (REV-01 to REV-05).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tidegate_api::{
    document::merge_patch, labels, object::Object, pod_template::anti_affinity::Rule,
};

use crate::{
    plan::{Class, Effect, Event, Guard, ObjectKey, Plan, REPLICA_SETS, ROLLOUTS, Verb, Write},
    reason::Reason,
    rollout::{
        desired::metadata,
        events, scale_down,
        snapshot::{Labels, Orphan, ReplicaSetView, RolloutSnapshot},
        workload,
    },
};

/// Annotations of a Rollout that its ReplicaSets do not inherit (REV-02).
const NOT_COPIED: [&str; 5] = [
    labels::LAST_APPLIED,
    labels::REVISION,
    labels::REVISION_HISTORY,
    labels::DESIRED_REPLICAS,
    labels::NOTIFIED,
];

/// The number for the new ReplicaSet: one more than any older one has.
pub(crate) fn next_number(snapshot: &RolloutSnapshot) -> i64 {
    let highest = snapshot
        .older_replica_sets()
        .filter_map(|set| set.revision)
        .max();
    highest.unwrap_or(0).max(0) + 1
}

/// Takes over ReplicaSets that nobody manages; the next pass sees them as its own. Keeps RSI-01.
pub(crate) fn adopt(snapshot: &RolloutSnapshot) -> Option<Plan> {
    let reference = snapshot.rollout.controller_reference();
    let adopt = |orphan: &Orphan| {
        let owners: Vec<_> = orphan.owners.iter().chain([&reference]).collect();
        Effect::Write(Write {
            verb: Verb::Patch,
            target: ObjectKey::new(REPLICA_SETS, &snapshot.namespace, &orphan.name),
            guard: Guard::Version {
                uid: orphan.uid.clone(),
                resource_version: orphan.resource_version.clone(),
            },
            body: json!({"metadata": {"ownerReferences": owners}}),
            class: Class::Additive,
            events: Vec::new(),
            reason: Reason::Because("the selector matches it and nobody owns it".to_owned()),
        })
    };
    only(snapshot.orphans.iter().map(adopt).collect())
}

/// A plan of these effects, if there are any.
fn only(effects: Vec<Effect>) -> Option<Plan> {
    (!effects.is_empty()).then(|| Plan {
        effects,
        ..Plan::default()
    })
}

/// Lets go of ReplicaSets that somebody has given other labels to, so that the selector matches them no
/// more. Keeps RSI-01.
///
/// Differs from upstream: those that serve stay, and so do all when it is the selector that has changed,
/// because what was let go would serve on with nobody to scale it.
pub(crate) fn let_go(snapshot: &RolloutSnapshot) -> Option<Plan> {
    let let_go = |set: &ReplicaSetView| match &set.labels {
        Labels::Kept => None,
        Labels::Changed { .. } if scale_down::is_referenced(snapshot, set) => None,
        Labels::Changed { others } => Some(Effect::Write(Write {
            verb: Verb::Patch,
            target: ObjectKey::new(REPLICA_SETS, &snapshot.namespace, &set.name),
            guard: super::desired::replicas::guard(set),
            body: json!({"metadata": {"ownerReferences": others}}),
            class: Class::Meta,
            events: Vec::new(),
            reason: Reason::Because("its labels were changed: it is let go".to_owned()),
        })),
    };
    only(snapshot.other_replica_sets().filter_map(let_go).collect())
}

/// The ReplicaSet of a template that has none yet. Keeps RSI-06.
pub(crate) fn new_replica_set(snapshot: &RolloutSnapshot) -> Write {
    let rollout = &snapshot.rollout;
    let hash = &snapshot.template_hash;
    let name = format!("{}-{hash}", snapshot.name);
    let mut template = (*snapshot.template).clone();
    set_label(&mut template, hash);
    let template_labels = template["metadata"]["labels"].clone();
    let injected = metadata::inject(snapshot, &mut template);
    let affinity = affinity(snapshot);
    if !affinity.is_null() {
        template["spec"]["affinity"] = affinity;
    }
    let mut selector = serde_json::to_value(&rollout.spec.selector).unwrap_or_default();
    if !selector.is_object() {
        selector = json!({});
    }
    selector["matchLabels"][labels::POD_TEMPLATE_HASH] = json!(hash);
    let mut annotations = copied(snapshot);
    annotations.insert(
        labels::REVISION.to_owned(),
        next_number(snapshot).to_string(),
    );
    annotations.insert(
        labels::DESIRED_REPLICAS.to_owned(),
        snapshot.replicas.to_string(),
    );
    if let Some(injected) = injected {
        annotations.insert(labels::EPHEMERAL_METADATA.to_owned(), injected);
    }
    let mut body = json!({
        "apiVersion": REPLICA_SETS.api_version(),
        "kind": REPLICA_SETS.kind,
        "metadata": {
            "name": name,
            "namespace": snapshot.namespace,
            "labels": template_labels,
            "annotations": annotations,
            "ownerReferences": [rollout.controller_reference()],
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
    });
    if snapshot.min_ready_seconds != 0 {
        body["spec"]["minReadySeconds"] = json!(snapshot.min_ready_seconds);
    }
    Write {
        verb: Verb::Create,
        target: ObjectKey::new(REPLICA_SETS, &snapshot.namespace, &name),
        guard: Guard::Absent,
        body,
        class: Class::Additive,
        events: Vec::new(),
        reason: Reason::NewTemplate { hash: hash.clone() },
    }
}

fn set_label(template: &mut Value, hash: &str) {
    if !template["metadata"].is_object() {
        template["metadata"] = json!({});
    }
    if !template["metadata"]["labels"].is_object() {
        template["metadata"]["labels"] = json!({});
    }
    template["metadata"]["labels"][labels::POD_TEMPLATE_HASH] = json!(hash);
}

/// The Rollout's annotations that its ReplicaSets carry, too. Keeps REV-02.
fn copied(snapshot: &RolloutSnapshot) -> BTreeMap<String, String> {
    snapshot
        .rollout
        .metadata
        .annotations
        .iter()
        .filter(|(key, _)| !NOT_COPIED.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Brings the new ReplicaSet's notes and `minReadySeconds` up to the Rollout's, or, if they are, the
/// Rollout's revision up to the ReplicaSet's. Keeps REV-01 to REV-05.
///
/// Differs from upstream: a mere change of annotations adds nothing to the revision history, which
/// upstream fills with the same number again and again (REV-03).
pub(crate) fn follow(snapshot: &RolloutSnapshot, new: &ReplicaSetView) -> Option<Effect> {
    let mut notes = BTreeMap::new();
    for (key, value) in copied(snapshot) {
        if new.annotations.get(&key) != Some(&value) {
            notes.insert(key, value);
        }
    }
    let number = next_number(snapshot);
    if is_number_or_absent(new) && new.revision.unwrap_or(0) < number {
        notes.insert(labels::REVISION.to_owned(), number.to_string());
        if let Some(held) = new.annotations.get(labels::REVISION) {
            let history = match new.annotations.get(labels::REVISION_HISTORY) {
                Some(history) if !history.is_empty() => format!("{history},{held}"),
                Some(_) | None => held.clone(),
            };
            notes.insert(labels::REVISION_HISTORY.to_owned(), history);
        }
    }
    let ready_differs = new.min_ready_seconds != snapshot.min_ready_seconds;
    if notes.is_empty() && !ready_differs && !keeps_away_from_another(snapshot, new) {
        return None;
    }
    let mut body = json!({});
    if !notes.is_empty() {
        body["metadata"] = json!({"annotations": notes});
    }
    if ready_differs {
        body["spec"] = json!({"minReadySeconds": snapshot.min_ready_seconds});
    }
    if let Some(affinity) = new_affinity(snapshot, new) {
        body["spec"]["template"] = json!({"spec": {"affinity": affinity}});
    }
    Some(Effect::Write(Write {
        verb: Verb::Patch,
        target: ObjectKey::new(REPLICA_SETS, &snapshot.namespace, &new.name),
        guard: super::desired::replicas::guard(new),
        body,
        class: Class::Meta,
        events: Vec::new(),
        reason: Reason::FollowsRollout,
    }))
}

/// The affinity that pods of the new ReplicaSet have: the template's own, and away from pods of the
/// stable version where that is asked for. Keeps EPH-06.
fn affinity(snapshot: &RolloutSnapshot) -> Value {
    let own = &snapshot.template["spec"]["affinity"];
    let stable = &snapshot.recorded.stable;
    match Rule::of(&snapshot.rollout) {
        Some(rule) if !stable.is_empty() && *stable != snapshot.template_hash => {
            rule.added_to(own, (&snapshot.namespace, stable))
        }
        Some(_) | None => own.clone(),
    }
}

/// Whether the new ReplicaSet's pods keep away from a version that is the stable one no more.
fn keeps_away_from_another(snapshot: &RolloutSnapshot, new: &ReplicaSetView) -> bool {
    let stable = &snapshot.recorded.stable;
    let rule = Rule::of(&snapshot.rollout);
    let found = rule.and_then(|rule| rule.found_in(&new.template["spec"]["affinity"]));
    *stable != snapshot.template_hash
        && found.is_some_and(|(_, hash)| !hash.is_empty() && hash != stable)
}

/// What must change in the new ReplicaSet's affinity when it is written anyway: only a term that was
/// added, never what others may have made of the template.
fn new_affinity(snapshot: &RolloutSnapshot, new: &ReplicaSetView) -> Option<Value> {
    let held = &new.template["spec"]["affinity"];
    let wanted = affinity(snapshot);
    let added = |affinity: &Value| {
        [Rule::Required, Rule::Preferred { weight: 1 }]
            .map(|rule| rule.found_in(affinity).map(|(_, hash)| hash.to_owned()))
    };
    if added(held) == added(&wanted) {
        return None;
    }
    if wanted.is_null() {
        return Some(wanted);
    }
    merge_patch(held, &wanted)
}

fn is_number_or_absent(new: &ReplicaSetView) -> bool {
    new.revision.is_some() || !new.annotations.contains_key(labels::REVISION)
}

/// Writes the Rollout's revision annotation and the note of its referent's generation, if they are
/// others. Keeps WLR-03.
pub(crate) fn note(snapshot: &RolloutSnapshot, revision: i64) -> Option<Effect> {
    let held = snapshot.rollout.metadata.annotations.get(labels::REVISION);
    let revision_text = revision.to_string();
    let mut notes = json!({});
    let mut events = Vec::new();
    if held != Some(&revision_text) {
        notes[labels::REVISION] = json!(revision_text);
        events.push(events::rollout_updated(revision));
    }
    if let Some(generation) = workload::note(snapshot) {
        notes[labels::WORKLOAD_GENERATION] = generation;
    }
    if notes.as_object().is_none_or(Map::is_empty) {
        return None;
    }
    let body = json!({"metadata": {"annotations": notes}});
    Some(patch(snapshot, body, events, Reason::FollowsRollout))
}

/// A guarded patch of the Rollout itself, other than of its status.
fn patch(snapshot: &RolloutSnapshot, body: Value, events: Vec<Event>, reason: Reason) -> Effect {
    Effect::Write(Write {
        verb: Verb::Patch,
        target: ObjectKey::new(ROLLOUTS, &snapshot.namespace, &snapshot.name),
        guard: Guard::Version {
            uid: snapshot.uid.clone(),
            resource_version: snapshot.resource_version.clone(),
        },
        body,
        class: Class::Meta,
        events,
        reason,
    })
}

/// Takes out of the Rollout what nobody can read in its template, before the ReplicaSet of that template is
/// made without it: clients that expect to read it could not list any Rollout of the namespace. Keeps
/// QUE-15, where upstream does it by writing the whole Rollout back. It is done once for each template, so
/// it is no quarrel with whoever applies it again.
pub(crate) fn mend(snapshot: &RolloutSnapshot) -> Option<Effect> {
    let left_out = snapshot.left_out.as_ref()?;
    if snapshot.workload.is_some() {
        // It stands in another object, which is not ours to write.
        return None;
    }
    let body = json!({"spec": {"template": left_out.patch}});
    let told = left_out.fields.iter().map(|field| events::left_out(field));
    let reason = Reason::Because("nobody can read what is taken out".to_owned());
    Some(patch(snapshot, body, told.collect(), reason))
}
