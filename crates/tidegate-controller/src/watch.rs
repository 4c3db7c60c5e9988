//! What the cluster looks like: one cache per kind, kept by a list and a watch, trimmed of what no
//! decision reads. Each cache knows up to which version it is complete, so that a pass can tell
//! whether it sees its own writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::TryStreamExt;
use http::Request;
use kube::Client;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tidegate_api::meta::ObjectMeta;
use tidegate_core::plan::Resource;
use tokio::sync::watch;

use crate::{
    apply,
    wire::{self, Event, Item, Unreadable},
};

/// Objects per page of a list.
const PAGE: u32 = 500;
/// A watch that says nothing for this long is opened anew.
const WATCH_SECONDS: u32 = 290;
/// Between two tries after an error, at first and at most.
const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(30);
/// Between two looks for a kind that the cluster does not serve, at most (OPS-08).
const LONGEST_ABSENCE: Duration = Duration::from_mins(10);

/// An object that a cache holds.
pub(crate) trait Cached: Sized + Send + Sync + 'static {
    /// Its metadata.
    fn metadata(&self) -> &ObjectMeta;
    /// Reads it from the wire; an error names the field.
    fn read(value: Value) -> Result<Self, String>;
}

/// Reads a typed object; the error names the path of the field that does not fit.
pub(crate) fn read_typed<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| format!("{}: {}", error.path(), error.inner()))
}

/// One kind's objects.
#[derive(Debug)]
pub(crate) struct Cache<T> {
    objects: Mutex<Objects<T>>,
    synced: watch::Sender<bool>,
    absent: watch::Sender<bool>,
}

#[derive(Debug)]
struct Objects<T> {
    by_name: BTreeMap<(String, String), Entry<T>>,
    by_owner: BTreeMap<String, BTreeSet<(String, String)>>,
    version: Option<u64>,
}

#[derive(Debug)]
enum Entry<T> {
    Good(Arc<T>),
    /// It cannot be read: what is known of it, and why.
    Broken(Arc<Broken>),
}

/// An object that cannot be read as what it claims to be.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    /// Its metadata.
    pub(crate) metadata: ObjectMeta,
    /// Its status, raw.
    pub(crate) status: Value,
    /// Which field, and what is wrong with it.
    pub(crate) error: String,
}

/// What a cache says of an object.
#[derive(Clone, Debug)]
pub(crate) enum Found<T> {
    /// Here it is.
    Good(Arc<T>),
    /// It exists but cannot be read.
    Broken(Arc<Broken>),
    /// It does not exist.
    Absent,
}

