//! Area `numbers`: percentages, durations, quantities, times, selectors, floats, JSON, hashes, names,
//! quoting (`numbers.jsonl`).

mod go;
mod kubernetes;

use std::path::Path;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::{
    Report,
    cases::{Case, check_file, difference},
};

/// What we answer: a value, or the text of an error.
type Answer = std::result::Result<Value, String>;

/// Checks the file.
///
/// # Errors
/// When it is missing, or a line of it cannot be read.
pub(crate) fn run(folder: &Path) -> Result<Vec<Report>> {
    check_file(folder, "numbers.jsonl", check).map(|report| vec![report])
}

fn check(case: &Case) -> Result<Option<String>> {
    let operation = case.text("op")?;
    let expected = match case.error() {
        Some(text) => Err(text.to_owned()),
        None => Ok(case.value["output"].clone()),
    };
    Ok(difference(operation, &answer(operation, case)?, &expected))
}

fn answer(operation: &str, case: &Case) -> Result<Answer> {
    match operation {
        "intstr" => kubernetes::int_or_percent(case),
        "quantity" => kubernetes::quantity(case),
        "quantity.pair" => kubernetes::quantities(case),
        "time" => kubernetes::time(case),
        "selector.parse" => kubernetes::parsed_selector(case),
        "selector.format" => kubernetes::manifest_selector(case),
        "hash" => kubernetes::hash(case),
        "name" => kubernetes::name(case),
        "duration.parse" => go::parsed_duration(case),
        "duration.print" => go::printed_duration(case),
        "float" => go::float(case),
        "json" => go::json(case),
        "integer" => go::integer(case),
        "quote" => go::quoted(case),
        other => bail!("no question of ours: {other}"),
    }
}

/// An answer in an answer: the value, or an object with the error's text.
fn or_error<T: Into<Value>, E: ToString>(answer: std::result::Result<T, E>) -> Value {
    match answer {
        Ok(value) => value.into(),
        Err(error) => json!({"error": error.to_string()}),
    }
}
