//! Prometheus' HTTP API (MP-101 to MP-108).

use std::{collections::BTreeMap, time::Duration};

use base64::Engine;
use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;
use tidegate_api::{
    analysis::{Measurement, Metric, PrometheusMetric},
    meta::Time,
};
use tidegate_gocompat::{
    duration,
    expr::{self, Value},
};

use super::{Answer, Certificate, Environment, Provider, Request, Turn, condition, error};

/// How long an answer may take unless the metric says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The metric's metadata: the query with its arguments.
const RESOLVED_QUERY: &str = "ResolvedPrometheusQuery";
/// What to do about a server that is none.
const ADVICE: &str =
    "check that provider.prometheus.address leads to a Prometheus server that is up";
/// How much of an answer that cannot be read is shown.
const EXCERPT: usize = 200;

/// The provider, if the metric names it.
pub(super) fn make(
    metric: &Metric,
    environment: &Environment,
) -> Option<Result<Box<dyn Provider>, String>> {
    let prometheus = metric.provider.prometheus.as_ref()?;
    Some(
        Prometheus::new(metric, prometheus, environment).map(|made| {
            let made: Box<dyn Provider> = Box::new(made);
            made
        }),
    )
}

struct Prometheus {
    metric: Metric,
    query: PrometheusMetric,
    address: String,
    timeout: Duration,
    headers: Vec<(String, String)>,
    started: Timestamp,
    tried: Method,
    form: String,
    path: &'static str,
}

impl Prometheus {
    fn new(
        metric: &Metric,
        query: &PrometheusMetric,
        environment: &Environment,
    ) -> Result<Self, String> {
        let timeout = match query.timeout {
            None => TIMEOUT,
            Some(seconds) => u64::try_from(seconds)
                .map(Duration::from_secs)
                .map_err(|_| "prometheus timeout should not be negative".to_owned())?,
        };
        Ok(Self {
            address: address(&query.address, environment)?,
            headers: headers(query)?,
            metric: metric.clone(),
            query: query.clone(),
            timeout,
            started: Timestamp::UNIX_EPOCH,
            tried: Method::POST,
            form: String::new(),
            path: "query",
        })
    }

    fn request(&self) -> Turn {
        let url = format!("{}/api/v1/{}", self.address, self.path);
        let mut headers = self.headers.clone();
        let (url, body) = if self.tried == Method::POST {
            let form = "application/x-www-form-urlencoded".to_owned();
            if !headers
                .iter()
                .any(|(name, _)| is_same(name, "content-type"))
            {
                headers.push(("content-type".to_owned(), form));
            }
            (url, self.form.clone().into_bytes())
        } else {
            (format!("{url}?{}", self.form), Vec::new())
        };
        Turn::Ask(Box::new(Request {
            method: self.tried.clone(),
            url,
            headers,
            body,
            timeout: self.timeout,
            certificate: if self.query.insecure {
                Certificate::Ignored
            } else {
                Certificate::Checked
            },
        }))
    }

    /// The parameters of the request.
    fn parameters(&mut self, now: Timestamp) -> Result<String, String> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("query", &self.query.query);
        match &self.query.range_query {
            None => {
                form.append_pair("time", &unix(now));
            }
            Some(range) => {
                self.path = "query_range";
                let instant = |text: &str, name: &str| {
                    expr::eval_time(text, now)
                        .map_err(|error| {
                            format!("failed to parse rangeQuery.{name} as time: {error}")
                        })
                        .and_then(|time| {
                            time.to_timestamp().map(unix).ok_or_else(|| {
                                format!("rangeQuery.{name} lies outside of all years")
                            })
                        })
                };
                form.append_pair("start", &instant(&range.start, "start")?);
                form.append_pair("end", &instant(&range.end, "end")?);
                let step = duration::parse(&range.step).map_err(|error| {
                    format!("failed to parse rangeQuery.step as duration: {error}")
                })?;
                form.append_pair("step", &format!("{}", step.seconds()));
            }
        }
        Ok(form.finish())
    }

    fn judge(&self, body: &[u8], now: Timestamp) -> Result<Measurement, String> {
        let reply: Reply = serde_json::from_slice(body).map_err(|error| {
            format!(
                "prometheus at {} gave no valid answer ({error}): {}; {ADVICE}",
                self.address,
                excerpt(body)
            )
        })?;
        if reply.status != "success" {
            return Err(format!("{}: {}", reply.error_type, reply.error));
        }
        let (value, text) = reply.data.value()?;
        let phase = condition::evaluate(&self.metric, &value, now);
        let mut measurement = Measurement {
            value: text,
            started_at: Some(Time::new(self.started)),
            finished_at: Some(Time::new(now)),
            ..Measurement::default()
        };
        match phase {
            Ok(phase) => phase.clone_into(&mut measurement.phase),
            Err(message) => return Err(message),
        }
        if !reply.warnings.is_empty() {
            let quoted: Vec<String> = reply
                .warnings
                .iter()
                .map(|warning| format!("\"{warning}\""))
                .collect();
            let warnings = quoted.join(", ");
            measurement.metadata.insert("warnings".to_owned(), warnings);
        }
        Ok(measurement)
    }
}

