//! Metric providers, as manifests name them.

use std::collections::BTreeMap;

use crate::{int_or_string::IntOrString, meta::ObjectMeta};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `MetricProvider` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricProvider {
    /// `prometheus`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<PrometheusMetric>,
    /// `kayenta`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kayenta: Option<KayentaMetric>,
    /// `web`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web: Option<WebMetric>,
    /// `datadog`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datadog: Option<DatadogMetric>,
    /// `wavefront`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wavefront: Option<WavefrontMetric>,
    /// `newRelic`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_relic: Option<NewRelicMetric>,
    /// `job`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<JobMetric>,
    /// `cloudWatch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_watch: Option<CloudWatchMetric>,
    /// `graphite`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graphite: Option<GraphiteMetric>,
    /// `influxdb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub influxdb: Option<InfluxdbMetric>,
    /// `skywalking`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skywalking: Option<SkyWalkingMetric>,
    /// `plugin`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub plugin: BTreeMap<String, Value>,
}

/// `PrometheusMetric` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PrometheusMetric {
    /// `address`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub address: String,
    /// `query`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub query: String,
    /// `authentication`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub authentication: Authentication,
    /// `timeout`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,
    /// `insecure`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub insecure: bool,
    /// `headers`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub headers: Vec<WebMetricHeader>,
    /// `rangeQuery`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range_query: Option<PrometheusRangeQueryArgs>,
}

/// `PrometheusRangeQueryArgs` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PrometheusRangeQueryArgs {
    /// `start`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub start: String,
    /// `end`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub end: String,
    /// `step`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub step: String,
}

/// `Authentication` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Authentication {
    /// `sigv4`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub sigv4: Sigv4Config,
    /// `oauth2`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub oauth2: OAuth2Config,
    /// `basicAuth`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub basic_auth: BasicAuthConfig,
}

/// `Sigv4Config` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sigv4Config {
    /// `region`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub region: String,
    /// `profile`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub profile: String,
    /// `roleArn`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub role_arn: String,
}

/// `OAuth2Config` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OAuth2Config {
    /// `tokenUrl`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub token_url: String,
    /// `clientId`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub client_id: String,
    /// `clientSecret`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub client_secret: String,
    /// `scopes`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub scopes: Vec<String>,
}

/// `BasicAuthConfig` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BasicAuthConfig {
    /// `username`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub username: String,
    /// `password`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub password: String,
}

/// `WebMetric` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WebMetric {
    /// `method`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub method: String,
    /// `url`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub url: String,
    /// `headers`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub headers: Vec<WebMetricHeader>,
    /// `body`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub body: String,
    /// `timeoutSeconds`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub timeout_seconds: i64,
    /// `jsonPath`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub json_path: String,
    /// `insecure`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub insecure: bool,
    /// `jsonBody`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Value::is_null"
    )]
    pub json_body: Value,
    /// `authentication`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub authentication: Authentication,
}

/// `WebMetricHeader` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WebMetricHeader {
    /// `key`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub key: String,
    /// `value`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub value: String,
}

/// `JobMetric` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JobMetric {
    /// `metadata`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metadata: ObjectMeta,
    /// `spec`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub spec: Value,
}

/// `DatadogMetric` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DatadogMetric {
    /// `interval`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub interval: String,
    /// `query`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub query: String,
    /// `queries`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub queries: BTreeMap<String, String>,
    /// `formula`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub formula: String,
    /// `apiVersion`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub api_version: String,
    /// `aggregator`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub aggregator: String,
    /// `secretRef`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub secret_ref: SecretRef,
    /// `requestTimeout`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub request_timeout: String,
}

/// `SecretRef` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretRef {
    /// `name`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub name: String,
    /// `namespaced`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub namespaced: bool,
}

/// `WavefrontMetric` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WavefrontMetric {
    /// `address`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub address: String,
    /// `query`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub query: String,
}

/// `NewRelicMetric` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NewRelicMetric {
    /// `profile`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub profile: String,
    /// `query`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub query: String,
    /// `timeout`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,
}

/// `CloudWatchMetric` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CloudWatchMetric {
    /// `interval`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub interval: String,
    /// `metricDataQueries`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metric_data_queries: Vec<CloudWatchMetricDataQuery>,
}

/// `CloudWatchMetricDataQuery` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CloudWatchMetricDataQuery {
    /// `id`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub id: String,
    /// `expression`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// `label`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// `metricStat`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_stat: Option<CloudWatchMetricStat>,
    /// `period`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<IntOrString>,
    /// `returnData`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_data: Option<bool>,
}

/// `CloudWatchMetricStat` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CloudWatchMetricStat {
    /// `metric`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metric: CloudWatchMetricStatMetric,
    /// `period`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub period: IntOrString,
    /// `stat`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub stat: String,
    /// `unit`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub unit: String,
}

/// `CloudWatchMetricStatMetric` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CloudWatchMetricStatMetric {
    /// `dimensions`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub dimensions: Vec<CloudWatchMetricStatMetricDimension>,
    /// `metricName`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub metric_name: String,
    /// `namespace`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// `CloudWatchMetricStatMetricDimension` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CloudWatchMetricStatMetricDimension {
    /// `name`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub name: String,
    /// `value`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub value: String,
}

/// `GraphiteMetric` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GraphiteMetric {
    /// `address`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub address: String,
    /// `query`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub query: String,
}

/// `InfluxdbMetric` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InfluxdbMetric {
    /// `profile`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub profile: String,
    /// `query`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub query: String,
}

/// `SkyWalkingMetric` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SkyWalkingMetric {
    /// `address`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub address: String,
    /// `query`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub query: String,
    /// `interval`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub interval: String,
}

/// `KayentaMetric` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KayentaMetric {
    /// `address`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub address: String,
    /// `application`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub application: String,
    /// `canaryConfigName`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub canary_config_name: String,
    /// `metricsAccountName`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metrics_account_name: String,
    /// `configurationAccountName`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub configuration_account_name: String,
    /// `storageAccountName`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub storage_account_name: String,
    /// `threshold`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub threshold: KayentaThreshold,
    /// `scopes`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub scopes: Vec<KayentaScope>,
    /// `lookback`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub lookback: bool,
}

/// `KayentaThreshold` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KayentaThreshold {
    /// `pass`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub pass: i64,
    /// `marginal`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub marginal: i64,
}

/// `KayentaScope` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KayentaScope {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// `controlScope`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub control_scope: ScopeDetail,
    /// `experimentScope`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub experiment_scope: ScopeDetail,
}

/// `ScopeDetail` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScopeDetail {
    /// `scope`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub scope: String,
    /// `region`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub region: String,
    /// `step`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub step: i64,
    /// `start`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub start: String,
    /// `end`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub end: String,
}
