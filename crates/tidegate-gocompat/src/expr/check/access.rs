//! Names, members, indices and slices.

use super::super::methods;
use super::super::nature::Nature;
use super::super::syntax::{Access, Node, NodeId, Usage};
use super::super::types::Type;
use super::Checker;

/// The name that means the environment as a whole.
pub(in crate::expr) const WHOLE_ENVIRONMENT: &str = "$env";

impl Checker<'_> {
    pub(super) fn identifier(&self, name: &str) -> Result<Nature, String> {
        let variable = self.variables.iter().rev().find(|(known, _)| known == name);
        if let Some((_, nature)) = variable {
            return Ok(nature.clone());
        }
        if name == WHOLE_ENVIRONMENT {
            return Ok(Nature::Unknown);
        }
        if let Some(nature) = self.environment.typed(name) {
            return Ok(nature);
        }
        if super::super::builtins::is_builtin(name) {
            // A builtin that is not called is a function to the checker, and nil to the run.
            return Ok(Nature::of(Type::function(vec![Type::list()], Type::Any)));
        }
        self.unknown_name(name)
    }

    fn unknown_name(&self, name: &str) -> Result<Nature, String> {
        if self.environment.is_strict() {
            return Err(format!("unknown name {name}"));
        }
        Ok(Nature::Unknown)
    }

    pub(super) fn member(&mut self, id: NodeId) -> Result<Nature, String> {
        let Node::Member {
            base,
            property,
            access,
            usage,
        } = *self.tree.node(id)
        else {
            return Ok(Nature::Unknown);
        };
        let name = match self.tree.node(property) {
            Node::String(name) => Some(name.to_str().into_owned()),
            _ => None,
        };
        if self.is_whole_environment(base) {
            return match (name, access) {
                (None, _) => Ok(Nature::Unknown),
                (Some(name), access) => match self.environment.typed(&name) {
                    Some(nature) => Ok(nature),
                    None if access == Access::Optional => Ok(Nature::Unknown),
                    None => self.unknown_name(&name),
                },
            };
        }
        let base = self.visit(base)?;
        let property = self.visit(property)?;
        if base.is_unknown() {
            return Ok(Nature::Unknown);
        }
        if let Some(name) = &name {
            if base.is_nil() {
                return Err(format!("type nil has no field {name}"));
            }
            if let Some(method) = base.ty().and_then(|ty| methods::signature(ty, name)) {
                return Ok(Nature::of(Type::Function(method)));
            }
        }
        member_of(&base.pointed(), &property, name.as_deref(), usage)
    }

    fn is_whole_environment(&self, id: NodeId) -> bool {
        matches!(self.tree.node(id), Node::Identifier(name) if name == WHOLE_ENVIRONMENT)
    }

    pub(super) fn slice(
        &mut self,
        base: NodeId,
        from: Option<NodeId>,
        to: Option<NodeId>,
    ) -> Result<Nature, String> {
        let base = self.visit(base)?;
        if base.is_unknown() {
            // Upstream does not look at the bounds then.
            return Ok(Nature::Unknown);
        }
        if !base.is_string() && !base.is_list() {
            return Err(format!("cannot slice {base}"));
        }
        for bound in [from, to].into_iter().flatten() {
            let bound = self.visit(bound)?.pointed();
            if !bound.is_integer() && !bound.is_unknown() {
                return Err(format!("non-integer slice index {bound}"));
            }
        }
        Ok(base)
    }

    /// Checks `get(base, property)`, which gives nil where a member fails.
    pub(super) fn get(&mut self, arguments: &[NodeId]) -> Result<Nature, String> {
        let [base_id, property_id] = *arguments else {
            let given = arguments.len();
            return Err(format!(
                "invalid number of arguments (expected 2, got {given})"
            ));
        };
        let base = self.visit(base_id)?;
        let property = self.visit(property_id)?.pointed();
        if self.is_whole_environment(base_id) {
            let known = match self.tree.node(property_id) {
                Node::String(name) => self.environment.typed(&name.to_str()),
                _ => None,
            };
            return Ok(known.unwrap_or(Nature::Unknown));
        }
        if base.is_unknown() {
            return Ok(Nature::Unknown);
        }
        match base.ty().map(Type::underlying) {
            Some(Type::Slice(_) | Type::Pair) => {
                if !property.is_integer() && !property.is_unknown() {
                    return Err(format!("non-integer slice index {property}"));
                }
                Ok(base.element())
            }
            Some(Type::Map(map)) => {
                let key = Nature::of(map.key.clone());
                if !property.is_assignable_to(&key) && !property.is_unknown() {
                    return Err(wrong_key(&property, &base));
                }
                Ok(base.element())
            }
            _ => Err(format!("type {base} does not support indexing")),
        }
    }
}

fn member_of(
    base: &Nature,
    property: &Nature,
    name: Option<&str>,
    usage: Usage,
) -> Result<Nature, String> {
    match base.ty().map(Type::underlying) {
        Some(Type::Map(map)) => {
            let key = Nature::of(map.key.clone());
            let is_key = property.is_assignable_to(&key)
                || property.clone().pointed().is_assignable_to(&key);
            if !is_key && !property.is_unknown() {
                return Err(wrong_key(property, base));
            }
            return Ok(Nature::of(map.element.clone()));
        }
        Some(Type::Slice(_) | Type::Pair) => {
            let index = property.clone().pointed();
            if !index.is_integer() && !index.is_unknown() {
                return Err(format!(
                    "array elements can only be selected using an integer (got {index})"
                ));
            }
            return Ok(base.element());
        }
        Some(Type::Struct(body)) => {
            let field = body
                .fields
                .iter()
                .find(|(field, _)| Some(field.as_str()) == name);
            if let Some((_, ty)) = field {
                return Ok(Nature::of(ty.clone()));
            }
        }
        _ => {}
    }
    match (name, usage) {
        (Some(name), Usage::Called) => Err(format!("type {base} has no method {name}")),
        (Some(name), Usage::Value) => Err(format!("type {base} has no field {name}")),
        (None, _) => Err(format!("type {base}[{property}] is undefined")),
    }
}

fn wrong_key(property: &Nature, base: &Nature) -> String {
    format!("cannot use {property} to get an element from {base}")
}
