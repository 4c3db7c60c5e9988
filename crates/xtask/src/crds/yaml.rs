//! YAML that people can read and that is small: blocks where there is much, and one line in flow
//! style where all of it fits.

use serde_json::Value;

/// Width up to which a value stays on one line.
const WIDTH: usize = 100;

/// The value as a YAML document.
pub(crate) fn document(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

/// Writes the members or items of a value in lines of their own, each behind `indent` spaces.
fn block(value: &Value, indent: usize, text: &mut String) {
    let margin = " ".repeat(indent);
    let members = value.as_object().into_iter().flatten();
    for (key, member) in members {
        let head = format!("{}:", scalar(key));
        text.push_str(&margin);
        text.push_str(&head);
        behind(member, indent, head.len(), text);
    }
    let items = value.as_array().into_iter().flatten();
    for item in items {
        text.push_str(&margin);
        text.push('-');
        behind(item, indent, 1, text);
    }
}

/// Writes a value behind what is `used` wide: on the same line if it fits, else below.
fn behind(value: &Value, indent: usize, used: usize, text: &mut String) {
    let line = flow(value);
    let is_leaf = !(value.is_object() || value.is_array());
    if is_leaf || indent + used + 1 + line.len() <= WIDTH {
        text.push(' ');
        text.push_str(&line);
        text.push('\n');
    } else {
        text.push('\n');
        block(value, indent + 1, text);
    }
}

fn flow(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(key, member)| format!("{}: {}", scalar(key), flow(member)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::String(words) => scalar(words),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Text as YAML: plain where no reader could take it for something else, else in JSON's quotes,
/// which YAML knows.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || " -_./;()'".contains(letter))
        && !text.ends_with(' ')
        && !is_word_of_yaml(text);
    if is_plain {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

/// Words that old readers take for a bool or for nothing.
fn is_word_of_yaml(text: &str) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    words.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fits_stays_on_one_line() {
        let value = json!({"type": "integer", "format": "int32", "enum": ["avg", "no", "5m"]});
        assert_eq!(
            document(&json!({ "size": value })),
            "size: {enum: [avg, \"no\", \"5m\"], format: int32, type: integer}\n"
        );
    }

    #[test]
    fn what_does_not_fit_goes_below() {
        let long = "a word ".repeat(14);
        let text = document(&json!({"list": [{"a": long, "b": 1}]}));
        assert_eq!(
            text,
            format!("list:\n -\n  a: {}\n  b: 1\n", Value::from(long.as_str()))
        );
    }

    #[test]
    fn text_that_yaml_could_mistake_is_quoted() {
        for text in ["", "1", "yes", "a: b", "# no", "^x$", "a ", "null"] {
            assert_eq!(scalar(text), Value::from(text).to_string());
        }
        assert_eq!(
            scalar("Number of pods (default 1)."),
            "Number of pods (default 1)."
        );
    }
}
