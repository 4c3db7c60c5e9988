//! Area `jsonpath`: the web metric's paths, against recorded answers of client-go.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value as Json;
use tidegate_gocompat::expr::Value;
use tidegate_gocompat::json;
use tidegate_gocompat::jsonpath;

use super::{
    Report,
    cases::{Case, check_file},
};

const FILE: &str = "jsonpath.jsonl";

/// Runs the area. Where members of an object come in a random order, all of them are compared, sorted.
pub(crate) fn run(folder: &Path) -> Result<Vec<Report>> {
    Ok(vec![check_file(folder, FILE, check)?])
}

fn check(case: &Case) -> Result<Option<String>> {
    let answer = answer(case)?;
    let path = case.text("path")?;
    let said = |recorded: &dyn std::fmt::Debug, ours: &dyn std::fmt::Debug| {
        Ok(Some(format!(
            "{path}: recorded {recorded:?}, ours {ours:?}"
        )))
    };
    let recorded = case.value.get("error").map(|_| {
        let class = case.value.pointer("/error/class").and_then(Json::as_str);
        let class = class.unwrap_or_default();
        (class, case.error().unwrap_or_default())
    });
    let found = match (&answer, recorded) {
        // Where upstream panics any error will do.
        (Err(_), Some(("panic", _))) => return Ok(None),
        (Err((class, text)), Some(recorded)) if (*class, text.as_str()) == recorded => {
            return Ok(None);
        }
        (Err(error), _) => return said(&recorded.unwrap_or(("", "a value")), error),
        (Ok(found), Some(recorded)) => return said(&recorded, found),
        (Ok(found), None) => found,
    };
    let output = &case.value["output"];
    if case.value.pointer("/extra/unordered").is_some() {
        let mut all: Vec<String> = found
            .iter()
            .flatten()
            .map(text)
            .collect::<Result<_, String>>()
            .map_err(anyhow::Error::msg)?;
        all.sort();
        let mut recorded = Vec::new();
        for text in output["all"].as_array().context("texts")? {
            let text = text.as_str().context("a text")?;
            recorded.push(plain(&serde_json::from_str(text)?));
        }
        recorded.sort();
        return if all == recorded {
            Ok(None)
        } else {
            said(&recorded, &all)
        };
    }
    let first = found.iter().flatten().next().context("a value")?;
    let first = text(first).map_err(anyhow::Error::msg)?;
    let recorded = output["text"].as_str().context("a text")?;
    if first != recorded {
        return said(&recorded, &first);
    }
    let lists: Vec<Vec<String>> = found
        .iter()
        .map(|list| list.iter().map(text).collect())
        .collect::<Result<_, String>>()
        .map_err(anyhow::Error::msg)?;
    let mut recorded = Vec::new();
    for list in output["all"].as_array().context("lists")? {
        let values = list.as_array().context("values")?;
        recorded.push(values.iter().map(plain).collect::<Vec<_>>());
    }
    if lists != recorded {
        return said(&recorded, &lists);
    }
    Ok(None)
}

/// A value as Go prints it, so that texts can be compared.
fn plain(value: &Json) -> String {
    let mut out = String::new();
    json::write_plain(value, &mut out);
    out
}

fn text(value: &Value) -> Result<String, String> {
    value.to_compact_json()
}

/// The values found, or the class of the error and its text.
type Answer = Result<Vec<Vec<Value>>, (&'static str, String)>;

fn answer(case: &Case) -> Result<Answer> {
    let path = match case.text("path")? {
        "" => "{$}",
        path => path,
    };
    let path = match jsonpath::Path::parse(path) {
        Ok(path) => path,
        Err(error) => return Ok(Err(("parse", error.to_string()))),
    };
    let data = case.written("data")?.to_value()?;
    let data = Value::from_json(&data)?;
    let found = match path.find(&data) {
        Ok(found) => found,
        Err(error) => return Ok(Err(("find", error.to_string()))),
    };
    if found.iter().all(Vec::is_empty) {
        return Ok(Err(("none", "no value".to_owned())));
    }
    Ok(Ok(found))
}
