//! Amazon `CloudWatch` (MP-505, MP-506).

mod question;
mod results;

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use jiff::Timestamp;
use serde_json::Value as Json;
use tidegate_api::analysis::{CloudWatchMetric, Metric};
use tidegate_gocompat::duration;

use super::{
    Answer, Certificate, Environment, Provider, Reach, Request, Subject, Turn,
    amazon::{self, Chain, Identity, Step, Wanted},
    boxed, error,
    finding::{excerpt, judge},
};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The range of time if the metric gives none.
const INTERVAL: &str = "5m";
/// What is asked of the service, in its JSON protocol.
const TARGET: &str = "GraniteServiceVersion20100801.GetMetricData";

/// The provider, if the metric names it.
pub(super) fn make(
    metric: &Metric,
    _subject: &Subject,
    environment: &Environment,
) -> Option<Result<Box<dyn Provider>, String>> {
    let cloudwatch = metric.provider.cloud_watch.as_ref()?;
    Some(boxed(CloudWatch::new(metric, cloudwatch, environment)))
}

struct CloudWatch {
    metric: Metric,
    given: CloudWatchMetric,
    interval: duration::Duration,
    environment: Environment,
    chain: Chain,
    state: State,
    started: Timestamp,
}

/// What is waited for.
enum State {
    /// Who asks.
    Identity,
    /// The values.
    Values,
}

impl CloudWatch {
    fn new(
        metric: &Metric,
        cloudwatch: &CloudWatchMetric,
        environment: &Environment,
    ) -> Result<Self, String> {
        let interval = match cloudwatch.interval.as_str() {
            "" => INTERVAL,
            interval => interval,
        };
        Ok(Self {
            metric: metric.clone(),
            given: cloudwatch.clone(),
            interval: duration::parse(interval)
                .map_err(|error| format!("provider.cloudWatch.interval: {error}"))?,
            environment: environment.clone(),
            chain: Chain::new(environment, Wanted::default()),
            state: State::Identity,
            started: Timestamp::UNIX_EPOCH,
        })
    }

    fn step(&mut self, step: Result<Step, String>, now: Timestamp) -> Turn {
        let turn = step.and_then(|step| match step {
            Step::Turn(turn) => Ok(turn),
            Step::Known(identity) => self.ask(&identity, now),
        });
        turn.unwrap_or_else(|message| error(self.started, now, message))
    }

    fn ask(&mut self, identity: &Identity, now: Timestamp) -> Result<Turn, String> {
        self.state = State::Values;
        let Identity { keys, region } = identity;
        let place = (amazon::CLOUDWATCH_ENDPOINT, "monitoring");
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut request = Request {
            method: Method::POST,
            url: amazon::endpoint(&self.environment, place, region),
            headers: vec![
                header("Content-Type", "application/x-amz-json-1.0"),
                header("X-Amz-Target", TARGET),
            ],
            body: question::body(&self.given, self.interval, now)?,
            timeout: TIMEOUT,
            certificate: Certificate::Checked,
            reach: Reach::Anywhere,
        };
        amazon::sign(&mut request, keys, (region, "monitoring"), now)?;
        Ok(Turn::Ask(Box::new(request)))
    }
}

impl Provider for CloudWatch {
    fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn start(&mut self, now: Timestamp) -> Turn {
        self.started = now;
        let step = self.chain.begin(now);
        self.step(step, now)
    }

    fn secrets(&self) -> Vec<String> {
        self.chain.secrets()
    }

    fn read(&mut self, answer: Answer, now: Timestamp) -> Turn {
        if let State::Identity = self.state {
            let step = self.chain.read(answer, now);
            return self.step(step, now);
        }
        let found = answer
            .http()
            .map_err(|why| failed(&format!("cloudwatch cannot be reached: {why}")))
            .and_then(|(status, body)| reply(status, &body))
            .and_then(|reply| results::read(&reply));
        match found {
            Ok(found) => judge(&self.metric, found, self.started, now),
            Err(message) => error(self.started, now, message),
        }
    }
}

/// As Amazon's library begins its sentences.
fn failed(why: &str) -> String {
    format!("operation error CloudWatch: GetMetricData, {why}")
}

fn reply(status: u16, body: &[u8]) -> Result<Json, String> {
    let json: Result<Json, _> = serde_json::from_slice(body);
    if status == 200 {
        return json.map_err(|error| {
            failed(&format!(
                "cloudwatch gave no valid answer ({error}): {}",
                excerpt(body)
            ))
        });
    }
    let json = json.unwrap_or_default();
    let kind = json["__type"].as_str().unwrap_or_default();
    let kind = kind.rsplit('#').next().unwrap_or_default();
    let message = [&json["message"], &json["Message"]];
    let message = message.into_iter().find_map(Json::as_str);
    let told = match (kind, message) {
        ("", None) => excerpt(body),
        (kind, None) => format!("api error {kind}"),
        (kind, Some(message)) => format!("api error {kind}: {}", excerpt(message.as_bytes())),
    };
    Err(failed(&format!(
        "https response error StatusCode: {status}, {told}"
    )))
}
