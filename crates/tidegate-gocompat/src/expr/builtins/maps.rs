//! Maps, and `get`, which gives nil where a member fails.

use std::collections::BTreeMap;

use super::super::machine::Means;
use super::super::machine::access::{fetch, look_up, shown as shown_value, unhashable};
use super::super::methods;
use super::super::operate::to_int;
use super::super::types::{Kind, Type};
use super::super::value::{Key, List, Map, Value, conversion_error};
use super::{Builtin, Check, argument, kind, only, shown};

pub(super) static TABLE: [Builtin; 5] = [
    Builtin {
        name: "get",
        check: Check::Get,
        run: get,
    },
    Builtin::ruled(
        "keys",
        |types| check_map("get keys from", "", types),
        |means, values| {
            let map = map_of(argument(values, 0), "get keys from", "")?;
            means.steps(map.entries().len())?;
            to_list(map.entries().keys().map(Key::value).collect())
        },
    ),
    Builtin::ruled(
        "values",
        |types| check_map("get values from", "", types),
        |means, values| {
            let map = map_of(argument(values, 0), "get values from", "")?;
            means.steps(map.entries().len())?;
            to_list(map.entries().values().cloned().collect())
        },
    ),
    Builtin::ruled(
        "toPairs",
        |types| check_map("transform", " to pairs", types),
        to_pairs,
    ),
    Builtin::ruled("fromPairs", check_pairs, from_pairs),
];

fn to_list(items: Vec<Value>) -> Result<Value, String> {
    Value::list(items).map_err(|error| error.to_string())
}

fn check_map(before: &str, after: &str, types: &[Option<Type>]) -> Result<Type, String> {
    let only = only(types)?;
    match kind(only) {
        Kind::Interface | Kind::Map => Ok(Type::list()),
        _ => Err(format!("cannot {before} {}{after}", shown(only))),
    }
}

fn map_of<'v>(value: &'v Value, before: &str, after: &str) -> Result<&'v Map, String> {
    match value {
        Value::Map(map) => Ok(map),
        other => Err(format!("cannot {before} {}{after}", other.kind())),
    }
}

fn get(_: &mut Means, values: &[Value]) -> Result<Value, String> {
    let (base, property) = (argument(values, 0), argument(values, 1));
    if let Value::String(name) = property
        && let Some(method) = methods::bind(base, &name.to_str())
    {
        return Ok(Value::Function(method));
    }
    match base {
        Value::List(_) | Value::String(_) => {
            to_int(property)?;
            Ok(fetch(base.clone(), property).unwrap_or(Value::Nil))
        }
        Value::Map(map) => Ok(look_up(map, property)?.unwrap_or(Value::Nil)),
        Value::Struct(body) => match property {
            Value::String(name) => Ok(body.field(&name.to_str()).cloned().unwrap_or(Value::Nil)),
            other => Err(conversion_error(other, "string")),
        },
        _ => Ok(Value::Nil),
    }
}

fn to_pairs(means: &mut Means, values: &[Value]) -> Result<Value, String> {
    let map = map_of(argument(values, 0), "transform", " to pairs")?;
    means.steps(map.entries().len())?;
    let pairs = map
        .entries()
        .iter()
        .map(|(key, value)| List::new(Type::Pair, vec![key.value(), value.clone()]))
        .map(|pair| pair.map(Value::List))
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    List::new(Type::slice(Type::Pair), pairs)
        .map(Value::List)
        .map_err(|error| error.to_string())
}

fn check_pairs(types: &[Option<Type>]) -> Result<Type, String> {
    let only = only(types)?;
    match kind(only) {
        Kind::Interface | Kind::Slice | Kind::Array => Ok(Type::map(Type::Any, Type::Any)),
        _ => Err(format!("cannot transform {} from pairs", shown(only))),
    }
}

fn from_pairs(means: &mut Means, values: &[Value]) -> Result<Value, String> {
    let list = match argument(values, 0) {
        Value::List(list) => list,
        other => {
            let shown = match other {
                Value::Nil => "<invalid reflect.Value>".to_owned(),
                other => shown_value(other),
            };
            return Err(format!("cannot transform {shown} from pairs"));
        }
    };
    let mut entries = BTreeMap::new();
    for item in list.items() {
        means.step()?;
        let item = item.clone().pointed();
        let Value::List(pair) = &item else {
            return Err(format!("invalid pair {}", shown_value(&item)));
        };
        let [key, value] = pair.items() else {
            return Err(format!("invalid pair length {}", shown_value(&item)));
        };
        let key = Key::of(key, entries.len()).ok_or_else(|| unhashable(key))?;
        entries.insert(key, value.clone());
    }
    Map::new(Type::map(Type::Any, Type::Any), entries)
        .map(Value::Map)
        .map_err(|error| error.to_string())
}
