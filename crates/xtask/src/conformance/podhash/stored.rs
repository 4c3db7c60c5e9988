//! What an API server with our definitions stores of a pod template: it cuts off what the schema does
//! not name and fills in the schema's defaults.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::crds;

/// A part of a definition's schema.
pub(super) struct Schema(Value);

impl Schema {
    /// The schema of a Rollout's pod template.
    ///
    /// # Errors
    /// When our definitions cannot be made, or have no such part.
    pub(super) fn of_pod_templates() -> Result<Self> {
        let definitions = crds::definitions()?;
        let rollouts = definitions
            .iter()
            .find(|definition| definition.plural == "rollouts");
        let rollouts = rollouts.context("no definition of Rollouts")?;
        rollouts
            .value
            .pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/template")
            .map(|schema| Self(schema.clone()))
            .context("no schema of pod templates")
    }

    /// The template as it is stored.
    pub(super) fn store(&self, template: &Value) -> Value {
        store(&self.0, template)
    }
}

fn store(schema: &Value, value: &Value) -> Value {
    match value {
        Value::Array(_) if keeps_unknown(schema) => value.clone(),
        Value::Object(members) => Value::Object(store_object(schema, members)),
        Value::Array(items) => {
            let of = &schema["items"];
            items.iter().map(|item| store(of, item)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn keeps_unknown(schema: &Value) -> bool {
    schema["x-kubernetes-preserve-unknown-fields"] == json!(true)
}

fn store_object(schema: &Value, members: &Map<String, Value>) -> Map<String, Value> {
    let keeps_unknown = keeps_unknown(schema);
    let others = &schema["additionalProperties"];
    let properties = schema["properties"].as_object();
    let mut stored = Map::new();
    for (name, value) in members {
        let of = properties.and_then(|properties| properties.get(name));
        match of {
            // Null is no value where a default could stand.
            Some(of) if value.is_null() && of.get("default").is_some() => {}
            Some(of) => {
                stored.insert(name.clone(), store(of, value));
            }
            None if others.is_object() => {
                stored.insert(name.clone(), store(others, value));
            }
            None if keeps_unknown => {
                stored.insert(name.clone(), value.clone());
            }
            None => {}
        }
    }
    for (name, of) in properties.into_iter().flatten() {
        if let Some(default) = of.get("default")
            && !stored.contains_key(name)
        {
            stored.insert(name.clone(), default.clone());
        }
    }
    stored
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_members_go_and_protocols_come() {
        let schema = Schema::of_pod_templates().unwrap();
        let template = json!({"of": "tomorrow", "spec": {"containers": [{"ports": [{}]}]}});
        let stored = json!({"spec": {"containers": [{"ports": [{"protocol": "TCP"}]}]}});
        assert_eq!(schema.store(&template), stored);
    }
}
