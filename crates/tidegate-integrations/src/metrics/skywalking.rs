//! Apache `SkyWalking`: a query in GraphQL (MP-509).

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use tidegate_api::analysis::{Metric, SkyWalkingMetric};
use tidegate_gocompat::{
    duration,
    expr::Value,
    time::{Time, Zone},
};

use super::{
    Answer, Certificate, Environment, Provider, Reach, Request, Subject, TIME_ZONE, Turn, boxed,
    error,
    finding::{Finding, Server, judge},
};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How `SkyWalking` writes a minute, in Go's layout.
const MINUTE: &str = "2006-01-02 1504";
/// What is sent and taken.
const JSON: &str = "application/json; charset=utf-8";

/// The provider, if the metric names it.
pub(super) fn make(
    metric: &Metric,
    _subject: &Subject,
    environment: &Environment,
) -> Option<Result<Box<dyn Provider>, String>> {
    let skywalking = metric.provider.skywalking.as_ref()?;
    Some(boxed(SkyWalking::new(metric, skywalking, environment)))
}

struct SkyWalking {
    metric: Metric,
    query: String,
    interval: duration::Duration,
    zone: Zone,
    server: Server,
    started: Timestamp,
}

impl SkyWalking {
    fn new(
        metric: &Metric,
        skywalking: &SkyWalkingMetric,
        environment: &Environment,
    ) -> Result<Self, String> {
        Ok(Self {
            metric: metric.clone(),
            query: skywalking.query.clone(),
            interval: duration::parse(&skywalking.interval)
                .map_err(|error| format!("provider.skywalking.interval: {error}"))?,
            // As Go, which falls back to UTC.
            zone: match environment.variable(TIME_ZONE) {
                "" => Zone::Utc,
                name => Zone::named(name).unwrap_or(Zone::Utc),
            },
            server: Server {
                vendor: "skywalking",
                address: skywalking.address.trim_end_matches('/').to_owned(),
                advice: "check that provider.skywalking.address leads to a SkyWalking server that is up",
            },
            started: Timestamp::UNIX_EPOCH,
        })
    }

    fn read_data(&self, status: u16, body: &[u8]) -> Result<Finding, String> {
        let mut reply: Json = serde_json::from_slice(body).map_err(|error| match status {
            200 => self.server.puzzling(error, body),
            // What a proxy says says less than its number.
            _ => self.server.puzzling(format!("status {status}"), body),
        })?;
        if let Some(first) = reply["errors"].as_array().and_then(|errors| errors.first()) {
            let message = first["message"].as_str().unwrap_or_default();
            return Err(format!("graphql: {message}"));
        }
        let data = reply["data"].take();
        if data.is_null() {
            return Err("no results returned from SkyWalking query".to_owned());
        }
        let value = Value::from_json(&data).map_err(|error| error.to_string())?;
        let text = value
            .to_compact_json()
            .map_err(|error| format!("could not marshal results: {error}"))?;
        Ok(Finding::new(value, text))
    }
}

impl Provider for SkyWalking {
    fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn start(&mut self, now: Timestamp) -> Turn {
        self.started = now;
        let end = Time::from_timestamp(now).in_zone(&self.zone);
        let body = json!({
            "query": self.query,
            "variables": {
                "duration": {
                    "start": end.minus(self.interval).format(MINUTE),
                    "end": end.format(MINUTE),
                    "step": "MINUTE",
                },
            },
        });
        let header = |name: &str| (name.to_owned(), JSON.to_owned());
        Turn::Ask(Box::new(Request {
            method: Method::POST,
            url: format!("{}/graphql", self.server.address),
            headers: vec![header("Content-Type"), header("Accept")],
            body: body.to_string().into_bytes(),
            timeout: TIMEOUT,
            certificate: Certificate::Checked,
            reach: Reach::Anywhere,
        }))
    }

    fn read(&mut self, answer: Answer, now: Timestamp) -> Turn {
        // Whatever the status: if the answer can be read, it says whether it went well.
        let found = answer
            .http()
            .map_err(|why| self.server.unreachable(&why))
            .and_then(|(status, body)| self.read_data(status, &body));
        match found {
            Ok(found) => judge(&self.metric, found, self.started, now),
            Err(message) => error(self.started, now, message),
        }
    }
}
