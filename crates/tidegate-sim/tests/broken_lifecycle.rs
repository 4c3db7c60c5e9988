//! The invariants about what is not a Rollout's, and about what it takes from a workload, can be broken,
//! and are seen to be.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_core::{
    plan::{
        Class, DEPLOYMENTS, Guard, ObjectKey, REPLICA_SETS, ROLLOUTS, Resource, SERVICES, Verb,
        Write,
    },
    reason::Reason,
};
use tidegate_sim::{
    cluster::{Cluster, fields, kinds},
    doors::direct,
    faults::Tamper,
    scenario::{NAMESPACE, Scenario},
    trace::Keep,
    world::World,
};

/// A Rollout that takes its template from a Deployment and has its pods go as its own come.
const MIGRATION: &str = "
about: What broken controllers break of a Deployment.
rollout: { workload: { scaleDown: progressively }, spec: { minReadySeconds: 5 } }
story: [{ at: 60s, user: scale 5 }]
ends: Healthy v1
";

/// An update with a Service.
const UPDATE: &str = "
about: What broken controllers break of an update.
rollout: { steps: [{ setWeight: 25 }, { pause: { duration: 30s } }], canary: { stableService: web-stable } }
objects:
  - { apiVersion: v1, kind: Service, metadata: { name: web-stable }, spec: { selector: { app: web }, ports: [{ port: 80 }] } }
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

/// A guarded patch of an object as it stands.
fn patch(cluster: &Cluster, (resource, name): (Resource, &str), body: Value) -> Option<Write> {
    let target = ObjectKey::new(resource, NAMESPACE, name);
    let object = direct::get(cluster, &target)?;
    Some(Write {
        verb: Verb::Patch,
        guard: Guard::Version {
            uid: fields::uid(object).to_owned(),
            resource_version: fields::version(object).to_owned(),
        },
        target,
        body,
        class: Class::Traffic,
        events: Vec::new(),
        reason: Reason::Because("it is broken".to_owned()),
    })
}

fn rollout(cluster: &Cluster) -> &Value {
    let rollout = cluster.get(kinds::ROLLOUTS, NAMESPACE, "web");
    rollout.expect("the story has a Rollout")
}

#[test]
fn an_unbroken_controller_breaks_nothing() {
    for story in [MIGRATION, UPDATE] {
        assert_eq!(play(story, None), Vec::<String>::new());
    }
}

#[test]
fn a_deployment_that_goes_too_early_is_seen() {
    check(
        MIGRATION,
        |cluster, _| {
            let none = json!({"spec": {"replicas": 0}});
            patch(cluster, (DEPLOYMENTS, "web"), none)
        },
        "S1-26: Deployment web goes from 4 to 0",
    );
}

#[test]
fn a_template_that_is_written_into_the_rollout_is_seen() {
    check(
        MIGRATION,
        |cluster, write| {
            let selector = json!({"spec": {"selector": {"matchLabels": {"app": "web"}}}});
            (write.target.resource == ROLLOUTS)
                .then(|| patch(cluster, (ROLLOUTS, "web"), selector))?
        },
        "S1-26: spec.selector is written",
    );
}

#[test]
fn a_second_replica_set_for_a_template_is_seen() {
    check(
        UPDATE,
        |cluster, write| {
            let first = cluster.in_namespace(kinds::REPLICA_SETS, None).next()?;
            let mut body = (**first).clone();
            body["metadata"]["name"] = json!("web-again");
            let twice = write.target.resource == REPLICA_SETS && write.verb != Verb::Create;
            twice.then(|| Write {
                verb: Verb::Create,
                target: ObjectKey::new(REPLICA_SETS, NAMESPACE, "web-again"),
                guard: Guard::Absent,
                body: json!({
                    "apiVersion": "apps/v1", "kind": "ReplicaSet",
                    "metadata": {
                        "name": "web-again",
                        "labels": body["metadata"]["labels"],
                        "ownerReferences": body["metadata"]["ownerReferences"],
                    },
                    "spec": body["spec"],
                }),
                ..write.clone()
            })
        },
        "S1-13",
    );
}

#[test]
fn a_write_for_a_manifest_that_is_refused_is_seen() {
    let story = UPDATE.replace(
        "  - { when: Healthy, user: set image v2 }",
        "  - { when: Healthy, user: { patch: Rollout web, with: { spec: { strategy: { canary: { steps: [{ setWeight: 200 }] } } } } } }",
    );
    check(
        &story,
        |cluster, _| {
            let refused =
                rollout(cluster)["spec"]["strategy"]["canary"]["steps"][0]["setWeight"] == 200;
            let note = json!({"metadata": {"annotations": {"note": "none"}}});
            refused.then(|| patch(cluster, (SERVICES, "web-stable"), note))?
        },
        "S0-19",
    );
}

#[test]
fn a_service_that_is_released_too_early_is_seen() {
    check(
        UPDATE,
        |cluster, write| {
            let release = json!({"spec": {"selector": {"rollouts-pod-template-hash": null}}});
            let healthy = rollout(cluster)["status"]["phase"] == "Healthy";
            (healthy && write.target.resource != SERVICES)
                .then(|| patch(cluster, (SERVICES, "web-stable"), release))?
        },
        "S0-20",
    );
}

#[test]
fn a_service_that_loses_its_last_selector_is_seen() {
    check(
        UPDATE,
        |cluster, write| {
            let release = json!({"spec": {"selector": null}});
            (write.target.resource == SERVICES)
                .then(|| patch(cluster, (SERVICES, "web-stable"), release))?
        },
        "S0-20: Service web-stable selects nothing",
    );
}

#[test]
fn a_service_that_is_taken_from_an_older_rollout_is_seen() {
    let older = "  - { apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: { name: older }, spec: { replicas: 1, selector: { matchLabels: { app: web } }, template: { metadata: { labels: { app: web } }, spec: { containers: [{ name: web, image: 'web:v0' }] } }, strategy: { canary: { stableService: web-stable } } } }\nstory:";
    let story = UPDATE.replace("story:", older);
    check(
        &story,
        |cluster, write| {
            let younger = write.target.name == "web" && write.verb == Verb::PatchStatus;
            let note = json!({"metadata": {"annotations": {"note": "none"}}});
            younger.then(|| patch(cluster, (SERVICES, "web-stable"), note))?
        },
        "S2-14",
    );
}
