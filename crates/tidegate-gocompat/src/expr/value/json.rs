//! Values from JSON, and as `json.MarshalIndent` prints them.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::{Key, Map, TooDeepError, Type, Value};
use crate::number::print_json_float;
use crate::time::RFC_3339_NANO;

/// Two blanks per level, as the language's `toJSON` prints.
const INDENT: &str = "  ";

impl Value {
    /// The value Go makes of JSON where it expects nothing particular: every number is a `float64`.
    ///
    /// # Errors
    /// If it nests too deep.
    pub fn from_json(json: &Json) -> Result<Self, TooDeepError> {
        from_json(json, super::MAX_DEPTH)
    }

    /// JSON as Go prints it with two blanks per level.
    ///
    /// # Errors
    /// With Go's text for what JSON cannot say; if the text is longer than `limit` bytes.
    pub(in crate::expr) fn to_json(&self, limit: usize) -> Result<String, String> {
        let place = Place {
            level: 0,
            limit,
            layout: Layout::Indented,
        };
        let mut out = String::new();
        write_json(&mut out, self, &place)?;
        Ok(out)
    }

    /// JSON as Go writes it (`json.Marshal`), without blanks.
    ///
    /// # Errors
    /// With Go's text for what JSON cannot say, such as a NaN.
    pub fn to_compact_json(&self) -> Result<String, String> {
        let place = Place {
            level: 0,
            limit: usize::MAX,
            layout: Layout::Compact,
        };
        let mut out = String::new();
        write_json(&mut out, self, &place)?;
        Ok(out)
    }
}

fn from_json(json: &Json, depth_left: u32) -> Result<Value, TooDeepError> {
    let below = depth_left.checked_sub(1).ok_or(TooDeepError)?;
    Ok(match json {
        Json::Null => Value::Nil,
        Json::Bool(bool) => Value::Bool(*bool),
        Json::Number(number) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Value::text(text),
        Json::Array(items) => Value::list(
            items
                .iter()
                .map(|item| from_json(item, below))
                .collect::<Result<_, _>>()?,
        )?,
        Json::Object(members) => {
            let entries = members
                .iter()
                .map(|(name, member)| Ok((Key::text(name), from_json(member, below)?)))
                .collect::<Result<_, TooDeepError>>()?;
            Value::Map(Map::new(Type::object(), entries)?)
        }
    })
}

/// Where something is printed.
#[derive(Clone, Copy)]
struct Place {
    level: usize,
    limit: usize,
    layout: Layout,
}

/// Whether there are blanks and new lines between the parts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Indented,
    Compact,
}

fn write_json(out: &mut String, value: &Value, place: &Place) -> Result<(), String> {
    if out.len() > place.limit {
        return Err("memory budget exceeded".to_owned());
    }
    match value {
        Value::Nil => out.push_str("null"),
        Value::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Value::Int(int) | Value::Int64(int) | Value::Month(int) | Value::Weekday(int) => {
            out.push_str(&int.to_string());
        }
        Value::Uint8(int) => out.push_str(&int.to_string()),
        Value::Uint64(int) => out.push_str(&int.to_string()),
        Value::Duration(duration) => out.push_str(&duration.nanoseconds().to_string()),
        Value::Float(float) => {
            let text = print_json_float(*float).ok_or_else(|| {
                let float = crate::number::print_float(*float);
                format!("json: unsupported value: {float}")
            })?;
            out.push_str(&text);
        }
        Value::String(text) => write_string(out, &text.to_str()),
        Value::Named(named) => write_string(out, &named.text().to_str()),
        Value::Time(time) => write_string(out, &time.format(RFC_3339_NANO)),
        Value::Location(_) => out.push_str("{}"),
        Value::Pointer(pointer) => {
            return write_json(out, pointer.value().unwrap_or(&Value::Nil), place);
        }
        Value::Function(_) => return Err(unsupported(value)),
        Value::List(list) if value.is_nil() || list.ty().element() == Some(&Type::Uint8) => {
            write_special_list(out, value);
        }
        Value::List(list) => {
            let items = list.items().iter().map(|item| (None, item));
            write_between(out, ["[", "]"], items, place)?;
        }
        Value::Map(map) => {
            if map.ty().underlying() != &Type::object() {
                return Err(unsupported(value));
            }
            if value.is_nil() {
                out.push_str("null");
                return Ok(());
            }
            let entries = map.entries().iter().map(|(key, value)| match key {
                Key::String(name) => (Some(name.to_str().into_owned()), value),
                _ => (None, value),
            });
            write_between(out, ["{", "}"], entries, place)?;
        }
        Value::Struct(body) => {
            let names = body.ty().fields.iter().map(|(name, _)| Some(name.clone()));
            write_between(out, ["{", "}"], names.zip(body.fields()), place)?;
        }
    }
    Ok(())
}

fn unsupported(value: &Value) -> String {
    format!("json: unsupported type: {}", value.type_text())
}

/// A nil list is `null`; bytes are base64.
fn write_special_list(out: &mut String, value: &Value) {
    match value {
        Value::List(list) if !value.is_nil() => {
            let bytes: Vec<u8> = list
                .items()
                .iter()
                .filter_map(|item| match item {
                    Value::Uint8(byte) => Some(*byte),
                    _ => None,
                })
                .collect();
            out.push('"');
            out.push_str(&crate::base64::encode(&bytes));
            out.push('"');
        }
        _ => out.push_str("null"),
    }
}

fn write_between<'v>(
    out: &mut String,
    [open, close]: [&str; 2],
    items: impl Iterator<Item = (Option<String>, &'v Value)>,
    place: &Place,
) -> Result<(), String> {
    let below = Place {
        level: place.level + 1,
        ..*place
    };
    out.push_str(open);
    let mut is_empty = true;
    for (name, item) in items {
        if !is_empty {
            out.push(',');
        }
        is_empty = false;
        new_line(out, below);
        if let Some(name) = name {
            write_string(out, &name);
            out.push_str(match place.layout {
                Layout::Indented => ": ",
                Layout::Compact => ":",
            });
        }
        write_json(out, item, &below)?;
    }
    if !is_empty {
        new_line(out, *place);
    }
    out.push_str(close);
    Ok(())
}

fn new_line(out: &mut String, place: Place) {
    if place.layout == Layout::Compact {
        return;
    }
    out.push('\n');
    for _ in 0..place.level {
        out.push_str(INDENT);
    }
}

/// A JSON string with Go's escapes, those for HTML included.
fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}
