//! Runs a checked and optimized tree, within limits on work and on memory.

pub(super) mod access;
mod loops;
mod means;

use super::builtins::Builtin;
use super::check::WHOLE_ENVIRONMENT;
use super::environment::Environment;
use super::operate;
use super::syntax::{Access, Binary, Equality, Node, NodeId, Tree, Unary};
use super::types::Type;
use super::value::{Key, Known, List, Map, Text, TooDeepError, Value, conversion_error};
pub(super) use means::Means;

/// Runs the tree.
///
/// # Errors
/// With the text of Go's panic.
pub(super) fn run(tree: &Tree, environment: &Environment, means: Means) -> Result<Value, String> {
    let mut machine = Machine {
        tree,
        environment,
        means,
        variables: Vec::new(),
        scopes: Vec::new(),
    };
    match machine.value(tree.root()) {
        Ok(value) => Ok(value),
        Err(Stop::Fails(text)) => Err(text),
        Err(Stop::Skips) => Ok(Value::Nil),
    }
}

struct Machine<'m> {
    tree: &'m Tree,
    environment: &'m Environment,
    means: Means,
    /// Variables declared with `let`, the innermost last.
    variables: Vec<(&'m str, Value)>,
    /// Loops under way, the innermost last.
    scopes: Vec<loops::Scope>,
}

/// Why there is no value.
#[derive(Debug)]
enum Stop {
    /// The run fails with this text.
    Fails(String),
    /// `?.` met nil: the chain it stands in is nil.
    Skips,
}

impl From<String> for Stop {
    fn from(text: String) -> Self {
        Self::Fails(text)
    }
}

impl From<TooDeepError> for Stop {
    fn from(error: TooDeepError) -> Self {
        Self::Fails(error.to_string())
    }
}

impl<'m> Machine<'m> {
    /// Kept small, as every level of nesting takes this frame: whatever needs room has a function of its own.
    fn value(&mut self, id: NodeId) -> Result<Value, Stop> {
        self.means.step()?;
        match self.tree.node(id) {
            Node::Nil => Ok(Value::Nil),
            Node::Identifier(name) => self.identifier(name),
            Node::Integer(integer) => Ok(Value::Int(*integer)),
            Node::Float(float) => Ok(Value::Float(*float)),
            Node::Bool(bool) => Ok(Value::Bool(*bool)),
            Node::String(text) => Ok(Value::String(text.clone())),
            Node::Bytes(bytes) => Ok(list_of_bytes(bytes)),
            Node::Constant(value) => Ok(value.clone()),
            Node::InStrings { needle, strings } => self.in_strings(*needle, strings),
            Node::Unary { word, operand } => self.unary(word.operator, *operand),
            Node::Binary { .. } => self.binary(id),
            Node::Chain(inner) => self.chain(*inner),
            Node::Member {
                base,
                property,
                access,
                ..
            } => self.member(*base, *property, *access),
            Node::Slice { base, from, to } => self.slice(*base, *from, *to),
            Node::Call { callee, arguments } => self.call(*callee, arguments),
            Node::Builtin { builtin, arguments } => self.builtin(builtin, arguments),
            Node::Loop(body) => self.run_loop(body),
            Node::Pointer(name) => self.pointer(name),
            Node::Let { name, value, body } => self.declaration(name, *value, *body),
            Node::Sequence(items) => self.sequence(items),
            Node::Conditional {
                condition,
                then,
                otherwise,
            } => self.conditional(*condition, *then, *otherwise),
            Node::Array(items) => self.array(items),
            Node::Sum(items) => self.sum(items),
            Node::Map(pairs) => self.map(pairs),
        }
    }

    fn builtin(&mut self, builtin: &'static Builtin, arguments: &[NodeId]) -> Result<Value, Stop> {
        let mut values = self.values(arguments)?;
        for value in &mut values {
            if matches!(value, Value::Pointer(_)) {
                *value = value.clone().pointed();
            }
        }
        Ok((builtin.run)(&mut self.means, &values)?)
    }

    fn sequence(&mut self, items: &[NodeId]) -> Result<Value, Stop> {
        let mut last = Value::Nil;
        for item in items {
            last = self.value(*item)?;
        }
        Ok(last)
    }

    fn conditional(
        &mut self,
        condition: NodeId,
        then: NodeId,
        otherwise: NodeId,
    ) -> Result<Value, Stop> {
        let condition = self.value(condition)?.pointed();
        let branch = if bool_of(&condition)? {
            then
        } else {
            otherwise
        };
        self.value(branch)
    }

