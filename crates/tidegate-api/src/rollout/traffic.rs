//! Routers: who splits the traffic of a canary.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who splits the traffic. Several routers may be given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutTrafficRouting {
    /// Istio, by `VirtualService` and optionally `DestinationRule`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub istio: Option<IstioTrafficRouting>,
    /// Ingress NGINX, by a second ingress with canary annotations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nginx: Option<NginxTrafficRouting>,
    /// AWS Load Balancer Controller, by an annotation of an ingress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alb: Option<AlbTrafficRouting>,
    /// Service Mesh Interface, by a `TrafficSplit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smi: Option<SmiTrafficRouting>,
    /// Ambassador (Emissary), by a second Mapping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ambassador: Option<AmbassadorTrafficRouting>,
    /// AWS App Mesh, by a `VirtualService`'s router.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_mesh: Option<AppMeshTrafficRouting>,
    /// Traefik, by a weighted `TraefikService`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traefik: Option<TraefikTrafficRouting>,
    /// Names of routes that steps add, first one first. They go with the update. Keeps TRF-52.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub managed_routes: Vec<ManagedRoute>,
    /// Apache APISIX, by an `ApisixRoute`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apisix: Option<ApisixTrafficRouting>,
    /// Routers by plugin name, each with what is handed to the plugin.
    #[serde(
        deserialize_with = "crate::lenient::map",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub plugins: BTreeMap<String, Value>,
    /// What all weights add up to; 100 if absent. Only nginx and plugins know others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_traffic_weight: Option<i32>,
}

/// A route that steps add.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedRoute {
    /// Its name, unique within the router.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
}

/// Ingress NGINX.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NginxTrafficRouting {
    /// Prefix of the annotations; nginx.ingress.kubernetes.io if absent.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub annotation_prefix: String,
    /// Ingress that leads to `stableService`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub stable_ingress: String,
    /// Annotations of the canary ingress, by name without prefix.
    #[serde(
        deserialize_with = "crate::lenient::map",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub additional_ingress_annotations: BTreeMap<String, String>,
    /// Ingresses that lead to `stableService`, instead of `stableIngress`.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub stable_ingresses: Vec<String>,
    /// Annotations of the canary ingress, by full name.
    #[serde(
        deserialize_with = "crate::lenient::map",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub canary_ingress_annotations: BTreeMap<String, String>,
}

/// Istio.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IstioTrafficRouting {
    /// The `VirtualService` whose weights are set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_service: Option<IstioVirtualService>,
    /// The `DestinationRule` whose subsets are pointed at versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_rule: Option<IstioDestinationRule>,
    /// `VirtualServices` whose weights are set, instead of `virtualService`.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub virtual_services: Vec<IstioVirtualService>,
}

/// A `VirtualService` and which of its routes are meant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IstioVirtualService {
    /// Its name, or `name.namespace`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// HTTP routes by name; may be absent if there is only one.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub routes: Vec<String>,
    /// TLS routes.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tls_routes: Vec<TlsRoute>,
    /// TCP routes.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tcp_routes: Vec<TcpRoute>,
}

/// A `DestinationRule` and its subsets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IstioDestinationRule {
    /// Its name.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// Subset of the new version.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub canary_subset_name: String,
    /// Subset of the stable version.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub stable_subset_name: String,
    /// Further subsets that are left as they are.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub additional_subset_names: Vec<String>,
}

/// TLS routes of a `VirtualService`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsRoute {
    /// Those that match this port.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub port: i64,
    /// Those that match all of these hosts.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub sni_hosts: Vec<String>,
}

/// TCP routes of a `VirtualService`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpRoute {
    /// Those that match this port.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub port: i64,
}

/// AWS Load Balancer Controller.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AlbTrafficRouting {
    /// The ingress.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub ingress: String,
    /// Port of the Services that its action leads to.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub service_port: i32,
    /// Service in the ingress that stands for the action; `stableService` if absent.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub root_service: String,
    /// Prefix of the annotations; alb.ingress.kubernetes.io if absent.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub annotation_prefix: String,
    /// Keeps a client with the version it met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stickiness_config: Option<StickinessConfig>,
    /// The ingresses, instead of ingress.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ingresses: Vec<String>,
}

/// Keeps a client with the version it met.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StickinessConfig {
    /// Whether it does.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub enabled: bool,
    /// For how long, from 1 to 604800.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub duration_seconds: i64,
}

/// Service Mesh Interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SmiTrafficRouting {
    /// Service that clients use; `stableService` if absent.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub root_service: String,
    /// Name of the `TrafficSplit`; the Rollout's if absent.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub traffic_split_name: String,
}

/// Ambassador (Emissary).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AmbassadorTrafficRouting {
    /// Mappings that lead to `stableService`.
    #[serde(deserialize_with = "crate::lenient::list")]
    pub mappings: Vec<String>,
}

/// AWS App Mesh.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AppMeshTrafficRouting {
    /// The `VirtualService`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_service: Option<AppMeshVirtualService>,
    /// The nodes of both versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_node_group: Option<AppMeshVirtualNodeGroup>,
}

/// A `VirtualService` and which of its routes are meant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AppMeshVirtualService {
    /// Its name.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// Routes by name; may be absent if there is only one.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub routes: Vec<String>,
}

/// The nodes of both versions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AppMeshVirtualNodeGroup {
    /// Node of the new version.
    pub canary_virtual_node_ref: Option<AppMeshVirtualNodeReference>,
    /// Node of the stable version.
    pub stable_virtual_node_ref: Option<AppMeshVirtualNodeReference>,
}

/// A `VirtualNode`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AppMeshVirtualNodeReference {
    /// Its name.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
}

/// Traefik.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TraefikTrafficRouting {
    /// The `TraefikService` whose weights are set.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub weighted_traefik_service_name: String,
}

/// Apache APISIX.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApisixTrafficRouting {
    /// The route whose weights are set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<ApisixRoute>,
}

/// An `ApisixRoute` and which of its rules are meant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApisixRoute {
    /// Its name.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// HTTP rules by name; may be absent if there is only one.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub rules: Vec<String>,
}
