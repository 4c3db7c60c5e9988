//! The way to the API server: how many requests at once and how fast, how long each may take, and what
//! an answer means. It only carries; writes come from `apply`.

mod pace;

use std::{sync::Arc, time::Duration};

use http::{Request, Response, header::RETRY_AFTER};
use kube::{
    Client,
    client::Body,
    core::{Status, response::StatusDetails},
};
use tokio::sync::SemaphorePermit;

use self::pace::Pace;
pub use self::pace::Rate;
use crate::{metrics::Metrics, path::BadName};

/// The longest that one request may take; the API server itself gives up after a minute at most.
pub(crate) const LONGEST_REQUEST: Duration = Duration::from_secs(30);
/// The longest pause that a server can ask for: it may have said hours by mistake.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// A connection to the API server that all parts of the controller share.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) client: Client,
    pace: Arc<Pace>,
    pub(crate) metrics: Arc<Metrics>,
    /// Between two checks of a kind that is followed, if not as usual.
    pub(crate) check_every: Option<Duration>,
}

/// Why there is no good answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// The server refused.
    #[error("{}", .0.message)]
    Refused(Refused),
    /// There can be no such request, however often it is tried.
    #[error("{0}")]
    Unaskable(String),
    /// The request was never sent.
    #[error("{0}")]
    NeverSent(String),
    /// The connection ended before the answer came.
    #[error("{0}")]
    Lost(String),
    /// The answer took too long.
    #[error("no answer within {0:?}")]
    Silent(Duration),
}

impl From<BadName> for Unanswered {
    fn from(bad: BadName) -> Self {
        Self::Unaskable(bad.to_string())
    }
}

/// A server's refusal.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    /// The HTTP status.
    pub(crate) code: u16,
    /// Kubernetes' own word for it, such as `AlreadyExists`.
    pub(crate) reason: String,
    /// The sentence.
    pub(crate) message: String,
    /// How long to wait before asking again.
    pub(crate) retry_after: Option<Duration>,
}

impl Server {
    /// A connection that sends as fast as `rate` allows.
    pub(crate) fn new(client: Client, rate: Option<Rate>, metrics: Arc<Metrics>) -> Self {
        Self {
            client,
            pace: Arc::new(Pace::new(rate)),
            metrics,
            check_every: None,
        }
    }

    /// The same with another period of checks.
    pub(crate) fn checked_every(self, check_every: Option<Duration>) -> Self {
        Self {
            check_every,
            ..self
        }
    }

    /// Waits until one more request may be sent; it may be under way for as long as the permit lives.
    pub(crate) async fn turn(&self) -> SemaphorePermit<'_> {
        self.pace.turn().await
    }

    /// Sends a request and reads the whole answer. Nothing is tried again.
    pub(crate) async fn send(
        &self,
        request: Request<Vec<u8>>,
        limit: Duration,
    ) -> Result<String, Unanswered> {
        let asked = crate::metrics::Asked::of(&request);
        // A disruption budget speaks of its pod alone, although it answers as a busy server does.
        let speaks_for_all = !request.uri().path().ends_with("/eviction");
        let answer = tokio::time::timeout(limit, exchange(&self.client, request)).await;
        let answer = answer.unwrap_or(Err(Unanswered::Silent(limit)));
        let code = match &answer {
            Ok((code, _)) => *code,
            Err(Unanswered::Refused(refused)) => refused.code,
            Err(
                Unanswered::Unaskable(_)
                | Unanswered::NeverSent(_)
                | Unanswered::Lost(_)
                | Unanswered::Silent(_),
            ) => 0,
        };
        self.metrics.requested(asked, code);
        if let Err(Unanswered::Refused(Refused {
            retry_after: Some(pause),
            ..
        })) = &answer
            && speaks_for_all
        {
            self.pace.pause(*pause);
        }
        answer.map(|(_, text)| text)
    }

    /// Reads something, when its turn comes.
    pub(crate) async fn read(&self, request: Request<Vec<u8>>) -> Result<String, Unanswered> {
        let _turn = self.turn().await;
        self.send(request, LONGEST_REQUEST).await
    }
}

async fn exchange(client: &Client, request: Request<Vec<u8>>) -> Result<(u16, String), Unanswered> {
    let response = client
        .send(request.map(Body::from))
        .await
        .map_err(|error| broken(&error))?;
    let (head, body) = response.into_parts();
    let body = body.collect_bytes().await.map_err(|error| {
        // The request itself has arrived: nobody knows what became of it.
        Unanswered::Lost(chain(&error))
    })?;
    let text = String::from_utf8_lossy(&body).into_owned();
    let code = head.status.as_u16();
    if code < 400 {
        Ok((code, text))
    } else {
        Err(refused(&Response::from_parts(head, text)))
    }
}

fn refused(response: &Response<String>) -> Unanswered {
    let code = response.status().as_u16();
    let status: Status = serde_json::from_str(response.body()).unwrap_or_default();
    let named = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    let detailed = status
        .details
        .map(|details: StatusDetails| u64::from(details.retry_after_seconds))
        .filter(|seconds| *seconds > 0);
    let asks_to_wait = matches!(code, 429 | 503);
    Unanswered::Refused(Refused {
        code,
        reason: status.reason,
        message: if status.message.is_empty() {
            format!("{}: {}", response.status(), response.body().trim())
        } else {
            status.message
        },
        retry_after: named
            .or(detailed)
            .filter(|_| asks_to_wait)
            .map(|seconds| Duration::from_secs(seconds).min(LONGEST_PAUSE)),
    })
}

fn broken(error: &kube::Error) -> Unanswered {
    let text = chain(error);
    // A connection that was never made carried no request.
    let never = ["Connect", "connect error", "refused"];
    if never.iter().any(|sign| text.contains(sign)) {
        Unanswered::NeverSent(text)
    } else {
        Unanswered::Lost(text)
    }
}

/// An error and everything that caused it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let more = next.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, retry_after: Option<&str>, body: &str) -> Refused {
        let mut response = Response::builder().status(code);
        if let Some(value) = retry_after {
            response = response.header(RETRY_AFTER, value);
        }
        let Unanswered::Refused(refused) = refused(&response.body(body.to_owned()).unwrap()) else {
            panic!("a server that answers has refused");
        };
        refused
    }

    #[test]
    fn a_server_that_is_busy_says_for_how_long() {
        let plain = answer(429, Some("7"), "Too many requests, please try again later.");
        assert_eq!(plain.retry_after, Some(Duration::from_secs(7)));
        assert!(plain.message.contains("please try again later"));
        let status = r#"{"kind":"Status","message":"busy","details":{"retryAfterSeconds":3}}"#;
        let detailed = answer(503, None, status);
        assert_eq!(detailed.retry_after, Some(Duration::from_secs(3)));
        assert_eq!(detailed.message, "busy");
        assert_eq!(answer(429, None, "").retry_after, None);
        let forever = answer(429, Some("86400"), "");
        assert_eq!(forever.retry_after, Some(LONGEST_PAUSE));
        assert_eq!(answer(409, Some("7"), "").retry_after, None);
    }
}
