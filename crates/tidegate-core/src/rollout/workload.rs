//! `spec.workloadRef`: a Rollout that takes its pod template from a Deployment, a ReplicaSet or a
//! `PodTemplate`, and what becomes of the Deployment's own pods (WLR-01 to WLR-08).

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_api::{
    labels,
    meta::{LabelSelector, ObjectMeta},
    pod_template::{self, LeftOut, PodTemplate},
    rollout::{ObjectRef, Rollout},
};

use crate::{
    observed::{Finding, Observed},
    plan::{
        Class, DEPLOYMENTS, Effect, Guard, ObjectKey, POD_TEMPLATES, Plan, REPLICA_SETS, Resource,
        Verb, Write,
    },
    reason::Reason,
    rollout::{
        desired::replicas,
        phase,
        snapshot::{Given, RolloutSnapshot, ScaleDown, Workload},
        status,
    },
};

/// A Rollout with the template that it goes by.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    /// The Rollout. Template, selector and the note of the referent's generation are filled in; no
    /// write sends them, because every write is a patch of something else.
    pub(crate) rollout: Arc<Rollout>,
    /// What was referred to, if it was found.
    pub(crate) workload: Option<Workload>,
    /// What the template is without, because nobody can read it.
    pub(crate) left_out: Option<LeftOut>,
    /// Why it could not be found or used.
    pub(crate) finding: Option<Finding>,
}

/// The object that a Rollout refers to; `None` if it refers to none, or to one of a kind that has no
/// pod template. Any version of the group stands for the one that every cluster serves.
pub fn referent(rollout: &Rollout) -> Option<ObjectKey> {
    let reference = rollout.spec.workload_ref.as_ref()?;
    let resource = resource(reference)?;
    let namespace = &rollout.metadata.namespace;
    Some(ObjectKey::new(resource, namespace, &reference.name))
}

/// Fills in what a Rollout refers to, and leaves out of the template what pods can do without if nobody
/// can read it. Keeps WLR-01, WLR-02, WLR-04 and QUE-15.
pub(crate) fn resolve(observed: &Observed) -> Resolved {
    let mut resolved = with_template(observed);
    if let Some(readable) = pod_template::readable(resolved.rollout.spec.template.value()) {
        let rollout = Arc::make_mut(&mut resolved.rollout);
        rollout.spec.template = PodTemplate::new(readable.template);
        resolved.left_out = Some(readable.left_out);
    }
    resolved
}

fn with_template(observed: &Observed) -> Resolved {
    let rollout = &observed.rollout;
    let Some(reference) = &rollout.spec.workload_ref else {
        let mut resolved = Arc::clone(rollout);
        if noted(rollout).is_some() {
            let metadata = &mut Arc::make_mut(&mut resolved).metadata;
            metadata.annotations.remove(labels::WORKLOAD_GENERATION);
        }
        return Resolved {
            rollout: resolved,
            workload: None,
            left_out: None,
            finding: None,
        };
    };
    match look_up(observed, reference) {
        Ok((key, object)) => filled_in(rollout, (reference, key), object),
        Err(finding) => Resolved {
            rollout: Arc::clone(rollout),
            workload: None,
            left_out: None,
            finding: Some(finding),
        },
    }
}

/// The note of the referent's generation as it stands on a Rollout.
pub(crate) fn noted(rollout: &Rollout) -> Option<String> {
    let annotations = &rollout.metadata.annotations;
    annotations.get(labels::WORKLOAD_GENERATION).cloned()
}

/// What the note should say, if it says something else: a generation, or null where nothing is referred
/// to any more. Keeps WLR-03.
pub(crate) fn note(snapshot: &RolloutSnapshot) -> Option<Value> {
    let due = snapshot
        .workload
        .as_ref()
        .map(|workload| workload.generation.to_string());
    (due != snapshot.noted_generation).then(|| due.map_or(Value::Null, |due| json!(due)))
}

/// `status.workloadObservedGeneration`: empty without a referent, and for the generation 0 that kinds
/// without generations have. Keeps WLR-05.
pub(crate) fn observed_generation(snapshot: &RolloutSnapshot) -> String {
    snapshot
        .workload
        .as_ref()
        .filter(|workload| workload.generation != 0)
        .map_or_else(String::new, |workload| workload.generation.to_string())
}

/// Scales the Deployment that the template comes from, in a pass that has nothing else to say: so its
/// refusal never holds up the Rollout. Keeps WLR-06 and WLR-07.
///
/// Differs from upstream: pods that are available count, not those that are ready; nothing is scaled to
/// zero before the Rollout has pods of its own, even if it wants none; and only a Deployment that is
/// referred to is scaled, where upstream takes any that has the referent's name (WLR-08).
pub(crate) fn scale_down(snapshot: &RolloutSnapshot, plan: &mut Plan) {
    let Some(workload) = &snapshot.workload else {
        return;
    };
    let settled = plan.retry.is_none()
        && snapshot.orphans.is_empty()
        && snapshot.replicas_given == Given::Yes
        && plan
            .status
            .as_deref()
            .is_some_and(|next| status::write_status(&snapshot.rollout, next, None).is_none());
    if !settled || workload.key.resource != DEPLOYMENTS {
        return;
    }
    let Some((count, reason)) = wanted(snapshot, workload.scale_down) else {
        return;
    };
    if count == workload.replicas {
        return;
    }
    plan.effects.push(Effect::Write(Write {
        verb: Verb::Patch,
        target: workload.key.clone(),
        guard: Guard::Version {
            uid: workload.uid.clone(),
            resource_version: workload.resource_version.clone(),
        },
        body: json!({"spec": {"replicas": count}}),
        class: if count < workload.replicas {
            Class::Destructive
        } else {
            Class::Additive
        },
        events: Vec::new(),
        reason,
    }));
}

