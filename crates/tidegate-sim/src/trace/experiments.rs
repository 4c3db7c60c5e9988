//! What changes of an Experiment's versions and analyses.

use serde_json::Value;

use super::counts;
use crate::cluster::fields;

/// What is said of versions and analyses now and was not before.
pub(super) fn changes(old: &Value, new: &Value) -> Vec<String> {
    let mut parts = Vec::new();
    if old["availableAt"].is_null() && !new["availableAt"].is_null() {
        parts.push("all pods are there".to_owned());
    }
    for after in fields::list(new, &["templateStatuses"]) {
        let before = same(old, "templateStatuses", after);
        parts.extend(version(before, after));
    }
    for after in fields::list(new, &["analysisRuns"]) {
        let before = same(old, "analysisRuns", after);
        let phase = fields::text(after, &["phase"]);
        if fields::text(before, &["phase"]) != phase {
            let name = fields::text(after, &["name"]);
            let message = fields::text(after, &["message"]);
            parts.push(with_message(format!("analysis {name} {phase}"), message));
        }
    }
    parts
}

/// What a Rollout says of the Experiment of its step, and of who gets traffic beside its versions.
pub(super) fn of_a_step(old: &Value, new: &Value) -> Vec<String> {
    let mut parts = Vec::new();
    let current = |status| fields::text(status, &["canary", "currentExperiment"]);
    if current(old) != current(new) {
        parts.push(match current(new) {
            "" => "no Experiment".to_owned(),
            name => format!("Experiment {name}"),
        });
    }
    let beside = |status| fields::list(status, &["canary", "weights", "additional"]);
    if beside(old) != beside(new) {
        let all = beside(new).iter().map(|one| {
            let weight = fields::number(one, &["weight"]).unwrap_or(0);
            format!("{weight} to {}", fields::text(one, &["serviceName"]))
        });
        let all: Vec<String> = all.collect();
        parts.push(if all.is_empty() {
            "nothing beside".to_owned()
        } else {
            format!("beside {}", all.join(", "))
        });
    }
    parts
}

/// The entry of the same name, or nothing.
fn same<'a>(status: &'a Value, member: &str, one: &Value) -> &'a Value {
    let entries = fields::list(status, &[member]);
    let mut known = entries.iter();
    known
        .find(|known| known["name"] == one["name"])
        .unwrap_or(&Value::Null)
}

fn version(before: &Value, after: &Value) -> Vec<String> {
    let name = fields::text(after, &["name"]);
    let mut words = Vec::new();
    let status = fields::text(after, &["status"]);
    if fields::text(before, &["status"]) != status {
        let message = fields::text(after, &["message"]);
        words.push(with_message(status.to_owned(), message));
    }
    words.extend(counts(before, after));
    let collisions = |status: &Value| fields::number(status, &["collisionCount"]);
    if let Some(number) = collisions(after).filter(|_| collisions(before) != collisions(after)) {
        words.push(format!("collisions {number}"));
    }
    let service = fields::text(after, &["serviceName"]);
    if fields::text(before, &["serviceName"]) != service {
        words.push(if service.is_empty() {
            "no Service".to_owned()
        } else {
            format!("Service {service}")
        });
    }
    if words.is_empty() {
        return Vec::new();
    }
    vec![format!("{name} {}", words.join(", "))]
}

fn with_message(text: String, message: &str) -> String {
    if message.is_empty() {
        text
    } else {
        format!("{text} ({message})")
    }
}

/// Why the spec is refused, if that is new.
pub(super) fn fault(old: &Value, new: &Value) -> String {
    let told = |status: &Value| {
        let conditions = fields::list(status, &["conditions"]);
        let mut faults = conditions.iter().filter(|one| one["type"] == "InvalidSpec");
        faults
            .next()
            .map(|one| fields::text(one, &["message"]).to_owned())
    };
    let fault = told(new).filter(|now| told(old).as_ref() != Some(now));
    fault.map_or_else(String::new, |fault| format!(" ({fault})"))
}
