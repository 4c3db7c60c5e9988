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
    check_file(folder, "rollouts-steps.jsonl", check).map(|report| vec![report])
}

fn check(case: &Case) -> Result<Option<String>> {
    match case.text("op")? {
        "steps" => check_steps(case),
        "pause" => check_pause(case),
        other => bail!("no question of ours: {other}"),
    }
}

/// The bytes are those of the steps as written. The hash must also follow from our typed steps, and the
/// words from the steps we decide by.
fn check_steps(case: &Case) -> Result<Option<String>> {
    let written = case.written("steps")?;
    let (given, output) = (&case.value["steps"], &case.value["output"]);
    let steps = Option::<Vec<CanaryStep>>::deserialize(given)?.unwrap_or_default();
    let bytes = Value::from(safe_hash::steps_text(written));
    let hash = Value::from(safe_hash::of_steps(written));
    let found = difference("bytes", &bytes, &output["bytes"])
        .or_else(|| difference("hash", &hash, &output["hash"]));
    if found.is_some() {
        return Ok(found);
    }
    let words = steps.iter().map(|step| Step::from_wire(step).words());
    let words: Value = words.collect();
    let typed = Value::from(pod_template::step_hash(&steps));
    let stored = Value::from(safe_hash::of_steps(given));
    let of_words = difference("words", &words, &output["strings"]);
    let of_typed = difference("hash of typed steps", &typed, &stored);
    Ok(of_words.or_else(|| of_typed.filter(|_| given_steps(given).iter().all(is_admitted))))
}

fn given_steps(steps: &Value) -> &[Value] {
    steps.as_array().map_or(&[], Vec::as_slice)
}

/// No API server stores a plugin's configuration that is null, nor an experiment without templates:
/// our definitions refuse both, so typed steps need not tell them from others.
fn is_admitted(step: &Value) -> bool {
    let config = step.pointer("/plugin/config");
    let experiment = step.get("experiment");
    config.is_none_or(|config| !config.is_null())
        && experiment.is_none_or(|experiment| experiment["templates"].is_array())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_refused_anyway_is_left_out() {
        assert!(is_admitted(&json!({"plugin": {"config": {}}})));
        assert!(!is_admitted(&json!({"plugin": {"config": null}})));
        assert!(!is_admitted(&json!({"experiment": {}})));
    }
}
