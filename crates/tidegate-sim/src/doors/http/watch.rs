//! Watches: the log of changes as a stream of events.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use futures::stream;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{sync::watch as signal, time::Instant};

use super::{
    Door, Incoming,
    answer::respond_stream,
    resource::viewed,
    route::{Place, View},
    table::{self, Form},
};
use crate::cluster::{
    Change, Query, What,
    kinds::{Kind, KindId},
    refusal::{Reason, Refusal},
};

/// How long a watch stays open if the client does not say: as the API server's least.
const DEFAULT_SECONDS: u64 = 1_800;

/// How often a watch may tell its version while nothing of its kind changes.
const BOOKMARK_EVERY: Duration = Duration::from_secs(1);

/// The annotation of the bookmark that ends the initial events.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// Opens a watch.
///
/// # Errors
/// 400 for selectors and versions that are none, 410 for a version that is forgotten.
pub(super) fn open(
    door: &Arc<Door>,
    incoming: &Incoming,
    place: &Place,
) -> Result<Response, Refusal> {
    let parameters = &incoming.parameters;
    let changed = door.changed();
    let cluster = door.lock();
    let kind = Arc::clone(cluster.kinds().get(place.kind));
    let mut query = parameters.query((place.kind, &kind), place.namespace.as_deref())?;
    if let Some(name) = &place.name {
        query.fields = crate::cluster::selector::FieldSelector::parse(
            &format!("metadata.name={name}"),
            place.kind,
            &kind,
        )?;
    }
    let from = version_asked(parameters.get("resourceVersion"))?;
    let initial = match parameters.get("sendInitialEvents") {
        "true" | "1" => true,
        "" => from == 0,
        _ => false,
    };
    let cursor = if initial || from == 0 {
        cluster.version()
    } else {
        from
    };
    cluster.changes_since(cursor)?;
    let seconds = parameters
        .number("timeoutSeconds")
        .filter(|seconds| *seconds > 0);
    let mut watch = Watch {
        door: Arc::clone(door),
        changed,
        id: place.kind,
        kind,
        view: place.view,
        query,
        form: Form::accepted(&incoming.accept, parameters.get("includeObject")),
        bookmarks: if parameters.is_on("allowWatchBookmarks") {
            Bookmarks::Wanted
        } else {
            Bookmarks::Unwanted
        },
        cursor,
        told: cursor,
        waiting: VecDeque::new(),
        end: Instant::now() + Duration::from_secs(seconds.unwrap_or(DEFAULT_SECONDS)),
        state: State::Open,
    };
    if initial {
        let objects: Vec<Arc<Value>> = cluster.list(place.kind, &watch.query).cloned().collect();
        let now = door.now();
        for object in &objects {
            watch.push("ADDED", object, now);
        }
        if parameters.is_on("sendInitialEvents") {
            watch.push_bookmark(json!({INITIAL_EVENTS_END: "true"}));
        }
    }
    drop(cluster);
    Ok(respond_stream(Body::from_stream(stream::unfold(
        watch,
        |mut watch| async move {
            let bytes = watch.next().await?;
            Some((Ok::<_, Infallible>(bytes), watch))
        },
    ))))
}

/// The version from which on changes are asked for; 0 for now.
fn version_asked(text: &str) -> Result<u64, Refusal> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        Refusal::bad_request(format!(
            "Invalid value: \"{text}\": strconv.ParseUint: invalid syntax"
        ))
    })
}

/// Whether the client wants to be told versions without changes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bookmarks {
    Wanted,
    Unwanted,
}

/// Whether more can come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// An error was sent; the stream ends after it.
    Broken,
}

struct Watch {
    door: Arc<Door>,
    changed: signal::Receiver<u64>,
    id: KindId,
    kind: Arc<Kind>,
    view: View,
    query: Query,
    form: Form,
    bookmarks: Bookmarks,
    /// The version up to which changes were read.
    cursor: u64,
    /// The version that the client knows of.
    told: u64,
    waiting: VecDeque<Bytes>,
    end: Instant,
    state: State,
}

