//! The ReplicaSet controller: as many pods as wanted, and a status that counts them.

use std::{cmp::Reverse, collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use tidegate_api::meta::Time;

use super::alarms::Alarms;
use crate::{
    cluster::{
        Call, Cluster, DeletionOptions, Locator, Target, fields,
        kinds::{PODS, REPLICA_SETS},
    },
    digest::Digest,
};

/// When pods could not be created, the next try is this much later.
const RETRY: SignedDuration = SignedDuration::from_secs(1);

/// The ReplicaSet controller.
#[derive(Clone, Debug, Default)]
pub(super) struct ReplicaSets {
    cursor: u64,
    alarms: Alarms,
    /// The most pods that there may be.
    quota: Option<usize>,
}

impl ReplicaSets {
    pub(super) fn set_quota(&mut self, most: Option<usize>) {
        self.quota = most;
    }

    pub(super) fn step(&mut self, cluster: &mut Cluster, now: Timestamp) {
        let mut dirty = self.alarms.due(now);
        let version = cluster.version();
        if self.cursor < version {
            self.read(cluster, &mut dirty);
            self.cursor = version;
        }
        let call = Call::new(now, "replicaset-controller");
        for locator in dirty {
            let next = sync(cluster, (&call, self.quota), &locator);
            self.alarms.set(&locator, next);
        }
    }

    pub(super) fn digest(&self, digest: &mut Digest) {
        self.alarms.digest(digest);
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.alarms.next()
    }

    /// The ReplicaSets that the changes since the last look concern.
    fn read(&self, cluster: &Cluster, dirty: &mut BTreeSet<Locator>) {
        let Ok(changes) = cluster.changes_since(self.cursor) else {
            dirty.extend(cluster.in_namespace(REPLICA_SETS, None).map(|object| {
                Locator::new(
                    REPLICA_SETS,
                    fields::namespace(object),
                    fields::name(object),
                )
            }));
            return;
        };
        for change in changes {
            if change.object.kind == REPLICA_SETS {
                dirty.insert(change.object.clone());
            } else if change.object.kind == PODS {
                for pod in [change.old.as_ref(), Some(&change.new)]
                    .into_iter()
                    .flatten()
                {
                    let owner = cluster.get_by_uid(fields::controller_uid(pod));
                    if let Some((locator, _)) = owner
                        && locator.kind == REPLICA_SETS
                    {
                        dirty.insert(locator.clone());
                    }
                }
            }
        }
    }
}

/// Brings one ReplicaSet's pods and status up to date; tells when to look again without a change.
fn sync(
    cluster: &mut Cluster,
    (call, quota): (&Call, Option<usize>),
    locator: &Locator,
) -> Option<Timestamp> {
    let set = Arc::clone(cluster.get(REPLICA_SETS, &locator.namespace, &locator.name)?);
    let mut failure = None;
    if !fields::is_deleting(&set) {
        failure = manage(cluster, (call, quota), &set).err();
    }
    let pods = active_pods(cluster, fields::uid(&set));
    let (status, next) = status(&set, &pods, (call.now, failure.as_deref()));
    if Some(&status) != set.get("status") {
        let target = Target::new(REPLICA_SETS, &locator.namespace, &locator.name);
        cluster
            .replace_status(call, &target, status)
            .expect("the ReplicaSet was read at this instant");
    }
    let retry = failure.map(|_| call.now + RETRY);
    next.into_iter().chain(retry).min()
}

/// The pods that count: managed by this uid, not ended, not going.
fn active_pods(cluster: &Cluster, uid: &str) -> Vec<Arc<Value>> {
    cluster
        .owned(PODS, uid)
        .filter(|pod| {
            let phase = fields::text(pod, &["status", "phase"]);
            fields::controller_uid(pod) == uid
                && !["Succeeded", "Failed"].contains(&phase)
                && !fields::is_deleting(pod)
        })
        .map(Arc::clone)
        .collect()
}

/// Creates missing pods and deletes surplus ones.
///
/// # Errors
/// The server's sentence when it refuses a pod.
fn manage(
    cluster: &mut Cluster,
    (call, quota): (&Call, Option<usize>),
    set: &Value,
) -> Result<(), String> {
    let pods = active_pods(cluster, fields::uid(set));
    let wanted = fields::number(set, &["spec", "replicas"]).unwrap_or(1);
    let wanted = usize::try_from(wanted).unwrap_or(0);
    for _ in pods.len()..wanted {
        let there = cluster.in_namespace(PODS, None).count();
        if quota.is_some_and(|most| there >= most) {
            let name = fields::name(set);
            return Err(format!("pods \"{name}-\" is forbidden: exceeded quota"));
        }
        cluster
            .create(call, PODS, fields::namespace(set), new_pod(set))
            .map_err(|refusal| refusal.message)?;
    }
    for pod in victims(pods, wanted, call.now) {
        let target = Target::new(PODS, fields::namespace(&pod), fields::name(&pod));
        let options = DeletionOptions {
            uid: Some(fields::uid(&pod).to_owned()),
            ..DeletionOptions::default()
        };
        cluster
            .delete(call, &target, &options)
            .expect("the pod was read at this instant");
    }
    Ok(())
}

fn new_pod(set: &Value) -> Value {
    let template = fields::at(set, &["spec", "template"]).unwrap_or(&Value::Null);
    let mut metadata = Map::new();
    for member in ["labels", "annotations", "finalizers"] {
        if let Some(value) = fields::at(template, &["metadata", member]) {
            metadata.insert(member.to_owned(), value.clone());
        }
    }
    metadata.insert(
        "generateName".to_owned(),
        json!(format!("{}-", fields::name(set))),
    );
    metadata.insert(
        "ownerReferences".to_owned(),
        json!([{
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "name": fields::name(set),
            "uid": fields::uid(set),
            "controller": true,
            "blockOwnerDeletion": true,
        }]),
    );
    let mut pod = Map::new();
    pod.insert("metadata".to_owned(), Value::Object(metadata));
    pod.insert("spec".to_owned(), template["spec"].clone());
    Value::Object(pod)
}

/// Which pods go when there are too many, in the order of Kubernetes: those that serve least, and of
/// equals the youngest.
fn victims(mut pods: Vec<Arc<Value>>, wanted: usize, now: Timestamp) -> Vec<Arc<Value>> {
    if pods.len() <= wanted {
        return Vec::new();
    }
    let surplus = pods.len() - wanted;
    pods.sort_by_cached_key(|pod| rank(pod, now));
    pods.truncate(surplus);
    pods
}

/// What makes a pod go earlier, most important first: smaller goes first.
type Rank = (bool, u8, bool, i64, Option<u32>, Reverse<i64>, u32, String);

fn rank(pod: &Value, now: Timestamp) -> Rank {
    let assigned = !fields::text(pod, &["spec", "nodeName"]).is_empty();
    let phase = match fields::text(pod, &["status", "phase"]) {
        "Pending" => 0,
        "Unknown" => 1,
        _ => 2,
    };
    let ready_since = ready_since(pod);
    let cost = fields::map(pod, &["metadata", "annotations"])
        .get("controller.kubernetes.io/pod-deletion-cost")
        .and_then(Value::as_str)
        .and_then(|cost| cost.parse().ok())
        .unwrap_or(0);
    let restarts = fields::list(pod, &["status", "containerStatuses"])
        .iter()
        .filter_map(|status| fields::number(status, &["restartCount"]))
        .max()
        .unwrap_or(0);
    let created = instant(fields::text(pod, &["metadata", "creationTimestamp"])).unwrap_or(now);
    (
        assigned,
        phase,
        ready_since.is_some(),
        cost,
        ready_since.map(|since| magnitude(since, now)),
        Reverse(restarts),
        magnitude(created, now),
        fields::uid(pod).to_owned(),
    )
}

/// How long ago, in powers of two: pods of about the same age count as equals.
fn magnitude(since: Timestamp, now: Timestamp) -> u32 {
    let nanos = u64::try_from(now.duration_since(since).as_nanos()).unwrap_or(0);
    nanos.checked_ilog2().map_or(0, |log| log + 1)
}

fn instant(text: &str) -> Option<Timestamp> {
    text.parse::<Time>().ok().map(Time::timestamp)
}

/// Since when a pod is ready; `None` if it is not.
fn ready_since(pod: &Value) -> Option<Timestamp> {
    let condition = fields::list(pod, &["status", "conditions"])
        .iter()
        .find(|condition| fields::text(condition, &["type"]) == "Ready")?;
    if fields::text(condition, &["status"]) != "True" {
        return None;
    }
    instant(fields::text(condition, &["lastTransitionTime"]))
}

/// The status that counts these pods, and the instant at which one more of them becomes available.
fn status(
    set: &Value,
    pods: &[Arc<Value>],
    (now, failure): (Timestamp, Option<&str>),
) -> (Value, Option<Timestamp>) {
    let min_ready = fields::number(set, &["spec", "minReadySeconds"]).unwrap_or(0);
    let min_ready = SignedDuration::from_secs(min_ready);
    let template_labels = fields::map(set, &["spec", "template", "metadata", "labels"]);
    let mut next: Option<Timestamp> = None;
    let (mut labeled, mut ready, mut available) = (0, 0, 0);
    for pod in pods {
        let labels = fields::labels(pod);
        if template_labels
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
        {
            labeled += 1;
        }
        let Some(since) = ready_since(pod) else {
            continue;
        };
        ready += 1;
        let from = since.checked_add(min_ready).unwrap_or(Timestamp::MAX);
        if from <= now {
            available += 1;
        } else {
            next = Some(next.map_or(from, |other| other.min(from)));
        }
    }
    let mut status = Map::new();
    status.insert("replicas".to_owned(), json!(pods.len()));
    // Go omits zeros here.
    for (member, count) in [
        ("fullyLabeledReplicas", labeled),
        ("readyReplicas", ready),
        ("availableReplicas", available),
    ] {
        if count > 0 {
            status.insert(member.to_owned(), json!(count));
        }
    }
    let generation = fields::number(set, &["metadata", "generation"]).unwrap_or(0);
    status.insert("observedGeneration".to_owned(), json!(generation));
    if let Some(message) = failure {
        let before = fields::list(set, &["status", "conditions"])
            .iter()
            .find(|condition| fields::text(condition, &["type"]) == "ReplicaFailure");
        let since = before.map_or_else(
            || json!(Time::new(now).to_string()),
            |condition| condition["lastTransitionTime"].clone(),
        );
        status.insert(
            "conditions".to_owned(),
            json!([{
                "type": "ReplicaFailure",
                "status": "True",
                "lastTransitionTime": since,
                "reason": "FailedCreate",
                "message": message,
            }]),
        );
    }
    (Value::Object(status), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(uid: &str, ready_since: Option<&str>, created: &str) -> Arc<Value> {
        let ready = ready_since.map_or_else(
            || json!([]),
            |since| json!([{"type": "Ready", "status": "True", "lastTransitionTime": since}]),
        );
        Arc::new(json!({
            "metadata": {"uid": uid, "creationTimestamp": created},
            "spec": {"nodeName": "n"},
            "status": {"phase": "Running", "conditions": ready},
        }))
    }

    fn order(pods: Vec<Arc<Value>>) -> Vec<String> {
        let now = "2026-01-01T01:00:00Z".parse().unwrap();
        victims(pods, 0, now)
            .iter()
            .map(|pod| fields::uid(pod).to_owned())
            .collect()
    }

    #[test]
    fn what_is_not_ready_goes_before_what_is() {
        let old = "2026-01-01T00:00:00Z";
        let pods = vec![pod("ready", Some(old), old), pod("waiting", None, old)];
        assert_eq!(order(pods), ["waiting", "ready"]);
    }

    #[test]
    fn of_ready_pods_the_one_that_came_last_goes_first() {
        let pods = vec![
            pod("old", Some("2026-01-01T00:00:00Z"), "2026-01-01T00:00:00Z"),
            pod("new", Some("2026-01-01T00:59:00Z"), "2026-01-01T00:58:00Z"),
        ];
        assert_eq!(order(pods), ["new", "old"]);
    }
}
