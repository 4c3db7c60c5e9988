//! Metric providers: each is one file that phrases requests and reads answers. Nothing here waits or
//! talks; the shell does.

mod amazon;
mod basic;
mod cloudwatch;
pub mod condition;
mod course;
mod datadog;
mod finding;
mod graphite;
mod influxdb;
pub mod job;
mod kayenta;
mod newrelic;
mod oauth2;
mod prometheus;
mod skywalking;
mod wavefront;
mod web;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::Value;
use tidegate_api::{
    analysis::{Measurement, Metric, phase},
    meta::Time,
};
use tidegate_core::{
    analysis_run::Secret,
    plan::{ObjectKey, Resource, Write},
    run::Failure,
};

pub use course::Course;

/// One measurement's way to its value.
pub trait Provider: Send {
    /// What the provider says about the metric as a whole.
    fn metadata(&self) -> BTreeMap<String, String>;
    /// Begins.
    fn start(&mut self, now: Timestamp) -> Turn;
    /// Goes on with a measurement that was begun earlier. Most providers are done at once; they measure
    /// anew, where upstream would leave the measurement unfinished (MP-011).
    fn resume(&mut self, _unfinished: &Measurement, now: Timestamp) -> Turn {
        self.start(now)
    }
    /// Ends a measurement that was begun earlier.
    fn terminate(&mut self, unfinished: &Measurement, _now: Timestamp) -> Turn {
        Turn::Measured(Box::new(unfinished.clone()))
    }
    /// What of its secrets nobody may see in what it says; [`Course`] takes it out.
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
    /// Removes what measurements have left behind, but for the newest ones that are kept (ANA-34). Few leave
    /// anything.
    fn collect(&mut self, _keep: usize) -> Turn {
        Turn::Collected
    }
    /// Goes on with an answer.
    fn read(&mut self, answer: Answer, now: Timestamp) -> Turn;
}

/// What a provider wants next.
#[derive(Debug)]
pub enum Turn {
    /// Send this; the answer is a `Response` or `NoAnswer`.
    Ask(Box<Request>),
    /// Read this Secret live; the answer is a `Secret`.
    Secret {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// Read this file of the controller's; the answer is a `File`.
    File(String),
    /// Ask the cluster in which Jobs run; the answer is `Cluster`.
    Cluster(Box<Call>),
    /// Done, or to be gone on with at the measurement's `resumeAt`.
    Measured(Box<Measurement>),
    /// Nobody can say now how the measurement stands: it is as before, and the pass is repeated.
    Later(Failure),
    /// What was left behind is removed, as far as it could be.
    Collected,
}

/// A request to a cluster's API server.
#[derive(Debug)]
pub enum Call {
    /// Reads one object.
    Get(ObjectKey),
    /// Reads all objects of a namespace with these labels.
    List {
        /// What kind of object.
        resource: Resource,
        /// The namespace.
        namespace: String,
        /// A label selector such as `a=b`.
        selector: String,
    },
    /// Writes one object.
    Write(Box<Write>),
}

/// An HTTP request. Headers may hold secrets: not to be logged.
#[derive(Clone, Debug)]
pub struct Request {
    /// GET, POST, ….
    pub method: http::Method,
    /// Where.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Vec<u8>,
    /// How long the whole exchange may take.
    pub timeout: Duration,
    /// Whether the server's certificate is checked.
    pub certificate: Certificate,
    /// Which addresses it may reach.
    pub reach: Reach,
}

/// Which addresses a request may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All that the controller's rules leave open: not those at which a cloud hands out credentials. This
    /// is for addresses that come from a metric.
    Anywhere,
    /// Those at which a cloud hands out credentials, too. This is for a provider's own code that asks for
    /// its credentials at an address that no metric has a say in, and whose answer no metric shows.
    Metadata,
}

/// Whether a server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// It is.
    Checked,
    /// The metric says `insecure: true`.
    Ignored,
}

impl From<bool> for Certificate {
    /// As `insecure` says.
    fn from(insecure: bool) -> Self {
        if insecure {
            Self::Ignored
        } else {
            Self::Checked
        }
    }
}

