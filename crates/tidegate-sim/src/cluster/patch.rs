//! The four ways to change part of an object.

pub(super) mod apply;
mod json;
pub(super) mod strategic;

use serde_json::{Map, Value};

use super::{
    kinds::Kind,
    refusal::{Reason, Refusal},
};

/// A change of part of an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Patch {
    /// JSON merge patch (RFC 7386): null deletes, lists are replaced.
    Merge(Value),
    /// JSON patch (RFC 6902): a list of operations.
    Json(Value),
    /// Strategic merge patch: lists of built-in kinds are merged by their keys.
    Strategic(Value),
    /// Server-side apply: the manager's whole opinion.
    Apply {
        /// The object as the manager wants it.
        body: Value,
        /// Who it is.
        manager: String,
        /// Whether others' fields may be taken over.
        conflicts: Conflicts,
    },
}

/// What an apply does with fields that another manager applied with another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflicts {
    /// It is refused.
    Refuse,
    /// It takes them over.
    TakeOver,
}

/// The object as it is after a patch other than an apply.
///
/// # Errors
/// When the patch does not fit the object or its kind.
pub(super) fn patched(
    kind: &Kind,
    name: &str,
    old: &Value,
    patch: &Patch,
) -> Result<Value, Refusal> {
    let mut object = old.clone();
    match patch {
        Patch::Merge(patch) => {
            if !patch.is_object() {
                return Err(Refusal::bad_request(
                    "error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}",
                ));
            }
            merge(&mut object, patch);
        }
        Patch::Json(operations) => {
            json::apply(&mut object, operations).map_err(|error| match error {
                json::Error::Malformed(message) => Refusal::bad_request(message),
                json::Error::Unfit(message) => {
                    let mut refusal = Refusal::new(
                        Reason::Invalid,
                        "the server rejected our request due to an error in our request",
                    );
                    refusal.details = serde_json::json!({
                        "name": name,
                        "kind": kind.plural,
                        "causes": [{"message": message}],
                    });
                    refusal
                }
            })?;
        }
        Patch::Strategic(patch) => {
            if kind.is_custom() {
                return Err(unsupported_strategic());
            }
            strategic::merge(&mut object, patch)?;
        }
        Patch::Apply { .. } => {
            return Err(Refusal::bad_request(
                "an apply needs the managers of the object",
            ));
        }
    }
    Ok(object)
}

fn unsupported_strategic() -> Refusal {
    Refusal::new(
        Reason::UnsupportedMediaType,
        "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
    )
}

/// RFC 7386.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(members) = target.as_object_mut() else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else if value.is_object() {
            merge(members.entry(name.clone()).or_insert(Value::Null), value);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merge_patch_deletes_by_null_and_replaces_lists() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "list": [1, 2]});
        merge(
            &mut target,
            &json!({"a": {"b": null, "d": {"e": null, "f": 1}}, "list": [3]}),
        );
        assert_eq!(target, json!({"a": {"c": 2, "d": {"f": 1}}, "list": [3]}));
    }
}
