//! What the controller may write, and under which guard.

use tidegate_core::plan::{
    ANALYSIS_RUNS, Class, DEPLOYMENTS, DESTINATION_RULES, Guard, INGRESSES, ObjectKey, PODS,
    REPLICA_SETS, ROLLOUTS, SERVICES, VIRTUAL_SERVICES, Verb, Write,
};

use super::{State, mesh, workload};
use crate::cluster::{
    Locator, fields, istio,
    kinds::{self, KindId},
};

/// S2-2: a write commits only on the very object that was looked at, or where there is none.
pub(super) fn guarded(write: &Write) -> Option<String> {
    let held = match (&write.guard, write.verb) {
        (
            Guard::Version {
                uid,
                resource_version,
            },
            Verb::Patch | Verb::PatchStatus | Verb::Delete | Verb::Evict,
        ) => !uid.is_empty() && !resource_version.is_empty(),
        (Guard::Absent, Verb::Create) => true,
        (Guard::Version { .. }, Verb::Create)
        | (Guard::Absent, Verb::Patch | Verb::PatchStatus | Verb::Delete | Verb::Evict) => false,
    };
    let class = match write.class {
        Class::Additive => "additive",
        Class::Traffic => "traffic",
        Class::Destructive => "destructive",
        Class::Status => "status",
        Class::Meta => "meta",
    };
    (!held).then(|| format!("S2-2: a {class} write of {} has no guard", write.target))
}

/// S2-1: a write is about the Rollout or AnalysisRun itself, about what it controls, or about a Service,
/// a routing object or a Deployment, which its spec names. What nobody controls may be adopted.
pub(super) fn only_ours(state: &State, about: &ObjectKey, write: &Write) -> Option<String> {
    let target = &write.target;
    if target.resource == PODS {
        return (!is_pod_of(state, about, target))
            .then(|| format!("S2-1: {target} is none of {about}'s"));
    }
    if target == about || write.verb == Verb::Create || target.resource == SERVICES {
        return None;
    }
    if target.resource == DEPLOYMENTS {
        return workload::not_referred_to(state, about, target);
    }
    let kind = if target.resource == REPLICA_SETS {
        kinds::REPLICA_SETS
    } else if target.resource == ANALYSIS_RUNS {
        kinds::ANALYSIS_RUNS
    } else if target.resource == INGRESSES {
        kinds::INGRESSES
    } else if let Some(kind) = meshed(target) {
        let object = Locator::new(kind, &target.namespace, &target.name);
        if is_outdated(state, &object, &write.guard) {
            return None;
        }
        let named = mesh::is_ours(state, (&about.namespace, &about.name), &object);
        return (!named).then(|| format!("S2-1: {target} is not {about}'s"));
    } else {
        return Some(format!("S2-1: {target} is none of {about}'s"));
    };
    let owner = (about.resource == ROLLOUTS)
        .then(|| {
            state.get(&Locator::new(
                kinds::ROLLOUTS,
                &about.namespace,
                &about.name,
            ))
        })
        .flatten();
    let object = state.get(&Locator::new(kind, &target.namespace, &target.name))?;
    let controller = fields::controller_uid(object);
    let ours = owner.is_some_and(|owner| fields::uid(owner) == controller);
    (!ours && !controller.is_empty()).then(|| format!("S2-1: {target} is not {about}'s"))
}

/// Whether the guard names another version than the newest, so that the server refuses the write: who
/// has not seen that an object is no longer theirs does no harm then.
fn is_outdated(state: &State, object: &Locator, guard: &Guard) -> bool {
    let (
        Some(newest),
        Guard::Version {
            resource_version, ..
        },
    ) = (state.get(object), guard)
    else {
        return false;
    };
    fields::version(newest) != resource_version.as_str()
}

/// The kind of one of Istio's objects.
fn meshed(target: &ObjectKey) -> Option<KindId> {
    if target.resource == VIRTUAL_SERVICES {
        Some(istio::VIRTUAL_SERVICES)
    } else if target.resource == DESTINATION_RULES {
        Some(istio::DESTINATION_RULES)
    } else {
        None
    }
}

/// Whether a pod is gone or belongs to a ReplicaSet of the Rollout.
fn is_pod_of(state: &State, about: &ObjectKey, pod: &ObjectKey) -> bool {
    let rollout = Locator::new(kinds::ROLLOUTS, &about.namespace, &about.name);
    let pod = Locator::new(kinds::PODS, &pod.namespace, &pod.name);
    let (Some(rollout), Some(pod)) = (state.get(&rollout), state.get(&pod)) else {
        return true;
    };
    let set = fields::controller_uid(pod);
    state
        .sets()
        .any(|one| one.uid == set && one.owner == fields::uid(rollout))
}
