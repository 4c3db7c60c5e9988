//! An Experiment that cannot be read as one: a condition names the field. Nothing else is touched, so
//! whatever serves goes on serving.

use jiff::Timestamp;
use serde_json::{Value, json};
use tidegate_api::{
    experiment::{Experiment, ExperimentStatus},
    meta::{ObjectMeta, Time},
};

use crate::{
    plan::{Class, EXPERIMENTS, Guard, ObjectKey, Verb, Write},
    reason::Reason,
    rollout::conditions::INVALID_SPEC,
};

/// The write that says so, unless the status says it already.
pub fn write(metadata: &ObjectMeta, status: &Value, error: &str, now: Timestamp) -> Option<Write> {
    if metadata.deletion_timestamp.is_some() {
        return None;
    }
    let message = format!("{error}; correct that field and apply the manifest again");
    let mut conditions: Vec<Value> = status
        .get("conditions")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let mut known = conditions.iter();
    if known.any(|one| one["type"] == INVALID_SPEC && one["message"] == message.as_str()) {
        return None;
    }
    conditions.retain(|condition| condition["type"] != INVALID_SPEC);
    let at = Time::new(now).to_string();
    conditions.push(json!({
        "type": INVALID_SPEC,
        "status": "True",
        "reason": INVALID_SPEC,
        "message": message,
        "lastUpdateTime": at,
        "lastTransitionTime": at,
    }));
    Some(Write {
        verb: Verb::Patch,
        target: ObjectKey::new(EXPERIMENTS, &metadata.namespace, &metadata.name),
        guard: Guard::Version {
            uid: metadata.uid.clone(),
            resource_version: metadata.resource_version.clone(),
        },
        body: json!({"status": {"conditions": conditions}}),
        class: Class::Status,
        events: Vec::new(),
        reason: Reason::Invalid { message },
    })
}

/// What a Rollout sees in its place: one that goes on, or has ended, as the status says.
pub fn stand_in(metadata: &ObjectMeta, status: &Value) -> Experiment {
    let recorded = |member: &str| status[member].as_str().unwrap_or_default().to_owned();
    Experiment {
        metadata: metadata.clone(),
        status: ExperimentStatus {
            phase: recorded("phase"),
            message: recorded("message"),
            ..ExperimentStatus::default()
        },
        ..Experiment::default()
    }
}
