//! Objects that may be there and that the controller must not see (OPS-08).

use serde_json::Value;
use tidegate_api::rollout::IstioDestinationRule;
use tidegate_core::{
    observed::Finding,
    plan::{DESTINATION_RULES, Resource},
};

use super::{Absence, PATH, Seen};

/// What is to be said of a `DestinationRule`, if it must not be seen.
pub(super) fn rule(named: &IstioDestinationRule, seen: &Seen<'_>) -> Option<Finding> {
    let Some(Absence::Forbidden(words)) = seen.absence(&DESTINATION_RULES) else {
        return None;
    };
    let name = Value::from(named.name.as_str()).to_string();
    let path = format!("{PATH}.destinationRule.name");
    let detail = sentence(&DESTINATION_RULES, words);
    Some(Finding::invalid(&path, &name, &detail))
}

/// The server's words, and which right is missing.
pub(super) fn sentence(resource: &Resource, words: &str) -> String {
    format!(
        "{words}: let the controller get, list, watch and patch {}.{}",
        resource.plural, resource.group
    )
}
