//! Comparing in filters, as Go's templates compare: only like with like.

use std::cmp::Ordering;

use crate::expr::Value;

/// What can be compared.
enum Basic<'v> {
    Bool(bool),
    Int(i64),
    /// A byte of a text.
    Byte(u8),
    Float(f64),
    Text(&'v [u8]),
}

/// Neither side may be nothing, a list or an object.
const BAD_TYPE: &str = "invalid type for comparison";
/// Both sides must be of one kind.
const DIFFERENT: &str = "incompatible types for comparison";

/// Whether the comparison holds; `None` if there is no such operator.
///
/// # Errors
/// If the values cannot be compared in this way.
pub(super) fn compare(
    operator: &str,
    left: &Value,
    right: &Value,
) -> Option<Result<bool, &'static str>> {
    Some(match operator {
        "==" => equal(left, right),
        "!=" => equal(left, right).map(|equal| !equal),
        "<" => order(left, right).map(|order| order == Some(Ordering::Less)),
        ">=" => order(left, right).map(|order| order != Some(Ordering::Less)),
        "<=" => order(left, right).map(is_less_or_equal),
        ">" => order(left, right).map(|order| !is_less_or_equal(order)),
        _ => return None,
    })
}

fn is_less_or_equal(order: Option<Ordering>) -> bool {
    matches!(order, Some(Ordering::Less | Ordering::Equal))
}

fn equal(left: &Value, right: &Value) -> Result<bool, &'static str> {
    Ok(match (basic(left)?, basic(right)?) {
        (Basic::Bool(left), Basic::Bool(right)) => left == right,
        (left, right) => order_of(&left, &right)? == Some(Ordering::Equal),
    })
}

fn order(left: &Value, right: &Value) -> Result<Option<Ordering>, &'static str> {
    let (left, right) = (basic(left)?, basic(right)?);
    if matches!((&left, &right), (Basic::Bool(_), Basic::Bool(_))) {
        return Err(BAD_TYPE);
    }
    order_of(&left, &right)
}

fn order_of(left: &Basic<'_>, right: &Basic<'_>) -> Result<Option<Ordering>, &'static str> {
    Ok(match (left, right) {
        (Basic::Int(left), Basic::Int(right)) => Some(left.cmp(right)),
        (Basic::Byte(left), Basic::Byte(right)) => Some(left.cmp(right)),
        (Basic::Int(left), Basic::Byte(right)) => Some(left.cmp(&i64::from(*right))),
        (Basic::Byte(left), Basic::Int(right)) => Some(i64::from(*left).cmp(right)),
        (Basic::Float(left), Basic::Float(right)) => left.partial_cmp(right),
        (Basic::Text(left), Basic::Text(right)) => Some(left.cmp(right)),
        (Basic::Bool(_) | Basic::Int(_) | Basic::Byte(_) | Basic::Float(_) | Basic::Text(_), _) => {
            return Err(DIFFERENT);
        }
    })
}

fn basic(value: &Value) -> Result<Basic<'_>, &'static str> {
    Ok(match value {
        Value::Bool(flag) => Basic::Bool(*flag),
        Value::Int(int) => Basic::Int(*int),
        Value::Uint8(byte) => Basic::Byte(*byte),
        Value::Float(float) => Basic::Float(*float),
        Value::String(text) => Basic::Text(text.bytes()),
        // The last ones are not to be had from JSON.
        Value::Nil
        | Value::List(_)
        | Value::Map(_)
        | Value::Int64(_)
        | Value::Uint64(_)
        | Value::Time(_)
        | Value::Duration(_)
        | Value::Month(_)
        | Value::Weekday(_)
        | Value::Location(_)
        | Value::Pointer(_)
        | Value::Struct(_)
        | Value::Named(_)
        | Value::Function(_) => return Err(BAD_TYPE),
    })
}
