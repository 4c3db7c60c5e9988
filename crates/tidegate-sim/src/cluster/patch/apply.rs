//! Server-side apply: each manager's whole opinion, remembered field by field.
//!
//! Fields are owned by managers that apply; writes of other kinds take no ownership away. Lists are
//! owned as a whole, except those that the built-in kinds merge by key.

use serde_json::{Map, Value, json};

use super::{
    Conflicts,
    strategic::{ListKind, key_of, list_kind},
};
use crate::cluster::{
    fields,
    kinds::Kind,
    refusal::{Reason, Refusal},
};

/// One manager's application.
pub(in crate::cluster) struct Application<'a> {
    /// The kind of the object.
    pub(in crate::cluster) kind: &'a Kind,
    /// The object as the manager wants it.
    pub(in crate::cluster) body: &'a Value,
    /// Who it is.
    pub(in crate::cluster) manager: &'a str,
    /// What to do about others' fields.
    pub(in crate::cluster) conflicts: Conflicts,
    /// When, as RFC 3339.
    pub(in crate::cluster) time: &'a str,
}

impl Application<'_> {
    /// The object with the manager's fields set, those it no longer names removed, and its ownership
    /// recorded. `old` is null for an object that does not exist yet.
    ///
    /// # Errors
    /// 409 when another manager applied one of the fields with another value.
    pub(in crate::cluster) fn merged_into(&self, old: &Value) -> Result<Value, Refusal> {
        let owned = self.fields_of(self.body);
        let mut entries = fields::list(old, &["metadata", "managedFields"]).to_vec();
        self.settle_conflicts(&owned, old, &mut entries)?;
        let mut object = if old.is_null() {
            json!({})
        } else {
            old.clone()
        };
        let earlier = entries.iter().position(|entry| self.is_ours(entry));
        if let Some(place) = earlier {
            let before = entries.remove(place);
            let mut dropped = fields::map(&before, &["fieldsV1"]).clone();
            subtract(&mut dropped, &owned);
            for entry in &entries {
                subtract(&mut dropped, fields::map(entry, &["fieldsV1"]));
            }
            remove(&mut object, &dropped);
        }
        self.overlay(&mut object, self.body);
        let unchanged = earlier.is_some()
            && fields::list(old, &["metadata", "managedFields"])
                .iter()
                .any(|entry| self.is_ours(entry) && fields::map(entry, &["fieldsV1"]) == &owned);
        let time = if unchanged {
            self.earlier_time(old)
        } else {
            self.time.to_owned()
        };
        entries.push(json!({
            "manager": self.manager,
            "operation": "Apply",
            "apiVersion": self.kind.api_version(),
            "time": time,
            "fieldsType": "FieldsV1",
            "fieldsV1": owned,
        }));
        fields::map_mut(&mut object, "metadata")
            .insert("managedFields".to_owned(), Value::Array(entries));
        Ok(object)
    }

    fn is_ours(&self, entry: &Value) -> bool {
        fields::text(entry, &["manager"]) == self.manager
            && fields::text(entry, &["operation"]) == "Apply"
    }

    fn earlier_time(&self, old: &Value) -> String {
        fields::list(old, &["metadata", "managedFields"])
            .iter()
            .find(|entry| self.is_ours(entry))
            .map_or(self.time, |entry| fields::text(entry, &["time"]))
            .to_owned()
    }

    fn settle_conflicts(
        &self,
        owned: &Map<String, Value>,
        old: &Value,
        entries: &mut [Value],
    ) -> Result<(), Refusal> {
        let mut causes = Vec::new();
        for entry in entries.iter_mut().filter(|entry| !self.is_ours(entry)) {
            let mut shared = fields::map(entry, &["fieldsV1"]).clone();
            keep_common(&mut shared, owned);
            let mut contested = Vec::new();
            different(&shared, (self.body, old), "", &mut contested);
            if contested.is_empty() {
                continue;
            }
            match self.conflicts {
                Conflicts::Refuse => {
                    let manager = fields::text(entry, &["manager"]);
                    causes.extend(contested.iter().map(|field| {
                        json!({
                            "reason": "FieldManagerConflict",
                            "message": format!("conflict with \"{manager}\" using {}", fields::text(entry, &["apiVersion"])),
                            "field": field,
                        })
                    }));
                }
                Conflicts::TakeOver => {
                    let mut theirs = fields::map(entry, &["fieldsV1"]).clone();
                    subtract(&mut theirs, owned);
                    entry["fieldsV1"] = Value::Object(theirs);
                }
            }
        }
        if causes.is_empty() {
            return Ok(());
        }
        let plural = if causes.len() == 1 {
            "conflict"
        } else {
            "conflicts"
        };
        let mut refusal = Refusal::new(
            Reason::Conflict,
            format!(
                "Apply failed with {} {plural}: {}",
                causes.len(),
                conflict_list(&causes)
            ),
        );
        refusal.details = json!({"causes": causes});
        Err(refusal)
    }

    /// The fields that an object names, in the form of `fieldsV1`.
    fn fields_of(&self, body: &Value) -> Map<String, Value> {
        let mut owned = Map::new();
        if let Some(members) = body.as_object() {
            for (name, value) in members {
                if ["apiVersion", "kind"].contains(&name.as_str()) {
                    continue;
                }
                owned.insert(
                    format!("f:{name}"),
                    Value::Object(self.fields_at(name, value)),
                );
            }
        }
        if let Some(metadata) = owned.get_mut("f:metadata").and_then(Value::as_object_mut) {
            for name in [
                "f:name",
                "f:namespace",
                "f:uid",
                "f:resourceVersion",
                "f:creationTimestamp",
                "f:generation",
                "f:managedFields",
            ] {
                metadata.remove(name);
            }
            if metadata.is_empty() {
                owned.remove("f:metadata");
            }
        }
        owned
    }

    fn fields_at(&self, name: &str, value: &Value) -> Map<String, Value> {
        let mut owned = Map::new();
        if let Some(members) = value.as_object() {
            for (name, value) in members {
                owned.insert(
                    format!("f:{name}"),
                    Value::Object(self.fields_at(name, value)),
                );
            }
        } else if let (Some(items), Some(keys)) = (value.as_array(), self.keys(name)) {
            for item in items {
                if let Some((key, value)) = key_of(item, keys) {
                    let mut inner = self.fields_at("", item);
                    inner.insert(".".to_owned(), json!({}));
                    owned.insert(format!("k:{}", json!({key: value})), Value::Object(inner));
                }
            }
        }
        owned
    }

    /// The keys of a list that is merged item by item.
    fn keys(&self, name: &str) -> Option<&'static [&'static str]> {
        match list_kind(name) {
            ListKind::Keyed(keys) if !self.kind.is_custom() => Some(keys),
            ListKind::Keyed(_) | ListKind::Set | ListKind::Atomic => None,
        }
    }

    fn overlay(&self, target: &mut Value, body: &Value) {
        let Some(body) = body.as_object() else { return };
        if !target.is_object() {
            *target = Value::Object(Map::new());
        }
        let Some(members) = target.as_object_mut() else {
            return;
        };
        for (name, value) in body {
            let items = value.as_array().zip(self.keys(name));
            if value.is_object() {
                self.overlay(members.entry(name.clone()).or_insert(Value::Null), value);
            } else if let Some((items, keys)) = items {
                let place = members
                    .entry(name.clone())
                    .or_insert_with(|| Value::Array(Vec::new()));
                if let Some(list) = place.as_array_mut() {
                    for item in items {
                        let key = key_of(item, keys);
                        match list.iter_mut().find(|other| key_of(other, keys) == key) {
                            Some(place) => self.overlay(place, item),
                            None => list.push(item.clone()),
                        }
                    }
                }
            } else {
                members.insert(name.clone(), value.clone());
            }
        }
    }
}

