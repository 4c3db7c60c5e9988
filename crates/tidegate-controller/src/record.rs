//! Kubernetes events in a lane of their own: a decision never waits for one.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use kube::Client;
use serde_json::json;
use tidegate_core::plan::{Event, ObjectKey, Severity};
use tokio::sync::mpsc;

use crate::{
    apply::{self, EventWrite},
    clock::Clock,
};

/// Who sends them (EVT-01).
const COMPONENT: &str = "rollouts-controller";
/// Events that wait to be sent; more are dropped rather than remembered without end.
const WAITING: usize = 10_000;
/// Remembered events, to count repetitions.
const REMEMBERED: usize = 4_096;

/// Takes events and sends them in order.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    lane: mpsc::Sender<Recorded>,
}

#[derive(Debug)]
struct Recorded {
    about: Arc<About>,
    event: Event,
}

/// The object that events are about.
#[derive(Clone, Debug)]
pub(crate) struct About {
    /// Kind, namespace and name.
    pub(crate) key: ObjectKey,
    /// `metadata.uid`.
    pub(crate) uid: String,
    /// `metadata.resourceVersion`.
    pub(crate) resource_version: String,
}

impl Recorder {
    /// Starts the lane.
    pub(crate) fn start(client: Client, clock: Clock) -> Self {
        let (lane, events) = mpsc::channel(WAITING);
        tokio::spawn(send_all(client, clock, events));
        Self { lane }
    }

    /// Hands events over; never waits.
    pub(crate) fn record(&self, about: &Arc<About>, events: Vec<Event>) {
        for event in events {
            tracing::info!(object = %about.key, reason = %event.reason, "{}", event.message);
            let recorded = Recorded {
                about: Arc::clone(about),
                event,
            };
            if self.lane.try_send(recorded).is_err() {
                tracing::warn!("too many events wait; one was dropped");
            }
        }
    }
}

/// What makes two events the same.
type Sameness = (String, String, &'static str, String);

async fn send_all(client: Client, clock: Clock, mut events: mpsc::Receiver<Recorded>) {
    let mut known: BTreeMap<Sameness, (String, u32)> = BTreeMap::new();
    let mut serial: u64 = 0;
    while let Some(Recorded { about, event }) = events.recv().await {
        let same = (
            about.uid.clone(),
            event.reason.to_string(),
            kind_of(event.severity),
            event.message.clone(),
        );
        let now = clock.now();
        let write = if let Some((name, count)) = known.get_mut(&same) {
            *count += 1;
            EventWrite::Count {
                namespace: about.key.namespace.clone(),
                name: name.clone(),
                body: json!({"count": *count, "lastTimestamp": seconds(now)}),
            }
        } else {
            serial += 1;
            let name = format!("{}.{:x}{serial:04x}", about.key.name, now.as_nanosecond());
            if known.len() >= REMEMBERED {
                known.clear();
            }
            let write = create(&about, &event, &name, now);
            known.insert(same, (name, 1));
            write
        };
        if let Err(error) = apply::send_event(&client, write).await {
            tracing::debug!(error = %apply::chain(&error), "event not written");
        }
    }
}

fn create(about: &About, event: &Event, name: &str, now: Timestamp) -> EventWrite {
    EventWrite::Create {
        namespace: about.key.namespace.clone(),
        body: json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": about.key.namespace},
            "involvedObject": {
                "apiVersion": about.key.resource.api_version(),
                "kind": about.key.resource.kind,
                "namespace": about.key.namespace,
                "name": about.key.name,
                "uid": about.uid,
                "resourceVersion": about.resource_version,
            },
            "reason": event.reason,
            "message": event.message,
            "type": kind_of(event.severity),
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
            "reportingInstance": "",
            "firstTimestamp": seconds(now),
            "lastTimestamp": seconds(now),
            "count": 1,
        }),
    }
}

fn kind_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Normal => "Normal",
        Severity::Warning => "Warning",
    }
}

fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
