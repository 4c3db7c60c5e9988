//! Every invariant can be broken, and is seen to be: broken controllers, one for each.

mod adoption;
mod colours;
mod contests;
mod ends;
mod experiment_step;
mod experiments;
mod gates;
mod guards;
mod measurements;
mod outdated;
mod traffic;

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_api::labels;
use tidegate_core::{
    plan::{
        Guard, INGRESSES, ObjectKey, REPLICA_SETS, ROLLOUTS, Resource, SECRETS, SERVICES, Verb,
        Write,
    },
    reason::Reason,
};
use tidegate_sim::{
    cluster::{Cluster, fields, kinds},
    doors::direct,
    explore::sweep::{Faults, Losses, sweep_with},
    faults::{Broken, Cut, Lacks, Tamper},
    scenario::{NAMESPACE, Scenario},
    trace::Keep,
    world::World,
};

/// A canary of four that pauses at 25 % until a person aborts it.
const STORY: &str = "
about: What broken controllers break.
rollout: { router: nginx, steps: [{ setWeight: 25 }, { pause: {} }, { setWeight: 50 }, { pause: {} }] }
story:
  - { when: Healthy, user: set image v2 }
  - { at: 30s, user: abort }
ends: Degraded v1
";

/// An update that an analysis judges, after a pause that ends by itself.
const JUDGED: &str = "
about: What broken controllers break of an analysis.
rollout: { steps: [{ setWeight: 25 }, { pause: { duration: 30s } }, { analysis: { templates: [{ templateName: good }] } }, { setWeight: 50 }] }
objects:
  - apiVersion: argoproj.io/v1alpha1
    kind: AnalysisTemplate
    metadata: { name: good }
    spec: { metrics: [{ name: success, interval: 10s, count: 3, successCondition: 'result[0] >= 0.99', provider: { prometheus: { address: 'http://prometheus:9090', query: up } } }] }
story:
  - { metrics: { says: 1 } }
  - { when: Healthy, user: set image v2 }
ends: Healthy v2
";

/// A preview that waits for a person, who goes on and later comes back.
const COLOURS: &str = "
about: What broken controllers break of two colours.
rollout: { blueGreen: { autoPromotionEnabled: false, scaleDownDelaySeconds: 60 } }
story:
  - { when: Healthy, user: set image v2 }
  - { when: Paused, user: scale 5 }
  - { after: 10s, user: promote }
ends: Healthy v2
";

#[track_caller]
fn check(tamper: Tamper, expected: &str) {
    check_in(STORY, tamper, expected);
}

#[track_caller]
fn check_in(story: &str, tamper: Tamper, expected: &str) {
    let broken = Broken {
        tamper: Some(tamper),
        lacks: None,
    };
    expect(&play(story, broken), expected);
}

/// A controller that lacks something.
#[track_caller]
fn check_without(story: &str, lacks: Lacks, expected: &str) {
    let broken = Broken {
        tamper: None,
        lacks: Some(lacks),
    };
    expect(&play(story, broken), expected);
}

/// A broken controller that is found out only where something goes wrong.
#[track_caller]
fn check_swept(story: &str, faults: &Faults<'_>, broken: Broken, expected: &str) {
    let read = |path: &str| -> anyhow::Result<String> { anyhow::bail!("no {path}") };
    sweep_with(story, faults, Broken::default(), read).expect("a good controller does well");
    let error = sweep_with(story, faults, broken, read).expect_err("it is found out");
    let error = format!("{error:#}");
    assert!(error.contains(expected), "{expected} was not seen: {error}");
}

#[track_caller]
fn expect(broken: &[String], expected: &str) {
    assert!(
        broken.iter().any(|one| one.starts_with(expected)),
        "{expected} was not seen: {broken:?}"
    );
}

fn play(story: &str, broken: Broken) -> Vec<String> {
    let scenario = Arc::new(Scenario::read(story).expect("the story can be read"));
    let mut world = World::new(&scenario, Keep::Lines, |path| anyhow::bail!("no {path}"))
        .expect("the story can begin");
    world.break_controller(broken);
    // A broken controller may never come to rest; what it broke on the way counts.
    let _restless = world.run();
    world.violations().to_vec()
}

/// A guarded patch of an object as it stands.
fn patch(cluster: &Cluster, (resource, name): (Resource, &str), body: Value) -> Option<Write> {
    let target = ObjectKey::new(resource, NAMESPACE, name);
    let object = direct::get(cluster, &target)?;
    Some(Write {
        verb: if body.get("status").is_some() {
            Verb::PatchStatus
        } else {
            Verb::Patch
        },
        guard: Guard::Version {
            uid: fields::uid(object).to_owned(),
            resource_version: fields::version(object).to_owned(),
        },
        target,
        body,
        class: tidegate_core::plan::Class::Traffic,
        events: Vec::new(),
        reason: Reason::Because("it is broken".to_owned()),
    })
}

fn status(cluster: &Cluster) -> &Value {
    let rollout = cluster.get(kinds::ROLLOUTS, NAMESPACE, "web");
    &rollout.expect("the story has a Rollout")["status"]
}

/// The update stands at its pause, with a quarter of the traffic.
fn pauses(cluster: &Cluster) -> bool {
    let status = status(cluster);
    status["currentStepIndex"] == 1 && !fields::list(status, &["pauseConditions"]).is_empty()
}

/// The name of the ReplicaSet of the new or of the stable version.
fn set_of(cluster: &Cluster, member: &str) -> String {
    format!("web-{}", fields::text(status(cluster), &[member]))
}

fn scale(cluster: &Cluster, member: &str, replicas: i32) -> Option<Write> {
    let name = set_of(cluster, member);
    patch(
        cluster,
        (REPLICA_SETS, &name),
        json!({"spec": {"replicas": replicas}}),
    )
}

fn weigh(cluster: &Cluster, weight: &str) -> Option<Write> {
    let key = "nginx.ingress.kubernetes.io/canary-weight";
    let body = json!({"metadata": {"annotations": {key: weight}}});
    patch(cluster, (INGRESSES, "web-web-canary"), body)
}

fn point(cluster: &Cluster, service: &str, hash: &str) -> Option<Write> {
    let body = json!({"spec": {"selector": {"rollouts-pod-template-hash": hash}}});
    patch(cluster, (SERVICES, service), body)
}

fn note(cluster: &Cluster, status: &Value) -> Option<Write> {
    patch(cluster, (ROLLOUTS, "web"), json!({ "status": status }))
}

#[test]
fn an_unbroken_controller_breaks_nothing() {
    for story in [STORY, JUDGED, COLOURS] {
        assert_eq!(play(story, Broken::default()), Vec::<String>::new());
    }
}
