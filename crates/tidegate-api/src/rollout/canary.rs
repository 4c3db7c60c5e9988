//! The canary strategy and its steps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    analysis::{DryRun, MeasurementRetention},
    int_or_string::IntOrString,
    meta::LabelSelector,
    rollout::{AntiAffinity, PodTemplateMetadata, RolloutTrafficRouting},
};

/// The new version takes over in steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryStrategy {
    /// Service that selects the new version's pods. Needed by routers.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub canary_service: String,
    /// Service that selects the stable version's pods. Needed by routers.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub stable_service: String,
    /// What happens one after the other; without any, pods are replaced at once within `maxSurge`
    /// and `maxUnavailable`.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub steps: Vec<CanaryStep>,
    /// Splits requests by weight; without it, weight is the share of pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic_routing: Option<RolloutTrafficRouting>,
    /// Pods that may be missing during an update, a number or a percentage; 25% if absent. Keeps
    /// CAN-01.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrString>,
    /// Pods that may be there beyond replicas during an update, a number or a percentage; 25% if
    /// absent. Keeps CAN-01.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_surge: Option<IntOrString>,
    /// Runs in the background during the whole update.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<RolloutAnalysisBackground>,
    /// Keeps pods of different versions on different nodes. Keeps EPH-06.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anti_affinity: Option<AntiAffinity>,
    /// Labels and annotations of pods as long as their version is the canary. Keeps EPH-01.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_metadata: Option<PodTemplateMetadata>,
    /// Labels and annotations of pods as long as their version is the stable one. Keeps EPH-01.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stable_metadata: Option<PodTemplateMetadata>,
    /// Seconds that the old version stays up after a promotion; 30 if absent. Only with
    /// `trafficRouting`. Keeps TRF-40.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down_delay_seconds: Option<i32>,
    /// Old versions that may wait for their scale-down at once; no limit if absent. Keeps TRF-42.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down_delay_revision_limit: Option<i32>,
    /// Seconds that the canary stays up after an abort; 30 if absent, 0 means for ever. Only with
    /// `trafficRouting`. Keeps TRF-46.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_scale_down_delay_seconds: Option<i32>,
    /// Shrinks the stable version as weight moves away from it. Only with `trafficRouting`. Keeps
    /// TRF-33.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub dynamic_stable_scale: bool,
    /// Two Services that change roles with each update, instead of `canaryService` and
    /// `stableService`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ping_pong: Option<PingPongSpec>,
    /// Least number of pods of a version that gets traffic; none if absent. Only with
    /// `trafficRouting`. Keeps TRF-32.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_pods_per_replica_set: Option<i32>,
    /// Share of a step's pods that suffices to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica_progress_threshold: Option<ReplicaProgressThreshold>,
}

/// Two Services that change roles with each update.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PingPongSpec {
    /// One Service.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub ping_service: String,
    /// The other Service.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub pong_service: String,
}

/// How many of a step's pods must be available before the next step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReplicaProgressThreshold {
    /// Percent or Pods.
    #[serde(rename = "type", deserialize_with = "crate::lenient::null_as_default")]
    pub kind: String,
    /// The percentage (1 to 100) or the number of pods.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub value: i32,
}

/// One step of a canary. Exactly one member is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryStep {
    /// Gives the new version this share of the traffic, from 0 to 100 or `maxTrafficWeight`. Keeps
    /// CAN-30.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_weight: Option<i32>,
    /// Waits for a time or for a person. Keeps CAN-31.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<RolloutPause>,
    /// Runs versions side by side and waits for the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<RolloutExperimentStep>,
    /// Measures, and waits for the verdict. Keeps ANA-11.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<RolloutAnalysis>,
    /// Sets the new version's number of pods apart from its weight. Only with `trafficRouting`.
    /// Keeps TRF-51.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_canary_scale: Option<SetCanaryScale>,
    /// Sends requests with certain headers to the new version. Only with routers that can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_header_route: Option<SetHeaderRoute>,
    /// Copies requests to the new version, whose answers are thrown away. Only with routers that
    /// can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_mirror_route: Option<SetMirrorRoute>,
    /// Runs a step plugin. Keeps TRF-60.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginStep>,
}

/// A wait.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutPause {
    /// Seconds, or a duration such as 1h30m; without it, until a person resumes. Keeps CAN-31.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<IntOrString>,
}

/// The new version's number of pods, apart from its weight. At most one member is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SetCanaryScale {
    /// Percentage of replicas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i32>,
    /// Number of pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Follows the weight again.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub match_traffic_weight: bool,
}

