//! What Datadog is asked (MP-401, MP-403, MP-404).

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tidegate_api::analysis::DatadogMetric;
use tidegate_gocompat::duration;

use super::DEFAULT_ADDRESS;

/// How long an answer may take unless the metric says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The range of time if the metric gives none.
const INTERVAL: &str = "5m";

/// Which of Datadog's APIs is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// The first.
    V1,
    /// The second.
    V2,
}

/// What the metric says, v1 if it says nothing.
pub(super) fn version(datadog: &DatadogMetric) -> Version {
    match datadog.api_version.as_str() {
        "" | "v1" => Version::V1,
        _ => Version::V2,
    }
}

/// An address and what is sent there.
pub(super) struct Phrased {
    /// With its query.
    pub url: String,
    /// Empty for the first API.
    pub body: Vec<u8>,
}

/// How long the answer may take, if the metric makes sense. Keeps MP-404.
pub(super) fn check(datadog: &DatadogMetric) -> Result<Duration, String> {
    let version = version(datadog);
    let (has_query, has_queries) = (!datadog.query.is_empty(), !datadog.queries.is_empty());
    let wrong = if !has_query && !has_queries {
        "Must have either a query or queries. Please review the Analysis Template."
    } else if has_query && has_queries {
        "Cannot have both a query and queries. Please review the Analysis Template."
    } else if version == Version::V1 && !has_query {
        "Query is empty. API Version v1 only supports using the query parameter in your Analysis Template."
    } else if !datadog.formula.is_empty() && !has_queries {
        "Formula are only valid when queries are set. Please review the Analysis Template."
    } else if datadog.formula.is_empty() && datadog.queries.len() > 1 {
        "When multiple queries are provided you must include a formula."
    } else if version == Version::V1 && !datadog.aggregator.is_empty() {
        "Aggregator is not supported in v1. Please review the Analysis Template."
    } else {
        return timeout(&datadog.request_timeout);
    };
    Err(wrong.to_owned())
}

fn timeout(text: &str) -> Result<Duration, String> {
    if text.is_empty() {
        return Ok(TIMEOUT);
    }
    let given = duration::parse(text).map_err(|error| {
        format!(
            "Could not parse the request timeout: {error}. Please review the Analysis Template."
        )
    })?;
    u64::try_from(given.nanoseconds())
        .ok()
        .filter(|nanoseconds| *nanoseconds > 0)
        .map(Duration::from_nanos)
        .ok_or_else(|| {
            "Request timeout must be a positive duration (e.g. 30s). Please review the Analysis Template."
                .to_owned()
        })
}

/// The address that is asked.
pub(super) fn base(address: &str) -> String {
    match address.trim_end_matches('/') {
        "" => DEFAULT_ADDRESS.to_owned(),
        address => address.to_owned(),
    }
}

/// Keeps MP-403.
pub(super) fn phrase(
    datadog: &DatadogMetric,
    address: &str,
    now: Timestamp,
) -> Result<Phrased, String> {
    let interval = match datadog.interval.as_str() {
        "" => INTERVAL,
        interval => interval,
    };
    let interval =
        duration::parse(interval).map_err(|error| format!("provider.datadog.interval: {error}"))?;
    let to = now.as_second();
    let from = to - interval.nanoseconds() / 1_000_000_000;
    let base = base(address);
    match version(datadog) {
        Version::V1 => {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("from", &from.to_string())
                .append_pair("query", &datadog.query)
                .append_pair("to", &to.to_string())
                .finish();
            Ok(Phrased {
                url: format!("{base}/api/v1/query?{query}"),
                body: Vec::new(),
            })
        }
        Version::V2 => Ok(Phrased {
            url: format!("{base}/api/v2/query/scalar"),
            body: serde_json::to_vec(&question(datadog, (from, to)))
                .map_err(|error| error.to_string())?,
        }),
    }
}

#[derive(Serialize)]
struct Question<'m> {
    data: Scalar<'m>,
}

#[derive(Serialize)]
struct Scalar<'m> {
    attributes: Attributes<'m>,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Attributes<'m> {
    /// Milliseconds since 1970.
    from: i64,
    to: i64,
    queries: Vec<Query<'m>>,
    formulas: Vec<Formula<'m>>,
}

#[derive(Serialize)]
struct Query<'m> {
    aggregator: &'m str,
    data_source: &'static str,
    name: &'m str,
    #[serde(rename = "query")]
    text: &'m str,
}

#[derive(Serialize)]
struct Formula<'m> {
    #[serde(rename = "formula")]
    text: &'m str,
}

fn question(datadog: &DatadogMetric, (from, to): (i64, i64)) -> Question<'_> {
    let aggregator = match datadog.aggregator.as_str() {
        "" => "last",
        aggregator => aggregator,
    };
    let lone = (!datadog.query.is_empty()).then_some(("query", datadog.query.as_str()));
    let named = datadog.queries.iter();
    let named = named.map(|(name, query)| (name.as_str(), query.as_str()));
    let queries = lone.into_iter().chain(named);
    let formula = datadog.formula.as_str();
    Question {
        data: Scalar {
            attributes: Attributes {
                from: from.saturating_mul(1000),
                to: to.saturating_mul(1000),
                queries: queries
                    .map(|(name, query)| Query {
                        aggregator,
                        data_source: "metrics",
                        name,
                        text: query,
                    })
                    .collect(),
                // A formula that is empty would be refused.
                formulas: (!formula.is_empty())
                    .then_some(Formula { text: formula })
                    .into_iter()
                    .collect(),
            },
            kind: "scalar_request",
        },
    }
}
