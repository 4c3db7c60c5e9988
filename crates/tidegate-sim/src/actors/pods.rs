//! The kubelet and the scheduler of the model cluster: every pod's life, on one node.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    alarms::Alarms,
    kubelet::{self, NODE, Seen, Timing, Write},
};
use crate::{
    cluster::{
        Call, Cluster, DeletionOptions, Locator, Part, Patch, Target, What, fields,
        kinds::{NODES, PODS},
    },
    digest::Digest,
};

/// The label by which a Rollout's pods are told apart.
const HASH_LABEL: &str = "rollouts-pod-template-hash";

/// As whom it writes.
const ACTOR: &str = "kubelet";

/// What becomes of some pods, besides what their spec says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// They live as their spec says.
    Lives,
    /// Those that are not bound yet stay so; the others live on.
    StaysPending,
    /// They run and are not ready.
    Unready,
}

/// Everything a kubelet remembers.
#[derive(Clone, Debug)]
pub(super) struct Pods {
    cursor: u64,
    alarms: Alarms,
    timing: Timing,
    /// By uid.
    seen: BTreeMap<String, Seen>,
    /// By pod template hash; what is missing lives.
    fates: BTreeMap<String, Fate>,
    /// The hashes whose fate has changed since the last look.
    changed: BTreeSet<String>,
    serial: u64,
}

impl Pods {
    pub(super) fn new(timing: Timing) -> Self {
        Self {
            cursor: 0,
            alarms: Alarms::default(),
            timing,
            seen: BTreeMap::new(),
            fates: BTreeMap::new(),
            changed: BTreeSet::new(),
            serial: 0,
        }
    }

    pub(super) fn set_fate(&mut self, pod_template_hash: &str, fate: Fate) {
        self.fates.insert(pod_template_hash.to_owned(), fate);
        self.changed.insert(pod_template_hash.to_owned());
    }

    /// What it remembers, but for addresses.
    pub(super) fn digest(&self, digest: &mut Digest) {
        self.alarms.digest(digest);
        for (uid, seen) in &self.seen {
            digest.text(uid);
            digest.some_instant(seen.bound);
            digest.some_instant(seen.doomed);
        }
        for (hash, fate) in &self.fates {
            digest.text(hash);
            digest.text(&format!("{fate:?}"));
        }
        digest.number(u64::try_from(self.changed.len()).unwrap_or(u64::MAX));
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.alarms.next()
    }

    pub(super) fn step(&mut self, cluster: &mut Cluster, now: Timestamp) {
        let call = Call::new(now, ACTOR);
        let mut dirty = self.alarms.due(now);
        let version = cluster.version();
        if self.cursor < version {
            if self.cursor == 0 {
                register_node(cluster, &call);
            }
            self.read(cluster, &mut dirty);
            self.cursor = version;
        }
        for hash in std::mem::take(&mut self.changed) {
            dirty.extend(
                cluster
                    .in_namespace(PODS, None)
                    .filter(|pod| hash_of(pod) == hash)
                    .map(|pod| locator(pod)),
            );
        }
        for locator in dirty {
            self.live(cluster, &call, &locator);
        }
    }

    fn read(&mut self, cluster: &Cluster, dirty: &mut BTreeSet<Locator>) {
        let Ok(changes) = cluster.changes_since(self.cursor) else {
            dirty.extend(cluster.in_namespace(PODS, None).map(|pod| locator(pod)));
            return;
        };
        for change in changes.iter().filter(|change| change.object.kind == PODS) {
            match change.what {
                // What the kubelet itself has said of a pod leads to nothing new.
                What::Modified if change.part == Part::Status && change.actor == ACTOR => {}
                What::Added | What::Modified => {
                    dirty.insert(change.object.clone());
                }
                What::Deleted => {
                    self.seen.remove(fields::uid(&change.new));
                    self.alarms.set(&change.object, None);
                }
            }
        }
    }

    /// Lets one pod live up to now.
    fn live(&mut self, cluster: &mut Cluster, call: &Call, locator: &Locator) {
        let (namespace, name) = (&*locator.namespace, &*locator.name);
        let Some(pod) = cluster.get(PODS, namespace, name).map(Arc::clone) else {
            return;
        };
        if !self.seen.contains_key(fields::uid(&pod)) {
            self.serial += 1;
            let seen = Seen::of(&pod, call.now, self.serial);
            self.seen.insert(fields::uid(&pod).to_owned(), seen);
        }
        let Some(seen) = self.seen.get_mut(fields::uid(&pod)) else {
            return;
        };
        seen.look(&pod, call.now);
        let mut next = kubelet::next(&pod, seen, &self.timing, call.now);
        match self
            .fates
            .get(hash_of(&pod))
            .copied()
            .unwrap_or(Fate::Lives)
        {
            Fate::Lives => {}
            Fate::StaysPending => next.writes.retain(|write| *write != Write::Bind),
            Fate::Unready => {
                for write in &mut next.writes {
                    if let Write::Status(patch) = write {
                        unready(patch, &pod, call.now);
                    }
                }
                if next.writes.is_empty() && fields::condition(&pod, "Ready") == "True" {
                    let mut patch = json!({"status": {
                        "conditions": pod["status"]["conditions"],
                        "containerStatuses": pod["status"]["containerStatuses"],
                    }});
                    unready(&mut patch, &pod, call.now);
                    next.writes.push(Write::Status(patch));
                }
                // A pod that is kept unready writes the same patch again and again otherwise.
                next.writes.retain(|write| changes(write, &pod));
            }
        }
        self.alarms.set(locator, next.at);
        for write in next.writes {
            send(cluster, call, (&pod, write));
        }
    }
}

