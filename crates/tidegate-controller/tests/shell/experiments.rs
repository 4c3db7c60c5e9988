//! Experiments through the whole controller (EXP-02, EXP-07, EXP-09, EXP-13, OB-304, OB-307, QUE-02).

use serde_json::{Value, json};
use tidegate_sim::cluster::kinds::{
    ANALYSIS_RUNS, ANALYSIS_TEMPLATES, EVENTS, EXPERIMENTS, REPLICA_SETS, SERVICES,
};

use crate::world::{NAMESPACE, World};

const ALONE: &str = "--leader-elect=false";
const INSTANCE: &str = "argo-rollouts.argoproj.io/controller-instance-id";

/// One version with a Service, and more members of the spec.
fn experiment(name: &str, more: &Value) -> Value {
    let labels = json!({"app": name});
    let container = json!({"name": "web", "image": "web:1", "ports": [{"containerPort": 80}]});
    let mut object = json!({
        "metadata": {"name": name},
        "spec": {
            "scaleDownDelaySeconds": 0,
            "templates": [{
                "name": "a", "service": {}, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            }],
        },
    });
    for (member, value) in more.as_object().unwrap() {
        object["spec"][member] = value.clone();
    }
    object
}

fn has_phase(phase: &'static str) -> impl Fn(&Value) -> bool {
    move |experiment| experiment["status"]["phase"] == phase
}

#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_has_pods_and_a_service_for_as_long_as_it_lasts() {
    let world = World::start().await;
    let first = world.controller("first", &[ALONE]).await;
    world.create(EXPERIMENTS, NAMESPACE, experiment("try", &json!({})));
    world.until(EXPERIMENTS, "try", has_phase("Running")).await;
    assert_eq!(world.get(REPLICA_SETS, "try-a")["spec"]["replicas"], 1);
    assert_eq!(
        world.get(SERVICES, "try-a")["spec"]["selector"]["app"],
        "try"
    );
    // Another controller goes on where the first one stopped.
    first.stop().await;
    let second = world.controller("second", &[ALONE]).await;
    world.patch(EXPERIMENTS, "try", json!({"spec": {"terminate": true}}));
    world
        .until(EXPERIMENTS, "try", has_phase("Successful"))
        .await;
    world.until(SERVICES, "try-a", Value::is_null).await;
    assert_eq!(world.get(REPLICA_SETS, "try-a")["spec"]["replicas"], 0);
    world
        .until_any(EVENTS, |event| event["reason"] == "ExperimentSuccessful")
        .await;
    let metrics = second.metrics().await;
    let of = "namespace=\"shop\",name=\"try\"";
    for (series, least) in [
        (format!("experiment_info{{{of},phase=\"Successful\"}}"), 1.0),
        (
            format!("experiment_phase{{{of},phase=\"Successful\"}}"),
            1.0,
        ),
        (format!("experiment_phase{{{of},phase=\"Failed\"}}"), 0.0),
        (format!("experiment_reconcile_count{{{of}}}"), 1.0),
        ("workqueue_depth{name=\"Experiments\"}".to_owned(), 0.0),
    ] {
        let found = metrics.get(&series).copied();
        let is_there = found.is_some_and(|found| found >= least);
        assert!(is_there, "{series} is {found:?}");
    }
    second.stop().await;
}

/// Keeps QUE-02; and what the caches do not hold is asked for before it counts as missing.
#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_of_another_instance_is_left_alone_and_templates_are_asked_for() {
    let world = World::start().await;
    let metric =
        json!({"name": "m", "provider": {"prometheus": {"address": "http://x", "query": "q"}}});
    let template = json!({"metadata": {"name": "good"}, "spec": {"metrics": [metric]}});
    world.create(ANALYSIS_TEMPLATES, NAMESPACE, template);
    let analyses = json!({"analyses": [{"name": "good", "templateName": "good"}]});
    world.create(EXPERIMENTS, NAMESPACE, experiment("theirs", &analyses));
    let mut ours = experiment("ours", &analyses);
    ours["metadata"]["labels"] = json!({INSTANCE: "blue"});
    let controller = world
        .controller("first", &[ALONE, "--instance-id=blue"])
        .await;
    world.create(EXPERIMENTS, NAMESPACE, ours);
    let run = world
        .until(ANALYSIS_RUNS, "ours-good", |run| !run.is_null())
        .await;
    assert_eq!(run["metadata"]["labels"][INSTANCE], "blue");
    controller.stop().await;
    assert_eq!(world.get(EXPERIMENTS, "theirs")["status"], Value::Null);
}
