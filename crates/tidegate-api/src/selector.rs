//! Label selectors: read from a text (`a=1,b in (x,y)`) or from a manifest, printed and matched as
//! Kubernetes does it.

mod read;

use std::{collections::BTreeMap, fmt};

use tidegate_gocompat::{json::write_text, quote::quote};

use crate::{
    meta::LabelSelector,
    names::{label_value_faults, qualified_name_faults},
};

/// Demands on labels, all of which must hold; sorted by the labels' names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector(Vec<Requirement>);

/// A demand on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

/// What is demanded of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equals,
    /// `==`, which means the same.
    DoubleEquals,
    /// `!=`: another value, or no such label.
    NotEquals,
    /// One of some values.
    In,
    /// None of some values, or no such label.
    NotIn,
    /// The label is there.
    Exists,
    /// It is not.
    DoesNotExist,
    /// A larger whole number.
    GreaterThan,
    /// A smaller whole number.
    LessThan,
}

/// Why something is no selector, in Kubernetes' words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorError(String);

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SelectorError {}

impl Selector {
    /// Reads a selector's text.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        read::read(text).map(Self::sorted).map_err(SelectorError)
    }

    /// The selector of a manifest. (One that is not given at all selects nothing: that is the caller's
    /// to say.)
    ///
    /// # Errors
    /// When a demand in it makes no sense.
    pub fn from_manifest(selector: &LabelSelector) -> Result<Self, SelectorError> {
        let mut requirements = Vec::new();
        for (key, value) in &selector.match_labels {
            let requirement = Requirement::new(key, Operator::Equals, vec![value.clone()]);
            requirements.push(requirement.map_err(SelectorError)?);
        }
        for expression in &selector.match_expressions {
            let operator = match expression.operator.as_str() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => {
                    let other = quote(other.as_bytes());
                    let text = format!("{other} is not a valid label selector operator");
                    return Err(SelectorError(text));
                }
            };
            let values = expression.values.clone();
            let requirement = Requirement::new(&expression.key, operator, values);
            requirements.push(requirement.map_err(SelectorError)?);
        }
        Ok(Self::sorted(requirements))
    }

    fn sorted(mut requirements: Vec<Requirement>) -> Self {
        requirements.sort_by(|first, second| first.key.cmp(&second.key));
        Self(requirements)
    }

    /// Whether it demands nothing and so selects everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether labels meet every demand.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| requirement.matches(labels))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{requirement}")?;
        }
        Ok(())
    }
}

/// How tables show a manifest's selector: `<none>` if it demands nothing, `<error>` if it is none.
pub fn format(selector: Option<&LabelSelector>) -> String {
    let Some(selector) = selector else {
        return "<none>".to_owned();
    };
    match Selector::from_manifest(selector) {
        Err(_) => "<error>".to_owned(),
        Ok(selector) if selector.is_empty() => "<none>".to_owned(),
        Ok(selector) => selector.to_string(),
    }
}

impl Requirement {
    fn new(key: &str, operator: Operator, values: Vec<String>) -> Result<Self, String> {
        let mut faults = Vec::new();
        let wrong_key = qualified_name_faults(key);
        if !wrong_key.is_empty() {
            faults.push(invalid("key", &quoted(key), &wrong_key.join("; ")));
        }
        faults.extend(wrong_values(operator, &values));
        for (index, value) in values.iter().enumerate() {
            let wrong = label_value_faults(value);
            if !wrong.is_empty() {
                let path = format!("values[{index}][{key}]");
                faults.push(invalid(&path, &quoted(value), &wrong.join("; ")));
            }
        }
        match faults.as_slice() {
            [] => Ok(Self {
                key: key.to_owned(),
                operator,
                values,
            }),
            [fault] => Err(fault.clone()),
            faults => Err(format!("[{}]", faults.join(", "))),
        }
    }

    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let held = labels.get(&self.key);
        let among = || held.is_some_and(|held| self.values.contains(held));
        match self.operator {
            Operator::In | Operator::Equals | Operator::DoubleEquals => among(),
            Operator::NotIn | Operator::NotEquals => !among(),
            Operator::Exists => held.is_some(),
            Operator::DoesNotExist => held.is_none(),
            Operator::GreaterThan => self.compares(held, |held, wanted| held > wanted),
            Operator::LessThan => self.compares(held, |held, wanted| held < wanted),
        }
    }

    fn compares(&self, held: Option<&String>, compare: fn(i64, i64) -> bool) -> bool {
        let number = |text: Option<&String>| text.and_then(|text| text.parse().ok());
        match (number(held), number(self.values.first())) {
            (Some(held), Some(wanted)) => compare(held, wanted),
            _ => false,
        }
    }
}

