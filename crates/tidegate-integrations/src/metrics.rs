//! Metric providers: each is one file that phrases requests and reads answers. Nothing here waits or
//! talks; the shell does.

pub mod condition;
mod prometheus;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use tidegate_api::{
    analysis::{Measurement, Metric, phase},
    meta::Time,
};

/// One measurement's way to its value.
pub trait Provider: Send {
    /// What the provider says about the metric as a whole.
    fn metadata(&self) -> BTreeMap<String, String>;
    /// Begins.
    fn start(&mut self, now: Timestamp) -> Turn;
    /// Goes on with an answer.
    fn read(&mut self, answer: Answer, now: Timestamp) -> Turn;
}

/// What a provider wants next.
#[derive(Debug)]
pub enum Turn {
    /// Send this.
    Ask(Box<Request>),
    /// Done.
    Measured(Box<Measurement>),
}

/// An HTTP request. Headers may hold secrets: not to be logged.
#[derive(Clone, Debug)]
pub struct Request {
    /// GET, POST, ….
    pub method: http::Method,
    /// Where.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Vec<u8>,
    /// How long the whole exchange may take.
    pub timeout: Duration,
    /// Whether the server's certificate is checked.
    pub certificate: Certificate,
}

/// Whether a server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// It is.
    Checked,
    /// The metric says `insecure: true`.
    Ignored,
}

/// What came of a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The server answered.
    Response {
        /// HTTP status code.
        status: u16,
        /// The body, at most as long as the shell's limit.
        body: Vec<u8>,
    },
    /// It did not; the sentence says why.
    NoAnswer(String),
}

/// The environment that providers may look at, given by the shell.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `ARGO_ROLLOUTS_PROMETHEUS_ADDRESS`: for metrics without an address (MP-102).
    pub prometheus_address: String,
}

/// The provider of a metric whose arguments are filled in.
///
/// # Errors
/// A sentence for the measurement's message, when the metric cannot be measured as it stands.
pub fn provider(metric: &Metric, environment: &Environment) -> Result<Box<dyn Provider>, String> {
    PROVIDERS
        .into_iter()
        .find_map(|make| make(metric, environment))
        .unwrap_or_else(|| {
            Err(format!(
                "the provider of metric \"{}\" is not supported yet: use prometheus",
                metric.name
            ))
        })
}

/// Makes a provider if the metric names it.
type Make = fn(&Metric, &Environment) -> Option<Result<Box<dyn Provider>, String>>;

/// In order of precedence (MP-002).
const PROVIDERS: [Make; 1] = [prometheus::make];

/// A measurement that failed to be taken (MP-010).
pub(crate) fn error(started: Timestamp, now: Timestamp, message: impl Into<String>) -> Turn {
    Turn::Measured(Box::new(Measurement {
        phase: phase::ERROR.to_owned(),
        message: message.into(),
        started_at: Some(Time::new(started)),
        finished_at: Some(Time::new(now)),
        ..Measurement::default()
    }))
}
