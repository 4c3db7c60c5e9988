//! Experiments: `get`, `list`, `terminate`, `retry` (CLI-112, CLI-203, CLI-304, CLI-309).

use serde_json::{Value, json};
use tidegate_cli::render::{self, Colour};
use tidegate_core::view::{ExperimentView, Icon, Image, Kind, Mark, Node, Purpose};
use tidegate_sim::cluster::kinds::{ANALYSIS_RUNS, EXPERIMENTS, REPLICA_SETS};

use crate::bench::{Bench, Heard};

/// An Experiment in the middle of its life.
fn experiment(bench: &Bench, name: &str, status: &Value) -> Value {
    let labels = json!({"app": name});
    let container = json!({"name": "web", "image": "shop:v2"});
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [container]}});
    bench.create(
        EXPERIMENTS,
        "prod",
        json!({
            "metadata": {"name": name},
            "spec": {"duration": "1h", "templates": [
                {"name": "baseline", "selector": {"matchLabels": labels}, "template": template}]},
            "status": status,
        }),
    )
}

/// What belongs to it.
fn owned(owner: &Value, name: &str) -> Value {
    json!({
        "name": name,
        "annotations": {"experiment.argoproj.io/template-name": "baseline"},
        "labels": {"app": owner["metadata"]["name"]},
        "ownerReferences": [{
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Experiment",
            "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "controller": true,
        }],
    })
}

#[tokio::test]
async fn an_experiment_is_shown_with_its_versions_and_its_runs() {
    let bench = Bench::start("experiment").await;
    let missing = bench.run(&["get", "exp", "try"]).await.complained();
    assert_eq!(missing, "Error: experiment.argoproj.io \"try\" not found\n");
    let status = json!({"phase": "Running", "message": "all is well"});
    let tried = experiment(&bench, "try", &status);
    let mut set = json!({"metadata": owned(&tried, "try-baseline"), "spec": {"replicas": 1}});
    set["spec"]["template"] = tried["spec"]["templates"][0]["template"].clone();
    set["spec"]["selector"] = tried["spec"]["templates"][0]["selector"].clone();
    bench.create(REPLICA_SETS, "prod", set);
    let metric =
        json!({"name": "m", "provider": {"prometheus": {"address": "http://p", "query": "q"}}});
    let run = json!({"metadata": owned(&tried, "try-judge"), "spec": {"metrics": [metric]},
        "status": {"phase": "Running", "metricResults": [{"name": "m", "phase": "Running", "successful": 2}]}});
    bench.create(ANALYSIS_RUNS, "prod", run);
    bench.settle();
    for alias in ["experiment", "exp", "experiments"] {
        let left = bench.run(&["get", alias, "try", "--no-color"]).await;
        insta::assert_snapshot!("experiment", left.printed());
    }
    let out = Heard::new();
    tokio::select! {
        _ = bench.run_onto(&out, &["get", "experiment", "try", "-w"]) => panic!("it goes on"),
        () = out.says("try-baseline") => {}
    }
}

#[test]
fn the_name_of_an_experiment_that_goes_on_has_a_colour() {
    let status = Mark {
        icon: Icon::Progressing,
        text: "Running".to_owned(),
    };
    let view = ExperimentView {
        name: "try".to_owned(),
        namespace: "prod".to_owned(),
        status: status.clone(),
        message: String::new(),
        images: vec![Image {
            name: "shop:1".to_owned(),
            tags: ["a", "b"]
                .map(|name| Purpose::Template(name.to_owned()))
                .into(),
        }],
        tree: Node {
            kind: Kind::Experiment,
            name: "try".to_owned(),
            status: Some(status),
            age: "5m".to_owned(),
            info: Vec::new(),
            children: Vec::new(),
        },
    };
    let picture = render::experiment(&view, Colour::On);
    insta::assert_snapshot!("experiment_colours", picture.replace('\u{1b}', "ESC"));
}

#[tokio::test]
async fn experiments_are_listed_in_columns() {
    let bench = Bench::start("list-experiments").await;
    let left = bench.run(&["list", "experiments"]).await;
    let printed = (left.out.as_str(), left.err.as_str());
    assert_eq!(printed, ("", "No resources found.\n"));
    experiment(&bench, "try", &json!({"phase": "Pending"}));
    experiment(
        &bench,
        "a-name-that-is-long",
        &json!({"phase": "Successful"}),
    );
    let listed = bench.run(&["list", "exp"]).await.printed();
    insta::assert_snapshot!("list_experiments", listed);
    let everywhere = bench.run(&["list", "experiment", "-A"]).await.printed();
    insta::assert_snapshot!("list_experiments_everywhere", everywhere);
}

#[tokio::test]
async fn experiments_and_analysis_runs_are_ended_and_begun_anew() {
    let bench = Bench::start("terminate").await;
    experiment(&bench, "one", &json!({"phase": "Failed"}));
    experiment(&bench, "two", &json!({"phase": "Running"}));
    let metric =
        json!({"name": "m", "provider": {"prometheus": {"address": "http://p", "query": "q"}}});
    let run = json!({"metadata": {"name": "run"}, "spec": {"metrics": [metric]}});
    bench.create(ANALYSIS_RUNS, "prod", run);
    let ended = bench.run(&["terminate", "experiment", "one", "two"]).await;
    let expected = "experiment 'one' terminated\nexperiment 'two' terminated\n";
    assert_eq!(ended.printed(), expected);
    assert_eq!(bench.find(EXPERIMENTS, "two")["spec"]["terminate"], true);
    let ended = bench.run(&["terminate", "ar", "run"]).await.printed();
    assert_eq!(ended, "analysisRun 'run' terminated\n");
    assert_eq!(bench.find(ANALYSIS_RUNS, "run")["spec"]["terminate"], true);
    let retried = bench.run(&["retry", "exp", "one"]).await.printed();
    assert_eq!(retried, "experiment 'one' retried\n");
    assert_eq!(bench.find(EXPERIMENTS, "one")["status"], Value::Null);
    let missing = bench.run(&["terminate", "ar", "none"]).await.complained();
    assert!(missing.contains("\"none\" not found"), "{missing}");
    let kubeconfig = bench.kubeconfig_flag();
    for (words, expected) in [
        (["terminate", "ar", ""], "run\n:4\n"),
        (["terminate", "experiments", ""], "one\ntwo\n:4\n"),
        (["retry", "experiment", "t"], "two\n:4\n"),
        (["get", "exp", "o"], "one\n:4\n"),
    ] {
        let line = [["__complete", &kubeconfig].as_slice(), &words].concat();
        assert_eq!(Bench::run_alone(&line).await.printed(), expected);
    }
}
