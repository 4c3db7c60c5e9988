//! The grammar of labels, selectors and names in Kubernetes, with the API server's sentences.

use std::collections::BTreeMap;

use serde_json::Value;
use tidegate_api::meta::{LabelSelector, LabelSelectorRequirement};

use super::field;
use crate::observed::Finding;

const LABEL_MAX: usize = 63;
const SUBDOMAIN_MAX: usize = 253;

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

/// What is wrong with a DNS label (names of containers, volumes and the like).
pub(crate) fn dns_label_faults(name: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if name.len() > LABEL_MAX {
        faults.push(format!("must be no more than {LABEL_MAX} characters"));
    }
    if !is_dns_label(name) {
        faults.push(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', \
             and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', \
             regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
                .to_owned(),
        );
    }
    faults
}

/// What is wrong with a DNS subdomain (names of most objects).
pub(crate) fn dns_subdomain_faults(name: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if name.len() > SUBDOMAIN_MAX {
        faults.push(format!("must be no more than {SUBDOMAIN_MAX} characters"));
    }
    if !name.split('.').all(is_dns_label) {
        faults.push(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \
             '-' or '.', and must start and end with an alphanumeric character (e.g. \
             'example.com', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
                .to_owned(),
        );
    }
    faults
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

fn qualified_name_faults(key: &str) -> Vec<String> {
    let parts: Vec<&str> = key.split('/').collect();
    let mut faults = Vec::new();
    let name = match parts.as_slice() {
        [name] => *name,
        [prefix, name] => {
            if prefix.is_empty() {
                faults.push("prefix part must be non-empty".to_owned());
            } else {
                faults.extend(
                    dns_subdomain_faults(prefix)
                        .into_iter()
                        .map(|fault| format!("prefix part {fault}")),
                );
            }
            name
        }
        _ => {
            return vec![format!(
                "a qualified name {QUALIFIED_NAME} with an optional DNS subdomain prefix and '/' \
                 (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        faults.push("name part must be non-empty".to_owned());
    } else if name.len() > LABEL_MAX {
        faults.push(format!(
            "name part must be no more than {LABEL_MAX} characters"
        ));
    }
    if !is_qualified(name) {
        faults.push(format!("name part {QUALIFIED_NAME}"));
    }
    faults
}

const QUALIFIED_NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must \
    start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', \
    regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

fn label_value_faults(value: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if value.len() > LABEL_MAX {
        faults.push(format!("must be no more than {LABEL_MAX} characters"));
    }
    if !value.is_empty() && !is_qualified(value) {
        faults.push(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' \
             or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or \
             'my_value',  or '12345', regex used for validation is \
             '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
                .to_owned(),
        );
    }
    faults
}

fn is_qualified(name: &str) -> bool {
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    ends(bytes.first())
        && ends(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

fn is_dns_label(name: &str) -> bool {
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    bytes.first().is_some_and(inner)
        && bytes.last().is_some_and(inner)
        && bytes.iter().all(|byte| inner(byte) || *byte == b'-')
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
