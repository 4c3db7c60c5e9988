//! Kayenta, which judges by itself: a judgement is ordered, and looked for until it is there (MP-510 to MP-512).

mod order;

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;
use tidegate_api::{
    analysis::{KayentaMetric, Measurement, Metric, phase},
    meta::Time,
};
use tidegate_gocompat::number::int_of;
use url::Url;

use super::{
    Answer, Certificate, Environment, Provider, Reach, Request, Subject, Turn, boxed,
    finding::Server,
};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long after the order, and after each look, comes the next look.
const PATIENCE: SignedDuration = SignedDuration::from_secs(15);
/// The measurement's metadata: the judgement that is looked for.
const EXECUTION: &str = "canaryExecutionId";

/// The provider, if the metric names it.
pub(super) fn make(
    metric: &Metric,
    subject: &Subject,
    _environment: &Environment,
) -> Option<Result<Box<dyn Provider>, String>> {
    let kayenta = metric.provider.kayenta.as_ref()?;
    Some(boxed(Ok(Kayenta {
        given: kayenta.clone(),
        interval: metric.interval.clone(),
        began: subject.began,
        server: Server {
            vendor: "kayenta",
            address: kayenta.address.trim_end_matches('/').to_owned(),
            advice: "check that provider.kayenta.address leads to a Kayenta server that is up",
        },
        measurement: Measurement::default(),
        order: Vec::new(),
        state: State::Configurations,
    })))
}

struct Kayenta {
    given: KayentaMetric,
    interval: String,
    began: Option<Timestamp>,
    server: Server,
    /// As far as it has come.
    measurement: Measurement,
    /// The body of the order.
    order: Vec<u8>,
    state: State,
}

/// What is waited for.
#[derive(Clone, Copy)]
enum State {
    /// The list of configurations.
    Configurations,
    /// The order's number.
    Order,
    /// The judgement.
    Score,
}

