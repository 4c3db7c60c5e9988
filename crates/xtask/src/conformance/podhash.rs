//! Area `podhash`: the bytes and hashes of pod templates, what is stored of a template, Kubernetes'
//! defaults, and the comparison that takes over where no hash matches.

mod stored;

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tidegate_api::{
    pod_template,
    shape::{self, POD_TEMPLATE, encode},
};

use self::stored::Schema;
use super::{
    Report,
    cases::{Case, check_file, difference},
};

/// Files that hold templates with their bytes and hashes.
const HASHES: [&str; 3] = [
    "podhash.jsonl",
    "podhash-fields.jsonl",
    "podhash-random.jsonl",
];

/// What is stored of templates, and what Kubernetes' defaults make of that.
const DEFAULTS: &str = "podhash-defaults.jsonl";

/// Live templates and desired ones.
const EQUAL: &str = "podhash-equal.jsonl";

/// Checks all files that are there.
///
/// # Errors
/// When none is, or a line of one cannot be read.
pub(crate) fn run(folder: &Path) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    let is_there = |file: &&str| folder.join(file).exists();
    for file in HASHES.into_iter().filter(is_there) {
        reports.push(check_file(folder, file, check_hash)?);
    }
    if is_there(&DEFAULTS) {
        let schema = Schema::of_pod_templates()?;
        let check = |case: &Case| check_defaults(case, &schema);
        reports.push(check_file(folder, DEFAULTS, check)?);
    }
    if is_there(&EQUAL) {
        reports.push(check_file(folder, EQUAL, check_equal)?);
    }
    if reports.is_empty() {
        bail!("{} holds no hashes", folder.display());
    }
    Ok(reports)
}

fn check_hash(case: &Case) -> Result<Option<String>> {
    let template = case.written("template")?;
    let encoded = encode(&POD_TEMPLATE, template);
    let error = encoded.error.map(|error| error.to_string());
    if case.error().is_some() || error.is_some() {
        return Ok(difference("error", &error.as_deref(), &case.error()));
    }
    let output = &case.value["output"];
    let count = match case.value.get("collisionCount").and_then(Value::as_i64) {
        Some(count) => Some(i32::try_from(count)?),
        None => None,
    };
    let recorded = |name: &str| output[name].as_str().unwrap_or_default().to_owned();
    let hash = pod_template::hash(template, count);
    let older = pod_template::hash_before_0_34(template, count);
    Ok(difference("text", &encoded.text, &recorded("bytes"))
        .or_else(|| difference("hash", &hash, &recorded("hash")))
        .or_else(|| difference("hash18", &older, &recorded("hash18"))))
}

/// `hashAsWritten` is left out: it was taken with a decoder that reads names in any case and stops at
/// times it cannot read, so it is the hash of nothing that is ever stored. The other files have such
/// hashes as upstream's decoder gives them.
fn check_defaults(case: &Case, schema: &Schema) -> Result<Option<String>> {
    let output = &case.value["output"];
    let stored = schema.store(&case.value["template"]);
    if let Some(difference) = difference("stored", &stored, &output["stored"]) {
        return Ok(Some(difference));
    }
    let encoded = encode(&POD_TEMPLATE, &stored);
    let error = encoded.error.map(|error| error.to_string());
    let recorded = output["decodeError"].as_str();
    if error.is_some() || recorded.is_some() {
        return Ok(difference("error", &error.as_deref(), &recorded));
    }
    let defaulted = pod_template::with_defaults(&stored);
    let hash = |template: &Value| Value::from(pod_template::hash(template, None));
    let shown = shape::normalise(&POD_TEMPLATE, &defaulted)?;
    Ok(
        difference("hash as stored", &hash(&stored), &output["hashStored"])
            .or_else(|| difference("defaulted", &shown, &output["defaulted"]))
            .or_else(|| {
                let expected = &output["hashDefaulted"];
                difference("hash with defaults", &hash(&defaulted), expected)
            }),
    )
}

fn check_equal(case: &Case) -> Result<Option<String>> {
    let (live, desired) = (&case.value["live"], &case.value["desired"]);
    let output = &case.value["output"];
    let flag = |name: &str| output[name].as_bool().context("no answer");
    let equal = pod_template::equal_ignoring_hash(live, desired);
    let same_hash = pod_template::hash(live, None) == pod_template::hash(desired, None);
    Ok(difference("equal", &equal, &flag("equal")?).or(difference(
        "same hash",
        &same_hash,
        &flag("sameHash")?,
    )))
}
