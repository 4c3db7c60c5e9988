//! The grammar of labels, selectors and names in Kubernetes, with the API server's sentences.

use std::collections::BTreeMap;

use serde_json::Value;
pub(crate) use tidegate_api::names::{dns_label_faults, dns_subdomain_faults};
use tidegate_api::{
    meta::{LabelSelector, LabelSelectorRequirement},
    names::{label_value_faults, qualified_name_faults},
};

use super::field;
use crate::observed::Finding;

/// What is wrong with a map of labels.
pub(crate) fn check_labels(labels: &BTreeMap<String, String>, path: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, value) in labels {
        findings.extend(check_key(key, path));
        findings.extend(sentences(path, value, &label_value_faults(value)));
    }
    findings
}

/// What is wrong with the name of a label or annotation.
pub(crate) fn check_key(key: &str, path: &str) -> Vec<Finding> {
    sentences(path, key, &qualified_name_faults(key))
}

/// What is wrong with a label selector as it is on the wire.
pub(crate) fn check_selector(selector: &LabelSelector, path: &str) -> Vec<Finding> {
    let mut findings = check_labels(&selector.match_labels, &format!("{path}.matchLabels"));
    for (index, requirement) in selector.match_expressions.iter().enumerate() {
        findings.extend(check_requirement(
            requirement,
            &format!("{path}.matchExpressions[{index}]"),
        ));
    }
    findings
}

fn check_requirement(requirement: &LabelSelectorRequirement, path: &str) -> Vec<Finding> {
    let LabelSelectorRequirement {
        key,
        operator,
        values,
    } = requirement;
    let values_path = format!("{path}.values");
    let mut findings = Vec::new();
    match operator.as_str() {
        "In" | "NotIn" if values.is_empty() => findings.push(field::required(
            &values_path,
            "must be specified when `operator` is 'In' or 'NotIn'",
        )),
        "Exists" | "DoesNotExist" if !values.is_empty() => findings.push(field::forbidden(
            &values_path,
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        )),
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => findings.push(field::invalid_text(
            &format!("{path}.operator"),
            other,
            "not a valid selector operator",
        )),
    }
    findings.extend(check_key(key, &format!("{path}.key")));
    for (index, value) in values.iter().enumerate() {
        findings.extend(sentences(
            &format!("{values_path}[{index}]"),
            value,
            &label_value_faults(value),
        ));
    }
    findings
}

/// Whether a valid selector matches these labels. One that is missing matches nothing; one that is
/// empty matches everything.
pub(crate) fn selector_matches(
    selector: Option<&LabelSelector>,
    labels: &BTreeMap<String, String>,
) -> bool {
    let Some(selector) = selector else {
        return false;
    };
    let by_label = selector
        .match_labels
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value));
    by_label
        && selector.match_expressions.iter().all(|requirement| {
            let held = labels.get(&requirement.key);
            let among = held.is_some_and(|held| requirement.values.contains(held));
            match requirement.operator.as_str() {
                "In" => among,
                "NotIn" => !among,
                "Exists" => held.is_some(),
                "DoesNotExist" => held.is_none(),
                _ => false,
            }
        })
}

/// How many conditions a selector has.
pub(crate) fn selector_len(selector: &LabelSelector) -> usize {
    selector.match_labels.len() + selector.match_expressions.len()
}

/// One `Invalid value` per fault.
pub(crate) fn sentences(path: &str, value: &str, faults: &[String]) -> Vec<Finding> {
    faults
        .iter()
        .map(|fault| field::invalid_text(path, value, fault))
        .collect()
}

/// The members of a map that are texts.
pub(crate) fn string_map(value: Option<&Value>) -> BTreeMap<String, String> {
    value
        .and_then(Value::as_object)
        .map(|object| {
            object
                .iter()
                .map(|(key, value)| (key.clone(), text(Some(value)).to_owned()))
                .collect()
        })
        .unwrap_or_default()
}

/// A text, empty if there is none.
pub(crate) fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

/// The items of a list, none if there is no list.
pub(crate) fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_missing_selector_matches_nothing_and_an_empty_one_everything() {
        let labels = BTreeMap::from([("app".to_owned(), "shop".to_owned())]);
        assert!(!selector_matches(None, &labels));
        assert!(selector_matches(Some(&LabelSelector::default()), &labels));
    }

    #[test]
    fn requirements_follow_their_operators() {
        let labels = BTreeMap::from([("tier".to_owned(), "web".to_owned())]);
        let check = |operator: &str, key: &str, values: Value| {
            let selector = serde_json::from_value(json!({"matchExpressions":
                [{"key": key, "operator": operator, "values": values}]}))
            .unwrap();
            selector_matches(Some(&selector), &labels)
        };
        assert!(check("In", "tier", json!(["web", "db"])));
        assert!(!check("NotIn", "tier", json!(["web"])));
        assert!(check("NotIn", "zone", json!(["a"])));
        assert!(check("Exists", "tier", Value::Null));
        assert!(check("DoesNotExist", "zone", Value::Null));
    }

    #[test]
    fn a_key_with_two_slashes_or_an_empty_part_is_named() {
        assert!(check_key("example.com/name", "p").is_empty());
        assert_eq!(check_key("/name", "p").len(), 1);
        assert_eq!(check_key("a/b/c", "p").len(), 1);
        assert_eq!(
            check_key("", "p").len(),
            2,
            "empty, and not of the right form"
        );
    }
}
