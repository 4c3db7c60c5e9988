//! Area `wire`: what our typed objects keep of an object. Each object of `fieldwalk.jsonl` and
//! `normalise.jsonl` is read into its type and written again; apart from values that Go calls empty
//! (whose presence the area `fieldwalk` compares), nothing may be lost, changed or made up.

use std::path::Path;

use anyhow::{Result, bail};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tidegate_api::{
    analysis::{AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate},
    document::merge_patch,
    experiment::Experiment,
    object::Object,
    rollout::Rollout,
};

use super::{
    Report,
    cases::{check_values, present},
};

/// Members of metadata that no decision looks at; a document keeps them, its typed view does not.
const NOT_TYPED: [&str; 3] = ["deletionGracePeriodSeconds", "managedFields", "selfLink"];

/// Checks those of both files that are there.
///
/// # Errors
/// When neither is.
pub(crate) fn run(folder: &Path) -> Result<Vec<Report>> {
    let files = present(folder, &["fieldwalk.jsonl", "normalise.jsonl"])?;
    let check = |case: &Value| {
        let kind = case["kind"].as_str().unwrap_or_default();
        // The walk has whole objects, the other file what Go was given and what it kept.
        let (given, kept) = match case.get("object") {
            Some(object) => (object, Some(object)),
            None => (&case["input"], case.get("output")),
        };
        check_object(kind, given, kept)
    };
    let reports = files
        .into_iter()
        .map(|file| check_values(folder, file, check));
    reports.collect()
}

/// What became of an object that is not as it should be. Nothing is `kept` of one that Go refuses.
fn check_object(kind: &str, given: &Value, kept: Option<&Value>) -> Result<Option<String>> {
    let written = match kind {
        "Rollout" => through::<Rollout>(given),
        "AnalysisRun" => through::<AnalysisRun>(given),
        "AnalysisTemplate" => through::<AnalysisTemplate>(given),
        "ClusterAnalysisTemplate" => through::<ClusterAnalysisTemplate>(given),
        "Experiment" => through::<Experiment>(given),
        other => bail!("no kind of ours: {other}"),
    };
    let (written, kept) = match (written, kept) {
        (Ok(written), Some(kept)) => (written, kept),
        (Ok(_), None) => return Ok(Some("taken, not refused".to_owned())),
        (Err(error), Some(_)) => return Ok(Some(error.to_string())),
        (Err(_), None) => return Ok(None),
    };
    let expected = without_empty(&comparable(kept));
    let found = without_empty(&comparable(&written));
    Ok(merge_patch(&expected, &found).map(|patch| patch.to_string()))
}

fn through<T: Object + DeserializeOwned>(object: &Value) -> Result<Value, serde_json::Error> {
    T::deserialize(object).map(|typed| typed.to_json())
}

/// The object without what its typed view leaves out on purpose.
fn comparable(object: &Value) -> Value {
    let mut object = object.clone();
    if let Value::Object(members) = &mut object {
        members.remove("apiVersion");
        members.remove("kind");
    }
    strip_metadata(&mut object);
    let metrics = object.pointer_mut("/spec/metrics");
    for metric in metrics.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(job) = metric.pointer_mut("/provider/job") {
            strip_metadata(job);
        }
    }
    object
}

fn strip_metadata(object: &mut Value) {
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    if let Some(members) = metadata {
        members.retain(|key, _| !NOT_TYPED.contains(&key.as_str()));
    }
}

/// The value without members that are empty, from the innermost outwards.
fn without_empty(value: &Value) -> Value {
    if let Some(members) = value.as_object() {
        let members = members
            .iter()
            .map(|(key, member)| (key.clone(), without_empty(member)));
        return members.filter(|(_, member)| !is_empty(member)).collect();
    }
    if let Some(items) = value.as_array() {
        return items.iter().map(without_empty).collect();
    }
    value.clone()
}

/// What Go calls empty: false, 0, nil, and texts, lists and maps without content.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_that_is_kept_passes() {
        let object = json!({"spec": {"replicas": 2, "template": {"of": "tomorrow"}}, "status": {}});
        let failure = check_object("Rollout", &object, Some(&object)).unwrap();
        assert_eq!(failure, None);
    }

    #[test]
    fn a_member_that_the_type_does_not_know_fails() {
        let object = json!({"spec": {"ofTomorrow": 1}});
        assert_eq!(
            check_object("Rollout", &object, Some(&object)).unwrap(),
            Some(r#"{"spec":null}"#.to_owned())
        );
    }

    #[test]
    fn a_kind_that_is_not_ours_is_an_error() {
        assert!(check_object("Deployment", &json!({}), None).is_err());
    }

    #[test]
    fn an_object_that_must_be_refused_fails_when_it_is_taken() {
        let refused = json!({"spec": {"replicas": "two"}});
        assert_eq!(check_object("Rollout", &refused, None).unwrap(), None);
        let taken = check_object("Rollout", &json!({}), None).unwrap();
        assert_eq!(taken.unwrap(), "taken, not refused");
    }
}
