//! The Services and routing objects that a Rollout in short form needs.

use serde_json::{Value, json};

use super::NAME;

pub(super) fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": NAME}, "ports": [{"port": 80, "targetPort": 8080}]},
    })
}

/// All weight on the first destination.
pub(super) fn virtual_service([stable, canary]: [Value; 2]) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "VirtualService",
        "metadata": {"name": NAME},
        "spec": {
            "hosts": ["web.example"],
            "gateways": ["mesh"],
            "http": [{
                "name": "primary",
                "timeout": "5s",
                "route": [
                    {"destination": stable, "weight": 100, "headers": {"request": {"set": {"x-side": "stable"}}}},
                    {"destination": canary, "weight": 0},
                ],
            }],
        },
    })
}

pub(super) fn destination_rule() -> Value {
    let subset = |name: &str| json!({"name": name, "labels": {"app": NAME}, "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}}});
    json!({
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "DestinationRule",
        "metadata": {"name": NAME},
        "spec": {"host": NAME, "subsets": [subset("stable"), subset("canary")]},
    })
}

pub(super) fn ingress(backend: &str) -> Value {
    let path = json!({
        "path": "/",
        "pathType": "Prefix",
        "backend": {"service": {"name": backend, "port": {"number": 80}}},
    });
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": NAME},
        "spec": {
            "ingressClassName": "nginx",
            "rules": [{"host": "web.example", "http": {"paths": [path]}}],
        },
    })
}
