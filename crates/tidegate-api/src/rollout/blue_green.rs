//! The blue-green strategy.

use serde::{Deserialize, Serialize};

use crate::{
    int_or_string::IntOrString,
    rollout::{AntiAffinity, PodTemplateMetadata, RolloutAnalysis},
};

/// The new version comes up whole beside the old one, then traffic switches at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlueGreenStrategy {
    /// Service that users reach; its selector is switched. Keeps BG-10.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub active_service: String,
    /// Service that selects the new version before the switch. Keeps BG-02.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub preview_service: String,
    /// Number of pods of the new version until it is promoted; replicas if absent. Keeps BG-04.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview_replica_count: Option<i32>,
    /// Whether the switch comes without a person; true if absent. Keeps BG-07.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_promotion_enabled: Option<bool>,
    /// Seconds between readiness of the new version and the switch; 0 if absent. Keeps BG-09.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub auto_promotion_seconds: i32,
    /// Pods that a restart may take down at once, a number or a percentage; 25% if absent. Keeps
    /// AVL-07.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrString>,
    /// Seconds that the old version stays up after the switch; 30 if absent. Keeps BG-16.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down_delay_seconds: Option<i32>,
    /// Old versions that may wait for their scale-down at once; no limit if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down_delay_revision_limit: Option<i32>,
    /// Measures before the switch; if it fails there is none. Keeps BG-14.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_promotion_analysis: Option<RolloutAnalysis>,
    /// Keeps pods of different versions on different nodes. Keeps EPH-06.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anti_affinity: Option<AntiAffinity>,
    /// Measures after the switch; if it fails traffic goes back. Keeps BG-15.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_promotion_analysis: Option<RolloutAnalysis>,
    /// Labels and annotations of pods as long as their version is in preview. Keeps EPH-01.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview_metadata: Option<PodTemplateMetadata>,
    /// Labels and annotations of pods as long as their version is active. Keeps EPH-01.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_metadata: Option<PodTemplateMetadata>,
    /// Seconds that the new version stays up after an abort; 30 if absent, 0 means for ever. Keeps
    /// BG-17.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_scale_down_delay_seconds: Option<i32>,
}
