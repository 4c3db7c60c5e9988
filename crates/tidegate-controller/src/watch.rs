//! Lists and watches: keep each cache up with the cluster, and tell of every change.

mod consistency;
mod news;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures::{Stream, TryStreamExt};
use http::Request;
use tidegate_core::plan::Resource;
use tidegate_integrations::traffic::Absence;
use tokio::time::Instant;

pub(crate) use self::news::until_news;
pub(crate) use crate::cache::{Broken, Cache, Cached, Change, Found, Named, read_typed};
use crate::{
    metrics::Asked,
    path,
    primary::Remote,
    server::{self, Server, Unanswered},
    wire::{self, Event},
};

/// Objects per page of a list: a page is in memory as a whole.
const PAGE: u32 = 250;
/// A watch that says nothing for this long is opened anew.
const WATCH_SECONDS: u32 = 290;
/// A watch that outlives its own end by this is cut: the connection is dead although nobody said so.
const WATCH_GRACE: Duration = Duration::from_secs(15);
/// Between two tries after an error, at first and at most.
const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(30);
/// How long another cluster may say nothing before the Rollouts that need it are told: longer than it takes to
/// replace a server or a connection.
const SILENCE: Duration = Duration::from_secs(5);
/// Between two looks for a kind that the cluster does not serve, at most (OPS-08).
const LONGEST_ABSENCE: Duration = Duration::from_mins(10);

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// It must.
    Always,
    /// It may come later, or never.
    IfServed,
    /// It should, and it is not the controller's own: nobody who does not need it waits for it.
    Elsewhere(Arc<Remote>),
}

/// How far a watch has come.
struct Position {
    version: String,
    /// When the server was last heard.
    heard: Instant,
}

