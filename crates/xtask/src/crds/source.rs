//! Our own types, read from the source of `tidegate-api`: names, types and doc comments of the wire
//! structs. So a manifest's schema cannot drift from what the controller reads, and a field's
//! documentation is written once.
//!
//! This is no Rust parser: it knows the few forms that rustfmt makes of those structs, and refuses
//! anything else.

use anyhow::{Context, Result, bail};
use serde_json::Map;

use super::schema::{Field, Presence, Struct, Type, Types};

/// The files of `tidegate-api` that hold wire structs of our kinds.
const FILES: [&str; 12] = [
    include_str!("../../../tidegate-api/src/rollout.rs"),
    include_str!("../../../tidegate-api/src/rollout/canary.rs"),
    include_str!("../../../tidegate-api/src/rollout/blue_green.rs"),
    include_str!("../../../tidegate-api/src/rollout/traffic.rs"),
    include_str!("../../../tidegate-api/src/rollout/status.rs"),
    include_str!("../../../tidegate-api/src/analysis.rs"),
    include_str!("../../../tidegate-api/src/analysis/metric.rs"),
    include_str!("../../../tidegate-api/src/analysis/provider.rs"),
    include_str!("../../../tidegate-api/src/analysis/provider/hosted.rs"),
    include_str!("../../../tidegate-api/src/analysis/provider/kayenta.rs"),
    include_str!("../../../tidegate-api/src/analysis/status.rs"),
    include_str!("../../../tidegate-api/src/experiment.rs"),
];

/// Puts our types beside those that are there.
///
/// # Errors
/// When a struct is written in a form that this reader does not know.
pub(crate) fn add_to(types: &mut Types) -> Result<()> {
    for file in FILES {
        parse(file, types)?;
    }
    Ok(())
}

fn parse(file: &str, types: &mut Types) -> Result<()> {
    let mut lines = file.lines();
    let mut docs = String::new();
    while let Some(line) = lines.next() {
        if let Some(text) = line.strip_prefix("///") {
            add_doc(&mut docs, text);
        } else if let Some(rest) = line.strip_prefix("pub struct ") {
            let name = rest.trim_end_matches(" {").trim_end_matches(" {}");
            let mut object = Struct {
                description: for_manifests(&std::mem::take(&mut docs)),
                ..Struct::default()
            };
            if rest.ends_with(" {") {
                let body = lines.by_ref().take_while(|line| *line != "}");
                object.fields = parse_fields(body, types).with_context(|| format!("in {name}"))?;
            }
            types.insert(name.to_owned(), object);
        } else if !line.starts_with(['#', ' ', ')']) {
            docs.clear();
        }
    }
    Ok(())
}

/// What comes before a field.
#[derive(Default)]
struct Before {
    docs: String,
    attributes: String,
    declaration: String,
}

fn parse_fields<'a>(lines: impl Iterator<Item = &'a str>, types: &Types) -> Result<Vec<Field>> {
    let mut fields = Vec::new();
    let mut before = Before::default();
    let mut in_attribute = false;
    for line in lines.map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            add_doc(&mut before.docs, text);
        } else if in_attribute || line.starts_with("#[") {
            before.attributes.push_str(line);
            in_attribute = !line.ends_with(")]");
        } else {
            before.declaration.push_str(line);
            if line.ends_with(',') {
                add_field(&std::mem::take(&mut before), types, &mut fields)?;
            }
        }
    }
    Ok(fields)
}

fn add_doc(docs: &mut String, text: &str) {
    if !docs.is_empty() {
        docs.push(' ');
    }
    docs.push_str(text.trim());
}

fn add_field(before: &Before, types: &Types, fields: &mut Vec<Field>) -> Result<()> {
    let declaration = before.declaration.trim_end_matches(',');
    let (name, ty) = declaration
        .strip_prefix("pub ")
        .and_then(|rest| rest.split_once(':'))
        .with_context(|| format!("no public field: {declaration}"))?;
    let ty = ty.trim();
    if before.attributes.contains("flatten") {
        let inner = types
            .get(ty)
            .with_context(|| format!("{ty} is flattened before it is defined"))?;
        fields.extend(inner.fields.clone());
        return Ok(());
    }
    let presence = if before.attributes.contains("skip_serializing_if") {
        Presence::Optional
    } else {
        Presence::Required
    };
    fields.push(Field {
        name: renamed(&before.attributes).unwrap_or_else(|| camel_case(name)),
        description: for_manifests(&before.docs),
        presence,
        ty: parse_type(ty)?,
        extra: Map::new(),
    });
    Ok(())
}

fn renamed(attributes: &str) -> Option<String> {
    let (_, rest) = attributes.split_once("rename = \"")?;
    rest.split_once('"').map(|(name, _)| name.to_owned())
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

/// A doc comment without what only readers of the code can use: marks, links, and the closing
/// sentence `Keeps <ids>.`.
fn for_manifests(docs: &str) -> String {
    let meaning = docs.split(" Keeps ").next().unwrap_or_default();
    meaning.replace("[`", "").replace("`]", "").replace('`', "")
}

fn parse_type(text: &str) -> Result<Type> {
    if let Some(inner) = generic(text, "Option") {
        return parse_type(inner);
    }
    if let Some(item) = generic(text, "Vec") {
        return Ok(Type::List(Box::new(parse_type(item)?)));
    }
    if let Some(item) = generic(text, "BTreeMap").and_then(|both| both.strip_prefix("String, ")) {
        let item = parse_type(item)?;
        return Ok(if item == Type::AnyObject {
            item
        } else {
            Type::Map(Box::new(item))
        });
    }
    Ok(match text {
        "String" => Type::String,
        "bool" => Type::Bool,
        "i32" => Type::Int32,
        "i64" => Type::Int64,
        "Time" => Type::Time,
        "IntOrString" => Type::IntOrString,
        "Value" => Type::AnyObject,
        "PodTemplate" => Type::Named("PodTemplateSpec".to_owned()),
        name if name.chars().all(char::is_alphanumeric) => Type::Named(name.to_owned()),
        other => bail!("a type of no known form: {other}"),
    })
}

fn generic<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.strip_prefix(name)?
        .strip_prefix('<')?
        .strip_suffix('>')
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"
/// A door.
#[derive(Clone)]
pub struct Door {
    /// How many `keys` open it.
    /// At most 3. Keeps DOO-01.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub own_keys: Vec<Option<i32>>,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: String,
}
"#;

    #[test]
    fn a_struct_is_read_with_docs_names_and_presence() {
        let mut types = Types::new();
        parse(SOURCE, &mut types).unwrap();
        let door = &types["Door"];
        assert_eq!(door.description, "A door.");
        let [keys, kind] = door.fields.as_slice() else {
            panic!("two fields, not {:?}", door.fields);
        };
        assert_eq!(keys.name, "ownKeys");
        assert_eq!(keys.description, "How many keys open it. At most 3.");
        assert_eq!(keys.presence, Presence::Optional);
        assert_eq!(keys.ty, Type::List(Box::new(Type::Int32)));
        assert_eq!(kind.name, "type");
        assert_eq!(kind.presence, Presence::Required);
    }

    #[test]
    fn a_form_that_is_not_known_is_refused() {
        let source = "pub struct Door {\n    pub size: (i32, i32),\n}\n";
        let error = parse(source, &mut Types::new()).unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "in Door: a type of no known form: (i32, i32)"
        );
    }

    #[test]
    fn the_source_of_our_kinds_reads() {
        let mut types = Types::new();
        add_to(&mut types).unwrap();
        assert!(types["RolloutSpec"].fields.len() > 10);
    }
}
