//! Area `validate`: what is wrong with manifests (`rollouts-validate.jsonl`): every finding, in order,
//! with its text. Field and kind stand in the text.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;
use tidegate_api::rollout::Rollout;
use tidegate_core::rollout::validate;

use super::{Report, cases::check_values};

const FILE: &str = "rollouts-validate.jsonl";

/// Checks the file.
///
/// # Errors
/// When it is missing.
pub(crate) fn run(folder: &Path) -> Result<Vec<Report>> {
    Ok(vec![check_values(folder, FILE, check)?])
}

/// Both sides of a case that does not agree. One that makes upstream crash has no answer to match.
fn check(case: &Value) -> Result<Option<String>> {
    if case["output"].get("panic").is_some() {
        return Ok(None);
    }
    let rollout: Rollout = serde_json::from_value(case["rollout"].clone())?;
    let found: Vec<String> = validate::manifest(&rollout)
        .into_iter()
        .map(|finding| finding.message)
        .collect();
    let errors = case["output"]["errors"].as_array().context("no errors")?;
    let expected: Vec<&str> = errors
        .iter()
        .filter_map(|error| error["text"].as_str())
        .collect();
    Ok((found != expected).then(|| format!("{found:?} instead of {expected:?}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn findings_must_agree_in_number_and_text() {
        let case = |errors: Value| {
            json!({"rollout": {"spec": {"replicas": -1, "workloadRef": {},
            "strategy": {"canary": {}}}}, "output": {"errors": errors}})
        };
        let text = "spec.replicas: Invalid value: -1: must be greater than or equal to 0";
        let right = case(json!([{"text": text}]));
        assert_eq!(check(&right).unwrap(), None);
        assert!(check(&case(json!([]))).unwrap().is_some());
    }
}
