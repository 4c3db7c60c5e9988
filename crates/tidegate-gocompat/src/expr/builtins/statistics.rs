//! The largest, the smallest, the mean and the median of numbers, which may lie in lists.

use super::super::machine::Means;
use super::super::operate::{compare, float};
use super::super::sort::{Direction, sort_by};
use super::super::syntax::Binary;
use super::super::types::{Kind, Type};
use super::super::value::Value;
use super::{Builtin, kind, shown};
use crate::number::float_of;

pub(super) static TABLE: [Builtin; 4] = [
    Builtin::ruled(
        "max",
        |types| check("max", types),
        |means, values| extreme(means, "max", Binary::Less, values),
    ),
    Builtin::ruled(
        "min",
        |types| check("min", types),
        |means, values| extreme(means, "min", Binary::Greater, values),
    ),
    Builtin::ruled("mean", |types| check("mean", types), mean),
    Builtin::ruled("median", |types| check("median", types), median),
];

/// Upstream takes the first argument's type for the result's if all are numbers, be it true or not.
fn check(name: &str, types: &[Option<Type>]) -> Result<Type, String> {
    let Some(first) = types.first() else {
        return Err(format!("not enough arguments to call {name}"));
    };
    for ty in types {
        let kind = kind(ty.as_ref());
        if kind == Kind::Interface || kind.is_list() {
            return Ok(Type::Any);
        }
        if !kind.is_number() {
            let shown = shown(ty.as_ref());
            return Err(format!("invalid argument for {name} (type {shown})"));
        }
    }
    Ok(first.clone().unwrap_or(Type::Any))
}

fn invalid(name: &str, value: &Value) -> String {
    let ty = value.type_text();
    format!("invalid argument for {name} (type {ty})")
}

/// The value that no other `exceeds`, where `exceeds(best, other)` says that the other is better.
fn extreme(
    means: &mut Means,
    name: &str,
    exceeds: Binary,
    values: &[Value],
) -> Result<Value, String> {
    let mut best = Value::Nil;
    for value in values {
        let candidate = match value {
            Value::List(list) => {
                let is_any = *list.ty() == Type::list();
                let inner = extreme_of_items(means, name, exceeds, (list.items(), is_any))?;
                if inner.is_nil() {
                    continue;
                }
                inner
            }
            number if number.kind().is_number() => number.clone(),
            // Alone, anything else is its own extreme.
            other if values.len() == 1 => return Ok(other.clone()),
            other => return Err(invalid(name, other)),
        };
        means.step()?;
        if best.is_nil() || compare(exceeds, &best, &candidate)? {
            best = candidate;
        }
    }
    Ok(best)
}

fn extreme_of_items(
    means: &mut Means,
    name: &str,
    exceeds: Binary,
    (items, is_any): (&[Value], bool),
) -> Result<Value, String> {
    let mut best = Value::Nil;
    for item in items {
        means.step()?;
        let candidate = match item {
            Value::List(_) => extreme(means, name, exceeds, std::slice::from_ref(item))?,
            number if float(number).is_some() => number.clone(),
            other => return Err(invalid(name, other)),
        };
        if candidate.is_nil() {
            if is_any {
                continue;
            }
            // Lists of lists other than `[]interface {}` insist on a number from each.
            return Err(invalid(name, &candidate));
        }
        if best.is_nil() || compare(exceeds, &best, &candidate)? {
            best = candidate;
        }
    }
    Ok(best)
}

/// All numbers, those in lists included.
fn numbers(means: &mut Means, name: &str, values: &[Value]) -> Result<Vec<f64>, String> {
    let mut found = Vec::new();
    for value in values {
        means.step()?;
        match value {
            Value::List(list) => found.extend(numbers(means, name, list.items())?),
            Value::Duration(duration) => found.push(float_of(duration.nanoseconds())),
            Value::Month(number) | Value::Weekday(number) => found.push(float_of(*number)),
            other => found.push(float(other).ok_or_else(|| invalid(name, other))?),
        }
    }
    Ok(found)
}

fn mean(means: &mut Means, values: &[Value]) -> Result<Value, String> {
    let mut total = 0.0;
    let mut count = 0;
    mean_of(means, values, (&mut total, &mut count))?;
    if count == 0 {
        return Ok(Value::Float(0.0));
    }
    Ok(Value::Float(total / float_of(count)))
}

/// Adds lists on their own first, as upstream does: sums of floats depend on the order.
fn mean_of(
    means: &mut Means,
    values: &[Value],
    (total, count): (&mut f64, &mut i64),
) -> Result<(), String> {
    for value in values {
        means.step()?;
        match value {
            Value::List(list) => {
                let is_any = *list.ty() == Type::list();
                if is_any
                    || list.ty() == &Type::slice(Type::Float64)
                    || list.ty() == &Type::slice(Type::Int)
                {
                    mean_of(means, list.items(), (total, count))?;
                    continue;
                }
                let mut inner = (0.0, 0);
                mean_of(means, list.items(), (&mut inner.0, &mut inner.1))?;
                *total += inner.0;
                *count += inner.1;
            }
            other => {
                let number = numbers(means, "mean", std::slice::from_ref(other))?;
                *total += number.iter().sum::<f64>();
                *count += 1;
            }
        }
    }
    Ok(())
}

fn median(means: &mut Means, values: &[Value]) -> Result<Value, String> {
    let numbers = numbers(means, "median", values)?;
    // Go puts NaN first.
    let sorted = sort_by(numbers, Direction::Ascending, |one, other| {
        means.step()?;
        Ok(one < other || (one.is_nan() && !other.is_nan()))
    })?;
    let middle = sorted.len() / 2;
    Ok(Value::Float(match sorted.get(middle) {
        None => 0.0,
        Some(upper) if sorted.len() % 2 == 1 => *upper,
        Some(upper) => f64::midpoint(sorted[middle - 1], *upper),
    }))
}
