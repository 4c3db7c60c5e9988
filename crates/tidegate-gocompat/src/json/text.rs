//! Writing JSON as Go writes it: compact, with its escapes.

use std::fmt::Write as _;

use serde_json::Value;

use super::tree::{Tree, View};
use crate::number::{float_of, float_of_unsigned, print_float, print_json_float};

/// Writes a text in quotes. Besides what JSON asks for, `<`, `>`, `&`, U+2028 and U+2029 are escaped.
pub fn write_text(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(needs_escape) {
        out.push_str(&rest[..at]);
        let mut chars = rest[at..].chars();
        if let Some(char) = chars.next() {
            write_escape(char, out);
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn needs_escape(char: char) -> bool {
    matches!(
        char,
        '"' | '\\' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..'\u{20}'
    )
}

fn write_escape(char: char, out: &mut String) {
    match char {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        other => {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(other));
        }
    }
}

/// Writes a value as it stands: members in their order, numbers by their text (Go's `RawMessage`).
pub fn write_raw<T: Tree>(tree: &T, out: &mut String) {
    match tree.view() {
        View::Null => out.push_str("null"),
        View::Bool(flag) => out.push_str(if flag { "true" } else { "false" }),
        View::Number(text) => out.push_str(&text),
        View::Text(text) => write_text(text, out),
        View::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_raw(item, out);
            }
            out.push(']');
        }
        View::Object => {
            out.push('{');
            for (index, (name, value)) in tree.members().into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(name, out);
                out.push(':');
                write_raw(value, out);
            }
            out.push('}');
        }
    }
}

/// Writes a value as Go does that read it into `any`: every number is a float, members are sorted.
pub fn write_plain(value: &Value, out: &mut String) {
    match value {
        Value::Number(number) => {
            let float = number
                .as_i64()
                .map(float_of)
                .or_else(|| number.as_u64().map(float_of_unsigned))
                .or_else(|| number.as_f64());
            let text = float.and_then(print_json_float);
            out.push_str(&text.unwrap_or_else(|| number.to_string()));
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_plain(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(name, out);
                out.push(':');
                write_plain(value, out);
            }
            out.push('}');
        }
        Value::Null | Value::Bool(_) | Value::String(_) => write_raw(value, out),
    }
}

/// A value as `fmt` prints it with `%v` once Go has read it into `any`: `map[a:1 b:[2 <nil>]]`.
pub fn print_plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.as_f64().map_or_else(String::new, print_float),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(print_plain).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(name, value)| format!("{name}:{}", print_plain(value)));
            format!("map[{}]", members.collect::<Vec<_>>().join(" "))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_escaped_as_go_escapes_them() {
        let mut out = String::new();
        write_text("a<b>&\"é\\\u{2028}\t\u{1}\u{7f}/\u{8}\u{c}\r\n", &mut out);
        assert_eq!(
            out,
            "\"a\\u003cb\\u003e\\u0026\\\"é\\\\\\u2028\\t\\u0001\u{7f}/\\b\\f\\r\\n\""
        );
    }

    #[test]
    fn numbers_become_floats_where_go_knows_no_type() {
        let mut out = String::new();
        let value = json!({"b": [9_007_199_254_740_993_i64, 1.0, 1e21], "a": null});
        write_plain(&value, &mut out);
        assert_eq!(out, r#"{"a":null,"b":[9007199254740992,1,1e+21]}"#);
    }

    #[test]
    fn values_print_as_go_prints_any() {
        let value = json!({"b": [2, null, true], "a": 1e20});
        assert_eq!(print_plain(&value), "map[a:1e+20 b:[2 <nil> true]]");
    }

    #[test]
    fn raw_values_of_an_api_server_come_back_as_it_wrote_them() {
        let mut out = String::new();
        let value = json!({"b": 9_007_199_254_740_993_i64, "a": [1.5, 1e21, 1.0]});
        write_raw(&value, &mut out);
        assert_eq!(out, r#"{"a":[1.5,1e+21,1],"b":9007199254740993}"#);
    }
}
