//! Kubernetes events in a lane of their own: a decision never waits for one.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::json;
use tidegate_core::plan::{Event, ObjectKey, ROLLOUTS, Severity};
use tokio::sync::{mpsc, oneshot};

use crate::{
    apply::{self, Door, EventWrite},
    clock::Clock,
    metrics::Metrics,
};

/// Who sends them (EVT-01).
const COMPONENT: &str = "rollouts-controller";
/// Events that wait to be sent; more are dropped rather than remembered without end.
const WAITING: usize = 10_000;
/// How long a process that ends waits for its last events.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Remembered events, to count repetitions.
const REMEMBERED: usize = 4_096;

/// Takes events and sends them in order.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    lane: mpsc::Sender<Recorded>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
enum Recorded {
    Event(Arc<About>, Event),
    /// Everything before it is sent.
    Mark(oneshot::Sender<()>),
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
    pub(crate) fn start(door: Door, clock: Clock, metrics: Arc<Metrics>) -> Self {
        let (lane, events) = mpsc::channel(WAITING);
        tokio::spawn(send_all(door, clock, events));
        Self { lane, metrics }
    }

    /// Hands events over; never waits.
    pub(crate) fn record(&self, about: &Arc<About>, events: Vec<Event>) {
        for event in events {
            log(&about.key, &event);
            self.metrics.told(&about.key, event.severity, &event.reason);
            let recorded = Recorded::Event(Arc::clone(about), event);
            if self.lane.try_send(recorded).is_err() {
                tracing::warn!("too many events wait; one was dropped");
            }
        }
    }

    /// Waits a little until everything recorded so far is sent.
    pub(crate) async fn finish(&self) {
        let (mark, reached) = oneshot::channel();
        let sent = async {
            if self.lane.send(Recorded::Mark(mark)).await.is_ok() {
                // Nobody answers if the lane has ended: then nothing is left to send.
                let _ = reached.await;
            }
        };
        if tokio::time::timeout(LAST_WORDS, sent).await.is_err() {
            tracing::warn!("some events were not sent before the end");
        }
    }
}

/// An event is a line of the log, too (OB-404).
fn log(about: &ObjectKey, event: &Event) {
    let (namespace, name, reason) = (&about.namespace, &about.name, &event.reason);
    match (about.resource == ROLLOUTS, event.severity) {
        (true, Severity::Normal) => {
            tracing::info!(event_reason = %reason, %namespace, rollout = %name, "{}", event.message);
        }
        (true, Severity::Warning) => {
            tracing::warn!(event_reason = %reason, %namespace, rollout = %name, "{}", event.message);
        }
        (false, Severity::Normal) => {
            tracing::info!(event_reason = %reason, %namespace, object = %about, "{}", event.message);
        }
        (false, Severity::Warning) => {
            tracing::warn!(event_reason = %reason, %namespace, object = %about, "{}", event.message);
        }
    }
}

/// What makes two events the same.
type Sameness = (String, String, &'static str, String);

async fn send_all(door: Door, clock: Clock, mut events: mpsc::Receiver<Recorded>) {
    let mut known: BTreeMap<Sameness, (String, u32)> = BTreeMap::new();
    let mut serial: u64 = 0;
    while let Some(recorded) = events.recv().await {
        let (about, event) = match recorded {
            Recorded::Event(about, event) => (about, event),
            Recorded::Mark(reached) => {
                // Whoever waited may have lost patience.
                let _ = reached.send(());
                continue;
            }
        };
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
        if let Err(failure) = apply::send_event(&door, write).await {
            tracing::debug!(?failure, "event not written");
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
