//! From types to `OpenAPI` v3: one small model for ours and for Kubernetes' types, and its rendering
//! as a structural schema.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

/// What a quantity may look like (`100m`, `1.5Gi`, `2e3`), as the API server checks it.
const QUANTITY: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

/// Every type by its name.
pub(crate) type Types = BTreeMap<String, Struct>;

/// An object with named members.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Struct {
    /// What it is, in a sentence; empty for Kubernetes' types.
    pub(crate) description: String,
    /// Members of the schema that hold for every use, such as `x-kubernetes-map-type`.
    pub(crate) extra: Map<String, Value>,
    /// Its members in reading order.
    pub(crate) fields: Vec<Field>,
}

/// One member.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    /// Its name on the wire.
    pub(crate) name: String,
    /// What it means; empty for Kubernetes' types.
    pub(crate) description: String,
    /// Whether the API server asks for it.
    pub(crate) presence: Presence,
    /// What it holds.
    pub(crate) ty: Type,
    /// Further members of its schema, such as `default`.
    pub(crate) extra: Map<String, Value>,
}

/// Whether a member must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// The API server refuses an object without it.
    Required,
    /// It may be left out.
    Optional,
}

/// What a member holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    /// Text.
    String,
    /// True or false.
    Bool,
    /// 32 bits.
    Int32,
    /// 64 bits.
    Int64,
    /// An RFC 3339 instant.
    Time,
    /// A number or a text.
    IntOrString,
    /// A Kubernetes quantity.
    Quantity,
    /// An object whose members nobody checks.
    AnyObject,
    /// Anything at all.
    Any,
    /// Items of one type.
    List(Box<Self>),
    /// Members of one type under any name.
    Map(Box<Self>),
    /// A [`Struct`].
    Named(String),
}

/// The schema of a type.
///
/// # Errors
/// When a name in it is no known type.
pub(crate) fn render(ty: &Type, types: &Types) -> Result<Map<String, Value>> {
    let schema = match ty {
        Type::String => json!({"type": "string"}),
        Type::Bool => json!({"type": "boolean"}),
        Type::Int32 => json!({"type": "integer", "format": "int32"}),
        Type::Int64 => json!({"type": "integer", "format": "int64"}),
        Type::Time => json!({"type": "string", "format": "date-time"}),
        Type::IntOrString => json!({
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": true,
        }),
        Type::Quantity => json!({
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": QUANTITY,
            "x-kubernetes-int-or-string": true,
        }),
        Type::AnyObject => json!({
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": true,
        }),
        Type::Any => json!({"x-kubernetes-preserve-unknown-fields": true}),
        Type::List(item) => json!({"type": "array", "items": render(item, types)?}),
        Type::Map(item) => json!({
            "type": "object",
            "additionalProperties": render(item, types)?,
        }),
        Type::Named(name) => return render_struct(name, types),
    };
    let Value::Object(members) = schema else {
        bail!("a schema is an object, not {schema}");
    };
    Ok(members)
}

fn render_struct(name: &str, types: &Types) -> Result<Map<String, Value>> {
    let object = types
        .get(name)
        .with_context(|| format!("no type is called {name}"))?;
    let mut schema = object.extra.clone();
    schema.insert("type".to_owned(), json!("object"));
    if object.fields.is_empty() {
        return Ok(schema);
    }
    let mut properties = Map::new();
    for field in &object.fields {
        let mut member =
            render(&field.ty, types).with_context(|| format!("in {name}.{}", field.name))?;
        member.extend(field.extra.clone());
        if !field.description.is_empty() {
            member.insert("description".to_owned(), json!(field.description));
        }
        properties.insert(field.name.clone(), Value::Object(member));
    }
    let mut required: Vec<&str> = object
        .fields
        .iter()
        .filter(|field| field.presence == Presence::Required)
        .map(|field| field.name.as_str())
        .collect();
    required.sort_unstable();
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema.insert("properties".to_owned(), Value::Object(properties));
    Ok(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_required_member_is_listed_and_a_list_says_its_items() {
        let fields = vec![Field {
            name: "ports".to_owned(),
            description: "Where it listens.".to_owned(),
            presence: Presence::Required,
            ty: Type::List(Box::new(Type::Int32)),
            extra: Map::new(),
        }];
        let types = Types::from([(
            "Door".to_owned(),
            Struct {
                fields,
                ..Struct::default()
            },
        )]);
        let schema = render(&Type::Named("Door".to_owned()), &types).unwrap();
        assert_eq!(
            Value::Object(schema),
            json!({"type": "object", "required": ["ports"], "properties": {"ports": {
                "type": "array", "items": {"type": "integer", "format": "int32"},
                "description": "Where it listens."}}})
        );
    }

    #[test]
    fn an_unknown_type_is_named_with_the_way_to_it() {
        let field = Field {
            name: "lock".to_owned(),
            description: String::new(),
            presence: Presence::Optional,
            ty: Type::Named("Lock".to_owned()),
            extra: Map::new(),
        };
        let types = Types::from([(
            "Door".to_owned(),
            Struct {
                fields: vec![field],
                ..Struct::default()
            },
        )]);
        let error = render(&Type::Named("Door".to_owned()), &types).unwrap_err();
        assert_eq!(format!("{error:#}"), "in Door.lock: no type is called Lock");
    }
}
