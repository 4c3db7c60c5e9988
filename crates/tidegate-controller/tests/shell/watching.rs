//! What the controller looks at (QUE-01, QUE-02, QUE-04).

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidegate_sim::cluster::kinds::{ROLLOUTS, SERVICES};

use crate::world::{Asked, NAMESPACE, World};

const RUNS_ALONE: &str = "--leader-elect=false";
const LABEL: &str = "argo-rollouts.argoproj.io/controller-instance-id";

/// The kinds that were listed or watched, with the label selector of that.
fn looked_at(asked: &[Asked]) -> BTreeMap<String, String> {
    let reads = asked.iter().filter(|asked| !asked.is_write());
    reads
        .map(|asked| {
            let plural = asked.path.rsplit('/').next().unwrap().to_owned();
            let mut pairs = asked.query.split('&');
            let selector = pairs.find_map(|pair| pair.strip_prefix("labelSelector="));
            let selector = selector.unwrap_or_default();
            (
                plural,
                selector
                    .replace("%21", "!")
                    .replace("%3D", "=")
                    .replace("%2F", "/"),
            )
        })
        .collect()
}

fn expected(own: &str) -> BTreeMap<String, String> {
    let any = [
        "services",
        "ingresses",
        "virtualservices",
        "destinationrules",
    ];
    let own_kinds = [
        "rollouts",
        "analysisruns",
        "experiments",
        "analysistemplates",
        "clusteranalysistemplates",
    ];
    let kinds = any.map(|kind| (kind, String::new()));
    let all = kinds
        .into_iter()
        .chain(own_kinds.map(|kind| (kind, own.to_owned())));
    let hashed = ("replicasets", "rollouts-pod-template-hash".to_owned());
    let measuring = ("jobs", "analysisrun.argoproj.io/uid".to_owned());
    let primary = (
        "secrets",
        "istio.argoproj.io/primary-cluster=true".to_owned(),
    );
    all.chain([hashed, measuring, primary])
        .map(|(kind, selector)| (kind.to_owned(), selector))
        .collect()
}

/// Keeps QUE-01 in part and QUE-02.
#[tokio::test(flavor = "multi_thread")]
async fn each_kind_is_watched_with_its_labels() {
    for (flags, own) in [
        (vec![RUNS_ALONE], format!("!{LABEL}")),
        (
            vec![RUNS_ALONE, "--instance-id=blue"],
            format!("{LABEL}=blue"),
        ),
    ] {
        let world = World::start().await;
        let controller = world.controller("first", &flags).await;
        world
            .until_asked(|asked| looked_at(asked).len() >= expected(&own).len())
            .await;
        controller.stop().await;
        assert_eq!(looked_at(&world.asked()), expected(&own));
    }
}

fn labelled(world: &World, name: &str, instance: &Value) {
    world.create_rollout(name);
    let labels = json!({"metadata": {"labels": {LABEL: instance}}});
    world.patch(ROLLOUTS, name, labels);
}

/// Keeps QUE-02.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_of_another_instance_is_left_alone() {
    let world = World::start().await;
    labelled(&world, "theirs", &json!("green"));
    labelled(&world, "nobodys", &Value::Null);
    labelled(&world, "ours", &json!("blue"));
    let flags = [RUNS_ALONE, "--instance-id=blue"];
    let controller = world.controller("first", &flags).await;
    world.until_healthy("ours").await;
    controller.stop().await;
    for name in ["theirs", "nobodys"] {
        assert_eq!(world.get(ROLLOUTS, name)["status"], Value::Null);
    }
    let asked = world.asked();
    let writes = asked.iter().filter(|asked| asked.is_write());
    let about_others =
        writes.filter(|asked| !asked.path.contains("ours") && asked.is_about("rollouts"));
    assert_eq!(about_others.count(), 0);
}

/// One `kubectl apply` of both: the Rollout may come over its watch before the Service does over its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_has_only_just_been_applied_is_not_missing() {
    let world = World::start().await;
    world.silence(Some("services"));
    let controller = world.controller("first", &[RUNS_ALONE]).await;
    let listed = |asked: &[Asked]| asked.iter().any(|asked| asked.path.ends_with("/services"));
    world.until_asked(listed).await;
    let service = json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}});
    world.create(SERVICES, NAMESPACE, service);
    world.create_rollout("web");
    let named = json!({"spec": {"strategy": {"canary": {"stableService": "web"}}}});
    world.patch(ROLLOUTS, "web", named);
    let looked = |asked: &[Asked]| {
        let looks = asked
            .iter()
            .filter(|asked| asked.path.ends_with("/services/web"));
        looks.count() > 2
    };
    world.until_asked(looked).await;
    let status = world.get(ROLLOUTS, "web")["status"].to_string();
    assert!(!status.contains("InvalidSpec"), "{status}");
    world.silence(None);
    world.until_healthy("web").await;
    controller.stop().await;
}
