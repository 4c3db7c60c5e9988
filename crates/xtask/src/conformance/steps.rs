//! Area `rollouts-steps`: hashes of canary steps, their words in events, lengths of pauses
//! (`rollouts-steps.jsonl`).

use std::path::Path;

use anyhow::{Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_api::{pause, pod_template, rollout::CanaryStep, safe_hash};
use tidegate_core::rollout::steps::Step;

use super::{
    Report,
    cases::{Case, check_file, difference},
};

/// Checks the file.
///
/// # Errors
/// When it is missing, or a line of it cannot be read.
pub(crate) fn run(folder: &Path) -> Result<Vec<Report>> {
    check_file(folder, "rollouts-steps.jsonl", &[], check).map(|report| vec![report])
}

fn check(case: &Case) -> Result<Option<String>> {
    match case.text("op")? {
        "steps" => check_steps(case),
        "pause" => check_pause(case),
        other => bail!("no question of ours: {other}"),
    }
}

/// The bytes are those of the steps as written; the hash must also follow from our typed steps.
fn check_steps(case: &Case) -> Result<Option<String>> {
    let written = case.written("steps")?;
    let steps = Option::<Vec<CanaryStep>>::deserialize(&case.value["steps"])?.unwrap_or_default();
    let words: Vec<String> = steps
        .iter()
        .map(|step| Step::from_wire(step).words())
        .collect();
    let found = json!({
        "bytes": safe_hash::steps_text(written),
        "hash": safe_hash::of_steps(written),
        "strings": words,
    });
    let typed = pod_template::step_hash(&steps);
    let stored = safe_hash::of_steps(&case.value["steps"]);
    Ok(difference("answer", &found, &case.value["output"])
        .or_else(|| difference("hash of typed steps", &typed, &stored)))
}

fn check_pause(case: &Case) -> Result<Option<String>> {
    let step = CanaryStep::deserialize(json!({"pause": case.value["pause"]}))?;
    let duration = step
        .pause
        .as_ref()
        .and_then(|pause| pause.duration.as_ref());
    let found = json!({
        "seconds": duration.map_or(0, pause::seconds),
        "string": Step::from_wire(&step).words(),
    });
    let expected: &Value = &case.value["output"];
    Ok(difference("answer", &found, expected))
}
