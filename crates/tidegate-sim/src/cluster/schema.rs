//! The structural schema of a custom resource: what it fills in, what it cuts off, what it refuses.

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value};

use super::refusal::Cause;

/// One node of a structural schema.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    shape: Shape,
    nullable: Nullable,
    unknown: Unknown,
    embedded: Embedded,
    default: Option<Value>,
    properties: BTreeMap<String, Self>,
    additional: Option<Box<Self>>,
    items: Option<Box<Self>>,
    required: Vec<String>,
    one_of: Vec<Value>,
    immutable: Option<String>,
    list_keys: Vec<String>,
}

/// `type`, or `x-kubernetes-int-or-string`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Shape {
    #[default]
    Any,
    Object,
    Array,
    Text,
    Integer,
    Number,
    Boolean,
    IntegerOrText,
}

/// Whether null is a value of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Nullable {
    #[default]
    No,
    Yes,
}

/// What happens to members that the schema does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Unknown {
    #[default]
    Pruned,
    Kept,
}

/// Whether the node is a whole object with `apiVersion`, `kind` and `metadata`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Embedded {
    #[default]
    No,
    Yes,
}

/// How deep a schema may nest; ours reach about 20.
const DEEPEST: usize = 100;

impl Schema {
    /// Reads `openAPIV3Schema`.
    ///
    /// # Errors
    /// When it is no schema; the sentence names the place.
    pub(super) fn read_root(schema: &Value) -> Result<Self, String> {
        let mut root = Self::read(schema, "openAPIV3Schema", 0)?;
        root.embedded = Embedded::Yes;
        Ok(root)
    }

    fn read(schema: &Value, path: &str, depth: usize) -> Result<Self, String> {
        if depth > DEEPEST {
            return Err(format!("{path}: Invalid value: nested too deeply"));
        }
        let members = schema
            .as_object()
            .ok_or_else(|| format!("{path}: Invalid value: must be an object"))?;
        let flag = |name: &str| members.get(name) == Some(&Value::Bool(true));
        let child = |name: &str| match members.get(name) {
            Some(inner @ Value::Object(_)) => {
                Self::read(inner, &format!("{path}.{name}"), depth + 1)
                    .map(|schema| Some(Box::new(schema)))
            }
            _ => Ok(None),
        };
        let mut properties = BTreeMap::new();
        if let Some(named) = members.get("properties").and_then(Value::as_object) {
            for (name, inner) in named {
                let inner = Self::read(inner, &format!("{path}.{name}"), depth + 1)?;
                properties.insert(name.clone(), inner);
            }
        }
        let any_member = members.get("additionalProperties") == Some(&Value::Bool(true));
        Ok(Self {
            shape: shape(members),
            nullable: if flag("nullable") {
                Nullable::Yes
            } else {
                Nullable::No
            },
            unknown: if flag("x-kubernetes-preserve-unknown-fields") || any_member {
                Unknown::Kept
            } else {
                Unknown::Pruned
            },
            embedded: if flag("x-kubernetes-embedded-resource") {
                Embedded::Yes
            } else {
                Embedded::No
            },
            default: members.get("default").cloned(),
            properties,
            additional: child("additionalProperties")?,
            items: child("items")?,
            required: texts(members, "required"),
            one_of: members
                .get("enum")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default(),
            immutable: immutable(members),
            list_keys: texts(members, "x-kubernetes-list-map-keys"),
        })
    }

