//! What is wrong with a Rollout and the objects it names. Only the first finding is shown to people,
//! so the order is upstream's: the manifest, then Services, analysis templates and routers.

mod canary;
mod field;
mod labels;
mod quantity;
mod references;
mod steps;
mod template;

use std::collections::BTreeMap;

use serde_json::Value;
use tidegate_api::{
    meta::LabelSelector,
    rollout::{AntiAffinity, BlueGreenStrategy, Rollout, RolloutSpec},
};

use crate::observed::{Finding, Observed};

/// Everything that is wrong with a Rollout that has its template, most important first; empty if it can
/// be acted upon.
pub(crate) fn findings(rollout: &Rollout, observed: &Observed) -> Vec<Finding> {
    let mut findings = check(rollout, Template::Present);
    if findings.is_empty() {
        findings.extend(references::check(rollout, observed));
        findings.extend(observed.router_findings.iter().cloned());
    }
    findings
}

/// What is wrong with the manifest alone. Keeps VAL-01 to VAL-19.
pub fn manifest(rollout: &Rollout) -> Vec<Finding> {
    let template = match rollout.spec.workload_ref {
        Some(_) => Template::Elsewhere,
        None => Template::Present,
    };
    check(rollout, template)
}

/// Whether the template stands in the object that is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Template {
    /// It does: the Rollout's own, or the referent's, filled in.
    Present,
    /// `spec.workloadRef` says where it is.
    Elsewhere,
}

/// Differs from upstream: a selector that `spec.workloadRef` leaves empty is refused like any other
/// (VAL-02), because it would match whatever nobody owns.
fn check(rollout: &Rollout, template: Template) -> Vec<Finding> {
    let spec = &rollout.spec;
    let mut findings = Vec::new();
    let replicas = i64::from(spec.replicas.unwrap_or(1));
    findings.extend(field::non_negative("spec.replicas", replicas));
    let selector = spec.selector.as_ref();
    if template == Template::Present {
        findings.extend(check_selector(selector));
    } else if !is_empty_template(spec.template.value()) {
        findings.push(field::internal(
            "spec.template",
            "template must be empty for workload reference rollout",
        ));
    }
    let unreadable = selector.filter(|selector| !labels::check_selector(selector, "").is_empty());
    if let Some(selector) = unreadable {
        let detail = "invalid label selector";
        findings.push(field::invalid_json(
            "spec.selector",
            serde_json::to_string(selector),
            detail,
        ));
    } else if template == Template::Present {
        let path = "spec.template";
        findings.extend(template::check(spec.template.value(), selector, path));
    }
    findings.extend(check_limits(spec));
    findings.extend(check_strategy(rollout));
    findings
}

/// The labels that a pod template gives its pods.
pub(crate) fn template_labels(template: &Value) -> BTreeMap<String, String> {
    labels::string_map(template.pointer("/metadata/labels"))
}

/// Whether the Rollout's selector matches these labels.
pub(crate) fn selects(rollout: &Rollout, labels: &BTreeMap<String, String>) -> bool {
    labels::selector_matches(rollout.spec.selector.as_ref(), labels)
}

/// Keeps VAL-02.
fn check_selector(selector: Option<&LabelSelector>) -> Vec<Finding> {
    let path = "spec.selector";
    let Some(selector) = selector else {
        return vec![field::required(
            path,
            "Rollout has missing field '.spec.selector'",
        )];
    };
    let mut findings = labels::check_selector(selector, path);
    if labels::selector_len(selector) == 0 {
        findings.push(field::invalid_json(
            path,
            serde_json::to_string(selector),
            "empty selector is invalid for deployment",
        ));
    }
    findings
}

/// Only labels and annotations are looked at, as upstream does (WLR-02).
pub(crate) fn is_empty_template(template: &Value) -> bool {
    let empty = |name: &str| {
        template
            .pointer(&format!("/metadata/{name}"))
            .and_then(Value::as_object)
            .is_none_or(serde_json::Map::is_empty)
    };
    empty("labels") && empty("annotations")
}

