//! Anti-affinity between versions, of `rollouts-analysis.jsonl`.

use anyhow::Result;
use serde_json::{Value, json};
use tidegate_api::{
    pod_template::{self, anti_affinity::Rule},
    rollout::Rollout,
};

/// What is generated for a new ReplicaSet, found in an affinity, and taken away from it.
pub(super) fn answer(case: &Value) -> Result<Value> {
    let rollout: Rollout = serde_json::from_value(case["rollout"].clone())?;
    let template = rollout.spec.template.value();
    let own = &template["spec"]["affinity"];
    let (stable, affinity) = (&rollout.status.stable_rs, &case["affinity"]);
    let hash = pod_template::hash(template, rollout.status.collision_count);
    let rule = Rule::of(&rollout);
    let apart = !stable.is_empty() && *stable != hash;
    let generated = match rule.filter(|_| apart) {
        Some(rule) => rule.added_to(own, (&rollout.metadata.namespace, stable)),
        None => own.clone(),
    };
    let mut answer = json!({ "generated": generated });
    if affinity.is_null() {
        return Ok(answer);
    }
    let found = rule.and_then(|rule| rule.found_in(affinity));
    answer["has"] = json!({
        "found": found.is_some(),
        "index": found.map_or_else(|| json!(-1), |(place, _)| json!(place)),
    });
    let outdated = found.is_some_and(|(_, held)| !held.is_empty() && held != stable);
    answer["needsUpdate"] = json!(outdated && *stable != hash);
    answer["removed"] = rule.map_or_else(|| affinity.clone(), |rule| rule.removed_from(affinity));
    // Where upstream crashes over a term of the user's own there is no answer to agree with.
    for member in ["has", "needsUpdate", "removed"] {
        if case["output"][member].get("panic").is_some() {
            answer[member] = case["output"][member].clone();
        }
    }
    Ok(answer)
}
