//! Reads what every object has, straight from its JSON.

use std::sync::LazyLock;

use serde_json::{Map, Value};

/// A map of nothing, for objects that lack one.
static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// The member at the end of a chain of names; `None` if any is missing.
pub fn at<'a>(object: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().try_fold(object, |value, name| value.get(name))
}

/// A text at the end of a chain of names; empty if it is missing or no text.
pub fn text<'a>(object: &'a Value, names: &[&str]) -> &'a str {
    at(object, names)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A whole number at the end of a chain of names.
pub fn number(object: &Value, names: &[&str]) -> Option<i64> {
    at(object, names).and_then(Value::as_i64)
}

/// A list at the end of a chain of names; empty if it is missing.
pub fn list<'a>(object: &'a Value, names: &[&str]) -> &'a [Value] {
    at(object, names)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// A map at the end of a chain of names; empty if it is missing.
pub fn map<'a>(object: &'a Value, names: &[&str]) -> &'a Map<String, Value> {
    at(object, names)
        .and_then(Value::as_object)
        .unwrap_or_else(|| LazyLock::force(&NOTHING))
}

/// `metadata.name`.
pub fn name(object: &Value) -> &str {
    text(object, &["metadata", "name"])
}

/// `metadata.namespace`; empty for objects of the whole cluster.
pub fn namespace(object: &Value) -> &str {
    text(object, &["metadata", "namespace"])
}

/// `metadata.uid`.
pub fn uid(object: &Value) -> &str {
    text(object, &["metadata", "uid"])
}

/// `metadata.resourceVersion`.
pub fn version(object: &Value) -> &str {
    text(object, &["metadata", "resourceVersion"])
}

/// `metadata.labels`.
pub fn labels(object: &Value) -> &Map<String, Value> {
    map(object, &["metadata", "labels"])
}

/// `metadata.ownerReferences`.
pub fn owners(object: &Value) -> &[Value] {
    list(object, &["metadata", "ownerReferences"])
}

/// The uid of the owner that manages the object; empty if nobody does.
pub fn controller_uid(object: &Value) -> &str {
    owners(object)
        .iter()
        .find(|owner| owner.get("controller") == Some(&Value::Bool(true)))
        .map_or("", |owner| text(owner, &["uid"]))
}

/// `metadata.finalizers`.
pub fn finalizers(object: &Value) -> &[Value] {
    list(object, &["metadata", "finalizers"])
}

/// Whether the object has this finalizer.
pub fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    finalizers(object).iter().any(|held| held == finalizer)
}

/// Whether its deletion has begun.
pub fn is_deleting(object: &Value) -> bool {
    at(object, &["metadata", "deletionTimestamp"]).is_some()
}

/// A condition's status (`True`, `False`, `Unknown`); empty if there is no such condition.
pub fn condition<'a>(object: &'a Value, kind: &str) -> &'a str {
    list(object, &["status", "conditions"])
        .iter()
        .find(|condition| text(condition, &["type"]) == kind)
        .map_or("", |condition| text(condition, &["status"]))
}

/// The member of this name as a map, made if it is missing or no map.
pub(crate) fn map_mut<'a>(object: &'a mut Value, name: &str) -> &'a mut Map<String, Value> {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let members = object.as_object_mut().expect("it was made a map above");
    child_mut(members, name)
}

/// The member of this name as a map, made if it is missing or no map.
pub(crate) fn child_mut<'a>(
    members: &'a mut Map<String, Value>,
    name: &str,
) -> &'a mut Map<String, Value> {
    if !members.get(name).is_some_and(Value::is_object) {
        members.insert(name.to_owned(), Value::Object(Map::new()));
    }
    members
        .get_mut(name)
        .and_then(Value::as_object_mut)
        .expect("it was made a map above")
}

/// Sets a member unless it is there and not null.
pub(crate) fn set_default(members: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    if members.get(name).is_none_or(Value::is_null) {
        members.insert(name.to_owned(), value.into());
    }
}
