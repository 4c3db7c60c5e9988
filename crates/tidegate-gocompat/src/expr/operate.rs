//! Operators on values: numbers of all types meet, and everything else only its like.

use std::cmp::Ordering;

use super::machine::Means;
use super::machine::access::look_up;
use super::syntax::Binary;
use super::types::Type;
use super::value::{List, Text, Value, conversion_error};
use crate::duration::Duration;
use crate::number::{float_of, float_of_unsigned, int_of, pow};

/// Go's panic for a map's key of a wrong type.
pub(super) fn wrong_key(key: &Value, wanted: &Type) -> String {
    let ty = key.type_text();
    format!("reflect.Value.MapIndex: value of type {ty} is not assignable to type {wanted}")
}

/// The integer a number of an integer type is; unsigned ones wrap.
pub(super) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int(int) | Value::Int64(int) => Some(*int),
        Value::Uint8(int) => Some(i64::from(*int)),
        Value::Uint64(int) => Some(int.cast_signed()),
        _ => None,
    }
}

/// The float a number of any type is.
pub(super) fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(float) => Some(*float),
        Value::Uint64(int) => Some(float_of_unsigned(*int)),
        other => integer(other).map(float_of),
    }
}

/// The integer a number of any type is, floats cut towards zero, or Go's panic.
pub(super) fn to_int(value: &Value) -> Result<i64, String> {
    match value {
        Value::Float(float) => Ok(int_of(*float)),
        other => {
            integer(other).ok_or_else(|| format!("invalid operation: int({})", other.type_text()))
        }
    }
}

/// Two numbers as they meet: as integers, or as floats if one is.
enum Numbers {
    Integers(i64, i64),
    Floats(f64, f64),
}

impl Numbers {
    fn of(left: &Value, right: &Value) -> Option<Self> {
        match (integer(left), integer(right)) {
            (Some(left), Some(right)) => Some(Self::Integers(left, right)),
            _ => Some(Self::Floats(float(left)?, float(right)?)),
        }
    }
}

/// `-value`
pub(super) fn negate(value: &Value) -> Result<Value, String> {
    match value {
        Value::Int(int) => Ok(Value::Int(int.wrapping_neg())),
        Value::Int64(int) => Ok(Value::Int64(int.wrapping_neg())),
        Value::Uint8(int) => Ok(Value::Uint8(int.wrapping_neg())),
        Value::Uint64(int) => Ok(Value::Uint64(int.wrapping_neg())),
        Value::Float(float) => Ok(Value::Float(-float)),
        other => Err(format!("invalid operation: - {}", other.type_text())),
    }
}

fn invalid(left: &Value, operator: &str, right: &Value) -> String {
    let (left, right) = (left.type_text(), right.type_text());
    format!("invalid operation: {left} {operator} {right}")
}

/// `left == right`
pub(super) fn equal(means: &mut Means, left: &Value, right: &Value) -> Result<bool, String> {
    means.step()?;
    match Numbers::of(left, right) {
        Some(Numbers::Integers(left, right)) => return Ok(left == right),
        Some(Numbers::Floats(left, right)) => return Ok(is_same_float(left, right)),
        None => {}
    }
    match (left, right) {
        (Value::Time(left), Value::Time(right)) => return Ok(left.is_same_instant(right)),
        (Value::List(left), Value::List(right)) if are_plain(left, right) => {
            return equal_items(means, left, right);
        }
        _ => {}
    }
    if left.is_nil() && right.is_nil() {
        return Ok(true);
    }
    deep_equal(means, left, right)
}

#[expect(clippy::float_cmp, reason = "the language compares floats exactly")]
fn is_same_float(left: f64, right: f64) -> bool {
    left == right
}

/// Whether two lists are compared item by item: they are of one plain type, or one is a list of anything.
fn are_plain(left: &List, right: &List) -> bool {
    let is_any = |list: &List| *list.ty() == Type::list();
    let is_plain = |list: &List| match list.ty() {
        Type::Slice(element) => **element == Type::String || element.is_number(),
        _ => false,
    };
    match (is_any(left), is_any(right)) {
        (true, true) => true,
        (true, false) => is_plain(right),
        (false, true) => is_plain(left),
        (false, false) => is_plain(left) && left.ty() == right.ty(),
    }
}

