//! What the routers that work through Ingresses have in common.

use serde_json::Value;
use tidegate_api::rollout::Rollout;
use tidegate_core::plan::{Guard, INGRESSES, ObjectKey};

/// An Ingress in the Rollout's namespace.
pub(super) fn key(rollout: &Rollout, name: &str) -> ObjectKey {
    ObjectKey::new(INGRESSES, &rollout.metadata.namespace, name)
}

/// Only the very Ingress that was looked at is written.
pub(super) fn guard(ingress: &Value) -> Guard {
    let text = |pointer: &str| {
        let value = ingress.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    Guard::Version {
        uid: text("/metadata/uid"),
        resource_version: text("/metadata/resourceVersion"),
    }
}

/// Whether a rule sends traffic to the Service. Rules without paths and backends that are no Services
/// send none (upstream panics there).
pub(super) fn has_rule(ingress: &Value, service: &str) -> bool {
    let rules = ingress.pointer("/spec/rules").and_then(Value::as_array);
    rules
        .into_iter()
        .flatten()
        .filter_map(|rule| rule.pointer("/http/paths").and_then(Value::as_array))
        .flatten()
        .filter_map(|path| path.pointer("/backend/service/name"))
        .any(|name| *name == service)
}
