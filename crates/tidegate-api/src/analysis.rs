//! Analysis: templates of measurements, and runs of them.

mod metric;
mod provider;
mod status;

pub use metric::*;
pub use provider::*;
pub use status::*;

use crate::{meta::ObjectMeta, rollout::AnalysisTemplateRef, rollout::FieldRef};
use serde::{Deserialize, Serialize};

/// `AnalysisTemplate` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisTemplate {
    /// `metadata`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metadata: ObjectMeta,
    /// `spec`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub spec: AnalysisTemplateSpec,
}

/// `ClusterAnalysisTemplate` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterAnalysisTemplate {
    /// `metadata`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metadata: ObjectMeta,
    /// `spec`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub spec: AnalysisTemplateSpec,
}

/// `AnalysisTemplateSpec` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisTemplateSpec {
    /// `metrics`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub metrics: Vec<Metric>,
    /// `args`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub args: Vec<Argument>,
    /// `dryRun`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub dry_run: Vec<DryRun>,
    /// `measurementRetention`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub measurement_retention: Vec<MeasurementRetention>,
    /// `templates`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub templates: Vec<AnalysisTemplateRef>,
}

/// `AnalysisRun` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisRun {
    /// `metadata`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metadata: ObjectMeta,
    /// `spec`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub spec: AnalysisRunSpec,
    /// `status`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub status: AnalysisRunStatus,
}

/// `AnalysisRunSpec` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisRunSpec {
    /// `metrics`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metrics: Vec<Metric>,
    /// `args`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub args: Vec<Argument>,
    /// `terminate`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub terminate: bool,
    /// `dryRun`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub dry_run: Vec<DryRun>,
    /// `measurementRetention`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub measurement_retention: Vec<MeasurementRetention>,
    /// `ttlStrategy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_strategy: Option<TtlStrategy>,
}

/// `Argument` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Argument {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// `value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// `valueFrom`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueFrom>,
}

/// `ValueFrom` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ValueFrom {
    /// `secretKeyRef`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<SecretKeyRef>,
    /// `fieldRef`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_ref: Option<FieldRef>,
}

/// `SecretKeyRef` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretKeyRef {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// `key`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub key: String,
}

/// `DryRun` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DryRun {
    /// `metricName`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metric_name: String,
}

/// `MeasurementRetention` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MeasurementRetention {
    /// `metricName`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metric_name: String,
    /// `limit`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub limit: i32,
}

/// `TTLStrategy` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TtlStrategy {
    /// `secondsAfterCompletion`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_after_completion: Option<i32>,
    /// `secondsAfterFailure`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_after_failure: Option<i32>,
    /// `secondsAfterSuccess`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_after_success: Option<i32>,
}

/// Values of an analysis' phase, of a metric's and of a measurement's.
pub mod phase {
    /// Not begun.
    pub const PENDING: &str = "Pending";
    /// Measuring.
    pub const RUNNING: &str = "Running";
    /// All is well.
    pub const SUCCESSFUL: &str = "Successful";
    /// A metric is worse than its limit.
    pub const FAILED: &str = "Failed";
    /// It could not be measured.
    pub const ERROR: &str = "Error";
    /// Neither good nor bad; a person must decide.
    pub const INCONCLUSIVE: &str = "Inconclusive";
}
