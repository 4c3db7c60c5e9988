//! The Service of a version (EXP-07).

use serde_json::{Value, json};
use tidegate_api::{
    experiment::{TemplateSpec, TemplateStatus},
    object::Object,
};

use super::{
    replica_set,
    snapshot::{ExperimentSnapshot, ServiceView, SetView},
};
use crate::{
    plan::{Class, Guard, ObjectKey, SERVICES, Verb, Write},
    reason::Reason,
};

/// What becomes of a version's Service.
pub(super) enum Wanted {
    /// Nothing.
    AsItIs,
    /// It is made.
    Made(Box<Write>),
    /// Its name belongs to something else.
    Taken(String),
}

/// Makes the Service of a version that is to have pods, and notes it. Keeps EXP-07.
pub(super) fn ensure(
    snapshot: &ExperimentSnapshot,
    spec: &TemplateSpec,
    (set, held): (&SetView, Option<&ServiceView>),
    status: &mut TemplateStatus,
) -> Wanted {
    let Some(asked) = &spec.service else {
        return Wanted::AsItIs;
    };
    let note = |status: &mut TemplateStatus, name: &str| {
        name.clone_into(&mut status.service_name);
        set.hash().clone_into(&mut status.pod_template_hash);
    };
    if let Some(held) = held {
        note(status, &held.name);
        return Wanted::AsItIs;
    }
    let ports = ports(&set.template);
    if ports.is_empty() {
        return Wanted::AsItIs;
    }
    let name = if asked.name.is_empty() {
        &set.name
    } else {
        &asked.name
    };
    if snapshot.taken_services.contains(name) {
        return Wanted::Taken(format!(
            "service {name} already exists and is not owned by experiment template {}",
            spec.name
        ));
    }
    note(status, name);
    let experiment = &snapshot.experiment;
    let body = json!({
        "apiVersion": SERVICES.api_version(),
        "kind": SERVICES.kind,
        "metadata": {
            "name": name,
            "namespace": experiment.metadata.namespace,
            "annotations": replica_set::notes(experiment, spec),
            "ownerReferences": [experiment.controller_reference()],
        },
        "spec": {"selector": set.labels, "ports": ports},
    });
    Wanted::Made(Box::new(Write {
        verb: Verb::Create,
        target: ObjectKey::new(SERVICES, &experiment.metadata.namespace, name),
        guard: Guard::Absent,
        body,
        class: Class::Additive,
        events: Vec::new(),
        reason: Reason::Because(format!("{} is to be reached by a name", set.name)),
    }))
}

/// One port for each that a container has.
fn ports(template: &Value) -> Vec<Value> {
    let list = |value: &Value, member: &str| -> Vec<Value> {
        value
            .get(member)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    list(&template["spec"], "containers")
        .iter()
        .flat_map(|container| list(container, "ports"))
        .map(|port| {
            let number = &port["containerPort"];
            let mut one = json!({"port": number, "targetPort": number});
            for member in ["name", "protocol"] {
                if let Some(text) = port[member].as_str().filter(|text| !text.is_empty()) {
                    one[member] = json!(text);
                }
            }
            one
        })
        .collect()
}

/// Takes a version's Service away, and the note of it.
pub(super) fn remove(
    snapshot: &ExperimentSnapshot,
    (spec, service): (&TemplateSpec, &ServiceView),
    status: &mut TemplateStatus,
) -> Write {
    let why = if spec.service.is_some() {
        "there are no pods behind it any more"
    } else {
        "nobody asks for it any more"
    };
    status.service_name.clear();
    status.pod_template_hash.clear();
    let namespace = &snapshot.experiment.metadata.namespace;
    Write {
        verb: Verb::Delete,
        target: ObjectKey::new(SERVICES, namespace, &service.name),
        guard: service.guard.clone(),
        body: Value::Null,
        class: Class::Destructive,
        events: Vec::new(),
        reason: Reason::Because(why.to_owned()),
    }
}

/// The Service that a version has, or would have: what routers know it by.
pub(super) fn name<'a>(spec: &'a TemplateSpec, set: &'a SetView) -> Option<&'a str> {
    let asked = spec.service.as_ref()?;
    Some(if asked.name.is_empty() {
        &set.name
    } else {
        &asked.name
    })
}
