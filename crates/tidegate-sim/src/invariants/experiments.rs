//! Experiments: how one ends, and what must not be left of it.

use jiff::Timestamp;
use serde_json::Value;
use tidegate_api::{experiment::Experiment, labels, meta::Time};
use tidegate_core::{
    experiment::{assess, validate},
    plan::ObjectKey,
};

use super::State;
use crate::cluster::{fields, kinds};

/// The kinds that belong to an Experiment and take room.
const LEFT: [kinds::KindId; 3] = [kinds::REPLICA_SETS, kinds::SERVICES, kinds::ANALYSIS_RUNS];

/// L-1: the phase is what the scenario says, and of what is over nothing is left.
pub(super) fn ends(state: &State, experiment: Option<&Value>, ends: &str) -> Vec<String> {
    let Some(experiment) = experiment else {
        return if ends == "gone" {
            Vec::new()
        } else {
            vec![format!("L-1: it ends with the Experiment gone, not {ends}")]
        };
    };
    let status = &experiment["status"];
    let invalid = fields::list(status, &["conditions"])
        .iter()
        .any(|condition| condition["type"] == "InvalidSpec");
    let reached = if invalid {
        "InvalidSpec"
    } else {
        fields::text(status, &["phase"])
    };
    let mut broken = Vec::new();
    if reached != ends {
        let message = &status["message"];
        broken.push(format!("L-1: it ends {reached}, not {ends}: {message}"));
    }
    if is_over(experiment) {
        let uid = fields::uid(experiment);
        let left = LEFT.into_iter().flat_map(|kind| state.of(kind));
        let left = left.filter(|object| fields::controller_uid(object) == uid && is_in_use(object));
        broken.extend(left.map(|object| {
            let (kind, name) = (fields::text(object, &["kind"]), fields::name(object));
            format!("L-4: the Experiment is over, and {kind} {name} is still in use")
        }));
    }
    broken
}

fn is_over(experiment: &Value) -> bool {
    let phase = fields::text(experiment, &["status", "phase"]);
    ["Successful", "Failed", "Error", "Inconclusive"].contains(&phase)
}

/// Whether there are pods, a Service or an analysis without a verdict.
fn is_in_use(object: &Value) -> bool {
    match fields::text(object, &["kind"]) {
        "ReplicaSet" => fields::number(object, &["spec", "replicas"]).unwrap_or(1) > 0,
        "AnalysisRun" => !is_over(object),
        _ => true,
    }
}

/// L-5: no version goes on after the duration, and no pods stay after their deadline.
pub(super) fn overdue(state: &State, is_late: &dyn Fn(Timestamp) -> bool) -> Vec<String> {
    let there = state.of(kinds::EXPERIMENTS);
    let mut late = Vec::new();
    for object in there.filter(|object| !fields::is_deleting(object)) {
        late.extend(goes_on(object, is_late));
        // Whose step it is may still send traffic to its pods.
        if is_over(object) && fields::controller_uid(object).is_empty() {
            late.extend(stays(state, object, is_late));
        }
    }
    late
}

fn goes_on(object: &Value, is_late: &dyn Fn(Timestamp) -> bool) -> Option<String> {
    let experiment: Experiment = serde_json::from_value(object.clone()).ok()?;
    let end = assess::end(&experiment).filter(|end| is_late(*end))?;
    let mut versions = experiment.status.template_statuses.iter();
    let running = versions.find(|version| version.status == "Running")?;
    let name = &running.name;
    Some(format!("L-5: {name} still runs after the end at {end}"))
}

fn stays(state: &State, object: &Value, is_late: &dyn Fn(Timestamp) -> bool) -> Option<String> {
    let note = ["metadata", "annotations", labels::SCALE_DOWN_DEADLINE];
    let mut sets = state.of(kinds::REPLICA_SETS).filter(|set| {
        fields::controller_uid(set) == fields::uid(object)
            && fields::number(set, &["spec", "replicas"]).unwrap_or(1) > 0
    });
    sets.find_map(|set| {
        let due = fields::text(set, &note).parse::<Time>().ok()?.timestamp();
        is_late(due).then(|| format!("L-5: {} is there after its deadline", fields::name(set)))
    })
}

/// S0-19 and S0-20: nothing but the status of an Experiment that is invalid, and nothing of one that is
/// going.
pub(super) fn only_the_status(
    object: &Value,
    (about, target): (&ObjectKey, &ObjectKey),
) -> Option<String> {
    let name = fields::name(object);
    if fields::is_deleting(object) {
        return Some(format!("S0-20: Experiment {name} is going, and is written"));
    }
    if target == about {
        return None;
    }
    let Ok(experiment) = serde_json::from_value::<Experiment>(object.clone()) else {
        return Some(format!("S0-19: Experiment {name} cannot be read"));
    };
    let findings = validate::findings(&experiment);
    let why = &findings.first()?.message;
    Some(format!("S0-19: Experiment {name} is invalid: {why}"))
}
