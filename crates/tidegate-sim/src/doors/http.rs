//! The Kubernetes REST API in front of a model cluster: enough for `kubectl` and for controllers.

mod answer;
mod discovery;
mod event_view;
mod openapi;
mod query;
mod resource;
mod route;
mod table;
mod watch;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, Uri, header},
    response::Response,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch as signal;

use self::{
    answer::{respond, respond_text},
    query::Parameters,
    route::Route,
};
use crate::cluster::{
    Cluster, Part,
    kinds::KindId,
    refusal::{Reason, Refusal},
};

/// How many changes are remembered for watches before older ones are forgotten.
const REMEMBERED: usize = 50_000;

/// Where the cluster's time comes from.
pub type Now = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// A model cluster that several clients share, with its time.
pub struct Door {
    cluster: Mutex<Cluster>,
    now: Now,
    changed: signal::Sender<u64>,
    lost: Mutex<Lost>,
}

/// Changes that no watch tells of.
#[derive(Debug, Default)]
struct Lost {
    /// The next one of this kind and this part of it will be one.
    next: Option<(KindId, Part)>,
    versions: BTreeSet<u64>,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Door")
            .field("version", &*self.changed.borrow())
            .finish_non_exhaustive()
    }
}

impl Door {
    /// A door to this cluster.
    pub fn new(cluster: Cluster, now: Now) -> Arc<Self> {
        let (changed, _) = signal::channel(cluster.version());
        Arc::new(Self {
            cluster: Mutex::new(cluster),
            now,
            changed,
            lost: Mutex::default(),
        })
    }

    /// The next change of this part of an object of this kind is lost: no watch tells of it, and each goes on
    /// as if it had.
    pub fn lose_next(&self, kind: KindId, part: Part) {
        self.lost().next = Some((kind, part));
    }

    /// The cluster's time.
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Does something with the cluster, alone; watches learn of what it changed.
    pub fn with<R>(&self, act: impl FnOnce(&mut Cluster, Timestamp) -> R) -> R {
        let mut cluster = self.lock();
        let before = cluster.version();
        let result = act(&mut cluster, self.now());
        let version = cluster.version();
        self.lost().take(&cluster, before);
        if version - cluster.oldest_version() > u64::try_from(2 * REMEMBERED).unwrap_or(u64::MAX) {
            cluster.compact(REMEMBERED);
        }
        drop(cluster);
        self.changed.send_if_modified(|known| {
            let moved = *known != version;
            *known = version;
            moved
        });
        result
    }

    /// The version of the last change, for whoever waits for the next one.
    pub fn changed(&self) -> signal::Receiver<u64> {
        self.changed.subscribe()
    }

    fn lost(&self) -> MutexGuard<'_, Lost> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No request leaves the cluster half changed, so a panicking one poisons nothing.
    fn lock(&self) -> MutexGuard<'_, Cluster> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lost {
    /// Looks for the change that is to be lost among those after a version.
    fn take(&mut self, cluster: &Cluster, before: u64) {
        let Some(next) = self.next else { return };
        let changes = cluster.changes_since(before).unwrap_or_default();
        let mut meant = changes
            .iter()
            .filter(|change| (change.object.kind, change.part) == next);
        if let Some(change) = meant.next() {
            self.next = None;
            self.versions.insert(change.version);
        }
    }
}

/// The REST API of a cluster.
pub fn router(door: Arc<Door>) -> Router {
    Router::new().fallback(handle).with_state(door)
}

/// One request as it came in.
struct Incoming {
    method: Method,
    path: String,
    parameters: Parameters,
    accept: String,
    content_type: String,
    agent: String,
    body: Bytes,
}

async fn handle(
    State(door): State<Arc<Door>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: header::HeaderName| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let incoming = Incoming {
        method,
        path: uri.path().to_owned(),
        parameters: Parameters::read(uri.query().unwrap_or_default()),
        accept: header(header::ACCEPT),
        content_type: header(header::CONTENT_TYPE),
        agent: header(header::USER_AGENT),
        body,
    };
    answer(&door, &incoming).unwrap_or_else(|refusal| answer::refuse(&refusal))
}

fn answer(door: &Arc<Door>, incoming: &Incoming) -> Result<Response, Refusal> {
    let aggregated = answer::accepts_aggregated(&incoming.accept);
    let kinds = Arc::clone(door.lock().kinds());
    let route = Route::of_path(&incoming.path, &kinds).ok_or_else(|| {
        Refusal::new(
            Reason::NotFound,
            "the server could not find the requested resource",
        )
    })?;
    Ok(match route {
        Route::Healthy => respond_text("ok"),
        Route::Version => respond(200, &version()),
        Route::Core if aggregated => {
            answer::respond_aggregated(&discovery::aggregated(&kinds, discovery::Part::Core))
        }
        Route::Core => respond(200, &json!({"kind": "APIVersions", "versions": ["v1"]})),
        Route::Groups if aggregated => {
            answer::respond_aggregated(&discovery::aggregated(&kinds, discovery::Part::Groups))
        }
        Route::Groups => respond(200, &discovery::groups(&kinds)),
        Route::Group(group) => respond(200, &discovery::group(&kinds, &group)),
        Route::Resources(group, version) => {
            respond(200, &discovery::resources(&kinds, &group, &version))
        }
        Route::OpenApi => respond(200, &openapi::index(&kinds)),
        Route::OpenApiOf(group, version) => {
            respond(200, &openapi::document(&kinds, &group, &version))
        }
        Route::Review(kind) => respond(201, &review(kind, &incoming.body)),
        Route::Resource(place) => resource::answer(door, incoming, &place)?,
    })
}

/// What `/version` says. Users' manifests look at it.
fn version() -> Value {
    json!({
        "major": "1",
        "minor": "34",
        "gitVersion": "v1.34.1+tidegate-model",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}

/// Whoever asks may do everything: the model has no users.
fn review(kind: &str, body: &[u8]) -> Value {
    let mut review: Value = serde_json::from_slice(body).unwrap_or_else(|_| json!({}));
    review["apiVersion"] = json!("authorization.k8s.io/v1");
    review["kind"] = json!(kind);
    review["status"] = json!({"allowed": true});
    review
}
