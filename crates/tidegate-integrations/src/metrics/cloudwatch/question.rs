//! What `CloudWatch` is asked (MP-505).

use jiff::Timestamp;
use serde::Serialize;
use tidegate_api::{
    analysis::{CloudWatchMetric, CloudWatchMetricDataQuery, CloudWatchMetricStat},
    int_or_string::IntOrString,
};
use tidegate_gocompat::duration::Duration;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Question<'m> {
    /// Seconds since 1970.
    start_time: i64,
    end_time: i64,
    metric_data_queries: Vec<Query<'m>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Query<'m> {
    id: &'m str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expression: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric_stat: Option<Stat<'m>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_data: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Stat<'m> {
    metric: Metric<'m>,
    period: i32,
    #[serde(rename = "Stat")]
    name: &'m str,
    #[serde(skip_serializing_if = "str::is_empty")]
    unit: &'m str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric<'m> {
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'m str>,
    #[serde(rename = "MetricName")]
    name: &'m str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dimensions: Vec<Dimension<'m>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Dimension<'m> {
    name: &'m str,
    value: &'m str,
}

/// The body of the request, for a range of time up to now.
pub(super) fn body(
    cloudwatch: &CloudWatchMetric,
    interval: Duration,
    now: Timestamp,
) -> Result<Vec<u8>, String> {
    let end_time = now.as_second();
    let question = Question {
        start_time: end_time - interval.nanoseconds() / 1_000_000_000,
        end_time,
        metric_data_queries: cloudwatch.metric_data_queries.iter().map(query).collect(),
    };
    serde_json::to_vec(&question).map_err(|error| error.to_string())
}

fn query(given: &CloudWatchMetricDataQuery) -> Query<'_> {
    Query {
        id: &given.id,
        expression: given.expression.as_deref(),
        label: given.label.as_deref(),
        metric_stat: given.metric_stat.as_ref().map(stat),
        period: given.period.as_ref().map(seconds),
        return_data: given.return_data,
    }
}

fn stat(given: &CloudWatchMetricStat) -> Stat<'_> {
    let CloudWatchMetricStat {
        metric,
        period,
        stat,
        unit,
    } = given;
    Stat {
        metric: Metric {
            namespace: metric.namespace.as_deref(),
            name: &metric.metric_name,
            dimensions: metric
                .dimensions
                .iter()
                .map(|given| Dimension {
                    name: &given.name,
                    value: &given.value,
                })
                .collect(),
        },
        period: seconds(period),
        name: stat,
        unit,
    }
}

/// A text that is no number is 0, as for Go.
fn seconds(period: &IntOrString) -> i32 {
    match period {
        IntOrString::Int(seconds) => *seconds,
        IntOrString::String(text) => text.parse().unwrap_or(0),
    }
}