/// Keeps VAL-01.
fn check_limits(spec: &RolloutSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    let minimum = spec.min_ready_seconds;
    findings.extend(field::non_negative("spec.minReadySeconds", minimum.into()));
    let history = history_limit(spec);
    findings.extend(field::non_negative(
        "spec.revisionHistoryLimit",
        history.into(),
    ));
    let path = "spec.progressDeadlineSeconds";
    let deadline = spec.progress_deadline_seconds.unwrap_or(600);
    findings.extend(field::non_negative(path, deadline.into()));
    if deadline <= minimum {
        let detail = "must be greater than minReadySeconds";
        findings.push(field::invalid_plain(path, deadline, detail));
    }
    findings
}

fn history_limit(spec: &RolloutSpec) -> i32 {
    spec.revision_history_limit.unwrap_or(10)
}

/// Keeps VAL-05.
fn check_strategy(rollout: &Rollout) -> Vec<Finding> {
    let path = "spec.strategy";
    let strategy = &rollout.spec.strategy;
    match (&strategy.blue_green, &strategy.canary) {
        (None, None) => vec![field::required(
            "spec.strategy.strategy",
            "Rollout has missing field '.spec.strategy.canary or .spec.strategy.blueGreen'",
        )],
        (Some(_), Some(_)) => vec![field::invalid_text(
            "spec.strategy.strategy",
            "blueGreen: true canary: true",
            "Multiple Strategies can not be listed",
        )],
        (Some(blue_green), None) => check_blue_green(&rollout.spec, blue_green, path),
        (None, Some(canary)) => {
            let mut findings = canary::check(canary, path);
            findings.extend(steps::check(canary, path));
            findings.extend(check_anti_affinity(canary.anti_affinity.as_ref(), path));
            findings
        }
    }
}

/// Keeps VAL-06.
fn check_blue_green(
    spec: &RolloutSpec,
    blue_green: &BlueGreenStrategy,
    path: &str,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if blue_green.active_service == blue_green.preview_service {
        findings.push(field::invalid_text(
            &format!("{path}.activeService"),
            &blue_green.active_service,
            "This rollout uses the same service for the active and preview services, but two \
             different services are required.",
        ));
    }
    let limit = blue_green.scale_down_delay_revision_limit;
    if let Some(limit) = limit.filter(|limit| history_limit(spec) < *limit) {
        findings.push(field::invalid_plain(
            &format!("{path}.scaleDownDelayRevisionLimit"),
            limit,
            "This rollout's revision history limit can not be smaller than the rollout's scale down \
             limit",
        ));
    }
    findings.extend(check_anti_affinity(blue_green.anti_affinity.as_ref(), path));
    findings
}

/// Keeps VAL-07.
fn check_anti_affinity(anti_affinity: Option<&AntiAffinity>, path: &str) -> Vec<Finding> {
    let Some(anti_affinity) = anti_affinity else {
        return Vec::new();
    };
    let path = format!("{path}.antiAffinity");
    let preferred = anti_affinity
        .preferred_during_scheduling_ignored_during_execution
        .as_ref();
    let required = anti_affinity
        .required_during_scheduling_ignored_during_execution
        .as_ref();
    let mut findings = Vec::new();
    if preferred.is_some() == required.is_some() {
        let given = format!(
            "antiAffinity.PreferredDuringSchedulingIgnoredDuringExecution: {} \
             antiAffinity.RequiredDuringSchedulingIgnoredDuringExecution: {}",
            preferred.is_some(),
            required.is_some()
        );
        findings.push(field::invalid_text(
            &path,
            &given,
            "AntiAffinity must have exactly one strategy listed",
        ));
    }
    if let Some(preferred) = preferred.filter(|preferred| !(1..=100).contains(&preferred.weight)) {
        findings.push(field::invalid_plain(
            &format!("{path}.weight"),
            preferred.weight,
            "AntiAffinity weight must be between 1-100",
        ));
    }
    findings
}

#[cfg(test)]
mod tests;
