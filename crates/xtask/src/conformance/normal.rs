//! Areas `fieldwalk` and `normalise`: objects of our kinds as Go writes them once it has read them.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;
use tidegate_api::shape::{self, encode};

use super::{
    Report,
    cases::{Case, check_file, difference},
};

/// Checks `fieldwalk.jsonl`: what is read must be written again.
///
/// # Errors
/// When it is missing, or a line of it cannot be read.
pub(crate) fn run_fieldwalk(folder: &Path) -> Result<Vec<Report>> {
    let check = |case: &Case| check(case, ("object", "object"));
    check_file(folder, "fieldwalk.jsonl", check).map(|report| vec![report])
}

/// Checks `normalise.jsonl`: what becomes of values, zeros and nulls.
///
/// # Errors
/// When it is missing, or a line of it cannot be read.
pub(crate) fn run_normalise(folder: &Path) -> Result<Vec<Report>> {
    let check = |case: &Case| check(case, ("input", "output"));
    check_file(folder, "normalise.jsonl", check).map(|report| vec![report])
}

/// The bytes must agree, for a value as an API server hands it out as well as for the text as written.
fn check(case: &Case, (given, kept): (&str, &str)) -> Result<Option<String>> {
    let kind = case.text("kind")?;
    let kind = shape::of_kind(kind).context("no kind of ours")?;
    let encoded = encode(kind, case.written(given)?);
    let error = encoded.error.map(|error| error.to_string());
    if error.is_some() || case.error().is_some() {
        return Ok(difference("error", &error.as_deref(), &case.error()));
    }
    let mut expected = String::new();
    tidegate_gocompat::json::write_raw(case.written(kept)?, &mut expected);
    let value: Value = shape::normalise(kind, &case.value[given])?;
    Ok(difference("text", &encoded.text, &expected)
        .or_else(|| difference("value", &value, &case.value[kept])))
}
