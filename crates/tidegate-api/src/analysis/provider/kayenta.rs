//! Kayenta: a judge of two versions that measures by itself.

use serde::{Deserialize, Serialize};

/// A Kayenta server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KayentaMetric {
    /// Its URL.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub address: String,
    /// The application.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub application: String,
    /// The canary configuration.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub canary_config_name: String,
    /// Account that metrics are read with.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metrics_account_name: String,
    /// Account that the configuration is read with.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub configuration_account_name: String,
    /// Account that results are stored with.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub storage_account_name: String,
    /// From which score on it is good.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub threshold: KayentaThreshold,
    /// What is compared.
    #[serde(deserialize_with = "crate::lenient::list")]
    pub scopes: Vec<KayentaScope>,
    /// Whether a judgement covers all since the run began, instead of the newest interval.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub lookback: bool,
}

/// What a score means.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KayentaThreshold {
    /// A score of at least this is good.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub pass: i64,
    /// A score of at least this is not bad.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub marginal: i64,
}

/// What is compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KayentaScope {
    /// Its name.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// What it is compared with.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub control_scope: ScopeDetail,
    /// What is judged.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub experiment_scope: ScopeDetail,
}

/// A part of the metrics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScopeDetail {
    /// Which, such as a pod template hash.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub scope: String,
    /// Region.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub region: String,
    /// Seconds between two values.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub step: i64,
    /// First instant, RFC 3339; follows from lookback if absent.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub start: String,
    /// Last instant, RFC 3339; now if absent.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub end: String,
}