    fn array(&mut self, items: &[NodeId]) -> Result<Value, Stop> {
        let items = self.values(items)?;
        self.means.keep(items.len())?;
        Ok(Value::list(items)?)
    }

    fn values(&mut self, ids: &[NodeId]) -> Result<Vec<Value>, Stop> {
        ids.iter().map(|id| self.value(*id)).collect()
    }

    fn identifier(&self, name: &str) -> Result<Value, Stop> {
        let variable = self
            .variables
            .iter()
            .rev()
            .find(|(known, _)| *known == name);
        if let Some((_, value)) = variable {
            return Ok(value.clone());
        }
        if name == WHOLE_ENVIRONMENT {
            return Ok(self.environment.whole()?);
        }
        Ok(self.environment.value(name).cloned().unwrap_or(Value::Nil))
    }

    fn in_strings(&mut self, needle: NodeId, strings: &[Text]) -> Result<Value, Stop> {
        let needle = self.value(needle)?.pointed();
        let is_in = match &needle {
            Value::String(text) => strings.contains(text),
            Value::Nil => strings.iter().any(|text| text.bytes().is_empty()),
            other => return Err(Stop::Fails(operate::wrong_key(other, &Type::String))),
        };
        Ok(Value::Bool(is_in))
    }

    fn unary(&mut self, operator: Unary, operand: NodeId) -> Result<Value, Stop> {
        let value = self.value(operand)?.pointed();
        match operator {
            Unary::Not => Ok(Value::Bool(!bool_of(&value)?)),
            Unary::Plus => Ok(value),
            Unary::Minus => Ok(operate::negate(&value)?),
        }
    }

    /// Runs a chain of operators down its left side, in a loop: such chains may be long.
    fn binary(&mut self, id: NodeId) -> Result<Value, Stop> {
        let mut chain = Vec::new();
        let mut next = id;
        while let Node::Binary {
            word,
            left,
            right,
            equality,
        } = self.tree.node(next)
        {
            chain.push((word.operator, *right, *equality));
            next = *left;
        }
        let mut value = self.value(next)?;
        for (operator, right, equality) in chain.into_iter().rev() {
            self.means.step()?;
            value = self.apply(operator, value.pointed(), right, equality)?;
        }
        Ok(value)
    }

    fn apply(
        &mut self,
        operator: Binary,
        left: Value,
        right: NodeId,
        equality: Equality,
    ) -> Result<Value, Stop> {
        let skips = match operator {
            Binary::And => !bool_of(&left)?,
            Binary::Or => bool_of(&left)?,
            Binary::Coalesce => !left.is_nil(),
            _ => false,
        };
        if skips {
            return Ok(left);
        }
        let right = self.value(right)?.pointed();
        match operator {
            Binary::And | Binary::Or | Binary::Coalesce => Ok(right),
            Binary::Equal => Ok(Value::Bool(self.equal(&left, &right, equality)?)),
            Binary::NotEqual => Ok(Value::Bool(!self.equal(&left, &right, equality)?)),
            Binary::Range => Ok(self.range(&left, &right)?),
            Binary::In => Ok(Value::Bool(operate::is_in(&mut self.means, &left, &right)?)),
            Binary::Matches => Ok(Value::Bool(operate::matches(
                &mut self.means,
                &left,
                &right,
            )?)),
            Binary::Contains | Binary::StartsWith | Binary::EndsWith => Ok(Value::Bool(
                operate::holds_text(&mut self.means, operator, &left, &right)?,
            )),
            Binary::Less | Binary::Greater | Binary::GreaterOrEqual | Binary::LessOrEqual => {
                Ok(Value::Bool(operate::compare(operator, &left, &right)?))
            }
            Binary::Add
            | Binary::Subtract
            | Binary::Multiply
            | Binary::Divide
            | Binary::Modulo
            | Binary::Power => Ok(operate::arithmetic(
                &mut self.means,
                operator,
                &left,
                &right,
            )?),
        }
    }

    fn equal(&mut self, left: &Value, right: &Value, equality: Equality) -> Result<bool, String> {
        match (equality, left, right) {
            (Equality::Ints, Value::Int(left), Value::Int(right)) => Ok(left == right),
            (Equality::Strings, Value::String(left), Value::String(right)) => Ok(left == right),
            (Equality::Any, _, _) => operate::equal(&mut self.means, left, right),
            (Equality::Ints, Value::Int(_), other) | (Equality::Ints, other, _) => {
                Err(conversion_error(other, "int"))
            }
            (Equality::Strings, Value::String(_), other) | (Equality::Strings, other, _) => {
                Err(conversion_error(other, "string"))
            }
        }
    }

