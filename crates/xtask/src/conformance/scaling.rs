//! Area `scaling`: counts of pods, weights, steps and defaults of Rollouts
//! (`rollouts-scaling*.jsonl`).

use std::{path::Path, sync::Arc};

use anyhow::Result;
use serde_json::{Map, Value, json};
use tidegate_api::labels;
use tidegate_core::{
    observed::Observed,
    rollout::{
        RolloutSnapshot,
        desired::weight,
        parse,
        replica_math::{self, CanarySize, blue_green},
        snapshot::{Promotion, ReplicaSetView},
        steps::Scale,
        traffic::Weights,
    },
};

use super::{
    Report,
    cases::{check_values, present},
};

/// What nobody here answers yet, and why not.
const LATER: [(&str, &str); 2] = [
    (
        "abortOrDynamicRollback",
        "only one router asks, which is not here yet",
    ),
    (
        "beforeStartingStep",
        "belongs to the analysis, not to sizes",
    ),
];

/// Checks those of both files that are there.
///
/// # Errors
/// When neither is.
pub(crate) fn run(folder: &Path) -> Result<Vec<Report>> {
    let files = present(
        folder,
        &["rollouts-scaling-grid.jsonl", "rollouts-scaling.jsonl"],
    )?;
    let reports = files
        .into_iter()
        .map(|file| check_values(folder, file, check));
    reports.collect()
}

fn check(case: &Value) -> Result<Option<String>> {
    let found = answer(case)?;
    let difference = difference(&found, &expected(case));
    if difference.is_some() && is_overruled(case, &found)? {
        return Ok(None);
    }
    Ok(difference)
}

/// The recorded answers, but for what is decided otherwise: a step index beyond the steps counts as
/// their end (ACT-10).
fn expected(case: &Value) -> Value {
    let mut expected = case["output"].clone();
    let steps = &case["rollout"]["spec"]["strategy"]["canary"]["steps"];
    let end = steps.as_array().map_or(0, Vec::len);
    let index = case["rollout"]["status"]["currentStepIndex"].as_u64();
    let beyond = index.is_some_and(|index| usize::try_from(index).is_ok_and(|index| index > end));
    if beyond && expected["stepIndex"]["index"].is_number() {
        expected["stepIndex"]["index"] = end.into();
    }
    expected
}

/// Whether an abort wins over a full promotion (ACT-09), where upstream lets the promotion win: then the
/// answers are those of the same Rollout without the promotion.
fn is_overruled(case: &Value, found: &Map<String, Value>) -> Result<bool> {
    let status = &case["rollout"]["status"];
    if status["abort"] != true || status["promoteFull"] != true {
        return Ok(false);
    }
    let mut aborted = case.clone();
    aborted["rollout"]["status"]["promoteFull"] = false.into();
    Ok(answer(&aborted)? == *found)
}

/// The first answer that differs. Upstream's panics are nothing to agree with.
fn difference(found: &Map<String, Value>, expected: &Value) -> Option<String> {
    let expected = expected.as_object()?;
    let later = |key: &str| LATER.iter().any(|(name, _)| *name == key);
    for (key, wanted) in expected {
        if wanted.get("panic").is_some() || later(key) {
            continue;
        }
        let Some(answer) = found.get(key) else {
            return Some(format!("{key} is not answered, {wanted} expected"));
        };
        let equal = match (answer.as_object(), wanted.as_object()) {
            // Of a group of answers, those that are given must agree.
            (Some(parts), Some(wanted)) if key == "defaults" => parts
                .iter()
                .all(|(name, part)| wanted.get(name) == Some(part)),
            // A number of pods outdoes a weight, and a step that asks for neither is none.
            (_, Some(step)) if key == "setCanaryScale" => {
                let effective = ["replicas", "weight"]
                    .iter()
                    .find_map(|part| step.get(*part).map(|value| json!({ *part: value })));
                effective.unwrap_or_default() == *answer
            }
            _ => answer == wanted,
        };
        if !equal {
            return Some(format!("{key} is {answer}, {wanted} expected"));
        }
    }
    let unasked = found.iter().find(|(key, answer)| {
        !matches!(key.as_str(), "defaults" | "maxWeight" | "setCanaryScale")
            && !expected.contains_key(*key)
            && !answer.is_null()
    });
    unasked.map(|(key, answer)| format!("{key} is {answer}, none expected"))
}

