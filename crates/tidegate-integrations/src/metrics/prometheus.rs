//! Prometheus' HTTP API (MP-101 to MP-108).

mod reply;

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use jiff::Timestamp;
use tidegate_api::{
    analysis::{Measurement, Metric, PrometheusMetric, Sigv4Config},
    meta::Time,
};
use tidegate_gocompat::{duration, expr};
use url::Url;

use super::{
    Answer, Certificate, Environment, PROMETHEUS_ADDRESS, Provider, Reach, Request, Subject, Turn,
    amazon::{self, Chain, Identity, Step, Wanted},
    basic::{self, without_credentials},
    boxed, condition, error,
    finding::{Server, excerpt},
    measured, oauth2,
};
use reply::Reply;

/// How long an answer may take unless the metric says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The metric's metadata: the query with its arguments.
const RESOLVED_QUERY: &str = "ResolvedPrometheusQuery";
/// The header that says who asks.
const AUTHORIZATION: &str = "authorization";
/// What to do about a server that is none.
const ADVICE: &str =
    "check that provider.prometheus.address leads to a Prometheus server that is up";

/// The provider, if the metric names it.
pub(super) fn make(
    metric: &Metric,
    _subject: &Subject,
    environment: &Environment,
) -> Option<Result<Box<dyn Provider>, String>> {
    let prometheus = metric.provider.prometheus.as_ref()?;
    Some(boxed(Prometheus::new(metric, prometheus, environment)))
}

struct Prometheus {
    metric: Metric,
    query: PrometheusMetric,
    address: Url,
    timeout: Duration,
    headers: Vec<(String, String)>,
    client: Option<oauth2::Client>,
    token: Option<String>,
    /// For Amazon's servers, who asks.
    signer: Signer,
    started: Timestamp,
    tried: Method,
    form: String,
    path: &'static str,
}

/// Who signs requests.
enum Signer {
    Nobody,
    /// This is being found out.
    Wanted(Box<Chain>),
    /// This one does. What nobody may see of it is kept by the way to it.
    Known(Box<Identity>, Vec<String>),
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
        let address = address(&query.address, environment)?;
        Ok(Self {
            signer: signer(query, &address, environment)?,
            address,
            headers: headers(query)?,
            client: oauth2::Client::of(
                &query.authentication.oauth2,
                timeout,
                Certificate::from(query.insecure),
            )?,
            token: None,
            metric: metric.clone(),
            query: query.clone(),
            timeout,
            started: Timestamp::UNIX_EPOCH,
            tried: Method::POST,
            form: String::new(),
            path: "query",
        })
    }

    /// Where it is asked. What the address says behind a question mark stays there.
    fn url(&self) -> Url {
        let mut url = self.address.clone();
        let path = url.path().trim_end_matches('/');
        url.set_path(&format!("{path}/api/v1/{}", self.path));
        url
    }

    /// As sentences about it name it.
    fn server(&self) -> Server {
        Server {
            vendor: "prometheus",
            address: self.address.as_str().trim_end_matches('/').to_owned(),
            advice: ADVICE,
        }
    }

    fn request(&self, now: Timestamp) -> Turn {
        let mut url = self.url();
        let mut headers = self.headers.clone();
        let is_own = self
            .query
            .headers
            .iter()
            .any(|header| is_same(&header.key, AUTHORIZATION));
        if let Some(token) = self.token.as_ref().filter(|_| !is_own) {
            headers.retain(|(name, _)| !is_same(name, AUTHORIZATION));
            headers.push((AUTHORIZATION.to_owned(), token.clone()));
        }
        let body = if self.tried == Method::POST {
            let form = "application/x-www-form-urlencoded".to_owned();
            if !headers
                .iter()
                .any(|(name, _)| is_same(name, "content-type"))
            {
                headers.push(("content-type".to_owned(), form));
            }
            self.form.clone().into_bytes()
        } else {
            let given = url.query().filter(|given| !given.is_empty());
            let query = given.map(|given| format!("{given}&{}", self.form));
            url.set_query(Some(query.as_ref().unwrap_or(&self.form)));
            Vec::new()
        };
        let mut request = Request {
            method: self.tried.clone(),
            url: url.into(),
            headers,
            body,
            timeout: self.timeout,
            certificate: Certificate::from(self.query.insecure),
            reach: Reach::Anywhere,
        };
        if let (Signer::Known(identity, _), false) = (&self.signer, is_own) {
            // The signature goes over a password and a token.
            request
                .headers
                .retain(|(name, _)| !is_same(name, AUTHORIZATION));
            // It reads a blank in the address as what this is, not as a plus.
            request.url = request.url.replace('+', "%20");
            let Identity { keys, region } = identity.as_ref();
            if let Err(why) = amazon::sign(&mut request, keys, (region, "aps"), now) {
                return error(self.started, now, why);
            }
        }
        Turn::Ask(Box::new(request))
    }

    /// On the way to who signs.
    fn step(&mut self, step: Result<Step, String>, now: Timestamp) -> Turn {
        match step {
            Ok(Step::Turn(turn)) => turn,
            Ok(Step::Known(identity)) => {
                let secrets = self.secrets();
                self.signer = Signer::Known(identity, secrets);
                self.request(now)
            }
            Err(why) => {
                let message = format!("could not get SigV4 credentials: {why}");
                error(self.started, now, message)
            }
        }
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
        let reply: Reply =
            serde_json::from_slice(body).map_err(|error| self.server().puzzling(error, body))?;
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
                if let Signer::Wanted(chain) = &mut self.signer {
                    let step = chain.begin(now);
                    return self.step(step, now);
                }
                match &self.client {
                    // Each measurement has a token of its own.
                    Some(client) => Turn::Ask(Box::new(client.request())),
                    None => self.request(now),
                }
            }
            Err(message) => error(now, now, message),
        }
    }

    fn secrets(&self) -> Vec<String> {
        match &self.signer {
            Signer::Nobody => Vec::new(),
            Signer::Wanted(chain) => chain.secrets(),
            Signer::Known(_, secrets) => secrets.clone(),
        }
    }

    fn read(&mut self, answer: Answer, now: Timestamp) -> Turn {
        if let Signer::Wanted(chain) = &mut self.signer {
            let step = chain.read(answer, now);
            return self.step(step, now);
        }
        if let (Signer::Nobody, None, Some(client)) = (&self.signer, &self.token, &mut self.client)
        {
            return match client.read(answer) {
                oauth2::Step::Ask(request) => Turn::Ask(request),
                oauth2::Step::Token(token) => {
                    self.token = Some(token);
                    self.request(now)
                }
                oauth2::Step::Failed(why) => {
                    let url = without_credentials(self.url().as_str());
                    error(self.started, now, format!("Post \"{url}\": {why}"))
                }
            };
        }
        let (status, body) = match answer.http() {
            Ok(answer) => answer,
            Err(why) => {
                return error(self.started, now, self.server().unreachable(&why));
            }
        };
        // As Prometheus' own client: something in between may let only GET through.
        if matches!(status, 403 | 405 | 501) && self.tried == Method::POST {
            self.tried = Method::GET;
            return self.request(now);
        }
        let is_reply = serde_json::from_slice::<Reply>(&body).is_ok();
        if !is_reply && !(200..300).contains(&status) {
            let kind = if status >= 500 { "server" } else { "client" };
            let message = format!("{kind}_error: {kind} error: {status}: {}", excerpt(&body));
            return error(self.started, now, message);
        }
        measured(self.judge(&body, now), self.started, now)
    }
}