fn equal_items(means: &mut Means, left: &List, right: &List) -> Result<bool, String> {
    if left.items().len() != right.items().len() {
        return Ok(false);
    }
    for (left, right) in left.items().iter().zip(right.items()) {
        if !equal(means, left, right)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Go's `reflect.DeepEqual`: types must be the same, too.
fn deep_equal(means: &mut Means, left: &Value, right: &Value) -> Result<bool, String> {
    means.step()?;
    if left.type_of() != right.type_of() || left.is_nil() != right.is_nil() {
        return Ok(false);
    }
    Ok(match (left, right) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Float(left), Value::Float(right)) => is_same_float(*left, *right),
        (Value::String(left), Value::String(right)) => left == right,
        (Value::Named(left), Value::Named(right)) => left.text() == right.text(),
        (Value::Time(left), Value::Time(right)) => {
            left.is_same_instant(right) && left.zone().name() == right.zone().name()
        }
        (Value::Duration(left), Value::Duration(right)) => left == right,
        (Value::Month(left), Value::Month(right))
        | (Value::Weekday(left), Value::Weekday(right)) => left == right,
        (Value::Location(left), Value::Location(right)) => left.name() == right.name(),
        (Value::List(left), Value::List(right)) => {
            return deep_equal_all(means, left.items(), right.items());
        }
        (Value::Struct(left), Value::Struct(right)) => {
            return deep_equal_all(means, left.fields(), right.fields());
        }
        (Value::Pointer(left), Value::Pointer(right)) => match (left.value(), right.value()) {
            (Some(left), Some(right)) => return deep_equal(means, left, right),
            (left, right) => left.is_none() && right.is_none(),
        },
        (Value::Map(left), Value::Map(right)) => {
            if !left.entries().keys().eq(right.entries().keys()) {
                return Ok(false);
            }
            for (left, right) in left.entries().values().zip(right.entries().values()) {
                if !deep_equal(means, left, right)? {
                    return Ok(false);
                }
            }
            true
        }
        // Functions equal nothing; integers of one type were compared as numbers.
        (left, right) => integer(left).is_some() && integer(left) == integer(right),
    })
}

