//! Kubernetes' types that read and write themselves: quantities, times, numbers that may be texts.

use std::fmt::Write as _;

use tidegate_gocompat::{
    json::{
        shape::{Own, Scalar},
        write_text,
    },
    time::{RFC_3339, Time, Zone},
};

use crate::quantity::Quantity;

/// A quantity: a text or a number, always written as a text; null is `0`.
pub(super) static QUANTITY: Own = Own {
    name: "resource.Quantity",
    write: |scalar, out| {
        write_text(&quantity(scalar)?.to_string(), out);
        Ok(())
    },
    is_zero: |scalar| scalar == Scalar::Null,
    equal: |first, second| first == second || quantity(first) == quantity(second),
};

/// A time: whole seconds in UTC; the zero time is null.
pub(super) static TIME: Own = Own {
    name: "v1.Time",
    write: |scalar, out| {
        match time(scalar)? {
            Some(time) => write_text(&time.in_zone(&Zone::Utc).format(RFC_3339), out),
            None => out.push_str("null"),
        }
        Ok(())
    },
    is_zero: |scalar| matches!(time(scalar), Ok(None)),
    equal: |first, second| match (time(first), time(second)) {
        (Ok(Some(first)), Ok(Some(second))) => first.unix_seconds() == second.unix_seconds(),
        (first, second) => matches!(first, Ok(Some(_))) == matches!(second, Ok(Some(_))),
    },
};

/// A number or a text, written as it was given; nothing is `0`.
pub(super) static INT_OR_STRING: Own = Own {
    name: "intstr.IntOrString",
    write: |scalar, out| {
        match scalar {
            Scalar::Text(text) => write_text(text, out),
            Scalar::Null | Scalar::Bool(_) | Scalar::Number(_) | Scalar::List | Scalar::Object => {
                // Writing to a String cannot fail.
                let _ = write!(out, "{}", integer(scalar)?);
            }
        }
        Ok(())
    },
    is_zero: |scalar| matches!(scalar, Scalar::Null | Scalar::Number("0")),
    equal: |first, second| match (first, second) {
        (Scalar::Text(first), Scalar::Text(second)) => first == second,
        (Scalar::Text(_), _) | (_, Scalar::Text(_)) => false,
        (first, second) => integer(first) == integer(second),
    },
};

fn quantity(scalar: Scalar<'_>) -> Result<Quantity, String> {
    let text = match scalar {
        Scalar::Null => return Ok(Quantity::default()),
        Scalar::Text(text) | Scalar::Number(text) => text,
        Scalar::Bool(true) => "true",
        Scalar::Bool(false) => "false",
        Scalar::List => "[]",
        Scalar::Object => "{}",
    };
    Quantity::parse(text).map_err(|error| error.to_string())
}

/// `None` for the zero time.
fn time(scalar: Scalar<'_>) -> Result<Option<Time>, String> {
    match scalar {
        Scalar::Null => Ok(None),
        Scalar::Text(text) => {
            let time =
                Time::parse(RFC_3339, text, &Zone::Utc).map_err(|error| error.to_string())?;
            Ok((!time.is_zero()).then_some(time))
        }
        Scalar::Bool(_) => Err(not_a_text("bool")),
        Scalar::Number(_) => Err(not_a_text("number")),
        Scalar::List => Err(not_a_text("array")),
        Scalar::Object => Err(not_a_text("object")),
    }
}

fn not_a_text(found: &str) -> String {
    format!("json: cannot unmarshal {found} into Go value of type string")
}

fn integer(scalar: Scalar<'_>) -> Result<i32, String> {
    let found = match scalar {
        Scalar::Null => return Ok(0),
        Scalar::Number(text) => match text.parse() {
            Ok(number) => return Ok(number),
            Err(_) => format!("number {text}"),
        },
        Scalar::Bool(_) => "bool".to_owned(),
        Scalar::Text(_) => "string".to_owned(),
        Scalar::List => "array".to_owned(),
        Scalar::Object => "object".to_owned(),
    };
    Err(format!(
        "json: cannot unmarshal {found} into Go value of type int32"
    ))
}
