//! Which objects a list or a watch is about: label selectors and field selectors.

use serde_json::Value;

use super::{
    fields,
    kinds::{self, Kind, KindId},
    refusal::Refusal,
};

/// A demand on the labels of an object; no demand is met by every object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    demands: Vec<Demand>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Demand {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    /// The label is there and has one of these values.
    In(Vec<String>),
    /// The label is missing or has none of these values.
    NotIn(Vec<String>),
    /// The label is there.
    Exists,
    /// The label is missing.
    Absent,
}

impl LabelSelector {
    /// Reads the text form: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
    ///
    /// # Errors
    /// When the text is none.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut demands = Vec::new();
        for part in split_outside_parentheses(text) {
            let part = part.trim();
            if !part.is_empty() {
                demands.push(parse_demand(part)?);
            }
        }
        Ok(Self { demands })
    }

    /// Every label of this map with its value: how Services and `matchLabels` select.
    pub fn of_labels<'a>(labels: impl IntoIterator<Item = (&'a String, &'a Value)>) -> Self {
        let demands = labels
            .into_iter()
            .map(|(key, value)| Demand {
                key: key.clone(),
                test: Test::In(vec![value.as_str().unwrap_or_default().to_owned()]),
            })
            .collect();
        Self { demands }
    }

    /// Reads `{matchLabels, matchExpressions}`; unknown operators are ignored, as validation refuses
    /// them before they are stored.
    pub fn of_json(selector: &Value) -> Self {
        let mut found = Self::of_labels(fields::map(selector, &["matchLabels"]));
        for expression in fields::list(selector, &["matchExpressions"]) {
            let values = || {
                fields::list(expression, &["values"])
                    .iter()
                    .filter_map(|value| value.as_str().map(str::to_owned))
                    .collect()
            };
            let test = match fields::text(expression, &["operator"]) {
                "In" => Test::In(values()),
                "NotIn" => Test::NotIn(values()),
                "Exists" => Test::Exists,
                "DoesNotExist" => Test::Absent,
                _ => continue,
            };
            found.demands.push(Demand {
                key: fields::text(expression, &["key"]).to_owned(),
                test,
            });
        }
        found
    }

    /// Whether there is no demand at all.
    pub fn is_empty(&self) -> bool {
        self.demands.is_empty()
    }

    /// Whether an object's labels meet every demand.
    pub fn matches(&self, object: &Value) -> bool {
        self.demands.is_empty() || self.matches_labels(fields::labels(object))
    }

    /// Whether these labels meet every demand.
    pub fn matches_labels(&self, labels: &serde_json::Map<String, Value>) -> bool {
        self.demands.iter().all(|demand| {
            let value = labels.get(&demand.key).and_then(Value::as_str);
            match &demand.test {
                Test::In(values) => value.is_some_and(|value| values.iter().any(|v| v == value)),
                Test::NotIn(values) => value.is_none_or(|value| values.iter().all(|v| v != value)),
                Test::Exists => value.is_some(),
                Test::Absent => value.is_none(),
            }
        })
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut depth = 0_u32;
    let mut start = 0;
    for (position, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..position]);
                start = position + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn parse_demand(text: &str) -> Result<Demand, Refusal> {
    let demand = |key: &str, test| {
        let key = key.trim();
        let known = key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
        if key.is_empty() || !known {
            return Err(Refusal::bad_request(format!(
                "unable to parse requirement: {text}"
            )));
        }
        Ok(Demand {
            key: key.to_owned(),
            test,
        })
    };
    if let Some(key) = text.strip_prefix('!') {
        return demand(key, Test::Absent);
    }
    if let Some((head, values)) = text.split_once('(') {
        let values = values.trim_end().trim_end_matches(')');
        let values = values.split(',').map(|v| v.trim().to_owned()).collect();
        let (key, operator) = head.trim().rsplit_once(' ').unwrap_or((head, ""));
        return match operator {
            "in" => demand(key, Test::In(values)),
            "notin" => demand(key, Test::NotIn(values)),
            _ => Err(Refusal::bad_request(format!(
                "unable to parse requirement: {text}"
            ))),
        };
    }
    if let Some((key, value)) = text.split_once("!=") {
        return demand(key, Test::NotIn(vec![value.trim().to_owned()]));
    }
    if let Some((key, value)) = text.split_once('=') {
        let value = value.trim_start_matches('=').trim();
        return demand(key, Test::In(vec![value.to_owned()]));
    }
    demand(text, Test::Exists)
}

