//! An Experiment: versions side by side for a while.

use serde::{Deserialize, Serialize};

use crate::{
    analysis::{Argument, DryRun, MeasurementRetention},
    meta::{LabelSelector, ObjectMeta, Time},
    pod_template::PodTemplate,
    rollout::{AnalysisRunMetadata, TemplateService},
};

/// Versions side by side, for a while, with analyses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Experiment {
    /// Name, labels, annotations and what Kubernetes adds.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub spec: ExperimentSpec,
    /// What is. Written by the controller alone.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub status: ExperimentStatus,
}

/// What is wanted of an Experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExperimentSpec {
    /// The versions; at least one.
    #[serde(deserialize_with = "crate::lenient::list")]
    pub templates: Vec<TemplateSpec>,
    /// How long it lasts from the moment all pods are available, such as 30m; no end if absent.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub duration: String,
    /// Seconds until all pods must be available; 600 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress_deadline_seconds: Option<i32>,
    /// End it now.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub terminate: bool,
    /// What is measured meanwhile.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub analyses: Vec<ExperimentAnalysisTemplateRef>,
    /// Seconds that the pods stay up after the end; 30 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down_delay_seconds: Option<i32>,
    /// Metrics that are measured but not judged.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub dry_run: Vec<DryRun>,
    /// How many measurements of which metrics are kept.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub measurement_retention: Vec<MeasurementRetention>,
    /// Labels and annotations of the AnalysisRuns.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub analysis_run_metadata: AnalysisRunMetadata,
}

/// One version of an Experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateSpec {
    /// Its name.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// Number of pods; 1 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Seconds that a pod must be ready before it counts as available; 0 if absent.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub min_ready_seconds: i32,
    /// Which pods are its own; must match the template's labels and no other version's.
    pub selector: Option<LabelSelector>,
    /// The pods.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub template: PodTemplate,
    /// Makes a Service for its pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<TemplateService>,
}

/// What an Experiment measures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExperimentAnalysisTemplateRef {
    /// Its name within the Experiment.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// The template.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub template_name: String,
    /// Whether it is a `ClusterAnalysisTemplate`; false if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_scope: Option<bool>,
    /// Values for the template's arguments.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub args: Vec<Argument>,
    /// Whether the Experiment waits for its end.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub required_for_completion: bool,
}

/// What is of an Experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExperimentStatus {
    /// Pending, Running, Successful, Failed, Error or Inconclusive.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub phase: String,
    /// Why the phase is what it is.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub message: String,
    /// What is of each version.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub template_statuses: Vec<TemplateStatus>,
    /// When all pods were available.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub available_at: Option<Time>,
    /// What holds, one item for each type.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub conditions: Vec<ExperimentCondition>,
    /// What is of each analysis.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub analysis_runs: Vec<ExperimentAnalysisRunStatus>,
}

/// What is of one version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateStatus {
    /// The version.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// Its pods.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub replicas: i32,
    /// Its pods of the current template.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub updated_replicas: i32,
    /// Its ready pods.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub ready_replicas: i32,
    /// Its available pods.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub available_replicas: i32,
    /// How often its ReplicaSet's name was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collision_count: Option<i32>,
    /// Progressing, Running, Successful, Failed or Error.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub status: String,
    /// Why the status is what it is.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub message: String,
    /// When status last changed.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub last_transition_time: Option<Time>,
    /// Its Service.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub service_name: String,
    /// Its hash.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub pod_template_hash: String,
}

/// One thing that holds, or does not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExperimentCondition {
    /// `InvalidSpec`, Completed, Progressing, Running or `ReplicaFailure`.
    #[serde(rename = "type", deserialize_with = "crate::lenient::null_as_default")]
    pub kind: String,
    /// True, False or Unknown.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub status: String,
    /// When anything of it last changed.
    #[serde(deserialize_with = "crate::lenient::time")]
    pub last_update_time: Option<Time>,
    /// When status last changed.
    #[serde(deserialize_with = "crate::lenient::time")]
    pub last_transition_time: Option<Time>,
    /// Why, in one word.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub reason: String,
    /// Why, in a sentence.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub message: String,
}

/// What is of one analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExperimentAnalysisRunStatus {
    /// Its name within the Experiment.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// The AnalysisRun.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub analysis_run: String,
    /// Its phase.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub phase: String,
    /// Why the phase is what it is.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub message: String,
}