/// Keeps a cache for as long as the task lives, telling every change.
pub(crate) async fn follow<T: Cached>(
    server: Server,
    scope: Scope,
    cache: Arc<Cache<T>>,
    tell: impl Fn(Change<'_>) + Send + Sync,
) {
    let mut delay = FIRST_DELAY;
    let mut heard = Instant::now();
    loop {
        match relist(&server, &scope, &cache, &tell).await {
            Ok(version) => {
                cache.mark_served();
                cache.mark_synced();
                delay = FIRST_DELAY;
                let mut position = Position {
                    version,
                    heard: Instant::now(),
                };
                let why = tokio::select! {
                    why = stream(&server, &scope, &cache, (&mut position, &tell)) => why,
                    why = consistency::until_missed(&server, &scope, &cache) => why,
                    why = consistency::until_lost(&scope, &cache) => why,
                };
                heard = position.heard;
                tracing::debug!(kind = %scope.resource.kind, %why, "watch ended");
            }
            Err(error) => {
                if let Some(absence) = absence(&scope, &error, heard.elapsed()) {
                    let longest = match &absence {
                        Absence::NotServed => LONGEST_ABSENCE,
                        Absence::Forbidden(_) | Absence::OutOfReach(_) => LONGEST_DELAY,
                    };
                    do_without(&scope, &cache, (absence, &error), &tell);
                    tokio::time::sleep(delay.min(longest)).await;
                    delay = (delay * 2).min(longest);
                    continue;
                }
                tracing::warn!(kind = %scope.resource.kind, %error, "cannot list");
                cache.note_fault(error.to_string());
            }
        }
        tokio::time::sleep(delay.min(LONGEST_DELAY)).await;
        delay = (delay * 2).min(LONGEST_DELAY);
    }
}

/// Whether an error means that there is nothing to list: no such kind, which is told with 404, or no right to
/// see it; or, in another cluster, any error that lasts.
fn absence(scope: &Scope, error: &Unanswered, silent: Duration) -> Option<Absence> {
    match &scope.need {
        Need::Always => return None,
        Need::IfServed => {}
        Need::Elsewhere(_) if silent < SILENCE => return None,
        Need::Elsewhere(remote) => {
            let sentence = remote.absence(&scope.resource, error);
            return Some(Absence::OutOfReach(sentence));
        }
    }
    match error {
        Unanswered::Refused(refused) if refused.code == 404 => Some(Absence::NotServed),
        Unanswered::Refused(refused) if refused.code == 403 => {
            Some(Absence::Forbidden(refused.message.clone()))
        }
        Unanswered::Refused(_)
        | Unanswered::Unaskable(_)
        | Unanswered::NeverSent(_)
        | Unanswered::Lost(_)
        | Unanswered::Silent(_) => None,
    }
}

/// Nothing can be seen of a kind: nobody waits for it.
fn do_without<T: Cached>(
    scope: &Scope,
    cache: &Cache<T>,
    (absence, error): (Absence, &Unanswered),
    tell: &(impl Fn(Change<'_>) + Sync),
) {
    let kind = scope.resource.api_version();
    let is_news = cache.mark_absent(absence.clone());
    match absence {
        _ if !is_news => {}
        Absence::OutOfReach(why) => tracing::warn!(%kind, %why, "out of reach; tried again later"),
        Absence::Forbidden(_) => {
            tracing::warn!(%kind, %error, "must not be listed; tried again later");
            cache.keep_only(&BTreeSet::new(), tell);
        }
        Absence::NotServed => {
            tracing::info!(%kind, %error, "not served here; looked for again later");
            cache.keep_only(&BTreeSet::new(), tell);
        }
    }
    cache.mark_synced();
}

async fn relist<T: Cached>(
    server: &Server,
    scope: &Scope,
    cache: &Cache<T>,
    tell: &(impl Fn(Change<'_>) + Sync),
) -> Result<String, Unanswered> {
    let mut listed = BTreeSet::new();
    let mut token = String::new();
    loop {
        let request = get(scope, &page_from(token)).map_err(Unanswered::NeverSent)?;
        let text = server.read(request).await?;
        let page = wire::page(&text).map_err(|error| Unanswered::Lost(error.to_string()))?;
        for raw in page.items {
            let metadata = cache.put(raw);
            tell(Change::Present(&metadata));
            listed.insert((metadata.namespace, metadata.name));
        }
        if page.token.is_empty() {
            cache.keep_only(&listed, tell);
            cache.listed(&page.version);
            return Ok(page.version);
        }
        token = page.token;
    }
}

/// Watches from a version on, opening the watch anew as often as it ends: by itself, or because the
/// connection broke. Says why it cannot go on from there, so that everything has to be listed.
async fn stream<T: Cached>(
    server: &Server,
    scope: &Scope,
    cache: &Cache<T>,
    (position, tell): (&mut Position, &(impl Fn(Change<'_>) + Sync)),
) -> String {
    let mut delay = FIRST_DELAY;
    loop {
        let (from, begun) = (position.version.clone(), Instant::now());
        let limit = Duration::from_secs(WATCH_SECONDS.into()) + WATCH_GRACE;
        let watched = watch_once(server, scope, cache, (&mut *position, tell));
        match tokio::time::timeout(limit, watched).await {
            Ok(Ok(())) if begun.elapsed() > FIRST_DELAY => delay = FIRST_DELAY,
            Err(_) => delay = FIRST_DELAY,
            Ok(Ok(())) => {
                // It ended as soon as it began: not without a rest again.
                tokio::time::sleep(delay).await;
                delay = (delay * 2).min(LONGEST_DELAY);
            }
            Ok(Err(error @ kube::Error::Api(_))) => return server::chain(&error),
            Ok(Err(error)) => {
                if position.version != from {
                    delay = FIRST_DELAY;
                }
                let is_elsewhere = matches!(scope.need, Need::Elsewhere(_));
                if is_elsewhere && position.heard.elapsed() >= SILENCE {
                    return server::chain(&error);
                }
                tracing::debug!(kind = %scope.resource.kind, error = %server::chain(&error), "watch broke");
                tokio::time::sleep(delay).await;
                delay = (delay * 2).min(LONGEST_DELAY);
            }
        }
    }
}

/// Opens a watch from a version on.
async fn open(
    server: &Server,
    scope: &Scope,
    version: &str,
) -> Result<impl Stream<Item = Result<Event, kube::Error>> + Unpin + use<>, kube::Error> {
    let query = [
        ("watch", "true".to_owned()),
        ("allowWatchBookmarks", "true".to_owned()),
        ("timeoutSeconds", WATCH_SECONDS.to_string()),
        ("resourceVersion", version.to_owned()),
    ];
    let request = get(scope, &query).map_err(|error| kube::Error::Service(error.into()))?;
    let asked = Asked::of(&request);
    let opened = wire::events(&server.client, request).await;
    let code = match &opened {
        Ok(_) => 200,
        Err(kube::Error::Api(status)) => status.code,
        Err(_) => 0,
    };
    server.metrics.requested(asked, code);
    opened
}

/// One watch to its end; `position` is how far it came.
async fn watch_once<T: Cached>(
    server: &Server,
    scope: &Scope,
    cache: &Cache<T>,
    (position, tell): (&mut Position, &(impl Fn(Change<'_>) + Sync)),
) -> Result<(), kube::Error> {
    let mut events = open(server, scope, &position.version).await?;
    position.heard = Instant::now();
    let Position { version, heard } = position;
    while let Some(event) = events.try_next().await? {
        *heard = Instant::now();
        match event {
            Event::Present(raw) => {
                let metadata = cache.put(&raw);
                if !metadata.resource_version.is_empty() {
                    version.clone_from(&metadata.resource_version);
                }
                // First the promise, then the news: a pass that it wakes must not take it for old.
                cache.complete(version);
                tell(Change::Present(&metadata));
            }
            Event::Gone(metadata) => {
                cache.take(&metadata, tell);
                version.clone_from(&metadata.resource_version);
            }
            Event::Bookmark(reached) => {
                *version = reached;
                cache.complete(version);
            }
            Event::Error(status) => return Err(kube::Error::Api(status)),
        }
    }
    Ok(())
}

/// Asks for a page of a list: the first one without a token.
fn page_from(token: String) -> Vec<(&'static str, String)> {
    let mut query = vec![("limit", PAGE.to_string())];
    if !token.is_empty() {
        query.push(("continue", token));
    }
    query
}

fn get(scope: &Scope, query: &[(&str, String)]) -> Result<Request<Vec<u8>>, String> {
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    for (name, value) in query {
        pairs.append_pair(name, value);
    }
    if !scope.labels.is_empty() {
        pairs.append_pair("labelSelector", &scope.labels);
    }
    Request::get(format!(
        "{}?{}",
        path::of_kind(&scope.resource, &scope.namespace),
        pairs.finish()
    ))
    .body(Vec::new())
    .map_err(|error| error.to_string())
}
