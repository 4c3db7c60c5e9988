//! Experiments in `rollouts-analysis.jsonl`: what is wrong with one, how many pods its versions are to
//! have, and whether it is ending.

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};
use tidegate_api::experiment::Experiment;
use tidegate_core::experiment::{assess, collision_name, desired_replicas, validate};
use tidegate_gocompat::duration::Duration;

/// The instant at which the answers were given.
const NOW: &str = "2024-06-01T12:00:00Z";

/// Everything that is asked about an Experiment.
pub(super) fn answer(case: &Value) -> Result<Value> {
    let experiment: Experiment = serde_json::from_value(case["experiment"].clone())?;
    let now: Timestamp = NOW.parse()?;
    let (spec, status) = (&experiment.spec, &experiment.status);
    let replicas: Vec<i32> = spec
        .templates
        .iter()
        .map(|template| desired_replicas(&experiment, template))
        .collect();
    let mut answer = json!({
        "delays": [
            validate::progress_deadline_seconds(&experiment),
            validate::scale_down_delay_seconds(&experiment),
        ],
        "finished": assess::is_finished(status),
        "names": names(&experiment),
        "passed": passed(&experiment, now),
        "replicas": replicas,
        "requiredRuns": [
            assess::has_required(spec),
            assess::required_are_successful(spec, status),
        ],
        "terminating": assess::is_terminating(spec, status),
    });
    if let Some(finding) = validate::findings(&experiment).first() {
        answer["invalid"] = json!(["InvalidSpec", finding.message]);
    }
    Ok(answer)
}

/// The names that upstream has a function for, and uses nowhere; ours are such where one is taken.
fn names(experiment: &Experiment) -> Vec<String> {
    let statuses = &experiment.status.template_statuses;
    experiment
        .spec
        .templates
        .iter()
        .map(|template| {
            let mut known = statuses.iter();
            let known = known.find(|known| known.name == template.name);
            let taken = known.and_then(|known| known.collision_count);
            collision_name(&experiment.metadata.name, template, taken)
        })
        .collect()
}

fn passed(experiment: &Experiment, now: Timestamp) -> Value {
    let Some(end) = assess::end(experiment) else {
        return json!([false, "0s"]);
    };
    let left = end.duration_since(now).as_nanos();
    let left = Duration::from_nanoseconds(i64::try_from(left).unwrap_or(i64::MAX));
    // At the very instant it is over here, where upstream looks once more.
    let is_over = assess::is_over(experiment, now) && left != Duration::ZERO;
    json!([is_over, left.to_string()])
}
