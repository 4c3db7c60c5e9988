//! The cluster's true state, as the changes made it, and what the checks need to know of it.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tidegate_api::{labels, meta::Time};

use super::picture::{Picture, hash_of};
use crate::cluster::{
    Change, Locator, What, fields, istio,
    kinds::{self, KindId},
};

/// The kinds that the checks look at.
const WATCHED: [KindId; 13] = [
    kinds::ROLLOUTS,
    kinds::REPLICA_SETS,
    kinds::PODS,
    kinds::SERVICES,
    kinds::INGRESSES,
    istio::VIRTUAL_SERVICES,
    istio::DESTINATION_RULES,
    kinds::ANALYSIS_RUNS,
    kinds::EXPERIMENTS,
    kinds::DEPLOYMENTS,
    kinds::POD_TEMPLATES,
    kinds::JOBS,
    kinds::DISRUPTION_BUDGETS,
];

/// The true state.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// The objects of each watched kind, in the order of the kinds.
    objects: [BTreeMap<Locator, Arc<Value>>; WATCHED.len()],
    sets: BTreeMap<Locator, Arc<SetFacts>>,
    pods: BTreeMap<Locator, Arc<PodFacts>>,
    /// `status.availableReplicas` of each ReplicaSet, from each version on.
    available: BTreeMap<Locator, Arc<Vec<(u64, i64)>>>,
}

/// What is to be known of a ReplicaSet.
#[derive(Debug)]
pub(super) struct SetFacts {
    pub(super) uid: String,
    /// The uid of its controller; empty if there is none.
    pub(super) owner: String,
    pub(super) hash: String,
    pub(super) want: i64,
    /// How long a pod must be ready for it to count as available.
    pub(super) patience: SignedDuration,
    /// When it may go, if it is kept until then.
    pub(super) deadline: Option<Timestamp>,
    /// When it was created, to the second.
    pub(super) created: Option<Timestamp>,
}

/// What is to be known of a pod.
#[derive(Debug)]
pub(super) struct PodFacts {
    /// The uid of its controller; empty if there is none.
    pub(super) owner: String,
    ready: Ready,
}

/// Whether a pod can serve.
#[derive(Debug)]
enum Ready {
    /// It cannot, or it is going away.
    No,
    /// It can.
    Since(Timestamp),
    /// It can; its status does not say since when.
    Yes,
}

impl State {
    /// Whether the checks look at this kind.
    pub(super) fn watches(kind: KindId) -> bool {
        WATCHED.contains(&kind)
    }

    /// Takes in a change.
    pub(super) fn take(&mut self, change: &Change) {
        let (object, kind) = (&change.object, change.object.kind);
        let Some(objects) = place(kind).and_then(|place| self.objects.get_mut(place)) else {
            return;
        };
        match change.what {
            What::Added | What::Modified => {
                objects.insert(object.clone(), Arc::clone(&change.new));
                if kind == kinds::REPLICA_SETS {
                    let facts = SetFacts::of(&change.new);
                    self.sets.insert(object.clone(), Arc::new(facts));
                    let available = fields::number(&change.new, &["status", "availableReplicas"]);
                    let known = self.available.entry(object.clone()).or_default();
                    Arc::make_mut(known).push((change.version, available.unwrap_or(0)));
                } else if kind == kinds::PODS {
                    let facts = PodFacts::of(&change.new);
                    self.pods.insert(object.clone(), Arc::new(facts));
                }
            }
            What::Deleted => {
                objects.remove(object);
                self.sets.remove(object);
                self.pods.remove(object);
            }
        }
    }

    /// Every Rollout and what serves it.
    pub(super) fn paint(&self, now: Timestamp) -> Vec<Picture> {
        self.of(kinds::ROLLOUTS)
            .map(|rollout| Picture::paint(self, rollout, now))
            .collect()
    }

    /// The objects of a kind.
    pub(super) fn of(&self, kind: KindId) -> impl Iterator<Item = &Arc<Value>> {
        place(kind)
            .and_then(|place| self.objects.get(place))
            .into_iter()
            .flat_map(BTreeMap::values)
    }

    /// One object.
    pub(super) fn get(&self, object: &Locator) -> Option<&Arc<Value>> {
        self.objects.get(place(object.kind)?)?.get(object)
    }

    /// How many pods of a Rollout's hash were available at a version, as its ReplicaSet says.
    pub(super) fn available_at(&self, (owner, hash): (&str, &str), version: u64) -> i64 {
        let mut sets = self.sets.iter();
        let place = sets.find(|(_, set)| set.owner == owner && set.hash == hash);
        let known = place.and_then(|(place, _)| self.available.get(place));
        let then = known.and_then(|known| known.iter().rev().find(|(from, _)| *from <= version));
        then.map_or(0, |(_, available)| *available)
    }

    /// Whether pods of an owner's hash were ever available, as its ReplicaSet says.
    pub(super) fn was_available(&self, (owner, hash): (&str, &str)) -> bool {
        let sets = self.sets.iter();
        let mut places = sets.filter(|(_, set)| set.owner == owner && set.hash == hash);
        places.any(|(place, _)| {
            let known = self.available.get(place);
            known.is_some_and(|known| known.iter().any(|(_, available)| *available > 0))
        })
    }

    pub(super) fn sets(&self) -> impl Iterator<Item = &SetFacts> {
        self.sets.values().map(|facts| &**facts)
    }

    pub(super) fn pods(&self) -> impl Iterator<Item = &PodFacts> {
        self.pods.values().map(|facts| &**facts)
    }
}

fn place(kind: KindId) -> Option<usize> {
    WATCHED.iter().position(|watched| *watched == kind)
}

impl SetFacts {
    fn of(set: &Value) -> Self {
        let patience = fields::number(set, &["spec", "minReadySeconds"]).unwrap_or(0);
        Self {
            uid: fields::uid(set).to_owned(),
            owner: fields::controller_uid(set).to_owned(),
            hash: hash_of(set).to_owned(),
            want: fields::number(set, &["spec", "replicas"]).unwrap_or(1),
            patience: SignedDuration::from_secs(patience),
            deadline: fields::text(
                set,
                &["metadata", "annotations", labels::SCALE_DOWN_DEADLINE],
            )
            .parse()
            .ok(),
            created: fields::text(set, &["metadata", "creationTimestamp"])
                .parse()
                .ok(),
        }
    }
}

impl PodFacts {
    fn of(pod: &Value) -> Self {
        Self {
            owner: fields::controller_uid(pod).to_owned(),
            ready: ready(pod),
        }
    }

    /// Whether it is ready for long enough and not going away.
    pub(super) fn is_available(&self, patience: SignedDuration, now: Timestamp) -> bool {
        match self.ready {
            Ready::No => false,
            Ready::Since(since) => patience.is_zero() || since + patience <= now,
            Ready::Yes => patience.is_zero(),
        }
    }
}

fn ready(pod: &Value) -> Ready {
    if fields::is_deleting(pod) {
        return Ready::No;
    }
    let ready = fields::list(pod, &["status", "conditions"])
        .iter()
        .find(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    let Some(ready) = ready else {
        return Ready::No;
    };
    let since = fields::text(ready, &["lastTransitionTime"]).parse::<Time>();
    since.map_or(Ready::Yes, |since| Ready::Since(since.timestamp()))
}