/// Keeps MP-102.
fn address(given: &str, environment: &Environment) -> Result<Url, String> {
    let address = if given.is_empty() {
        environment.variable(PROMETHEUS_ADDRESS)
    } else {
        given
    };
    if address.is_empty() {
        return Err("prometheus address is not configured".to_owned());
    }
    let parsed = Url::parse(address).ok();
    let mut url = parsed
        .filter(|url| url.host_str().is_some_and(|host| !host.is_empty()))
        .ok_or("prometheus address is not is url format")?;
    url.set_fragment(None);
    Ok(url)
}

/// Only requests to Amazon's servers are signed, and only if the metric says anything about it (MP-106).
fn signer(
    query: &PrometheusMetric,
    address: &Url,
    environment: &Environment,
) -> Result<Signer, String> {
    let sigv4 = &query.authentication.sigv4;
    if *sigv4 == Sigv4Config::default() || !address.as_str().contains("aps-workspaces") {
        return Ok(Signer::Nobody);
    }
    if !address.host_str().is_some_and(amazon::is_amazons) {
        return Err("authentication.sigv4 signs for hosts of Amazon's only".to_owned());
    }
    let wanted = Wanted {
        region: sigv4.region.clone(),
        profile: sigv4.profile.clone(),
        role_arn: sigv4.role_arn.clone(),
    };
    Ok(Signer::Wanted(Box::new(Chain::new(environment, wanted))))
}

