//! What the controller says of a Rollout.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::meta::Time;

#[expect(clippy::struct_excessive_bools, reason = "the wire has these fields")]
/// What is of a Rollout. Written by the controller; people and tools may set abort, `promoteFull`
/// and clear `pauseConditions`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutStatus {
    /// Take the update back. Set by a person or by the controller. Keeps ANA-14.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub abort: bool,
    /// Why the controller waits; clearing it resumes.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub pause_conditions: Vec<PauseCondition>,
    /// Whether the controller paused. True without `pauseConditions` means that a person resumed.
    /// Keeps STS-11.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub controller_pause: bool,
    /// When it was aborted.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub aborted_at: Option<Time>,
    /// Hash of the current pod template. Keeps STS-02.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub current_pod_hash: String,
    /// Hash of the current steps; a change starts them anew. Keeps CAN-60.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub current_step_hash: String,
    /// Pods of all versions.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub replicas: i32,
    /// Pods of the current version.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub updated_replicas: i32,
    /// Ready pods of all versions.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub ready_replicas: i32,
    /// Available pods of all versions.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub available_replicas: i32,
    /// Step that is being done; the number of steps means that all are done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_step_index: Option<i32>,
    /// How often a ReplicaSet's name was taken; goes into the hash. Keeps RSI-08.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collision_count: Option<i32>,
    /// The generation, in digits, that this status is about.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub observed_generation: String,
    /// What holds, one item for each type. Keeps STS-03.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub conditions: Vec<RolloutCondition>,
    /// What is of a canary.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub canary: CanaryStatus,
    /// What is of a blue-green update.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub blue_green: BlueGreenStatus,
    /// Pods as autoscalers count them. Keeps SCL-06.
    #[serde(
        rename = "HPAReplicas",
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub hpa_replicas: i32,
    /// Label selector of the pods that autoscalers look at. Keeps SCL-06.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub selector: String,
    /// Hash of the stable version; empty before the first. Keeps RSI-11.
    #[serde(
        rename = "stableRS",
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub stable_rs: String,
    /// The `restartAt` that has been done. Keeps AVL-02.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub restarted_at: Option<Time>,
    /// Go to the end at once, without steps. Set by a person.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub promote_full: bool,
    /// Healthy, Degraded, Progressing or Paused. Keeps STS-10.
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
    /// The generation of the object behind `workloadRef`, in digits. Keeps WLR-05.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub workload_observed_generation: String,
    /// The load balancer behind the ingress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alb: Option<AlbStatus>,
    /// The load balancers behind the ingresses.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub albs: Vec<AlbStatus>,
    /// How long this update takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<RolloutDurationStatus>,
}

/// One reason to wait.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PauseCondition {
    /// `CanaryPauseStep`, `BlueGreenPause`, `InconclusiveAnalysisRun` or `InconclusiveExperiment`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub reason: String,
    /// Since when.
    #[serde(deserialize_with = "crate::lenient::time")]
    pub start_time: Option<Time>,
}

/// One thing that holds, or does not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutCondition {
    /// `InvalidSpec`, Available, Progressing, `ReplicaFailure`, Paused, Completed or Healthy.
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

/// What is of a canary.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryStatus {
    /// The current step's AnalysisRun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_step_analysis_run_status: Option<RolloutAnalysisRunStatus>,
    /// The background AnalysisRun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_background_analysis_run_status: Option<RolloutAnalysisRunStatus>,
    /// The current step's Experiment.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub current_experiment: String,
    /// Who gets which share of the traffic, as last set. Keeps TRF-22.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<TrafficWeights>,
    /// Which of the `pingPong` Services is the stable one: ping or pong.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub stable_ping_pong: String,
    /// What step plugins said. Keeps TRF-64.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub step_plugin_statuses: Vec<StepPluginStatus>,
}

/// Who gets which share of the traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TrafficWeights {
    /// The new version.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub canary: WeightDestination,
    /// The stable version.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub stable: WeightDestination,
    /// Versions of Experiments.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub additional: Vec<WeightDestination>,
    /// Whether the router says that it is so; absent if it cannot say. Keeps TRF-23.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
}

/// One version's share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WeightDestination {
    /// Its share.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub weight: i32,
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

/// An AnalysisRun of this Rollout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutAnalysisRunStatus {
    /// Its name.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// Its phase.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub status: String,
    /// Why the phase is what it is.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub message: String,
}

/// What a step plugin said when it was last asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StepPluginStatus {
    /// Index of its step.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub index: i32,
    /// The plugin.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// What it was asked to do: Run, Terminate or Abort.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub operation: String,
    /// Running, Successful, Failed or Error.
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
    /// When it was first asked.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub started_at: Option<Time>,
    /// When it was last asked.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub updated_at: Option<Time>,
    /// When it was done.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub finished_at: Option<Time>,
    /// How long to wait before it is asked again.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub backoff: String,
    /// How often it was asked.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub executions: i32,
    /// Whether the controller's configuration turns it off.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub disabled: bool,
    /// What the plugin wants to be told next time.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Value::is_null"
    )]
    pub status: Value,
}

/// What is of a blue-green update.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlueGreenStatus {
    /// Hash that `previewService` selects. Keeps BG-21.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub preview_selector: String,
    /// Hash that `activeService` selects. Keeps BG-21.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub active_selector: String,
    /// Whether the new version may grow from `previewReplicaCount` to replicas. Keeps BG-05.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub scale_up_preview_check_point: bool,
    /// The AnalysisRun before the switch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_promotion_analysis_run_status: Option<RolloutAnalysisRunStatus>,
    /// The AnalysisRun after the switch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_promotion_analysis_run_status: Option<RolloutAnalysisRunStatus>,
}

/// An AWS load balancer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AlbStatus {
    /// The load balancer.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub load_balancer: AwsResourceRef,
    /// The new version's targets.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub canary_target_group: AwsResourceRef,
    /// The stable version's targets.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub stable_target_group: AwsResourceRef,
    /// The ingress it belongs to.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub ingress: String,
}

/// Something in AWS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AwsResourceRef {
    /// Its name.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// Its Amazon resource name.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub arn: String,
    /// Its name with type and id, as `CloudWatch` wants it.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub full_name: String,
}

/// How long an update takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutDurationStatus {
    /// When it began.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub rollout_started_at: Option<Time>,
    /// Since when it waits for a person.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub manual_pause_started_at: Option<Time>,
    /// Seconds that it waited for a person before that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_manual_pause_duration_seconds: Option<i64>,
    /// When it was promoted, aborted or superseded.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub finished_at: Option<Time>,
    /// How it ends: Promoted, `FastPromoted`, Aborted, Superseded, `RolledBack` or
    /// `FastRolledBack`. Known before the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_status: Option<String>,
}
