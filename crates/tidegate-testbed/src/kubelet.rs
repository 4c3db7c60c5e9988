//! The model cluster's kubelet, attached to the real API: it watches pods and does to them what the
//! one function says.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use futures::TryStreamExt;
use jiff::Timestamp;
use kube::{Client, core::WatchEvent};
use serde_json::{Value, json};
use tidegate_sim::actors::kubelet::{self, NODE, Next, Seen, Timing, Write};
use tokio::{sync::mpsc, time::Instant};

/// Between two tries after the watch broke.
const DELAY: Duration = Duration::from_millis(200);

/// Makes the node, and plays scheduler and kubelet until the task is aborted.
///
/// # Errors
/// When the node cannot be made.
pub async fn attach(client: Client, timing: Timing) -> Result<tokio::task::JoinHandle<()>> {
    make_node(&client).await?;
    let (seen, pods) = mpsc::unbounded_channel();
    Ok(tokio::spawn(async move {
        tokio::select! {
            () = watch(client.clone(), seen) => {}
            () = play(client, timing, pods) => {}
        }
    }))
}

async fn make_node(client: &Client) -> Result<()> {
    let amounts = json!({"cpu": "1000", "memory": "4Ti", "pods": "10000"});
    let body = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}});
    let request = http::Request::post("/api/v1/nodes")
        .header("content-type", "application/json")
        .body(body.to_string().into_bytes())?;
    client.request::<Value>(request).await?;
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let status = json!({"status": {
        "capacity": amounts,
        "allocatable": amounts,
        "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady",
            "lastHeartbeatTime": now, "lastTransitionTime": now}],
    }});
    let request = http::Request::patch(format!("/api/v1/nodes/{NODE}/status"))
        .header("content-type", "application/merge-patch+json")
        .body(status.to_string().into_bytes())?;
    client.request::<Value>(request).await?;
    Ok(())
}

enum Change {
    Present(Value),
    Gone(String),
}

/// Tells every change of every pod.
async fn watch(client: Client, tell: mpsc::UnboundedSender<Change>) {
    loop {
        if let Err(error) = watch_once(&client, &tell).await {
            // The next watch begins with everything that is there.
            let _ = error;
        }
        tokio::time::sleep(DELAY).await;
    }
}

async fn watch_once(client: &Client, tell: &mpsc::UnboundedSender<Change>) -> Result<()> {
    let request = http::Request::get("/api/v1/pods?watch=true").body(Vec::new())?;
    let events = client.request_events::<Value>(request).await?;
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.try_next().await? {
        let change = match event {
            WatchEvent::Added(pod) | WatchEvent::Modified(pod) => Change::Present(pod),
            WatchEvent::Deleted(pod) => Change::Gone(uid(&pod)),
            WatchEvent::Bookmark(_) => continue,
            WatchEvent::Error(status) => return Err(kube::Error::Api(status).into()),
        };
        tell.send(change)?;
    }
    Ok(())
}

fn uid(pod: &Value) -> String {
    pod["metadata"]["uid"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// A pod, what was seen of it, and when it does something next.
struct Life {
    pod: Value,
    seen: Seen,
    at: Option<Timestamp>,
}

async fn play(client: Client, timing: Timing, mut pods: mpsc::UnboundedReceiver<Change>) {
    let mut lives: BTreeMap<String, Life> = BTreeMap::new();
    let mut serial = 0;
    loop {
        let wake = lives.values().filter_map(|life| life.at).min();
        let changed = tokio::select! {
            change = pods.recv() => match change {
                None => return,
                Some(change) => take(&mut lives, &mut serial, change),
            },
            () = sleep_until(wake) => due(&lives),
        };
        for uid in changed {
            if let Some(life) = lives.get_mut(&uid) {
                let now = Timestamp::now();
                life.seen.look(&life.pod, now);
                let Next { writes, at } = kubelet::next(&life.pod, &life.seen, &timing, now);
                life.at = at;
                send_all(&client, life.pod.clone(), writes);
            }
        }
    }
}

fn take(lives: &mut BTreeMap<String, Life>, serial: &mut u64, change: Change) -> Vec<String> {
    match change {
        Change::Gone(uid) => {
            lives.remove(&uid);
            Vec::new()
        }
        Change::Present(pod) => {
            let key = uid(&pod);
            match lives.get_mut(&key) {
                Some(life) => life.pod = pod,
                None => {
                    *serial += 1;
                    let seen = Seen::of(&pod, Timestamp::now(), *serial);
                    lives.insert(
                        key.clone(),
                        Life {
                            pod,
                            seen,
                            at: None,
                        },
                    );
                }
            }
            vec![key]
        }
    }
}

fn due(lives: &BTreeMap<String, Life>) -> Vec<String> {
    let now = Timestamp::now();
    lives
        .iter()
        .filter(|(_, life)| life.at.is_some_and(|at| at <= now))
        .map(|(uid, _)| uid.clone())
        .collect()
}

async fn sleep_until(at: Option<Timestamp>) {
    let Some(at) = at else {
        return std::future::pending().await;
    };
    let left = at.duration_since(Timestamp::now());
    let left = Duration::try_from(left).unwrap_or(Duration::ZERO);
    tokio::time::sleep_until(Instant::now() + left).await;
}

/// The writes of one pod in their order; pods do not wait for one another.
fn send_all(client: &Client, pod: Value, writes: Vec<Write>) {
    if writes.is_empty() {
        return;
    }
    let client = client.clone();
    tokio::spawn(async move {
        for write in writes {
            // A pod that changed meanwhile is looked at again when the watch tells so.
            if send(&client, &pod, write).await.is_err() {
                return;
            }
        }
    });
}

async fn send(client: &Client, pod: &Value, write: Write) -> Result<()> {
    let metadata = &pod["metadata"];
    let (namespace, name) = (
        metadata["namespace"].as_str().unwrap_or_default(),
        metadata["name"].as_str().unwrap_or_default(),
    );
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
    let (method, uri, content_type, body) = match write {
        Write::Bind => (
            "POST",
            format!("{path}/binding"),
            "application/json",
            json!({"apiVersion": "v1", "kind": "Binding",
                "metadata": {"name": name, "namespace": namespace, "uid": metadata["uid"]},
                "target": {"apiVersion": "v1", "kind": "Node", "name": NODE}}),
        ),
        Write::Status(patch) => (
            "PATCH",
            format!("{path}/status"),
            "application/strategic-merge-patch+json",
            with_uid(patch, &metadata["uid"]),
        ),
        Write::Delete => (
            "DELETE",
            path,
            "application/json",
            json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0,
                "preconditions": {"uid": metadata["uid"]}}),
        ),
    };
    let request = http::Request::builder()
        .method(method)
        .uri(uri)
        .header("content-type", content_type)
        .body(body.to_string().into_bytes())?;
    client.request::<Value>(request).await?;
    Ok(())
}

/// A pod of the same name that came later is another one.
fn with_uid(mut patch: Value, uid: &Value) -> Value {
    patch["metadata"]["uid"] = uid.clone();
    patch
}
