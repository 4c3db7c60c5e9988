//! Wavefront's chart API (MP-501, MP-502).

use std::{collections::BTreeMap, time::Duration};

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::Value as Json;
use tidegate_api::analysis::{Metric, WavefrontMetric};
use tidegate_gocompat::{
    expr::Value,
    float_format::fixed,
    number::{float_of, int_of},
};

use super::{
    Answer, Certificate, Environment, Provider, Reach, Request, Subject, Turn, boxed, error,
    finding::{Finding, Server, excerpt, judge},
};

/// The Secret with a token for each address.
const SECRET: &str = "wavefront-api-tokens";
/// How long an answer may take. Differs from upstream, which waits without an end.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How many decimals a value is shown with.
const DECIMALS: usize = 2;
/// Under which name the status shows what Wavefront warns of.
const WARNINGS: &str = "warnings";

/// The provider, if the metric names it.
pub(super) fn make(
    metric: &Metric,
    _subject: &Subject,
    environment: &Environment,
) -> Option<Result<Box<dyn Provider>, String>> {
    let wavefront = metric.provider.wavefront.as_ref()?;
    Some(boxed(Ok(Wavefront {
        metric: metric.clone(),
        given: wavefront.clone(),
        namespace: environment.namespace.clone(),
        token: None,
        started: Timestamp::UNIX_EPOCH,
    })))
}

struct Wavefront {
    metric: Metric,
    given: WavefrontMetric,
    namespace: String,
    token: Option<String>,
    started: Timestamp,
}

impl Wavefront {
    /// A window of no width, and the points nearest to it.
    fn ask(&self, token: &str) -> Turn {
        let now = format!("{}000", self.started.as_second());
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("autoEvents", "false")
            .append_pair("e", &now)
            .append_pair("g", "s")
            .append_pair("i", "true")
            .append_pair("includeObsoleteMetrics", "false")
            .append_pair("listmode", "false")
            .append_pair("p", "1")
            .append_pair("q", &self.given.query)
            .append_pair("s", &now)
            .append_pair("strict", "false")
            .finish();
        Turn::Ask(Box::new(Request {
            method: Method::GET,
            url: format!("https://{}/api/v2/chart/api?{query}", self.given.address),
            headers: vec![
                ("Authorization".to_owned(), format!("Bearer {token}")),
                ("Accept".to_owned(), "application/json".to_owned()),
            ],
            body: Vec::new(),
            timeout: TIMEOUT,
            certificate: Certificate::Checked,
            reach: Reach::Anywhere,
        }))
    }

    /// What is found, and what Wavefront warns of, found or not.
    fn read_series(&self, status: u16, body: &[u8]) -> (Result<Finding, String>, Option<String>) {
        if status != 200 {
            let reason = StatusCode::from_u16(status)
                .ok()
                .and_then(|status| status.canonical_reason())
                .unwrap_or_default();
            let message = format!("server returned {status} {reason}\n{}\n", excerpt(body));
            return (Err(message), None);
        }
        let reply: Json = match serde_json::from_slice(body) {
            Ok(reply) => reply,
            Err(error) => return (Err(self.server().puzzling(error, body)), None),
        };
        let warnings = reply[WARNINGS].as_str().filter(|text| !text.is_empty());
        let warnings = warnings.map(str::to_owned);
        let series = reply["timeseries"].as_array();
        let points = series
            .into_iter()
            .flatten()
            .map(|series| nearest(&series["data"], self.started))
            .collect::<Result<Vec<Point>, String>>();
        (points.and_then(|points| found(&points)), warnings)
    }

    fn server(&self) -> Server {
        Server {
            vendor: "wavefront",
            address: self.given.address.clone(),
            advice: "check provider.wavefront.address",
        }
    }
}

impl Provider for Wavefront {
    fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn start(&mut self, now: Timestamp) -> Turn {
        self.started = now;
        Turn::Secret {
            namespace: self.namespace.clone(),
            name: SECRET.to_owned(),
        }
    }

    fn secrets(&self) -> Vec<String> {
        self.token.iter().cloned().collect()
    }

    fn read(&mut self, answer: Answer, now: Timestamp) -> Turn {
        if self.token.is_none() {
            let token = answer.secret(SECRET).and_then(|values| {
                let token = values.get(&self.given.address).cloned();
                token.ok_or_else(|| "API token not found".to_owned())
            });
            return match token {
                Ok(token) => {
                    let turn = self.ask(&token);
                    self.token = Some(token);
                    turn
                }
                Err(message) => error(self.started, now, message),
            };
        }
        let (found, warnings) = match answer.http() {
            Ok((status, body)) => self.read_series(status, &body),
            Err(why) => (Err(self.server().unreachable(&why)), None),
        };
        let mut turn = match found {
            Ok(found) => judge(&self.metric, found, self.started, now),
            Err(message) => error(self.started, now, message),
        };
        if let (Turn::Measured(measured), Some(warnings)) = (&mut turn, warnings) {
            measured.metadata.insert(WARNINGS.to_owned(), warnings);
        }
        turn
    }
}

/// The point of a series that counts.
#[derive(Clone, Copy)]
struct Point {
    value: f64,
    /// Seconds since 1970.
    at: i64,
    /// Seconds from the measurement to the point.
    drift: i64,
}

/// The first of the points that are nearest to an instant. Differs from upstream: a series without points is an error, where
/// upstream takes it for 0, and so are points that are none, which make it crash.
fn nearest(data: &Json, started: Timestamp) -> Result<Point, String> {
    let started = float_of(started.as_second());
    let mut nearest: Option<(f64, f64)> = None;
    for point in data.as_array().into_iter().flatten() {
        let pair = point.as_array().map(Vec::as_slice);
        let pair = match pair {
            Some([at, value, ..]) => at.as_f64().zip(value.as_f64()),
            Some(_) | None => None,
        };
        let (at, value) =
            pair.ok_or_else(|| format!("wavefront gave a point that is none: {point}"))?;
        if nearest.is_none_or(|(best, _)| (at - started).abs() < (best - started).abs()) {
            nearest = Some((at, value));
        }
    }
    let (at, value) = nearest.ok_or("a TimeSeries in the response from Wavefront has no points")?;
    Ok(Point {
        value,
        at: int_of(at),
        drift: int_of(at - started),
    })
}

/// One series is a number, several are a list. Keeps MP-502.
fn found(points: &[Point]) -> Result<Finding, String> {
    let shown = |show: &dyn Fn(&Point) -> String| {
        let texts: Vec<String> = points.iter().map(show).collect();
        match texts.as_slice() {
            [text] => text.clone(),
            texts => format!("[{}]", texts.join(",")),
        }
    };
    let value = match points {
        [] => return Err("No TimeSeries found in response from Wavefront".to_owned()),
        [point] => Value::Float(point.value),
        points => Value::floats(points.iter().map(|point| point.value)),
    };
    let metadata = [
        ("timestamps", shown(&|point| point.at.to_string())),
        ("drift", shown(&|point| point.drift.to_string())),
    ];
    Ok(Finding {
        value,
        text: shown(&|point| fixed(point.value, DECIMALS)),
        metadata: metadata
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text))
            .collect(),
    })
}
