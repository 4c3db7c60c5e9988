//! The way of one measurement through its provider: begun, gone on with, or ended.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tidegate_api::analysis::{AnalysisRun, Measurement, Metric};
use tidegate_core::analysis_run::{Collect, Ending, Masks, Measure};

use super::{Answer, Environment, Provider, Request, Subject, Turn, basic, error, provider};

/// What is shorter than this, in bytes, and is sent to say who asks, is a word rather than a secret.
const SHORTEST_SECRET: usize = 8;

/// A measurement under way.
pub struct Course {
    provider: Result<Box<dyn Provider>, String>,
    unfinished: Option<Measurement>,
    ending: Ending,
    /// What was sent to say who asks.
    sent: Vec<String>,
}

impl Course {
    /// The measurement that this metric of the run is due for.
    pub fn new(run: &AnalysisRun, measure: Measure, environment: &Environment) -> Self {
        Self {
            provider: made(run, &measure.metric, environment),
            unfinished: measure.unfinished,
            ending: measure.ending,
            sent: Vec::new(),
        }
    }

    /// Removes what measurements of a metric that are no longer kept have left behind; the way begins
    /// with the second part.
    pub fn collecting(
        run: &AnalysisRun,
        collect: &Collect,
        environment: &Environment,
    ) -> (Self, Turn) {
        let mut provider = made(run, &collect.metric, environment);
        let turn = provider
            .as_mut()
            .map_or(Turn::Collected, |provider| provider.collect(collect.keep));
        let course = Self {
            provider,
            unfinished: None,
            ending: Ending::No,
            sent: Vec::new(),
        };
        (course, turn)
    }

    /// What comes first.
    pub fn begin(&mut self, now: Timestamp) -> Turn {
        let turn = self.first(now);
        self.masked(turn)
    }

    fn first(&mut self, now: Timestamp) -> Turn {
        match (&mut self.provider, &self.unfinished, self.ending) {
            (Ok(provider), None, _) => provider.start(now),
            (Ok(provider), Some(unfinished), Ending::No) => provider.resume(unfinished, now),
            (Ok(provider), Some(unfinished), Ending::Yes) => provider.terminate(unfinished, now),
            // There is nobody to end it.
            (Err(_), Some(unfinished), Ending::Yes) => Turn::Measured(Box::new(unfinished.clone())),
            (Err(sentence), _, _) => error(now, now, sentence.clone()),
        }
    }

    /// What comes after this answer.
    pub fn read(&mut self, answer: Answer, now: Timestamp) -> Turn {
        let turn = match &mut self.provider {
            Ok(provider) => provider.read(answer, now),
            Err(sentence) => error(now, now, sentence.clone()),
        };
        self.masked(turn)
    }

    /// Servers may quote what they were sent (MP-004).
    fn masked(&mut self, turn: Turn) -> Turn {
        let (mut measured, provider) = match (turn, &self.provider) {
            (Turn::Ask(request), _) => {
                self.sent.extend(signs(&request));
                return Turn::Ask(request);
            }
            (Turn::Measured(measured), Ok(provider)) => (measured, provider),
            (turn, _) => return turn,
        };
        let secrets = provider.secrets().into_iter();
        let masks = Masks::of(secrets.chain(self.sent.iter().cloned()));
        let texts = measured.metadata.values_mut();
        for text in texts.chain([&mut measured.message, &mut measured.value]) {
            *text = masks.hide(text);
        }
        Turn::Measured(measured)
    }

    /// What the provider says about the metric as a whole.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        self.provider
            .as_ref()
            .map_or_else(|_| BTreeMap::new(), |provider| provider.metadata())
    }
}

/// By what a request says who asks.
fn signs(request: &Request) -> impl Iterator<Item = String> {
    let headers = request.headers.iter();
    let told = headers
        .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        // `Basic` or `Bearer` stand before it.
        .map(|(_, value)| value.split_once(' ').map_or(&**value, |(_, code)| code))
        .map(str::to_owned);
    told.chain(basic::code_of(&request.url))
        .filter(|told| told.len() >= SHORTEST_SECRET)
}