impl Provider for Prometheus {
    fn metadata(&self) -> BTreeMap<String, String> {
        let query = self.query.query.clone();
        if query.is_empty() {
            return BTreeMap::new();
        }
        BTreeMap::from([(RESOLVED_QUERY.to_owned(), query)])
    }

    fn start(&mut self, now: Timestamp) -> Turn {
        self.started = now;
        match self.parameters(now) {
            Ok(form) => {
                self.form = form;
                self.request()
            }
            Err(message) => error(now, now, message),
        }
    }

    fn read(&mut self, answer: Answer, now: Timestamp) -> Turn {
        let (status, body) = match answer {
            Answer::NoAnswer(why) => {
                let address = &self.address;
                let message = format!("prometheus at {address} cannot be reached: {why}; {ADVICE}");
                return error(self.started, now, message);
            }
            Answer::Response { status, body } => (status, body),
        };
        // Servers that do not take POST are asked again (MP-103).
        if matches!(status, 405 | 501) && self.tried == Method::POST {
            self.tried = Method::GET;
            return self.request();
        }
        let is_reply = serde_json::from_slice::<Reply>(&body).is_ok();
        if !is_reply && !(200..300).contains(&status) {
            let kind = if status >= 500 { "server" } else { "client" };
            let message = format!("{kind}_error: {kind} error: {status}: {}", excerpt(&body));
            return error(self.started, now, message);
        }
        match self.judge(&body, now) {
            Ok(measurement) => Turn::Measured(Box::new(measurement)),
            Err(message) => error(self.started, now, message),
        }
    }
}

/// Keeps MP-102.
fn address(given: &str, environment: &Environment) -> Result<String, String> {
    let address = if given.is_empty() {
        &environment.prometheus_address
    } else {
        given
    };
    if address.is_empty() {
        return Err("prometheus address is not configured".to_owned());
    }
    let parsed = url::Url::parse(address).ok();
    if parsed.is_none_or(|url| url.host_str().is_none_or(str::is_empty)) {
        return Err("prometheus address is not is url format".to_owned());
    }
    Ok(address.trim_end_matches('/').to_owned())
}

/// Keeps MP-106, but for the two ways of signing in that come with the other providers.
fn headers(query: &PrometheusMetric) -> Result<Vec<(String, String)>, String> {
    let authentication = &query.authentication;
    if !authentication.oauth2.token_url.is_empty() {
        return Err(
            "authentication.oauth2 is not supported yet: use basicAuth or headers".to_owned(),
        );
    }
    let signs = authentication.sigv4 != tidegate_api::analysis::Sigv4Config::default();
    if signs && query.address.contains("aps-workspaces") {
        return Err(
            "authentication.sigv4 is not supported yet: use basicAuth or headers".to_owned(),
        );
    }
    let mut headers: Vec<(String, String)> = Vec::new();
    for header in &query.headers {
        // The last one of a name is meant, as with Go's `Set`.
        headers.retain(|(name, _)| !is_same(name, &header.key));
        headers.push((header.key.clone(), header.value.clone()));
    }
    let basic = &authentication.basic_auth;
    let missing = |name: &str| {
        Err(format!(
            "missing mandatory parameter in metric for basic auth setup: {name}"
        ))
    };
    match (basic.username.is_empty(), basic.password.is_empty()) {
        (true, true) => {}
        (true, false) => return missing("username"),
        (false, true) => return missing("password"),
        (false, false) => {
            let pair = format!("{}:{}", basic.username, basic.password);
            let code = base64::engine::general_purpose::STANDARD.encode(pair);
            let name = "authorization";
            // A header of the user's own goes over it.
            if !headers.iter().any(|(known, _)| is_same(known, name)) {
                headers.push((name.to_owned(), format!("Basic {code}")));
            }
        }
    }
    Ok(headers)
}

