//! Datadog: one series of its first API, or a scalar of its second (MP-401 to MP-406).

mod answer;
mod question;

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use jiff::Timestamp;
use tidegate_api::analysis::{DatadogMetric, Metric};

use super::{
    Answer, Certificate, Environment, Provider, Reach, Request, Subject, Turn, boxed, error,
    finding::{Server, judge},
};

/// The controller's environment may hold the keys (MP-402).
pub(super) const API_KEY: &str = "DD_API_KEY";
/// The second one.
pub(super) const APP_KEY: &str = "DD_APP_KEY";
/// The address that goes with them.
pub(super) const ADDRESS: &str = "DD_ADDRESS";

/// The Secret that is read if the metric names none.
const SECRET: &str = "datadog";
/// The address if nobody gives one.
const DEFAULT_ADDRESS: &str = "https://api.datadoghq.com";
/// What is said when there are no keys, before why.
const NO_CREDENTIALS: &str = "failed to find the credentials for datadog metrics provider";

/// The provider, if the metric names it.
pub(super) fn make(
    metric: &Metric,
    subject: &Subject,
    environment: &Environment,
) -> Option<Result<Box<dyn Provider>, String>> {
    let datadog = metric.provider.datadog.as_ref()?;
    Some(boxed(Datadog::new(metric, datadog, (subject, environment))))
}

struct Datadog {
    metric: Metric,
    given: DatadogMetric,
    keys: Keys,
    timeout: Duration,
    started: Timestamp,
}

/// Where the keys are.
enum Keys {
    /// In a Secret that is yet to be read: its namespace and name.
    In(String, String),
    /// Here.
    Known(Credentials),
}

/// What says who asks, and where. Not to be logged.
#[derive(Clone)]
struct Credentials {
    api_key: String,
    app_key: String,
    address: String,
}

impl Datadog {
    fn new(
        metric: &Metric,
        datadog: &DatadogMetric,
        around: (&Subject, &Environment),
    ) -> Result<Self, String> {
        Ok(Self {
            keys: keys(datadog, around)?,
            timeout: question::check(datadog)?,
            metric: metric.clone(),
            given: datadog.clone(),
            started: Timestamp::UNIX_EPOCH,
        })
    }

    fn ask(&self, credentials: &Credentials) -> Result<Turn, String> {
        let phrased = question::phrase(&self.given, &credentials.address, self.started)?;
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Ok(Turn::Ask(Box::new(Request {
            method: if phrased.body.is_empty() {
                Method::GET
            } else {
                Method::POST
            },
            url: phrased.url,
            headers: vec![
                header("Content-Type", "application/json"),
                header("DD-API-KEY", &credentials.api_key),
                header("DD-APPLICATION-KEY", &credentials.app_key),
            ],
            body: phrased.body,
            timeout: self.timeout,
            certificate: Certificate::Checked,
            reach: Reach::Anywhere,
        })))
    }

    fn read_secret(&mut self, answer: Answer, namespace: &str, name: &str) -> Result<Turn, String> {
        let values = answer.secret(name).map_err(|why| {
            format!("{NO_CREDENTIALS}: {why}; they are looked for in namespace {namespace}")
        })?;
        let value = |key: &str| values.get(key).cloned().unwrap_or_default();
        let credentials = Credentials {
            api_key: value("api-key"),
            app_key: value("app-key"),
            address: value("address"),
        };
        if !credentials.are_whole() {
            return Err(format!(
                "{NO_CREDENTIALS}: Secret {name} in namespace {namespace} needs the keys api-key and app-key"
            ));
        }
        self.keys = Keys::Known(credentials.clone());
        self.ask(&credentials)
    }
}

impl Credentials {
    fn are_whole(&self) -> bool {
        !self.api_key.is_empty() && !self.app_key.is_empty()
    }
}

impl Provider for Datadog {
    fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn start(&mut self, now: Timestamp) -> Turn {
        self.started = now;
        match &self.keys {
            Keys::In(namespace, name) => Turn::Secret {
                namespace: namespace.clone(),
                name: name.clone(),
            },
            Keys::Known(credentials) => match self.ask(credentials) {
                Ok(turn) => turn,
                Err(message) => error(now, now, message),
            },
        }
    }

    fn secrets(&self) -> Vec<String> {
        match &self.keys {
            Keys::In(..) => Vec::new(),
            Keys::Known(Credentials {
                api_key, app_key, ..
            }) => vec![api_key.clone(), app_key.clone()],
        }
    }

    fn read(&mut self, answer: Answer, now: Timestamp) -> Turn {
        let address = match &self.keys {
            Keys::In(namespace, name) => {
                let (namespace, name) = (namespace.clone(), name.clone());
                return match self.read_secret(answer, &namespace, &name) {
                    Ok(turn) => turn,
                    Err(message) => error(self.started, now, message),
                };
            }
            Keys::Known(credentials) => question::base(&credentials.address),
        };
        let server = Server {
            vendor: SECRET,
            address,
            advice: "check the address in the Secret or in DD_ADDRESS",
        };
        let found = answer
            .http()
            .map_err(|why| server.unreachable(&why))
            .and_then(|(status, body)| match question::version(&self.given) {
                question::Version::V1 => answer::first(status, &body),
                question::Version::V2 => answer::second(status, &body),
            });
        match found {
            Ok(found) => judge(&self.metric, found, self.started, now),
            Err(message) => error(self.started, now, message),
        }
    }
}

/// Keeps MP-402.
fn keys(
    datadog: &DatadogMetric,
    (subject, environment): (&Subject, &Environment),
) -> Result<Keys, String> {
    let reference = &datadog.secret_ref;
    if reference.namespaced {
        if reference.name.is_empty() {
            return Err("secret name is required for namespaced credentials".to_owned());
        }
        return Ok(Keys::In(subject.namespace.clone(), reference.name.clone()));
    }
    if !reference.name.is_empty() {
        return Ok(Keys::In(
            environment.namespace.clone(),
            reference.name.clone(),
        ));
    }
    // All three have to be set, the address may be empty.
    let credentials = Credentials {
        api_key: environment.variable(API_KEY).to_owned(),
        app_key: environment.variable(APP_KEY).to_owned(),
        address: environment.variable(ADDRESS).to_owned(),
    };
    if environment.variables.contains_key(ADDRESS) && credentials.are_whole() {
        return Ok(Keys::Known(credentials));
    }
    Ok(Keys::In(environment.namespace.clone(), SECRET.to_owned()))
}
