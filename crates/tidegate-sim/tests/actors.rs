//! Who lives in the model cluster, over time.

#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tidegate_sim::{
    actors::{Actors, EndpointsWrites, Fate, Settings, kubelet::Timing},
    cluster::{
        Call, Cluster, DeletionOptions, Patch, Propagation, Target, fields,
        kinds::{self, KindId},
    },
};

/// A cluster with its actors and its time.
struct World {
    cluster: Cluster,
    actors: Actors,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        Self {
            cluster: Cluster::new(now),
            actors: Actors::new(&Settings {
                timing: Timing::default(),
                endpoints: EndpointsWrites::Kept,
            }),
            now,
        }
    }

    fn call(&self) -> Call {
        Call::new(self.now, "user")
    }

    fn create(&mut self, kind: KindId, body: Value) {
        let call = self.call();
        self.cluster.create(&call, kind, "default", body).unwrap();
    }

    fn patch(&mut self, kind: KindId, name: &str, body: Value) {
        let call = self.call();
        let target = Target::new(kind, "default", name);
        self.cluster
            .patch(&call, &target, &Patch::Merge(body))
            .unwrap();
    }

    fn delete(&mut self, kind: KindId, name: &str, propagation: Propagation) {
        let options = DeletionOptions {
            propagation,
            ..DeletionOptions::default()
        };
        let call = self.call();
        let target = Target::new(kind, "default", name);
        self.cluster.delete(&call, &target, &options).unwrap();
    }

    /// Lets this much time pass.
    fn pass(&mut self, seconds: i64) {
        let end = self.now + SignedDuration::from_secs(seconds);
        loop {
            match self.actors.step(&mut self.cluster, self.now) {
                Some(at) if at <= end => self.now = at,
                Some(_) | None => break,
            }
        }
        self.now = end;
        self.actors.step(&mut self.cluster, self.now);
    }

    fn get(&self, kind: KindId, name: &str) -> &Value {
        self.cluster.get(kind, "default", name).unwrap()
    }

    fn pods(&self) -> usize {
        self.cluster
            .in_namespace(kinds::PODS, Some("default"))
            .count()
    }

    fn set(&self, counter: &str) -> i64 {
        fields::number(self.get(kinds::REPLICA_SETS, "web"), &["status", counter]).unwrap_or(0)
    }
}

fn replica_set(replicas: u32) -> Value {
    let labels = json!({"app": "web", "rollouts-pod-template-hash": "abc"});
    json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "minReadySeconds": 5,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "web:1", "ports": [{"name": "http", "containerPort": 8080}]}]},
            },
        },
    })
}

#[test]
fn pods_are_made_become_ready_and_then_available() {
    let mut world = World::new();
    world.create(kinds::REPLICA_SETS, replica_set(3));
    world.pass(1);
    assert_eq!((world.set("replicas"), world.set("readyReplicas")), (3, 0));
    world.pass(1);
    assert_eq!(
        (world.set("readyReplicas"), world.set("availableReplicas")),
        (3, 0)
    );
    world.pass(5);
    assert_eq!(world.set("availableReplicas"), 3);
    assert_eq!(world.set("fullyLabeledReplicas"), 3);
    let quiet = world.cluster.version();
    world.pass(3_600);
    assert_eq!(
        world.cluster.version(),
        quiet,
        "a settled cluster writes nothing"
    );
}

#[test]
fn scaling_down_takes_what_does_not_serve_first() {
    let mut world = World::new();
    world.create(kinds::REPLICA_SETS, replica_set(2));
    world.pass(10);
    world.patch(kinds::REPLICA_SETS, "web", json!({"spec": {"replicas": 4}}));
    world.pass(1);
    world.patch(kinds::REPLICA_SETS, "web", json!({"spec": {"replicas": 2}}));
    world.pass(0);
    assert_eq!(
        (world.set("replicas"), world.set("availableReplicas")),
        (2, 2)
    );
    world.pass(2);
    assert_eq!(world.pods(), 2);
}

#[test]
fn a_deleted_pod_is_replaced() {
    let mut world = World::new();
    world.create(kinds::REPLICA_SETS, replica_set(1));
    world.pass(10);
    let name = fields::name(
        world
            .cluster
            .in_namespace(kinds::PODS, None)
            .next()
            .unwrap(),
    )
    .to_owned();
    world.delete(kinds::PODS, &name, Propagation::Background);
    world.pass(0);
    assert_eq!(world.pods(), 2, "the old pod takes its time to stop");
    world.pass(10);
    assert_eq!((world.pods(), world.set("availableReplicas")), (1, 1));
}

