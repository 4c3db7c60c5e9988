//! Two controllers on a real control plane, with no more rights than the shipped role gives them.

use anyhow::Result;
use serde_json::{Value, json};
use tidegate_testbed::bench::Bench;

const LEASE: &str =
    "/apis/coordination.k8s.io/v1/namespaces/default/leases/argo-rollouts-controller-lock";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
const ROLLOUTS: &str = "/apis/argoproj.io/v1alpha1/namespaces/production/rollouts";

fn holder(lease: &Value) -> &str {
    lease["spec"]["holderIdentity"].as_str().unwrap_or_default()
}

async fn until_healthy(bench: &Bench, name: &str) -> Result<()> {
    let rollout = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
            "strategy": {"canary": {}},
        },
    });
    bench.create(ROLLOUTS, &rollout).await?;
    let uri = format!("{ROLLOUTS}/{name}");
    let healthy = |rollout: &Value| rollout["status"]["phase"] == "Healthy";
    bench.until(&uri, "Healthy", healthy).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_controller_works_when_the_first_is_killed() -> Result<()> {
    let Some(bench) = Bench::start("election").await? else {
        return Ok(());
    };
    let first = bench.controller(&[])?;
    until_healthy(&bench, "web").await?;
    let lease = bench.get(LEASE).await?;
    let leader = holder(&lease).to_owned();
    let _second = bench.controller(&[])?;
    first.kill()?;
    until_healthy(&bench, "api").await?;
    let lease = bench.get(LEASE).await?;
    assert_ne!(holder(&lease), leader);
    assert_eq!(lease["spec"]["leaseTransitions"], 1);
    // It was the only one: no other name, no other place.
    let all = bench.get(LEASES).await?;
    assert_eq!(all["items"].as_array().map(Vec::len), Some(1));
    Ok(())
}
