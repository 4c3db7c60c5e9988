//! What the controller says of an AnalysisRun.

use std::collections::BTreeMap;

use crate::meta::Time;
use serde::{Deserialize, Serialize};

/// `AnalysisRunStatus` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisRunStatus {
    /// `phase`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub phase: String,
    /// `message`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub message: String,
    /// `metricResults`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub metric_results: Vec<MetricResult>,
    /// `startedAt`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub started_at: Option<Time>,
    /// `runSummary`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub run_summary: RunSummary,
    /// `dryRunSummary`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry_run_summary: Option<RunSummary>,
    /// `completedAt`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub completed_at: Option<Time>,
}

/// `RunSummary` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunSummary {
    /// `count`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub count: i32,
    /// `successful`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub successful: i32,
    /// `failed`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub failed: i32,
    /// `inconclusive`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub inconclusive: i32,
    /// `error`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub error: i32,
}

/// `MetricResult` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricResult {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// `phase`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub phase: String,
    /// `measurements`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub measurements: Vec<Measurement>,
    /// `message`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub message: String,
    /// `count`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub count: i32,
    /// `successful`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub successful: i32,
    /// `failed`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub failed: i32,
    /// `inconclusive`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub inconclusive: i32,
    /// `error`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub error: i32,
    /// `consecutiveError`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub consecutive_error: i32,
    /// `dryRun`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub dry_run: bool,
    /// `metadata`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub metadata: BTreeMap<String, String>,
    /// `consecutiveSuccess`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub consecutive_success: i32,
}

/// `Measurement` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Measurement {
    /// `phase`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub phase: String,
    /// `message`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub message: String,
    /// `startedAt`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub started_at: Option<Time>,
    /// `finishedAt`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub finished_at: Option<Time>,
    /// `value`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub value: String,
    /// `metadata`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub metadata: BTreeMap<String, String>,
    /// `resumeAt`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub resume_at: Option<Time>,
}
