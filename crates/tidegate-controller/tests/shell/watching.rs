//! What the controller looks at (QUE-01, QUE-02, QUE-04, QUE-07).

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidegate_sim::cluster::kinds::ROLLOUTS;

use crate::world::{Asked, World};

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
        "analysistemplates",
        "clusteranalysistemplates",
    ];
    let kinds = any.map(|kind| (kind, String::new()));
    let all = kinds
        .into_iter()
        .chain(own_kinds.map(|kind| (kind, own.to_owned())));
    let hashed = ("replicasets", "rollouts-pod-template-hash".to_owned());
    all.chain([hashed])
        .map(|(kind, selector)| (kind.to_owned(), selector))
        .collect()
}

/// Keeps QUE-01 in part and QUE-02; of Experiments (QUE-07), Jobs and pods there is nothing to be woken by
/// yet.
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
