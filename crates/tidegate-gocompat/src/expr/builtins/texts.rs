//! Texts.

use super::super::machine::Means;
use super::super::operate::{find, find_all, find_last, to_int};
use super::super::types::{Signature, Type};
use super::super::value::{List, Text, Value, conversion_error};
use super::{Builtin, argument, signature, text};

pub(super) static TABLE: [Builtin; 14] = [
    Builtin::typed("trim", one_or_two, trim),
    Builtin::typed("trimPrefix", two_or_one, |_, values| {
        let (prefix, text) = (affix(values)?, text(values, 0)?);
        let bytes = text.bytes();
        let rest = bytes.strip_prefix(prefix.bytes()).unwrap_or(bytes);
        Ok(Value::String(Text::from(rest)))
    }),
    Builtin::typed("trimSuffix", two_or_one, |_, values| {
        let (suffix, text) = (affix(values)?, text(values, 0)?);
        let bytes = text.bytes();
        let rest = bytes.strip_suffix(suffix.bytes()).unwrap_or(bytes);
        Ok(Value::String(Text::from(rest)))
    }),
    Builtin::typed("upper", one, |means, values| {
        map_characters(means, values, |character| {
            single(character.to_uppercase()).unwrap_or(character)
        })
    }),
    Builtin::typed("lower", one, |means, values| {
        map_characters(means, values, |character| {
            // Only the dotted capital I becomes two, of which Go takes the first.
            character.to_lowercase().next().unwrap_or(character)
        })
    }),
    Builtin::typed("split", splitting, |means, values| {
        split(means, values, Separators::Dropped)
    }),
    Builtin::typed("splitAfter", splitting, |means, values| {
        split(means, values, Separators::Kept)
    }),
    Builtin::typed("replace", replacing, replace),
    Builtin::typed("repeat", repeating, repeat),
    Builtin::typed("join", joining, join),
    Builtin::typed("indexOf", finding, |means, values| {
        position(means, values, find)
    }),
    Builtin::typed("lastIndexOf", finding, |means, values| {
        position(means, values, find_last)
    }),
    Builtin::typed("hasPrefix", asking, |_, values| {
        let (text, prefix) = (text(values, 0)?, text(values, 1)?);
        Ok(Value::Bool(text.bytes().starts_with(prefix.bytes())))
    }),
    Builtin::typed("hasSuffix", asking, |_, values| {
        let (text, suffix) = (text(values, 0)?, text(values, 1)?);
        Ok(Value::Bool(text.bytes().ends_with(suffix.bytes())))
    }),
];

const STRING: Type = Type::String;

fn one() -> Vec<Signature> {
    vec![signature(&[STRING], STRING)]
}

fn one_or_two() -> Vec<Signature> {
    vec![
        signature(&[STRING], STRING),
        signature(&[STRING, STRING], STRING),
    ]
}

fn two_or_one() -> Vec<Signature> {
    vec![
        signature(&[STRING, STRING], STRING),
        signature(&[STRING], STRING),
    ]
}

fn splitting() -> Vec<Signature> {
    let strings = || Type::slice(STRING);
    vec![
        signature(&[STRING, STRING], strings()),
        signature(&[STRING, STRING, Type::Int], strings()),
    ]
}

fn replacing() -> Vec<Signature> {
    vec![
        signature(&[STRING, STRING, STRING, Type::Int], STRING),
        signature(&[STRING, STRING, STRING], STRING),
    ]
}

fn repeating() -> Vec<Signature> {
    vec![signature(&[STRING, Type::Int], STRING)]
}

fn joining() -> Vec<Signature> {
    let strings = || Type::slice(STRING);
    vec![
        signature(&[strings(), STRING], STRING),
        signature(&[Type::list(), STRING], STRING),
        signature(&[Type::list()], STRING),
        signature(&[strings(), STRING], STRING),
        signature(&[strings()], STRING),
    ]
}

fn finding() -> Vec<Signature> {
    vec![signature(&[STRING, STRING], Type::Int)]
}

fn asking() -> Vec<Signature> {
    vec![signature(&[STRING, STRING], Type::Bool)]
}

/// The second argument, a blank if there is none.
fn affix(values: &[Value]) -> Result<Text, String> {
    match values.get(1) {
        Some(_) => text(values, 1).cloned(),
        None => Ok(Text::from(" ")),
    }
}

/// The only character of a case mapping; Go has no others.
fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    let first = characters.next()?;
    characters.next().is_none().then_some(first)
}

fn map_characters(
    means: &mut Means,
    values: &[Value],
    map: fn(char) -> char,
) -> Result<Value, String> {
    let text = text(values, 0)?;
    means.text(text.bytes().len())?;
    let mapped: String = text.to_str().chars().map(map).collect();
    Ok(Value::text(&mapped))
}

fn trim(means: &mut Means, values: &[Value]) -> Result<Value, String> {
    let text_to_trim = text(values, 0)?;
    means.text(text_to_trim.bytes().len())?;
    let plain = text_to_trim.to_str();
    if values.len() < 2 {
        return Ok(Value::text(plain.trim()));
    }
    let cut = text(values, 1)?.to_str();
    means.text(plain.len().saturating_mul(cut.len()))?;
    Ok(Value::text(plain.trim_matches(|c: char| cut.contains(c))))
}

