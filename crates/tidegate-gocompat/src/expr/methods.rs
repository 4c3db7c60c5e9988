//! Methods of times, durations and their like.

use std::sync::Arc;

use super::types::{Signature, Type};
use super::value::{Function, Value};
use crate::duration::Duration;
use crate::time::{Time, month_name, weekday_name};

/// What a method does; the arguments fit the parameters.
type Body = fn(&Value, &[Value]) -> Value;

/// A method of a type.
struct Method {
    owner: Type,
    name: &'static str,
    parameters: &'static [Type],
    results: &'static [Type],
    body: Body,
}

/// The signature of a type's method, without the receiver.
pub(super) fn signature(owner: &Type, name: &str) -> Option<Arc<Signature>> {
    let method = find(owner, name)?;
    Some(Arc::new(Signature {
        parameters: method.parameters.to_vec(),
        results: method.results.to_vec(),
    }))
}

/// A method of a value, as a function that remembers the value.
pub(super) fn bind(receiver: &Value, name: &str) -> Option<Function> {
    let method = find(&receiver.type_of()?, name)?;
    let receiver = receiver.clone();
    let body = method.body;
    Some(Function::new(
        method.parameters.to_vec(),
        method.results.first().cloned().unwrap_or(Type::Any),
        move |arguments| Ok(body(&receiver, arguments)),
    ))
}

fn find(owner: &Type, name: &str) -> Option<&'static Method> {
    METHODS
        .iter()
        .find(|method| method.owner == *owner && method.name == name)
}

const fn method(
    owner: Type,
    name: &'static str,
    parameters: &'static [Type],
    results: &'static [Type],
    body: Body,
) -> Method {
    Method {
        owner,
        name,
        parameters,
        results,
        body,
    }
}

/// A method of times that takes nothing.
const fn of_time(name: &'static str, results: &'static [Type], body: Body) -> Method {
    method(Type::Time, name, &[], results, body)
}

/// A method of durations that takes nothing.
const fn of_duration(name: &'static str, results: &'static [Type], body: Body) -> Method {
    method(Type::Duration, name, &[], results, body)
}

const INT: &[Type] = &[Type::Int];
const INT64: &[Type] = &[Type::Int64];
const FLOAT: &[Type] = &[Type::Float64];
const BOOL: &[Type] = &[Type::Bool];
const STRING: &[Type] = &[Type::String];
const TIME: &[Type] = &[Type::Time];
const DURATION: &[Type] = &[Type::Duration];
const THREE: &[Type] = &[Type::Int, Type::Int, Type::Int];