/// What came of a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The server answered.
    Response {
        /// HTTP status code.
        status: u16,
        /// The body, at most as long as the shell's limit.
        body: Vec<u8>,
    },
    /// It did not; the sentence says why.
    NoAnswer(String),
    /// What was read of a Secret, or why nobody can say.
    Secret(Result<Secret, String>),
    /// What was read of a file, or why it cannot be read.
    File(Result<String, String>),
    /// The object, or the list, or what came of the write.
    Cluster(Result<Value, Failure>),
}

/// How many values an answer may have. Each takes some hundred bytes once it is read, although `1,` are two on its way:
/// a few megabytes of them would take all the memory that a controller usually has.
const MOST_VALUES: usize = 1_000_000;

/// About how many values an answer has, whatever format it is in.
fn values(body: &[u8]) -> usize {
    let begins = |byte: &&u8| matches!(byte, b',' | b'[' | b'{');
    body.iter().filter(begins).count()
}

/// No answer to what was asked: a mistake of the shell's.
const MISPLACED: &str = "the answer belongs to another question";

impl Answer {
    /// Status and body of a server's answer, or why there is none.
    pub(crate) fn http(self) -> Result<(u16, Vec<u8>), String> {
        match self {
            Self::Response { body, .. } if values(&body) > MOST_VALUES => Err(format!(
                "the answer has more than {MOST_VALUES} values; ask for less"
            )),
            Self::Response { status, body } => Ok((status, body)),
            Self::NoAnswer(why) => Err(why),
            Self::Secret(_) | Self::File(_) | Self::Cluster(_) => Err(MISPLACED.to_owned()),
        }
    }

    /// What is in a file, or why it cannot be read.
    pub(crate) fn file(self) -> Result<String, String> {
        match self {
            Self::File(read) => read,
            Self::Response { .. } | Self::NoAnswer(_) | Self::Secret(_) | Self::Cluster(_) => {
                Err(MISPLACED.to_owned())
            }
        }
    }

    /// What is in a Secret, or why it cannot be read.
    pub(crate) fn secret(self, name: &str) -> Result<BTreeMap<String, String>, String> {
        match self {
            Self::Secret(Ok(Secret::Values(values))) => Ok(values),
            Self::Secret(Ok(Secret::Absent)) => Err(format!("secrets \"{name}\" not found")),
            Self::Secret(Ok(Secret::Refused(why)) | Err(why)) => Err(why),
            Self::Response { .. } | Self::NoAnswer(_) | Self::File(_) | Self::Cluster(_) => {
                Err(MISPLACED.to_owned())
            }
        }
    }
}

/// The variables of the controller's environment that providers look at.
pub const VARIABLES: [&str; 28] = [
    PROMETHEUS_ADDRESS,
    TIME_ZONE,
    ANALYSIS_JOB_KUBECONFIG,
    ANALYSIS_JOB_NAMESPACE,
    datadog::API_KEY,
    datadog::APP_KEY,
    datadog::ADDRESS,
    amazon::REGION,
    amazon::DEFAULT_REGION,
    amazon::ACCESS_KEY_ID,
    amazon::SECRET_ACCESS_KEY,
    amazon::SESSION_TOKEN,
    amazon::PROFILE,
    amazon::CREDENTIALS_FILE,
    amazon::CONFIG_FILE,
    amazon::HOME,
    amazon::ROLE_ARN,
    amazon::ROLE_SESSION_NAME,
    amazon::WEB_IDENTITY,
    amazon::CONTAINER_PATH,
    amazon::CONTAINER_URL,
    amazon::CONTAINER_TOKEN,
    amazon::CONTAINER_TOKEN_FILE,
    amazon::MACHINE_DISABLED,
    amazon::MACHINE_URL,
    amazon::ENDPOINT,
    amazon::STS_ENDPOINT,
    amazon::CLOUDWATCH_ENDPOINT,
];

/// For metrics without an address (MP-102).
const PROMETHEUS_ADDRESS: &str = "ARGO_ROLLOUTS_PROMETHEUS_ADDRESS";

/// The name of the controller's time zone.
const TIME_ZONE: &str = "TZ";

/// The kubeconfig of the cluster in which Jobs run, or [`IN_CLUSTER`] (MP-203).
pub const ANALYSIS_JOB_KUBECONFIG: &str = "ARGO_ROLLOUTS_ANALYSIS_JOB_KUBECONFIG";

/// The namespace in which Jobs run, if not in that of their run (MP-203).
pub const ANALYSIS_JOB_NAMESPACE: &str = "ARGO_ROLLOUTS_ANALYSIS_JOB_NAMESPACE";

