//! Follows objects: lists them, then watches from there, and does so anew as often as the server
//! ends the watch. Nothing is missed, because each round begins with everything there is.

use std::{pin::Pin, time::Duration};

use futures::{Stream, StreamExt, stream};
use tidegate_controller::wire::{self, Event, Item};
use tidegate_core::plan::Resource;

use crate::connect::Cluster;

/// How often in a row a round may fail once one has succeeded (CLI-202).
const FAILURES: u32 = 6;
/// Between two rounds, so that a server that ends watches at once is not flooded.
const DELAY: Duration = Duration::from_secs(1);
/// When the server ends a watch; below the time after which the client takes silence for a loss.
const WATCH_SECONDS: &str = "240";

/// What is followed.
#[derive(Clone)]
pub(crate) struct Scope {
    pub(crate) cluster: Cluster,
    pub(crate) resource: Resource,
    /// Empty follows every namespace.
    pub(crate) namespace: String,
    /// Field selector; empty follows every object.
    pub(crate) selector: String,
}

impl Scope {
    /// All objects of a kind in the cluster's current namespace.
    pub(crate) fn all(cluster: &Cluster, resource: Resource) -> Self {
        Self {
            cluster: cluster.clone(),
            resource,
            namespace: cluster.namespace.clone(),
            selector: String::new(),
        }
    }

    /// One object of the cluster's current namespace.
    pub(crate) fn one(cluster: &Cluster, resource: Resource, name: &str) -> Self {
        Self {
            selector: format!("metadata.name={name}"),
            ..Self::all(cluster, resource)
        }
    }

    /// Everything there is now, and its version.
    pub(crate) async fn list(&self) -> anyhow::Result<(Vec<Item>, String)> {
        let query = [("fieldSelector", self.selector.as_str())];
        let list = self
            .cluster
            .list(&self.resource, &self.namespace, &query)
            .await?;
        Ok((list.items, list.version))
    }

    /// Changes until the server ends the watch or it breaks.
    async fn watch(&self, version: &str) -> anyhow::Result<Events> {
        let query = [
            ("fieldSelector", self.selector.as_str()),
            ("resourceVersion", version),
            ("timeoutSeconds", WATCH_SECONDS),
        ];
        let events = self
            .cluster
            .watch(&self.resource, &self.namespace, &query)
            .await?;
        let events = events.map(|event| match event {
            Ok(Event::Present(raw)) => Some(Some(Ok(Seen::Present(wire::item(&raw))))),
            Ok(Event::Gone(metadata)) => Some(Some(Ok(Seen::Gone(metadata.name)))),
            Ok(Event::Bookmark(_)) => Some(None),
            // The version is too old, or the connection broke: the next round lists.
            Ok(Event::Error(_)) | Err(_) => None,
        });
        let until_broken = events.take_while(|event| std::future::ready(event.is_some()));
        Ok(Box::pin(
            until_broken.filter_map(|event| std::future::ready(event.flatten())),
        ))
    }
}

/// What there is to see.
pub(crate) enum Seen {
    /// Everything there is; what is not in it is gone.
    All(Vec<Item>),
    /// One object as it is now.
    Present(Item),
    /// The name of one that is no more.
    Gone(String),
}

type Events = Pin<Box<dyn Stream<Item = anyhow::Result<Seen>> + Send>>;

enum Step {
    List { patience: u32, wait: Duration },
    Watch { version: String },
    End,
}

/// First everything, then every change. Ends with the first error if nothing could be listed, later
/// only after several in a row.
pub(crate) fn changes(scope: Scope) -> Events {
    let first = Step::List {
        patience: 0,
        wait: Duration::ZERO,
    };
    let rounds = stream::unfold((scope, first), |(scope, step)| async move {
        let (events, next) = match step {
            Step::List { patience, wait } => {
                tokio::time::sleep(wait).await;
                listed(&scope, patience).await
            }
            Step::Watch { version } => watched(&scope, &version).await,
            Step::End => return None,
        };
        Some((events, (scope, next)))
    });
    Box::pin(rounds.flatten())
}

async fn listed(scope: &Scope, patience: u32) -> (Events, Step) {
    match scope.list().await {
        Ok((items, version)) => {
            let seen = stream::once(async { Ok(Seen::All(items)) });
            (Box::pin(seen), Step::Watch { version })
        }
        Err(error) if patience == 0 => {
            let end = stream::once(async { Err(error) });
            (Box::pin(end), Step::End)
        }
        Err(_) => (Box::pin(stream::empty()), again(patience - 1)),
    }
}

async fn watched(scope: &Scope, version: &str) -> (Events, Step) {
    let events = scope.watch(version).await;
    // If it cannot be opened, the next list says why.
    let events = events.unwrap_or_else(|_| Box::pin(stream::empty()));
    (events, again(FAILURES))
}

fn again(patience: u32) -> Step {
    Step::List {
        patience,
        wait: DELAY,
    }
}
