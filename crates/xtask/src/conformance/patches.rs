//! Area `rollouts-patches`: what is injected into ReplicaSets and pods and taken away again, and the
//! patches of statuses (`rollouts-patches.jsonl`).

use std::{collections::BTreeMap, path::Path};

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tidegate_api::{
    analysis::AnalysisRunStatus,
    document::merge_patch,
    experiment::ExperimentStatus,
    labels::EPHEMERAL_METADATA,
    pod_template::ephemeral::{Changes, Injected},
    rollout::{PodTemplateMetadata, Rollout, RolloutStatus},
};
use tidegate_core::rollout::status;

use super::{
    Report,
    cases::{self, Case, difference},
};

/// Checks the file.
///
/// # Errors
/// When it is missing, or a line of it cannot be read.
pub(crate) fn run(folder: &Path) -> Result<Vec<Report>> {
    cases::check_file(folder, "rollouts-patches.jsonl", check).map(|report| vec![report])
}

fn check(case: &Case) -> Result<Option<String>> {
    let (found, expected) = match case.text("op")? {
        "ephemeral" => (ephemeral(case)?, told(&case.value["output"])?),
        "statusPatch" => (status_patch(case)?, case.value["output"]["patch"].clone()),
        other => bail!("no question of ours: {other}"),
    };
    Ok(difference("answer", &found, &expected))
}

/// What becomes of a template's or a pod's metadata, and of the ReplicaSet's annotation.
fn ephemeral(case: &Case) -> Result<Value> {
    let read = |name: &str| Option::<PodTemplateMetadata>::deserialize(&case.value[name]);
    let held = read("metadata")?.unwrap_or_default();
    let (existing, desired) = (read("existing")?, read("desired")?);
    let changes = Changes::between(&held, existing.as_ref(), desired.as_ref());
    let note = if changes.is_empty() {
        existing
    } else {
        desired
    };
    let notes: BTreeMap<&str, String> = note
        .map(|metadata| {
            let injected = Injected {
                metadata,
                ..Injected::default()
            };
            (EPHEMERAL_METADATA, injected.text())
        })
        .into_iter()
        .collect();
    Ok(json!({
        "metadata": changes.applied_to(&held),
        "modified": !changes.is_empty(),
        "rsAnnotations": notes,
    }))
}

/// The recorded answer in the same form; template and pod are treated alike there, too.
fn told(output: &Value) -> Result<Value> {
    let metadata = |name: &str| PodTemplateMetadata::deserialize(&output[name]);
    if metadata("metadata")? != metadata("rsTemplateMetadata")?
        || output["modified"] != output["rsModified"]
    {
        bail!("template and pod are told apart");
    }
    let notes = Option::<BTreeMap<String, String>>::deserialize(&output["rsAnnotations"])?;
    Ok(json!({
        "metadata": metadata("metadata")?,
        "modified": output["modified"],
        "rsAnnotations": notes.unwrap_or_default(),
    }))
}

fn status_patch(case: &Case) -> Result<Value> {
    let (old, new) = (&case.value["old"], &case.value["new"]);
    let patch = match case.text("kind")? {
        "Rollout" => {
            let rollout = Rollout {
                status: RolloutStatus::deserialize(old)?,
                ..Rollout::default()
            };
            let next = RolloutStatus::deserialize(new)?;
            status::write_status(&rollout, &next, None).map(|write| write.body)
        }
        "AnalysisRun" => typed::<AnalysisRunStatus>(old, new)?,
        "Experiment" => typed::<ExperimentStatus>(old, new)?,
        other => bail!("no kind of ours: {other}"),
    };
    Ok(whole_numbers(patch.unwrap_or_else(|| json!({}))))
}

/// `1.0` and `1` are the same number; the recorded answers have gone through Go's, which prints the latter.
fn whole_numbers(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(whole_numbers).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, member)| (name, whole_numbers(member)))
            .collect(),
        Value::Number(number) if number.is_f64() => {
            let text = number.to_string();
            let whole = text
                .strip_suffix(".0")
                .and_then(|text| text.parse::<i64>().ok());
            whole.map_or(Value::Number(number), Value::from)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// The patch between two statuses as their types write them.
fn typed<T: DeserializeOwned + Serialize>(old: &Value, new: &Value) -> Result<Option<Value>> {
    let old = serde_json::to_value(T::deserialize(old)?)?;
    let new = serde_json::to_value(T::deserialize(new)?)?;
    Ok(merge_patch(&old, &new).map(|status| json!({ "status": status })))
}
