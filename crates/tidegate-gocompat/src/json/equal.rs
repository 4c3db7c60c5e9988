//! Whether two values mean the same once they are read into a type: nothing and nothing in it are
//! alike, types that read themselves say it themselves.

use super::{
    encode::{as_bool, as_integer, as_text, is_given, mismatch, with_scalar},
    shape::{Field, Kind, Rule},
    text::write_raw,
    tree::{Tree, View},
};

/// Whether two values mean the same. A list that is missing equals an empty one; a pointer that is not
/// given differs from one to a zero value. What does not fit its type counts as not given.
pub fn equal<A: Tree, B: Tree>(kind: &Kind, first: &A, second: &B) -> bool {
    alike(
        kind,
        fitting(kind, Some(first)),
        fitting(kind, Some(second)),
    )
}

fn alike<A: Tree, B: Tree>(kind: &Kind, first: Option<&A>, second: Option<&B>) -> bool {
    match kind {
        Kind::Bool => as_bool(first) == as_bool(second),
        Kind::Int32 | Kind::Int64 => as_integer(first) == as_integer(second),
        Kind::Text(_) => as_text(first) == as_text(second),
        Kind::Raw => raw(first) == raw(second),
        Kind::Own(own) => with_scalar(first, |first| {
            with_scalar(second, |second| (own.equal)(first, second))
        }),
        Kind::Pointer(target) => {
            first.is_some() == second.is_some() && alike(target, first, second)
        }
        Kind::List(item) => {
            let (first, second) = (items(first), items(second));
            first.len() == second.len()
                && first.iter().zip(second).all(|(first, second)| {
                    alike(
                        item,
                        fitting(item, Some(first)),
                        fitting(item, Some(second)),
                    )
                })
        }
        Kind::Map(value) => maps_are_alike(value, first, second),
        Kind::Struct(of) => fields_are_alike(of.fields, first, second),
    }
}

fn fields_are_alike<A: Tree, B: Tree>(
    fields: &[Field],
    first: Option<&A>,
    second: Option<&B>,
) -> bool {
    fields.iter().all(|field| match (field.rule, &field.kind) {
        (Rule::Inline, Kind::Struct(of)) => fields_are_alike(of.fields, first, second),
        (_, kind) => alike(
            kind,
            fitting(kind, first.and_then(|tree| tree.member(field.name))),
            fitting(kind, second.and_then(|tree| tree.member(field.name))),
        ),
    })
}

fn maps_are_alike<A: Tree, B: Tree>(value: &Kind, first: Option<&A>, second: Option<&B>) -> bool {
    let (keys, others) = (keys(first), keys(second));
    keys == others
        && keys.iter().all(|key| {
            alike(
                value,
                fitting(value, first.and_then(|tree| tree.member(key))),
                fitting(value, second.and_then(|tree| tree.member(key))),
            )
        })
}

fn keys<T: Tree>(map: Option<&T>) -> Vec<&str> {
    let mut keys: Vec<&str> = map
        .map(Tree::members)
        .unwrap_or_default()
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn items<T: Tree>(list: Option<&T>) -> &[T] {
    match list.map(Tree::view) {
        Some(View::List(items)) => items,
        _ => &[],
    }
}

fn raw<T: Tree>(given: Option<&T>) -> Option<String> {
    given.map(|tree| {
        let mut out = String::new();
        write_raw(tree, &mut out);
        out
    })
}

/// The value if it is given and fits its type.
fn fitting<'a, T: Tree>(kind: &Kind, given: Option<&'a T>) -> Option<&'a T> {
    given.filter(|tree| mismatch(kind, *tree).is_none() && is_given(kind, *tree))
}
