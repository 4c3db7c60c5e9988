//! Rules that name metrics by regular expressions: dry runs and retention (ANA-33, ANA-34).

use std::collections::{BTreeMap, BTreeSet};

use tidegate_api::analysis::{DryRun, MeasurementRetention, Metric};
use tidegate_gocompat::expr::Pattern;

/// The metrics that are only tried out.
///
/// # Errors
/// A rule that fits no metric.
pub fn dry_run(rules: &[DryRun], metrics: &[Metric]) -> Result<BTreeSet<String>, String> {
    let mut names = BTreeSet::new();
    for (index, rule) in rules.iter().enumerate() {
        let matched = matching(&rule.metric_name, metrics);
        if matched.is_empty() {
            return Err(unmatched("dryRun", index));
        }
        names.extend(matched);
    }
    Ok(names)
}

/// How many measurements of a metric are kept.
///
/// # Errors
/// A rule that fits no metric.
pub fn retention(
    rules: &[MeasurementRetention],
    metrics: &[Metric],
) -> Result<BTreeMap<String, usize>, String> {
    let mut limits = BTreeMap::new();
    for (index, rule) in rules.iter().enumerate() {
        let matched = matching(&rule.metric_name, metrics);
        if matched.is_empty() {
            return Err(unmatched("measurementRetention", index));
        }
        if let Some(limit) = usize::try_from(rule.limit).ok().filter(|limit| *limit > 0) {
            limits.extend(matched.into_iter().map(|name| (name, limit)));
        }
    }
    Ok(limits)
}

/// Go's syntax; what cannot be compiled matches nothing.
fn matching(rule: &str, metrics: &[Metric]) -> Vec<String> {
    let Ok(pattern) = Pattern::compile(rule.as_bytes()) else {
        return Vec::new();
    };
    metrics
        .iter()
        .filter(|metric| pattern.is_match(metric.name.as_bytes()))
        .map(|metric| metric.name.clone())
        .collect()
}

fn unmatched(list: &str, index: usize) -> String {
    format!("{list}[{index}]: Rule didn't match any metric name(s)")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(rule: &str, names: &[&str], expected: &[&str]) {
        let metrics: Vec<Metric> = names
            .iter()
            .map(|name| serde_json::from_value(json!({"name": name, "provider": {}})).unwrap())
            .collect();
        let matched = matching(rule, &metrics);
        assert_eq!(matched, expected, "{rule}");
    }

    #[test]
    fn rules_are_read_as_go_reads_regular_expressions() {
        check(".*", &["a", "b"], &["a", "b"]);
        check(r"\Qa.b\E", &["a.b", "axb"], &["a.b"]);
        check(r"^\d$", &["1", "\u{0661}"], &["1"]);
        check("[a&&b]", &["&", "c"], &["&"]);
        check("(", &["("], &[]);
    }
}
