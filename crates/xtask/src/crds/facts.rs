//! What the Rust types do not say: which members may be left out although we always write them,
//! defaults, allowed values, rules, and what hides behind an opaque value.

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::schema::{Field, Presence, Struct, Type, Types};

/// Members that Go always writes, and ours therefore too, but that a manifest may leave out:
/// mostly members that are objects themselves.
const OPTIONAL: &[(&str, &[&str])] = &[
    (
        "AlbStatus",
        &["canaryTargetGroup", "loadBalancer", "stableTargetGroup"],
    ),
    ("AnalysisRun", &["metadata", "status"]),
    ("AnalysisRunStatus", &["runSummary"]),
    ("AnalysisTemplate", &["metadata"]),
    ("AnalysisTemplateRef", &["templateName"]),
    ("Authentication", &["basicAuth", "oauth2", "sigv4"]),
    ("AwsResourceRef", &["fullName"]),
    ("CloudWatchMetricStat", &["metric", "period"]),
    ("ClusterAnalysisTemplate", &["metadata"]),
    ("DatadogMetric", &["secretRef"]),
    ("Experiment", &["metadata", "status"]),
    ("ExperimentSpec", &["analysisRunMetadata"]),
    ("JobMetric", &["metadata"]),
    ("PrometheusMetric", &["authentication"]),
    ("Rollout", &["metadata", "status"]),
    ("RolloutExperimentStep", &["analysisRunMetadata"]),
    ("RolloutExperimentTemplate", &["metadata"]),
    ("RolloutSpec", &["strategy"]),
    ("RolloutStatus", &["blueGreen", "canary"]),
    ("WebMetric", &["authentication"]),
];

/// Members whose opaque value has a known form in manifests.
const FORMS: &[(&str, &str, &str)] = &[
    ("JobMetric", "metadata", "TemplateMetadata"),
    ("JobMetric", "spec", "JobSpec"),
];

/// Further members of a member's schema, as JSON.
const EXTRA: &[(&str, &str, &str)] = &[
    (
        "RolloutSpec",
        "selector",
        r#"{"x-kubernetes-validations": [{"message": ".spec.selector is immutable", "rule": "self == oldSelf"}]}"#,
    ),
    (
        "DatadogMetric",
        "aggregator",
        r#"{"enum": ["avg", "min", "max", "sum", "last", "percentile", "mean", "l2norm", "area"]}"#,
    ),
    (
        "DatadogMetric",
        "apiVersion",
        r#"{"default": "v1", "enum": ["v1", "v2"]}"#,
    ),
    ("DatadogMetric", "interval", r#"{"default": "5m"}"#),
    ("DatadogMetric", "requestTimeout", r#"{"default": "10s"}"#),
];

/// Adds the facts to the types.
///
/// # Errors
/// When a fact is about a type or member that does not exist (any more).
pub(crate) fn add_to(types: &mut Types) -> Result<()> {
    // Kubernetes itself checks the metadata of a kind; its schema must not say more than "object".
    types.insert("ObjectMeta".to_owned(), Struct::default());
    for (name, members) in OPTIONAL {
        for member in *members {
            field(types, name, member)?.presence = Presence::Optional;
        }
    }
    for (name, member, form) in FORMS {
        field(types, name, member)?.ty = Type::Named((*form).to_owned());
    }
    for (name, member, extra) in EXTRA {
        let extra: Map<String, Value> = serde_json::from_str(extra)?;
        field(types, name, member)?.extra.extend(extra);
    }
    Ok(())
}

fn field<'a>(types: &'a mut Types, name: &str, member: &str) -> Result<&'a mut Field> {
    types
        .get_mut(name)
        .and_then(|object| object.fields.iter_mut().find(|field| field.name == member))
        .with_context(|| format!("a fact is about {name}.{member}, which does not exist"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_about_nothing_is_refused() {
        let error = field(&mut Types::new(), "Door", "lock").unwrap_err();
        assert_eq!(
            error.to_string(),
            "a fact is about Door.lock, which does not exist"
        );
    }
}
