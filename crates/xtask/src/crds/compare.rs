//! Our definitions against others of the same kinds, path by path.

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value, json};

/// What a schema says of one path: its keywords without description, members and items.
type Keywords = Map<String, Value>;

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// Where: members divided by dots, `[]` for an item, `.*` for any member.
    pub(crate) path: String,
    /// What ours says; `None` if it has no such path.
    pub(crate) ours: Option<Value>,
    /// What theirs says; `None` if it has no such path.
    pub(crate) theirs: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let say = |side: &Option<Value>| match side {
            Some(value) => value.to_string(),
            None => "nothing".to_owned(),
        };
        let (ours, theirs) = (say(&self.ours), say(&self.theirs));
        write!(f, "{}: {ours}, not {theirs}", self.path)
    }
}

/// Both sides: how many paths agree, and where they do not.
pub(crate) fn compare(
    ours: &BTreeMap<String, Keywords>,
    theirs: &BTreeMap<String, Keywords>,
) -> (usize, Vec<Difference>) {
    let paths = theirs
        .keys()
        .chain(ours.keys().filter(|path| !theirs.contains_key(*path)));
    let mut agreed = 0;
    let mut differences = Vec::new();
    for path in paths {
        let (our, their) = (ours.get(path), theirs.get(path));
        if our == their {
            agreed += 1;
        } else {
            differences.push(Difference {
                path: path.clone(),
                ours: our.cloned().map(Value::Object),
                theirs: their.cloned().map(Value::Object),
            });
        }
    }
    (agreed, differences)
}

/// Every path of a definition with its keywords: of the schema those of its members, of the rest
/// each leaf under its own path behind `@`.
pub(crate) fn paths(definition: &Value) -> BTreeMap<String, Keywords> {
    let mut paths = BTreeMap::new();
    let mut rest = definition.clone();
    let schema = rest
        .pointer_mut("/spec/versions/0/schema/openAPIV3Schema")
        .map(Value::take)
        .unwrap_or_default();
    walk_rest(&rest, "@", &mut paths);
    walk(&schema, "", &mut paths);
    paths
}

fn walk_rest(value: &Value, path: &str, paths: &mut BTreeMap<String, Keywords>) {
    let members = value.as_object().into_iter().flatten();
    for (key, member) in members {
        walk_rest(member, &format!("{path}.{key}"), paths);
    }
    let items = value.as_array().into_iter().flatten();
    for (index, item) in items.enumerate() {
        walk_rest(item, &format!("{path}[{index}]"), paths);
    }
    if !value.is_object() && !value.is_array() || value == &json!({}) {
        paths.insert(
            path.to_owned(),
            Map::from_iter([("is".to_owned(), value.clone())]),
        );
    }
}

fn walk(schema: &Value, path: &str, paths: &mut BTreeMap<String, Keywords>) {
    let required = schema.get("required").and_then(Value::as_array);
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, member) in properties.into_iter().flatten() {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        let mut keywords = keywords_of(member);
        if required.is_some_and(|names| names.contains(&json!(name))) {
            keywords.insert("required".to_owned(), json!(true));
        }
        paths.insert(path.clone(), keywords);
        walk(member, &path, paths);
    }
    for (keyword, mark) in [("items", "[]"), ("additionalProperties", ".*")] {
        if let Some(inner) = schema.get(keyword).filter(|inner| inner.is_object()) {
            let path = format!("{path}{mark}");
            paths.insert(path.clone(), keywords_of(inner));
            walk(inner, &path, paths);
        }
    }
}

fn keywords_of(schema: &Value) -> Keywords {
    let skipped = [
        "description",
        "properties",
        "required",
        "items",
        "additionalProperties",
    ];
    let members = schema.as_object().into_iter().flatten();
    members
        .filter(|(keyword, _)| !skipped.contains(&keyword.as_str()))
        .map(|(keyword, value)| (keyword.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(schema: &Value) -> Value {
        json!({"spec": {"group": "doors", "versions": [{"schema": {"openAPIV3Schema": schema}}]}})
    }

    /// What the comparison says of two schemas, ours first.
    fn check(ours: &Value, theirs: &Value, expected: &[&str]) {
        let (_, differences) = compare(&paths(&definition(ours)), &paths(&definition(theirs)));
        let found: Vec<String> = differences.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn descriptions_do_not_count() {
        let ours = json!({"properties": {"lock": {"type": "string", "description": "A lock."}}});
        let theirs = json!({"properties": {"lock": {"type": "string"}}});
        check(&ours, &theirs, &[]);
    }

    #[test]
    fn a_member_that_is_missing_or_too_much_is_told() {
        let ours = json!({"properties": {"lock": {"type": "string"}}});
        let theirs = json!({"properties": {"key": {"type": "string"}}});
        check(
            &ours,
            &theirs,
            &[
                r#"key: nothing, not {"type":"string"}"#,
                r#"lock: {"type":"string"}, not nothing"#,
            ],
        );
    }

    #[test]
    fn a_keyword_in_an_item_is_told() {
        let list = |format: &str| {
            json!({"properties": {"keys": {
            "type": "array", "items": {"type": "integer", "format": format}}}})
        };
        check(
            &list("int32"),
            &list("int64"),
            &[
                r#"keys[]: {"format":"int32","type":"integer"}, not {"format":"int64","type":"integer"}"#,
            ],
        );
    }

    #[test]
    fn a_required_member_is_told() {
        let ours = json!({"properties": {"lock": {"type": "string"}}});
        let theirs = json!({"properties": {"lock": {"type": "string"}}, "required": ["lock"]});
        check(
            &ours,
            &theirs,
            &[r#"lock: {"type":"string"}, not {"required":true,"type":"string"}"#],
        );
    }

    #[test]
    fn a_difference_beside_the_schema_is_told() {
        let theirs = json!({"spec": {"group": "windows", "versions": [{"schema": {}}]}});
        let (_, differences) = compare(&paths(&definition(&json!({}))), &paths(&theirs));
        let group = differences
            .iter()
            .find(|difference| difference.path == "@.spec.group")
            .unwrap();
        assert_eq!(
            group.to_string(),
            r#"@.spec.group: {"is":"doors"}, not {"is":"windows"}"#
        );
    }
}
