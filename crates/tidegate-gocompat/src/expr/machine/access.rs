//! Members, indices and slices of values.

use super::super::methods;
use super::super::operate::{to_int, wrong_key};
use super::super::types::{Kind, Type};
use super::super::value::{Key, List, Map, Text, Value, conversion_error};
use super::Means;
use super::loops::ItemAccess;

/// `base[property]`, or Go's panic.
pub(in crate::expr) fn fetch(base: Value, property: &Value) -> Result<Value, String> {
    if let Value::String(name) = property
        && let Some(method) = methods::bind(&base, &name.to_str())
    {
        return Ok(Value::Function(method));
    }
    let type_text = base.type_text();
    let cannot = || {
        let shown = shown(property);
        Err(format!("cannot fetch {shown} from {type_text}"))
    };
    match base.pointed() {
        Value::List(list) => {
            let index = index(property, list.items().len())?;
            Ok(list.items()[index].clone())
        }
        Value::String(text) => {
            let index = index(property, text.bytes().len())?;
            Ok(Value::Uint8(text.bytes()[index]))
        }
        Value::Map(map) => Ok(look_up(&map, property)?
            .unwrap_or_else(|| Value::zero_of(map.ty().element().unwrap_or(&Type::Any)))),
        Value::Struct(body) => match property {
            Value::String(name) => match body.field(&name.to_str()) {
                Some(value) => Ok(value.clone()),
                None => cannot(),
            },
            other => Err(conversion_error(other, "string")),
        },
        // These are structs without members in Go; a name that is no string is refused first.
        Value::Time(_) | Value::Location(_) if !matches!(property, Value::String(_)) => {
            Err(conversion_error(property, "string"))
        }
        _ => cannot(),
    }
}

/// The place of an index that may count from the end.
fn index(property: &Value, length: usize) -> Result<usize, String> {
    let length = i64::try_from(length).expect("lengths fit into 63 bits");
    let mut index = to_int(property)?;
    if index < 0 {
        index += length;
    }
    usize::try_from(index)
        .ok()
        .filter(|_| index < length)
        .ok_or_else(|| format!("index out of range: {index} (array length is {length})"))
}

/// The entry of a key, or Go's panic if the key is not of the map's type.
pub(in crate::expr) fn look_up(map: &Map, key: &Value) -> Result<Option<Value>, String> {
    let key_type = match map.ty().underlying() {
        Type::Map(types) => &types.key,
        _ => &Type::Any,
    };
    let key = match (key, key_type) {
        (Value::Nil, Type::String) => Key::text(""),
        (Value::String(_), _) | (_, Type::Any) => Key::of(key, usize::MAX).ok_or_else(|| {
            let ty = key.type_text();
            format!("runtime error: hash of unhashable type {ty}")
        })?,
        (other, wanted) => return Err(wrong_key(other, wanted)),
    };
    Ok(map.entries().get(&key).cloned())
}

/// Go's panic for a key of a new entry that cannot be hashed; a look-up's text is another.
pub(in crate::expr) fn unhashable(value: &Value) -> String {
    let ty = value.type_text();
    format!("hash of unhashable type: {ty}")
}

/// The length in items or bytes, or Go's panic.
pub(in crate::expr) fn length(value: &Value) -> Result<i64, String> {
    let length = match value {
        Value::List(list) => list.items().len(),
        Value::Map(map) => map.entries().len(),
        Value::String(text) => text.bytes().len(),
        Value::Named(named) => named.text().bytes().len(),
        other => {
            let ty = other.type_text();
            return Err(format!("invalid argument for len (type {ty})"));
        }
    };
    Ok(i64::try_from(length).expect("lengths fit into 63 bits"))
}

/// `base[from:to]`; bounds count from the end if negative, and are cut to what there is.
pub(super) fn slice(
    means: &mut Means,
    base: Value,
    from: &Value,
    to: &Value,
) -> Result<Value, String> {
    let length = match base.kind() {
        Kind::Slice | Kind::Array | Kind::String => length(&base)?,
        _ => return Err(format!("cannot slice {}", shown(from))),
    };
    let bound = |value: &Value| -> Result<i64, String> {
        let bound = to_int(value)?;
        Ok(if bound < 0 {
            (length + bound).max(0)
        } else {
            bound
        })
    };
    let (from, to) = (bound(from)?, bound(to)?.min(length));
    let place = |bound: i64| usize::try_from(bound).expect("bounds are not negative");
    let (from, to) = (place(from.min(to)), place(to));
    match base {
        Value::List(list) => {
            means.steps(to - from)?;
            Ok(Value::List(list.part(from, to)))
        }
        Value::String(text) => {
            means.text(to - from)?;
            Ok(Value::String(Text::from(&text.bytes()[from..to])))
        }
        Value::Named(named) => Ok(Value::String(Text::from(&named.text().bytes()[from..to]))),
        other => Err(format!("cannot slice {}", other.type_text())),
    }
}

/// A value as `%v` shows it in an error.
pub(in crate::expr) fn shown(value: &Value) -> String {
    const LIMIT: usize = 1_000;
    match value.print(LIMIT) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) => "…".to_owned(),
    }
}

/// What a loop walks over, or Go's panic.
pub(super) fn items(value: Value) -> Result<(List, ItemAccess), String> {
    match value {
        Value::List(list) => Ok((list, ItemAccess::Granted)),
        Value::String(text) => {
            let bytes = text.bytes().iter().copied().map(Value::Uint8).collect();
            Ok((List::flat(Type::Uint8, bytes), ItemAccess::Granted))
        }
        Value::Map(map) => {
            let places = vec![Value::Nil; map.entries().len()];
            Ok((List::flat(Type::Any, places), ItemAccess::Refused))
        }
        Value::Nil => Err("reflect: call of reflect.Value.Len on zero Value".to_owned()),
        other => {
            let kind = other.kind();
            Err(format!(
                "reflect: call of reflect.Value.Len on {kind} Value"
            ))
        }
    }
}
