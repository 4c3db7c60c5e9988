//! `OpenAPI` v3, as much as clients need: which kinds take patches and check fields by themselves.

use serde_json::{Map, Value, json};

use crate::cluster::kinds::{Kind, Kinds, Scope};

/// `/openapi/v3`: where each group's document is.
pub(super) fn index(kinds: &Kinds) -> Value {
    let mut paths = Map::new();
    for (_, kind) in kinds.iter() {
        let root = root(kind);
        paths.insert(
            root.trim_start_matches('/').to_owned(),
            json!({"serverRelativeURL": format!("/openapi/v3{root}")}),
        );
    }
    json!({"paths": paths})
}

fn root(kind: &Kind) -> String {
    if kind.group.is_empty() {
        format!("/api/{}", kind.version)
    } else {
        format!("/apis/{}/{}", kind.group, kind.version)
    }
}

/// The document of one group and version.
pub(super) fn document(kinds: &Kinds, group: &str, version: &str) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for (_, kind) in kinds.iter() {
        if kind.group == group && kind.version == version {
            let scope = match kind.scope {
                Scope::Namespaced => "/namespaces/{namespace}",
                Scope::Cluster => "",
            };
            let collection = format!("{}{scope}/{}", root(kind), kind.plural);
            let name = schema_name(kind);
            paths.insert(format!("{collection}/{{name}}"), one(kind, &name));
            paths.insert(collection, all(kind, &name));
            schemas.insert(
                name,
                json!({
                    "type": "object",
                    "x-kubernetes-group-version-kind": [identity(kind)],
                    "x-kubernetes-preserve-unknown-fields": true,
                }),
            );
        }
    }
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.34.1"},
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

fn identity(kind: &Kind) -> Value {
    json!({"group": kind.group, "version": kind.version, "kind": kind.kind})
}

fn schema_name(kind: &Kind) -> String {
    let mut words: Vec<&str> = kind
        .group
        .split('.')
        .filter(|word| !word.is_empty())
        .collect();
    words.reverse();
    words.extend([kind.version.as_str(), kind.kind.as_str()]);
    words.join(".")
}

fn parameters() -> Value {
    let parameter = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
    json!([
        parameter("dryRun"),
        parameter("fieldManager"),
        parameter("fieldValidation"),
        parameter("force")
    ])
}

fn operation(kind: &Kind, schema: &str, verb: &str) -> Value {
    json!({
        "operationId": format!("{verb}{}", kind.kind),
        "parameters": parameters(),
        "requestBody": {"content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{schema}")}}}},
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": verb,
        "x-kubernetes-group-version-kind": identity(kind),
    })
}

fn one(kind: &Kind, schema: &str) -> Value {
    let mut patch = operation(kind, schema, "patch");
    // Strategic merge patches are not announced: without the schemas that say which lists have keys,
    // clients make them from what they know themselves, which the model takes.
    let types = [
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/apply-patch+yaml",
    ];
    let content: Map<String, Value> = types
        .iter()
        .map(|name| ((*name).to_owned(), json!({"schema": {"type": "object"}})))
        .collect();
    patch["requestBody"]["content"] = Value::Object(content);
    json!({
        "get": operation(kind, schema, "get"),
        "put": operation(kind, schema, "put"),
        "patch": patch,
        "delete": operation(kind, schema, "delete"),
    })
}

fn all(kind: &Kind, schema: &str) -> Value {
    json!({
        "get": operation(kind, schema, "list"),
        "post": operation(kind, schema, "post"),
    })
}
