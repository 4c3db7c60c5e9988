//! The example that is shipped, on a real control plane and judged by a real Prometheus: a good version
//! arrives, a bad one is taken back. Only the times are shorter.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use tidegate_testbed::{
    assets::{self, Program},
    bench::{self, Bench},
    prometheus::{Prometheus, Traffic},
};
use tokio::process::Command;

const NAMESPACE: &str = "/apis/argoproj.io/v1alpha1/namespaces/production";
const INGRESS: &str = "/apis/networking.k8s.io/v1/namespaces/production/ingresses/api-server-api-server-ingress-canary";
/// The step that waits for a person.
const APPROVAL: u32 = 5;

fn rollout() -> String {
    format!("{NAMESPACE}/rollouts/api-server")
}

/// Applies the example with waits of a second, asking this Prometheus.
async fn apply(bench: &Bench, prometheus: &Prometheus) -> Result<()> {
    let shorten = |document: &mut Value| {
        for metric in document["spec"]["metrics"]
            .as_array_mut()
            .into_iter()
            .flatten()
        {
            metric["provider"]["prometheus"]["address"] = json!(prometheus.url());
            if metric["interval"].is_string() {
                metric["interval"] = json!("1s");
            }
        }
        if document["kind"] == "Rollout" {
            let spec = &mut document["spec"];
            let container = &mut spec["template"]["spec"]["containers"][0];
            container["readinessProbe"]["initialDelaySeconds"] = json!(0);
            let steps = spec["strategy"]["canary"]["steps"].as_array_mut();
            for step in steps.into_iter().flatten() {
                if step["pause"]["duration"].is_string() {
                    step["pause"]["duration"] = json!("1s");
                }
            }
        }
    };
    for file in ["services", "ingress", "analysis", "rollout"] {
        let path = format!("examples/api-server/{file}.yaml");
        bench.apply(Path::new(&path), "production", shorten).await?;
    }
    until_phase(bench, "Healthy").await
}

async fn until_phase(bench: &Bench, phase: &str) -> Result<()> {
    bench
        .until(&rollout(), phase, |rollout| {
            let status = &rollout["status"];
            let generation = rollout["metadata"]["generation"].to_string();
            status["observedGeneration"] == generation && status["phase"] == phase
        })
        .await
}

async fn command(bench: &Bench, arguments: &[&str]) -> Result<()> {
    let mut all = arguments.to_vec();
    all.extend(["-n", "production"]);
    bench.tidegate(&all).await?;
    Ok(())
}

/// The annotation that splits the traffic.
const WEIGHT: &str = "nginx.ingress.kubernetes.io/canary-weight";

async fn weight(bench: &Bench) -> Result<Value> {
    let mut ingress = bench.get(INGRESS).await?;
    Ok(ingress["metadata"]["annotations"][WEIGHT].take())
}

/// The AnalysisRuns, in the order in which they began.
async fn analyses(bench: &Bench) -> Result<Vec<Value>> {
    let list = bench.get(&format!("{NAMESPACE}/analysisruns")).await?;
    let mut runs = list["items"].as_array().cloned().unwrap_or_default();
    runs.sort_by_key(|run| run["metadata"]["creationTimestamp"].to_string());
    Ok(runs)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_is_taken_as_it_is_shipped() -> Result<()> {
    let Some(bench) = Bench::start("example-unchanged").await? else {
        return Ok(());
    };
    let folder = bench::root().join("examples/api-server");
    let output = Command::new(assets::find(Program::Kubectl)?)
        .arg("--kubeconfig")
        .arg(bench.kubeconfig())
        .args(["apply", "--dry-run=server", "-n", "production", "-f"])
        .arg(folder)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}{complained}");
    // A field that the definitions do not know would be a warning.
    assert_eq!(complained, "");
    let created = "created (server dry run)";
    assert_eq!(
        said.matches(created).count(),
        said.lines().count(),
        "{said}"
    );
    for object in [
        "rollout.argoproj.io/api-server ",
        "ingress.networking.k8s.io/",
    ] {
        assert!(said.contains(object), "{said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_version_of_the_example_arrives_after_two_analyses_and_an_approval() -> Result<()> {
    let Some(bench) = Bench::start("example-good").await? else {
        return Ok(());
    };
    let traffic = Traffic::start("api-server-canary", 0).await?;
    let prometheus = Prometheus::start(bench.folder(), &traffic).await?;
    let _controller = bench.controller(&[])?;
    apply(&bench, &prometheus).await?;

    let image = "api-server=registry.example.com/api-server:2.0.0";
    command(&bench, &["set", "image", "api-server", image]).await?;
    bench
        .until(&rollout(), "wait for an approval", |rollout| {
            let status = &rollout["status"];
            status["phase"] == "Paused" && status["currentStepIndex"] == APPROVAL
        })
        .await?;
    assert_eq!(weight(&bench).await?, "20");
    command(&bench, &["promote", "api-server"]).await?;
    until_phase(&bench, "Healthy").await?;

    let runs = analyses(&bench).await?;
    let phases: Vec<&Value> = runs.iter().map(|run| &run["status"]["phase"]).collect();
    assert_eq!(phases, ["Successful", "Successful"]);
    let first = &runs[0]["status"]["metricResults"][0];
    assert_eq!(
        (&first["name"], &first["successful"]),
        (&json!("success-rate"), &json!(10))
    );
    assert_eq!(first["measurements"][0]["value"], "[1]");
    let done = bench.get(&rollout()).await?;
    assert_eq!(done["status"]["stableRS"], done["status"]["currentPodHash"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_version_of_the_example_is_taken_back_by_its_first_analysis() -> Result<()> {
    let Some(bench) = Bench::start("example-bad").await? else {
        return Ok(());
    };
    let traffic = Traffic::start("api-server-canary", 0).await?;
    let prometheus = Prometheus::start(bench.folder(), &traffic).await?;
    let _controller = bench.controller(&[])?;
    apply(&bench, &prometheus).await?;
    let stable = bench.get(&rollout()).await?["status"]["stableRS"].take();

    traffic.fail(50);
    let image = "api-server=registry.example.com/api-server:2.0.0-bad";
    command(&bench, &["set", "image", "api-server", image]).await?;
    until_phase(&bench, "Degraded").await?;
    // The abort is committed first, and licenses the return of traffic in the pass after it.
    bench
        .until(INGRESS, "return of the traffic", |ingress| {
            ingress["metadata"]["annotations"][WEIGHT] == "0"
        })
        .await?;

    let rollout = bench.get(&rollout()).await?;
    assert_eq!(rollout["status"]["abort"], true);
    assert_eq!(rollout["status"]["stableRS"], stable);
    // Whoever serves stays: the stable version never loses a pod.
    let set = format!(
        "/apis/apps/v1/namespaces/production/replicasets/api-server-{}",
        stable.as_str().unwrap_or_default()
    );
    assert_eq!(bench.get(&set).await?["status"]["availableReplicas"], 5);
    let runs = analyses(&bench).await?;
    let phases: Vec<&Value> = runs.iter().map(|run| &run["status"]["phase"]).collect();
    assert_eq!(phases, ["Failed"]);
    Ok(())
}
