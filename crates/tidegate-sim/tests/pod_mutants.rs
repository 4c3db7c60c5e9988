//! Every invariant about single pods can be broken, and is seen to be.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_core::{
    plan::{Class, Guard, ObjectKey, PODS, REPLICA_SETS, Verb, Write},
    reason::Reason,
};
use tidegate_sim::{
    cluster::{Cluster, fields, kinds},
    faults::Tamper,
    scenario::{NAMESPACE, Scenario},
    trace::Keep,
    world::World,
};

const RESTARTED: &str = "
about: What broken controllers break of a restart.
rollout: { replicas: 3, canary: { maxUnavailable: 1, maxSurge: 0 } }
story:
  - { when: Healthy }
  - { after: 2s, user: restart }
ends: Healthy v1
";

/// With an annotation, which no status of a ReplicaSet counts.
const MARKED: &str = "
about: What broken controllers break of the metadata of roles.
rollout: { replicas: 2, canary: { canaryMetadata: { annotations: { role: canary } }, stableMetadata: { annotations: { role: stable } } } }
story:
  - { when: Healthy, user: set image v2 }
ends: Healthy v2
";

fn play(story: &str, tamper: Option<Tamper>) -> Vec<String> {
    let scenario = Arc::new(Scenario::read(story).expect("the story can be read"));
    let mut world = World::new(&scenario, Keep::Lines, |path| anyhow::bail!("no {path}"))
        .expect("the story can begin");
    if let Some(tamper) = tamper {
        world.tamper(tamper);
    }
    // A broken controller may never come to rest; what it broke on the way counts.
    let _restless = world.run();
    world.violations().to_vec()
}

#[track_caller]
fn check(story: &str, tamper: Tamper, expected: &str) {
    let broken = play(story, Some(tamper));
    assert!(
        broken.iter().any(|one| one.starts_with(expected)),
        "{expected} was not seen: {broken:?}"
    );
}

/// Another write, of the object as it stands.
fn other(write: &Write, object: &Value, body: Value) -> Write {
    let resource = if fields::text(object, &["kind"]) == "Pod" {
        PODS
    } else {
        REPLICA_SETS
    };
    Write {
        verb: if body.is_null() {
            Verb::Evict
        } else {
            Verb::Patch
        },
        target: ObjectKey::new(resource, NAMESPACE, fields::name(object)),
        guard: Guard::Version {
            uid: fields::uid(object).to_owned(),
            resource_version: fields::version(object).to_owned(),
        },
        body,
        class: Class::Meta,
        events: write.events.clone(),
        reason: Reason::Because("it is broken".to_owned()),
    }
}

fn pods(cluster: &Cluster) -> impl Iterator<Item = &Arc<Value>> {
    cluster.in_namespace(kinds::PODS, Some(NAMESPACE))
}

#[test]
fn an_unbroken_controller_breaks_nothing() {
    assert_eq!(play(RESTARTED, None), Vec::<String>::new());
    assert_eq!(play(MARKED, None), Vec::<String>::new());
}

#[test]
fn one_eviction_too_many_is_seen() {
    check(
        RESTARTED,
        |cluster, write| {
            let going = pods(cluster).any(|pod| fields::is_deleting(pod));
            let pod = pods(cluster).find(|pod| !fields::is_deleting(pod))?;
            going.then(|| other(write, pod, Value::Null))
        },
        "S0-7",
    );
}

#[test]
fn a_label_of_others_that_is_written_is_seen() {
    check(
        MARKED,
        |cluster, write| {
            let pod = pods(cluster).next()?;
            let body = json!({"metadata": {"labels": {"team": "mine"}}});
            (write.target.resource == PODS).then(|| other(write, pod, body))
        },
        "S1-24: team",
    );
}

#[test]
fn a_pod_that_is_forgotten_is_seen() {
    check(
        MARKED,
        |cluster, write| {
            if write.target.resource != PODS {
                return None;
            }
            // Its ReplicaSet is told that all is done.
            let note = "rollout.argoproj.io/ephemeral-metadata";
            let path = ["metadata", "annotations", note];
            let mut sets = cluster.in_namespace(kinds::REPLICA_SETS, Some(NAMESPACE));
            let set = sets.find(|set| fields::text(set, &path).contains("pending"))?;
            let body = json!({"metadata": {"annotations": {note: "{\"annotations\":{\"role\":\"stable\"}}"}}});
            Some(other(write, set, body))
        },
        "S1-24: a pod lacks",
    );
}
