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
