//! What the controller costs on a real control plane: its memory at rest and with 100 Rollouts, and its
//! requests for one update. `cargo xtask bench` runs it.

use std::{fs, io::Write as _, path::Path};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tidegate_testbed::bench::{Bench, Controller};

/// How many Rollouts fill the cluster.
const ROLLOUTS: usize = 100;
const FOLDER: &str = "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts";
/// What the client library says of each request that it sends.
const REQUEST: &str = "requesting";

#[tokio::main]
async fn main() -> Result<()> {
    let Some(bench) = Bench::start("bench").await? else {
        return Ok(());
    };
    let controller = bench.controller(&[])?;
    // The first Rollout shows that it has come up.
    create(&bench, "first").await?;
    bench.until(&one("first"), "Healthy", is_healthy).await?;
    say(&format!("memory with 1 Rollout: {}", memory(&controller)?))?;
    let names: Vec<String> = (1..ROLLOUTS)
        .map(|number| format!("web-{number}"))
        .collect();
    for name in &names {
        create(&bench, name).await?;
    }
    for name in &names {
        bench.until(&one(name), "Healthy", is_healthy).await?;
    }
    let memory = memory(&controller)?;
    say(&format!("memory with {ROLLOUTS} Rollouts: {memory}"))?;
    let before = requests(bench.folder())?;
    let container = json!({"name": "web", "image": "web:v2"});
    let image = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
    bench.patch(&one("first"), &image).await?;
    bench
        .until(&one("first"), "Healthy at the new version", is_updated)
        .await?;
    let sent = requests(bench.folder())? - before;
    say(&format!(
        "requests of the controller for one update in two weights and two pauses, events included: {sent}"
    ))
}

/// Creates a Rollout of two pods, with its Services and its Ingress.
async fn create(bench: &Bench, name: &str) -> Result<()> {
    let (stable, canary) = (format!("{name}-stable"), format!("{name}-canary"));
    for service in [&stable, &canary] {
        let body = json!({
            "metadata": {"name": service},
            "spec": {"selector": {"app": name}, "ports": [{"port": 80}]},
        });
        let services = "/api/v1/namespaces/default/services";
        bench.create(services, &body).await?;
    }
    let backend = json!({"service": {"name": stable, "port": {"number": 80}}});
    let path = json!({"path": "/", "pathType": "Prefix", "backend": backend});
    let ingress = json!({
        "metadata": {"name": name},
        "spec": {
            "ingressClassName": "nginx",
            "rules": [{"host": format!("{name}.example"), "http": {"paths": [path]}}],
        },
    });
    let ingresses = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
    bench.create(ingresses, &ingress).await?;
    let rollout = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "web", "image": "web:v1"}]},
            },
            "strategy": {"canary": {
                "stableService": stable,
                "canaryService": canary,
                "scaleDownDelaySeconds": 1,
                "trafficRouting": {"nginx": {"stableIngress": name}},
                "steps": [
                    {"setWeight": 20}, {"pause": {"duration": "1s"}},
                    {"setWeight": 50}, {"pause": {"duration": "1s"}},
                ],
            }},
        },
    });
    bench.create(FOLDER, &rollout).await?;
    Ok(())
}

fn one(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

fn is_healthy(rollout: &Value) -> bool {
    let status = &rollout["status"];
    let generation = rollout["metadata"]["generation"].to_string();
    status["phase"] == "Healthy" && status["observedGeneration"] == generation
}

fn is_updated(rollout: &Value) -> bool {
    let status = &rollout["status"];
    is_healthy(rollout) && status["replicas"] == 2 && status["updatedReplicas"] == 2
}

/// The resident memory of a process.
fn memory(controller: &Controller) -> Result<String> {
    let status = fs::read_to_string(format!("/proc/{}/status", controller.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let line = line.context("the system does not tell a process' memory")?;
    Ok(line.trim().to_owned())
}

/// How many requests the controller has sent so far.
fn requests(folder: &Path) -> Result<usize> {
    let log = fs::read_to_string(folder.join("controller.log"))?;
    Ok(log.lines().filter(|line| line.contains(REQUEST)).count())
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").context("stdout is closed")
}
