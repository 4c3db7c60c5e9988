//! One Rollout and what serves its traffic, drawn from the cluster's true state.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::Value;
use tidegate_api::labels;

use super::{State, blue_green::Colours, drain, routing::Routing, state::SetFacts};
use crate::cluster::fields;

/// One ReplicaSet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Set {
    /// How many pods are asked for.
    pub(crate) want: i64,
    /// How many of its pods are ready for long enough and not going away.
    pub(crate) available: i64,
    /// When it may go, if it is kept until then.
    pub(crate) deadline: Option<Timestamp>,
    /// When it was created, to the second.
    pub(crate) created: Option<Timestamp>,
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
    object: Arc<Value>,
    pub(crate) step: Option<i64>,
    pub(crate) user_paused: bool,
    pub(crate) sets: BTreeMap<String, Set>,
    /// Hashes that only its Experiments have.
    tried: BTreeSet<String>,
    /// What the router sends where; `None` without a router.
    pub(crate) routing: Option<Routing>,
    /// What the Services of a blue-green Rollout select; `None` for a canary.
    pub(crate) colours: Option<Colours>,
    pub(crate) now: Timestamp,
}

impl Picture {
    /// Draws a Rollout.
    pub(crate) fn paint(state: &State, rollout: &Arc<Value>, now: Timestamp) -> Self {
        let (uid, namespace) = (fields::uid(rollout), fields::namespace(rollout));
        let canary = &rollout["spec"]["strategy"]["canary"];
        let status = &rollout["status"];
        let sets = sets(state, uid, now);
        let mut tried = drain::hashes(state, uid);
        tried.retain(|hash| !sets.contains_key(hash));
        Self {
            uid: uid.to_owned(),
            replicas: fields::number(rollout, &["spec", "replicas"]).unwrap_or(1),
            current: fields::text(status, &["currentPodHash"]).to_owned(),
            stable: fields::text(status, &["stableRS"]).to_owned(),
            step: fields::number(status, &["currentStepIndex"]),
            user_paused: rollout["spec"]["paused"] == true,
            sets,
            tried,
            routing: canary
                .get("trafficRouting")
                .map(|routing| Routing::read(state, namespace, routing, canary)),
            colours: rollout["spec"]["strategy"]
                .get("blueGreen")
                .map(|strategy| Colours::read(state, namespace, strategy)),
            object: Arc::clone(rollout),
            now,
        }
    }

    pub(crate) fn status(&self) -> &Value {
        &self.object["status"]
    }

    /// The Rollout itself.
    pub(crate) fn object(&self) -> &Value {
        &self.object
    }

    /// A member of `spec`.
    pub(crate) fn spec(&self, member: &str) -> &Value {
        &self.object["spec"][member]
    }

    /// A member of `spec.strategy.blueGreen`.
    pub(crate) fn blue_green(&self, member: &str) -> &Value {
        &self.object["spec"]["strategy"]["blueGreen"][member]
    }

    /// A member of `spec.strategy.blueGreen` or `spec.strategy.canary`, whichever it is.
    pub(crate) fn strategy(&self, member: &str) -> &Value {
        let strategy = &self.object["spec"]["strategy"];
        let kind = if self.colours.is_some() {
            "blueGreen"
        } else {
            "canary"
        };
        &strategy[kind][member]
    }

    pub(crate) fn name(&self) -> &str {
        fields::name(&self.object)
    }

    /// `spec.strategy.canary`, if that is the strategy.
    pub(crate) fn canary(&self) -> Option<&Value> {
        fields::at(&self.object, &["spec", "strategy", "canary"])
            .filter(|canary| canary.is_object())
    }

    /// Whether a version is an earlier one than another, and fewer lie between them than
    /// `spec.rollbackWindow` allows: going back to it may skip what an update waits for (RBK-02).
    pub(crate) fn is_within_the_window(&self, hash: &str, stable: &str) -> bool {
        let window = fields::number(&self.object, &["spec", "rollbackWindow", "revisions"]);
        let created = |hash: &str| self.sets.get(hash).and_then(|set| set.created);
        let (Some(from), Some(to)) = (created(hash), created(stable)) else {
            return false;
        };
        let between = self.sets.values().filter_map(|set| set.created);
        let between = between.filter(|one| from < *one && *one < to).count();
        from < to && i64::try_from(between).is_ok_and(|between| between < window.unwrap_or(0))
    }

    /// How many available pods are enough where so many are asked for: all, or as many as
    /// `replicaProgressThreshold` says (CAN-26).
    pub(crate) fn enough(&self, asked: i64) -> i64 {
        let path = ["replicaProgressThreshold", "value"];
        let canary = self.canary();
        let value = canary.and_then(|canary| fields::number(canary, &path));
        let (Some(canary), Some(value)) = (canary, value.filter(|value| *value >= 0)) else {
            return asked;
        };
        if canary["replicaProgressThreshold"]["type"] == "Percent" {
            (value * asked + 99) / 100
        } else {
            value
        }
    }

    /// Whether the status was made from this very spec.
    pub(crate) fn observes_its_spec(&self) -> bool {
        let generation = fields::number(&self.object, &["metadata", "generation"]);
        let observed = fields::text(self.status(), &["observedGeneration"]);
        observed.parse().ok() == generation
    }

    pub(crate) fn steps(&self) -> &[Value] {
        fields::list(&self.object, &["spec", "strategy", "canary", "steps"])
    }

    /// The share of the traffic that is declared for a hash, in parts of the router's total; where it
    /// is not the same on every route, the largest one.
    pub(crate) fn declared(&self, hash: &str) -> i64 {
        self.routing
            .as_ref()
            .map_or(0, |routing| routing.declared(hash))
    }

    /// The hashes of its versions that may have traffic.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = &str> {
        let all = self.routing.iter().flat_map(Routing::hashes);
        all.filter(|hash| !self.tried.contains(*hash))
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
        self.status()["abort"] == true
    }

    pub(crate) fn promotes_fully(&self) -> bool {
        self.status()["promoteFull"] == true
    }

    pub(crate) fn pauses(&self) -> &[Value] {
        fields::list(self.status(), &["pauseConditions"])
    }

    /// Whether an analysis without a verdict holds everything.
    pub(crate) fn is_halted(&self) -> bool {
        self.pauses()
            .iter()
            .any(|pause| pause["reason"] == "InconclusiveAnalysisRun")
    }

    pub(crate) fn is_in_flight(&self) -> bool {
        !self.stable.is_empty() && self.current != self.stable
    }

    pub(crate) fn is_dynamic(&self) -> bool {
        self.routing.as_ref().is_some_and(|routing| routing.dynamic)
    }
}

fn sets(state: &State, uid: &str, now: Timestamp) -> BTreeMap<String, Set> {
    let owned: Vec<&SetFacts> = state.sets().filter(|set| set.owner == uid).collect();
    let mut sets: BTreeMap<String, Set> = BTreeMap::new();
    for facts in owned {
        let pods = state.pods().filter(|pod| pod.owner == facts.uid);
        let available = pods.filter(|pod| pod.is_available(facts.patience, now));
        let set = Set {
            want: facts.want,
            available: i64::try_from(available.count()).unwrap_or(i64::MAX),
            deadline: facts.deadline,
            created: facts.created,
        };
        sets.insert(facts.hash.clone(), set);
    }
    sets
}

pub(super) fn hash_of(object: &Value) -> &str {
    fields::labels(object)
        .get(labels::POD_TEMPLATE_HASH)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