/// A demand on single fields of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    path: Vec<String>,
    value: String,
    sense: Sense,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sense {
    Equal,
    Different,
}

/// The fields by which a kind's objects can be selected, apart from name and namespace.
const SELECTABLE: &[(KindId, &[&str])] = &[
    (
        kinds::PODS,
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
        ],
    ),
    (kinds::REPLICA_SETS, &["status.replicas"]),
    (
        kinds::EVENTS,
        &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
    ),
    (kinds::NAMESPACES, &["status.phase"]),
    (kinds::NODES, &["spec.unschedulable"]),
    (kinds::SECRETS, &["type"]),
    (kinds::JOBS, &["status.successful"]),
];

impl FieldSelector {
    /// Reads the text form `a.b=c,d!=e`.
    ///
    /// # Errors
    /// When the text is none, or the kind's objects cannot be selected by the field.
    pub fn parse(text: &str, id: KindId, kind: &Kind) -> Result<Self, Refusal> {
        let mut terms = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (field, value, sense) = if let Some((field, value)) = part.split_once("!=") {
                (field, value, Sense::Different)
            } else if let Some((field, value)) = part.split_once('=') {
                (field, value.trim_start_matches('='), Sense::Equal)
            } else {
                return Err(Refusal::bad_request(format!(
                    "invalid selector: '{part}'; can't understand '{part}'"
                )));
            };
            let field = field.trim();
            let known = ["metadata.name", "metadata.namespace"].contains(&field)
                || SELECTABLE
                    .iter()
                    .any(|(of, fields)| *of == id && fields.contains(&field));
            if !known {
                return Err(Refusal::bad_request(format!(
                    "Unable to find \"{}, Resource={}\" that match label selector \"\", field selector \"{text}\": field label not supported: {field}",
                    kind.api_version(),
                    kind.plural
                )));
            }
            let path = match field {
                "source" => vec!["source".to_owned(), "component".to_owned()],
                _ => field.split('.').map(str::to_owned).collect(),
            };
            terms.push(Term {
                path,
                value: value.trim().to_owned(),
                sense,
            });
        }
        Ok(Self { terms })
    }

    /// Whether there is no demand at all.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether an object meets every demand. A missing field is the empty text.
    pub fn matches(&self, object: &Value) -> bool {
        self.terms.iter().all(|term| {
            let found = term
                .path
                .iter()
                .try_fold(object, |value, name| value.get(name));
            let equal = match found {
                None => term.value.is_empty(),
                Some(found) => {
                    let text = found
                        .as_str()
                        .map_or_else(|| found.to_string(), str::to_owned);
                    text == term.value
                }
            };
            equal == (term.sense == Sense::Equal)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(selector: &str, labels: &Value) -> bool {
        let object = json!({"metadata": {"labels": *labels}});
        LabelSelector::parse(selector).unwrap().matches(&object)
    }

    #[test]
    fn every_form_of_a_label_selector_is_understood() {
        assert!(matches(
            "app=web,tier in (a, b)",
            &json!({"app": "web", "tier": "b"})
        ));
        assert!(!matches(
            "app=web,tier notin (a,b)",
            &json!({"app": "web", "tier": "b"})
        ));
        assert!(matches("!gone,here", &json!({"here": ""})));
        assert!(!matches("app==web,!app", &json!({"app": "web"})));
        assert!(LabelSelector::parse("a in b)").is_err());
    }

    #[test]
    fn a_missing_label_is_different_from_any_value() {
        assert!(matches("app!=web", &json!({})));
        assert!(!matches("app!=web", &json!({"app": "web"})));
    }
}