/// One change, told to whoever maps it to keys.
pub(crate) enum Change<'a> {
    /// It is there, new or changed.
    Present(&'a ObjectMeta),
    /// It is gone.
    Gone(&'a ObjectMeta),
}

impl<T: Cached> Cache<T> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            objects: Mutex::new(Objects {
                by_name: BTreeMap::new(),
                by_owner: BTreeMap::new(),
                version: None,
            }),
            synced: watch::Sender::new(false),
            absent: watch::Sender::new(false),
        })
    }

    fn with<R>(&self, look: impl FnOnce(&mut Objects<T>) -> R) -> R {
        let mut objects = self
            .objects
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        look(&mut objects)
    }

    /// One object.
    pub(crate) fn get(&self, namespace: &str, name: &str) -> Found<T> {
        let key = (namespace.to_owned(), name.to_owned());
        self.with(|objects| match objects.by_name.get(&key) {
            Some(Entry::Good(object)) => Found::Good(Arc::clone(object)),
            Some(Entry::Broken(broken)) => Found::Broken(Arc::clone(broken)),
            None => Found::Absent,
        })
    }

    /// All readable objects of a namespace, by name.
    pub(crate) fn in_namespace(&self, namespace: &str) -> Vec<Arc<T>> {
        let first = (namespace.to_owned(), String::new());
        self.with(|objects| {
            objects
                .by_name
                .range(first..)
                .take_while(|((of, _), _)| of == namespace)
                .filter_map(|(_, entry)| entry.good())
                .collect()
        })
    }

    /// All readable objects that this uid controls, and those that nobody controls in the namespace.
    pub(crate) fn controlled_by(&self, uid: &str) -> Vec<Arc<T>> {
        self.with(|objects| {
            let keys = objects.by_owner.get(uid);
            keys.into_iter()
                .flatten()
                .filter_map(|key| objects.by_name.get(key).and_then(Entry::good))
                .collect()
        })
    }

    /// All readable objects of a namespace that nobody controls.
    pub(crate) fn orphans(&self, namespace: &str) -> Vec<Arc<T>> {
        self.with(|objects| {
            let keys = objects.by_owner.get("");
            keys.into_iter()
                .flatten()
                .filter(|(of, _)| of == namespace)
                .filter_map(|key| objects.by_name.get(key).and_then(Entry::good))
                .collect()
        })
    }

    /// All readable objects of a namespace whose names begin so.
    pub(crate) fn named(&self, namespace: &str, prefix: &str) -> Vec<Arc<T>> {
        let first = (namespace.to_owned(), prefix.to_owned());
        self.with(|objects| {
            objects
                .by_name
                .range(first..)
                .take_while(|((of, name), _)| of == namespace && name.starts_with(prefix))
                .filter_map(|(_, entry)| entry.good())
                .collect()
        })
    }

    /// All objects of a namespace that cannot be read and whose names begin so.
    pub(crate) fn broken(&self, namespace: &str, prefix: &str) -> Vec<Arc<Broken>> {
        let first = (namespace.to_owned(), prefix.to_owned());
        self.with(|objects| {
            objects
                .by_name
                .range(first..)
                .take_while(|((of, name), _)| of == namespace && name.starts_with(prefix))
                .filter_map(|(_, entry)| match entry {
                    Entry::Broken(broken) => Some(Arc::clone(broken)),
                    Entry::Good(_) => None,
                })
                .collect()
        })
    }

    /// Nothing will be listed: the cache is complete as it is.
    pub(crate) fn mark_synced(&self) {
        self.synced.send_replace(true);
    }

    /// Whether the cluster does not serve the kind at all.
    pub(crate) fn is_absent(&self) -> bool {
        *self.absent.borrow()
    }

    /// The namespace and name of every object.
    pub(crate) fn keys(&self) -> Vec<(String, String)> {
        self.with(|objects| objects.by_name.keys().cloned().collect())
    }

    /// Up to which version the cache is complete.
    pub(crate) fn version(&self) -> Option<u64> {
        self.with(|objects| objects.version)
    }

    /// Whether there was a complete list.
    pub(crate) fn is_synced(&self) -> bool {
        *self.synced.borrow()
    }

    /// Waits for the first complete list.
    pub(crate) async fn synced(&self) {
        let mut synced = self.synced.subscribe();
        // The sender lives in this very cache, so waiting cannot fail.
        let _ = synced.wait_for(|synced| *synced).await;
    }

    fn put(&self, item: Item, tell: &dyn Fn(Change<'_>)) {
        let entry = match item {
            Ok(value) => Entry::read(value),
            Err(unreadable) => Entry::unreadable(*unreadable),
        };
        let metadata = entry.metadata().clone();
        let key = (metadata.namespace.clone(), metadata.name.clone());
        self.with(|objects| {
            objects.raise(&metadata.resource_version);
            objects.remove(&key);
            objects
                .by_owner
                .entry(owner(&metadata))
                .or_default()
                .insert(key.clone());
            objects.by_name.insert(key, entry);
        });
        tell(Change::Present(&metadata));
    }

    fn take(&self, metadata: &ObjectMeta, tell: &dyn Fn(Change<'_>)) {
        let key = (metadata.namespace.clone(), metadata.name.clone());
        self.with(|objects| {
            objects.raise(&metadata.resource_version);
            objects.remove(&key);
        });
        tell(Change::Gone(metadata));
    }

    /// Everything that a new list does not name is gone.
    fn keep_only(&self, listed: &BTreeSet<(String, String)>, tell: &dyn Fn(Change<'_>)) {
        let gone: Vec<ObjectMeta> = self.with(|objects| {
            let gone: Vec<_> = objects
                .by_name
                .iter()
                .filter(|(key, _)| !listed.contains(*key))
                .map(|(key, entry)| (key.clone(), entry.metadata().clone()))
                .collect();
            for (key, _) in &gone {
                objects.remove(key);
            }
            gone.into_iter().map(|(_, metadata)| metadata).collect()
        });
        for metadata in &gone {
            tell(Change::Gone(metadata));
        }
    }
}

impl<T> Objects<T> {
    fn raise(&mut self, version: &str) {
        if let Ok(version) = version.parse::<u64>() {
            self.version = Some(self.version.map_or(version, |known| known.max(version)));
        }
    }
}

impl<T: Cached> Objects<T> {
    fn remove(&mut self, key: &(String, String)) {
        let Some(entry) = self.by_name.remove(key) else {
            return;
        };
        let owner = owner(entry.metadata());
        if let Some(keys) = self.by_owner.get_mut(&owner) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_owner.remove(&owner);
            }
        }
    }
}

