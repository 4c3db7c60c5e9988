//! Graphite's render API (MP-507).

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use jiff::Timestamp;
use serde_json::Value as Json;
use tidegate_api::analysis::Metric;
use tidegate_gocompat::{expr::Value, float_format::fixed, number::parse_float};
use url::Url;

use super::{
    Answer, Certificate, Environment, Provider, Reach, Request, Subject, Turn, boxed, error,
    finding::{Finding, Server, excerpt, judge},
};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How many decimals a value is shown with.
const DECIMALS: usize = 6;

/// The provider, if the metric names it.
pub(super) fn make(
    metric: &Metric,
    _subject: &Subject,
    _environment: &Environment,
) -> Option<Result<Box<dyn Provider>, String>> {
    let graphite = metric.provider.graphite.as_ref()?;
    Some(boxed(Graphite::new(
        metric,
        &graphite.address,
        &graphite.query,
    )))
}

struct Graphite {
    metric: Metric,
    url: String,
    server: Server,
    started: Timestamp,
}

impl Graphite {
    fn new(metric: &Metric, address: &str, query: &str) -> Result<Self, String> {
        let wrong = || format!("Graphite address {address} is not a valid URL");
        let mut url = Url::parse(address).map_err(|_| wrong())?;
        if !url.has_host() {
            return Err(wrong());
        }
        let path = format!("{}/render", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.set_query(Some(&parameters(query)));
        url.set_fragment(None);
        Ok(Self {
            metric: metric.clone(),
            url: url.into(),
            server: Server {
                vendor: "graphite",
                address: address.to_owned(),
                advice: "check that provider.graphite.address leads to a Graphite server that is up",
            },
            started: Timestamp::UNIX_EPOCH,
        })
    }

    /// The first series of an answer.
    fn read_series(&self, status: u16, body: &[u8]) -> Result<Finding, String> {
        if status >= 400 {
            let told = excerpt(body);
            return Err(format!("error response: {told} (status {status})"));
        }
        let series: Option<Vec<Json>> =
            serde_json::from_slice(body).map_err(|error| self.server.puzzling(error, body))?;
        let first = series.into_iter().flatten().next().unwrap_or_default();
        let points = first["datapoints"].as_array();
        let points = points.filter(|points| !points.is_empty());
        let values = points
            .ok_or("no values found")?
            .iter()
            .filter_map(|point| value(point).transpose())
            .collect::<Result<Vec<f64>, String>>()?;
        let texts: Vec<String> = values.iter().map(|value| fixed(*value, DECIMALS)).collect();
        Ok(Finding::new(
            Value::floats(values),
            format!("[{}]", texts.join(",")),
        ))
    }
}

impl Provider for Graphite {
    fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn start(&mut self, now: Timestamp) -> Turn {
        self.started = now;
        Turn::Ask(Box::new(Request {
            method: Method::GET,
            url: self.url.clone(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: TIMEOUT,
            certificate: Certificate::Checked,
            reach: Reach::Anywhere,
        }))
    }

    fn read(&mut self, answer: Answer, now: Timestamp) -> Turn {
        let found = answer
            .http()
            .map_err(|why| self.server.unreachable(&why))
            .and_then(|(status, body)| self.read_series(status, &body));
        match found {
            Ok(found) => judge(&self.metric, found, self.started, now),
            Err(message) => error(self.started, now, message),
        }
    }
}

/// The query as it is sent: without blanks and line breaks, which only make a template readable, and in the order of the
/// parameters' names. Differs from upstream: a semicolon, as in Graphite's tags, is part of a parameter, where upstream
/// drops the parameter.
fn parameters(query: &str) -> String {
    let query: String = query
        .chars()
        .filter(|character| !character.is_whitespace())
        .collect();
    let query = query.split_once('#').map_or(&*query, |(query, _)| query);
    let mut pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .filter(|(name, _)| name != "format")
        .collect();
    pairs.push(("format".to_owned(), "json".to_owned()));
    pairs.sort_by(|(name, _), (other, _)| name.cmp(other));
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// The value of `[value, timestamp]`; none where there was none.
fn value(point: &Json) -> Result<Option<f64>, String> {
    let Some([value, at]) = point.as_array().map(Vec::as_slice) else {
        return Err(format!("error unmarshaling data point: {point}"));
    };
    let is_time = match at {
        Json::Null | Json::Number(_) => true,
        Json::String(text) => text.parse::<i64>().is_ok(),
        Json::Bool(_) | Json::Array(_) | Json::Object(_) => false,
    };
    if !is_time {
        return Err(format!("error unmarshaling timestamp: {at}"));
    }
    match value {
        Json::Null => Ok(None),
        Json::Number(number) => Ok(number.as_f64()),
        Json::String(text) => parse_float(text)
            .map(Some)
            .map_err(|error| error.text("ParseFloat", text)),
        Json::Bool(_) | Json::Array(_) | Json::Object(_) => {
            Err(format!("error unmarshaling value: {value}"))
        }
    }
}
