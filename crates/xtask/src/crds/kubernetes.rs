//! Kubernetes' types, as far as manifests of ours hold them: read from the table beside this file.
//!
//! A paragraph is a type, a line is a member: `name[!] type [mark…]`. `!` says that the API server
//! asks for it. Marks are `atomic`, `set` and `key=a,b` (how lists and maps merge) and
//! `default=<JSON>`; `atomic` behind a type's name holds for each use of it. `any` is not checked at
//! all: volumes and containers' resources are left to the Kubernetes version that reads them.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::schema::{Field, Presence, Struct, Type, Types};

/// Puts the table's types beside those that are there.
///
/// # Errors
/// When a line of the table cannot be read.
pub(crate) fn add_to(types: &mut Types) -> Result<()> {
    parse(include_str!("kubernetes.schema"), types)
}

fn parse(table: &str, types: &mut Types) -> Result<()> {
    for paragraph in table.split("\n\n") {
        let mut lines = paragraph.trim_end().lines();
        let head = lines.next().context("an empty paragraph")?;
        let mut object = Struct::default();
        let name = match head.split_once(' ') {
            Some((name, "atomic")) => {
                object
                    .extra
                    .insert("x-kubernetes-map-type".to_owned(), json!("atomic"));
                name
            }
            Some((_, mark)) => bail!("{head}: unknown mark {mark}"),
            None => head,
        };
        for line in lines {
            let field = parse_field(line).with_context(|| format!("{name}: {line}"))?;
            object.fields.push(field);
        }
        types.insert(name.to_owned(), object);
    }
    Ok(())
}

fn parse_field(line: &str) -> Result<Field> {
    let mut words = line.split_whitespace();
    let name = words.next().context("no name")?;
    let ty = parse_type(words.next().context("no type")?);
    let mut extra = Map::new();
    for mark in words {
        add_mark(mark, &ty, &mut extra)?;
    }
    let presence = if name.ends_with('!') {
        Presence::Required
    } else {
        Presence::Optional
    };
    Ok(Field {
        name: name.trim_end_matches('!').to_owned(),
        description: String::new(),
        presence,
        ty,
        extra,
    })
}

fn parse_type(text: &str) -> Type {
    if let Some(item) = text.strip_prefix("[]") {
        return Type::List(Box::new(parse_type(item)));
    }
    if let Some(item) = text.strip_prefix("map:") {
        return Type::Map(Box::new(parse_type(item)));
    }
    match text {
        "string" => Type::String,
        "bool" => Type::Bool,
        "int32" => Type::Int32,
        "int64" => Type::Int64,
        "int-or-string" => Type::IntOrString,
        "quantity" => Type::Quantity,
        "any" => Type::Any,
        name => Type::Named(name.to_owned()),
    }
}

fn add_mark(mark: &str, ty: &Type, extra: &mut Map<String, Value>) -> Result<()> {
    let list = "x-kubernetes-list-type".to_owned();
    match (mark.split_once('='), mark) {
        (Some(("key", keys)), _) => {
            extra.insert(list, json!("map"));
            let keys: Vec<&str> = keys.split(',').collect();
            extra.insert("x-kubernetes-list-map-keys".to_owned(), json!(keys));
        }
        (Some(("default", value)), _) => {
            extra.insert("default".to_owned(), serde_json::from_str(value)?);
        }
        (None, "atomic") if matches!(ty, Type::Map(_)) => {
            extra.insert("x-kubernetes-map-type".to_owned(), json!("atomic"));
        }
        (None, "atomic" | "set") => {
            extra.insert(list, json!(mark));
        }
        _ => bail!("unknown mark {mark}"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_gives_a_member_with_its_marks() {
        let mut types = Types::new();
        parse("Door atomic\n  locks! []Lock key=name,side\n", &mut types).unwrap();
        let door = &types["Door"];
        assert_eq!(door.extra["x-kubernetes-map-type"], "atomic");
        let locks = &door.fields[0];
        assert_eq!(locks.name, "locks");
        assert_eq!(locks.presence, Presence::Required);
        assert_eq!(
            locks.ty,
            Type::List(Box::new(Type::Named("Lock".to_owned())))
        );
        assert_eq!(
            locks.extra["x-kubernetes-list-map-keys"],
            json!(["name", "side"])
        );
    }

    #[test]
    fn an_unknown_mark_is_refused_with_its_line() {
        let error = parse("Door\n  locks string loud", &mut Types::new()).unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "Door:   locks string loud: unknown mark loud"
        );
    }

    #[test]
    fn the_table_reads() {
        let mut types = Types::new();
        add_to(&mut types).unwrap();
        assert!(types.contains_key("PodSpec"));
    }
}