fn conflict_list(causes: &[Value]) -> String {
    let lines: Vec<String> = causes
        .iter()
        .map(|cause| {
            format!(
                "{}: {}",
                fields::text(cause, &["message"]),
                fields::text(cause, &["field"])
            )
        })
        .collect();
    lines.join("\n")
}

/// Removes from `fields` every leaf that `other` has, too.
fn subtract(fields: &mut Map<String, Value>, other: &Map<String, Value>) {
    fields.retain(|name, inner| {
        let Some(theirs) = other.get(name).and_then(Value::as_object) else {
            return true;
        };
        let Some(inner) = inner.as_object_mut() else {
            return false;
        };
        if inner.is_empty() {
            return false;
        }
        subtract(inner, theirs);
        !inner.is_empty()
    });
}

/// Keeps in `fields` what `other` has, too.
fn keep_common(fields: &mut Map<String, Value>, other: &Map<String, Value>) {
    fields.retain(|name, inner| {
        let Some(theirs) = other.get(name).and_then(Value::as_object) else {
            return false;
        };
        let Some(inner) = inner.as_object_mut() else {
            return false;
        };
        let leaf = inner.is_empty();
        keep_common(inner, theirs);
        leaf || !inner.is_empty()
    });
}

/// The member or item of an object that a name of `fieldsV1` stands for.
fn child<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    if let Some(member) = name.strip_prefix("f:") {
        return value.get(member);
    }
    let wanted: Value = serde_json::from_str(name.strip_prefix("k:")?).ok()?;
    value.as_array()?.iter().find(|item| has_key(item, &wanted))
}