/// In place of a kubeconfig: the cluster and the account of the controller's own pod (MP-203).
pub const IN_CLUSTER: &str = "in-cluster";

/// What providers know of the controller, given by the shell.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The namespace in which the controller runs.
    pub namespace: String,
    /// Those of [`VARIABLES`] that are set. They may hold secrets: not to be logged.
    pub variables: BTreeMap<String, String>,
}

impl Environment {
    /// A variable; empty if it is not set.
    pub(crate) fn variable(&self, name: &str) -> &str {
        self.variables.get(name).map_or("", String::as_str)
    }
}

/// The measurement that a provider is made for.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// Namespace of the AnalysisRun.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Which measurement of the metric this is, counted from 1, errors included.
    pub number: i32,
    /// When the run began.
    pub began: Option<Timestamp>,
}

/// The provider of a metric whose arguments are filled in, or the sentence for the measurement's
/// message when the metric cannot be measured as it stands.
fn provider(
    metric: &Metric,
    subject: &Subject,
    environment: &Environment,
) -> Result<Box<dyn Provider>, String> {
    PROVIDERS
        .into_iter()
        .find_map(|make| make(metric, subject, environment))
        .unwrap_or_else(|| {
            Err(format!(
                "the provider of metric \"{}\" is not supported yet: use any other than plugin",
                metric.name
            ))
        })
}

/// Makes a provider if the metric names it.
type Make = fn(&Metric, &Subject, &Environment) -> Option<Result<Box<dyn Provider>, String>>;

/// In order of precedence (MP-002).
const PROVIDERS: [Make; 11] = [
    prometheus::make,
    job::make,
    kayenta::make,
    web::make,
    datadog::make,
    wavefront::make,
    newrelic::make,
    cloudwatch::make,
    graphite::make,
    influxdb::make,
    skywalking::make,
];

/// What [`Make`] gives for a provider of this kind.
fn boxed<P: Provider + 'static>(made: Result<P, String>) -> Result<Box<dyn Provider>, String> {
    made.map(|made| {
        let made: Box<dyn Provider> = Box::new(made);
        made
    })
}

/// The end of a measurement: its value, or why there is none.
pub(crate) fn measured(
    result: Result<Measurement, String>,
    started: Timestamp,
    now: Timestamp,
) -> Turn {
    match result {
        Ok(measurement) => Turn::Measured(Box::new(measurement)),
        Err(message) => error(started, now, message),
    }
}

/// A measurement that failed to be taken (MP-010).
pub(crate) fn error(started: Timestamp, now: Timestamp, message: impl Into<String>) -> Turn {
    Turn::Measured(Box::new(Measurement {
        phase: phase::ERROR.to_owned(),
        message: message.into(),
        started_at: Some(Time::new(started)),
        finished_at: Some(Time::new(now)),
        ..Measurement::default()
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Keeps ANA-45 and MP-002: manifests with more than one are refused, so it matters only to those that
    /// are not looked at first.
    #[test]
    fn of_several_providers_the_first_in_upstreams_order_measures() {
        let mut all = json!({
            "prometheus": {"address": "http://p", "query": "up"},
            "job": {"spec": {}},
            "web": {"url": "http://w"},
        });
        let mut begins = |provider: &str| {
            let metric = json!({"name": "m", "provider": all});
            let metric: Metric = serde_json::from_value(metric).unwrap();
            let made = super::provider(&metric, &Subject::default(), &Environment::default());
            let turn = made.map(|mut made| made.start(Timestamp::UNIX_EPOCH));
            all[provider] = json!(null);
            format!("{turn:?}")
        };
        assert!(begins("prometheus").contains("http://p"));
        assert!(begins("job").contains("Create"));
        assert!(begins("web").contains("http://w"));
        assert!(begins("web").contains("is not supported yet"));
    }

    #[test]
    fn an_answer_of_too_many_values_is_not_read() {
        let answer = |values: usize| Answer::Response {
            status: 200,
            body: format!("[{}1]", "1,".repeat(values - 1)).into_bytes(),
        };
        assert!(answer(MOST_VALUES).http().is_ok());
        assert_eq!(
            answer(MOST_VALUES + 1).http(),
            Err("the answer has more than 1000000 values; ask for less".to_owned())
        );
    }
}