/// What becomes of the separators.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Separators {
    Dropped,
    Kept,
}

fn split(means: &mut Means, values: &[Value], separators: Separators) -> Result<Value, String> {
    let (whole, separator) = (text(values, 0)?.bytes(), text(values, 1)?.bytes());
    let limit = match values.get(2) {
        Some(limit) => to_int(limit)?,
        None => -1,
    };
    if limit == 0 {
        return Ok(Value::List(List::nil(Type::slice(STRING))));
    }
    // A negative limit is none.
    let cuts = usize::try_from(limit - 1).unwrap_or(usize::MAX);
    means.text(whole.len())?;
    let places = cut_places(means, whole, separator, cuts);
    let mut parts = Vec::with_capacity(places.len() + 1);
    let mut start = 0;
    for place in places {
        means.step()?;
        let after = place + separator.len();
        let end = match separators {
            Separators::Dropped => place,
            Separators::Kept => after,
        };
        parts.push(Value::String(Text::from(&whole[start..end])));
        start = after;
    }
    // A text without characters has none to be split into.
    if !(separator.is_empty() && whole.is_empty()) {
        parts.push(Value::String(Text::from(&whole[start..])));
    }
    Ok(Value::List(List::flat(STRING, parts)))
}

/// Where separators begin, at most `limit` of them; an empty one stands between any two characters.
fn cut_places(means: &Means, whole: &[u8], separator: &[u8], limit: usize) -> Vec<usize> {
    // One more than the budget allows, so that the budget is found to be exceeded.
    let limit = limit.min(means.steps_left().saturating_add(1));
    if !separator.is_empty() {
        return find_all(whole, separator, limit);
    }
    let mut places = Vec::new();
    let mut place = 0;
    while places.len() < limit {
        place += first_character(&whole[place..]);
        if place >= whole.len() {
            break;
        }
        places.push(place);
    }
    places
}

/// How many bytes the first character has; a byte that is no UTF-8 is one.
fn first_character(bytes: &[u8]) -> usize {
    let start = &bytes[..bytes.len().min(4)];
    let valid = start.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    valid.chars().next().map_or(1, char::len_utf8)
}

fn replace(means: &mut Means, values: &[Value]) -> Result<Value, String> {
    let (whole, old) = (text(values, 0)?.bytes(), text(values, 1)?.bytes());
    let new = text(values, 2)?.bytes();
    let limit = match values.get(3) {
        Some(limit) => usize::try_from(to_int(limit)?).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    means.text(whole.len())?;
    let mut places = cut_places(means, whole, old, limit);
    if old.is_empty() {
        // Nothing is found at both ends, too.
        places.insert(0, 0);
        if !whole.is_empty() {
            places.push(whole.len());
        }
        places.truncate(limit);
    }
    let mut out = Vec::new();
    let mut start = 0;
    for place in places {
        means.step()?;
        means.text(place - start + new.len())?;
        out.extend_from_slice(&whole[start..place]);
        out.extend_from_slice(new);
        start = place + old.len();
    }
    out.extend_from_slice(&whole[start..]);
    Ok(Value::String(Text::from(out)))
}

fn repeat(means: &mut Means, values: &[Value]) -> Result<Value, String> {
    const MAX_REPEAT: i64 = 1_000_000;

    let text = text(values, 0)?;
    let count = to_int(argument(values, 1))?;
    if count > MAX_REPEAT {
        return Err("memory budget exceeded".to_owned());
    }
    let count = usize::try_from(count).map_err(|_| {
        format!("invalid argument for repeat (expected positive integer, got {count})")
    })?;
    means.keep(text.bytes().len().saturating_mul(count))?;
    Ok(Value::String(Text::from(text.bytes().repeat(count))))
}

fn join(means: &mut Means, values: &[Value]) -> Result<Value, String> {
    let glue = match values.get(1) {
        Some(_) => text(values, 1)?.clone(),
        None => Text::from(""),
    };
    let list = match argument(values, 0) {
        Value::List(list) if [Type::list(), Type::slice(STRING)].contains(list.ty()) => list,
        Value::Nil => return Err("invalid argument for join (type %!s(<nil>))".to_owned()),
        other => {
            let ty = other.type_text();
            return Err(format!("invalid argument for join (type {ty})"));
        }
    };
    let mut out = Vec::new();
    for (index, item) in list.items().iter().enumerate() {
        let Value::String(part) = item else {
            return Err(conversion_error(item, "string"));
        };
        means.step()?;
        means.text(part.bytes().len() + glue.bytes().len())?;
        if index > 0 {
            out.extend_from_slice(glue.bytes());
        }
        out.extend_from_slice(part.bytes());
    }
    Ok(Value::String(Text::from(out)))
}

fn position(
    means: &mut Means,
    values: &[Value],
    find: fn(&[u8], &[u8]) -> Option<usize>,
) -> Result<Value, String> {
    let (text, wanted) = (text(values, 0)?, text(values, 1)?);
    means.text(text.bytes().len())?;
    let place = find(text.bytes(), wanted.bytes()).and_then(|place| i64::try_from(place).ok());
    Ok(Value::Int(place.unwrap_or(-1)))
}
