//! Pods. They are not watched, for a cluster has many: a pass that needs them has them listed.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use tidegate_api::{rollout::PodTemplateMetadata, selector, workload::Pod};

use crate::{
    observed::Finding,
    plan::{Guard, Plan},
    reason::Reason,
    rollout::{
        desired::metadata,
        is_scaling_event, restart,
        snapshot::{Given, Lifetime, RolloutSnapshot},
    },
};

/// Which pods a pass needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Where they are.
    pub namespace: String,
    /// A label selector.
    pub selector: String,
}

/// What is known of a Rollout's pods.
#[derive(Clone, Debug, Default)]
pub enum Pods {
    /// Nobody asked.
    #[default]
    NotListed,
    /// Those of its ReplicaSets, by name.
    Listed(Vec<PodView>),
    /// They could not be listed: nothing is done to them, and the pass is tried again.
    Unlisted(String),
}

/// One pod, as far as decisions look at it.
#[derive(Clone, Debug)]
pub struct PodView {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// The index of the ReplicaSet that controls it.
    pub set: usize,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// Whether it is being deleted.
    pub lifetime: Lifetime,
    /// Since when it is ready, if it is.
    pub ready: Option<Timestamp>,
    /// Its labels and annotations.
    pub metadata: PodTemplateMetadata,
}

impl PodView {
    /// Whether it is ready for long enough and stays.
    pub fn is_available(&self, min_ready_seconds: i32, now: Timestamp) -> bool {
        let patience = SignedDuration::from_secs(i64::from(min_ready_seconds));
        self.lifetime == Lifetime::Alive
            && self
                .ready
                .is_some_and(|since| patience.is_zero() || now.duration_since(since) >= patience)
    }

    /// Only the very pod that was looked at is written.
    pub(crate) fn guard(&self) -> Guard {
        Guard::Version {
            uid: self.uid.clone(),
            resource_version: self.resource_version.clone(),
        }
    }
}

/// The pods that a pass over this Rollout needs, if it needs any: those that a restart is due for
/// (AVL-03), and those whose labels and annotations may not be what their role asks for (EPH-03).
///
/// Differs from upstream: pods are not looked at in every pass, but only while something of this kind
/// is under way.
pub fn wanted(snapshot: &RolloutSnapshot, findings: &[Finding], now: Timestamp) -> Option<Query> {
    let rollout = &snapshot.rollout;
    let acts = rollout.metadata.deletion_timestamp.is_none()
        && findings.is_empty()
        && snapshot.orphans.is_empty()
        && snapshot.new.is_some()
        && snapshot.replicas_given == Given::Yes
        && !is_scaling_event(snapshot)
        && !snapshot.template_or_steps_changed();
    if !acts || !(restart::is_due(rollout, now) || metadata::needs_pods(snapshot)) {
        return None;
    }
    Some(Query {
        namespace: snapshot.namespace.clone(),
        selector: selector::format(rollout.spec.selector.as_ref()),
    })
}

/// Takes in what came of listing the pods that were wanted.
///
/// While a restart is under way, a ReplicaSet has no more available pods than were seen: its status
/// may not tell yet of those that were just evicted (S0-7).
pub fn see(snapshot: &mut RolloutSnapshot, listed: Result<Vec<Pod>, String>, now: Timestamp) {
    let listed = match listed {
        Ok(listed) => listed,
        Err(why) => {
            snapshot.pods = Pods::Unlisted(why);
            return;
        }
    };
    let mut pods: Vec<PodView> = listed
        .into_iter()
        .filter_map(|pod| view(snapshot, pod))
        .collect();
    pods.sort_by(|first, second| first.name.cmp(&second.name));
    if restart::is_due(&snapshot.rollout, now) {
        let mut available = BTreeMap::new();
        for pod in &pods {
            let set = snapshot.replica_sets.get(pod.set);
            if set.is_some_and(|set| pod.is_available(set.min_ready_seconds, now)) {
                *available.entry(pod.set).or_insert(0_i32) += 1;
            }
        }
        for (place, set) in snapshot.replica_sets.iter_mut().enumerate() {
            let seen = available.get(&place).copied().unwrap_or(0);
            set.available = set.available.min(seen);
        }
    }
    snapshot.pods = Pods::Listed(pods);
}

fn view(snapshot: &RolloutSnapshot, pod: Pod) -> Option<PodView> {
    let metadata = pod.metadata;
    let owner = &metadata.controller()?.uid;
    let set = snapshot
        .replica_sets
        .iter()
        .position(|set| set.uid == *owner)?;
    let ready = pod
        .status
        .conditions
        .iter()
        .find(|condition| condition.kind == "Ready" && condition.status == "True");
    Some(PodView {
        set,
        created: metadata.creation_timestamp.map(Timestamp::from),
        lifetime: if metadata.deletion_timestamp.is_some() {
            Lifetime::Deleting
        } else {
            Lifetime::Alive
        },
        ready: ready.map(|ready| {
            let since = ready.last_transition_time;
            since.map_or(Timestamp::MIN, Timestamp::from)
        }),
        metadata: PodTemplateMetadata {
            labels: metadata.labels,
            annotations: metadata.annotations,
        },
        name: metadata.name,
        uid: metadata.uid,
        resource_version: metadata.resource_version,
    })
}

/// The pods that were listed. Where that failed, the plan says so and the pass is tried again.
pub(crate) fn listed<'a>(snapshot: &'a RolloutSnapshot, plan: &mut Plan) -> Option<&'a [PodView]> {
    match &snapshot.pods {
        Pods::NotListed => None,
        Pods::Listed(pods) => Some(pods),
        Pods::Unlisted(why) => {
            plan.retry = Some(Reason::Because(format!(
                "the pods of {} cannot be listed, so nothing is done to them: {why}",
                snapshot.name
            )));
            None
        }
    }
}