/// Keeps MP-106.
fn headers(query: &PrometheusMetric) -> Result<Vec<(String, String)>, String> {
    let authentication = &query.authentication;
    let mut headers: Vec<(String, String)> = Vec::new();
    for header in &query.headers {
        // The last one of a name is meant, as with Go's `Set`.
        headers.retain(|(name, _)| !is_same(name, &header.key));
        headers.push((header.key.clone(), header.value.clone()));
    }
    let pair = &authentication.basic_auth;
    let missing = |name: &str| {
        Err(format!(
            "missing mandatory parameter in metric for basic auth setup: {name}"
        ))
    };
    match (pair.username.is_empty(), pair.password.is_empty()) {
        (true, true) => {}
        (true, false) => return missing("username"),
        (false, true) => return missing("password"),
        (false, false) => {
            let code = basic::code(&pair.username, &pair.password);
            // A header of the user's own goes over it.
            if !headers
                .iter()
                .any(|(known, _)| is_same(known, AUTHORIZATION))
            {
                headers.push((AUTHORIZATION.to_owned(), format!("Basic {code}")));
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

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

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
        let mut provider = super::super::provider(
            &metric(prometheus),
            &Subject::default(),
            &Environment::default(),
        )
        .unwrap();
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
    fn a_token_is_fetched_and_goes_over_a_password_but_not_over_a_header() {
        let asked = |headers: Json| {
            let (mut provider, turn) = start(&json!({"address": "http://p", "query": "up",
            "headers": headers,
            "authentication": {
                "basicAuth": {"username": "u", "password": "p"},
                "oauth2": {"tokenUrl": "http://id", "clientId": "a", "clientSecret": "b"},
            }}));
            let Turn::Ask(request) = turn else {
                panic!("a token is asked for");
            };
            assert_eq!(request.url, "http://id");
            let body = br#"{"access_token": "t"}"#.to_vec();
            let answer = Answer::Response { status: 200, body };
            let Turn::Ask(request) = provider.read(answer, Timestamp::UNIX_EPOCH) else {
                panic!("then the query is asked");
            };
            assert_eq!(request.url, "http://p/api/v1/query");
            let mut headers = request.headers.into_iter();
            headers.find(|(name, _)| is_same(name, AUTHORIZATION))
        };
        assert_eq!(asked(json!([])).unwrap().1, "Bearer t");
        let own = json!([{"key": "Authorization", "value": "mine"}]);
        assert_eq!(asked(own).unwrap().1, "mine");
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

    #[track_caller]
    fn check_by_get(address: &str, status: u16, expected: &str) {
        let (mut provider, _) = start(&json!({"address": address, "query": "up"}));
        let refused = || Answer::Response {
            status,
            body: Vec::new(),
        };
        let Turn::Ask(request) = provider.read(refused(), Timestamp::UNIX_EPOCH) else {
            panic!("it asks again");
        };
        assert_eq!((request.method, &*request.url), (Method::GET, expected));
        let turn = provider.read(refused(), Timestamp::UNIX_EPOCH);
        assert!(matches!(turn, Turn::Measured(_)), "once: {turn:?}");
    }

    /// Keeps MP-103.
    #[test]
    fn a_server_without_post_is_asked_again_by_get() {
        for status in [403, 405, 501] {
            check_by_get(
                "http://p",
                status,
                "http://p/api/v1/query?query=up&time=0.000",
            );
        }
    }

    /// Keeps MP-102.
    #[test]
    fn what_an_address_says_behind_a_question_mark_stays_there() {
        let (_, turn) = start(&json!({"address": "http://p/prom/?tenant=a#x", "query": "up"}));
        let Turn::Ask(request) = turn else {
            panic!("a query is asked");
        };
        assert_eq!(request.url, "http://p/prom/api/v1/query?tenant=a");
        check_by_get(
            "http://p?tenant=a",
            405,
            "http://p/api/v1/query?tenant=a&query=up&time=0.000",
        );
    }

    #[test]
    fn nobody_sees_the_password_of_an_address() {
        let oauth2 = json!({"tokenUrl": "http://a:hush@id", "clientId": "a", "clientSecret": "b"});
        let plain = json!({"address": "http://u:hush@p", "query": "up"});
        let mut by_token = plain.clone();
        by_token["authentication"] = json!({"oauth2": oauth2});
        let refused = || Answer::NoAnswer("connection refused".to_owned());
        let garbage = || Answer::Response {
            status: 200,
            body: b"<html>".to_vec(),
        };
        for (prometheus, answer) in [
            (&plain, refused()),
            (&plain, garbage()),
            (&by_token, refused()),
        ] {
            let (mut provider, _) = start(prometheus);
            let Turn::Measured(measured) = provider.read(answer, Timestamp::UNIX_EPOCH) else {
                panic!("an answer ends the measurement");
            };
            let message = measured.message;
            assert!(message.contains("http://p"), "{message}");
            assert!(!message.contains("hush"), "{message}");
        }
    }

    #[test]
    fn a_metric_that_cannot_be_asked_says_why() {
        let refused = |prometheus: Json| {
            super::super::provider(
                &metric(&prometheus),
                &Subject::default(),
                &Environment::default(),
            )
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
