//! One metric: how often, how judged, by whom.

use serde::{Deserialize, Serialize};

use crate::{analysis::MetricProvider, int_or_string::IntOrString};

/// One thing that is measured again and again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metric {
    /// Its name, unique within the analysis.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// Time between two measurements, such as 30s; absent means only one. Keeps ANA-21.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub interval: String,
    /// Time before the first measurement. Keeps ANA-36.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub initial_delay: String,
    /// Number of measurements; without it 1, or no end if there is an interval. Keeps ANA-23.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<IntOrString>,
    /// Expression over result that is true when all is well. Keeps ANA-41.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub success_condition: String,
    /// Expression over result that is true when it is not. Keeps ANA-41.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub failure_condition: String,
    /// Failures up to which the metric is good; 0 if absent, -1 means any number. Keeps ANA-27.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_limit: Option<IntOrString>,
    /// Measurements without a verdict up to which the metric has one; 0 if absent. Keeps ANA-27.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inconclusive_limit: Option<IntOrString>,
    /// Errors in a row up to which measuring goes on; 4 if absent. Keeps ANA-27.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consecutive_error_limit: Option<IntOrString>,
    /// Who measures.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub provider: MetricProvider,
    /// Successes in a row that suffice; 0 or absent means that they never do. Keeps ANA-27.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consecutive_success_limit: Option<IntOrString>,
}
