//! An Experiment in short form: versions are given by name and image, everything else as it is.

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What the Experiment of the short form is called.
const NAME: &str = "try";

/// An Experiment in short form.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Short {
    /// Its versions: members of a template, and `image`, the tag of what runs; a member that is null is
    /// left out.
    templates: Vec<Map<String, Value>>,
    /// More members of `spec`.
    #[serde(default)]
    spec: Map<String, Value>,
    /// Members of `metadata`.
    #[serde(default)]
    metadata: Map<String, Value>,
}

impl Short {
    /// The whole object.
    pub(super) fn object(&self) -> Value {
        let templates: Vec<Value> = self.templates.iter().map(template).collect();
        let mut spec = Map::new();
        spec.insert("templates".to_owned(), json!(templates));
        spec.extend(self.spec.clone());
        let mut metadata = Map::new();
        metadata.insert("name".to_owned(), json!(NAME));
        metadata.extend(self.metadata.clone());
        json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Experiment",
            "metadata": metadata,
            "spec": spec,
        })
    }
}

fn template(given: &Map<String, Value>) -> Value {
    let name = given.get("name").and_then(Value::as_str).unwrap_or("a");
    let tag = given.get("image").and_then(Value::as_str).unwrap_or("v1");
    let labels = json!({"app": NAME, "side": name});
    let container = json!({
        "name": "web",
        "image": format!("web:{tag}"),
        "ports": [{"containerPort": 8080}],
    });
    let mut template = Map::new();
    template.insert("selector".to_owned(), json!({ "matchLabels": labels }));
    let pods = json!({"metadata": {"labels": labels}, "spec": {"containers": [container]}});
    template.insert("template".to_owned(), pods);
    template.extend(given.clone());
    template.retain(|member, value| member != "image" && !value.is_null());
    Value::Object(template)
}