impl<T: Cached> Entry<T> {
    fn read(mut value: Value) -> Self {
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        let rest = (metadata_of(&value), value.get("status").cloned());
        match T::read(value) {
            Ok(object) => Self::Good(Arc::new(object)),
            Err(error) => Self::Broken(Arc::new(Broken {
                metadata: rest.0,
                status: rest.1.unwrap_or_default(),
                error,
            })),
        }
    }

    /// The others are told of as they are; this one only by its error.
    fn unreadable(unreadable: Unreadable) -> Self {
        let Unreadable {
            metadata,
            status,
            error,
        } = unreadable;
        tracing::error!(namespace = %metadata.namespace, name = %metadata.name, %error, "this object cannot be read");
        Self::Broken(Arc::new(Broken {
            metadata,
            status,
            error,
        }))
    }

    fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Good(object) => object.metadata(),
            Self::Broken(broken) => &broken.metadata,
        }
    }

    fn good(&self) -> Option<Arc<T>> {
        match self {
            Self::Good(object) => Some(Arc::clone(object)),
            Self::Broken(_) => None,
        }
    }
}

fn metadata_of(value: &Value) -> ObjectMeta {
    value
        .get("metadata")
        .and_then(|metadata| ObjectMeta::deserialize(metadata).ok())
        .unwrap_or_default()
}

/// The uid of the controller; empty if nobody controls it.
fn owner(metadata: &ObjectMeta) -> String {
    metadata
        .controller()
        .map(|owner| owner.uid.clone())
        .unwrap_or_default()
}

/// What to list and watch.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// The kind.
    pub(crate) resource: Resource,
    /// One namespace, or all of them if empty.
    pub(crate) namespace: String,
    /// Label selector; empty selects everything.
    pub(crate) labels: String,
    /// Whether the cluster must serve it.
    pub(crate) need: Need,
}

/// Whether a cluster must serve a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// It must.
    Always,
    /// It may come later, or never.
    IfServed,
}

