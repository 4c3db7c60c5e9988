//! A Rollout: what a user writes instead of a Deployment.

mod blue_green;
mod canary;
mod status;
mod traffic;

pub use blue_green::*;
pub use canary::*;
pub use status::*;
pub use traffic::*;

use std::collections::BTreeMap;

use crate::{meta::LabelSelector, meta::ObjectMeta, meta::Time, pod_template::PodTemplate};
use serde::{Deserialize, Serialize};

/// `Rollout` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rollout {
    /// `metadata`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metadata: ObjectMeta,
    /// `spec`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub spec: RolloutSpec,
    /// `status`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub status: RolloutStatus,
}

#[expect(clippy::struct_excessive_bools, reason = "the wire has these fields")]
/// `RolloutSpec` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutSpec {
    /// `replicas`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// `selector`.
    pub selector: Option<LabelSelector>,
    /// `template`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub template: PodTemplate,
    /// `workloadRef`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload_ref: Option<ObjectRef>,
    /// `minReadySeconds`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub min_ready_seconds: i32,
    /// `rollbackWindow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback_window: Option<RollbackWindowSpec>,
    /// `strategy`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub strategy: RolloutStrategy,
    /// `revisionHistoryLimit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision_history_limit: Option<i32>,
    /// `paused`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub paused: bool,
    /// `progressDeadlineSeconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress_deadline_seconds: Option<i32>,
    /// `progressDeadlineAbort`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub progress_deadline_abort: bool,
    /// `restartAt`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub restart_at: Option<Time>,
    /// `analysis`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<AnalysisRunStrategy>,
}

/// `ObjectRef` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectRef {
    /// `apiVersion`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub api_version: String,
    /// `kind`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub kind: String,
    /// `name`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub name: String,
    /// `scaleDown`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub scale_down: String,
}

/// `RolloutStrategy` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutStrategy {
    /// `blueGreen`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blue_green: Option<BlueGreenStrategy>,
    /// `canary`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryStrategy>,
}

/// `RollbackWindowSpec` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RollbackWindowSpec {
    /// `revisions`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub revisions: i32,
}

/// `AnalysisRunStrategy` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisRunStrategy {
    /// `successfulRunHistoryLimit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successful_run_history_limit: Option<i32>,
    /// `unsuccessfulRunHistoryLimit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsuccessful_run_history_limit: Option<i32>,
}

/// `AntiAffinity` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AntiAffinity {
    /// `preferredDuringSchedulingIgnoredDuringExecution`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_during_scheduling_ignored_during_execution:
        Option<PreferredDuringSchedulingIgnoredDuringExecution>,
    /// `requiredDuringSchedulingIgnoredDuringExecution`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_during_scheduling_ignored_during_execution:
        Option<RequiredDuringSchedulingIgnoredDuringExecution>,
}

/// `PreferredDuringSchedulingIgnoredDuringExecution` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PreferredDuringSchedulingIgnoredDuringExecution {
    /// `weight`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub weight: i32,
}

/// `RequiredDuringSchedulingIgnoredDuringExecution` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequiredDuringSchedulingIgnoredDuringExecution {}

/// `PodTemplateMetadata` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodTemplateMetadata {
    /// `labels`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub labels: BTreeMap<String, String>,
    /// `annotations`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub annotations: BTreeMap<String, String>,
}

/// Values of [`RolloutStatus::phase`].
pub mod phase {
    /// The new version is the stable one, and all of its pods are available.
    pub const HEALTHY: &str = "Healthy";
    /// Something is wrong that will not pass by itself.
    pub const DEGRADED: &str = "Degraded";
    /// On its way.
    pub const PROGRESSING: &str = "Progressing";
    /// Waits for a person or for time.
    pub const PAUSED: &str = "Paused";
}

/// Values of [`PauseCondition::reason`].
pub mod pause_reason {
    /// An AnalysisRun ended without a verdict.
    pub const INCONCLUSIVE_ANALYSIS: &str = "InconclusiveAnalysisRun";
    /// An Experiment ended without a verdict.
    pub const INCONCLUSIVE_EXPERIMENT: &str = "InconclusiveExperiment";
    /// A canary step says so.
    pub const CANARY_PAUSE_STEP: &str = "CanaryPauseStep";
    /// A blue-green update waits before its switch.
    pub const BLUE_GREEN_PAUSE: &str = "BlueGreenPause";
}

/// Values of [`RolloutCondition::kind`].
pub mod condition_type {
    /// The manifest contradicts itself or names what is not there.
    pub const INVALID_SPEC: &str = "InvalidSpec";
    /// Enough pods are available.
    pub const AVAILABLE: &str = "Available";
    /// Whether the update moves, and why.
    pub const PROGRESSING: &str = "Progressing";
    /// A ReplicaSet cannot make or remove pods.
    pub const REPLICA_FAILURE: &str = "ReplicaFailure";
    /// Somebody or something paused it.
    pub const PAUSED: &str = "Paused";
    /// The new version is the stable one.
    pub const COMPLETED: &str = "Completed";
    /// It is at its end, in good health.
    pub const HEALTHY: &str = "Healthy";
}
