//! How a Job is, and how its pods are (MP-205).

use serde_json::Value;
use tidegate_api::{meta::LabelSelector, selector::Selector};

/// Why a container waits if it can never start.
const HOPELESS: [&str; 3] = ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"];

/// How a Job has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It did what it was to do.
    Complete,
    /// It did not.
    Failed,
}

/// How a Job has ended, if it has. Differs from upstream, which takes a condition that is said to be
/// false for one that holds.
pub(super) fn end(job: &Value) -> Option<End> {
    let holds = |kind: &str| {
        let conditions = job["status"]["conditions"].as_array();
        conditions
            .into_iter()
            .flatten()
            .any(|condition| condition["type"] == kind && condition["status"] == "True")
    };
    if holds("Failed") {
        Some(End::Failed)
    } else if holds("Complete") {
        Some(End::Complete)
    } else {
        None
    }
}

/// Selects the pods of a Job.
pub(super) fn selector(job: &Value) -> Option<String> {
    let selector: Option<LabelSelector> =
        serde_json::from_value(job["spec"]["selector"].clone()).ok()?;
    let selector = Selector::from_manifest(&selector?).ok()?;
    (!selector.is_empty()).then(|| selector.to_string())
}

/// What keeps pods of a list from ever starting, if anything does.
pub(super) fn trouble(list: &Value) -> Option<String> {
    let pods = list["items"].as_array()?;
    pods.iter().find_map(|pod| {
        ["initContainerStatuses", "containerStatuses"]
            .iter()
            .filter_map(|member| pod["status"][*member].as_array())
            .flatten()
            .find_map(|container| {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let waiting = &container["state"]["waiting"];
                let reason = text(&waiting["reason"]);
                HOPELESS.contains(&reason.as_str()).then(|| {
                    format!(
                        "Pod {}, container {} has terminal error ({reason}): {}\n",
                        text(&pod["metadata"]["name"]),
                        text(&container["name"]),
                        text(&waiting["message"]),
                    )
                })
            })
    })
}
