//! The controller of disruption budgets: how many pods may go now.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::cluster::{
    Call, Cluster, Patch, Target, fields,
    kinds::{DISRUPTION_BUDGETS, PODS, REPLICA_SETS},
    selector::LabelSelector,
};

/// How long an eviction counts although its pod does not go.
const PATIENCE: SignedDuration = SignedDuration::from_mins(2);

/// The controller of disruption budgets.
#[derive(Clone, Debug, Default)]
pub(super) struct Budgets {
    cursor: u64,
    next: Option<Timestamp>,
}

impl Budgets {
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.next
    }

    pub(super) fn step(&mut self, cluster: &mut Cluster, now: Timestamp) {
        let version = cluster.version();
        if cluster
            .in_namespace(DISRUPTION_BUDGETS, None)
            .next()
            .is_none()
        {
            self.cursor = version;
            return;
        }
        let due = self.next.is_some_and(|at| at <= now);
        let news = version != self.cursor
            && cluster.changes_since(self.cursor).map_or(true, |changes| {
                changes.iter().any(|change| {
                    [DISRUPTION_BUDGETS, PODS, REPLICA_SETS].contains(&change.object.kind)
                })
            });
        self.cursor = version;
        if !due && !news {
            return;
        }
        self.next = None;
        let budgets: Vec<Arc<Value>> = cluster
            .in_namespace(DISRUPTION_BUDGETS, None)
            .cloned()
            .collect();
        for budget in budgets {
            let status = self.status(cluster, &budget, now);
            write(cluster, (&budget, status), now);
        }
    }

    fn status(&mut self, cluster: &Cluster, budget: &Value, now: Timestamp) -> Map<String, Value> {
        let namespace = fields::namespace(budget);
        let selector = LabelSelector::of_json(&budget["spec"]["selector"]);
        let pods: Vec<&Arc<Value>> = cluster
            .in_namespace(PODS, Some(namespace))
            .filter(|pod| selector.matches(pod))
            .collect();
        let disrupted = self.disrupted(budget, &pods, now);
        let healthy = pods
            .iter()
            .filter(|pod| {
                !fields::is_deleting(pod)
                    && fields::condition(pod, "Ready") == "True"
                    && !disrupted.contains_key(fields::name(pod))
            })
            .count();
        let healthy = i64::try_from(healthy).unwrap_or(i64::MAX);
        let (expected, needed) = needed(cluster, budget, &pods);
        let allowed = if expected > 0 {
            (healthy - needed).max(0)
        } else {
            0
        };
        let mut status = Map::new();
        let generation = fields::number(budget, &["metadata", "generation"]).unwrap_or(0);
        for (member, count) in [
            ("observedGeneration", generation),
            ("currentHealthy", healthy),
            ("desiredHealthy", needed),
            ("expectedPods", expected),
            ("disruptionsAllowed", allowed),
        ] {
            status.insert(member.to_owned(), json!(count));
        }
        if !disrupted.is_empty() {
            status.insert("disruptedPods".to_owned(), Value::Object(disrupted));
        }
        status
    }

    /// The evictions that were granted and whose pods are still there.
    fn disrupted(
        &mut self,
        budget: &Value,
        pods: &[&Arc<Value>],
        now: Timestamp,
    ) -> Map<String, Value> {
        let mut kept = Map::new();
        for (name, since) in fields::map(budget, &["status", "disruptedPods"]) {
            let there = pods
                .iter()
                .any(|pod| fields::name(pod) == name && !fields::is_deleting(pod));
            let until = since
                .as_str()
                .and_then(|since| since.parse::<Timestamp>().ok())
                .map_or(now, |since| since + PATIENCE);
            if there && until > now {
                self.next = Some(self.next.map_or(until, |next| next.min(until)));
                kept.insert(name.clone(), since.clone());
            }
        }
        kept
    }
}

/// How many pods are expected, and how many of them must be healthy.
fn needed(cluster: &Cluster, budget: &Value, pods: &[&Arc<Value>]) -> (i64, i64) {
    let there = i64::try_from(pods.len()).unwrap_or(i64::MAX);
    let spec = &budget["spec"];
    if let Some(unavailable) = spec.get("maxUnavailable").filter(|given| !given.is_null()) {
        let expected = scale(cluster, pods);
        return (expected, (expected - amount(unavailable, expected)).max(0));
    }
    let given = &spec["minAvailable"];
    if given.is_null() {
        return (there, there);
    }
    let expected = if given.is_string() {
        scale(cluster, pods)
    } else {
        there
    };
    (expected, amount(given, expected))
}

/// The sizes of all ReplicaSets that own some of the pods.
fn scale(cluster: &Cluster, pods: &[&Arc<Value>]) -> i64 {
    let mut owners: Vec<&str> = pods.iter().map(|pod| fields::controller_uid(pod)).collect();
    owners.sort_unstable();
    owners.dedup();
    owners
        .into_iter()
        .filter_map(|owner| cluster.get_by_uid(owner))
        .filter_map(|(_, owner)| fields::number(owner, &["spec", "replicas"]))
        .sum()
}

/// A number, or a share of a whole that is rounded up.
fn amount(given: &Value, whole: i64) -> i64 {
    let share = given.as_str().and_then(|text| text.strip_suffix('%'));
    match share.and_then(|share| share.parse::<i64>().ok()) {
        Some(share) => (whole * share + 99) / 100,
        None => given.as_i64().unwrap_or(0),
    }
}

fn write(cluster: &mut Cluster, (budget, status): (&Value, Map<String, Value>), now: Timestamp) {
    let mut patch = status.clone();
    let held = fields::map(budget, &["status"]);
    let evictions = "disruptedPods".to_owned();
    if let Some(before) = held.get(&evictions).and_then(Value::as_object) {
        let mut after = status
            .get(&evictions)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        for name in before.keys() {
            after.entry(name.clone()).or_insert(Value::Null);
        }
        patch.insert(evictions, Value::Object(after));
    }
    let same = patch
        .iter()
        .all(|(member, value)| held.get(member) == Some(value));
    if same {
        return;
    }
    let name = fields::name(budget);
    let target = Target::new(DISRUPTION_BUDGETS, fields::namespace(budget), name).status();
    let call = Call::new(now, "disruption-controller");
    cluster
        .patch(&call, &target, &Patch::Merge(json!({"status": patch})))
        .expect("the budget was there at this instant");
}
