//! Jobs that measure: where they run, whose end is noticed, and what nobody may read in the log (ANA-46,
//! ANA-47, MP-203, ANA-26).

use std::{fs::File, path::PathBuf, process::Stdio};

use serde_json::{Value, json};
use tidegate_sim::cluster::kinds::{ANALYSIS_RUNS, JOBS, SECRETS};

use crate::world::{NAMESPACE, World};

const ALONE: [&str; 1] = ["--leader-elect=false"];

/// A run whose only metric is a Job with this command; `token` is a secret that the Job is given.
fn create_run(world: &World, command: &[&str]) {
    let secret = json!({"metadata": {"name": "shop"}, "data": {"token": "aHVudGVyMg=="}});
    world.create(SECRETS, NAMESPACE, secret);
    let container = json!({"name": "smoke", "image": "tests:1", "command": command,
        "env": [{"name": "TOKEN", "value": "{{args.token}}"}]});
    let job = json!({"spec": {"backoffLimit": 0, "template": {"spec": {
        "restartPolicy": "Never", "containers": [container]}}}});
    let run = json!({
        "metadata": {"name": "run"},
        "spec": {
            "args": [{"name": "token", "valueFrom": {"secretKeyRef": {"name": "shop", "key": "token"}}}],
            "metrics": [{"name": "smoke", "provider": {"job": job}}],
        },
    });
    world.create(ANALYSIS_RUNS, NAMESPACE, run);
}

async fn until_phase(world: &World, phase: &str) -> Value {
    world
        .until(ANALYSIS_RUNS, "run", |run| run["status"]["phase"] == phase)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_measures_and_belongs_to_its_run() {
    let world = World::start().await;
    let controller = world.controller("first", &ALONE).await;
    create_run(&world, &["sleep", "1"]);
    let run = until_phase(&world, "Successful").await;
    let measurement = &run["status"]["metricResults"][0]["measurements"][0];
    let name = measurement["metadata"]["job-name"].as_str().unwrap();
    let job = world.get(JOBS, name);
    assert_eq!(
        job["metadata"]["ownerReferences"][0]["uid"],
        run["metadata"]["uid"]
    );
    controller.stop().await;
}

/// Keeps ANA-47: the next look by the clock would come after more than a minute.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_job_is_noticed_at_once() {
    let world = World::start().await;
    let controller = world.controller("first", &ALONE).await;
    create_run(&world, &["sleep", "infinity"]);
    let begun = |run: &Value| !run["status"]["metricResults"][0]["measurements"].is_null();
    let run = world.until(ANALYSIS_RUNS, "run", begun).await;
    controller.stop().await;
    let mut results = run["status"]["metricResults"].clone();
    results[0]["measurements"][0]["resumeAt"] = json!("2099-01-01T00:00:00Z");
    world.patch(
        ANALYSIS_RUNS,
        "run",
        json!({"status": {"metricResults": results}}),
    );
    let controller = world.controller("second", &ALONE).await;
    world
        .until_asked(|all| {
            let watches = all
                .iter()
                .filter(|asked| asked.query.contains("watch=true"));
            watches
                .filter(|asked| asked.who == "second")
                .any(|asked| asked.is_about("jobs"))
        })
        .await;
    let name = results[0]["measurements"][0]["metadata"]["job-name"].as_str();
    let failed = json!([
        {"type": "Failed", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
    world.patch_status(
        JOBS,
        name.unwrap(),
        json!({"status": {"conditions": failed}}),
    );
    until_phase(&world, "Failed").await;
    controller.stop().await;
}

/// Keeps MP-203.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_run_where_the_environment_says() {
    let (home, away) = (World::start().await, World::start().await);
    let kubeconfig = away.kubeconfig("jobs");
    let variables = [
        (
            "ARGO_ROLLOUTS_ANALYSIS_JOB_KUBECONFIG",
            kubeconfig.to_str().unwrap(),
        ),
        ("ARGO_ROLLOUTS_ANALYSIS_JOB_NAMESPACE", NAMESPACE),
    ];
    let _controller = home.process_in("first", (&ALONE, &variables), Stdio::null());
    create_run(&home, &["sleep", "1"]);
    let run = until_phase(&home, "Successful").await;
    let measurement = &run["status"]["metricResults"][0]["measurements"][0];
    let name = measurement["metadata"]["job-name"].as_str().unwrap();
    assert_eq!(home.get(JOBS, name), Value::Null);
    let job = away.get(JOBS, name);
    assert_eq!(job["metadata"]["ownerReferences"], Value::Null);
    assert_eq!(
        job["metadata"]["annotations"]["analysisrun.argoproj.io/name"],
        "run"
    );
}

/// Keeps MP-203.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_for_jobs_that_cannot_be_used_ends_the_controller() {
    let world = World::start().await;
    let variables = [("ARGO_ROLLOUTS_ANALYSIS_JOB_KUBECONFIG", "/nowhere")];
    let controller = world.process_in("first", (&ALONE, &variables), Stdio::null());
    assert!(!controller.ended().await.success());
}

/// Keeps ANA-26.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_shows_a_secret_is_masked_in_the_status_and_not_logged() {
    let world = World::start().await;
    world.refuse_jobs("spec.env: Invalid value: \"hunter2\"");
    let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("refused-job.log");
    let file = File::create(&log).unwrap();
    let controller = world.process_in("first", (&ALONE, &[]), Stdio::from(file));
    create_run(&world, &["sleep", "1"]);
    let measured = |run: &Value| run["status"]["metricResults"][0]["error"] == 1;
    let run = world.until(ANALYSIS_RUNS, "run", measured).await;
    let measurement = &run["status"]["metricResults"][0]["measurements"][0];
    assert_eq!(measurement["message"], "spec.env: Invalid value: \"*****\"");
    drop(controller);
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("refused"), "{log}");
    assert!(!log.contains("hunter2"), "{log}");
}