fn wrong_values(operator: Operator, values: &[String]) -> Vec<String> {
    let sentence = match operator {
        Operator::In | Operator::NotIn if values.is_empty() => {
            "for 'in', 'notin' operators, values set can't be empty"
        }
        Operator::Exists | Operator::DoesNotExist if !values.is_empty() => {
            "values set must be empty for exists and does not exist"
        }
        Operator::GreaterThan | Operator::LessThan => {
            let numbers = values.iter().enumerate();
            return numbers
                .filter(|(_, value)| value.parse::<i64>().is_err())
                .map(|(index, value)| {
                    let sentence = "for 'Gt', 'Lt' operators, the value must be an integer";
                    invalid(&format!("values[{index}]"), &quoted(value), sentence)
                })
                .collect();
        }
        Operator::In
        | Operator::NotIn
        | Operator::Exists
        | Operator::DoesNotExist
        | Operator::Equals
        | Operator::DoubleEquals
        | Operator::NotEquals => return Vec::new(),
    };
    vec![invalid("values", &list(values), sentence)]
}

fn invalid(path: &str, value: &str, sentence: &str) -> String {
    format!("{path}: Invalid value: {value}: {sentence}")
}

fn quoted(text: &str) -> String {
    quote(text.as_bytes())
}

fn list(values: &[String]) -> String {
    if values.is_empty() {
        return "null".to_owned();
    }
    let mut out = String::new();
    for value in values {
        out.push(if out.is_empty() { '[' } else { ',' });
        write_text(value, &mut out);
    }
    out.push(']');
    out
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        let mut values: Vec<&str> = self.values.iter().map(String::as_str).collect();
        values.sort_unstable();
        let values = values.join(",");
        match self.operator {
            Operator::Equals => write!(f, "{key}={values}"),
            Operator::DoubleEquals => write!(f, "{key}=={values}"),
            Operator::NotEquals => write!(f, "{key}!={values}"),
            Operator::In => write!(f, "{key} in ({values})"),
            Operator::NotIn => write!(f, "{key} notin ({values})"),
            Operator::Exists => f.write_str(key),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::GreaterThan => write!(f, "{key}>{values}"),
            Operator::LessThan => write!(f, "{key}<{values}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels.iter();
        let labels = labels.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Selector::parse(selector)
            .unwrap()
            .matches(&labels.collect())
    }

    #[test]
    fn every_demand_must_hold() {
        assert!(matches("a=1,b,!c", &[("a", "1"), ("b", "")]));
        assert!(!matches("a=1,b,!c", &[("a", "1")]));
        assert!(matches("a in (1,2),n>5", &[("a", "2"), ("n", "10")]));
        assert!(matches("a!=1,b notin (x)", &[]));
        assert!(!matches("n<5", &[("n", "x")]));
        assert!(matches("", &[]));
    }

    #[test]
    fn selectors_print_in_one_form() {
        let cases = [
            ("b=x, a == 1", "a==1,b=x"),
            ("a in (2,1,1)", "a in (1,2)"),
            ("a in (,)", "a in ()"),
            ("! a", "!a"),
            (" ", ""),
        ];
        for (text, printed) in cases {
            assert_eq!(Selector::parse(text).unwrap().to_string(), printed);
        }
    }

    #[test]
    fn what_is_no_selector_is_refused_in_words_of_kubernetes() {
        let cases = [
            ("a=1,,b", "found ',', expected: identifier after ','"),
            ("a=1 b=2", "found 'b', expected: ',' or 'end of string'"),
            (
                "a in (1",
                "unable to parse requirement: found '', expected: ',' or ')'",
            ),
            (
                "=1",
                "found '=', expected: !, identifier, or 'end of string'",
            ),
            (
                "n>a",
                "unable to parse requirement: values[0]: Invalid value: \"a\": for 'Gt', 'Lt' operators, the value must be an integer",
            ),
        ];
        for (text, error) in cases {
            assert_eq!(Selector::parse(text).unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn tables_show_what_a_selector_is() {
        assert_eq!(format(None), "<none>");
        assert_eq!(format(Some(&LabelSelector::default())), "<none>");
    }
}