    /// Removes nulls that mean "absent", then fills in defaults, all the way down.
    pub(super) fn fill_in(&self, value: &mut Value) {
        match value {
            Value::Object(members) => self.fill_in_members(members),
            Value::Array(items) => {
                if let Some(schema) = &self.items {
                    for item in items {
                        schema.fill_in(item);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn fill_in_members(&self, members: &mut Map<String, Value>) {
        for (name, schema) in &self.properties {
            let null = match members.get(name) {
                None => true,
                Some(Value::Null) => schema.nullable == Nullable::No,
                Some(_) => false,
            };
            if null {
                match &schema.default {
                    Some(default) => {
                        members.insert(name.clone(), default.clone());
                    }
                    None => {
                        members.remove(name);
                    }
                }
            }
            if let Some(value) = members.get_mut(name) {
                schema.fill_in(value);
            }
        }
        if let Some(schema) = &self.additional {
            for (name, value) in members.iter_mut() {
                if !self.properties.contains_key(name) {
                    schema.fill_in(value);
                }
            }
        }
    }

    /// Cuts off every member that the schema does not name, and tells which they were.
    pub(super) fn prune(&self, value: &mut Value) -> Vec<String> {
        let mut cut = Vec::new();
        self.prune_at(value, Path::Root, &mut cut);
        cut
    }

    fn prune_at(&self, value: &mut Value, path: Path<'_>, cut: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if self.unknown == Unknown::Pruned && self.additional.is_none() {
                    let known = |name: &str| {
                        self.properties.contains_key(name)
                            || (self.embedded == Embedded::Yes
                                && ["apiVersion", "kind", "metadata"].contains(&name))
                    };
                    if !members.keys().all(|name| known(name)) {
                        members.retain(|name, _| {
                            let keep = known(name);
                            if !keep {
                                cut.push(join(&path.to_string(), name));
                            }
                            keep
                        });
                    }
                }
                for (name, value) in members.iter_mut() {
                    if self.embedded == Embedded::Yes && name == "metadata" {
                        continue;
                    }
                    let schema = self.properties.get(name).or(self.additional.as_deref());
                    if let Some(schema) = schema
                        && (value.is_object() || value.is_array())
                    {
                        schema.prune_at(value, Path::Member(&path, name), cut);
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = &self.items {
                    for (index, item) in items.iter_mut().enumerate() {
                        schema.prune_at(item, Path::Item(&path, index), cut);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Everything that the schema refuses in a value; `old` is what it replaces.
    pub(super) fn check(&self, value: &Value, old: Option<&Value>) -> Vec<Cause> {
        let mut causes = Vec::new();
        // What an earlier, laxer definition let in may stay as long as it is not changed.
        if old != Some(value) {
            self.check_at(value, old, "", &mut causes);
        }
        causes
    }

    /// A value that is not what it was.
    fn check_at(&self, value: &Value, old: Option<&Value>, path: &str, causes: &mut Vec<Cause>) {
        if value.is_null() && self.nullable == Nullable::Yes {
            return;
        }
        if let Some(expected) = self.shape.missed_by(value) {
            causes.push(Cause {
                field: path.to_owned(),
                reason: "FieldValueTypeInvalid",
                message: format!(
                    "Invalid value: \"{}\": {path} in body must be of type {expected}: \"{}\"",
                    type_name(value),
                    type_name(value),
                ),
            });
            return;
        }
        if !self.one_of.is_empty() && !self.one_of.contains(value) {
            let supported: Vec<String> = self.one_of.iter().map(Value::to_string).collect();
            causes.push(Cause {
                field: path.to_owned(),
                reason: "FieldValueNotSupported",
                message: format!(
                    "Unsupported value: {value}: supported values: {}",
                    supported.join(", ")
                ),
            });
        }
        if let (Some(message), Some(_)) = (&self.immutable, old) {
            causes.push(Cause::invalid(path, value, message));
        }
        match value {
            Value::Object(members) => self.check_members(members, old, path, causes),
            Value::Array(items) => self.check_items(items, path, causes),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn check_members(
        &self,
        members: &Map<String, Value>,
        old: Option<&Value>,
        path: &str,
        causes: &mut Vec<Cause>,
    ) {
        for name in &self.required {
            if !members.contains_key(name) {
                causes.push(Cause::required(&join(path, name), ""));
            }
        }
        for (name, value) in members {
            if let Some(schema) = self.properties.get(name).or(self.additional.as_deref()) {
                let old = old.and_then(|old| old.get(name));
                if old != Some(value) {
                    schema.check_at(value, old, &join(path, name), causes);
                }
            }
        }
    }

    fn check_items(&self, items: &[Value], path: &str, causes: &mut Vec<Cause>) {
        let Some(schema) = &self.items else { return };
        for (index, item) in items.iter().enumerate() {
            schema.check_at(item, None, &format!("{path}[{index}]"), causes);
            let key = |item: &Value| -> Vec<Value> {
                self.list_keys
                    .iter()
                    .map(|name| item.get(name).cloned().unwrap_or_default())
                    .collect()
            };
            if !self.list_keys.is_empty()
                && items[..index].iter().any(|other| key(other) == key(item))
            {
                causes.push(Cause {
                    field: format!("{path}[{index}]"),
                    reason: "FieldValueDuplicate",
                    message: format!("Duplicate value: {item}"),
                });
            }
        }
    }
}

/// A way down into a value; spelled out only where somebody asks.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Member(&'a Self, &'a str),
    Item(&'a Self, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(Self::Root, name) => out.write_str(name),
            Self::Member(before, name) => write!(out, "{before}.{name}"),
            Self::Item(before, index) => write!(out, "{before}[{index}]"),
        }
    }
}

impl Shape {
    /// The type that a value should have had.
    fn missed_by(self, value: &Value) -> Option<&'static str> {
        let (fits, expected) = match self {
            Self::Any => (true, ""),
            Self::Object => (value.is_object(), "object"),
            Self::Array => (value.is_array(), "array"),
            Self::Text => (value.is_string(), "string"),
            Self::Integer => (is_whole(value), "integer"),
            Self::Number => (value.is_number(), "number"),
            Self::Boolean => (value.is_boolean(), "boolean"),
            Self::IntegerOrText => (value.is_string() || is_whole(value), "integer,string"),
        };
        (!fits).then_some(expected)
    }
}

fn is_whole(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) if is_whole(value) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn shape(members: &Map<String, Value>) -> Shape {
    if members.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        return Shape::IntegerOrText;
    }
    match members
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default()
    {
        "object" => Shape::Object,
        "array" => Shape::Array,
        "string" => Shape::Text,
        "integer" => Shape::Integer,
        "number" => Shape::Number,
        "boolean" => Shape::Boolean,
        _ => Shape::Any,
    }
}

/// The message of the rule `self == oldSelf`, the only one of its language that is understood.
fn immutable(members: &Map<String, Value>) -> Option<String> {
    let rules = members.get("x-kubernetes-validations")?.as_array()?;
    let rule = rules
        .iter()
        .find(|rule| rule.get("rule").and_then(Value::as_str) == Some("self == oldSelf"))?;
    let message = rule.get("message").and_then(Value::as_str);
    Some(message.unwrap_or("failed rule: self == oldSelf").to_owned())
}

fn texts(members: &Map<String, Value>, name: &str) -> Vec<String> {
    members
        .get(name)
        .and_then(Value::as_array)
        .map(|items| {
            items
                .iter()
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect()
        })
        .unwrap_or_default()
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
