//! The Job of a measurement as an object, and which Jobs are whose (MP-201 to MP-204, MP-206).

use serde_json::{Map, Value, json};
use tidegate_api::{analysis::JobMetric, labels};
use tidegate_core::plan::{ANALYSIS_RUNS, JOBS};

use crate::metrics::Subject;

/// The longest name that the Job controller can put into a label.
const LONGEST_NAME: usize = 63;

/// Whether the run owns its Jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owned {
    /// It does.
    Yes,
    /// It is in another namespace or cluster: only the label tells.
    No,
}

/// The name: nothing of it is random, so a Job whose creation nobody heard of is found again. Of a metric's
/// name so much is cut off that the whole is not too long.
pub(super) fn name(uid: &str, metric: &str, number: i32) -> String {
    let around = uid.len() + number.to_string().len() + 2;
    let mut end = LONGEST_NAME.saturating_sub(around).min(metric.len());
    while !metric.is_char_boundary(end) {
        end -= 1;
    }
    format!("{uid}.{}.{number}", &metric[..end])
}

/// The Job.
pub(super) fn job(
    given: &JobMetric,
    (subject, metric): (&Subject, &str),
    (namespace, name): (&str, &str),
    owned: Owned,
) -> Value {
    let mut labels = given.metadata.labels.clone();
    labels.insert(labels::ANALYSIS_RUN_UID.to_owned(), subject.uid.clone());
    let mut annotations = given.metadata.annotations.clone();
    for (key, value) in [
        (labels::ANALYSIS_RUN_NAME, subject.name.as_str()),
        (labels::ANALYSIS_RUN_NAMESPACE, subject.namespace.as_str()),
        (labels::ANALYSIS_RUN_METRIC, metric),
    ] {
        annotations.insert(key.to_owned(), value.to_owned());
    }
    let mut metadata = json!({
        "name": name,
        "namespace": namespace,
        "labels": labels,
        "annotations": annotations,
    });
    if owned == Owned::Yes {
        metadata["ownerReferences"] = json!([{
            "apiVersion": ANALYSIS_RUNS.api_version(),
            "kind": ANALYSIS_RUNS.kind,
            "name": subject.name,
            "uid": subject.uid,
            "controller": true,
            "blockOwnerDeletion": true,
        }]);
    }
    let mut spec = given.spec.clone();
    label_pods(&mut spec, &subject.uid);
    json!({
        "apiVersion": JOBS.api_version(),
        "kind": JOBS.kind,
        "metadata": metadata,
        "spec": spec,
    })
}

/// The pods carry the label, too.
fn label_pods(spec: &mut Value, uid: &str) {
    let mut here = spec;
    for member in ["template", "metadata", "labels"] {
        if !here.is_object() {
            *here = Value::Object(Map::new());
        }
        here = &mut here[member];
    }
    if !here.is_object() {
        *here = Value::Object(Map::new());
    }
    here[labels::ANALYSIS_RUN_UID] = json!(uid);
}

/// Selects the Jobs of a run.
pub(super) fn selector(uid: &str) -> String {
    format!("{}={uid}", labels::ANALYSIS_RUN_UID)
}

/// Whether a Job is one of this metric of this run. Two metrics whose names begin alike may come to one
/// name: differs from upstream, where they would share the Job.
pub(super) fn is_of(job: &Value, (uid, metric): (&str, &str), owned: Owned) -> bool {
    let metadata = &job["metadata"];
    let of_run = match owned {
        Owned::Yes => metadata["ownerReferences"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|owner| owner["controller"] == true && owner["uid"] == uid),
        Owned::No => metadata["labels"][labels::ANALYSIS_RUN_UID] == uid,
    };
    of_run && metadata["annotations"][labels::ANALYSIS_RUN_METRIC] == metric
}

/// The Jobs of a list that a metric keeps no longer, the oldest last. Differs from upstream, which counts
/// the Jobs of all metrics of a run together, and so takes one metric's away for another's (MP-206).
pub(super) fn leftovers(list: &Value, metric: &str, keep: usize) -> Vec<Value> {
    let jobs = list["items"].as_array().map_or(&[][..], Vec::as_slice);
    let mut own: Vec<&Value> = jobs
        .iter()
        .filter(|job| job["metadata"]["annotations"][labels::ANALYSIS_RUN_METRIC] == metric)
        .collect();
    own.sort_by_key(|job| std::cmp::Reverse(age(job)));
    own.into_iter().skip(keep).cloned().collect()
}

/// Older ones come first: by the instant in whole seconds, then by the number of the measurement.
fn age(job: &Value) -> (&str, u64) {
    let text = |member: &str| job["metadata"][member].as_str().unwrap_or_default();
    let number = text("name").rsplit_once('.');
    let number = number.and_then(|(_, number)| number.parse().ok());
    (text("creationTimestamp"), number.unwrap_or(0))
}
