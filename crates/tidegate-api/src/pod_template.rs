//! The pod template: carried along as it is, so that fields of newer Kubernetes versions survive.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

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

/// The hash that names a template's ReplicaSet.
pub fn hash(template: &Value, collision_count: Option<i32>) -> String {
    let mut bytes = template.to_string().into_bytes();
    if let Some(count) = collision_count {
        bytes.extend(count.to_le_bytes());
        bytes.extend([0; 4]);
    }
    safe(&bytes)
}

/// The hash of a canary's steps.
pub fn step_hash<T: Serialize>(steps: &[T]) -> String {
    let text = if steps.is_empty() {
        "null".to_owned()
    } else {
        serde_json::to_string(steps).unwrap_or_default()
    };
    safe(text.as_bytes())
}

/// Whether two templates say the same, the hash label aside.
pub fn equal_ignoring_hash(live: &Value, desired: &Value) -> bool {
    let mut live = live.clone();
    if let Some(labels) = live
        .pointer_mut("/metadata/labels")
        .and_then(Value::as_object_mut)
    {
        labels.remove(crate::labels::POD_TEMPLATE_HASH);
    }
    live == *desired
}

fn safe(bytes: &[u8]) -> String {
    let sum = bytes.iter().fold(0x811c_9dc5_u32, |sum, byte| {
        (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    sum.to_string()
        .chars()
        .map(|digit| match digit {
            '0' => '4',
            '1' => '5',
            '2' => '6',
            '3' => '7',
            '4' => '8',
            '5' => '9',
            '6' => 'b',
            '7' => 'c',
            '8' => 'd',
            _ => 'f',
        })
        .collect()
}
