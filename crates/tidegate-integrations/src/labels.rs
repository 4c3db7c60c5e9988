//! Names of routers and providers as the controller's metrics label them (OB-301, OB-308).

use tidegate_api::{analysis::Metric, rollout::Rollout};

/// The router of a Rollout; where several are named the last of this order; empty if there is none.
/// Differs from upstream: Traefik, Apisix and plugins are named, too, because an empty label says that
/// there is no router.
pub fn router(rollout: &Rollout) -> &str {
    let routing = rollout
        .spec
        .strategy
        .canary
        .as_ref()
        .and_then(|canary| canary.traffic_routing.as_ref());
    let Some(routing) = routing else {
        return "";
    };
    [
        ("AppMesh", routing.app_mesh.is_some()),
        ("SMI", routing.smi.is_some()),
        ("Nginx", routing.nginx.is_some()),
        ("Istio", routing.istio.is_some()),
        ("Ambassador", routing.ambassador.is_some()),
        ("ALB", routing.alb.is_some()),
        ("Traefik", routing.traefik.is_some()),
        ("Apisix", routing.apisix.is_some()),
    ]
    .into_iter()
    .find_map(|(name, named)| named.then_some(name))
    .or_else(|| routing.plugins.keys().next().map(String::as_str))
    .unwrap_or_default()
}

/// The provider of a metric, in upstream's spelling; the first of this order if several are named.
pub fn provider(metric: &Metric) -> &'static str {
    let provider = &metric.provider;
    [
        ("Prometheus", provider.prometheus.is_some()),
        ("Job", provider.job.is_some()),
        ("Kayenta", provider.kayenta.is_some()),
        ("Web", provider.web.is_some()),
        ("Datadog", provider.datadog.is_some()),
        ("Wavefront", provider.wavefront.is_some()),
        ("NewRelic", provider.new_relic.is_some()),
        ("CloudWatch", provider.cloud_watch.is_some()),
        ("Graphite", provider.graphite.is_some()),
        ("Influxdb", provider.influxdb.is_some()),
        ("skywalking", provider.skywalking.is_some()),
        ("RPCPlugin", !provider.plugin.is_empty()),
    ]
    .into_iter()
    .find_map(|(name, named)| named.then_some(name))
    .unwrap_or("Unknown Provider")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_router_is_named_as_upstream_names_it() {
        for (routing, expected) in [
            (json!({"nginx": {}}), "Nginx"),
            (json!({"istio": {}, "alb": {}}), "Istio"),
            (json!({"nginx": {}, "alb": {}, "smi": {}}), "SMI"),
            (json!({"traefik": {}}), "Traefik"),
            (json!({"plugins": {"org/gateway": {}}}), "org/gateway"),
            (json!({}), ""),
        ] {
            let canary = json!({"trafficRouting": routing});
            let rollout = json!({"spec": {"strategy": {"canary": canary}}});
            let rollout: Rollout = serde_json::from_value(rollout).unwrap();
            assert_eq!(router(&rollout), expected);
        }
        let none: Rollout = serde_json::from_value(json!({})).unwrap();
        assert_eq!(router(&none), "");
    }

    /// Keeps MP-002.
    #[test]
    fn a_provider_is_named_as_upstream_names_it() {
        let of = |provider: Value| {
            let metric = json!({"name": "m", "provider": provider});
            super::provider(&serde_json::from_value(metric).unwrap())
        };
        assert_eq!(of(json!({"prometheus": {}})), "Prometheus");
        assert_eq!(of(json!({"web": {}, "job": {}})), "Job");
        assert_eq!(of(json!({"plugin": {"org/p": {}}})), "RPCPlugin");
        assert_eq!(of(json!({})), "Unknown Provider");
    }
}