fn answer(case: &Value) -> Result<Map<String, Value>> {
    let asked = read(case)?;
    // Functions that look for the stable ReplicaSet themselves find it by what the status says.
    let found = {
        let (mut found, _) = parse(&observed(case)?);
        found.new = asked.new;
        found
    };
    let weights = weights(case)?;
    let mut answers = Map::new();
    let mut say = |key: &str, answer: Value| answers.insert(key.to_owned(), answer);
    say("promoted", asked.is_fully_promoted().into());
    say(
        "stableFound",
        name(found.stable_replica_set()).unwrap_or("none").into(),
    );
    if let Some(new) = asked.new_replica_set() {
        say("available", new.is_whole().into());
        say("partlyAvailable", (new.available > 0).into());
        say("saturated", replica_math::is_saturated(&asked, new).into());
        let rolls_back = weight::rolls_back_dynamically(&asked);
        say(
            "rollingBackDynamically",
            json!([rolls_back.is_some(), rolls_back.unwrap_or_default()]),
        );
        let new_replicas = |weights: Option<&Weights>| {
            blue_green::new_replicas(&found)
                .unwrap_or_else(|| replica_math::counts(&found, weights).canary)
        };
        say("newReplicas", new_replicas(weights.as_ref()).into());
        let wanted = new_replicas(None);
        let ready = new.replicas == wanted && new.available == wanted;
        say("readyForPause", ready.into());
    }
    if let Some(strategy) = &asked.rollout.spec.strategy.blue_green {
        let most = blue_green::max_unavailable(strategy, asked.replicas);
        say("maxSurge", 0.into());
        say("maxUnavailable", most.into());
        say("defaults", defaults(&asked));
    } else {
        answers.extend(canary_answers(&asked, weights.as_ref()));
    }
    Ok(answers)
}

fn canary_answers(snapshot: &RolloutSnapshot, weights: Option<&Weights>) -> Map<String, Value> {
    let basic = replica_math::basic_counts(snapshot);
    let routed = replica_math::routed_counts(snapshot, weights);
    let desired_weight = replica_math::desired_weight(snapshot);
    let (step, index) = replica_math::current_step(snapshot);
    let size = match replica_math::canary_size(snapshot) {
        CanarySize::Replicas(replicas) => json!([replicas, 0]),
        CanarySize::Weight(weight) => json!([null, weight]),
    };
    let scale = match replica_math::canary_scale(snapshot) {
        Some(Scale::Replicas(replicas)) => json!({ "replicas": replicas }),
        Some(Scale::Weight(weight)) => json!({ "weight": weight }),
        None => Value::Null,
    };
    let answers = json!({
        "maxSurge": snapshot.canary.max_surge,
        "maxUnavailable": snapshot.canary.max_unavailable,
        "basic": [basic.canary, basic.stable],
        "routed": [routed.canary, routed.stable],
        "replicasOrWeight": size,
        "setCanaryScale": scale,
        "desiredWeight": desired_weight,
        "setWeight": replica_math::set_weight(snapshot),
        "maxWeight": replica_math::max_weight(snapshot),
        "atDesired": replica_math::lacking(snapshot, weights).is_none(),
        "stepIndex": {"atStep": step.is_some(), "index": index},
        "verifyWeight": weight::is_to_be_verified(snapshot, desired_weight),
        "defaults": defaults(snapshot),
    });
    answers.as_object().cloned().unwrap_or_default()
}

