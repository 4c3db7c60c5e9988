//! New Relic: a query in NRQL through its GraphQL API, `NerdGraph` (MP-503, MP-504).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use http::Method;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use tidegate_api::analysis::{Metric, NewRelicMetric};
use tidegate_gocompat::{
    expr::{Key, List, Map, NamedType, Type, Value},
    number::parse_int,
};

use super::{
    Answer, Certificate, Environment, Provider, Reach, Request, Subject, Turn, boxed, error,
    finding::{Finding, Server, judge},
};

/// How long a query may take in New Relic unless the metric says otherwise, in seconds.
const QUERY_SECONDS: i64 = 5;
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long the way there and back may take beyond a query that may take long.
const WAY: Duration = Duration::from_secs(5);
/// The Secret that is read if the metric names none.
const PROFILE: &str = "newrelic";
/// The metric's metadata: the query with its arguments.
const RESOLVED_QUERY: &str = "ResolvedNewRelicQuery";
/// Who asks.
const USER_AGENT: &str = concat!("tidegate/", env!("CARGO_PKG_VERSION"));
/// Asks for the rows of a query in NRQL.
const QUESTION: &str = "query($accountId: Int!, $query: Nrql!, $timeout: Seconds!) \
    { actor { account(id: $accountId) { nrql(query: $query, timeout: $timeout) { results } } } }";
/// What is said when no row comes back.
const NOTHING: &str = "no results returned from NRQL query";

/// The provider, if the metric names it.
pub(super) fn make(
    metric: &Metric,
    _subject: &Subject,
    environment: &Environment,
) -> Option<Result<Box<dyn Provider>, String>> {
    let newrelic = metric.provider.new_relic.as_ref()?;
    Some(boxed(NewRelic::new(metric, newrelic, environment)))
}

struct NewRelic {
    metric: Metric,
    query: String,
    seconds: i64,
    secret: (String, String),
    account: Option<Account>,
    started: Timestamp,
}

/// Whose data is asked for, and where. Not to be logged.
struct Account {
    id: i64,
    key: String,
    url: String,
}

impl NewRelic {
    fn new(
        metric: &Metric,
        newrelic: &NewRelicMetric,
        environment: &Environment,
    ) -> Result<Self, String> {
        let seconds = newrelic.timeout.unwrap_or(QUERY_SECONDS);
        if seconds < 0 {
            return Err("timeout value needs to be a positive value".to_owned());
        }
        let profile = match newrelic.profile.as_str() {
            "" => PROFILE,
            profile => profile,
        };
        Ok(Self {
            metric: metric.clone(),
            query: newrelic.query.clone(),
            seconds,
            secret: (environment.namespace.clone(), profile.to_owned()),
            account: None,
            started: Timestamp::UNIX_EPOCH,
        })
    }

    fn ask(&self, account: &Account) -> Turn {
        let body = json!({
            "query": QUESTION,
            "variables": {
                "accountId": account.id,
                "query": self.query,
                "timeout": self.seconds,
            },
        });
        let query = Duration::from_secs(u64::try_from(self.seconds).unwrap_or(0));
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Turn::Ask(Box::new(Request {
            method: Method::POST,
            url: account.url.clone(),
            headers: vec![
                header("Content-Type", "application/json"),
                header("User-Agent", USER_AGENT),
                header("Api-Key", &account.key),
            ],
            body: body.to_string().into_bytes(),
            timeout: TIMEOUT.max(query.saturating_add(WAY)),
            certificate: Certificate::Checked,
            reach: Reach::Anywhere,
        }))
    }
}

impl Provider for NewRelic {
    fn metadata(&self) -> BTreeMap<String, String> {
        if self.query.is_empty() {
            return BTreeMap::new();
        }
        BTreeMap::from([(RESOLVED_QUERY.to_owned(), self.query.clone())])
    }

    fn start(&mut self, now: Timestamp) -> Turn {
        self.started = now;
        let (namespace, name) = self.secret.clone();
        Turn::Secret { namespace, name }
    }

    fn secrets(&self) -> Vec<String> {
        let account = self.account.iter();
        account.map(|account| account.key.clone()).collect()
    }

    fn read(&mut self, answer: Answer, now: Timestamp) -> Turn {
        let Some(account) = &self.account else {
            let account = answer
                .secret(&self.secret.1)
                .and_then(|values| account(&values));
            return match account {
                Ok(account) => {
                    let turn = self.ask(&account);
                    self.account = Some(account);
                    turn
                }
                Err(message) => error(self.started, now, message),
            };
        };
        let server = Server {
            vendor: PROFILE,
            address: account.url.clone(),
            advice: "check region and base-url-nerdgraph in the Secret",
        };
        let found = answer
            .http()
            .map_err(|why| server.unreachable(&why))
            .and_then(|(status, body)| {
                let reply = serde_json::from_slice(&body);
                refusal(status, reply.as_ref().unwrap_or(&Json::Null))?;
                let reply = reply.map_err(|error| server.puzzling(error, &body))?;
                rows(&reply["data"]["actor"]["account"]["nrql"]["results"])
            });
        match found {
            Ok(found) => judge(&self.metric, found, self.started, now),
            Err(message) => error(self.started, now, message),
        }
    }
}

