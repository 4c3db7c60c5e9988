//! Any server that answers over HTTP (MP-301 to MP-304).

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use jiff::Timestamp;
use serde_json::Value as Json;
use tidegate_api::{
    analysis::{Measurement, Metric, WebMetric},
    meta::Time,
};
use tidegate_gocompat::{
    expr::{Text, Value},
    json,
    jsonpath::Path,
    quote::quote,
};

use super::{
    Answer, Certificate, Environment, Provider, Reach, Request, Subject, Turn,
    basic::without_credentials, condition, error, measured, oauth2,
};

/// How long an answer may take unless the metric says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);
/// What to do about a server that does not answer.
const ADVICE: &str = "check that provider.web.url leads to a server that is up";

/// The provider, if the metric names it.
pub(super) fn make(
    metric: &Metric,
    _subject: &Subject,
    _environment: &Environment,
) -> Option<Result<Box<dyn Provider>, String>> {
    let web = metric.provider.web.as_ref()?;
    Some(Web::new(metric, web).map(|made| {
        let made: Box<dyn Provider> = Box::new(made);
        made
    }))
}

struct Web {
    metric: Metric,
    given: WebMetric,
    path: Path,
    timeout: Duration,
    client: Option<oauth2::Client>,
    state: State,
    started: Timestamp,
}

/// What is waited for.
enum State {
    /// A token.
    Token,
    /// The answer.
    Answer,
}

impl Web {
    fn new(metric: &Metric, web: &WebMetric) -> Result<Self, String> {
        let timeout = match u64::try_from(web.timeout_seconds) {
            Ok(seconds @ 1..) => Duration::from_secs(seconds),
            Ok(0) | Err(_) => TIMEOUT,
        };
        let certificate = Certificate::from(web.insecure);
        let client = oauth2::Client::of(&web.authentication.oauth2, timeout, certificate)?;
        let path = match web.json_path.as_str() {
            "" => "{$}",
            path => path,
        };
        Ok(Self {
            metric: metric.clone(),
            given: web.clone(),
            path: Path::parse(path).map_err(|error| error.to_string())?,
            timeout,
            client,
            state: State::Answer,
            started: Timestamp::UNIX_EPOCH,
        })
    }

    fn method(&self) -> &str {
        match self.given.method.as_str() {
            "" => "GET",
            method => method,
        }
    }

    /// Keeps MP-302.
    fn request(&self, token: Option<String>) -> Result<Request, String> {
        let (text, json) = (&self.given.body, &self.given.json_body);
        if !text.is_empty() && !json.is_null() {
            return Err(
                "use either Body or JSONBody; both cannot exists for WebMetric payload".to_owned(),
            );
        }
        if self.method() == "GET" && !(text.is_empty() && json.is_null()) {
            return Err(
                "Body/JSONBody can only be used with POST or PUT WebMetric Method types".to_owned(),
            );
        }
        let method = Method::from_bytes(self.method().as_bytes()).map_err(|_| {
            format!(
                "net/http: invalid method {}",
                quote(self.method().as_bytes())
            )
        })?;
        let url = url::Url::parse(&self.given.url).ok();
        if !url.is_some_and(|url| matches!(url.scheme(), "http" | "https")) {
            let scheme = self
                .given
                .url
                .split_once("://")
                .map_or("", |(scheme, _)| scheme);
            let why = format!("unsupported protocol scheme {}", quote(scheme.as_bytes()));
            return Err(self.failed(&why));
        }
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut set = |name: &str, value: &str| {
            // The last one of a name is meant, as with Go's `Set`.
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            headers.push((name.to_owned(), value.to_owned()));
        };
        for header in &self.given.headers {
            set(&header.key, &header.value);
        }
        let body = if json.is_null() {
            text.clone()
        } else {
            set("Content-Type", "application/json");
            written(json)
        };
        if let Some(token) = token {
            set("Authorization", &token);
        }
        Ok(Request {
            method,
            url: self.given.url.clone(),
            headers,
            body: body.into_bytes(),
            timeout: self.timeout,
            certificate: Certificate::from(self.given.insecure),
            reach: Reach::Anywhere,
        })
    }

    /// What happened to the request, as Go's client tells it.
    fn failed(&self, why: &str) -> String {
        let method = self.method();
        let (first, rest) = method.split_at_checked(1).unwrap_or((method, ""));
        let url = quote(without_credentials(&self.given.url).as_bytes());
        format!(
            "{first}{} {url}: {why}; {ADVICE}",
            rest.to_ascii_lowercase()
        )
    }

    fn ask(&mut self, token: Option<String>, now: Timestamp) -> Turn {
        self.state = State::Answer;
        match self.request(token) {
            Ok(request) => Turn::Ask(Box::new(request)),
            Err(message) => error(self.started, now, message),
        }
    }

    fn judge(&self, body: &[u8], now: Timestamp) -> Result<Measurement, String> {
        let (value, text) = self.value(body)?;
        let phase = condition::evaluate(&self.metric, &value, now)?;
        Ok(Measurement {
            phase: phase.to_owned(),
            value: text,
            started_at: Some(Time::new(self.started)),
            finished_at: Some(Time::new(now)),
            ..Measurement::default()
        })
    }

    /// The result as conditions see it, and as text. Keeps MP-304.
    fn value(&self, body: &[u8]) -> Result<(Value, String), String> {
        let text = String::from_utf8_lossy(body);
        let too_deep = || format!("Could not read the body: it nests too deep; {ADVICE}");
        let read = json::parse(&text).and_then(|node| node.to_value());
        let data = match read {
            Ok(json) => Value::from_json(&json).map_err(|_| too_deep())?,
            Err(error) if error.to_string() == "exceeded max depth" => return Err(too_deep()),
            // What is no JSON is a text.
            Err(_) => {
                let value = Value::String(Text::from(body));
                return Ok((value, text.into_owned()));
            }
        };
        let found = self
            .path
            .find(&data)
            .map_err(|error| format!("Could not find JSONPath in body: {error}"))?;
        let first = found
            .into_iter()
            .flatten()
            .next()
            .ok_or("result of web metric produced no value")?;
        let text = first.to_compact_json()?;
        Ok((first, text))
    }
}

impl Provider for Web {
    fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn start(&mut self, now: Timestamp) -> Turn {
        self.started = now;
        // What cannot be asked needs no token.
        if let Err(message) = self.request(None) {
            return error(now, now, message);
        }
        match &self.client {
            Some(client) => {
                self.state = State::Token;
                Turn::Ask(Box::new(client.request()))
            }
            None => self.ask(None, now),
        }
    }

    fn read(&mut self, answer: Answer, now: Timestamp) -> Turn {
        if let (State::Token, Some(client)) = (&self.state, &mut self.client) {
            return match client.read(answer) {
                oauth2::Step::Ask(request) => Turn::Ask(request),
                oauth2::Step::Token(token) => self.ask(Some(token), now),
                oauth2::Step::Failed(why) => error(self.started, now, self.failed(&why)),
            };
        }
        let (status, body) = match answer.http() {
            Ok(answer) => answer,
            Err(why) => return error(self.started, now, self.failed(&why)),
        };
        // Keeps MP-303.
        if !(200..300).contains(&status) {
            let message = format!("received non 2xx response code: {status}");
            return error(self.started, now, message);
        }
        measured(self.judge(&body, now), self.started, now)
    }
}

/// A body as Go writes it: numbers by their text, its escapes.
fn written(json: &Json) -> String {
    let mut out = String::new();
    json::write_raw(json, &mut out);
    out
}

#[cfg(test)]
mod tests;
