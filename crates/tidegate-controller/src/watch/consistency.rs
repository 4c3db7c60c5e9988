//! Looks from time to time whether a watch has lost something, for a watch that does so tells nobody (L-6).
//! Only names and versions are listed, a page at a time; at rest there is nothing more to it.

use std::time::Duration;

use http::{HeaderValue, header::ACCEPT};
use tidegate_core::consistency::{self, Comparison, Missed, PATIENCE, Patience, What};
use tokio::time::Instant;

use super::{Scope, get, page_from};
use crate::{
    cache::{Cache, Cached},
    path,
    server::{Server, Unanswered},
    wire,
};

/// Metadata only. Servers that do not know this form send whole objects, of which no more is read.
const FORM: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
/// Between two looks at whether the cache has come as far as the list.
const LOOK: Duration = Duration::from_secs(1);
/// How soon a check that did not come about is tried again.
const SOON: Duration = Duration::from_mins(1);

/// Checks the cache again and again for as long as a watch feeds it. Says why everything has to be listed: once
/// something was lost, nobody knows what else was.
pub(super) async fn until_missed<T: Cached>(
    server: &Server,
    scope: &Scope,
    cache: &Cache<T>,
) -> String {
    let of = path::of_kind(&scope.resource, &scope.namespace) + &scope.labels;
    let usual = consistency::period(&of);
    let period = server.check_every.unwrap_or(usual);
    let mut pause = period;
    let kind = &scope.resource.kind;
    loop {
        tokio::time::sleep(pause).await;
        pause = match check(server, scope, cache).await {
            Ok(None) => period,
            Ok(Some(missed)) => return tell(scope, &missed),
            Err(error) => {
                tracing::debug!(%kind, %error, "the cache cannot be checked");
                if is_final(&error) {
                    period
                } else {
                    SOON.min(period)
                }
            }
        };
    }
}

/// Waits until the watch has lost what this very process has written, which shows without any check. Says why
/// everything has to be listed.
pub(super) async fn until_lost<T: Cached>(scope: &Scope, cache: &Cache<T>) -> String {
    let key = cache.loses().await;
    let what = What::Change;
    tell(scope, &Missed { key, what })
}

fn tell(scope: &Scope, Missed { key, what }: &Missed) -> String {
    let (kind, (namespace, name)) = (&scope.resource.kind, key);
    tracing::warn!(%kind, %namespace, %name, "{what} was lost on its way here: everything is listed anew");
    format!("{what} was lost")
}

/// Whether the server will say the same again soon.
fn is_final(error: &Unanswered) -> bool {
    matches!(error, Unanswered::Refused(refused) if [400, 403, 404, 406].contains(&refused.code))
}

async fn check<T: Cached>(
    server: &Server,
    scope: &Scope,
    cache: &Cache<T>,
) -> Result<Option<Missed>, Unanswered> {
    let Some((held, complete)) = cache.versions() else {
        return Ok(None);
    };
    let mut comparison = Comparison::new(held, complete);
    let Some(version) = list(server, scope, &mut comparison).await? else {
        return Ok(None);
    };
    let mut doubts = comparison.end(version);
    let until = Instant::now() + PATIENCE;
    while !doubts.are_settled() {
        let patience = if Instant::now() < until {
            Patience::Lasts
        } else {
            Patience::IsOver
        };
        // First how far it claims to have come, then what it holds: in between it may only learn more.
        let complete = cache.version().unwrap_or_default();
        let missed = doubts.look(complete, |key| cache.version_of(key), patience);
        if missed.is_some() {
            return Ok(missed);
        }
        if !doubts.are_settled() {
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(None)
}

/// Lists names and versions; gives the version of the list, or `None` if it has none that can be compared. The
/// API server is asked for what is true, not for what its own watch has told it: that may have lost the very
/// same change, and it sends all in one piece, however small a page may be.
async fn list(
    server: &Server,
    scope: &Scope,
    comparison: &mut Comparison,
) -> Result<Option<u64>, Unanswered> {
    let mut token = String::new();
    loop {
        let mut request = get(scope, &page_from(token)).map_err(Unanswered::NeverSent)?;
        let form = HeaderValue::from_static(FORM);
        request.headers_mut().insert(ACCEPT, form);
        let text = server.read(request).await?;
        let page = wire::page(&text).map_err(|error| Unanswered::Lost(error.to_string()))?;
        for raw in page.items {
            if let Some((key, version)) = wire::version(raw) {
                comparison.list(key, version);
            }
        }
        if page.token.is_empty() {
            return Ok(page.version.parse().ok());
        }
        token = page.token;
    }
}
