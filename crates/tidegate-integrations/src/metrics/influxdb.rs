//! `InfluxDB`, second version: a query in Flux (MP-508).

mod table;

use std::{collections::BTreeMap, time::Duration};

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value as Json;
use tidegate_api::analysis::Metric;
use tidegate_gocompat::expr::{self, Value};
use url::Url;

use super::{
    Answer, Certificate, Environment, Provider, Reach, Request, Subject, Turn, boxed, error,
    finding::{Finding, Server, excerpt, judge},
};

/// The Secret that is read if the metric names none.
const PROFILE: &str = "influxdb";
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The provider, if the metric names it.
pub(super) fn make(
    metric: &Metric,
    _subject: &Subject,
    environment: &Environment,
) -> Option<Result<Box<dyn Provider>, String>> {
    let influxdb = metric.provider.influxdb.as_ref()?;
    let profile = match influxdb.profile.as_str() {
        "" => PROFILE,
        profile => profile,
    };
    Some(boxed(Ok(Influxdb {
        metric: metric.clone(),
        query: influxdb.query.clone(),
        secret: (environment.namespace.clone(), profile.to_owned()),
        database: None,
        started: Timestamp::UNIX_EPOCH,
    })))
}

struct Influxdb {
    metric: Metric,
    query: String,
    secret: (String, String),
    database: Option<Database>,
    started: Timestamp,
}

/// What the Secret says. Not to be logged.
struct Database {
    address: String,
    token: String,
    organisation: String,
}

/// What is asked, and in which form the answer is to be.
#[derive(Serialize)]
struct Question<'m> {
    dialect: Dialect,
    query: &'m str,
    #[serde(rename = "type")]
    language: &'static str,
}

#[derive(Serialize)]
struct Dialect {
    annotations: [&'static str; 3],
    delimiter: &'static str,
    header: bool,
}

impl Influxdb {
    fn ask(&self, database: &Database) -> Result<Turn, String> {
        let question = Question {
            dialect: Dialect {
                annotations: ["datatype", "group", "default"],
                delimiter: ",",
                header: true,
            },
            query: &self.query,
            language: "flux",
        };
        Ok(Turn::Ask(Box::new(Request {
            method: Method::POST,
            url: database.url()?,
            headers: vec![
                (
                    "Authorization".to_owned(),
                    format!("Token {}", database.token),
                ),
                ("Content-Type".to_owned(), "application/json".to_owned()),
            ],
            body: serde_json::to_vec(&question).map_err(|error| error.to_string())?,
            timeout: TIMEOUT,
            certificate: Certificate::Checked,
            reach: Reach::Anywhere,
        })))
    }
}

impl Database {
    fn of(values: &BTreeMap<String, String>) -> Result<Self, String> {
        let value = |key: &str| values.get(key).cloned().unwrap_or_default();
        let database = Self {
            address: value("address"),
            token: value("authToken"),
            organisation: value("org"),
        };
        if [&database.address, &database.token, &database.organisation]
            .into_iter()
            .any(String::is_empty)
        {
            return Err("authToken, org, or address not found".to_owned());
        }
        Ok(database)
    }

    fn url(&self) -> Result<String, String> {
        let address = self.address.trim_end_matches('/');
        let mut url = Url::parse(&format!("{address}/api/v2/query"))
            .map_err(|error| format!("the address in the Secret is no URL: {error}"))?;
        url.query_pairs_mut().append_pair("org", &self.organisation);
        Ok(url.into())
    }
}

impl Provider for Influxdb {
    fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn start(&mut self, now: Timestamp) -> Turn {
        self.started = now;
        let (namespace, name) = self.secret.clone();
        Turn::Secret { namespace, name }
    }

    fn secrets(&self) -> Vec<String> {
        let database = self.database.iter();
        database.map(|database| database.token.clone()).collect()
    }

    fn read(&mut self, answer: Answer, now: Timestamp) -> Turn {
        let Some(database) = &self.database else {
            let read = answer
                .secret(&self.secret.1)
                .and_then(|values| Database::of(&values))
                .and_then(|database| Ok((self.ask(&database)?, database)));
            return match read {
                Ok((turn, database)) => {
                    self.database = Some(database);
                    turn
                }
                Err(message) => error(self.started, now, message),
            };
        };
        let server = Server {
            vendor: PROFILE,
            address: database.address.clone(),
            advice: "check the address in the Secret",
        };
        let found = answer
            .http()
            .map_err(|why| server.unreachable(&why))
            .and_then(|(status, body)| found(status, &body));
        match found {
            Ok(found) => judge(&self.metric, found, self.started, now),
            Err(message) => error(self.started, now, message),
        }
    }
}

/// The values of all tables. Differs from upstream: an error that comes in the midst of them is one, where upstream judges
/// what came before it.
fn found(status: u16, body: &[u8]) -> Result<Finding, String> {
    if !(200..300).contains(&status) {
        return Err(refusal(status, body));
    }
    let values = table::values(body)?;
    if values.is_empty() {
        return Err("no results returned from flux query".to_owned());
    }
    let value = Value::list(values).map_err(|error| error.to_string())?;
    let text = expr::print(&value);
    Ok(Finding::new(value, text))
}

/// As Influx' own client tells it.
fn refusal(status: u16, body: &[u8]) -> String {
    let reason = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    let reply: Json = serde_json::from_slice(body).unwrap_or_default();
    let told = |name: &str| reply[name].as_str().unwrap_or_default();
    match (told("code"), told("message")) {
        ("", "") if body.is_empty() || reply.is_object() => {
            format!("Unexpected status code {status}")
        }
        ("", "") => format!("{status} {reason}: {}", excerpt(body)),
        ("", message) => format!("{status} {reason}: {message}"),
        (code, "") => format!("{status} {reason}: {code}"),
        (code, message) => format!("{code}: {message}"),
    }
}
