//! Create, update, patch and delete, with everything that the API server does around them.

mod create;
mod delete;
mod evict;
mod scale;
mod update;

pub use self::delete::{Deletion, DeletionOptions, Propagation};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    admission, fields,
    kinds::{Kind, KindId, Nature, StatusWrites},
    refusal::Refusal,
};

/// What happens to fields that a definition does not know (`fieldValidation`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validation {
    /// They are cut off in silence.
    Ignore,
    /// The request is refused.
    Strict,
}

/// An instant as the API server writes it.
fn instant(at: Timestamp) -> String {
    tidegate_api::meta::Time::new(at).to_string()
}

/// Fills in defaults, cuts off what is unknown and refuses what breaks a rule. `old` is what the
/// object replaces.
fn admit(
    (id, kind): (KindId, &Kind),
    object: &mut Value,
    old: Option<&Value>,
    validation: Validation,
) -> Result<(), Refusal> {
    let name = fields::name(object).to_owned();
    let mut causes = Vec::new();
    match &kind.nature {
        Nature::BuiltIn => admission::fill_in(id, object),
        Nature::Custom(schema) => {
            // What stays as it was has been through this before.
            let settled = take_settled(object, old);
            let cut = schema.prune(object);
            if validation == Validation::Strict && !cut.is_empty() {
                let fields: Vec<String> = cut
                    .iter()
                    .map(|path| format!("unknown field \"{path}\""))
                    .collect();
                return Err(Refusal::bad_request(format!(
                    "{} in version \"{}\" cannot be handled as a {}: strict decoding error: {}",
                    kind.kind,
                    kind.version,
                    kind.kind,
                    fields.join(", ")
                )));
            }
            schema.fill_in(object);
            if let Some(members) = object.as_object_mut() {
                members.extend(settled);
            }
            causes.extend(schema.check(object, old));
        }
    }
    causes.extend(admission::check(id, object, old));
    if causes.is_empty() {
        Ok(())
    } else {
        Err(Refusal::invalid(kind, &name, &causes))
    }
}

/// Takes out the members that are the same in what the object replaces.
fn take_settled(object: &mut Value, old: Option<&Value>) -> Vec<(String, Value)> {
    let (Some(members), Some(old)) = (object.as_object_mut(), old) else {
        return Vec::new();
    };
    let settled: Vec<String> = members
        .iter()
        .filter(|(name, value)| old.get(name.as_str()) == Some(*value))
        .map(|(name, _)| name.clone())
        .collect();
    let settled = settled.into_iter();
    settled
        .filter_map(|name| members.remove_entry(&name))
        .collect()
}

/// Sees to it that an object names its own kind, as the stored form does.
fn name_kind(kind: &Kind, object: &mut Value) -> Result<(), Refusal> {
    let Some(members) = object.as_object_mut() else {
        return Err(Refusal::bad_request("the body of the request is no object"));
    };
    for (member, expected) in [
        ("apiVersion", kind.api_version()),
        ("kind", kind.kind.clone()),
    ] {
        match members.get(member).and_then(Value::as_str) {
            None | Some("") => {
                members.insert(member.to_owned(), Value::String(expected));
            }
            Some(given) if given == expected => {}
            Some(given) => {
                return Err(Refusal::bad_request(format!(
                    "the {member} in the data ({given}) does not match the expected {member} ({expected})"
                )));
            }
        }
    }
    Ok(())
}

/// Drops `status` from an object whose status is written apart.
fn drop_status(kind: &Kind, members: &mut Map<String, Value>) {
    // A node reports itself with its status at once.
    if kind.status == StatusWrites::Apart && kind.kind != "Node" {
        members.remove("status");
    }
}
