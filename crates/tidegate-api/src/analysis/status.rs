//! What the controller says of an AnalysisRun.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::meta::Time;

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisRunStatus {
    /// Pending, Running, Successful, Failed, Error or Inconclusive. Keeps ANA-30.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub phase: String,
    /// Why the phase is what it is.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub message: String,
    /// What each metric gave.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub metric_results: Vec<MetricResult>,
    /// When it began.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub started_at: Option<Time>,
    /// How the metrics did. Keeps ANA-31.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub run_summary: RunSummary,
    /// How the metrics did that are not judged. Keeps ANA-31.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry_run_summary: Option<RunSummary>,
    /// When it ended.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub completed_at: Option<Time>,
}

/// How many metrics did how.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunSummary {
    /// All of them.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub count: i32,
    /// Those that were successful.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub successful: i32,
    /// Those that failed.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub failed: i32,
    /// Those without a verdict.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub inconclusive: i32,
    /// Those that could not be measured.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub error: i32,
}

/// What a metric gave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricResult {
    /// The metric.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// Its verdict, or Running.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub phase: String,
    /// The newest measurements, oldest first. Keeps ANA-34.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub measurements: Vec<Measurement>,
    /// Why the phase is what it is.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub message: String,
    /// Measurements without error. Keeps ANA-25.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub count: i32,
    /// Successful measurements.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub successful: i32,
    /// Failed measurements.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub failed: i32,
    /// Measurements without a verdict.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub inconclusive: i32,
    /// Measurements that ended in an error.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub error: i32,
    /// Errors in a row, up to now.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub consecutive_error: i32,
    /// Whether it is not judged.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub dry_run: bool,
    /// What the provider says of it, such as the query with its arguments.
    #[serde(
        deserialize_with = "crate::lenient::map",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub metadata: BTreeMap<String, String>,
    /// Successes in a row, up to now.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub consecutive_success: i32,
}

/// One measurement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Measurement {
    /// Its verdict, or Running.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub phase: String,
    /// Why the phase is what it is.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub message: String,
    /// When it began.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub started_at: Option<Time>,
    /// When it ended.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub finished_at: Option<Time>,
    /// What was measured, as text.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub value: String,
    /// What the provider says of it, such as a Job's name. Keeps ANA-48.
    #[serde(
        deserialize_with = "crate::lenient::map",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub metadata: BTreeMap<String, String>,
    /// When to look at it again.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub resume_at: Option<Time>,
}
