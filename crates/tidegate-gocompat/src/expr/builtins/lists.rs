//! Lists.

use super::super::machine::Means;
use super::super::machine::access::fetch;
use super::super::operate::{compare, equal, integer};
use super::super::sort::{Direction, sort_by};
use super::super::syntax::Binary;
use super::super::types::{Kind, Signature, Type};
use super::super::value::{List, Value};
use super::{Builtin, argument, kind, only, shown, signature, wrong_count};

pub(super) static TABLE: [Builtin; 9] = [
    Builtin::ruled("len", check_len, len),
    Builtin::ruled(
        "first",
        |types| check_end("first", types),
        |_, values| Ok(fetch(argument(values, 0).clone(), &Value::Int(0)).unwrap_or(Value::Nil)),
    ),
    Builtin::ruled(
        "last",
        |types| check_end("last", types),
        |_, values| Ok(fetch(argument(values, 0).clone(), &Value::Int(-1)).unwrap_or(Value::Nil)),
    ),
    Builtin::ruled("take", check_take, take),
    Builtin::ruled(
        "reverse",
        |types| check_list("reverse", types),
        |means, values| {
            let mut items = items("reverse", argument(values, 0))?.to_vec();
            means.keep(items.len())?;
            items.reverse();
            Value::list(items).map_err(|error| error.to_string())
        },
    ),
    Builtin::ruled("uniq", |types| check_list("uniq", types), uniq),
    Builtin::ruled("concat", check_concat, concat),
    Builtin::ruled("flatten", |types| check_list("flatten", types), flatten),
    Builtin::typed("sort", sorting, sort),
];

fn check_len(types: &[Option<Type>]) -> Result<Type, String> {
    let only = only(types)?;
    match kind(only) {
        Kind::Array | Kind::Map | Kind::Slice | Kind::String | Kind::Interface => Ok(Type::Int),
        _ => Err(format!("invalid argument for len (type {})", shown(only))),
    }
}

fn len(means: &mut Means, values: &[Value]) -> Result<Value, String> {
    let length = match argument(values, 0) {
        Value::List(list) => list.items().len(),
        Value::Map(map) => map.entries().len(),
        // Characters, not bytes; a byte that is no UTF-8 counts as one.
        Value::String(text) => {
            means.text(text.bytes().len())?;
            characters(text.bytes())
        }
        Value::Named(named) => characters(named.text().bytes()),
        other => {
            let ty = other.type_text();
            return Err(format!("invalid argument for len (type {ty})"));
        }
    };
    Ok(Value::Int(
        i64::try_from(length).expect("lengths fit into 63 bits"),
    ))
}

fn characters(bytes: &[u8]) -> usize {
    let count =
        |chunk: std::str::Utf8Chunk<'_>| chunk.valid().chars().count() + chunk.invalid().len();
    bytes.utf8_chunks().map(count).sum()
}

fn check_end(name: &str, types: &[Option<Type>]) -> Result<Type, String> {
    let only = only(types)?;
    match (kind(only), only.and_then(Type::element)) {
        (Kind::Interface, _) => Ok(Type::Any),
        (Kind::Slice | Kind::Array, Some(element)) => Ok(element.clone()),
        _ => Err(format!("cannot get {name} element from {}", shown(only))),
    }
}

fn check_take(types: &[Option<Type>]) -> Result<Type, String> {
    let [list, count] = types else {
        return Err(wrong_count("2", types.len()));
    };
    let (list, count) = (list.as_ref(), count.as_ref());
    if !is_list_or_any(kind(list)) {
        return Err(format!("cannot take from {}", shown(list)));
    }
    match kind(count) {
        Kind::Interface | Kind::Int | Kind::Int64 => Ok(list.cloned().unwrap_or(Type::Any)),
        _ => Err(format!("cannot take {} elements", shown(count))),
    }
}

fn is_list_or_any(kind: Kind) -> bool {
    kind.is_list() || kind == Kind::Interface
}

