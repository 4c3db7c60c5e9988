//! Analysis: templates of measurements, and runs of them.

mod metric;
mod provider;
mod status;

pub use metric::*;
pub use provider::*;
pub use status::*;

use serde::{Deserialize, Serialize};

use crate::{
    meta::ObjectMeta,
    rollout::{AnalysisTemplateRef, FieldRef},
};

/// What to measure and how to judge it, for Rollouts of its namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisTemplate {
    /// Name, labels, annotations and what Kubernetes adds.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metadata: ObjectMeta,
    /// What to measure.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub spec: AnalysisTemplateSpec,
}

/// What to measure and how to judge it, for Rollouts of all namespaces.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterAnalysisTemplate {
    /// Name, labels, annotations and what Kubernetes adds.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metadata: ObjectMeta,
    /// What to measure.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub spec: AnalysisTemplateSpec,
}

/// What to measure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisTemplateSpec {
    /// What is measured.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub metrics: Vec<Metric>,
    /// Arguments, which metrics name as `{{args.name}}`.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub args: Vec<Argument>,
    /// Metrics that are measured but not judged. Keeps ANA-33.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub dry_run: Vec<DryRun>,
    /// How many measurements of which metrics are kept. Keeps ANA-34.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub measurement_retention: Vec<MeasurementRetention>,
    /// Further templates whose metrics are added. Keeps ANA-04.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub templates: Vec<AnalysisTemplateRef>,
}

/// One analysis: measurements that go on until there is a verdict.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisRun {
    /// Name, labels, annotations and what Kubernetes adds.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metadata: ObjectMeta,
    /// What to measure.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub spec: AnalysisRunSpec,
    /// What was measured. Written by the controller alone.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub status: AnalysisRunStatus,
}

/// What to measure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisRunSpec {
    /// What is measured.
    #[serde(deserialize_with = "crate::lenient::list")]
    pub metrics: Vec<Metric>,
    /// Arguments, which metrics name as `{{args.name}}`.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub args: Vec<Argument>,
    /// Stop measuring. Keeps ANA-29.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub terminate: bool,
    /// Metrics that are measured but not judged. Keeps ANA-33.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub dry_run: Vec<DryRun>,
    /// How many measurements of which metrics are kept. Keeps ANA-34.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub measurement_retention: Vec<MeasurementRetention>,
    /// When it is deleted after its end; never if absent. Keeps ANA-35.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_strategy: Option<TtlStrategy>,
}

/// An argument of an analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Argument {
    /// Its name.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// Its value; must be given by whoever uses the template if absent here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Where its value comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueFrom>,
}

/// Where a value comes from. Exactly one member is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ValueFrom {
    /// A Secret; its value never appears in the status. Keeps ANA-26.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<SecretKeyRef>,
    /// A field of the Rollout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_ref: Option<FieldRef>,
}

/// A value in a Secret of the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretKeyRef {
    /// The Secret.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// The key in it.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub key: String,
}

/// Metrics that are measured but not judged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DryRun {
    /// Regular expression for their names; a part of the name suffices. Keeps ANA-33.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metric_name: String,
}

/// How many measurements are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MeasurementRetention {
    /// Regular expression for the metrics' names; a part of the name suffices. Keeps ANA-33.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metric_name: String,
    /// Number of measurements kept for each of them; 10 if not above 0. Keeps ANA-34.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub limit: i32,
}

/// Seconds between the end of a run and its deletion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TtlStrategy {
    /// After any end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_after_completion: Option<i32>,
    /// After phase Failed, instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_after_failure: Option<i32>,
    /// After phase Successful, instead.
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
