//! Routers: who splits the traffic of a canary.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `RolloutTrafficRouting` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutTrafficRouting {
    /// `istio`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub istio: Option<IstioTrafficRouting>,
    /// `nginx`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nginx: Option<NginxTrafficRouting>,
    /// `alb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alb: Option<AlbTrafficRouting>,
    /// `smi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smi: Option<SmiTrafficRouting>,
    /// `ambassador`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ambassador: Option<AmbassadorTrafficRouting>,
    /// `appMesh`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_mesh: Option<AppMeshTrafficRouting>,
    /// `traefik`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traefik: Option<TraefikTrafficRouting>,
    /// `managedRoutes`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub managed_routes: Vec<ManagedRoute>,
    /// `apisix`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apisix: Option<ApisixTrafficRouting>,
    /// `plugins`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub plugins: BTreeMap<String, Value>,
    /// `maxTrafficWeight`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_traffic_weight: Option<i32>,
}

/// `MangedRoutes` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedRoute {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
}

/// `NginxTrafficRouting` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NginxTrafficRouting {
    /// `annotationPrefix`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub annotation_prefix: String,
    /// `stableIngress`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub stable_ingress: String,
    /// `additionalIngressAnnotations`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub additional_ingress_annotations: BTreeMap<String, String>,
    /// `stableIngresses`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub stable_ingresses: Vec<String>,
    /// `canaryIngressAnnotations`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub canary_ingress_annotations: BTreeMap<String, String>,
}

/// `IstioTrafficRouting` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IstioTrafficRouting {
    /// `virtualService`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_service: Option<IstioVirtualService>,
    /// `destinationRule`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_rule: Option<IstioDestinationRule>,
    /// `virtualServices`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub virtual_services: Vec<IstioVirtualService>,
}

/// `IstioVirtualService` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IstioVirtualService {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// `routes`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub routes: Vec<String>,
    /// `tlsRoutes`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tls_routes: Vec<TlsRoute>,
    /// `tcpRoutes`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tcp_routes: Vec<TcpRoute>,
}

/// `IstioDestinationRule` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IstioDestinationRule {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// `canarySubsetName`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub canary_subset_name: String,
    /// `stableSubsetName`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub stable_subset_name: String,
    /// `additionalSubsetNames`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub additional_subset_names: Vec<String>,
}

/// `TLSRoute` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsRoute {
    /// `port`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub port: i64,
    /// `sniHosts`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub sni_hosts: Vec<String>,
}

/// `TCPRoute` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpRoute {
    /// `port`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub port: i64,
}

/// `ALBTrafficRouting` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AlbTrafficRouting {
    /// `ingress`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub ingress: String,
    /// `servicePort`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub service_port: i32,
    /// `rootService`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub root_service: String,
    /// `annotationPrefix`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub annotation_prefix: String,
    /// `stickinessConfig`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stickiness_config: Option<StickinessConfig>,
    /// `ingresses`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ingresses: Vec<String>,
}

/// `StickinessConfig` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StickinessConfig {
    /// `enabled`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub enabled: bool,
    /// `durationSeconds`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub duration_seconds: i64,
}

/// `SMITrafficRouting` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SmiTrafficRouting {
    /// `rootService`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub root_service: String,
    /// `trafficSplitName`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub traffic_split_name: String,
}

/// `AmbassadorTrafficRouting` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AmbassadorTrafficRouting {
    /// `mappings`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub mappings: Vec<String>,
}

/// `AppMeshTrafficRouting` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AppMeshTrafficRouting {
    /// `virtualService`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_service: Option<AppMeshVirtualService>,
    /// `virtualNodeGroup`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_node_group: Option<AppMeshVirtualNodeGroup>,
}

/// `AppMeshVirtualService` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AppMeshVirtualService {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// `routes`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub routes: Vec<String>,
}

/// `AppMeshVirtualNodeGroup` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AppMeshVirtualNodeGroup {
    /// `canaryVirtualNodeRef`.
    pub canary_virtual_node_ref: Option<AppMeshVirtualNodeReference>,
    /// `stableVirtualNodeRef`.
    pub stable_virtual_node_ref: Option<AppMeshVirtualNodeReference>,
}

/// `AppMeshVirtualNodeReference` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AppMeshVirtualNodeReference {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
}

/// `TraefikTrafficRouting` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TraefikTrafficRouting {
    /// `weightedTraefikServiceName`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub weighted_traefik_service_name: String,
}

/// `ApisixTrafficRouting` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApisixTrafficRouting {
    /// `route`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<ApisixRoute>,
}

/// `ApisixRoute` of the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApisixRoute {
    /// `name`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// `rules`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub rules: Vec<String>,
}
