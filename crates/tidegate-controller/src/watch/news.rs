//! Waiting for a change of what is seldom needed: nothing is kept of it, and nothing is asked meanwhile.

use futures::TryStreamExt;
use tokio::time::Instant;

use super::{
    Duration, Event, FIRST_DELAY, LONGEST_DELAY, Scope, Server, WATCH_GRACE, WATCH_SECONDS, open,
};

/// What a watch has told.
enum Heard {
    News,
    Nothing,
}

/// Waits until something of a scope has changed since a version, or may have.
///
/// # Errors
/// What the server says when it cannot be watched from there.
pub(crate) async fn until_news(
    server: &Server,
    scope: &Scope,
    mut version: String,
) -> Result<(), kube::Error> {
    let mut delay = FIRST_DELAY;
    loop {
        let begun = Instant::now();
        let limit = Duration::from_secs(WATCH_SECONDS.into()) + WATCH_GRACE;
        match tokio::time::timeout(limit, next(server, scope, &mut version)).await {
            Ok(Ok(Heard::News)) => return Ok(()),
            Ok(Err(error)) => return Err(error),
            Ok(Ok(Heard::Nothing)) if begun.elapsed() <= FIRST_DELAY => {
                // It ended as soon as it began: not without a rest again.
                tokio::time::sleep(delay).await;
                delay = (delay * 2).min(LONGEST_DELAY);
            }
            Ok(Ok(Heard::Nothing)) | Err(_) => delay = FIRST_DELAY,
        }
    }
}

async fn next(server: &Server, scope: &Scope, version: &mut String) -> Result<Heard, kube::Error> {
    let mut events = open(server, scope, version).await?;
    while let Some(event) = events.try_next().await? {
        match event {
            Event::Bookmark(reached) => *version = reached,
            Event::Present(_) | Event::Gone(_) => return Ok(Heard::News),
            Event::Error(status) => return Err(kube::Error::Api(status)),
        }
    }
    Ok(Heard::Nothing)
}
