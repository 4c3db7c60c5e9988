//! Bits of integers.

use super::super::operate::integer;
use super::super::types::{Signature, Type};
use super::super::value::Value;
use super::{Builtin, argument, signature};

pub(super) static TABLE: [Builtin; 8] = [
    Builtin::typed("bitand", two, |_, values| {
        on_two("bitand", values, |one, other| Ok(one & other))
    }),
    Builtin::typed("bitor", two, |_, values| {
        on_two("bitor", values, |one, other| Ok(one | other))
    }),
    Builtin::typed("bitxor", two, |_, values| {
        on_two("bitxor", values, |one, other| Ok(one ^ other))
    }),
    // Go's operator &^ is "and not", whatever the name says.
    Builtin::typed("bitnand", two, |_, values| {
        on_two("bitnand", values, |one, other| Ok(one & !other))
    }),
    Builtin::typed("bitshl", two, |_, values| {
        on_two("bitshl", values, |one, count| {
            Ok(one.checked_shl(shift(count)?).unwrap_or(0))
        })
    }),
    Builtin::typed("bitshr", two, |_, values| {
        on_two("bitshr", values, |one, count| {
            Ok(one >> shift(count)?.min(63))
        })
    }),
    Builtin::typed("bitushr", two, |_, values| {
        on_two("bitushr", values, |one, count| {
            let shifted = one.cast_unsigned().checked_shr(shift(count)?);
            Ok(shifted.unwrap_or(0).cast_signed())
        })
    }),
    Builtin::typed(
        "bitnot",
        || vec![signature(&[Type::Int], Type::Int)],
        |_, values| Ok(Value::Int(!operand("bitnot", argument(values, 0))?)),
    ),
];

fn two() -> Vec<Signature> {
    vec![signature(&[Type::Int, Type::Int], Type::Int)]
}

fn operand(name: &str, value: &Value) -> Result<i64, String> {
    integer(value).ok_or_else(|| {
        let ty = value.type_text();
        format!("cannot use {ty} as argument (type int) to call {name}")
    })
}

fn on_two(
    name: &str,
    values: &[Value],
    combine: fn(i64, i64) -> Result<i64, String>,
) -> Result<Value, String> {
    let one = operand(name, argument(values, 0))?;
    let other = operand(name, argument(values, 1))?;
    combine(one, other).map(Value::Int)
}

/// A count of places; more than there are is as good as all.
fn shift(count: i64) -> Result<u32, String> {
    if count < 0 {
        return Err(format!(
            "invalid operation: negative shift count {count} (type int)"
        ));
    }
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}
