//! A `DestinationRule` that several Rollouts name serves one of them (TR-318): each would point its subsets at
//! its own versions, in every pass anew.

use std::sync::Arc;

use serde_json::Value;
use tidegate_api::rollout::{IstioDestinationRule, Rollout};
use tidegate_core::observed::Finding;

use super::{PATH, Parts, Seen, destination_rule, is_named_by, rule_key};

/// Why the rule is another Rollout's: that one has left its mark and still names the rule, or it was there
/// before and nobody has marked the rule yet.
pub(super) fn finding(
    parts: &Parts<'_>,
    named: &IstioDestinationRule,
    seen: &Seen<'_>,
) -> Option<Finding> {
    let own = parts.rollout;
    let rule = seen.objects.get(&rule_key(own, &named.name))?;
    let manager = destination_rule::manager(rule);
    if manager == Some(own.metadata.name.as_str()) {
        return None;
    }
    let mut rivals: Vec<&Arc<Rollout>> = seen
        .rivals
        .iter()
        .filter(|rival| rival.metadata.uid != own.metadata.uid)
        .filter(|rival| rival.metadata.namespace == own.metadata.namespace)
        .filter(|rival| is_named_by(rival, &named.name))
        .collect();
    rivals.sort_by(|one, other| age(one).cmp(&age(other)));
    let quoted = |text: &str| Value::from(text).to_string();
    let rule = quoted(&named.name);
    let detail = format!("DestinationRule {rule} is managed by another Rollout");
    let marked = rivals
        .iter()
        .any(|rival| manager == Some(rival.metadata.name.as_str()));
    let detail = if marked {
        detail
    } else {
        let oldest = rivals.first().filter(|rival| age(rival) < age(own))?;
        let oldest = quoted(&oldest.metadata.name);
        format!("{detail}: {oldest}, which is older, names it, too")
    };
    let path = format!("{PATH}.destinationRule.name");
    Some(Finding::invalid(&path, &rule, &detail))
}

/// Who was there first; of two that came together, the one whose name comes first.
fn age(rollout: &Rollout) -> (Option<tidegate_api::meta::Time>, &str) {
    let metadata = &rollout.metadata;
    (metadata.creation_timestamp, &metadata.name)
}