fn locator(pod: &Value) -> Locator {
    Locator::new(PODS, fields::namespace(pod), fields::name(pod))
}

/// Deletes the pods of a version, as when their node is lost.
pub(super) fn lose(cluster: &mut Cluster, pod_template_hash: &str, now: Timestamp) {
    let lost: Vec<Locator> = cluster
        .in_namespace(PODS, None)
        .filter(|pod| hash_of(pod) == pod_template_hash)
        .map(|pod| locator(pod))
        .collect();
    let call = Call::new(now, "node-lifecycle-controller");
    let at_once = DeletionOptions {
        grace_seconds: Some(0),
        ..DeletionOptions::default()
    };
    for pod in lost {
        let target = Target::new(PODS, &pod.namespace, &pod.name);
        cluster
            .delete(&call, &target, &at_once)
            .expect("the pod was listed at this instant");
    }
}

fn hash_of(pod: &Value) -> &str {
    fields::labels(pod)
        .get(HASH_LABEL)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Turns a status that may be ready into one that is not.
fn unready(patch: &mut Value, pod: &Value, now: Timestamp) {
    let instant = tidegate_api::meta::Time::new(now).to_string();
    let conditions = patch["status"]["conditions"].as_array_mut();
    for condition in conditions.into_iter().flatten() {
        let kind = fields::text(condition, &["type"]).to_owned();
        if ["Ready", "ContainersReady"].contains(&kind.as_str()) {
            let before = fields::list(pod, &["status", "conditions"])
                .iter()
                .find(|old| {
                    fields::text(old, &["type"]) == kind
                        && fields::text(old, &["status"]) == "False"
                });
            let since = before.map_or(instant.as_str(), |old| {
                fields::text(old, &["lastTransitionTime"])
            });
            condition["lastTransitionTime"] = json!(since);
            condition["status"] = json!("False");
            condition["reason"] = json!("ContainersNotReady");
        }
    }
    let statuses = patch["status"]["containerStatuses"].as_array_mut();
    for status in statuses.into_iter().flatten() {
        status["ready"] = json!(false);
    }
}

/// Whether a write says anything that the pod's status does not say.
fn changes(write: &Write, pod: &Value) -> bool {
    let Write::Status(patch) = write else {
        return true;
    };
    fields::map(patch, &["status"]).iter().any(|(name, value)| {
        let stands = fields::at(pod, &["status", name]);
        match value.as_array() {
            Some(wanted) if name == "conditions" => {
                let stands = stands.and_then(Value::as_array);
                !wanted
                    .iter()
                    .all(|one| stands.is_some_and(|stands| stands.contains(one)))
            }
            Some(_) | None => stands != Some(value),
        }
    })
}

fn send(cluster: &mut Cluster, call: &Call, (pod, write): (&Value, Write)) {
    let target = Target::new(PODS, fields::namespace(pod), fields::name(pod));
    // A pod that another write of the same instant has removed is left alone.
    let _refused = match write {
        Write::Bind => {
            let patch = Patch::Merge(json!({"spec": {"nodeName": NODE}}));
            cluster.patch(call, &target, &patch).err()
        }
        Write::Status(patch) => cluster
            .patch(call, &target.status(), &Patch::Strategic(patch))
            .err(),
        Write::Delete => {
            let options = DeletionOptions {
                uid: Some(fields::uid(pod).to_owned()),
                grace_seconds: Some(0),
                ..DeletionOptions::default()
            };
            cluster.delete(call, &target, &options).err()
        }
    };
}

/// The node that all pods run on.
fn register_node(cluster: &mut Cluster, call: &Call) {
    if cluster.get(NODES, "", NODE).is_some() {
        return;
    }
    let instant = tidegate_api::meta::Time::new(call.now).to_string();
    let capacity = json!({"cpu": "1000", "memory": "4Ti", "pods": "10000"});
    let node = json!({
        "metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}},
        "status": {
            "capacity": capacity,
            "allocatable": capacity,
            "conditions": [{
                "type": "Ready",
                "status": "True",
                "reason": "KubeletReady",
                "lastHeartbeatTime": instant,
                "lastTransitionTime": instant,
            }],
        },
    });
    cluster
        .create(call, NODES, "", node)
        .expect("the node was not there at this instant");
}
