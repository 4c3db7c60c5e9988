//! Tables: what `kubectl get` prints.

mod built_in;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cluster::{
    fields,
    kinds::{Column, Kind, KindId},
};

/// In which form objects are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As they are.
    Whole,
    /// As rows, with this much of each object beside its row.
    Table(Include),
    /// Metadata only.
    Metadata,
}

/// How much of an object stands beside its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Include {
    Metadata,
    Object,
    Nothing,
}

impl Form {
    /// The first form of an `Accept` header that the model has.
    pub(super) fn accepted(accept: &str, include: &str) -> Self {
        for choice in accept.split(',') {
            if choice.contains("as=Table") {
                return Self::Table(match include {
                    "Object" => Include::Object,
                    "None" => Include::Nothing,
                    _ => Include::Metadata,
                });
            }
            if choice.contains("as=PartialObjectMetadata") {
                return Self::Metadata;
            }
            if choice.trim().starts_with("application/json") {
                return Self::Whole;
            }
        }
        Self::Whole
    }
}

/// What a table is about.
pub(super) struct Rows<'a> {
    pub(super) id: KindId,
    pub(super) kind: &'a Kind,
    pub(super) now: Timestamp,
    pub(super) include: Include,
}

/// The metadata of an object as an object.
pub(super) fn metadata_only(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object["metadata"],
    })
}

/// One heading.
struct Heading {
    name: String,
    kind: &'static str,
    format: &'static str,
    priority: i64,
}

impl Heading {
    fn new(name: &str, priority: i64) -> Self {
        let format = if name == "Name" { "name" } else { "" };
        Self {
            name: name.to_owned(),
            kind: "string",
            format,
            priority,
        }
    }
}

/// The table of some objects of one kind.
pub(super) fn of(rows: &Rows<'_>, objects: &[Arc<Value>]) -> Value {
    let headings = headings(rows);
    let definitions: Vec<Value> = headings
        .iter()
        .map(|heading| {
            json!({
                "name": heading.name,
                "type": heading.kind,
                "format": heading.format,
                "priority": heading.priority,
                "description": heading.name,
            })
        })
        .collect();
    let lines: Vec<Value> = objects.iter().map(|object| row(rows, object)).collect();
    let version = match objects {
        [one] => fields::version(one),
        _ => "",
    };
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": definitions,
        "rows": lines,
    })
}

fn headings(rows: &Rows<'_>) -> Vec<Heading> {
    if !rows.kind.is_custom() {
        return built_in::headings(rows.id);
    }
    let mut headings = vec![Heading::new("Name", 0)];
    headings.extend(rows.kind.columns.iter().map(|column| Heading {
        name: column.name.clone(),
        kind: match column.kind.as_str() {
            "integer" => "integer",
            "number" => "number",
            "boolean" => "boolean",
            "date" => "date",
            _ => "string",
        },
        format: "",
        priority: column.priority,
    }));
    headings
}

fn row(rows: &Rows<'_>, object: &Arc<Value>) -> Value {
    let cells = if rows.kind.is_custom() {
        let mut cells = vec![json!(fields::name(object))];
        cells.extend(
            rows.kind
                .columns
                .iter()
                .map(|column| cell(column, object, rows.now)),
        );
        cells
    } else {
        built_in::cells(rows.id, object, rows.now)
    };
    let mut row = json!({"cells": cells});
    match rows.include {
        Include::Nothing => {}
        Include::Metadata => row["object"] = metadata_only(object),
        Include::Object => row["object"] = (**object).clone(),
    }
    row
}

fn cell(column: &Column, object: &Value, now: Timestamp) -> Value {
    let found = column
        .json_path
        .split('.')
        .filter(|name| !name.is_empty())
        .try_fold(object, |value, name| value.get(name));
    match found {
        // A missing count is an empty cell, a missing text too.
        None | Some(Value::Null) => Value::Null,
        Some(value) if column.kind == "date" => json!(age(value.as_str().unwrap_or_default(), now)),
        Some(value) => value.clone(),
    }
}

/// How long ago an instant was, in the two greatest units that say something, as `kubectl` writes it.
pub(super) fn age(instant: &str, now: Timestamp) -> String {
    let Ok(at) = instant.parse::<Timestamp>() else {
        return "<unknown>".to_owned();
    };
    let seconds = now.as_second() - at.as_second();
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let pair = |whole: i64, unit: char, rest: i64, smaller: char| {
        if rest == 0 {
            format!("{whole}{unit}")
        } else {
            format!("{whole}{unit}{rest}{smaller}")
        }
    };
    if seconds < 120 {
        format!("{seconds}s")
    } else if minutes < 10 {
        pair(minutes, 'm', seconds % 60, 's')
    } else if minutes < 180 {
        format!("{minutes}m")
    } else if hours < 8 {
        pair(hours, 'h', minutes % 60, 'm')
    } else if hours < 48 {
        format!("{hours}h")
    } else if hours < 192 {
        pair(days, 'd', hours % 24, 'h')
    } else if days < 730 {
        format!("{days}d")
    } else {
        pair(days / 365, 'y', days % 365, 'd')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_kubectl_writes_them() {
        let now: Timestamp = "2026-01-10T00:00:00Z".parse().unwrap();
        for (then, text) in [
            ("2026-01-09T23:59:30Z", "30s"),
            ("2026-01-09T23:56:30Z", "3m30s"),
            ("2026-01-09T23:30:00Z", "30m"),
            ("2026-01-09T20:30:00Z", "3h30m"),
            ("2026-01-08T12:00:00Z", "36h"),
            ("2026-01-01T00:00:00Z", "9d"),
            ("nonsense", "<unknown>"),
        ] {
            assert_eq!(age(then, now), text);
        }
    }

    #[test]
    fn the_first_form_that_is_known_is_taken() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        assert_eq!(
            Form::accepted(kubectl, "Object"),
            Form::Table(Include::Object)
        );
        assert_eq!(Form::accepted("application/json, */*", ""), Form::Whole);
        assert_eq!(Form::accepted("", ""), Form::Whole);
    }
}
