//! What the controller says of a Rollout.

use crate::meta::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[expect(clippy::struct_excessive_bools, reason = "the wire has these fields")]
/// `RolloutStatus` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutStatus {
    /// `abort`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub abort: bool,
    /// `pauseConditions`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub pause_conditions: Vec<PauseCondition>,
    /// `controllerPause`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub controller_pause: bool,
    /// `abortedAt`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub aborted_at: Option<Time>,
    /// `currentPodHash`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub current_pod_hash: String,
    /// `currentStepHash`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub current_step_hash: String,
    /// `replicas`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub replicas: i32,
    /// `updatedReplicas`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub updated_replicas: i32,
    /// `readyReplicas`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub ready_replicas: i32,
    /// `availableReplicas`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub available_replicas: i32,
    /// `currentStepIndex`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_step_index: Option<i32>,
    /// `collisionCount`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collision_count: Option<i32>,
    /// `observedGeneration`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub observed_generation: String,
    /// `conditions`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub conditions: Vec<RolloutCondition>,
    /// `canary`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub canary: CanaryStatus,
    /// `blueGreen`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub blue_green: BlueGreenStatus,
    /// `HPAReplicas`.
    #[serde(
        rename = "HPAReplicas",
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub hpa_replicas: i32,
    /// `selector`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub selector: String,
    /// `stableRS`.
    #[serde(
        rename = "stableRS",
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub stable_rs: String,
    /// `restartedAt`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub restarted_at: Option<Time>,
    /// `promoteFull`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub promote_full: bool,
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
    /// `workloadObservedGeneration`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub workload_observed_generation: String,
    /// `alb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alb: Option<AlbStatus>,
    /// `albs`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub albs: Vec<AlbStatus>,
    /// `duration`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<RolloutDurationStatus>,
}

/// `PauseCondition` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PauseCondition {
    /// `reason`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub reason: String,
    /// `startTime`.
    #[serde(deserialize_with = "crate::lenient::time")]
    pub start_time: Option<Time>,
}

/// `RolloutCondition` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutCondition {
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

/// `CanaryStatus` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryStatus {
    /// `currentStepAnalysisRunStatus`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_step_analysis_run_status: Option<RolloutAnalysisRunStatus>,
    /// `currentBackgroundAnalysisRunStatus`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_background_analysis_run_status: Option<RolloutAnalysisRunStatus>,
    /// `currentExperiment`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub current_experiment: String,
    /// `weights`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<TrafficWeights>,
    /// `stablePingPong`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub stable_ping_pong: String,
    /// `stepPluginStatuses`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub step_plugin_statuses: Vec<StepPluginStatus>,
}

/// `TrafficWeights` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TrafficWeights {
    /// `canary`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub canary: WeightDestination,
    /// `stable`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub stable: WeightDestination,
    /// `additional`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub additional: Vec<WeightDestination>,
    /// `verified`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
}

/// `WeightDestination` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WeightDestination {
    /// `weight`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub weight: i32,
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

/// `RolloutAnalysisRunStatus` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutAnalysisRunStatus {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// `status`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub status: String,
    /// `message`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub message: String,
}

/// `StepPluginStatus` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StepPluginStatus {
    /// `index`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub index: i32,
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// `operation`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub operation: String,
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
    /// `startedAt`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub started_at: Option<Time>,
    /// `updatedAt`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub updated_at: Option<Time>,
    /// `finishedAt`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub finished_at: Option<Time>,
    /// `backoff`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub backoff: String,
    /// `executions`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub executions: i32,
    /// `disabled`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub disabled: bool,
    /// `status`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Value::is_null"
    )]
    pub status: Value,
}

/// `BlueGreenStatus` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlueGreenStatus {
    /// `previewSelector`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub preview_selector: String,
    /// `activeSelector`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub active_selector: String,
    /// `scaleUpPreviewCheckPoint`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub scale_up_preview_check_point: bool,
    /// `prePromotionAnalysisRunStatus`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_promotion_analysis_run_status: Option<RolloutAnalysisRunStatus>,
    /// `postPromotionAnalysisRunStatus`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_promotion_analysis_run_status: Option<RolloutAnalysisRunStatus>,
}

/// `ALBStatus` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AlbStatus {
    /// `loadBalancer`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub load_balancer: AwsResourceRef,
    /// `canaryTargetGroup`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub canary_target_group: AwsResourceRef,
    /// `stableTargetGroup`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub stable_target_group: AwsResourceRef,
    /// `ingress`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub ingress: String,
}

/// `AwsResourceRef` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AwsResourceRef {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// `arn`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub arn: String,
    /// `fullName`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub full_name: String,
}

/// `RolloutDurationStatus` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutDurationStatus {
    /// `rolloutStartedAt`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub rollout_started_at: Option<Time>,
    /// `manualPauseStartedAt`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub manual_pause_started_at: Option<Time>,
    /// `totalManualPauseDurationSeconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_manual_pause_duration_seconds: Option<i64>,
    /// `finishedAt`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::lenient::time"
    )]
    pub finished_at: Option<Time>,
    /// `completionStatus`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_status: Option<String>,
}