static METHODS: [Method; 46] = [
    of_time("Year", INT, |this, _| Value::Int(time(this).civil().year)),
    of_time("Month", &[Type::Month], |this, _| {
        Value::Month(time(this).civil().month)
    }),
    of_time("Day", INT, |this, _| Value::Int(time(this).civil().day)),
    of_time("Hour", INT, |this, _| Value::Int(time(this).civil().hour)),
    of_time("Minute", INT, |this, _| {
        Value::Int(time(this).civil().minute)
    }),
    of_time("Second", INT, |this, _| {
        Value::Int(time(this).civil().second)
    }),
    of_time("Nanosecond", INT, |this, _| {
        Value::Int(time(this).nanosecond())
    }),
    of_time("Weekday", &[Type::Weekday], |this, _| {
        Value::Weekday(time(this).civil().weekday())
    }),
    of_time("YearDay", INT, |this, _| {
        Value::Int(time(this).civil().year_day())
    }),
    // Results beyond the second are out of an expression's reach: the checker refuses these three-fold ones.
    of_time("Date", THREE, |_, _| Value::Nil),
    of_time("Clock", THREE, |_, _| Value::Nil),
    of_time("ISOWeek", &[Type::Int, Type::Int], |this, _| {
        Value::Int(time(this).iso_week().0)
    }),
    of_time("Zone", &[Type::String, Type::Int], |this, _| {
        Value::text(&time(this).zone_now().0)
    }),
    of_time("Unix", INT64, |this, _| {
        Value::Int64(time(this).unix_seconds())
    }),
    of_time("UnixMilli", INT64, |this, _| {
        let time = time(this);
        let milliseconds = time.unix_seconds().wrapping_mul(1_000);
        Value::Int64(milliseconds.wrapping_add(time.nanosecond() / 1_000_000))
    }),
    of_time("UnixMicro", INT64, |this, _| {
        let time = time(this);
        let microseconds = time.unix_seconds().wrapping_mul(1_000_000);
        Value::Int64(microseconds.wrapping_add(time.nanosecond() / 1_000))
    }),
    of_time("UnixNano", INT64, |this, _| {
        Value::Int64(time(this).unix_nanoseconds())
    }),
    of_time("UTC", TIME, |this, _| {
        Value::time(time(this).in_zone(&crate::time::Zone::Utc))
    }),
    of_time("Local", TIME, |this, _| {
        Value::time(time(this).in_zone(&crate::time::Zone::Utc))
    }),
    of_time("Location", &[Type::Location], |this, _| {
        Value::Location(time(this).zone().clone())
    }),
    of_time("IsZero", BOOL, |this, _| Value::Bool(time(this).is_zero())),
    of_time("String", STRING, |this, _| {
        Value::text(&time(this).to_string())
    }),
    method(Type::Time, "Format", STRING, STRING, |this, arguments| {
        let layout = match arguments {
            [Value::String(layout)] => layout.to_str().into_owned(),
            _ => String::new(),
        };
        Value::text(&time(this).format(&layout))
    }),
    method(
        Type::Time,
        "In",
        &[Type::Location],
        TIME,
        |this, arguments| match arguments {
            [Value::Location(zone)] => Value::time(time(this).in_zone(zone)),
            _ => this.clone(),
        },
    ),
    method(Type::Time, "Add", DURATION, TIME, |this, arguments| {
        Value::time(time(this).plus(duration_at(arguments)))
    }),
    method(Type::Time, "Truncate", DURATION, TIME, |this, arguments| {
        Value::time(time(this).truncated(duration_at(arguments)))
    }),
    method(Type::Time, "Round", DURATION, TIME, |this, arguments| {
        Value::time(time(this).rounded(duration_at(arguments)))
    }),
    method(Type::Time, "Sub", TIME, DURATION, |this, arguments| {
        Value::Duration(time(this).since(&time_at(arguments)))
    }),
    method(Type::Time, "Before", TIME, BOOL, |this, arguments| {
        Value::Bool(time(this).compare(&time_at(arguments)).is_lt())
    }),
    method(Type::Time, "After", TIME, BOOL, |this, arguments| {
        Value::Bool(time(this).compare(&time_at(arguments)).is_gt())
    }),
    method(Type::Time, "Equal", TIME, BOOL, |this, arguments| {
        Value::Bool(time(this).is_same_instant(&time_at(arguments)))
    }),
    method(Type::Time, "Compare", TIME, INT, |this, arguments| {
        let ordering = time(this).compare(&time_at(arguments));
        Value::Int(i64::from(ordering.is_gt()) - i64::from(ordering.is_lt()))
    }),
    method(
        Type::Time,
        "AddDate",
        THREE,
        TIME,
        |this, arguments| match arguments {
            [Value::Int(years), Value::Int(months), Value::Int(days)] => {
                Value::time(time(this).plus_date(*years, *months, *days))
            }
            _ => this.clone(),
        },
    ),
    of_duration("Hours", FLOAT, |this, _| {
        Value::Float(duration(this).hours())
    }),
    of_duration("Minutes", FLOAT, |this, _| {
        Value::Float(duration(this).minutes())
    }),
    of_duration("Seconds", FLOAT, |this, _| {
        Value::Float(duration(this).seconds())
    }),
    of_duration("Milliseconds", INT64, |this, _| {
        Value::Int64(duration(this).nanoseconds() / 1_000_000)
    }),
    of_duration("Microseconds", INT64, |this, _| {
        Value::Int64(duration(this).nanoseconds() / 1_000)
    }),
    of_duration("Nanoseconds", INT64, |this, _| {
        Value::Int64(duration(this).nanoseconds())
    }),
    of_duration("Abs", DURATION, |this, _| {
        Value::Duration(duration(this).absolute())
    }),
    of_duration("String", STRING, |this, _| {
        Value::text(&duration(this).to_string())
    }),
    method(
        Type::Duration,
        "Round",
        DURATION,
        DURATION,
        |this, arguments| Value::Duration(duration(this).rounded(duration_at(arguments))),
    ),
    method(
        Type::Duration,
        "Truncate",
        DURATION,
        DURATION,
        |this, arguments| Value::Duration(duration(this).truncated(duration_at(arguments))),
    ),
    method(Type::Month, "String", &[], STRING, |this, _| match this {
        Value::Month(month) => Value::text(&month_name(*month)),
        _ => Value::text(""),
    }),
    method(Type::Weekday, "String", &[], STRING, |this, _| match this {
        Value::Weekday(weekday) => Value::text(&weekday_name(*weekday)),
        _ => Value::text(""),
    }),
    method(
        Type::Location,
        "String",
        &[],
        STRING,
        |this, _| match this {
            Value::Location(zone) => Value::text(zone.name()),
            _ => Value::text(""),
        },
    ),
];

/// The receiver of a method of times.
fn time(receiver: &Value) -> Time {
    match receiver {
        Value::Time(time) => time.as_ref().clone(),
        // `find` chose the method by the receiver's type.
        _ => Time::from_unix(0, 0),
    }
}

fn time_at(arguments: &[Value]) -> Time {
    time(arguments.first().unwrap_or(&Value::Nil))
}

/// The receiver of a method of durations.
fn duration(receiver: &Value) -> Duration {
    match receiver {
        Value::Duration(duration) => *duration,
        // `find` chose the method by the receiver's type.
        _ => Duration::ZERO,
    }
}

fn duration_at(arguments: &[Value]) -> Duration {
    duration(arguments.first().unwrap_or(&Value::Nil))
}
