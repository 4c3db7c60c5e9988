//! What the controller may write, and under which guard.

use std::sync::Arc;

use serde_json::Value;
use tidegate_api::labels;
use tidegate_core::plan::{
    ANALYSIS_RUNS, Class, DEPLOYMENTS, DESTINATION_RULES, EXPERIMENTS, Guard, INGRESSES, JOBS,
    ObjectKey, PODS, REPLICA_SETS, ROLLOUTS, SERVICES, VIRTUAL_SERVICES, Verb, Write,
};

use super::{Sent, State, memory::Memory, mesh, order, workload};
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

/// S2-1: a write is about the Rollout, Experiment or AnalysisRun itself, about what it controls, or about a Service,
/// a routing object or a Deployment, which its spec names. What nobody controls may be adopted, but not by
/// an Experiment.
pub(super) fn only_ours((memory, state): (&Memory, &State), sent: &Sent<'_>) -> Option<String> {
    let (about, write) = (sent.about, sent.write);
    let target = &write.target;
    if write.verb == Verb::Create {
        return (!is_made_for(memory, state, sent))
            .then(|| format!("S2-1: {target} is made, and not for {about}"));
    }
    if target.resource == PODS {
        return (!is_pod_of(state, about, target))
            .then(|| format!("S2-1: {target} is none of {about}'s"));
    }
    let by_experiment = about.resource == EXPERIMENTS;
    if target == about {
        return None;
    }
    if target.resource == SERVICES && !by_experiment {
        return (!is_service_of(state, about, target))
            .then(|| format!("S2-1: {target} is none of {about}'s"));
    }
    if target.resource == JOBS {
        return (!is_job_of(state, about, target))
            .then(|| format!("S2-1: {target} is none of {about}'s"));
    }
    if target.resource == DEPLOYMENTS {
        return workload::not_referred_to(state, about, target);
    }
    let kind = if target.resource == REPLICA_SETS {
        kinds::REPLICA_SETS
    } else if target.resource == SERVICES {
        kinds::SERVICES
    } else if target.resource == ANALYSIS_RUNS {
        kinds::ANALYSIS_RUNS
    } else if target.resource == EXPERIMENTS {
        kinds::EXPERIMENTS
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
    let owner = if by_experiment {
        Some(kinds::EXPERIMENTS)
    } else {
        (about.resource == ROLLOUTS).then_some(kinds::ROLLOUTS)
    };
    let owner = owner.and_then(|kind| {
        let place = Locator::new(kind, &about.namespace, &about.name);
        state.get(&place)
    });
    let object = state.get(&Locator::new(kind, &target.namespace, &target.name))?;
    let controller = fields::controller_uid(object);
    let ours = owner.is_some_and(|owner| fields::uid(owner) == controller);
    (!ours && (by_experiment || !controller.is_empty()))
        .then(|| format!("S2-1: {target} is not {about}'s"))
}

/// Whether what is made has the object that the pass is about for its controller; a Job, which may be
/// made in another namespace, names its run in a label.
fn is_made_for(memory: &Memory, state: &State, sent: &Sent<'_>) -> bool {
    let (about, body) = (sent.about, &sent.write.body);
    let kind = if about.resource == ROLLOUTS {
        kinds::ROLLOUTS
    } else if about.resource == EXPERIMENTS {
        kinds::EXPERIMENTS
    } else if about.resource == ANALYSIS_RUNS {
        kinds::ANALYSIS_RUNS
    } else {
        return false;
    };
    let label = ["metadata", "labels", labels::ANALYSIS_RUN_UID];
    let owner = if sent.write.target.resource == JOBS {
        fields::text(body, &label)
    } else {
        fields::controller_uid(body)
    };
    let place = Locator::new(kind, &about.namespace, &about.name);
    let born = memory.born.get(&place).copied().unwrap_or(0);
    // Of one that came in its place nobody knows yet.
    let unknown = born > sent.cause.saw_of(&place);
    let same = state
        .get(&place)
        .is_none_or(|about| fields::uid(about) == owner);
    !owner.is_empty() && (same || unknown)
}

/// Whether a Rollout names a Service, or it is marked as the Rollout's.
fn is_service_of(state: &State, about: &ObjectKey, service: &ObjectKey) -> bool {
    let rollout = Locator::new(kinds::ROLLOUTS, &about.namespace, &about.name);
    let place = Locator::new(kinds::SERVICES, &service.namespace, &service.name);
    let note = ["metadata", "annotations", labels::MANAGED_BY_ROLLOUTS];
    let named = state
        .get(&rollout)
        .is_some_and(|rollout| order::named_services(rollout).any(|name| name == service.name));
    let marked = |service: &Arc<Value>| fields::text(service, &note) == about.name;
    about.namespace == service.namespace && (named || state.get(&place).is_some_and(marked))
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

/// Whether a Job is gone or measures for the run.
fn is_job_of(state: &State, about: &ObjectKey, job: &ObjectKey) -> bool {
    let run = Locator::new(kinds::ANALYSIS_RUNS, &about.namespace, &about.name);
    let job = Locator::new(kinds::JOBS, &job.namespace, &job.name);
    let (Some(run), Some(job)) = (state.get(&run), state.get(&job)) else {
        return true;
    };
    let label = ["metadata", "labels", labels::ANALYSIS_RUN_UID];
    fields::text(job, &label) == fields::uid(run)
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
