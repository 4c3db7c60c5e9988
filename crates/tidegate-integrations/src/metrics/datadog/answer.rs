//! What Datadog's answers mean (MP-405, MP-406).

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tidegate_gocompat::{
    expr::{Type, Value},
    float_format::plain,
    quote::quote,
};

use super::super::finding::{Finding, excerpt};

/// How many groups the status names. Conditions see all of them.
const GROUPS: usize = 100;

/// The answer as JSON.
fn parse(status: u16, body: &[u8]) -> Result<Json, String> {
    let why = match status {
        200 => {
            return serde_json::from_slice(body)
                .map_err(|error| format!("Could not parse JSON body: {error}"));
        }
        401 | 403 => "received authentication error response code",
        _ => "received non 2xx response code",
    };
    Err(format!("{why}: {status} {}", excerpt(body)))
}

/// No data.
fn nothing(text: &str) -> Finding {
    Finding::new(Value::pointer(Type::Float64, None), text)
}

fn list<'j>(json: &'j Json, name: &str) -> Result<&'j [Json], String> {
    match json {
        Json::Null => Ok(&[]),
        Json::Array(items) => Ok(items),
        Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_) => {
            Err(format!("Could not parse JSON body: {name} is no list"))
        }
    }
}

/// The last point of the first series. Differs from upstream: a last point without a value is no data, where upstream takes
/// it for 0.
pub(super) fn first(status: u16, body: &[u8]) -> Result<Finding, String> {
    let answer = parse(status, body)?;
    let series = &answer["series"];
    let Some(one) = list(series, "series")?.first() else {
        return Ok(nothing(if series.is_null() { "null" } else { "[]" }));
    };
    let Some(point) = list(&one["pointlist"], "pointlist")?.last() else {
        return Ok(nothing("[]"));
    };
    let [_, value] = list(point, "a point")? else {
        return Err("Datapoint does not have 2 values".to_owned());
    };
    if value.is_null() {
        return Ok(nothing("null"));
    }
    let value = value
        .as_f64()
        .ok_or_else(|| format!("Could not parse JSON body: {value} is no number"))?;
    Ok(Finding::new(Value::Float(value), plain(value)))
}

/// The first column of numbers, alone or by group.
pub(super) fn second(status: u16, body: &[u8]) -> Result<Finding, String> {
    let answer = parse(status, body)?;
    let data = &answer["data"];
    let errors = &data["errors"];
    if !errors.is_null() && errors != "" {
        let errors = errors
            .as_str()
            .map_or_else(|| errors.to_string(), str::to_owned);
        return Err(format!("There were errors in your query: {errors}"));
    }
    let columns = list(&data["attributes"]["columns"], "columns")?;
    let is_of = |column: &&Json, kind: &str| column["type"] == kind;
    let groups: Vec<&Json> = columns
        .iter()
        .filter(|column| is_of(column, "group"))
        .collect();
    let numbers = columns.iter().find(|column| {
        is_of(column, "number") || column["type"].as_str().is_none_or(str::is_empty)
    });
    let Some(numbers) = numbers else {
        return Ok(nothing("[]"));
    };
    let mut found: Vec<(String, f64)> = Vec::new();
    for (row, value) in list(&numbers["values"], "values")?.iter().enumerate() {
        // No data for this group.
        if value.is_null() {
            continue;
        }
        let value = value.as_f64().ok_or_else(|| not_a_number(value, numbers))?;
        let name = if groups.is_empty() {
            String::new()
        } else {
            label(&groups, row)
                .ok_or_else(|| format!("could not parse group label at index {row}"))?
        };
        found.push((name, value));
    }
    match found.first() {
        None => Ok(nothing("[]")),
        Some((_, value)) if groups.is_empty() => {
            Ok(Finding::new(Value::Float(*value), plain(*value)))
        }
        Some(_) => grouped(found),
    }
}

fn not_a_number(value: &Json, column: &Json) -> String {
    let name = column["name"].as_str().unwrap_or_default();
    let kind = match value {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    };
    format!(
        "could not parse numeric value {} in column {}: json: cannot unmarshal {kind} into Go value of type float64",
        quote(value.to_string().as_bytes()),
        quote(name.as_bytes())
    )
}

/// The values of a row's tags, across all columns of groups.
fn label(columns: &[&Json], row: usize) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for column in columns {
        let tags = column["values"].get(row)?.as_array()?;
        if tags.is_empty() {
            return None;
        }
        for tag in tags {
            parts.push(if tag.is_null() { "" } else { tag.as_str()? });
        }
    }
    Some(parts.join(","))
}

fn grouped(mut found: Vec<(String, f64)>) -> Result<Finding, String> {
    let values: Vec<f64> = found.iter().map(|(_, value)| *value).collect();
    let texts: Vec<String> = values.iter().map(|value| plain(*value)).collect();
    let mut metadata = BTreeMap::new();
    if found.len() > GROUPS {
        // Nobody knows here which end is the bad one: both stay, and the middle goes.
        found.sort_by(|(_, value), (_, other)| value.total_cmp(other));
        found.drain(GROUPS / 2..found.len() - GROUPS / 2);
        metadata.insert("groups_truncated".to_owned(), "true".to_owned());
    }
    let mut groups = Vec::new();
    for (name, value) in found {
        let members = [
            ("name".to_owned(), Value::text(&name)),
            ("value".to_owned(), Value::Float(value)),
        ];
        groups.push(Value::object(members).map_err(|error| error.to_string())?);
    }
    let groups = Value::list(groups).map_err(|error| error.to_string())?;
    metadata.insert("groups".to_owned(), groups.to_compact_json()?);
    Ok(Finding {
        value: Value::floats(values),
        text: format!("[{}]", texts.join(",")),
        metadata,
    })
}
