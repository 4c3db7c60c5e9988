//! Numbers: size, rounding, conversion.

use super::super::machine::Means;
use super::super::operate::{float, integer};
use super::super::types::{Kind, Signature, Type};
use super::super::value::{Text, Value};
use super::{Builtin, argument, kind, only, shown, signature};
use crate::number::{int_of, parse_float, parse_int};

pub(super) static TABLE: [Builtin; 8] = [
    Builtin::ruled("abs", check_abs, abs),
    Builtin::ruled(
        "ceil",
        |types| check_rounding("ceil", types),
        |_, values| round("ceil", f64::ceil, values),
    ),
    Builtin::ruled(
        "floor",
        |types| check_rounding("floor", types),
        |_, values| round("floor", f64::floor, values),
    ),
    Builtin::ruled(
        "round",
        |types| check_rounding("round", types),
        |_, values| round("round", f64::round, values),
    ),
    Builtin::ruled(
        "int",
        |types| check_conversion("int", Type::Int, types),
        int,
    ),
    Builtin::ruled(
        "float",
        |types| check_conversion("float", Type::Float64, types),
        to_float,
    ),
    Builtin::typed("string", one_of_any, string),
    Builtin::typed("type", one_of_any, type_name),
];

fn one_of_any() -> Vec<Signature> {
    vec![signature(&[Type::Any], Type::String)]
}

fn check_abs(types: &[Option<Type>]) -> Result<Type, String> {
    let only = only(types)?;
    match only {
        Some(ty) if is_number_or_any(kind(only)) => Ok(ty.clone()),
        _ => Err(format!("invalid argument for abs (type {})", shown(only))),
    }
}

fn is_number_or_any(kind: Kind) -> bool {
    kind.is_number() || kind == Kind::Interface
}

fn check_rounding(name: &str, types: &[Option<Type>]) -> Result<Type, String> {
    let only = only(types)?;
    if is_number_or_any(kind(only)) {
        return Ok(Type::Float64);
    }
    Err(format!(
        "invalid argument for {name} (type {})",
        shown(only)
    ))
}

fn check_conversion(name: &str, result: Type, types: &[Option<Type>]) -> Result<Type, String> {
    let only = only(types)?;
    if is_number_or_any(kind(only)) || kind(only) == Kind::String {
        return Ok(result);
    }
    Err(format!(
        "invalid argument for {name} (type {})",
        shown(only)
    ))
}

fn abs(_: &mut Means, values: &[Value]) -> Result<Value, String> {
    match argument(values, 0) {
        Value::Float(float) if *float < 0.0 => Ok(Value::Float(-float)),
        Value::Int(int) => Ok(Value::Int(int.wrapping_abs())),
        Value::Int64(int) => Ok(Value::Int64(int.wrapping_abs())),
        value @ (Value::Float(_) | Value::Uint8(_) | Value::Uint64(_)) => Ok(value.clone()),
        other => Err(format!(
            "invalid argument for abs (type {})",
            other.type_text()
        )),
    }
}

fn round(name: &str, rounded: fn(f64) -> f64, values: &[Value]) -> Result<Value, String> {
    let value = argument(values, 0);
    let number = float(value)
        .ok_or_else(|| format!("invalid argument for {name} (type {})", value.type_text()))?;
    Ok(Value::Float(rounded(number)))
}

fn int(_: &mut Means, values: &[Value]) -> Result<Value, String> {
    let value = argument(values, 0);
    if let Some(integer) = integer(value) {
        return Ok(Value::Int(integer));
    }
    match value {
        Value::Float(float) => Ok(Value::Int(int_of(*float))),
        Value::String(text) => {
            let text = text.to_str();
            parse_int(&text)
                .map(Value::Int)
                .map_err(|_| format!("invalid operation: int({text})"))
        }
        Value::Duration(duration) => Ok(Value::Int(duration.nanoseconds())),
        Value::Month(number) | Value::Weekday(number) => Ok(Value::Int(*number)),
        Value::Nil => Err("reflect: call of reflect.Value.Type on zero Value".to_owned()),
        other => Err(format!("invalid operation: int({})", other.type_text())),
    }
}

fn to_float(_: &mut Means, values: &[Value]) -> Result<Value, String> {
    match argument(values, 0) {
        Value::String(text) => {
            let text = text.to_str();
            parse_float(&text)
                .map(Value::Float)
                .map_err(|_| format!("invalid operation: float({text})"))
        }
        other => float(other)
            .map(Value::Float)
            .ok_or_else(|| format!("invalid operation: float({})", other.type_text())),
    }
}

fn string(means: &mut Means, values: &[Value]) -> Result<Value, String> {
    let printed = argument(values, 0)
        .print(means.text_left())
        .map_err(|_| "memory budget exceeded".to_owned())?;
    means.text(printed.len())?;
    Ok(Value::String(Text::from(printed)))
}

#[expect(clippy::unnecessary_wraps, reason = "every builtin has this signature")]
fn type_name(_: &mut Means, values: &[Value]) -> Result<Value, String> {
    let Some(ty) = argument(values, 0).type_of() else {
        return Ok(Value::text("nil"));
    };
    if let Some((package, name)) = ty.package_and_name() {
        return Ok(Value::text(&format!("{package}.{name}")));
    }
    Ok(Value::text(match ty.kind() {
        Kind::Bool => "bool",
        Kind::Int | Kind::Int64 => "int",
        Kind::Uint8 | Kind::Uint64 => "uint",
        Kind::Float64 => "float",
        Kind::String => "string",
        Kind::Slice | Kind::Array => "array",
        Kind::Map => "map",
        Kind::Function => "func",
        Kind::Struct => "struct",
        Kind::Invalid | Kind::Interface | Kind::Pointer => "unknown",
    }))
}
