//! JSON patch, RFC 6902.

use serde_json::Value;

/// Why a JSON patch was not carried out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Error {
    /// It is no JSON patch.
    Malformed(String),
    /// The object lacks a path, or a test failed.
    Unfit(String),
}

/// The most operations of one patch, as the API server allows.
const MOST_OPERATIONS: usize = 10_000;

/// Carries out a list of operations.
///
/// # Errors
/// At the first one that is none or does not fit; the document is then half changed.
pub(super) fn apply(document: &mut Value, operations: &Value) -> Result<(), Error> {
    let operations = operations
        .as_array()
        .ok_or_else(|| Error::Malformed("a JSON patch is a list of operations".to_owned()))?;
    if operations.len() > MOST_OPERATIONS {
        return Err(Error::Malformed(format!(
            "The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {}",
            operations.len()
        )));
    }
    operations
        .iter()
        .try_for_each(|operation| apply_one(document, operation))
}

fn apply_one(document: &mut Value, operation: &Value) -> Result<(), Error> {
    let text = |name: &str| {
        operation
            .get(name)
            .and_then(Value::as_str)
            .ok_or_else(|| Error::Malformed(format!("a JSON patch operation lacks {name:?}")))
    };
    let value = || {
        operation
            .get("value")
            .cloned()
            .ok_or_else(|| Error::Malformed("a JSON patch operation lacks \"value\"".to_owned()))
    };
    let path = text("path")?;
    match text("op")? {
        "add" => add(document, path, value()?),
        "remove" => remove(document, path).map(drop),
        "replace" => {
            let place = find(document, path, "replace")?;
            *place = value()?;
            Ok(())
        }
        "move" => {
            let from = text("from")?;
            let moved = remove(document, from)?;
            add(document, path, moved)
        }
        "copy" => {
            let from = text("from")?;
            let copied = find(document, from, "copy")?.clone();
            add(document, path, copied)
        }
        "test" => {
            let wanted = value()?;
            let found = document.pointer(path).unwrap_or(&Value::Null);
            if *found == wanted {
                Ok(())
            } else {
                Err(Error::Unfit(format!(
                    "testing value {path} failed: test failed"
                )))
            }
        }
        unknown => Err(Error::Malformed(format!(
            "unexpected kind of operation: {unknown}"
        ))),
    }
}

fn find<'a>(document: &'a mut Value, path: &str, verb: &str) -> Result<&'a mut Value, Error> {
    document
        .pointer_mut(path)
        .ok_or_else(|| missing(path, verb))
}

fn missing(path: &str, verb: &str) -> Error {
    Error::Unfit(format!(
        "{verb} operation does not apply: doc is missing path: {path}: missing value"
    ))
}

/// The parent of a path and the path's last part, unescaped.
fn parent<'a>(
    document: &'a mut Value,
    path: &str,
    verb: &str,
) -> Result<(&'a mut Value, String), Error> {
    let (head, last) = path.rsplit_once('/').ok_or_else(|| missing(path, verb))?;
    let last = last.replace("~1", "/").replace("~0", "~");
    Ok((find(document, head, verb)?, last))
}

fn add(document: &mut Value, path: &str, value: Value) -> Result<(), Error> {
    if path.is_empty() {
        *document = value;
        return Ok(());
    }
    let (parent, last) = parent(document, path, "add")?;
    if let Some(items) = parent.as_array_mut() {
        let index = if last == "-" {
            items.len()
        } else {
            last.parse().map_err(|_| missing(path, "add"))?
        };
        if index > items.len() {
            return Err(missing(path, "add"));
        }
        items.insert(index, value);
    } else if let Some(members) = parent.as_object_mut() {
        members.insert(last, value);
    } else {
        return Err(missing(path, "add"));
    }
    Ok(())
}

fn remove(document: &mut Value, path: &str) -> Result<Value, Error> {
    let (parent, last) = parent(document, path, "remove")?;
    if let Some(items) = parent.as_array_mut() {
        let index: usize = last.parse().map_err(|_| missing(path, "remove"))?;
        if index >= items.len() {
            return Err(missing(path, "remove"));
        }
        return Ok(items.remove(index));
    }
    parent
        .as_object_mut()
        .and_then(|members| members.remove(&last))
        .ok_or_else(|| missing(path, "remove"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_operation_does_what_its_name_says() {
        let mut document = json!({"a": {"b/c": 1}, "list": [1, 3]});
        let operations = json!([
            {"op": "test", "path": "/a/b~1c", "value": 1},
            {"op": "add", "path": "/list/1", "value": 2},
            {"op": "add", "path": "/list/-", "value": 4},
            {"op": "replace", "path": "/a/b~1c", "value": 5},
            {"op": "copy", "from": "/a", "path": "/copied"},
            {"op": "move", "from": "/a/b~1c", "path": "/moved"},
            {"op": "remove", "path": "/list/0"},
        ]);
        apply(&mut document, &operations).unwrap();
        assert_eq!(
            document,
            json!({"a": {}, "copied": {"b/c": 5}, "moved": 5, "list": [2, 3, 4]})
        );
    }

    #[test]
    fn a_failed_test_and_a_missing_path_do_not_fit() {
        for operation in [
            json!({"op": "test", "path": "/a", "value": 1}),
            json!({"op": "remove", "path": "/a"}),
            json!({"op": "replace", "path": "/a", "value": 1}),
            json!({"op": "add", "path": "/a/b", "value": 1}),
        ] {
            let result = apply(&mut json!({}), &json!([operation]));
            assert!(matches!(result, Err(Error::Unfit(_))), "{operation}");
        }
    }
}
