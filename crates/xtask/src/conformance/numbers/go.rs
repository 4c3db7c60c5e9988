//! Questions to Go's own packages.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tidegate_gocompat::{
    duration::{self, Duration},
    float_format,
    json::{self, print_plain, write_plain, write_text},
    number::{ParseNumberError, int_of, parse_float, parse_int, print_float, print_json_float},
    quote::quote,
};

use super::{super::cases::Case, Answer, or_error};

pub(super) fn parsed_duration(case: &Case) -> Result<Answer> {
    let parsed = duration::parse(case.text("text")?);
    Ok(parsed.map(durations).map_err(|error| error.to_string()))
}

pub(super) fn printed_duration(case: &Case) -> Result<Answer> {
    let nanoseconds = case.text("ns")?.parse()?;
    Ok(Ok(durations(Duration::from_nanoseconds(nanoseconds))))
}

fn durations(length: Duration) -> Value {
    let second = Duration::from_seconds(1);
    let text = duration::print(length);
    let mut json = String::new();
    write_text(&text, &mut json);
    json!({
        "ns": length.nanoseconds().to_string(),
        "string": text,
        "json": json,
        "human": length.human(),
        "short": length.short(),
        "seconds": print_float(length.seconds()),
        "wholeSeconds": length.whole_seconds(),
        "minutes": print_float(length.minutes()),
        "truncated": duration::print(length.truncated(second)),
        "rounded": duration::print(length.rounded(second)),
    })
}

/// Only what lies beyond the largest float is an error of a kind that still gives a value.
pub(super) fn float(case: &Case) -> Result<Answer> {
    let text = case.text("text")?;
    let float = match parse_float(text) {
        Ok(float) => float,
        Err(ParseNumberError::Range) if text.starts_with('-') => f64::NEG_INFINITY,
        Err(ParseNumberError::Range) => f64::INFINITY,
        Err(error) => return Ok(Err(error.text("ParseFloat", text))),
    };
    let unsupported = || format!("json: unsupported value: {}", print_float(float));
    // Go's NaN has another last bit than ours; no text shows it.
    let bits = if float.is_nan() {
        0x7ff8_0000_0000_0001
    } else {
        float.to_bits()
    };
    let mut answer = json!({
        "bits": format!("{bits:016x}"),
        "%v": print_float(float),
        "%f": float_format::fixed(float, 6),
        "%.2f": float_format::fixed(float, 2),
        "%d": float_format::wrong_verb('d', float),
        "%s": float_format::wrong_verb('s', float),
        "f": float_format::plain(float),
        "g": print_float(float),
        "e": float_format::with_exponent(float),
        "json": or_error(print_json_float(float).ok_or_else(unsupported)),
    });
    if float.abs() < 1e18 {
        answer["int64"] = json!(int_of(float).to_string());
    }
    Ok(Ok(answer))
}

pub(super) fn json(case: &Case) -> Result<Answer> {
    let text = case.text("text")?;
    let node = match json::parse(text) {
        Ok(node) => node,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let value = match node.to_value() {
        Ok(value) => value,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let mut out = String::new();
    write_plain(&value, &mut out);
    Ok(Ok(json!({"%v": print_plain(&value), "json": out})))
}

pub(super) fn integer(case: &Case) -> Result<Answer> {
    let text = case.text("text")?;
    let number = parse_int(text);
    let small =
        number.and_then(|number| i32::try_from(number).map_err(|_| ParseNumberError::Range));
    let float = parse_float(text);
    let flag = tidegate_gocompat::number::parse_bool(text);
    Ok(Ok(json!({
        "atoi": or_error(number.map(|number| number.to_string()).map_err(|error| error.text("Atoi", text))),
        "int32": or_error(small.map_err(|error| error.text("ParseInt", text))),
        "float": or_error(float.map(print_float).map_err(|error| error.text("ParseFloat", text))),
        "bool": or_error(flag.map_err(|error| error.text("ParseBool", text))),
    })))
}

pub(super) fn quoted(case: &Case) -> Result<Answer> {
    let text = case.text("text").context("nothing to quote")?;
    let mut json = String::new();
    write_text(text, &mut json);
    let quoted = quote(text.as_bytes());
    Ok(Ok(json!({"quote": quoted, "%q": quoted, "json": json})))
}