/// How many pods the Deployment should have, if that is the Rollout's to say: only for its first version.
fn wanted(snapshot: &RolloutSnapshot, policy: ScaleDown) -> Option<(i32, Reason)> {
    let new = snapshot.new_replica_set()?;
    let healthy = snapshot.rollout.status.phase == phase::HEALTHY;
    let whole = new.available >= snapshot.replicas.max(1);
    let done = || {
        let sentence = format!(
            "the Rollout is healthy and {} serves in its place",
            new.name
        );
        (0, Reason::Because(sentence))
    };
    match policy {
        ScaleDown::Never => None,
        ScaleDown::OnSuccess => (snapshot.revision == Some(1) && healthy && whole).then(done),
        ScaleDown::Progressively if new.revision != Some(1) => None,
        ScaleDown::Progressively if healthy => whole.then(done),
        ScaleDown::Progressively => {
            let comes = new.available > 0 && replicas::is_halted(snapshot).is_none();
            let left = snapshot.replicas.saturating_sub(new.available).max(0);
            let sentence = format!("{} has {} pods available", new.name, new.available);
            (comes && left > 0).then_some((left, Reason::Because(sentence)))
        }
    }
}

fn resource(reference: &ObjectRef) -> Option<Resource> {
    match (group(reference), reference.kind.as_str()) {
        ("apps", "Deployment") => Some(DEPLOYMENTS),
        ("apps", "ReplicaSet") => Some(REPLICA_SETS),
        ("", "PodTemplate") => Some(POD_TEMPLATES),
        _ => None,
    }
}

/// The group as Go's libraries read it: none if there is no version behind it.
fn group(reference: &ObjectRef) -> &str {
    match reference.api_version.split_once('/') {
        Some((group, version)) if !version.contains('/') => group,
        Some(_) | None => "",
    }
}

/// The referent, or upstream's sentence with what to do about it.
fn look_up<'a>(
    observed: &'a Observed,
    reference: &ObjectRef,
) -> Result<(ObjectKey, &'a Value), Finding> {
    let refuse = |message: String| Finding { message };
    if !super::validate::is_empty_template(observed.rollout.spec.template.value()) {
        return Err(refuse(
            "template must be empty for workload reference rollout: take out spec.template or \
             spec.workloadRef"
                .to_owned(),
        ));
    }
    let Some(key) = referent(&observed.rollout) else {
        return Err(refuse(format!(
            "workload of type {}/{} is not supported: spec.workloadRef takes a Deployment or ReplicaSet \
             of apps/v1, or a PodTemplate of v1",
            group(reference),
            reference.kind
        )));
    };
    match (&observed.workload, &observed.workload_unlisted) {
        (Some(object), _) => Ok((key, object)),
        (None, Some(why)) => Err(refuse(format!(
            "failed to sync informer for {}, Kind={}: {why}: spec.workloadRef names one: let the \
             controller get, list and watch {}",
            key.resource.api_version(),
            key.resource.kind,
            resource_name(&key.resource)
        ))),
        (None, None) => Err(refuse(format!(
            "{} \"{}/{}\" not found: spec.workloadRef names it; create it or name another",
            resource_name(&key.resource),
            key.namespace,
            key.name
        ))),
    }
}

fn resource_name(resource: &Resource) -> String {
    if resource.group.is_empty() {
        resource.plural.to_string()
    } else {
        format!("{}.{}", resource.plural, resource.group)
    }
}

fn filled_in(
    rollout: &Arc<Rollout>,
    (reference, key): (&ObjectRef, ObjectKey),
    object: &Value,
) -> Resolved {
    let metadata: ObjectMeta = object
        .get("metadata")
        .and_then(|metadata| serde_json::from_value(metadata.clone()).ok())
        .unwrap_or_default();
    let at_the_top = key.resource == POD_TEMPLATES;
    let within = if at_the_top { object } else { &object["spec"] };
    let mut resolved = (**rollout).clone();
    resolved.spec.template = PodTemplate::new(within["template"].clone());
    if resolved.spec.selector.as_ref().is_none_or(is_empty) && !at_the_top {
        let selector = within.get("selector").cloned();
        resolved.spec.selector = selector.and_then(|one| serde_json::from_value(one).ok());
    }
    resolved.metadata.annotations.insert(
        labels::WORKLOAD_GENERATION.to_owned(),
        metadata.generation.to_string(),
    );
    let replicas = within["replicas"]
        .as_i64()
        .and_then(|count| i32::try_from(count).ok());
    Resolved {
        rollout: Arc::new(resolved),
        workload: Some(Workload {
            key,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            generation: metadata.generation,
            replicas: replicas.unwrap_or(1),
            scale_down: match reference.scale_down.as_str() {
                "onsuccess" => ScaleDown::OnSuccess,
                "progressively" => ScaleDown::Progressively,
                // Anything else scales nothing, as upstream has it.
                _ => ScaleDown::Never,
            },
        }),
        left_out: None,
        finding: None,
    }
}

/// One that matches everything would take over whatever nobody owns.
fn is_empty(selector: &LabelSelector) -> bool {
    selector.match_labels.is_empty() && selector.match_expressions.is_empty()
}
