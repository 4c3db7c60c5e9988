//! What a metrics server would tell an autoscaler: the load of the users is the same whatever happens, and
//! the pods that are ready share it.

use std::time::Duration;

use anyhow::Result;
use kube::Client;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

const NAMESPACE: &str = "production";
/// All that users ask for, in thousandths of a CPU: what eight pods do at 70 % of 500.
const LOAD: usize = 2_800;
/// Between two tellings.
const BEAT: Duration = Duration::from_secs(1);

/// Tells until it is dropped.
#[derive(Debug)]
pub(crate) struct Usage(JoinHandle<()>);

impl Usage {
    pub(crate) fn start(client: Client) -> Self {
        Self(tokio::spawn(async move {
            let mut beat = tokio::time::interval(BEAT);
            loop {
                beat.tick().await;
                // A pod may go while it is told of; the next beat tells of those that are left.
                let _ = tell(&client).await;
            }
        }))
    }
}

impl Drop for Usage {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn tell(client: &Client) -> Result<()> {
    let pods = format!("/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app%3Dapi-server");
    let list: Value = client
        .request(http::Request::get(pods).body(Vec::new())?)
        .await?;
    let ready: Vec<&Value> = list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|pod| pod["status"]["containerStatuses"][0]["ready"] == true)
        .collect();
    let now = jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    for pod in &ready {
        let metadata = &pod["metadata"];
        let body = json!({
            "apiVersion": "metrics.k8s.io/v1beta1",
            "kind": "PodMetrics",
            "metadata": {
                "name": metadata["name"],
                "labels": metadata["labels"],
                "ownerReferences": [{"apiVersion": "v1", "kind": "Pod",
                    "name": metadata["name"], "uid": metadata["uid"]}],
            },
            "timestamp": now,
            "window": "1s",
            "containers": [{
                "name": pod["spec"]["containers"][0]["name"],
                "usage": {"cpu": format!("{}m", LOAD / ready.len()), "memory": "256Mi"},
            }],
        });
        let uri = format!(
            "/apis/metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/pods/{}?fieldManager=usage&force=true",
            metadata["name"].as_str().unwrap_or_default()
        );
        let request = http::Request::patch(uri)
            .header("content-type", "application/apply-patch+yaml")
            .body(body.to_string().into_bytes())?;
        client.request::<Value>(request).await?;
    }
    Ok(())
}
