//! The ReplicaSet of a version: how it is made, and how its size is changed (EXP-02 to EXP-06).

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tidegate_api::{
    experiment::{Experiment, TemplateSpec},
    labels,
    meta::Time,
    object::Object,
    pod_template,
};

use super::snapshot::{ExperimentSnapshot, SetView};
use crate::{
    plan::{Class, Event, Guard, ObjectKey, REPLICA_SETS, Verb, Write},
    reason::Reason,
};

/// The name of the ReplicaSet of a version whose first name was taken that often.
///
/// Differs from upstream, which asks for the same name again and again (EXP-04).
pub fn collision_name(
    experiment: &str,
    template: &TemplateSpec,
    collisions: Option<i32>,
) -> String {
    let (_, hash) = hashed(template, collisions);
    format!("{experiment}-{}-{hash}", template.name)
}

/// The name of a version's ReplicaSet. Keeps EXP-02.
pub(super) fn name(experiment: &Experiment, template: &TemplateSpec, taken: Option<i32>) -> String {
    let of = &experiment.metadata.name;
    match taken {
        None | Some(0) => format!("{of}-{}", template.name),
        Some(_) => collision_name(of, template, taken),
    }
}

/// The pods, and their hash. Keeps EXP-03: the hash of the version that the template was copied from does
/// not count.
fn hashed(template: &TemplateSpec, collisions: Option<i32>) -> (Value, String) {
    let mut pods = template.template.value().clone();
    let copied = pods.pointer_mut("/metadata/labels");
    if let Some(copied) = copied.and_then(Value::as_object_mut) {
        copied.remove(labels::POD_TEMPLATE_HASH);
    }
    let hash = pod_template::hash(&pods, collisions);
    (pods, hash)
}

/// A version's ReplicaSet, without pods yet. Keeps EXP-02 and EXP-03.
pub(super) fn create(
    snapshot: &ExperimentSnapshot,
    template: &TemplateSpec,
    taken: Option<i32>,
) -> Write {
    let experiment = &snapshot.experiment;
    let (mut pods, hash) = hashed(template, taken);
    if !pods["metadata"].is_object() {
        pods["metadata"] = json!({});
    }
    if !pods["metadata"]["labels"].is_object() {
        pods["metadata"]["labels"] = json!({});
    }
    pods["metadata"]["labels"][labels::POD_TEMPLATE_HASH] = json!(hash);
    let mut selector = serde_json::to_value(&template.selector).unwrap_or_default();
    if !selector.is_object() {
        selector = json!({});
    }
    selector["matchLabels"][labels::POD_TEMPLATE_HASH] = json!(hash);
    let name = name(experiment, template, taken);
    let mut body = json!({
        "apiVersion": REPLICA_SETS.api_version(),
        "kind": REPLICA_SETS.kind,
        "metadata": {
            "name": name,
            "namespace": experiment.metadata.namespace,
            "labels": pods["metadata"]["labels"],
            "annotations": notes(experiment, template),
            "ownerReferences": [experiment.controller_reference()],
        },
        "spec": {"replicas": 0, "selector": selector, "template": pods},
    });
    if template.min_ready_seconds != 0 {
        body["spec"]["minReadySeconds"] = json!(template.min_ready_seconds);
    }
    Write {
        verb: Verb::Create,
        target: ObjectKey::new(REPLICA_SETS, &experiment.metadata.namespace, &name),
        guard: Guard::Absent,
        body,
        class: Class::Additive,
        events: Vec::new(),
        reason: Reason::NewTemplate { hash },
    }
}

/// The annotations by which what belongs to a version is found again (EXP-02).
pub(super) fn notes(experiment: &Experiment, template: &TemplateSpec) -> Value {
    json!({
        labels::EXPERIMENT_NAME: experiment.metadata.name,
        labels::EXPERIMENT_TEMPLATE_NAME: template.name,
    })
}

/// Another size; a deadline that stands there is taken away with it.
pub(super) fn scale(snapshot: &ExperimentSnapshot, set: &SetView, replicas: i32) -> Write {
    let (way, class) = if set.replicas < replicas {
        ("up", Class::Additive)
    } else {
        ("down", Class::Destructive)
    };
    let (name, from) = (&set.name, set.replicas);
    let told = format!("Scaled {way} ReplicaSet {name} from {from} to {replicas}");
    let mut body = json!({"spec": {"replicas": replicas}});
    if set.deadline.is_some() && replicas > 0 {
        body["metadata"] = without_deadline();
    }
    let reason = if replicas > 0 {
        format!("the experiment asks for {replicas}")
    } else {
        "the experiment is over".to_owned()
    };
    Write {
        events: vec![Event::normal("ScalingReplicaSet", told)],
        class,
        ..patch(snapshot, set, (body, reason))
    }
}

/// What takes a deadline away: it speaks of an end that came before, and would cut the next one short.
fn without_deadline() -> Value {
    json!({"annotations": {labels::SCALE_DOWN_DEADLINE: null}})
}

/// Takes the deadline of a ReplicaSet away that is to keep its pods after all.
pub(super) fn keep(snapshot: &ExperimentSnapshot, set: &SetView) -> Write {
    let body = json!({"metadata": without_deadline()});
    patch(
        snapshot,
        set,
        (body, "the experiment begins anew".to_owned()),
    )
}

/// Notes until when a ReplicaSet keeps its pods. Keeps EXP-06.
pub(super) fn keep_until(snapshot: &ExperimentSnapshot, set: &SetView, at: Timestamp) -> Write {
    let deadline = Time::new(at).to_string();
    let body = json!({"metadata": {"annotations": {labels::SCALE_DOWN_DEADLINE: deadline}}});
    patch(
        snapshot,
        set,
        (body, "its pods stay for a while".to_owned()),
    )
}

/// The instant that lies so many seconds ahead.
pub(super) fn ahead(now: Timestamp, seconds: i32) -> Timestamp {
    let later = now.checked_add(SignedDuration::from_secs(i64::from(seconds)));
    later.unwrap_or(Timestamp::MAX)
}

fn patch(snapshot: &ExperimentSnapshot, set: &SetView, (body, why): (Value, String)) -> Write {
    let namespace = &snapshot.experiment.metadata.namespace;
    Write {
        verb: Verb::Patch,
        target: ObjectKey::new(REPLICA_SETS, namespace, &set.name),
        guard: set.guard.clone(),
        body,
        class: Class::Meta,
        events: Vec::new(),
        reason: Reason::Because(why),
    }
}
