//! A Rollout that cannot be read as one: its status says which field is wrong. Nothing else is
//! touched, so whatever serves goes on serving.

use jiff::Timestamp;
use serde_json::{Value, json};
use tidegate_api::meta::{ObjectMeta, Time};

use crate::{
    plan::{Class, Guard, ObjectKey, ROLLOUTS, Verb, Write},
    reason::Reason,
};

/// The write that says so, unless the status says it already.
pub fn write(metadata: &ObjectMeta, status: &Value, error: &str, now: Timestamp) -> Option<Write> {
    let message = format!(
        "The Rollout \"{}\" is invalid: {error}; correct that field and apply the manifest again",
        metadata.name
    );
    let mut conditions: Vec<Value> = status
        .get("conditions")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let known = conditions
        .iter()
        .find(|condition| condition["type"] == "InvalidSpec");
    let generation = metadata.generation.to_string();
    if known.is_some_and(|known| known["message"] == message.as_str())
        && status["observedGeneration"] == generation.as_str()
    {
        return None;
    }
    conditions.retain(|condition| condition["type"] != "InvalidSpec");
    let at = Time::new(now).to_string();
    conditions.push(json!({
        "type": "InvalidSpec",
        "status": "True",
        "reason": "InvalidSpec",
        "message": message,
        "lastUpdateTime": at,
        "lastTransitionTime": at,
    }));
    Some(Write {
        verb: Verb::PatchStatus,
        target: ObjectKey::new(ROLLOUTS, &metadata.namespace, &metadata.name),
        guard: Guard::Version {
            uid: metadata.uid.clone(),
            resource_version: metadata.resource_version.clone(),
        },
        body: json!({"status": {
            "conditions": conditions,
            "phase": "Degraded",
            "message": format!("InvalidSpec: {message}"),
            "observedGeneration": generation,
        }}),
        class: Class::Status,
        events: Vec::new(),
        reason: Reason::Invalid { message },
    })
}