fn is_same(name: &str, other: &str) -> bool {
    name.eq_ignore_ascii_case(other)
}

/// Seconds since 1970, to the millisecond.
fn unix(at: Timestamp) -> String {
    let milliseconds = at.as_millisecond();
    let (whole, part) = (milliseconds.div_euclid(1000), milliseconds.rem_euclid(1000));
    format!("{whole}.{part:03}")
}

fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut short: String = text.chars().take(EXCERPT).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// What the server says. A member that is `null` counts as one that is not there, as for Go.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    status: String,
    #[serde(default, deserialize_with = "null_is_nothing")]
    data: Data,
    #[serde(default, deserialize_with = "null_is_nothing")]
    error_type: String,
    #[serde(default, deserialize_with = "null_is_nothing")]
    error: String,
    #[serde(default, deserialize_with = "null_is_nothing")]
    warnings: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Data {
    #[serde(deserialize_with = "null_is_nothing")]
    result_type: String,
    result: Json,
}

fn null_is_nothing<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl Data {
    /// The result as conditions see it, and as text. Keeps MP-107.
    fn value(&self) -> Result<(Value, String), String> {
        match self.result_type.as_str() {
            "scalar" => {
                let sample = sample(&self.result)?;
                Ok((Value::Float(sample), print(sample)))
            }
            "vector" => many(self.series().map(|series| sample(&series["value"]))),
            "matrix" => many(self.series().flat_map(|series| {
                series["values"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(sample)
            })),
            _ => Err("Prometheus metric type not supported".to_owned()),
        }
    }

    fn series(&self) -> impl Iterator<Item = &Json> {
        self.result.as_array().into_iter().flatten()
    }
}

fn many(samples: impl Iterator<Item = Result<f64, String>>) -> Result<(Value, String), String> {
    let samples: Vec<f64> = samples.collect::<Result<_, _>>()?;
    let texts: Vec<String> = samples.iter().copied().map(print).collect();
    Ok((Value::floats(samples), format!("[{}]", texts.join(","))))
}

/// `[1700000000.123, "0.5"]`.
fn sample(pair: &Json) -> Result<f64, String> {
    let text = pair[1]
        .as_str()
        .ok_or_else(|| format!("prometheus gave a sample that is none: {pair}"))?;
    match text {
        "NaN" => Ok(f64::NAN),
        "+Inf" | "Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        _ => text
            .parse()
            .map_err(|_| format!("prometheus gave a value that is no number: {text:?}")),
    }
}

/// A value as Prometheus' own libraries print it: no exponent.
fn print(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        format!("{value}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metric(prometheus: &Json) -> Metric {
        serde_json::from_value(json!({
            "name": "m",
            "successCondition": "result[0] >= 0.99",
            "provider": {"prometheus": prometheus},
        }))
        .unwrap()
    }

    fn start(prometheus: &Json) -> (Box<dyn Provider>, Turn) {
        let mut provider =
            super::super::provider(&metric(prometheus), &Environment::default()).unwrap();
        let turn = provider.start(Timestamp::UNIX_EPOCH);
        (provider, turn)
    }

    #[track_caller]
    fn check(status: u16, body: &str, expected: (&str, &str)) {
        let (mut provider, _) = start(&json!({"address": "http://p:9090", "query": "up"}));
        let answer = Answer::Response {
            status,
            body: body.as_bytes().to_vec(),
        };
        let Turn::Measured(measured) = provider.read(answer, Timestamp::UNIX_EPOCH) else {
            panic!("an answer ends the measurement");
        };
        let text = if measured.phase == "Error" {
            &measured.message
        } else {
            &measured.value
        };
        assert_eq!((measured.phase.as_str(), text.as_str()), expected);
    }

    #[test]
    fn a_query_is_posted_with_its_time() {
        let (_, turn) = start(&json!({"address": "http://p:9090/", "query": "up{a=\"b\"}",
            "headers": [{"key": "X-Scope", "value": "t"}],
            "authentication": {"basicAuth": {"username": "u", "password": "p"}}}));
        let Turn::Ask(request) = turn else {
            panic!("a query is asked");
        };
        assert_eq!(request.url, "http://p:9090/api/v1/query");
        assert_eq!(
            String::from_utf8(request.body).unwrap(),
            "query=up%7Ba%3D%22b%22%7D&time=0.000"
        );
        assert_eq!(request.headers[0], ("X-Scope".to_owned(), "t".to_owned()));
        assert_eq!(request.headers[1].1, "Basic dTpw");
    }

    #[test]
    fn a_header_of_the_users_own_goes_over_signing_in() {
        let (_, turn) = start(&json!({"address": "http://p", "query": "up",
            "headers": [
                {"key": "AUTHORIZATION", "value": "none"},
                {"key": "Authorization", "value": "Bearer t"},
            ],
            "authentication": {"basicAuth": {"username": "u", "password": "p"}}}));
        let Turn::Ask(request) = turn else {
            panic!("a query is asked");
        };
        let signs: Vec<_> = request
            .headers
            .iter()
            .filter(|(name, _)| is_same(name, "authorization"))
            .collect();
        assert_eq!(
            signs,
            [&("Authorization".to_owned(), "Bearer t".to_owned())]
        );
    }

    #[test]
    fn members_that_are_null_are_not_there() {
        check(
            200,
            r#"{"status":"success","warnings":null,"error":null,"errorType":null,"data":{"resultType":"vector","result":[{"value":[1,"1"]}]}}"#,
            ("Successful", "[1]"),
        );
        check(
            422,
            r#"{"status":"error","data":null,"errorType":"execution","error":"too many samples"}"#,
            ("Error", "execution: too many samples"),
        );
        check(
            200,
            r#"{"status":"success","data":null}"#,
            ("Error", "Prometheus metric type not supported"),
        );
    }

    #[test]
    fn a_range_is_evaluated() {
        let (_, turn) = start(&json!({"address": "http://p", "query": "up",
            "rangeQuery": {"start": "now() - duration(\"1m\")", "end": "now()", "step": "30s"}}));
        let Turn::Ask(request) = turn else {
            panic!("a query is asked");
        };
        assert_eq!(request.url, "http://p/api/v1/query_range");
        assert_eq!(
            String::from_utf8(request.body).unwrap(),
            "query=up&start=-60.000&end=0.000&step=30"
        );
    }

    #[test]
    fn vectors_scalars_and_matrices_are_read() {
        check(
            200,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"0.995"]}]}}"#,
            ("Successful", "[0.995]"),
        );
        check(
            200,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"NaN"]},{"value":[1,"2"]}]}}"#,
            ("Failed", "[NaN,2]"),
        );
        check(
            200,
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"values":[[1,"1"],[2,"2"]]}]}}"#,
            ("Successful", "[1,2]"),
        );
        check(
            200,
            r#"{"status":"success","data":{"resultType":"string","result":[1,"a"]}}"#,
            ("Error", "Prometheus metric type not supported"),
        );
    }

    #[test]
    fn what_prometheus_says_is_told() {
        check(
            400,
            r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#,
            ("Error", "bad_data: parse error"),
        );
        check(
            503,
            "busy",
            ("Error", "server_error: server error: 503: busy"),
        );
        check(
            200,
            r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#,
            (
                "Error",
                "could not evaluate successCondition \"result[0] >= 0.99\": metric result is nil or empty: no data returned from the metric provider",
            ),
        );
    }

    #[test]
    fn an_answer_that_is_none_names_the_server() {
        check(
            200,
            "<html>",
            (
                "Error",
                "prometheus at http://p:9090 gave no valid answer (expected value at line 1 column 1): <html>; check that provider.prometheus.address leads to a Prometheus server that is up",
            ),
        );
    }

    #[test]
    fn a_server_without_post_is_asked_again_by_get() {
        let (mut provider, _) = start(&json!({"address": "http://p", "query": "up"}));
        let refused = Answer::Response {
            status: 405,
            body: Vec::new(),
        };
        let Turn::Ask(request) = provider.read(refused, Timestamp::UNIX_EPOCH) else {
            panic!("it asks again");
        };
        assert_eq!(request.method, Method::GET);
        assert_eq!(request.url, "http://p/api/v1/query?query=up&time=0.000");
    }

    #[test]
    fn a_metric_that_cannot_be_asked_says_why() {
        let refused = |prometheus: Json| {
            super::super::provider(&metric(&prometheus), &Environment::default())
                .err()
                .unwrap()
        };
        assert_eq!(
            refused(json!({"query": "up"})),
            "prometheus address is not configured"
        );
        assert_eq!(
            refused(json!({"address": "p", "query": "up"})),
            "prometheus address is not is url format"
        );
        assert_eq!(
            refused(json!({"address": "http://p", "query": "up", "timeout": -1})),
            "prometheus timeout should not be negative"
        );
    }
}
