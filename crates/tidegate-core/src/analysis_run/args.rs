//! `{{args.name}}` in metrics: the arguments' values take the places of the names (ANA-40, MP-003).

use std::collections::BTreeMap;

use tidegate_api::analysis::{AnalysisRunSpec, Argument, Metric, SecretKeyRef};
use tidegate_gocompat::quote;

use super::{Secret, Secrets};

/// Stands for a secret's value where only the shape of a metric matters.
const STAND_IN: &str = "temp-for-secret";

/// Values by argument.
pub type Values = BTreeMap<String, String>;

/// The metrics with their arguments, secrets replaced by a stand-in.
pub(super) fn without_secrets(spec: &AnalysisRunSpec) -> Result<Vec<Metric>, String> {
    let mut values = Values::new();
    for argument in &spec.args {
        let value = match (secret(argument), &argument.value) {
            (Some(_), _) => STAND_IN.to_owned(),
            (None, Some(value)) => value.clone(),
            (None, None) => return Err(not_supplied(&argument.name)),
        };
        values.insert(argument.name.clone(), value);
    }
    spec.metrics
        .iter()
        .map(|metric| resolve(metric, &values))
        .collect()
}

/// The values of all arguments, secrets included. Keeps ANA-26.
///
/// # Errors
/// An argument without a value, or whose Secret or key is not there.
pub fn with_secrets(args: &[Argument], secrets: &Secrets) -> Result<Values, String> {
    let mut values = Values::new();
    for argument in args {
        let value = match secret(argument) {
            None => argument
                .value
                .clone()
                .ok_or_else(|| not_supplied(&argument.name))?,
            Some(SecretKeyRef { name, key }) => {
                let data = match secrets.get(name) {
                    Some(Secret::Values(data)) => data,
                    Some(Secret::Refused(why)) => return Err(why.clone()),
                    Some(Secret::Absent) | None => {
                        return Err(format!("secrets \"{name}\" not found"));
                    }
                };
                data.get(key)
                    .cloned()
                    .ok_or_else(|| format!("key '{key}' does not exist in secret '{name}'"))?
            }
        };
        values.insert(argument.name.clone(), value);
    }
    Ok(values)
}

/// The values in Secrets that the arguments name.
pub(super) fn secret_references(args: &[Argument]) -> impl Iterator<Item = &SecretKeyRef> {
    args.iter().filter_map(secret)
}

fn secret(argument: &Argument) -> Option<&SecretKeyRef> {
    argument.value_from.as_ref()?.secret_key_ref.as_ref()
}

fn not_supplied(name: &str) -> String {
    format!("argument \"{name}\" was not supplied")
}

/// A metric with its arguments: substituted in its JSON text, each value escaped as inside a Go string
/// literal.
///
/// # Errors
/// An argument that nobody gave, or a value that breaks the metric.
pub fn resolve(metric: &Metric, values: &Values) -> Result<Metric, String> {
    let text = serde_json::to_string(metric).map_err(|error| error.to_string())?;
    let text = substitute_quoted(&text, values)?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

/// As [`substitute`], each value escaped as inside a Go string literal.
///
/// # Errors
/// A bracket that is not closed, or a name that nobody gave.
pub fn substitute_quoted(template: &str, values: &Values) -> Result<String, String> {
    let quoted: Values = values
        .iter()
        .map(|(name, value)| (name.clone(), escaped(value)))
        .collect();
    substitute(template, &quoted)
}

/// As it stands between quotes.
pub(super) fn escaped(value: &str) -> String {
    let literal = quote::quote(value.as_bytes());
    let inner = literal
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(&literal).to_owned()
}

/// Replaces every `{{args.name}}`; anything else between the brackets is an error, of which the last
/// one is told.
///
/// # Errors
/// A bracket that is not closed, or a name that nobody gave.
pub fn substitute(template: &str, values: &BTreeMap<String, String>) -> Result<String, String> {
    replace(template, |name| {
        values.get(name.strip_prefix("args.")?).cloned()
    })
}

/// Replaces every name between brackets by what `value_of` says; of those of which it says nothing, the
/// last one is told.
///
/// # Errors
/// A bracket that is not closed, or a name of which nothing is said.
pub(crate) fn replace(
    template: &str,
    value_of: impl Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    let mut unresolved = None;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((tag, behind)) = after.split_once("}}") else {
            return Err(format!(
                "Cannot find end tag=\"}}}}\" in the template={} starting from {}",
                quote::quote(template.as_bytes()),
                quote::quote(after.as_bytes())
            ));
        };
        match value_of(tag.trim()) {
            Some(value) => out.push_str(&value),
            None => unresolved = Some(format!("failed to resolve {{{{{tag}}}}}")),
        }
        rest = behind;
    }
    out.push_str(rest);
    unresolved.map_or(Ok(out), Err)
}
