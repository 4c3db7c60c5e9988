//! An Experiment: versions side by side for a while.

use crate::{
    analysis::Argument, analysis::DryRun, analysis::MeasurementRetention, meta::LabelSelector,
    meta::ObjectMeta, meta::Time, pod_template::PodTemplate, rollout::AnalysisRunMetadata,
    rollout::TemplateService,
};
use serde::{Deserialize, Serialize};

/// `Experiment` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Experiment {
    /// `metadata`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metadata: ObjectMeta,
    /// `spec`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub spec: ExperimentSpec,
    /// `status`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub status: ExperimentStatus,
}

/// `ExperimentSpec` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExperimentSpec {
    /// `templates`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub templates: Vec<TemplateSpec>,
    /// `duration`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub duration: String,
    /// `progressDeadlineSeconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress_deadline_seconds: Option<i32>,
    /// `terminate`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub terminate: bool,
    /// `analyses`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub analyses: Vec<ExperimentAnalysisTemplateRef>,
    /// `scaleDownDelaySeconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down_delay_seconds: Option<i32>,
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
    /// `analysisRunMetadata`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub analysis_run_metadata: AnalysisRunMetadata,
}

/// `TemplateSpec` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateSpec {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// `replicas`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// `minReadySeconds`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub min_ready_seconds: i32,
    /// `selector`.
    pub selector: Option<LabelSelector>,
    /// `template`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub template: PodTemplate,
    /// `service`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<TemplateService>,
}

/// `ExperimentAnalysisTemplateRef` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExperimentAnalysisTemplateRef {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// `templateName`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub template_name: String,
    /// `clusterScope`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_scope: Option<bool>,
    /// `args`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub args: Vec<Argument>,
    /// `requiredForCompletion`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub required_for_completion: bool,
}

/// `ExperimentStatus` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExperimentStatus {
    /// `phase`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub phase: String,
    /// `message`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub message: String,
    /// `templateStatuses`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub template_statuses: Vec<TemplateStatus>,
    /// `availableAt`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub available_at: Option<Time>,
    /// `conditions`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub conditions: Vec<ExperimentCondition>,
    /// `analysisRuns`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub analysis_runs: Vec<ExperimentAnalysisRunStatus>,
}

/// `TemplateStatus` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateStatus {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// `replicas`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub replicas: i32,
    /// `updatedReplicas`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub updated_replicas: i32,
    /// `readyReplicas`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub ready_replicas: i32,
    /// `availableReplicas`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub available_replicas: i32,
    /// `collisionCount`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collision_count: Option<i32>,
    /// `status`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub status: String,
    /// `message`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub message: String,
    /// `lastTransitionTime`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub last_transition_time: Option<Time>,
    /// `serviceName`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub service_name: String,
    /// `podTemplateHash`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub pod_template_hash: String,
}

/// `ExperimentCondition` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExperimentCondition {
    /// `type`.
    #[serde(rename = "type", deserialize_with = "crate::lenient::null_as_default")]
    pub kind: String,
    /// `status`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub status: String,
    /// `lastUpdateTime`.
    #[serde(deserialize_with = "crate::lenient::time")]
    pub last_update_time: Option<Time>,
    /// `lastTransitionTime`.
    #[serde(deserialize_with = "crate::lenient::time")]
    pub last_transition_time: Option<Time>,
    /// `reason`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub reason: String,
    /// `message`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub message: String,
}

/// `ExperimentAnalysisRunStatus` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExperimentAnalysisRunStatus {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// `analysisRun`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub analysis_run: String,
    /// `phase`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub phase: String,
    /// `message`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub message: String,
}