/// What the Secret says.
fn account(values: &BTreeMap<String, String>) -> Result<Account, String> {
    let value = |key: &str| values.get(key).map_or("", String::as_str);
    let (key, id) = (value("personal-api-key"), value("account-id"));
    if key.is_empty() || id.is_empty() {
        return Err("account ID or personal API key not found".to_owned());
    }
    let region = values.get("region").map_or("us", String::as_str);
    let host = match region.to_lowercase().as_str() {
        "us" => "https://api.newrelic.com",
        "eu" => "https://api.eu.newrelic.com",
        "jp" => "https://api.jp.newrelic.com",
        "gov" | "fedramp" => "https://gov-api.newrelic.com",
        "staging" => "https://staging-api.newrelic.com",
        "local" => "http://localhost:3000",
        "" => return Err("unknown region".to_owned()),
        _ => return Err(format!("unknown region: {region}")),
    };
    let url = match value("base-url-nerdgraph") {
        "" => format!("{host}/graphql"),
        url => url.strip_suffix('/').unwrap_or(url).to_owned(),
    };
    Ok(Account {
        id: parse_int(id)
            .map_err(|error| format!("could not parse account ID: {}", error.text("Atoi", id)))?,
        key: key.to_owned(),
        url,
    })
}

/// Why there are no rows, if New Relic says so.
fn refusal(status: u16, reply: &Json) -> Result<(), String> {
    if status == 404 {
        return Err("resource not found".to_owned());
    }
    if status == 402 {
        return Err("Payment Required".to_owned());
    }
    let errors = reply["errors"].as_array().into_iter().flatten();
    let errors: Vec<&Json> = errors.collect();
    let messages: Vec<&str> = errors
        .iter()
        .filter_map(|error| error["message"].as_str())
        .filter(|message| !message.is_empty())
        .collect();
    let told = messages.join(", ");
    if !(200..300).contains(&status) {
        let is_key = |error: &&Json| error["extensions"]["error_code"] == "BAD_API_KEY";
        if !errors.is_empty() && (status == 401 || errors.iter().any(is_key)) {
            return Err(
                "401 response returned: Invalid credentials provided. Missing API key or an invalid API key was provided."
                    .to_owned(),
            );
        }
        let colon = if told.is_empty() { "" } else { ": " };
        return Err(format!("{status} response returned{colon}{told}"));
    }
    // A field that will be gone one day is there still.
    let is_old = |message: &&str| message.starts_with("This field is deprecated!");
    if told.is_empty() || messages.iter().any(is_old) {
        return Ok(());
    }
    Err(told)
}

/// One row is a map, several are a list of maps. Keeps MP-504.
fn rows(results: &Json) -> Result<Finding, String> {
    let rows = results
        .as_array()
        .into_iter()
        .flatten()
        .map(row)
        .collect::<Result<Vec<Value>, String>>()?;
    let value = match rows.as_slice() {
        [] => return Err(NOTHING.to_owned()),
        [Value::Map(row)] if row.entries().is_empty() => return Err(NOTHING.to_owned()),
        [row] => row.clone(),
        _ => {
            let list = List::new(Type::slice(row_type()), rows);
            Value::List(list.map_err(|error| error.to_string())?)
        }
    };
    let text = value
        .to_compact_json()
        .map_err(|error| format!("could not marshal results: {error}"))?;
    Ok(Finding::new(value, text))
}

/// Expressions tell the type by its name.
fn row_type() -> Type {
    Type::Named(Arc::new(NamedType {
        name: "nrdb.NRDBResult".to_owned(),
        package: "github.com/newrelic/newrelic-client-go/v2/pkg/nrdb".to_owned(),
        underlying: Type::object(),
    }))
}

fn row(json: &Json) -> Result<Value, String> {
    let members = match json {
        Json::Null => return Ok(Value::Map(Map::nil(row_type()))),
        Json::Object(members) => members,
        Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
            return Err(format!("newrelic gave a row that is none: {json}"));
        }
    };
    let entries = members
        .iter()
        .map(|(name, member)| Ok((Key::text(name), Value::from_json(member)?)))
        .collect::<Result<BTreeMap<_, _>, _>>()
        .and_then(|entries| Map::new(row_type(), entries));
    entries
        .map(Value::Map)
        .map_err(|error: tidegate_gocompat::expr::TooDeepError| {
            format!("could not read results: {error}")
        })
}