impl Watch {
    /// The next bytes; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.waiting.pop_front() {
                return Some(bytes);
            }
            if self.state == State::Broken || Instant::now() >= self.end {
                return None;
            }
            self.changed.borrow_and_update();
            self.read();
            if !self.waiting.is_empty() {
                continue;
            }
            let behind = self.bookmarks == Bookmarks::Wanted && self.told < self.cursor;
            let pause = if behind {
                Instant::now() + BOOKMARK_EVERY
            } else {
                self.end
            };
            tokio::select! {
                moved = self.changed.changed() => {
                    if moved.is_err() {
                        return None;
                    }
                }
                () = tokio::time::sleep_until(pause.min(self.end)) => {
                    if behind {
                        self.push_bookmark(json!({}));
                    }
                }
            }
        }
    }

    /// Turns the changes since the cursor into events.
    fn read(&mut self) {
        let door = Arc::clone(&self.door);
        let cluster = door.lock();
        let lost = door.lost();
        let version = cluster.version();
        match cluster.changes_since(self.cursor) {
            Ok(changes) => {
                let now = door.now();
                let events: Vec<(&'static str, Arc<Value>)> = changes
                    .iter()
                    .filter(|change| change.object.kind == self.id)
                    .filter(|change| !lost.versions.contains(&change.version))
                    .filter_map(|change| event(change, &self.query))
                    .collect();
                drop(lost);
                drop(cluster);
                for (name, object) in events {
                    self.push(name, &object, now);
                }
                self.cursor = self.cursor.max(version);
            }
            Err(refusal) => {
                self.state = State::Broken;
                let gone = Refusal {
                    reason: Reason::Expired,
                    ..refusal
                };
                self.waiting
                    .push_back(line(&json!({"type": "ERROR", "object": gone.to_status()})));
            }
        }
    }

    fn push(&mut self, name: &str, object: &Arc<Value>, now: Timestamp) {
        let viewed = viewed(self.view, object);
        let shown = match self.form {
            Form::Whole => (*viewed).clone(),
            Form::Metadata => table::metadata_only(&viewed),
            Form::Table(include) => table::of(
                &table::Rows {
                    id: self.id,
                    kind: &self.kind,
                    now,
                    include,
                },
                &[viewed],
            ),
        };
        self.waiting
            .push_back(line(&json!({"type": name, "object": shown})));
        self.told = self.told.max(version_of(object));
    }

    fn push_bookmark(&mut self, annotations: Value) {
        self.told = self.cursor;
        let mut metadata = json!({
            "resourceVersion": self.cursor.to_string(),
            "creationTimestamp": null,
        });
        if annotations != json!({}) {
            metadata["annotations"] = annotations;
        }
        let api_version = match self.view {
            View::Stored => self.kind.api_version(),
            View::NewEvents => "events.k8s.io/v1".to_owned(),
        };
        self.waiting.push_back(line(&json!({
            "type": "BOOKMARK",
            "object": {"kind": self.kind.kind, "apiVersion": api_version, "metadata": metadata},
        })));
    }
}

fn version_of(object: &Value) -> u64 {
    crate::cluster::fields::version(object).parse().unwrap_or(0)
}

/// What a change is to somebody who sees only what a query means: an object that starts to be meant is
/// added, one that ceases to be is deleted.
fn event(change: &Change, query: &Query) -> Option<(&'static str, Arc<Value>)> {
    let before = change.old.as_deref().is_some_and(|old| query.matches(old));
    let after = change.what != What::Deleted && query.matches(&change.new);
    let name = match (before, after) {
        (false, true) => "ADDED",
        (true, true) => "MODIFIED",
        (true, false) => "DELETED",
        (false, false) => return None,
    };
    Some((name, Arc::clone(&change.new)))
}

fn line(event: &Value) -> Bytes {
    let mut text = event.to_string();
    text.push('\n');
    Bytes::from(text)
}
