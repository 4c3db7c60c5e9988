//! Reads a `CustomResourceDefinition` into a kind.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    fields::{self, list, text},
    kinds::{Column, Generation, Kind, Nature, ScalePaths, Scope, StatusWrites},
    schema::Schema,
};

/// The kind that a definition describes, in its storage version.
///
/// # Errors
/// When no version is stored or the schema cannot be read; the sentence names the field.
pub(super) fn read(definition: &Value) -> Result<Kind, String> {
    let spec = definition.get("spec").ok_or("spec: Required value")?;
    let version = list(spec, &["versions"])
        .iter()
        .find(|version| version.get("storage") == Some(&Value::Bool(true)))
        .ok_or(
            "spec.versions: Invalid value: must have exactly one version marked as storage version",
        )?;
    let schema = fields::at(version, &["schema", "openAPIV3Schema"])
        .ok_or("spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required")?;
    let names = spec.get("names").ok_or("spec.names: Required value")?;
    let kind = text(names, &["kind"]).to_owned();
    let words = |member: &str| {
        list(names, &[member])
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect()
    };
    let singular = match text(names, &["singular"]) {
        "" => kind.to_ascii_lowercase(),
        singular => singular.to_owned(),
    };
    Ok(Kind {
        group: text(spec, &["group"]).to_owned(),
        version: text(version, &["name"]).to_owned(),
        plural: text(names, &["plural"]).to_owned(),
        singular,
        short_names: words("shortNames"),
        categories: words("categories"),
        scope: match text(spec, &["scope"]) {
            "Cluster" => Scope::Cluster,
            _ => Scope::Namespaced,
        },
        status: if fields::at(version, &["subresources", "status"]).is_some() {
            StatusWrites::Apart
        } else {
            StatusWrites::Together
        },
        scale: fields::at(version, &["subresources", "scale"]).map(scale_paths),
        generation: Generation::AllButMetadata,
        nature: Nature::Custom(Arc::new(Schema::read_root(schema)?)),
        columns: columns(version),
        kind,
    })
}

fn scale_paths(scale: &Value) -> ScalePaths {
    ScalePaths {
        spec_replicas: path(text(scale, &["specReplicasPath"])),
        status_replicas: path(text(scale, &["statusReplicasPath"])),
        selector: path(text(scale, &["labelSelectorPath"])),
    }
}

fn path(dotted: &str) -> Vec<String> {
    dotted
        .split('.')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn columns(version: &Value) -> Vec<Column> {
    let mut columns: Vec<Column> = list(version, &["additionalPrinterColumns"])
        .iter()
        .map(|column| Column {
            name: text(column, &["name"]).to_owned(),
            kind: text(column, &["type"]).to_owned(),
            priority: fields::number(column, &["priority"]).unwrap_or(0),
            json_path: text(column, &["jsonPath"]).to_owned(),
        })
        .collect();
    if columns.is_empty() {
        columns.push(Column {
            name: "Age".to_owned(),
            kind: "date".to_owned(),
            priority: 0,
            json_path: ".metadata.creationTimestamp".to_owned(),
        });
    }
    columns
}

/// The status that says that a definition's kind is served.
pub(super) fn established(kind: &Kind, at: &str) -> Value {
    let condition = |name: &str, reason: &str, message: &str| {
        json!({
            "type": name,
            "status": "True",
            "reason": reason,
            "message": message,
            "lastTransitionTime": at,
        })
    };
    json!({
        "acceptedNames": {
            "kind": kind.kind,
            "listKind": format!("{}List", kind.kind),
            "plural": kind.plural,
            "singular": kind.singular,
            "shortNames": kind.short_names,
        },
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "storedVersions": [kind.version],
    })
}
