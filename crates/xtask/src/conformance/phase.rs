//! Area `phase`: phase, message and progress of Rollouts (`rollouts-phase.jsonl`).

use std::path::Path;

use anyhow::{Result, bail};
use jiff::Timestamp;
use serde_json::{Value, json};
use tidegate_api::rollout::{Rollout, RolloutStatus};
use tidegate_core::rollout::{
    phase::{self, Phase},
    progress, restart,
};

use super::{Report, cases::check_values};

const FILE: &str = "rollouts-phase.jsonl";

/// The instant at which the answers were given.
const NOW: &str = "2024-06-01T12:00:00Z";

/// Checks the file.
///
/// # Errors
/// When it is missing.
pub(crate) fn run(folder: &Path) -> Result<Vec<Report>> {
    let report = check_values(folder, FILE, |case| {
        let (found, expected) = (answer(case)?, &case["output"]);
        Ok((found != *expected).then(|| format!("{found} instead of {expected}")))
    })?;
    Ok(vec![report])
}

fn answer(case: &Value) -> Result<Value> {
    let rollout: Rollout = serde_json::from_value(case["rollout"].clone())?;
    let now: Timestamp = NOW.parse()?;
    match case["op"].as_str() {
        Some("phase") => Ok(json!({
            "calculated": pair(&phase::calculated(&rollout.spec, &rollout.status)),
            "phase": pair(&phase::shown(&rollout)),
            "unpausing": phase::is_unpausing(&rollout.status).is_set(),
            "completed": progress::is_completed(&rollout.status),
            "healthy": progress::is_healthy(&rollout, &rollout.status),
            "timedOut": progress::is_timed_out(&rollout.spec, &rollout.status, now),
            "needsRestart": restart::is_due(&rollout, now),
        })),
        Some("progress") => {
            let next: RolloutStatus = serde_json::from_value(case["newStatus"].clone())?;
            Ok(json!({
                "completed": progress::is_completed(&next),
                "healthy": progress::is_healthy(&rollout, &next),
                "progressing": progress::is_progressing(&rollout, &next),
            }))
        }
        other => bail!("no question of ours: {other:?}"),
    }
}

fn pair(phase: &Phase) -> Value {
    json!([phase.name, phase.message])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_members_of_the_recorded_ones() {
        let case = json!({"op": "progress", "rollout": {}, "newStatus": {"readyReplicas": 1}});
        let expected = json!({"completed": false, "healthy": false, "progressing": true});
        assert_eq!(answer(&case).unwrap(), expected);
    }

    #[test]
    fn an_unknown_question_is_an_error() {
        assert!(answer(&json!({"op": "tea", "rollout": {}})).is_err());
    }
}
