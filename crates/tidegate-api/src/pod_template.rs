//! The pod template: carried along as it is, so that fields of newer Kubernetes versions survive.

pub mod anti_affinity;
mod defaults;
pub mod ephemeral;
mod image;
mod unreadable;

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use tidegate_gocompat::{fnv, json::equal};

pub use self::{
    defaults::with_defaults,
    unreadable::{LeftOut, Readable, readable},
};
use crate::{
    labels::POD_TEMPLATE_HASH,
    safe_hash,
    shape::{POD_TEMPLATE, Tree, UnsetTimes, encode, encode_with},
};

/// A pod template as it is stored; null if none was given. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodTemplate(Arc<Value>);

impl PodTemplate {
    /// Wraps a template.
    pub fn new(template: Value) -> Self {
        Self(Arc::new(template))
    }

    /// The template's JSON.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The template's JSON, shared.
    pub fn shared(&self) -> Arc<Value> {
        Arc::clone(&self.0)
    }
}

impl Serialize for PodTemplate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PodTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::new)
    }
}

/// The hash that names a template's ReplicaSet. Keeps RSI-04: Go's JSON of the template as it is
/// stored, then the collision count if there is one (0 counts, too).
///
/// A member that does not fit its type counts as not given; see [`crate::shape::check`].
pub fn hash<T: Tree>(template: &T, collision_count: Option<i32>) -> String {
    hash_of_text(&text(template), collision_count)
}

/// The hash by controllers before Kubernetes' libraries of version 0.34: unset creation times were
/// written as null then. ReplicaSets of that time carry it as their label.
pub fn hash_before_0_34<T: Tree>(template: &T, collision_count: Option<i32>) -> String {
    let encoded = encode_with(&POD_TEMPLATE, template, UnsetTimes::Null);
    hash_of_text(&encoded.text, collision_count)
}

/// The text that [`hash`] is made from.
pub fn text<T: Tree>(template: &T) -> String {
    encode(&POD_TEMPLATE, template).text
}

fn hash_of_text(text: &str, collision_count: Option<i32>) -> String {
    let mut sum = fnv::hash(text.as_bytes());
    if let Some(count) = collision_count {
        sum = fnv::extend(sum, &count.to_le_bytes());
        // The count takes eight bytes of which Go fills four.
        sum = fnv::extend(sum, &[0; 4]);
    }
    safe_hash::of_sum(sum)
}

/// The hash of a canary's steps. Keeps CAN-60.
pub fn step_hash<T: Serialize>(steps: &[T]) -> String {
    let steps = serde_json::to_value(steps).unwrap_or_default();
    safe_hash::of_steps(&steps)
}

/// Whether a live template says what a desired one does, once Kubernetes has filled in its defaults:
/// the hash label and the old name of the service account aside, nothing and nothing in it being alike,
/// quantities by amount. Keeps RSI-03, without the removal of what was injected.
pub fn equal_ignoring_hash(live: &Value, desired: &Value) -> bool {
    let live = comparable(live.clone());
    let desired = comparable(with_defaults(desired));
    equal(&POD_TEMPLATE, &live, &desired)
}

fn comparable(mut template: Value) -> Value {
    let labels = template.pointer_mut("/metadata/labels");
    if let Some(labels) = labels.and_then(Value::as_object_mut) {
        labels.remove(POD_TEMPLATE_HASH);
    }
    let spec = template.get_mut("spec");
    if let Some(spec) = spec.and_then(Value::as_object_mut) {
        spec.remove("serviceAccount");
    }
    template
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Keeps RSI-04 and RSI-05: the last is what controllers before 1.9 made of it.
    #[test]
    fn the_smallest_template_has_the_hash_upstream_gives_it() {
        let template = json!({});
        assert_eq!(
            text(&template),
            r#"{"metadata":{},"spec":{"containers":null}}"#
        );
        assert_eq!(hash(&template, None), "658c46c486");
        assert_eq!(hash(&template, Some(0)), "6f9d9db974");
        assert_eq!(hash_before_0_34(&template, None), "76bbb58f74");
    }

    /// Keeps RSI-04 and QUE-14.
    #[test]
    fn members_are_written_in_the_order_of_go_and_quantities_in_their_canonical_form() {
        let template = json!({
            "metadata": {"labels": {"b": "<2>", "a": "1"}, "creationTimestamp": null},
            "spec": {"ofTomorrow": true, "containers": [
                {"image": "shop:1", "name": "web", "ports": [{"containerPort": 80}],
                 "resources": {"limits": {"cpu": "1000m", "memory": 1.5}},
                 "livenessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 0}},
            ]},
        });
        assert_eq!(
            text(&template),
            concat!(
                r#"{"metadata":{"labels":{"a":"1","b":"\u003c2\u003e"}},"spec":{"containers":["#,
                r#"{"name":"web","image":"shop:1","ports":[{"containerPort":80}],"#,
                r#""resources":{"limits":{"cpu":"1","memory":"1500m"}},"#,
                r#""livenessProbe":{"httpGet":{"port":"http"}}}]}}"#
            )
        );
    }

    /// Keeps RSI-03.
    #[test]
    fn a_live_template_with_defaults_equals_the_desired_one_without() {
        let desired = json!({"spec": {"containers": [
            {"name": "web", "image": "shop:1", "resources": {"limits": {"cpu": "1000m"}}},
        ]}});
        let mut live = with_defaults(&desired);
        live["metadata"] = json!({"labels": {POD_TEMPLATE_HASH: "abc"}});
        live["spec"]["serviceAccount"] = json!("shop");
        live["spec"]["containers"][0]["resources"]["limits"]["cpu"] = json!("1");
        assert!(equal_ignoring_hash(&live, &desired));
        live["spec"]["containers"][0]["image"] = json!("shop:2");
        assert!(!equal_ignoring_hash(&live, &desired));
        assert!(!equal_ignoring_hash(&desired, &desired));
    }
}