fn has_key(item: &Value, wanted: &Value) -> bool {
    wanted.as_object().is_some_and(|wanted| {
        wanted
            .iter()
            .all(|(name, value)| item.get(name) == Some(value))
    })
}

/// The leaves of `fields` in which two objects differ, as dotted paths.
fn different(
    fields: &Map<String, Value>,
    (one, other): (&Value, &Value),
    path: &str,
    found: &mut Vec<String>,
) {
    for (name, inner) in fields {
        if name == "." {
            continue;
        }
        let path = match name.strip_prefix("f:") {
            Some(member) => format!("{path}.{member}"),
            None => format!("{path}[{}]", name.trim_start_matches("k:")),
        };
        let pair = (child(one, name), child(other, name));
        match inner.as_object() {
            Some(inner) if !inner.is_empty() => {
                if let (Some(one), Some(other)) = pair {
                    different(inner, (one, other), &path, found);
                }
            }
            Some(_) | None => {
                if pair.0 != pair.1 {
                    found.push(path);
                }
            }
        }
    }
}

/// Removes the leaves of `fields` from an object.
fn remove(object: &mut Value, fields: &Map<String, Value>) {
    for (name, inner) in fields {
        let inner = inner.as_object().filter(|inner| !inner.is_empty());
        if let Some(member) = name.strip_prefix("f:") {
            match (object.get_mut(member), inner) {
                (Some(value), Some(inner)) => remove(value, inner),
                (Some(_), None) => {
                    if let Some(members) = object.as_object_mut() {
                        members.remove(member);
                    }
                }
                (None, _) => {}
            }
        } else if let Some(key) = name.strip_prefix("k:") {
            let wanted: Value = serde_json::from_str(key).unwrap_or_default();
            let Some(items) = object.as_array_mut() else {
                continue;
            };
            let whole = inner.is_none_or(|inner| inner.contains_key("."));
            if whole {
                items.retain(|item| !has_key(item, &wanted));
            } else if let (Some(item), Some(inner)) =
                (items.iter_mut().find(|item| has_key(item, &wanted)), inner)
            {
                remove(item, inner);
            }
        }
    }
}
