//! The five kinds as `CustomResourceDefinition`s: names, columns, subresources.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::schema::{Type, Types, render};

/// What a definition says apart from its schema.
pub(crate) struct Kind {
    /// Kind; also the name of its Rust type.
    pub(crate) name: &'static str,
    /// Resource.
    pub(crate) plural: &'static str,
    short: &'static str,
    scope: &'static str,
    /// Columns of `kubectl get`: name, type, path.
    columns: &'static [(&'static str, &'static str, &'static str)],
    /// Subresources as JSON.
    subresources: &'static str,
}

const AGE: (&str, &str, &str) = ("Age", "date", ".metadata.creationTimestamp");
const STATUS: (&str, &str, &str) = ("Status", "string", ".status.phase");

/// The kinds, in the order of their importance.
pub(crate) const KINDS: [Kind; 5] = [
    Kind {
        name: "Rollout",
        plural: "rollouts",
        short: "ro",
        scope: "Namespaced",
        columns: &[
            ("Desired", "integer", ".spec.replicas"),
            ("Current", "integer", ".status.replicas"),
            ("Up-to-date", "integer", ".status.updatedReplicas"),
            ("Available", "integer", ".status.availableReplicas"),
            AGE,
        ],
        subresources: r#"{
            "scale": {
                "labelSelectorPath": ".status.selector",
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.HPAReplicas"
            },
            "status": {}
        }"#,
    },
    Kind {
        name: "AnalysisRun",
        plural: "analysisruns",
        short: "ar",
        scope: "Namespaced",
        columns: &[STATUS, AGE],
        subresources: "{}",
    },
    Kind {
        name: "AnalysisTemplate",
        plural: "analysistemplates",
        short: "at",
        scope: "Namespaced",
        columns: &[AGE],
        subresources: "{}",
    },
    Kind {
        name: "ClusterAnalysisTemplate",
        plural: "clusteranalysistemplates",
        short: "cat",
        scope: "Cluster",
        columns: &[AGE],
        subresources: "{}",
    },
    Kind {
        name: "Experiment",
        plural: "experiments",
        short: "exp",
        scope: "Namespaced",
        columns: &[STATUS, AGE],
        subresources: "{}",
    },
];

impl Kind {
    /// The definition, as the API server takes it.
    ///
    /// # Errors
    /// When the kind's types are not all there.
    pub(crate) fn definition(&self, types: &Types) -> Result<Value> {
        let columns: Vec<Value> = self
            .columns
            .iter()
            .map(|(name, ty, path)| json!({"name": name, "type": ty, "jsonPath": path}))
            .collect();
        let subresources: Value = serde_json::from_str(self.subresources)?;
        Ok(json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{}.argoproj.io", self.plural)},
            "spec": {
                "group": "argoproj.io",
                "names": {
                    "kind": self.name,
                    "listKind": format!("{}List", self.name),
                    "plural": self.plural,
                    "singular": self.name.to_lowercase(),
                    "shortNames": [self.short],
                },
                "scope": self.scope,
                "versions": [{
                    "name": "v1alpha1",
                    "served": true,
                    "storage": true,
                    "additionalPrinterColumns": columns,
                    "subresources": subresources,
                    "schema": {"openAPIV3Schema": self.schema(types)?},
                }],
            },
        }))
    }

    fn schema(&self, types: &Types) -> Result<Value> {
        let object = types
            .get(self.name)
            .with_context(|| format!("no type is called {}", self.name))?;
        let mut schema = render(&Type::Named(self.name.to_owned()), types)?;
        schema.insert("description".to_owned(), json!(object.description));
        let Some(Value::Object(members)) = schema.get_mut("properties") else {
            bail!("{} has no members", self.name);
        };
        let text = |description: &str| json!({"type": "string", "description": description});
        let head: Map<String, Value> = Map::from_iter([
            (
                "apiVersion".to_owned(),
                text("Group and version of this object."),
            ),
            ("kind".to_owned(), text("Kind of this object.")),
        ]);
        members.extend(head);
        // The API server refuses a definition that says anything about metadata, in words too.
        members.insert("metadata".to_owned(), json!({"type": "object"}));
        Ok(Value::Object(schema))
    }
}
