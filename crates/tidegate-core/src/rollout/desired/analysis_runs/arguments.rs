//! The arguments of an AnalysisRun: what the Rollout gives, over what the templates say (ANA-06, ANA-07).

use std::{collections::BTreeMap, slice};

use serde_json::Value;
use tidegate_api::{
    analysis::Argument,
    rollout::{AnalysisRunArgument, Rollout},
};
use tidegate_gocompat::{number, quote};

/// The hashes that arguments may name.
#[derive(Clone, Copy, Debug)]
pub struct Hashes<'a> {
    /// Of the new version.
    pub latest: &'a str,
    /// Of the version that users know.
    pub stable: &'a str,
}

/// The values that a Rollout gives to an analysis of its own.
///
/// # Errors
/// The first argument that names a field which cannot be read.
pub(crate) fn of_rollout(
    args: &[AnalysisRunArgument],
    hashes: Hashes<'_>,
    rollout: &Rollout,
) -> Result<Vec<Argument>, String> {
    let mut all = Vec::new();
    for argument in args {
        let read = given(slice::from_ref(argument), hashes, rollout);
        all.extend(read.map_err(|error| {
            let name = &argument.name;
            format!("args.{name}.valueFrom.fieldRef.fieldPath: {error}; name a field that is there")
        })?);
    }
    Ok(all)
}

/// The values that a Rollout gives. Differs from upstream: every field that cannot be read is told,
/// not only one in the last argument.
///
/// # Errors
/// The first field that cannot be read.
pub fn given(
    args: &[AnalysisRunArgument],
    hashes: Hashes<'_>,
    rollout: &Rollout,
) -> Result<Vec<Argument>, String> {
    args.iter()
        .map(|argument| {
            Ok(Argument {
                name: argument.name.clone(),
                value: Some(value(argument, hashes, rollout)?),
                value_from: None,
            })
        })
        .collect()
}

fn value(
    argument: &AnalysisRunArgument,
    hashes: Hashes<'_>,
    rollout: &Rollout,
) -> Result<String, String> {
    let Some(source) = &argument.value_from else {
        return Ok(argument.value.clone());
    };
    if let Some(which) = &source.pod_template_hash_value {
        return Ok(match which.as_str() {
            "Latest" => hashes.latest.to_owned(),
            "Stable" => hashes.stable.to_owned(),
            _ => argument.value.clone(),
        });
    }
    match &source.field_ref {
        None => Ok(argument.value.clone()),
        Some(field) if field.field_path.starts_with("metadata") => {
            metadata_field(rollout, &field.field_path)
        }
        Some(field) => rollout_field(rollout, &field.field_path),
    }
}

/// A field of the metadata, by the rules of the downward API.
fn metadata_field(rollout: &Rollout, path: &str) -> Result<String, String> {
    let metadata = &rollout.metadata;
    if let Some((list, key)) = subscript(path) {
        let map = match list {
            "metadata.annotations" => &metadata.annotations,
            "metadata.labels" => &metadata.labels,
            _ => {
                let quoted = quote::quote(path.as_bytes());
                return Err(format!("fieldPath {quoted} does not support subscript"));
            }
        };
        return Ok(map.get(key).cloned().unwrap_or_default());
    }
    match path {
        "metadata.annotations" => Ok(lines(&metadata.annotations)),
        "metadata.labels" => Ok(lines(&metadata.labels)),
        "metadata.name" => Ok(metadata.name.clone()),
        "metadata.namespace" => Ok(metadata.namespace.clone()),
        "metadata.uid" => Ok(metadata.uid.clone()),
        _ => Err(format!("unsupported fieldPath: {path}")),
    }
}

/// `metadata.labels['key']` as its two parts.
fn subscript(path: &str) -> Option<(&str, &str)> {
    let (list, key) = path.strip_suffix("']")?.split_once("['")?;
    (!list.is_empty()).then_some((list, key))
}

fn lines(map: &BTreeMap<String, String>) -> String {
    let lines: Vec<String> = map
        .iter()
        .map(|(key, value)| format!("{key}={}", quote::quote(value.as_bytes())))
        .collect();
    lines.join("\n")
}

/// A scalar anywhere in the Rollout. Numbers print as Go prints floats: 1000000 is `1e+06`.
fn rollout_field(rollout: &Rollout, path: &str) -> Result<String, String> {
    let invalid = || format!("invalid path {path} in rollout");
    let document = serde_json::to_value(rollout).map_err(|_| invalid())?;
    let mut at = &document;
    for section in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        at = match at {
            Value::Array(items) => {
                let index: usize = section
                    .parse()
                    .map_err(|_| format!("invalid index '{section}'"))?;
                items
                    .get(index)
                    .ok_or_else(|| format!("index {index} out of range"))?
            }
            Value::Object(members) => members.get(section).unwrap_or(&Value::Null),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                return Err(invalid());
            }
        };
    }
    match at {
        Value::Null => Err(invalid()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(digits) => digits.as_f64().map(number::print_float).ok_or_else(invalid),
        Value::String(text) => Ok(text.clone()),
        Value::Array(_) | Value::Object(_) => Err(format!(
            "path {path} in rollout must terminate in a primitive value"
        )),
    }
}

/// What is given goes over what the templates say; what no template knows is dropped. Keeps ANA-06.
///
/// # Errors
/// Names the first argument that nobody gave.
pub fn merge(given: &[Argument], template: &[Argument]) -> Result<Vec<Argument>, String> {
    let mut merged = template.to_vec();
    for argument in given {
        let known = merged.iter_mut().find(|known| known.name == argument.name);
        if let Some(known) = known {
            if argument.value.is_some() {
                known.value.clone_from(&argument.value);
            } else if argument.value_from.is_some() {
                known.value_from.clone_from(&argument.value_from);
            }
        }
    }
    let open = merged
        .iter()
        .find(|argument| argument.value.is_none() && argument.value_from.is_none());
    match open {
        Some(argument) => Err(format!("args.{} was not resolved", argument.name)),
        None => Ok(merged),
    }
}
