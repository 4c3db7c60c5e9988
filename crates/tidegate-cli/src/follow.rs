//! Follows one object through a watch that is opened anew as often as the server closes it.

use std::time::Duration;

use anyhow::bail;
use futures::{Stream, StreamExt, stream};
use kube::core::WatchEvent;
use serde_json::Value;
use tidegate_core::plan::Resource;

use crate::connect::Cluster;

/// How often in a row a watch may fail (CLI-202).
const FAILURES: u32 = 6;
/// Between two tries.
const DELAY: Duration = Duration::from_secs(1);

/// The version of an object or a list.
pub(crate) fn version(object: &Value) -> String {
    object["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Every later state of one object; an error when it is gone or cannot be followed.
pub(crate) fn objects(
    cluster: &Cluster,
    resource: &Resource,
    name: &str,
    version: String,
) -> impl Stream<Item = anyhow::Result<Value>> + use<> {
    let selector = format!("metadata.name={name}");
    let scope = Scope {
        cluster: cluster.clone(),
        resource: resource.clone(),
        namespace: cluster.namespace.clone(),
        selector,
    };
    let gone = format!("{} {name:?} was deleted", resource.kind);
    changes(scope, version).map(move |event| match event? {
        Seen::Present(object) => Ok(object),
        Seen::Gone => bail!("{gone}"),
    })
}

/// What is followed.
pub(crate) struct Scope {
    pub(crate) cluster: Cluster,
    pub(crate) resource: Resource,
    /// Empty follows every namespace.
    pub(crate) namespace: String,
    /// Field selector.
    pub(crate) selector: String,
}

/// One change.
pub(crate) enum Seen {
    /// It is there.
    Present(Value),
    /// It is gone.
    Gone,
}

/// Every change from a version on.
pub(crate) fn changes(scope: Scope, version: String) -> impl Stream<Item = anyhow::Result<Seen>> {
    let state = (scope, version, 0_u32);
    stream::unfold(state, |(scope, version, failures)| async move {
        let answer = batch(&scope, &version).await;
        match answer {
            Ok((events, version)) => Some((events, (scope, version, 0))),
            Err(_) if failures < FAILURES => {
                tokio::time::sleep(DELAY).await;
                Some((
                    Box::pin(stream::empty()) as Events,
                    (scope, version, failures + 1),
                ))
            }
            Err(error) => {
                let end: Events = Box::pin(stream::once(async move { Err(error) }));
                Some((end, (scope, version, u32::MAX)))
            }
        }
    })
    .flatten()
}

type Events = std::pin::Pin<Box<dyn Stream<Item = anyhow::Result<Seen>> + Send>>;

/// One watch from its opening to its end.
async fn batch(scope: &Scope, version: &str) -> anyhow::Result<(Events, String)> {
    let query = [
        ("fieldSelector", scope.selector.as_str()),
        ("resourceVersion", version),
    ];
    let events = scope
        .cluster
        .watch(&scope.resource, &scope.namespace, &query)
        .await?;
    let events = events.filter_map(|event| async move {
        match event {
            Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                Some(Ok(Seen::Present(object)))
            }
            Ok(WatchEvent::Deleted(_)) => Some(Ok(Seen::Gone)),
            // A bookmark says nothing; a broken or expired stream is opened anew.
            Ok(WatchEvent::Bookmark(_) | WatchEvent::Error(_)) | Err(_) => None,
        }
    });
    Ok((Box::pin(events), String::new()))
}
