//! The Deployment controller, as far as a Rollout that takes a Deployment over meets it: one ReplicaSet
//! per template, the newest at the wanted size, the others at none once it is whole.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cluster::{
    Call, Cluster, Locator, Patch, Target, fields,
    kinds::{DEPLOYMENTS, REPLICA_SETS},
};

/// The label by which it tells its ReplicaSets apart.
const HASH: &str = "pod-template-hash";

/// The Deployment controller.
#[derive(Clone, Debug, Default)]
pub(super) struct Deployments {
    cursor: u64,
}

impl Deployments {
    pub(super) fn step(&mut self, cluster: &mut Cluster, now: Timestamp) {
        let version = cluster.version();
        if self.cursor >= version {
            return;
        }
        let dirty = self.read(cluster);
        self.cursor = version;
        let call = Call::new(now, "deployment-controller");
        for locator in dirty {
            sync(cluster, &call, &locator);
        }
    }

    /// The Deployments that the changes since the last look concern.
    fn read(&self, cluster: &Cluster) -> BTreeSet<Locator> {
        let Ok(changes) = cluster.changes_since(self.cursor) else {
            let all = cluster.in_namespace(DEPLOYMENTS, None);
            return all
                .map(|one| Locator::new(DEPLOYMENTS, fields::namespace(one), fields::name(one)))
                .collect();
        };
        let mut dirty = BTreeSet::new();
        for change in changes {
            if change.object.kind == DEPLOYMENTS {
                dirty.insert(change.object.clone());
            } else if change.object.kind == REPLICA_SETS
                && let Some((owner, _)) = cluster.get_by_uid(fields::controller_uid(&change.new))
                && owner.kind == DEPLOYMENTS
            {
                dirty.insert(owner.clone());
            }
        }
        dirty
    }
}

/// Brings one Deployment's ReplicaSets and status up to date.
fn sync(cluster: &mut Cluster, call: &Call, locator: &Locator) {
    let Some(deployment) = cluster.get(DEPLOYMENTS, &locator.namespace, &locator.name) else {
        return;
    };
    let deployment = Arc::clone(deployment);
    if fields::is_deleting(&deployment) {
        return;
    }
    let hash = hash(&deployment);
    let wanted = fields::number(&deployment, &["spec", "replicas"]).unwrap_or(1);
    let sets = owned(cluster, &deployment);
    let new = sets
        .iter()
        .find(|set| fields::labels(set).get(HASH) == Some(&json!(hash)));
    let Some(new) = new else {
        let set = new_replica_set(&deployment, &hash, wanted);
        cluster
            .create(call, REPLICA_SETS, &locator.namespace, set)
            .expect("the name is its own");
        return;
    };
    scale(cluster, call, (new, wanted));
    let available = fields::number(new, &["status", "availableReplicas"]).unwrap_or(0);
    for old in sets
        .iter()
        .filter(|set| fields::name(set) != fields::name(new))
    {
        if available >= wanted {
            scale(cluster, call, (old, 0));
        }
    }
    let status = status(&deployment, new, &sets);
    if deployment.get("status") != Some(&status) {
        let target = Target::new(DEPLOYMENTS, &locator.namespace, &locator.name);
        cluster
            .replace_status(call, &target, status)
            .expect("the Deployment was read at this instant");
    }
}

/// A name for the template: its image's tag, so that traces can be read.
fn hash(deployment: &Value) -> String {
    let containers = fields::list(deployment, &["spec", "template", "spec", "containers"]);
    let image = containers
        .first()
        .map_or("", |one| fields::text(one, &["image"]));
    let tag = image.rsplit_once(':').map_or("untagged", |(_, tag)| tag);
    format!("deployed-{tag}")
}

fn owned(cluster: &Cluster, deployment: &Value) -> Vec<Arc<Value>> {
    let uid = fields::uid(deployment);
    let sets = cluster.owned(REPLICA_SETS, uid);
    sets.filter(|set| fields::controller_uid(set) == uid)
        .map(Arc::clone)
        .collect()
}

fn new_replica_set(deployment: &Value, hash: &str, replicas: i64) -> Value {
    let mut template = deployment["spec"]["template"].clone();
    template["metadata"]["labels"][HASH] = json!(hash);
    let mut selector = deployment["spec"]["selector"].clone();
    selector["matchLabels"][HASH] = json!(hash);
    json!({
        "metadata": {
            "name": format!("{}-{hash}", fields::name(deployment)),
            "labels": template["metadata"]["labels"],
            "ownerReferences": [{
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": fields::name(deployment),
                "uid": fields::uid(deployment),
                "controller": true,
                "blockOwnerDeletion": true,
            }],
        },
        "spec": {"replicas": replicas, "selector": selector, "template": template},
    })
}

fn scale(cluster: &mut Cluster, call: &Call, (set, replicas): (&Value, i64)) {
    if fields::number(set, &["spec", "replicas"]) == Some(replicas) {
        return;
    }
    let target = Target::new(REPLICA_SETS, fields::namespace(set), fields::name(set));
    let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
    cluster
        .patch(call, &target, &patch)
        .expect("the ReplicaSet was read at this instant");
}

fn status(deployment: &Value, new: &Value, sets: &[Arc<Value>]) -> Value {
    let sum = |member: &str| -> i64 {
        let counts = sets
            .iter()
            .filter_map(|set| fields::number(set, &["status", member]));
        counts.sum()
    };
    json!({
        "observedGeneration": fields::number(deployment, &["metadata", "generation"]),
        "replicas": sum("replicas"),
        "updatedReplicas": fields::number(new, &["status", "replicas"]).unwrap_or(0),
        "readyReplicas": sum("readyReplicas"),
        "availableReplicas": sum("availableReplicas"),
    })
}
