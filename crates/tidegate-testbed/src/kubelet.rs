//! The model cluster's kubelet, attached to the real API: it watches pods and does to them what the
//! one function says.

mod scripts;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Result, bail};
use futures::TryStreamExt;
use jiff::Timestamp;
use kube::{Client, core::WatchEvent};
use serde_json::{Value, json};
use tidegate_sim::actors::kubelet::{self, NODE, Next, Seen, Timing, Write};
use tokio::{sync::mpsc, time::Instant};

use self::scripts::Script;
pub use self::scripts::Scripts;

/// Between two tries after a watch broke or a write failed.
const DELAY: Duration = Duration::from_millis(200);

/// Makes the node, and plays scheduler and kubelet until the task is aborted.
///
/// # Errors
/// When the node cannot be made.
pub async fn attach(
    client: Client,
    (timing, scripts): (Timing, Scripts),
) -> Result<tokio::task::JoinHandle<()>> {
    make_node(&client).await?;
    let (tell, told) = mpsc::unbounded_channel();
    let player = Player {
        client: client.clone(),
        timing,
        scripts,
        tell: tell.clone(),
        lives: BTreeMap::new(),
        serial: 0,
    };
    Ok(tokio::spawn(async move {
        tokio::select! {
            () = watch(client, tell) => {}
            () = player.play(told) => {}
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

/// What the player is told.
enum Told {
    /// Every pod there is: what is missing is gone.
    All(Vec<Value>),
    /// A pod as it is now.
    Present(Value),
    /// The uid of a pod that is gone.
    Gone(String),
    /// The writes of the pod with this uid have come to an end.
    Sent(String, Sent),
    /// The script of the pod with this uid has ended with this code.
    Ended(String, i32),
}

/// How the writes of a pod came to an end.
enum Sent {
    /// All were taken; the pod as the last patch left it, if there was one.
    Taken(Option<Value>),
    /// The pod is no more.
    NoPod,
    /// One was refused or lost.
    Failed,
}

/// Tells every change of every pod.
async fn watch(client: Client, tell: mpsc::UnboundedSender<Told>) {
    while !tell.is_closed() {
        // However a watch ends, the next one begins with everything that is there.
        let _ended = watch_once(&client, &tell).await;
        tokio::time::sleep(DELAY).await;
    }
}

async fn watch_once(client: &Client, tell: &mpsc::UnboundedSender<Told>) -> Result<()> {
    let request = http::Request::get("/api/v1/pods").body(Vec::new())?;
    let mut list: Value = client.request(request).await?;
    let version = list["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let Value::Array(pods) = list["items"].take() else {
        bail!("a list of pods without items");
    };
    tell.send(Told::All(pods))?;
    let uri = format!("/api/v1/pods?watch=true&resourceVersion={version}");
    let events = client
        .request_events::<Value>(http::Request::get(uri).body(Vec::new())?)
        .await?;
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.try_next().await? {
        let told = match event {
            WatchEvent::Added(pod) | WatchEvent::Modified(pod) => Told::Present(pod),
            WatchEvent::Deleted(pod) => Told::Gone(uid(&pod)),
            WatchEvent::Bookmark(_) => continue,
            WatchEvent::Error(status) => return Err(kube::Error::Api(status).into()),
        };
        tell.send(told)?;
    }
    Ok(())
}

fn uid(pod: &Value) -> String {
    pod["metadata"]["uid"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// The server counts its writes: of two states of one pod, the one with the higher count is newer.
fn version(pod: &Value) -> u64 {
    pod["metadata"]["resourceVersion"]
        .as_str()
        .and_then(|version| version.parse().ok())
        .unwrap_or(0)
}

/// A pod, what was seen of it, and when it does something next.
struct Life {
    pod: Value,
    seen: Seen,
    at: Option<Timestamp>,
    work: Work,
    script: Script,
}

/// One write after the other: two patches of one pod under way at once could overtake each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Idle,
    Sending,
    /// Something has happened since that has to be looked at.
    SendingAndMore,
}

/// Every pod that is there.
struct Player {
    client: Client,
    timing: Timing,
    scripts: Scripts,
    tell: mpsc::UnboundedSender<Told>,
    lives: BTreeMap<String, Life>,
    serial: u64,
}

impl Player {
    async fn play(mut self, mut told: mpsc::UnboundedReceiver<Told>) {
        loop {
            let wake = self.lives.values().filter_map(|life| life.at).min();
            let touched = tokio::select! {
                one = told.recv() => match one {
                    None => return,
                    Some(one) => self.take(one),
                },
                () = sleep_until(wake) => self.due(),
            };
            for uid in touched {
                self.look(&uid);
            }
        }
    }

    /// Takes in what was told; gives the uids of the pods to look at.
    fn take(&mut self, told: Told) -> Vec<String> {
        match told {
            Told::All(pods) => {
                let there: BTreeSet<String> = pods.iter().map(uid).collect();
                self.lives.retain(|uid, _| there.contains(uid));
                pods.into_iter().map(|pod| self.present(pod)).collect()
            }
            Told::Present(pod) => vec![self.present(pod)],
            Told::Gone(uid) | Told::Sent(uid, Sent::NoPod) => {
                self.lives.remove(&uid);
                Vec::new()
            }
            Told::Sent(uid, Sent::Taken(pod)) => {
                if let Some(pod) = pod.filter(|_| self.lives.contains_key(&uid)) {
                    self.present(pod);
                }
                self.sent(uid, None)
            }
            // Nothing else may ever happen to the pod: try again by itself.
            Told::Sent(uid, Sent::Failed) => self.sent(uid, Some(Timestamp::now() + DELAY)),
            Told::Ended(uid, code) => {
                if let Some(life) = self.lives.get_mut(&uid) {
                    life.script = Script::Ended(code);
                }
                vec![uid]
            }
        }
    }

    fn present(&mut self, pod: Value) -> String {
        let key = uid(&pod);
        match self.lives.get_mut(&key) {
            Some(life) if version(&pod) >= version(&life.pod) => life.pod = pod,
            Some(_) => {}
            None => {
                self.serial += 1;
                let life = Life {
                    seen: Seen::of(&pod, Timestamp::now(), self.serial),
                    pod,
                    at: None,
                    work: Work::Idle,
                    script: Script::NotBegun,
                };
                self.lives.insert(key.clone(), life);
            }
        }
        key
    }

    fn sent(&mut self, uid: String, again: Option<Timestamp>) -> Vec<String> {
        let Some(life) = self.lives.get_mut(&uid) else {
            return Vec::new();
        };
        let before = std::mem::replace(&mut life.work, Work::Idle);
        if again.is_some() {
            life.at = again;
            return Vec::new();
        }
        match before {
            Work::SendingAndMore => vec![uid],
            Work::Idle | Work::Sending => Vec::new(),
        }
    }

    fn due(&self) -> Vec<String> {
        let now = Timestamp::now();
        self.lives
            .iter()
            .filter(|(_, life)| life.at.is_some_and(|at| at <= now))
            .map(|(uid, _)| uid.clone())
            .collect()
    }

    fn look(&mut self, uid: &str) {
        let Some(life) = self.lives.get_mut(uid) else {
            return;
        };
        let now = Timestamp::now();
        life.seen.look(&life.pod, now);
        if let Some(command) = self.scripts.to_begin(life.script, &life.pod) {
            life.script = Script::Runs;
            let (tell, uid) = (self.tell.clone(), uid.to_owned());
            tokio::spawn(async move {
                let code = scripts::run(command).await;
                // The player may have stopped meanwhile.
                let _ = tell.send(Told::Ended(uid, code));
            });
        }
        if life.work != Work::Idle {
            life.work = Work::SendingAndMore;
            // The end of the writes under way is the next instant.
            life.at = None;
            return;
        }
        let Next { writes, at } = kubelet::next(
            &life.script.played(&life.pod),
            &life.seen,
            &self.timing,
            now,
        );
        life.at = at;
        if writes.is_empty() {
            return;
        }
        life.work = Work::Sending;
        let (client, tell) = (self.client.clone(), self.tell.clone());
        let (uid, pod) = (uid.to_owned(), life.pod.clone());
        // Pods do not wait for one another.
        tokio::spawn(async move {
            let sent = send_all(&client, &pod, writes).await;
            // The player may have stopped meanwhile.
            let _ = tell.send(Told::Sent(uid, sent));
        });
    }
}

async fn sleep_until(at: Option<Timestamp>) {
    let Some(at) = at else {
        return std::future::pending().await;
    };
    let left = at.duration_since(Timestamp::now());
    let left = Duration::try_from(left).unwrap_or(Duration::ZERO);
    tokio::time::sleep_until(Instant::now() + left).await;
}

/// The writes of one pod in their order.
async fn send_all(client: &Client, pod: &Value, writes: Vec<Write>) -> Sent {
    let mut patched = None;
    for write in writes {
        let is_patch = matches!(write, Write::Status(_));
        match send(client, pod, write).await {
            Ok(answer) if is_patch => patched = Some(answer),
            Ok(_) => {}
            Err(error) => {
                return match error.downcast_ref::<kube::Error>() {
                    Some(kube::Error::Api(status)) if status.code == 404 => Sent::NoPod,
                    Some(_) | None => Sent::Failed,
                };
            }
        }
    }
    Sent::Taken(patched)
}

async fn send(client: &Client, pod: &Value, write: Write) -> Result<Value> {
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
        Write::Status(status) => (
            "PATCH",
            format!("{path}/status"),
            "application/strategic-merge-patch+json",
            with_uid(status, &metadata["uid"]),
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
    Ok(client.request(request).await?)
}

/// A pod of the same name that came later is another one.
fn with_uid(mut patch: Value, uid: &Value) -> Value {
    patch["metadata"]["uid"] = uid.clone();
    patch
}