fn defaults(snapshot: &RolloutSnapshot) -> Value {
    let by_hand = snapshot
        .blue_green
        .as_ref()
        .is_some_and(|strategy| strategy.promotion == Promotion::ByHand);
    json!({
        "replicas": snapshot.replicas,
        "revisionHistory": snapshot.revision_history_limit,
        "progressDeadline": snapshot.progress_deadline_seconds,
        "abortDelay": replica_math::abort_delay(snapshot),
        "explicitAbortDelay": replica_math::has_explicit_abort_delay(snapshot),
        "scaleDownDelay": replica_math::scale_down_delay(snapshot),
        "autoPromotion": !by_hand,
    })
}

/// The snapshot of a line, with the ReplicaSets in the parts that the line gives them.
fn read(case: &Value) -> Result<RolloutSnapshot> {
    let (mut snapshot, _) = parse(&observed(case)?);
    let position = |key: &str| {
        let name = case[key]["name"].as_str()?;
        snapshot
            .replica_sets
            .iter()
            .position(|set| set.name == name)
    };
    let (new, stable) = (position("newRS"), position("stableRS"));
    snapshot.new = new;
    snapshot.stable = stable;
    Ok(snapshot)
}

fn observed(case: &Value) -> Result<Observed> {
    let mut rollout = case["rollout"].clone();
    rollout["metadata"] = json!({"name": "r", "namespace": "n", "uid": "u"});
    let others = case["otherRSs"].as_array().into_iter().flatten();
    let mut sets: Vec<&Value> = Vec::new();
    for set in [&case["newRS"], &case["stableRS"]]
        .into_iter()
        .chain(others)
    {
        if set.is_object() && sets.iter().all(|known| known["name"] != set["name"]) {
            sets.push(set);
        }
    }
    let sets = sets
        .into_iter()
        .map(|set| Ok(Arc::new(serde_json::from_value(replica_set(set))?)))
        .collect::<Result<_>>()?;
    Ok(Observed {
        rollout: Arc::new(serde_json::from_value(rollout)?),
        replica_sets: sets,
        ..Observed::default()
    })
}

fn replica_set(set: &Value) -> Value {
    let mut annotations = Map::new();
    if let Some(desired) = set.get("desired") {
        annotations.insert(labels::DESIRED_REPLICAS.to_owned(), desired.clone());
    }
    json!({
        "metadata": {
            "name": set["name"],
            "labels": {labels::POD_TEMPLATE_HASH: set["hash"]},
            "annotations": annotations,
            "ownerReferences": [{
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Rollout",
                "name": "r",
                "uid": "u",
                "controller": true,
            }],
        },
        "spec": {"replicas": set["replicas"]},
        "status": {
            "replicas": set["created"],
            "availableReplicas": set["available"],
            "readyReplicas": set["ready"],
        },
    })
}

fn weights(case: &Value) -> Result<Option<Weights>> {
    let Some(given) = case.get("weights") else {
        return Ok(None);
    };
    let wire = serde_json::from_value(given.clone())?;
    Ok(Some(Weights::from(&wire)))
}

fn name(set: Option<&ReplicaSetView>) -> Option<&str> {
    set.map(|set| set.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case() -> Value {
        json!({
            "rollout": {
                "spec": {"replicas": 10, "strategy": {"canary": {"steps": [{"setWeight": 20}]}}},
                "status": {"stableRS": "aaa", "currentPodHash": "bbb"},
            },
            "newRS": {"name": "r-bbb", "hash": "bbb", "replicas": 2, "created": 2, "available": 2},
            "stableRS": {"name": "r-aaa", "hash": "aaa", "replicas": 8, "created": 8, "available": 8},
        })
    }

    #[test]
    fn a_wrong_answer_is_named() {
        let found = answer(&case()).unwrap();
        let wrong = json!({"basic": [3, 8]});
        assert_eq!(
            difference(&found, &wrong).unwrap(),
            "basic is [2,8], [3,8] expected"
        );
    }

    #[test]
    fn a_question_without_an_answer_is_named() {
        let found = answer(&case()).unwrap();
        assert_eq!(
            difference(&found, &json!({"tea": 1})).unwrap(),
            "tea is not answered, 1 expected"
        );
    }
}
