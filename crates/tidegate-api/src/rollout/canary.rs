//! The canary strategy and its steps.

use std::collections::BTreeMap;

use crate::{
    analysis::DryRun, analysis::MeasurementRetention, int_or_string::IntOrString,
    meta::LabelSelector, rollout::AntiAffinity, rollout::PodTemplateMetadata,
    rollout::RolloutTrafficRouting,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `CanaryStrategy` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryStrategy {
    /// `canaryService`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub canary_service: String,
    /// `stableService`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub stable_service: String,
    /// `steps`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub steps: Vec<CanaryStep>,
    /// `trafficRouting`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic_routing: Option<RolloutTrafficRouting>,
    /// `maxUnavailable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrString>,
    /// `maxSurge`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_surge: Option<IntOrString>,
    /// `analysis`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<RolloutAnalysisBackground>,
    /// `antiAffinity`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anti_affinity: Option<AntiAffinity>,
    /// `canaryMetadata`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_metadata: Option<PodTemplateMetadata>,
    /// `stableMetadata`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stable_metadata: Option<PodTemplateMetadata>,
    /// `scaleDownDelaySeconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down_delay_seconds: Option<i32>,
    /// `scaleDownDelayRevisionLimit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down_delay_revision_limit: Option<i32>,
    /// `abortScaleDownDelaySeconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_scale_down_delay_seconds: Option<i32>,
    /// `dynamicStableScale`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub dynamic_stable_scale: bool,
    /// `pingPong`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ping_pong: Option<PingPongSpec>,
    /// `minPodsPerReplicaSet`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_pods_per_replica_set: Option<i32>,
    /// `replicaProgressThreshold`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica_progress_threshold: Option<ReplicaProgressThreshold>,
}

/// `PingPongSpec` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PingPongSpec {
    /// `pingService`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub ping_service: String,
    /// `pongService`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub pong_service: String,
}

/// `ReplicaProgressThreshold` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReplicaProgressThreshold {
    /// `type`.
    #[serde(rename = "type", deserialize_with = "crate::lenient::null_as_default")]
    pub kind: String,
    /// `value`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub value: i32,
}

/// `CanaryStep` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryStep {
    /// `setWeight`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_weight: Option<i32>,
    /// `pause`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<RolloutPause>,
    /// `experiment`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<RolloutExperimentStep>,
    /// `analysis`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<RolloutAnalysis>,
    /// `setCanaryScale`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_canary_scale: Option<SetCanaryScale>,
    /// `setHeaderRoute`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_header_route: Option<SetHeaderRoute>,
    /// `setMirrorRoute`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_mirror_route: Option<SetMirrorRoute>,
    /// `plugin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginStep>,
}

/// `RolloutPause` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutPause {
    /// `duration`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<IntOrString>,
}

/// `SetCanaryScale` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SetCanaryScale {
    /// `weight`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i32>,
    /// `replicas`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// `matchTrafficWeight`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub match_traffic_weight: bool,
}

/// `SetHeaderRoute` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SetHeaderRoute {
    /// `name`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub name: String,
    /// `match`.
    #[serde(
        rename = "match",
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub matches: Vec<HeaderRoutingMatch>,
}

/// `HeaderRoutingMatch` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HeaderRoutingMatch {
    /// `headerName`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub header_name: String,
    /// `headerValue`.
    pub header_value: Option<StringMatch>,
}

/// `SetMirrorRoute` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SetMirrorRoute {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// `match`.
    #[serde(
        rename = "match",
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub matches: Vec<RouteMatch>,
    /// `percentage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentage: Option<i32>,
}

/// `RouteMatch` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteMatch {
    /// `method`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<StringMatch>,
    /// `path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<StringMatch>,
    /// `headers`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub headers: BTreeMap<String, StringMatch>,
}

/// `StringMatch` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StringMatch {
    /// `exact`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub exact: String,
    /// `prefix`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub prefix: String,
    /// `regex`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub regex: String,
}

/// `PluginStep` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PluginStep {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// `config`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Value::is_null"
    )]
    pub config: Value,
}

/// `RolloutAnalysis` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutAnalysis {
    /// `templates`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub templates: Vec<AnalysisTemplateRef>,
    /// `args`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub args: Vec<AnalysisRunArgument>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis_run_metadata: Option<AnalysisRunMetadata>,
}

/// `RolloutAnalysisBackground` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutAnalysisBackground {
    /// The analysis itself.
    #[serde(flatten)]
    pub analysis: RolloutAnalysis,
    /// `startingStep`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starting_step: Option<i32>,
}

/// `AnalysisTemplateRef` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisTemplateRef {
    /// `templateName`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub template_name: String,
    /// `clusterScope`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_scope: Option<bool>,
}

/// `AnalysisRunArgument` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisRunArgument {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// `value`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub value: String,
    /// `valueFrom`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ArgumentValueFrom>,
}

/// `ArgumentValueFrom` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ArgumentValueFrom {
    /// `podTemplateHashValue`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_template_hash_value: Option<String>,
    /// `fieldRef`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_ref: Option<FieldRef>,
}

/// `FieldRef` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FieldRef {
    /// `fieldPath`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub field_path: String,
}

/// `AnalysisRunMetadata` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisRunMetadata {
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

/// `RolloutExperimentStep` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutExperimentStep {
    /// `templates`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub templates: Vec<RolloutExperimentTemplate>,
    /// `duration`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub duration: String,
    /// `analyses`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub analyses: Vec<RolloutExperimentStepAnalysisTemplateRef>,
    /// `dryRun`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub dry_run: Vec<DryRun>,
    /// `analysisRunMetadata`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub analysis_run_metadata: AnalysisRunMetadata,
    /// `scaleDownDelaySeconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down_delay_seconds: Option<i32>,
}

/// `RolloutExperimentTemplate` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutExperimentTemplate {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// `specRef`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub spec_ref: String,
    /// `replicas`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// `metadata`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metadata: PodTemplateMetadata,
    /// `selector`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
    /// `weight`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i32>,
    /// `service`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<TemplateService>,
}

/// `RolloutExperimentStepAnalysisTemplateRef` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutExperimentStepAnalysisTemplateRef {
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
    pub args: Vec<AnalysisRunArgument>,
    /// `requiredForCompletion`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub required_for_completion: bool,
}

/// `TemplateService` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateService {
    /// `name`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub name: String,
}