fn deep_equal_all(means: &mut Means, left: &[Value], right: &[Value]) -> Result<bool, String> {
    if left.len() != right.len() {
        return Ok(false);
    }
    for (left, right) in left.iter().zip(right) {
        if !deep_equal(means, left, right)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `left < right` and its kin.
pub(super) fn compare(operator: Binary, left: &Value, right: &Value) -> Result<bool, String> {
    let ordering = match (Numbers::of(left, right), left, right) {
        (Some(Numbers::Integers(left, right)), _, _) => Some(left.cmp(&right)),
        (Some(Numbers::Floats(left, right)), _, _) => left.partial_cmp(&right),
        (None, Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (None, Value::Time(left), Value::Time(right)) => Some(left.compare(right)),
        (None, Value::Duration(left), Value::Duration(right)) => Some(left.cmp(right)),
        _ => {
            let text = match operator {
                Binary::Less => "<",
                Binary::Greater => ">",
                Binary::LessOrEqual => "<=",
                _ => ">=",
            };
            return Err(invalid(left, text, right));
        }
    };
    // NaN is neither less, nor greater, nor equal.
    Ok(ordering.is_some_and(|ordering| match operator {
        Binary::Less => ordering == Ordering::Less,
        Binary::Greater => ordering == Ordering::Greater,
        Binary::LessOrEqual => ordering != Ordering::Greater,
        _ => ordering != Ordering::Less,
    }))
}

/// `left + right` and its kin.
pub(super) fn arithmetic(
    means: &mut Means,
    operator: Binary,
    left: &Value,
    right: &Value,
) -> Result<Value, String> {
    match operator {
        Binary::Add => add(means, left, right),
        Binary::Subtract => subtract(left, right),
        Binary::Multiply => multiply(left, right),
        Binary::Divide => match (float(left), float(right)) {
            (Some(left), Some(right)) => Ok(Value::Float(left / right)),
            _ => Err(invalid(left, "/", right)),
        },
        Binary::Modulo => match (integer(left), integer(right)) {
            (Some(_), Some(0)) => Err("runtime error: integer divide by zero".to_owned()),
            (Some(left), Some(right)) => Ok(Value::Int(left.wrapping_rem(right))),
            _ => Err(invalid(left, "%", right)),
        },
        _ => {
            let to_float = |value: &Value| {
                float(value)
                    .ok_or_else(|| format!("invalid operation: float({})", value.type_text()))
            };
            Ok(Value::Float(pow(to_float(left)?, to_float(right)?)))
        }
    }
}

fn add(means: &mut Means, left: &Value, right: &Value) -> Result<Value, String> {
    match Numbers::of(left, right) {
        Some(Numbers::Integers(left, right)) => return Ok(Value::Int(left.wrapping_add(right))),
        Some(Numbers::Floats(left, right)) => return Ok(Value::Float(left + right)),
        None => {}
    }
    match (left, right) {
        (Value::String(left), Value::String(right)) => {
            means.text(left.bytes().len() + right.bytes().len())?;
            let joined = [left.bytes(), right.bytes()].concat();
            Ok(Value::String(Text::from(joined)))
        }
        (Value::Time(time), Value::Duration(duration))
        | (Value::Duration(duration), Value::Time(time)) => Ok(Value::time(time.plus(*duration))),
        (Value::Duration(left), Value::Duration(right)) => {
            Ok(nanoseconds(i64::wrapping_add, *left, *right))
        }
        _ => Err(invalid(left, "+", right)),
    }
}

fn subtract(left: &Value, right: &Value) -> Result<Value, String> {
    match Numbers::of(left, right) {
        Some(Numbers::Integers(left, right)) => return Ok(Value::Int(left.wrapping_sub(right))),
        Some(Numbers::Floats(left, right)) => return Ok(Value::Float(left - right)),
        None => {}
    }
    match (left, right) {
        (Value::Time(left), Value::Time(right)) => Ok(Value::Duration(left.since(right))),
        (Value::Time(time), Value::Duration(duration)) => Ok(Value::time(time.minus(*duration))),
        (Value::Duration(left), Value::Duration(right)) => {
            Ok(nanoseconds(i64::wrapping_sub, *left, *right))
        }
        _ => Err(invalid(left, "-", right)),
    }
}

fn multiply(left: &Value, right: &Value) -> Result<Value, String> {
    match Numbers::of(left, right) {
        Some(Numbers::Integers(left, right)) => return Ok(Value::Int(left.wrapping_mul(right))),
        Some(Numbers::Floats(left, right)) => return Ok(Value::Float(left * right)),
        None => {}
    }
    match (left, right) {
        (Value::Duration(left), Value::Duration(right)) => {
            Ok(nanoseconds(i64::wrapping_mul, *left, *right))
        }
        // A float times a duration is a float, whatever the checker says.
        (Value::Duration(duration), Value::Float(float))
        | (Value::Float(float), Value::Duration(duration)) => {
            Ok(Value::Float(float_of(duration.nanoseconds()) * float))
        }
        (Value::Duration(duration), number) | (number, Value::Duration(duration)) => {
            let factor = integer(number).ok_or_else(|| invalid(left, "*", right))?;
            let factor = Duration::from_nanoseconds(factor);
            Ok(nanoseconds(i64::wrapping_mul, *duration, factor))
        }
        _ => Err(invalid(left, "*", right)),
    }
}

fn nanoseconds(combine: fn(i64, i64) -> i64, left: Duration, right: Duration) -> Value {
    let combined = combine(left.nanoseconds(), right.nanoseconds());
    Value::Duration(Duration::from_nanoseconds(combined))
}

/// `needle in haystack`
pub(super) fn is_in(means: &mut Means, needle: &Value, haystack: &Value) -> Result<bool, String> {
    match haystack {
        Value::Nil => Ok(false),
        Value::List(list) => {
            for item in list.items() {
                if equal(means, item, needle)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Value::Map(map) => Ok(look_up(map, needle)?.is_some()),
        Value::Struct(body) => match needle {
            Value::String(name) => Ok(body.field(&name.to_str()).is_some()),
            other => {
                let (needle, haystack) = (other.type_text(), haystack.type_text());
                Err(format!("cannot use {needle} as field name of {haystack}"))
            }
        },
        other => {
            let ty = other.type_text();
            Err(format!("operator \"in\" not defined on {ty}"))
        }
    }
}

/// `text matches pattern`; nil matches nothing.
pub(super) fn matches(means: &mut Means, text: &Value, pattern: &Value) -> Result<bool, String> {
    if text.is_nil() || pattern.is_nil() {
        return Ok(false);
    }
    let Value::String(pattern) = pattern else {
        return Err(conversion_error(pattern, "string"));
    };
    let pattern = means.pattern(pattern.bytes())?;
    let bytes;
    let text = match text {
        Value::String(text) => text.bytes(),
        Value::List(list) if *list.ty() == Type::slice(Type::Uint8) => {
            bytes = list
                .items()
                .iter()
                .filter_map(|item| match item {
                    Value::Uint8(byte) => Some(*byte),
                    _ => None,
                })
                .collect::<Vec<u8>>();
            &bytes
        }
        other => return Err(conversion_error(other, "[]uint8")),
    };
    // The slowest patterns need thousands of comparisons for each byte.
    means.steps(text.len().saturating_mul(8))?;
    Ok(pattern.is_match(text))
}

/// `contains`, `startsWith` and `endsWith`; nil holds nothing and is held by nothing.
pub(super) fn holds_text(
    means: &mut Means,
    operator: Binary,
    left: &Value,
    right: &Value,
) -> Result<bool, String> {
    if left.is_nil() || right.is_nil() {
        return Ok(false);
    }
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        other => Err(conversion_error(other, "string")),
    };
    let (left, right) = (text(left)?, text(right)?);
    means.text(left.bytes().len())?;
    Ok(match operator {
        Binary::StartsWith => left.bytes().starts_with(right.bytes()),
        Binary::EndsWith => left.bytes().ends_with(right.bytes()),
        _ => find(left.bytes(), right.bytes()).is_some(),
    })
}

/// Where `needle` begins in `haystack`, first, in bytes.
pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    search(haystack, needle, |haystack, needle| haystack.find(needle))
}

/// Where `needle` begins in `haystack`, last, in bytes.
pub(super) fn find_last(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    search(haystack, needle, |haystack, needle| haystack.rfind(needle))
}

/// Where `needle` begins in `haystack`, at most `limit` times, in bytes; places do not overlap, and `needle` is not empty.
pub(super) fn find_all(haystack: &[u8], needle: &[u8], limit: usize) -> Vec<usize> {
    if let (Ok(haystack), Ok(needle)) = (std::str::from_utf8(haystack), std::str::from_utf8(needle))
    {
        let places = haystack.match_indices(needle).map(|(place, _)| place);
        return places.take(limit).collect();
    }
    let (haystack, needle) = (widened(haystack), widened(needle));
    let (mut counted, mut count) = (0, 0);
    let places = haystack.match_indices(&*needle).take(limit);
    places
        .map(|(place, _)| {
            count += haystack[counted..place].chars().count();
            counted = place;
            count
        })
        .collect()
}

/// Bytes as characters up to U+00FF: every byte is one character, of one or two bytes.
fn widened(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// Searches bytes with the linear search for texts, also if they are no UTF-8.
fn search(haystack: &[u8], needle: &[u8], find: fn(&str, &str) -> Option<usize>) -> Option<usize> {
    if let (Ok(haystack), Ok(needle)) = (std::str::from_utf8(haystack), std::str::from_utf8(needle))
    {
        return find(haystack, needle);
    }
    let haystack = widened(haystack);
    let place = find(&haystack, &widened(needle))?;
    Some(haystack[..place].chars().count())
}
