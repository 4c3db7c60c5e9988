//! Questions to Kubernetes' libraries.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_api::{
    int_or_percent::{Rounding, scaled, scaled_any_text, whole},
    int_or_string::IntOrString,
    meta::LabelSelector,
    names,
    quantity::Quantity,
    safe_hash,
    selector::{self, Selector},
    shape::{INT_OR_STRING, QUANTITY, TIME, encode},
};
use tidegate_gocompat::{
    fnv,
    number::print_float,
    time::{RFC_3339, Time, Zone},
};

use super::{super::cases::Case, Answer, or_error};

pub(super) fn int_or_percent(case: &Case) -> Result<Answer> {
    let encoded = encode(&INT_OR_STRING, case.written("value")?);
    if let Some(error) = encoded.error {
        return Ok(Err(error.to_string()));
    }
    let value: IntOrString = serde_json::from_str(&encoded.text)?;
    let total = case.value["total"].as_i64().context("no total")?;
    Ok(Ok(json!({
        "up": or_error(scaled(&value, total, Rounding::Up)),
        "down": or_error(scaled(&value, total, Rounding::Down)),
        "oldUp": or_error(scaled_any_text(&value, total, Rounding::Up)),
        "oldDown": or_error(scaled_any_text(&value, total, Rounding::Down)),
        "string": value.to_string(),
        "intValue": whole(&value),
        "json": encoded.text,
    })))
}

pub(super) fn quantity(case: &Case) -> Result<Answer> {
    let encoded = encode(&QUANTITY, case.written("value")?);
    if let Some(error) = encoded.error {
        return Ok(Err(error.to_string()));
    }
    let text = match &case.value["value"] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            let mut text = String::new();
            tidegate_gocompat::json::write_raw(case.written("value")?, &mut text);
            Some(text)
        }
    };
    let quantity = match &text {
        None => Quantity::default(),
        Some(text) => Quantity::parse(text)?,
    };
    // Null is a zero without any notation.
    let format = text.as_ref().map_or("", |_| quantity.format().name());
    Ok(Ok(json!({
        "json": encoded.text,
        "string": quantity.to_string(),
        "format": format,
        "value": quantity.units().to_string(),
        "milli": quantity.thousandths().to_string(),
        "sign": quantity.sign(),
        "dec": quantity.decimal(),
        "float": print_float(quantity.approximate()),
    })))
}

pub(super) fn quantities(case: &Case) -> Result<Answer> {
    let (first, second) = (
        Quantity::parse(case.text("a")?)?,
        Quantity::parse(case.text("b")?)?,
    );
    Ok(Ok(json!({
        "cmp": match first.cmp(&second) {
            std::cmp::Ordering::Less => -1,
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Greater => 1,
        },
        "equal": first == second,
        "sum": first.plus(&second).to_string(),
        "difference": first.minus(&second).to_string(),
    })))
}

/// Times with parts of seconds (`MicroTime`) stand in Leases; they take exactly six digits.
const MICROSECONDS: &str = "2006-01-02T15:04:05.000000Z07:00";

pub(super) fn time(case: &Case) -> Result<Answer> {
    let encoded = encode(&TIME, case.written("value")?);
    let given = case.value["value"].as_str();
    let time = if let Some(error) = encoded.error {
        json!({"error": error.to_string()})
    } else {
        // Null is the zero time.
        let text = given.unwrap_or("0001-01-01T00:00:00Z");
        let time = Time::parse(RFC_3339, text, &Zone::Utc)?;
        json!({
            "json": encoded.text,
            "unix": time.unix_seconds(),
            "zero": time.is_zero(),
            "string": time.in_zone(&Zone::Utc).format(RFC_3339),
        })
    };
    Ok(Ok(
        json!({"time": time, "microTime": micro_time(&case.value["value"])}),
    ))
}

fn micro_time(value: &Value) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::String(text) => or_error(Time::parse(MICROSECONDS, text, &Zone::Utc).map(|time| {
            let time = time.in_zone(&Zone::Utc);
            format!("\"{}\"", time.format(MICROSECONDS))
        })),
        Value::Bool(_) => not_a_text("bool"),
        Value::Number(_) => not_a_text("number"),
        Value::Array(_) => not_a_text("array"),
        Value::Object(_) => not_a_text("object"),
    }
}

fn not_a_text(found: &str) -> Value {
    json!({"error": format!("json: cannot unmarshal {found} into Go value of type string")})
}

/// The labels for which the answers say whether they match.
const LABELS: [&[(&str, &str)]; 7] = [
    &[],
    &[("a", "1")],
    &[("a", "2"), ("b", "x")],
    &[("b", "")],
    &[("a", ""), ("c/d", "e")],
    &[("n", "10")],
    &[("n", "x")],
];

fn matches(matches: impl Fn(&BTreeMap<String, String>) -> bool) -> Value {
    let sets = LABELS.iter().map(|labels| {
        let labels = labels.iter();
        let labels = labels.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        matches(&labels.collect())
    });
    sets.collect()
}

pub(super) fn parsed_selector(case: &Case) -> Result<Answer> {
    let selector = Selector::parse(case.text("text")?);
    Ok(selector
        .map(|selector| described(&selector))
        .map_err(|error| error.to_string()))
}

fn described(selector: &Selector) -> Value {
    json!({
        "string": selector.to_string(),
        "empty": selector.is_empty(),
        "matches": matches(|labels| selector.matches(labels)),
    })
}

pub(super) fn manifest_selector(case: &Case) -> Result<Answer> {
    let given = Option::<LabelSelector>::deserialize(&case.value["selector"])?;
    let mut answer = match given.as_ref().map(Selector::from_manifest) {
        None => json!({"string": "", "empty": false, "matches": matches(|_| false)}),
        Some(Ok(selector)) => described(&selector),
        Some(Err(error)) => json!({"error": error.to_string()}),
    };
    answer["format"] = json!(selector::format(given.as_ref()));
    Ok(Ok(answer))
}

pub(super) fn hash(case: &Case) -> Result<Answer> {
    let text = case.text("text")?;
    Ok(Ok(json!({
        "fnv32a": fnv::hash(text.as_bytes()),
        "safe": safe_hash::of_bytes(text.as_bytes()),
        "safeOfText": safe_hash::encode_text(text),
    })))
}

pub(super) fn name(case: &Case) -> Result<Answer> {
    let text = case.text("text")?;
    let faults = |check: fn(&str) -> Vec<String>| match check(text) {
        faults if faults.is_empty() => Value::Null,
        faults => json!(faults),
    };
    Ok(Ok(json!({
        "dnsLabel": faults(names::dns_label_faults),
        "dnsSubdomain": faults(names::dns_subdomain_faults),
        "dns1035Label": faults(names::dns_1035_label_faults),
        "qualifiedName": faults(names::qualified_name_faults),
        "labelValue": faults(names::label_value_faults),
        "portName": faults(names::port_name_faults),
        "prefix": faults(names::name_prefix_faults),
        "headerName": faults(names::header_name_faults),
    })))
}