fn take(means: &mut Means, values: &[Value]) -> Result<Value, String> {
    let list = argument(values, 0);
    let Value::List(list) = list else {
        return Err(format!("cannot take from {}", list.kind()));
    };
    let count = match argument(values, 1) {
        unsigned @ (Value::Uint8(_) | Value::Uint64(_)) => {
            return Err(format!("cannot take {} elements", unsigned.kind()));
        }
        Value::Duration(duration) => duration.nanoseconds(),
        other => integer(other).ok_or_else(|| format!("cannot take {} elements", other.kind()))?,
    };
    let length = list.items().len();
    let end = match usize::try_from(count) {
        Ok(count) => count.min(length),
        Err(_) => return Err("reflect.Value.Slice: slice index out of bounds".to_owned()),
    };
    means.steps(end)?;
    Ok(Value::List(list.part(0, end)))
}

fn check_list(name: &str, types: &[Option<Type>]) -> Result<Type, String> {
    let only = only(types)?;
    if is_list_or_any(kind(only)) {
        return Ok(Type::list());
    }
    Err(format!("cannot {name} {}", shown(only)))
}

/// The items of a list, or Go's panic.
fn items<'v>(name: &str, value: &'v Value) -> Result<&'v [Value], String> {
    match value {
        Value::List(list) => Ok(list.items()),
        other => Err(format!("cannot {name} {}", other.kind())),
    }
}

fn uniq(means: &mut Means, values: &[Value]) -> Result<Value, String> {
    let mut kept: Vec<Value> = Vec::new();
    'items: for item in items("uniq", argument(values, 0))? {
        for known in &kept {
            if equal(means, item, known)? {
                continue 'items;
            }
        }
        kept.push(item.clone());
    }
    Value::list(kept).map_err(|error| error.to_string())
}

fn check_concat(types: &[Option<Type>]) -> Result<Type, String> {
    if types.is_empty() {
        return Err(wrong_count("at least 1", 0));
    }
    match types.iter().find(|ty| !is_list_or_any(kind(ty.as_ref()))) {
        None => Ok(Type::list()),
        Some(ty) => Err(format!("cannot concat {}", shown(ty.as_ref()))),
    }
}

fn concat(means: &mut Means, values: &[Value]) -> Result<Value, String> {
    let mut joined = Vec::new();
    for value in values {
        let items = items("concat", value)?;
        means.steps(items.len())?;
        joined.extend_from_slice(items);
    }
    means.keep(joined.len())?;
    if joined.is_empty() {
        return Ok(Value::List(List::nil(Type::list())));
    }
    Value::list(joined).map_err(|error| error.to_string())
}

fn flatten(means: &mut Means, values: &[Value]) -> Result<Value, String> {
    let mut flat = Vec::new();
    flatten_into(means, &mut flat, items("flatten", argument(values, 0))?)?;
    means.keep(flat.len())?;
    Value::list(flat).map_err(|error| error.to_string())
}

fn flatten_into(means: &mut Means, flat: &mut Vec<Value>, items: &[Value]) -> Result<(), String> {
    for item in items {
        means.step()?;
        match item.clone().pointed() {
            Value::List(list) => flatten_into(means, flat, list.items())?,
            other => flat.push(other),
        }
    }
    Ok(())
}

fn sorting() -> Vec<Signature> {
    let list = |element| Type::slice(element);
    let with_order = [Type::Any, Type::Int, Type::Float64, Type::String]
        .map(|element| signature(&[list(element), Type::String], Type::list()));
    let alone = [Type::Any, Type::Float64, Type::String, Type::Int]
        .map(|element| signature(&[list(element)], Type::list()));
    with_order.into_iter().chain(alone).collect()
}

fn sort(means: &mut Means, values: &[Value]) -> Result<Value, String> {
    let direction = match values.get(1) {
        None => Direction::Ascending,
        Some(Value::String(order)) => Direction::of(&order.to_str()).ok_or_else(|| {
            let order = order.to_str();
            format!("invalid order {order}, expected asc or desc")
        })?,
        Some(other) => {
            let ty = other.type_text();
            return Err(format!("sort order argument must be a string (got {ty})"));
        }
    };
    let sortable = [Type::Any, Type::Int, Type::Float64, Type::String].map(Type::slice);
    let items = match argument(values, 0) {
        Value::List(list) if sortable.contains(list.ty()) => list.items().to_vec(),
        // Upstream sorts nothing then.
        _ => return Ok(Value::List(List::nil(Type::list()))),
    };
    means.keep(items.len())?;
    let sorted = sort_by(items, direction, |one, other| {
        means.step()?;
        compare(Binary::Less, one, other)
    })?;
    Value::list(sorted).map_err(|error| error.to_string())
}