/// The provider of a metric of the run, for its next measurement.
fn made(
    run: &AnalysisRun,
    metric: &Metric,
    environment: &Environment,
) -> Result<Box<dyn Provider>, String> {
    let taken = run
        .status
        .metric_results
        .iter()
        .find(|result| result.name == metric.name)
        .map_or(0, |result| result.count.saturating_add(result.error));
    let subject = Subject {
        namespace: run.metadata.namespace.clone(),
        name: run.metadata.name.clone(),
        uid: run.metadata.uid.clone(),
        number: taken.saturating_add(1),
        began: run.status.started_at.as_ref().map(|at| at.timestamp()),
    };
    provider(metric, &subject, environment)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn course(provider: &serde_json::Value, ending: Ending) -> Course {
        let metric = serde_json::from_value(json!({"name": "m", "provider": provider})).unwrap();
        let unfinished = Measurement {
            phase: "Running".to_owned(),
            value: "half".to_owned(),
            ..Measurement::default()
        };
        let measure = Measure {
            metric,
            unfinished: Some(unfinished),
            ending,
        };
        Course::new(&AnalysisRun::default(), measure, &Environment::default())
    }

    fn prometheus() -> serde_json::Value {
        json!({"prometheus": {"address": "http://p", "query": "up"}})
    }

    #[test]
    fn what_is_unfinished_and_cannot_be_gone_on_with_is_measured_anew() {
        let turn = course(&prometheus(), Ending::No).begin(Timestamp::UNIX_EPOCH);
        assert!(matches!(turn, Turn::Ask(_)), "MP-011: {turn:?}");
    }

    /// What a server says that sends back what it got, after a token if it is asked for one; at the end
    /// beyond what is quoted of an answer.
    fn echoed(provider: &serde_json::Value) -> Measurement {
        let metric = serde_json::from_value(json!({"name": "m", "provider": provider})).unwrap();
        let measure = Measure {
            metric,
            unfinished: None,
            ending: Ending::No,
        };
        let run = AnalysisRun::default();
        let mut course = Course::new(&run, measure, &Environment::default());
        let mut turn = course.begin(Timestamp::UNIX_EPOCH);
        loop {
            let body = match turn {
                Turn::Ask(request) if request.url == "http://id/" => {
                    r#"{"access_token": "t0ken-4711"}"#.to_owned()
                }
                Turn::Ask(request) => {
                    let sent = basic::code_of(&request.url).unwrap_or_default();
                    let filling = "x".repeat(186 - sent.len());
                    let mut headers = request.headers.iter();
                    let (_, sign) = headers
                        .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
                        .unwrap();
                    format!("{sent} {filling} {sign}")
                }
                Turn::Measured(measured) => return *measured,
                turn @ (Turn::Secret { .. }
                | Turn::File(_)
                | Turn::Cluster(_)
                | Turn::Later(_)
                | Turn::Collected) => panic!("a server is asked: {turn:?}"),
            };
            let body = body.into_bytes();
            let status = 200;
            turn = course.read(Answer::Response { status, body }, Timestamp::UNIX_EPOCH);
        }
    }

    /// Keeps MP-004.
    #[test]
    fn what_says_who_asks_is_masked_whole_or_cut() {
        let oauth2 = json!({"tokenUrl": "http://id/", "clientId": "a", "clientSecret": "b"});
        let web =
            json!({"web": {"url": "http://user:secret@w", "authentication": {"oauth2": oauth2}}});
        let value = echoed(&web).value;
        assert!(value.contains("Bearer *****"), "{value}");
        assert!(value.starts_with("***** "), "{value}");
        let by_token =
            json!({"address": "http://p", "query": "up", "authentication": {"oauth2": oauth2}});
        let by_password = json!({"address": "http://p", "query": "up",
            "authentication": {"basicAuth": {"username": "user", "password": "secret"}}});
        for prometheus in [by_token, by_password] {
            let message = echoed(&json!({"prometheus": prometheus})).message;
            assert!(message.contains("*****…"), "{message}");
        }
    }

    #[test]
    fn what_is_unfinished_when_its_run_ends_stays_as_it_is() {
        for provider in [prometheus(), json!({})] {
            let turn = course(&provider, Ending::Yes).begin(Timestamp::UNIX_EPOCH);
            let Turn::Measured(measured) = turn else {
                panic!("MP-011, {provider}: {turn:?}");
            };
            assert_eq!(measured.value, "half", "MP-011, {provider}");
        }
    }
}
