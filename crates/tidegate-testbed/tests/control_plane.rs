//! The control plane by itself: ReplicaSets make pods, the kubelet lets them run and stop.

use tidegate_testbed::bench;

use anyhow::Result;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_set_gets_available_pods_and_loses_them_when_it_is_deleted() -> Result<()> {
    let Some(bench) = bench::Bench::start("control-plane").await? else {
        return Ok(());
    };
    let sets = "/apis/apps/v1/namespaces/default/replicasets";
    let labels = json!({"app": "web"});
    bench
        .create(
            sets,
            &json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web"}, "spec": {
                "replicas": 3,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "web", "image": "web:1"}]}},
            }}),
        )
        .await?;
    bench
        .until(&format!("{sets}/web"), "three available pods", |set| {
            set["status"]["availableReplicas"] == 3
        })
        .await?;
    bench.delete(&format!("{sets}/web")).await?;
    bench
        .until("/api/v1/namespaces/default/pods", "no pods", |list| {
            list["items"].as_array().is_some_and(Vec::is_empty)
        })
        .await
}