/// Keeps a cache for as long as the task lives, telling every change.
pub(crate) async fn follow<T: Cached>(
    client: Client,
    scope: Scope,
    cache: Arc<Cache<T>>,
    tell: impl Fn(Change<'_>) + Send + Sync,
) {
    let mut delay = FIRST_DELAY;
    loop {
        match relist(&client, &scope, &cache, &tell).await {
            Ok(version) => {
                cache.absent.send_replace(false);
                cache.synced.send_replace(true);
                delay = FIRST_DELAY;
                if let Err(error) = stream(&client, &scope, &cache, (version, &tell)).await {
                    tracing::debug!(kind = %scope.resource.kind, error = %apply::chain(&error), "watch ended");
                }
            }
            Err(error) if scope.need == Need::IfServed && is_not_served(&error) => {
                if !cache.absent.send_replace(true) {
                    let kind = scope.resource.api_version();
                    tracing::info!(%kind, error = %apply::chain(&error), "not served here; looked for again later");
                    cache.keep_only(&BTreeSet::new(), &tell);
                }
                cache.synced.send_replace(true);
                tokio::time::sleep(delay).await;
                delay = (delay * 2).min(LONGEST_ABSENCE);
                continue;
            }
            Err(error) => {
                tracing::warn!(kind = %scope.resource.kind, error = %apply::chain(&error), "cannot list");
            }
        }
        tokio::time::sleep(delay.min(LONGEST_DELAY)).await;
        delay = (delay * 2).min(LONGEST_DELAY);
    }
}

/// Whether an error means that there is nothing to list: no such kind, or no right to see it. What a
/// cluster serves is told with 404.
fn is_not_served(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else {
        return false;
    };
    [403, 404].contains(&status.code)
}

async fn relist<T: Cached>(
    client: &Client,
    scope: &Scope,
    cache: &Cache<T>,
    tell: &(impl Fn(Change<'_>) + Sync),
) -> Result<String, kube::Error> {
    let mut listed = BTreeSet::new();
    let mut token = String::new();
    loop {
        let mut query = vec![("limit", PAGE.to_string())];
        if !token.is_empty() {
            query.push(("continue", token));
        }
        let text = client.request_text(get(scope, &query)?).await?;
        let page = wire::page(&text).map_err(kube::Error::SerdeError)?;
        for raw in page.items {
            let item = wire::item(raw);
            listed.insert(match &item {
                Ok(value) => key(&metadata_of(value)),
                Err(unreadable) => key(&unreadable.metadata),
            });
            cache.put(item, tell);
        }
        if page.token.is_empty() {
            cache.keep_only(&listed, tell);
            cache.with(|objects| objects.raise(&page.version));
            return Ok(page.version);
        }
        token = page.token;
    }
}

fn key(metadata: &ObjectMeta) -> (String, String) {
    (metadata.namespace.clone(), metadata.name.clone())
}

/// Watches from a version on, opening the watch anew as often as the server closes it. Ends with an
/// error when the version is too old.
async fn stream<T: Cached>(
    client: &Client,
    scope: &Scope,
    cache: &Cache<T>,
    (mut version, tell): (String, &(impl Fn(Change<'_>) + Sync)),
) -> Result<(), kube::Error> {
    loop {
        let query = [
            ("watch", "true".to_owned()),
            ("allowWatchBookmarks", "true".to_owned()),
            ("timeoutSeconds", WATCH_SECONDS.to_string()),
            ("resourceVersion", version.clone()),
        ];
        let mut events = wire::events(client, get(scope, &query)?).await?;
        while let Some(event) = events.try_next().await? {
            match event {
                Event::Present(item) => {
                    version = version_of(&item).unwrap_or(version);
                    cache.put(item, tell);
                }
                Event::Gone(metadata) => {
                    cache.take(&metadata, tell);
                    version = metadata.resource_version;
                }
                Event::Bookmark(reached) => {
                    version = reached;
                    cache.with(|objects| objects.raise(&version));
                }
                Event::Error(status) => return Err(kube::Error::Api(status)),
            }
        }
    }
}

fn version_of(item: &Item) -> Option<String> {
    let version = match item {
        Ok(object) => object.pointer("/metadata/resourceVersion")?.as_str()?,
        Err(unreadable) => &unreadable.metadata.resource_version,
    };
    (!version.is_empty()).then(|| version.to_owned())
}

fn get(scope: &Scope, query: &[(&str, String)]) -> Result<Request<Vec<u8>>, kube::Error> {
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    for (name, value) in query {
        pairs.append_pair(name, value);
    }
    if !scope.labels.is_empty() {
        pairs.append_pair("labelSelector", &scope.labels);
    }
    Request::get(format!(
        "{}?{}",
        apply::path(&scope.resource, &scope.namespace),
        pairs.finish()
    ))
    .body(Vec::new())
    .map_err(kube::Error::HttpError)
}
