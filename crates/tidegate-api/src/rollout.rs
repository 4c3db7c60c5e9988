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

use serde::{Deserialize, Serialize};

use crate::{
    meta::{LabelSelector, ObjectMeta, Time},
    pod_template::PodTemplate,
};

/// Pods of one template, moved from version to version step by step, judged on the way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rollout {
    /// Name, labels, annotations and what Kubernetes adds.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub spec: RolloutSpec,
    /// What is. Written by the controller alone.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub status: RolloutStatus,
}

#[expect(clippy::struct_excessive_bools, reason = "the wire has these fields")]
/// What is wanted of a Rollout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutSpec {
    /// Number of pods; 1 if absent. Keeps QUE-17.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Which pods belong to this Rollout; must match the template's labels and never changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
    /// The pods. A change of it is a new version and starts an update.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub template: PodTemplate,
    /// Takes the template from another object instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload_ref: Option<ObjectRef>,
    /// Seconds that a pod must be ready before it counts as available; 0 if absent.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub min_ready_seconds: i32,
    /// Going back to a recent version skips steps and analysis. Keeps RBK-02.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback_window: Option<RollbackWindowSpec>,
    /// How a new version replaces the old one; exactly one member is given.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub strategy: RolloutStrategy,
    /// Old ReplicaSets kept for going back; 10 if absent, 0 keeps none. Keeps REV-06.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision_history_limit: Option<i32>,
    /// Stops updates until it is false again.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub paused: bool,
    /// Seconds without progress after which the update counts as stuck; 600 if absent. Keeps
    /// PDL-01.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress_deadline_seconds: Option<i32>,
    /// Takes an update back when it is stuck, instead of only saying so. Keeps PDL-04.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub progress_deadline_abort: bool,
    /// Pods created before this instant are replaced, a few at a time. Keeps AVL-02.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub restart_at: Option<Time>,
    /// How many finished AnalysisRuns and Experiments are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<AnalysisRunStrategy>,
}

/// The workload whose pod template a Rollout takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectRef {
    /// Its group and version, such as apps/v1.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub api_version: String,
    /// Deployment, ReplicaSet or `PodTemplate`. Keeps WLR-01.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub kind: String,
    /// Its name, in the same namespace.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub name: String,
    /// When a Deployment goes to zero pods: never, onsuccess or progressively; never if absent.
    /// Keeps WLR-06.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub scale_down: String,
}

/// How a new version replaces the old one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutStrategy {
    /// The new version comes up whole beside the old one, then traffic switches at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blue_green: Option<BlueGreenStrategy>,
    /// The new version takes over in steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryStrategy>,
}

/// How far back a version is still recent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RollbackWindowSpec {
    /// Versions between the new and the stable one must be fewer than this; 0 means no window.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub revisions: i32,
}

/// How many finished runs are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisRunStrategy {
    /// Successful runs kept; 5 if absent. Keeps ANA-16.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successful_run_history_limit: Option<i32>,
    /// Failed, erroneous and inconclusive runs kept; 5 if absent. Keeps ANA-16.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsuccessful_run_history_limit: Option<i32>,
}

/// Keeps pods of different versions on different nodes. Exactly one member is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AntiAffinity {
    /// Where the scheduler can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_during_scheduling_ignored_during_execution:
        Option<PreferredDuringSchedulingIgnoredDuringExecution>,
    /// Always; a pod waits until a node is free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_during_scheduling_ignored_during_execution:
        Option<RequiredDuringSchedulingIgnoredDuringExecution>,
}

/// A wish to the scheduler.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PreferredDuringSchedulingIgnoredDuringExecution {
    /// How strong it is, from 1 to 100.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub weight: i32,
}

/// A demand to the scheduler.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequiredDuringSchedulingIgnoredDuringExecution {}

/// Labels and annotations for pods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodTemplateMetadata {
    /// Labels that are added.
    #[serde(
        deserialize_with = "crate::lenient::map",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub labels: BTreeMap<String, String>,
    /// Annotations that are added.
    #[serde(
        deserialize_with = "crate::lenient::map",
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
