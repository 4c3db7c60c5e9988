//! Times, durations and zones.

use super::super::machine::Means;
use super::super::types::{Signature, Type};
use super::super::value::Value;
use super::{Builtin, argument, signature, text, wrong_count};
use crate::duration;
use crate::time::{RFC_3339, Time, Zone};

pub(super) static TABLE: [Builtin; 4] = [
    Builtin::ruled("now", check_now, |means, values| {
        match argument(values, 0) {
            Value::Location(zone) => Ok(Value::time(means.now().in_zone(zone))),
            _ => Ok(Value::time(means.now().clone())),
        }
    }),
    Builtin::typed("duration", for_duration, |_, values| {
        duration::parse(&text(values, 0)?.to_str())
            .map(Value::Duration)
            .map_err(|error| error.to_string())
    }),
    Builtin::ruled("date", check_date, date),
    Builtin::typed("timezone", for_zone, |_, values| {
        zone(&text(values, 0)?.to_str()).map(Value::Location)
    }),
];

/// Layouts `date` tries in turn if it is given none.
const LAYOUTS: [&str; 7] = [
    "2006-01-02",
    "15:04:05",
    "2006-01-02 15:04:05",
    RFC_3339,
    "02 Jan 06 15:04 MST",
    "Monday, 02-Jan-06 15:04:05 MST",
    "Mon, 02 Jan 2006 15:04:05 MST",
];

fn for_duration() -> Vec<Signature> {
    vec![signature(&[Type::String], Type::Duration)]
}

fn for_zone() -> Vec<Signature> {
    vec![signature(&[Type::String], Type::Location)]
}

fn check_now(types: &[Option<Type>]) -> Result<Type, String> {
    match types {
        [] | [Some(Type::Location)] => Ok(Type::Time),
        _ => Err(wrong_count("0", types.len())),
    }
}

fn check_date(types: &[Option<Type>]) -> Result<Type, String> {
    let given = match types {
        [] => return Err(wrong_count("at least 1", 0)),
        [Some(Type::Location), rest @ ..] => rest.len(),
        all => all.len(),
    };
    if given > 3 {
        return Err(wrong_count("at most 3", given));
    }
    Ok(Type::Time)
}

fn zone(name: &str) -> Result<Zone, String> {
    Zone::named(name).map_err(|error| error.to_string())
}

fn date(_: &mut Means, values: &[Value]) -> Result<Value, String> {
    let (given_zone, values) = match values {
        [Value::Location(zone), rest @ ..] => (Some(zone.clone()), rest),
        all => (None, all),
    };
    if values.is_empty() {
        return Err("runtime error: index out of range [0] with length 0".to_owned());
    }
    let date = text(values, 0)?.to_str();
    let read = |layout: &str, zone: &Zone| {
        Time::parse(layout, &date, zone)
            .map(Value::time)
            .map_err(|error| error.to_string())
    };
    let default_zone = given_zone.unwrap_or(Zone::Utc);
    match values.len() {
        1 => LAYOUTS
            .iter()
            .find_map(|layout| read(layout, &default_zone).ok())
            .ok_or_else(|| format!("invalid date {date}")),
        2 => read(&text(values, 1)?.to_str(), &default_zone),
        _ => {
            let layout = text(values, 1)?.to_str();
            read(&layout, &zone(&text(values, 2)?.to_str())?)
        }
    }
}