#[test]
fn endpoints_follow_the_pods_that_are_ready() {
    let mut world = World::new();
    world.create(
        kinds::SERVICES,
        json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]}}),
    );
    world.create(kinds::REPLICA_SETS, replica_set(2));
    world.pass(1);
    let subset = &world.get(kinds::ENDPOINTS, "web")["subsets"][0];
    assert_eq!(fields::list(subset, &["notReadyAddresses"]).len(), 2);
    world.pass(1);
    let subset = &world.get(kinds::ENDPOINTS, "web")["subsets"][0];
    assert_eq!(fields::list(subset, &["addresses"]).len(), 2);
    assert_eq!(subset["ports"][0]["port"], 8080);
    let slice = world.get(kinds::ENDPOINT_SLICES, "web-slice");
    assert_eq!(slice["endpoints"][0]["conditions"]["ready"], true);
    world.delete(kinds::SERVICES, "web", Propagation::Background);
    world.pass(0);
    assert!(
        world
            .cluster
            .get(kinds::ENDPOINTS, "default", "web")
            .is_none()
    );
    assert!(
        world
            .cluster
            .get(kinds::ENDPOINT_SLICES, "default", "web-slice")
            .is_none()
    );
}

#[test]
fn the_dependents_of_a_deleted_owner_go_after_it() {
    let mut world = World::new();
    world.create(kinds::REPLICA_SETS, replica_set(2));
    world.pass(10);
    world.delete(kinds::REPLICA_SETS, "web", Propagation::Background);
    world.pass(0);
    assert!(
        world
            .cluster
            .get(kinds::REPLICA_SETS, "default", "web")
            .is_none()
    );
    assert_eq!(world.pods(), 2);
    world.pass(2);
    assert_eq!(world.pods(), 0);
}

#[test]
fn a_foreground_deletion_waits_for_its_dependents() {
    let mut world = World::new();
    world.create(kinds::REPLICA_SETS, replica_set(2));
    world.pass(10);
    world.delete(kinds::REPLICA_SETS, "web", Propagation::Foreground);
    world.pass(0);
    assert!(fields::is_deleting(world.get(kinds::REPLICA_SETS, "web")));
    world.pass(2);
    assert!(
        world
            .cluster
            .get(kinds::REPLICA_SETS, "default", "web")
            .is_none()
    );
    assert_eq!(world.pods(), 0);
}

#[test]
fn an_orphaning_deletion_leaves_its_dependents() {
    let mut world = World::new();
    world.create(kinds::REPLICA_SETS, replica_set(2));
    world.pass(10);
    world.delete(kinds::REPLICA_SETS, "web", Propagation::Orphan);
    world.pass(10);
    assert!(
        world
            .cluster
            .get(kinds::REPLICA_SETS, "default", "web")
            .is_none()
    );
    assert_eq!(world.pods(), 2);
    let orphans = world
        .cluster
        .in_namespace(kinds::PODS, None)
        .all(|pod| fields::owners(pod).is_empty());
    assert!(orphans);
}

#[test]
fn a_namespace_takes_its_content_with_it() {
    let mut world = World::new();
    let call = world.call();
    let shop = json!({"metadata": {"name": "shop"}});
    world
        .cluster
        .create(&call, kinds::NAMESPACES, "", shop)
        .unwrap();
    world
        .cluster
        .create(&call, kinds::REPLICA_SETS, "shop", replica_set(2))
        .unwrap();
    world.pass(10);
    world
        .cluster
        .delete(
            &call,
            &Target::new(kinds::NAMESPACES, "", "shop"),
            &DeletionOptions::default(),
        )
        .unwrap();
    world.pass(0);
    assert!(world.cluster.get(kinds::NAMESPACES, "", "shop").is_some());
    world.pass(2);
    assert!(world.cluster.get(kinds::NAMESPACES, "", "shop").is_none());
}

#[test]
fn fate_decides_over_pods_by_their_hash() {
    let mut world = World::new();
    world.actors.set_fate("abc", Fate::StaysPending);
    world.create(kinds::REPLICA_SETS, replica_set(1));
    world.pass(60);
    assert_eq!(world.set("readyReplicas"), 0);
    world.actors.set_fate("abc", Fate::Lives);
    world.pass(60);
    assert_eq!(world.set("availableReplicas"), 1);
    world.actors.set_fate("abc", Fate::Unready);
    world.pass(60);
    assert_eq!((world.set("readyReplicas"), world.set("replicas")), (0, 1));
    world.actors.set_fate("abc", Fate::Lives);
    world.pass(60);
    assert_eq!(world.set("availableReplicas"), 1);
}