    fn range(&mut self, left: &Value, right: &Value) -> Result<Value, String> {
        let (from, to) = (operate::to_int(left)?, operate::to_int(right)?);
        // Go's size wraps around, and a negative one is nothing.
        let size = usize::try_from(to.wrapping_sub(from).wrapping_add(1)).unwrap_or(0);
        self.means.keep(size)?;
        let items = (from..).take(size).map(Value::Int).collect();
        Ok(Value::List(List::flat(Type::Int, items)))
    }

    fn chain(&mut self, inner: NodeId) -> Result<Value, Stop> {
        match self.value(inner) {
            Err(Stop::Skips) => Ok(Value::Nil),
            Ok(value) if value.is_nil() => Ok(Value::Nil),
            other => other,
        }
    }

    fn call(&mut self, callee: NodeId, arguments: &[NodeId]) -> Result<Value, Stop> {
        let known = match self.tree.type_of(callee) {
            Some(Type::Function(_)) => Known::BeforeRun,
            _ => Known::AtRun,
        };
        let arguments = self.values(arguments)?;
        let function = match self.value(callee)? {
            Value::Function(function) => function,
            Value::Nil => {
                return Err(Stop::Fails("invalid operation: cannot call nil".to_owned()));
            }
            other => {
                let ty = other.type_text();
                return Err(Stop::Fails(format!(
                    "invalid operation: cannot call non-function of type {ty}"
                )));
            }
        };
        let parameters = &function.signature().parameters;
        let arguments: Vec<Value> = arguments
            .into_iter()
            .enumerate()
            .map(|(index, argument)| match parameters.get(index) {
                Some(Type::Any) | None => argument,
                Some(_) => argument.pointed(),
            })
            .collect();
        Ok(function.call(&arguments, known)?)
    }

    fn declaration(&mut self, name: &'m str, value: NodeId, body: NodeId) -> Result<Value, Stop> {
        let value = self.value(value)?;
        let depth = self.variables.len();
        self.variables.push((name, value));
        let result = self.value(body);
        self.variables.truncate(depth);
        result
    }

    /// Adds what was evaluated from left to right, from the right.
    fn sum(&mut self, items: &[NodeId]) -> Result<Value, Stop> {
        let mut values = self.values(items)?;
        let mut sum = values.pop().unwrap_or(Value::Nil).pointed();
        while let Some(value) = values.pop() {
            sum = operate::arithmetic(&mut self.means, Binary::Add, &value.pointed(), &sum)?;
        }
        Ok(sum)
    }

    fn map(&mut self, pairs: &[(NodeId, NodeId)]) -> Result<Value, Stop> {
        let mut values = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            values.push((self.value(*key)?, self.value(*value)?));
        }
        self.means.keep(values.len())?;
        let mut entries = std::collections::BTreeMap::new();
        // The last pair goes in first, so the first one of a key stays.
        for (key, value) in values.into_iter().rev() {
            let Value::String(text) = key else {
                return Err(Stop::Fails(conversion_error(&key, "string")));
            };
            entries.insert(Key::String(text), value);
        }
        Ok(Value::Map(Map::new(Type::object(), entries)?))
    }

    fn member(&mut self, base: NodeId, property: NodeId, access: Access) -> Result<Value, Stop> {
        let base = self.value(base)?;
        if access == Access::Optional && base.is_nil() {
            return Err(Stop::Skips);
        }
        let property = self.value(property)?.pointed();
        Ok(access::fetch(base, &property)?)
    }

    fn slice(
        &mut self,
        base: NodeId,
        from: Option<NodeId>,
        to: Option<NodeId>,
    ) -> Result<Value, Stop> {
        let base = self.value(base)?;
        let to = match to {
            Some(to) => self.value(to)?.pointed(),
            None => Value::Int(access::length(&base)?),
        };
        let from = match from {
            Some(from) => self.value(from)?.pointed(),
            None => Value::Int(0),
        };
        Ok(access::slice(&mut self.means, base.pointed(), &from, &to)?)
    }
}

/// A bool, or Go's panic.
fn bool_of(value: &Value) -> Result<bool, String> {
    match value {
        Value::Bool(bool) => Ok(*bool),
        other => Err(conversion_error(other, "bool")),
    }
}

fn list_of_bytes(bytes: &[u8]) -> Value {
    let items = bytes.iter().copied().map(Value::Uint8).collect();
    Value::List(List::flat(Type::Uint8, items))
}