/// Sends requests with certain headers to the new version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SetHeaderRoute {
    /// The route, one of `managedRoutes`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub name: String,
    /// Headers, all of which a request must have; without any the route is removed.
    #[serde(
        rename = "match",
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub matches: Vec<HeaderRoutingMatch>,
}

/// One header that a request must have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HeaderRoutingMatch {
    /// The header.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub header_name: String,
    /// Its value.
    pub header_value: Option<StringMatch>,
}

/// Copies requests to the new version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SetMirrorRoute {
    /// The route, one of `managedRoutes`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// Requests that are copied, those of any item; without any the route is removed.
    #[serde(
        rename = "match",
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub matches: Vec<RouteMatch>,
    /// Share of the matching requests, from 0 to 100; 100 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentage: Option<i32>,
}

/// What a request must look like; all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteMatch {
    /// Its method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<StringMatch>,
    /// Its path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<StringMatch>,
    /// Its headers, by name.
    #[serde(
        deserialize_with = "crate::lenient::map",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub headers: BTreeMap<String, StringMatch>,
}

/// What a text must look like. Exactly one member is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StringMatch {
    /// It is this.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub exact: String,
    /// It begins with this.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub prefix: String,
    /// It matches this regular expression.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub regex: String,
}

/// A step that a plugin carries out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PluginStep {
    /// The plugin, as the controller's configuration names it.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// Handed to the plugin as it is.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Value::is_null"
    )]
    pub config: Value,
}

/// Which templates an AnalysisRun is made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutAnalysis {
    /// The templates; their metrics are put together. Keeps ANA-04.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub templates: Vec<AnalysisTemplateRef>,
    /// Values for the templates' arguments. Keeps ANA-07.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub args: Vec<AnalysisRunArgument>,
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
    /// Labels and annotations of the AnalysisRun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis_run_metadata: Option<AnalysisRunMetadata>,
}

/// An analysis during the whole update.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutAnalysisBackground {
    /// The analysis itself.
    #[serde(flatten)]
    pub analysis: RolloutAnalysis,
    /// Index of the step at which it begins; 0 if absent. Keeps TRF-54.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starting_step: Option<i32>,
}

/// A reference to a template.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisTemplateRef {
    /// Its name.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub template_name: String,
    /// Whether it is a `ClusterAnalysisTemplate`; false if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_scope: Option<bool>,
}

/// A value for an argument, given by a Rollout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisRunArgument {
    /// The argument.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// Its value.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub value: String,
    /// Where its value comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ArgumentValueFrom>,
}

/// Where a value comes from. Exactly one member is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ArgumentValueFrom {
    /// The hash of a version: Stable or Latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_template_hash_value: Option<String>,
    /// A field of the Rollout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_ref: Option<FieldRef>,
}

/// A field of an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FieldRef {
    /// Its path, such as `metadata.labels['region']`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub field_path: String,
}

/// Labels and annotations of an AnalysisRun.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisRunMetadata {
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

/// A step that runs an Experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutExperimentStep {
    /// The versions that run side by side.
    #[serde(deserialize_with = "crate::lenient::list")]
    pub templates: Vec<RolloutExperimentTemplate>,
    /// How long it lasts, such as 30m; without it, until its analyses end.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub duration: String,
    /// What is measured meanwhile.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub analyses: Vec<RolloutExperimentStepAnalysisTemplateRef>,
    /// Metrics that are measured but not judged.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub dry_run: Vec<DryRun>,
    /// Labels and annotations of the AnalysisRuns.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub analysis_run_metadata: AnalysisRunMetadata,
    /// Seconds that the pods stay up after the end; 30 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down_delay_seconds: Option<i32>,
}

/// One version of an Experiment, as a step names it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutExperimentTemplate {
    /// Its name within the Experiment.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// Whose pods it runs: stable or canary.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub spec_ref: String,
    /// Number of pods; 1 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Labels and annotations that its pods get.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metadata: PodTemplateMetadata,
    /// Which pods are its own; the Rollout's selector if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
    /// Share of the traffic it gets, from 0 to 100. Only with routers that can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i32>,
    /// Makes a Service for its pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<TemplateService>,
}

/// What an Experiment of a step measures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutExperimentStepAnalysisTemplateRef {
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
    pub args: Vec<AnalysisRunArgument>,
    /// Whether the Experiment waits for its end.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub required_for_completion: bool,
}

/// A Service for the pods of an Experiment's template.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateService {
    /// Its name; made from the Experiment's and the template's if absent.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub name: String,
}