impl Kayenta {
    fn ask(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Turn, String> {
        let url = format!("{}/{path}", self.server.address);
        // What a template has escaped stays so.
        let url = Url::parse(&url).map_err(|error| self.server.unreachable(&error.to_string()))?;
        let headers = if body.is_empty() {
            Vec::new()
        } else {
            vec![("Content-Type".to_owned(), "application/json".to_owned())]
        };
        Ok(Turn::Ask(Box::new(Request {
            method,
            url: url.into(),
            headers,
            body,
            timeout: TIMEOUT,
            certificate: Certificate::Checked,
            reach: Reach::Anywhere,
        })))
    }

    /// Differs from upstream: the configuration is looked up in the account with which the order is carried out; upstream takes
    /// the account that stores results.
    fn order(&mut self, now: Timestamp) -> Result<Turn, String> {
        let began = self.began.unwrap_or(now);
        self.order = order::body(&self.given, &self.interval, (began, now))?;
        let KayentaMetric {
            application,
            configuration_account_name,
            ..
        } = &self.given;
        self.ask(
            Method::GET,
            &format!(
                "canaryConfig?application={application}&configurationAccountName={configuration_account_name}"
            ),
            Vec::new(),
        )
    }

    fn look(&mut self) -> Result<Turn, String> {
        self.state = State::Score;
        let execution = self.measurement.metadata.get(EXECUTION);
        let execution = execution.filter(|execution| !execution.is_empty());
        let execution = execution.ok_or("Invalid canaryExecutionId")?;
        self.ask(Method::GET, &format!("canary/{execution}"), Vec::new())
    }

    fn read_configurations(&mut self, answer: Answer) -> Result<Turn, String> {
        let configurations =
            self.json(answer, |status| format!("Invalid Response: HTTP {status}"))?;
        let configurations = configurations.as_array().into_iter().flatten();
        let wanted = &self.given.canary_config_name;
        let id = configurations
            .filter(|one| one["name"].as_str() == Some(wanted))
            .find_map(|one| one["id"].as_str())
            .ok_or("Canary config not found")?;
        let KayentaMetric {
            application,
            metrics_account_name,
            configuration_account_name,
            storage_account_name,
            ..
        } = &self.given;
        self.state = State::Order;
        self.ask(
            Method::POST,
            &format!(
                "canary/{id}?application={application}&metricsAccountName={metrics_account_name}&configurationAccountName={configuration_account_name}&storageAccountName={storage_account_name}"
            ),
            self.order.clone(),
        )
    }

    fn read_order(&mut self, answer: Answer, now: Timestamp) -> Result<Turn, String> {
        let reply = self.json(answer, |_| "Invalid Response".to_owned())?;
        let execution = match &reply[EXECUTION] {
            Json::String(text) => text.clone(),
            Json::Number(number) => number.to_string(),
            Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => String::new(),
        };
        if execution.is_empty() {
            return Err("Invalid canaryExecutionId".to_owned());
        }
        let metadata = &mut self.measurement.metadata;
        metadata.insert(EXECUTION.to_owned(), execution);
        Ok(self.later(now))
    }

    fn later(&self, now: Timestamp) -> Turn {
        let mut measurement = self.measurement.clone();
        phase::RUNNING.clone_into(&mut measurement.phase);
        measurement.resume_at = Some(Time::new(now + PATIENCE));
        Turn::Measured(Box::new(measurement))
    }

    fn read_score(&self, answer: Answer, now: Timestamp) -> Result<Turn, String> {
        let reply = self.json(answer, |_| "Invalid Response".to_owned())?;
        let complete = &reply["complete"];
        match complete.as_bool() {
            Some(true) => {}
            Some(false) => return Ok(self.later(now)),
            None if complete.is_null() => return Err("Missing Complete Status".to_owned()),
            None => return Err(format!("complete is no truth value: {complete}")),
        }
        let score = &reply["result"]["judgeResult"]["score"]["score"];
        let score = match score.as_f64() {
            Some(score) => int_of(score),
            None if score.is_null() => return Err("Missing Score".to_owned()),
            None => return Err(format!("score is no number: {score}")),
        };
        let threshold = &self.given.threshold;
        let phase = if score >= threshold.pass {
            phase::SUCCESSFUL
        } else if score >= threshold.marginal {
            phase::INCONCLUSIVE
        } else {
            phase::FAILED
        };
        let mut measurement = self.measurement.clone();
        phase.clone_into(&mut measurement.phase);
        measurement.value = score.to_string();
        measurement.finished_at = Some(Time::new(now));
        Ok(Turn::Measured(Box::new(measurement)))
    }

    /// The answer, if it is as it should be.
    fn json(&self, answer: Answer, refused: impl Fn(u16) -> String) -> Result<Json, String> {
        let (status, body) = answer.http().map_err(|why| self.server.unreachable(&why))?;
        if status != 200 {
            return Err(refused(status));
        }
        serde_json::from_slice(&body).map_err(|error| self.server.puzzling(error, &body))
    }

    /// A measurement that fails keeps what is known of it.
    fn or_error(&self, turn: Result<Turn, String>, now: Timestamp) -> Turn {
        turn.unwrap_or_else(|message| {
            let mut measurement = self.measurement.clone();
            phase::ERROR.clone_into(&mut measurement.phase);
            measurement.message = message;
            measurement
                .finished_at
                .get_or_insert_with(|| Time::new(now));
            Turn::Measured(Box::new(measurement))
        })
    }
}

impl Provider for Kayenta {
    fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn start(&mut self, now: Timestamp) -> Turn {
        self.measurement.started_at = Some(Time::new(now));
        let turn = self.order(now);
        self.or_error(turn, now)
    }

    fn resume(&mut self, unfinished: &Measurement, now: Timestamp) -> Turn {
        self.measurement = unfinished.clone();
        let turn = self.look();
        self.or_error(turn, now)
    }

    fn read(&mut self, answer: Answer, now: Timestamp) -> Turn {
        let turn = match self.state {
            State::Configurations => self.read_configurations(answer),
            State::Order => self.read_order(answer, now),
            State::Score => self.read_score(answer, now),
        };
        self.or_error(turn, now)
    }
}
