//! A server that speaks Prometheus' HTTP API, with values that the story says, or answers as the story says
//! whatever is asked.

use jiff::Timestamp;
use serde_json::{Value, json};
use tidegate_integrations::metrics::{Answer, Request};

use crate::digest::Digest;

/// What is said about the queries that contain a text.
#[derive(Clone, Debug, PartialEq)]
struct Saying {
    /// Which queries; empty for all of them.
    query: String,
    what: Says,
}

/// What the server says.
#[derive(Clone, Debug, PartialEq)]
pub enum Says {
    /// One sample of this value, as text: `0.99`, `NaN`.
    Value(String),
    /// No sample.
    Nothing,
    /// It cannot be reached.
    Down,
    /// Nothing within the time that it is given; as the shell tells it.
    Slow,
    /// Something that is not Prometheus' language, nor JSON.
    Garbage,
    /// Exactly this.
    Answer {
        /// The status code.
        status: u16,
        /// The body.
        json: Value,
    },
}

/// The server. The saying that was told last wins.
#[derive(Clone, Debug, Default)]
pub struct MetricServer {
    sayings: Vec<Saying>,
}

impl MetricServer {
    /// From now on, queries that contain this text are answered so; the empty text means all queries.
    pub fn tell(&mut self, query: &str, what: Says) {
        self.sayings.retain(|known| known.query != query);
        let saying = Saying {
            query: query.to_owned(),
            what,
        };
        self.sayings.push(saying);
    }

    /// Whether nobody gets an answer, whatever is asked.
    pub fn is_silent(&self) -> bool {
        let silent = |saying: &Saying| matches!(saying.what, Says::Down | Says::Slow);
        !self.sayings.is_empty() && self.sayings.iter().all(silent)
    }

    pub(crate) fn digest(&self, digest: &mut Digest) {
        digest.text(&format!("{:?}", self.sayings));
    }

    /// Answers a request. Without a saying for it, there is no sample.
    pub fn answer(&self, request: &Request, now: Timestamp) -> Answer {
        let body = String::from_utf8_lossy(&request.body);
        let says = self
            .sayings
            .iter()
            .rev()
            .find(|saying| request.url.contains(&saying.query) || body.contains(&saying.query))
            .map_or(&Says::Nothing, |saying| &saying.what);
        let result = match says {
            Says::Value(value) => json!([{"metric": {}, "value": [now.as_second(), value]}]),
            Says::Nothing => json!([]),
            Says::Down => {
                return Answer::NoAnswer("connection refused".to_owned());
            }
            Says::Slow => {
                let seconds = request.timeout.as_secs_f64();
                return Answer::NoAnswer(format!(
                    "no whole answer within {seconds} s; a longer timeout can be given in the metric"
                ));
            }
            Says::Garbage => {
                return Answer::Response {
                    status: 200,
                    body: b"<html>It works!</html>".to_vec(),
                };
            }
            Says::Answer { status, json } => {
                let (status, body) = (*status, json.to_string().into_bytes());
                return Answer::Response { status, body };
            }
        };
        let body = json!({"status": "success", "data": {"resultType": "vector", "result": result}});
        Answer::Response {
            status: 200,
            body: body.to_string().into_bytes(),
        }
    }
}
