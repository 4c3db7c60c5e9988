//! Tables as `InfluxDB` sends them: CSV, with lines before the names that say what the columns hold.

use base64::Engine;
use csv::{ReaderBuilder, StringRecord, Trim};
use tidegate_gocompat::{
    duration,
    expr::{List, Type, Value},
    number::{parse_float, parse_int},
    time::{RFC_3339_NANO, Time, Zone},
};

/// The column that holds the value.
const VALUE: &str = "_value";

/// A column of the table that is read.
#[derive(Clone, Default)]
struct Column {
    name: String,
    kind: String,
    default: String,
}

/// Which line comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// A row.
    Row,
    /// The names of the columns, for what they hold was told. Without it they cannot be read.
    Names { has_kinds: bool },
    /// What went wrong.
    Error,
}

/// The values of all rows of all tables.
///
/// # Errors
/// If it is no such table, or tells of an error.
pub(super) fn values(body: &[u8]) -> Result<Vec<Value>, String> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::None)
        .from_reader(body);
    let mut columns: Vec<Column> = Vec::new();
    let mut next = Next::Row;
    let mut values = Vec::new();
    for line in reader.records() {
        let line = line.map_err(|error| format!("parsing error, {error}"))?;
        if line.len() <= 1 {
            continue;
        }
        let annotation = line.get(0).filter(|first| first.starts_with('#'));
        if annotation.is_some() && next == Next::Row {
            columns = vec![Column::default(); line.len() - 1];
            next = Next::Names { has_kinds: false };
        }
        if columns.is_empty() {
            return Err("parsing error, annotations not found".to_owned());
        }
        if line.len() - 1 != columns.len() {
            return Err(format!(
                "parsing error, row has different number of columns than the table: {} vs {}",
                line.len() - 1,
                columns.len()
            ));
        }
        if let Some(annotation) = annotation {
            annotate(&mut columns, annotation, &line);
            if annotation == "#datatype" {
                next = Next::Names { has_kinds: true };
            }
            continue;
        }
        next = match next {
            Next::Names { has_kinds: false } => {
                return Err("parsing error, datatype annotation not found".to_owned());
            }
            Next::Names { has_kinds: true } if line.get(1) == Some("error") => Next::Error,
            Next::Names { has_kinds: true } => {
                name(&mut columns, &line);
                Next::Row
            }
            Next::Error => return Err(told(&line)),
            Next::Row => {
                values.push(row(&columns, &line)?);
                Next::Row
            }
        };
    }
    Ok(values)
}

fn annotate(columns: &mut [Column], annotation: &str, line: &StringRecord) {
    for (column, text) in columns.iter_mut().zip(line.iter().skip(1)) {
        match annotation {
            "#datatype" => text.clone_into(&mut column.kind),
            "#default" => text.clone_into(&mut column.default),
            _ => {}
        }
    }
}

fn name(columns: &mut [Column], line: &StringRecord) {
    for (column, text) in columns.iter_mut().zip(line.iter().skip(1)) {
        text.clone_into(&mut column.name);
    }
}

/// What a table of errors tells.
fn told(line: &StringRecord) -> String {
    let cell = |index| line.get(index).filter(|text| !text.is_empty());
    let message = cell(1).unwrap_or("unknown query error");
    match cell(2) {
        Some(reference) => format!("{message},{reference}"),
        None => message.to_owned(),
    }
}

/// The value of a row; nil if the table has none.
fn row(columns: &[Column], line: &StringRecord) -> Result<Value, String> {
    columns
        .iter()
        .zip(line.iter().skip(1))
        .find(|(column, _)| column.name == VALUE)
        .map_or(Ok(Value::Nil), |(column, text)| {
            read(
                column,
                if text.is_empty() {
                    &column.default
                } else {
                    text
                },
            )
        })
}

fn read(column: &Column, text: &str) -> Result<Value, String> {
    if text.is_empty() {
        return Ok(Value::Nil);
    }
    let wrong = |why: String| format!("{}: {why}", column.name);
    Ok(match column.kind.as_str() {
        "string" => Value::text(text),
        "double" => {
            Value::Float(parse_float(text).map_err(|error| wrong(error.text("ParseFloat", text)))?)
        }
        "long" => {
            Value::Int64(parse_int(text).map_err(|error| wrong(error.text("ParseInt", text)))?)
        }
        "unsignedLong" => Value::Uint64(text.parse().map_err(|_| {
            wrong(format!(
                "strconv.ParseUint: parsing \"{text}\": invalid syntax"
            ))
        })?),
        "boolean" => Value::Bool(!text.eq_ignore_ascii_case("false")),
        "dateTime:RFC3339" | "dateTime:RFC3339Nano" => Value::time(
            Time::parse(RFC_3339_NANO, text, &Zone::Utc)
                .map_err(|error| wrong(error.to_string()))?,
        ),
        "duration" => {
            Value::Duration(duration::parse(text).map_err(|error| wrong(error.to_string()))?)
        }
        "base64Binary" => {
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(text)
                .map_err(|error| wrong(error.to_string()))?;
            let items = bytes.into_iter().map(Value::Uint8).collect();
            let list = List::new(Type::slice(Type::Uint8), items);
            Value::List(list.map_err(|error| wrong(error.to_string()))?)
        }
        kind => return Err(format!("{} has unknown data type {kind}", column.name)),
    })
}
