//! One Rollout and what serves its traffic, drawn from the cluster's true state.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tidegate_api::{labels, meta::Time};

use super::State;
use crate::cluster::{Locator, fields, kinds};

/// One ReplicaSet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Set {
    /// How many pods are asked for.
    pub(crate) want: i64,
    /// How many of its pods are ready for long enough and not going away.
    pub(crate) available: i64,
}

/// Everything that the checks look at.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) uid: String,
    pub(crate) replicas: i64,
    /// `status.currentPodHash`.
    pub(crate) current: String,
    /// `status.stableRS`.
    pub(crate) stable: String,
    pub(crate) status: Value,
    pub(crate) steps: Vec<Value>,
    pub(crate) step: Option<i64>,
    pub(crate) user_paused: bool,
    pub(crate) sets: BTreeMap<String, Set>,
    /// What the router sends where; `None` without a router.
    pub(crate) routing: Option<Routing>,
    /// The hash that the stable Service selects; `None` if there is no such Service.
    pub(crate) stable_service: Option<String>,
    pub(crate) canary_service: Option<String>,
    pub(crate) now: Timestamp,
}

/// What a router sends where.
#[derive(Clone, Debug)]
pub(crate) struct Routing {
    /// The sum of all weights.
    pub(crate) total: i64,
    /// The canary's weight in each canary Ingress, as text.
    pub(crate) weights: Vec<String>,
    pub(crate) dynamic: bool,
}

impl Picture {
    /// Draws it; `None` if there is no such Rollout.
    pub(crate) fn paint(state: &State, rollout: &Locator, now: Timestamp) -> Option<Self> {
        let object = state.objects.get(rollout)?;
        let (uid, namespace) = (fields::uid(object), &*rollout.namespace);
        let canary = &object["spec"]["strategy"]["canary"];
        let status = &object["status"];
        let service = |member: &str| {
            let name = fields::text(canary, &[member]);
            let service = state.get(kinds::SERVICES, namespace, name)?;
            let selector = ["spec", "selector", labels::POD_TEMPLATE_HASH];
            Some(fields::text(service, &selector).to_owned())
        };
        Some(Self {
            uid: uid.to_owned(),
            replicas: fields::number(object, &["spec", "replicas"]).unwrap_or(1),
            current: fields::text(status, &["currentPodHash"]).to_owned(),
            stable: fields::text(status, &["stableRS"]).to_owned(),
            status: status.clone(),
            steps: fields::list(canary, &["steps"]).to_vec(),
            step: fields::number(status, &["currentStepIndex"]),
            user_paused: object["spec"]["paused"] == true,
            sets: sets(state, uid, now),
            routing: canary
                .get("trafficRouting")
                .map(|routing| read_routing(state, uid, routing, canary)),
            stable_service: service("stableService"),
            canary_service: service("canaryService"),
            now,
        })
    }

    /// The share of the traffic that is declared for a hash, in parts of the router's total.
    pub(crate) fn declared(&self, hash: &str) -> i64 {
        let Some(routing) = &self.routing else {
            return 0;
        };
        if hash.is_empty() {
            return 0;
        }
        let weight = routing
            .weights
            .iter()
            .filter_map(|weight| weight.parse::<i64>().ok())
            .max()
            .unwrap_or(0);
        let mut share = 0;
        if self.stable_service.as_deref() == Some(hash) {
            share += routing.total - weight;
        }
        if self.canary_service.as_deref() == Some(hash) {
            share += weight;
        }
        share
    }

    /// The hashes that may have traffic.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = &str> {
        let services = [&self.stable_service, &self.canary_service];
        let mut hashes: Vec<&str> = services.into_iter().flatten().map(String::as_str).collect();
        hashes.retain(|hash| !hash.is_empty());
        hashes.sort_unstable();
        hashes.dedup();
        hashes.into_iter()
    }

    pub(crate) fn set(&self, hash: &str) -> Set {
        self.sets.get(hash).copied().unwrap_or_default()
    }

    /// The pods that a share of the traffic needs, rounded down as upstream does.
    pub(crate) fn needed_below(&self, share: i64) -> i64 {
        let total = self
            .routing
            .as_ref()
            .map_or(1, |routing| routing.total.max(1));
        self.replicas * share / total
    }

    /// The same rounded up.
    pub(crate) fn needed_above(&self, share: i64) -> i64 {
        let total = self
            .routing
            .as_ref()
            .map_or(1, |routing| routing.total.max(1));
        (self.replicas * share + total - 1) / total
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.status["abort"] == true
    }

    pub(crate) fn promotes_fully(&self) -> bool {
        self.status["promoteFull"] == true
    }

    pub(crate) fn pauses(&self) -> &[Value] {
        fields::list(&self.status, &["pauseConditions"])
    }

    pub(crate) fn is_in_flight(&self) -> bool {
        !self.stable.is_empty() && self.current != self.stable
    }

    pub(crate) fn is_dynamic(&self) -> bool {
        self.routing.as_ref().is_some_and(|routing| routing.dynamic)
    }
}

fn sets(state: &State, uid: &str, now: Timestamp) -> BTreeMap<String, Set> {
    let mut sets = BTreeMap::new();
    let mut places = BTreeMap::new();
    for set in state.of(kinds::REPLICA_SETS) {
        if fields::controller_uid(set) != uid {
            continue;
        }
        let hash = hash_of(set);
        let patience = fields::number(set, &["spec", "minReadySeconds"]).unwrap_or(0);
        places.insert(
            fields::uid(set),
            (hash, SignedDuration::from_secs(patience)),
        );
        let want = fields::number(set, &["spec", "replicas"]).unwrap_or(1);
        sets.insert(hash.to_owned(), Set { want, available: 0 });
    }
    for pod in state.of(kinds::PODS) {
        let Some((hash, patience)) = places.get(fields::controller_uid(pod)) else {
            continue;
        };
        if is_available(pod, *patience, now)
            && let Some(set) = sets.get_mut(*hash)
        {
            set.available += 1;
        }
    }
    sets
}

fn is_available(pod: &Value, patience: SignedDuration, now: Timestamp) -> bool {
    if fields::is_deleting(pod) {
        return false;
    }
    let ready = fields::list(pod, &["status", "conditions"])
        .iter()
        .find(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    let Some(ready) = ready else {
        return false;
    };
    let since = fields::text(ready, &["lastTransitionTime"]).parse::<Time>();
    patience.is_zero() || since.is_ok_and(|since| since.timestamp() + patience <= now)
}

fn read_routing(state: &State, uid: &str, routing: &Value, canary: &Value) -> Routing {
    let mut weights = Vec::new();
    let mut total = fields::number(routing, &["maxTrafficWeight"]).unwrap_or(100);
    for ingress in state.of(kinds::INGRESSES) {
        if fields::controller_uid(ingress) != uid {
            continue;
        }
        for (key, value) in fields::map(ingress, &["metadata", "annotations"]) {
            let value = value.as_str().unwrap_or_default();
            if key.ends_with("/canary-weight") {
                weights.push(value.to_owned());
            } else if key.ends_with("/canary-weight-total") {
                total = value.parse().unwrap_or(total);
            }
        }
    }
    Routing {
        total,
        weights,
        dynamic: canary["dynamicStableScale"] == true,
    }
}

pub(super) fn hash_of(object: &Value) -> &str {
    fields::labels(object)
        .get(labels::POD_TEMPLATE_HASH)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
