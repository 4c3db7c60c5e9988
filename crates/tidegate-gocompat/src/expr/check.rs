//! Checks types before the run, against the types of the values at hand: what is known never to work is an error even where
//! the run would not come by.

mod access;
mod call;
mod loops;
mod operators;

pub(super) use access::WHOLE_ENVIRONMENT;

use super::environment::Environment;
use super::nature::Nature;
use super::syntax::{Node, NodeId, Tree};
use super::types::Type;

/// Checks a tree, and notes in it what is learned.
///
/// # Errors
/// With Go's text, at the first thing that is wrong.
pub(super) fn check(tree: &mut Tree, environment: &Environment) -> Result<(), String> {
    let mut checker = Checker {
        tree,
        environment,
        natures: vec![None; tree.len()],
        replacements: Vec::new(),
        predicates: Vec::new(),
        variables: Vec::new(),
    };
    checker.visit(tree.root())?;
    let Checker {
        natures,
        replacements,
        ..
    } = checker;
    for (id, node) in replacements {
        tree.replace(id, node);
    }
    for (id, nature) in tree.ids().zip(natures) {
        let ty = nature.and_then(|nature: Nature| nature.ty().cloned());
        tree.set_type(id, ty);
    }
    Ok(())
}

struct Checker<'c> {
    tree: &'c Tree,
    environment: &'c Environment,
    /// What was found for each node. A node stands in one place only, so it need not be checked twice.
    natures: Vec<Option<Nature>>,
    /// Nodes the run shall find changed.
    replacements: Vec<(NodeId, Node)>,
    /// The lists whose items open predicates look at, the innermost last.
    predicates: Vec<Scope>,
    /// Variables declared with `let`, the innermost last.
    variables: Vec<(String, Nature)>,
}

/// What `#` and its kin mean in a predicate.
struct Scope {
    collection: Nature,
    /// `#index`, `#acc`
    named: Vec<(&'static str, Nature)>,
}

impl Checker<'_> {
    fn visit(&mut self, id: NodeId) -> Result<Nature, String> {
        if let Some(known) = &self.natures[id.index()] {
            return Ok(known.clone());
        }
        let nature = self.visit_new(id)?;
        self.natures[id.index()] = Some(nature.clone());
        Ok(nature)
    }

    /// Kept small, as every level of nesting takes this frame: whatever needs room has a function of its own.
    fn visit_new(&mut self, id: NodeId) -> Result<Nature, String> {
        let tree = self.tree;
        match tree.node(id) {
            Node::Nil => Ok(Nature::Nil),
            Node::Integer(_) => Ok(Nature::of(Type::Int)),
            Node::Float(_) => Ok(Nature::of(Type::Float64)),
            Node::Bool(_) | Node::InStrings { .. } => Ok(Nature::of(Type::Bool)),
            Node::String(_) => Ok(Nature::of(Type::String)),
            Node::Bytes(_) => Ok(bytes()),
            Node::Constant(value) => Ok(Nature::of_value(value)),
            Node::Identifier(name) => self.identifier(name),
            Node::Unary { word, operand } => self.unary(word, *operand),
            Node::Binary { .. } => self.binary(id),
            Node::Chain(inner) => self.visit(*inner),
            Node::Member { .. } => self.member(id),
            Node::Slice { base, from, to } => self.slice(*base, *from, *to),
            Node::Call { callee, arguments } => self.call(*callee, arguments),
            Node::Builtin { builtin, arguments } => self.builtin(builtin, arguments),
            Node::Loop(body) => self.loops(body),
            Node::Pointer(name) => self.pointer(name),
            Node::Let { name, value, body } => self.declaration(name, *value, *body),
            Node::Sequence(items) => self.sequence(items),
            Node::Conditional {
                condition,
                then,
                otherwise,
            } => self.conditional(*condition, *then, *otherwise),
            Node::Array(items) => self.array(items),
            // Only the optimizer makes sums, after the check.
            Node::Sum(_) => Ok(Nature::Unknown),
            Node::Map(pairs) => self.map(pairs),
        }
    }

    fn sequence(&mut self, items: &[NodeId]) -> Result<Nature, String> {
        let mut last = Nature::Unknown;
        for item in items {
            last = self.visit(*item)?;
        }
        Ok(last)
    }

    fn map(&mut self, pairs: &[(NodeId, NodeId)]) -> Result<Nature, String> {
        for (key, value) in pairs {
            self.visit(*key)?;
            self.visit(*value)?;
        }
        Ok(Nature::of(Type::object()))
    }

    fn declaration(&mut self, name: &str, value: NodeId, body: NodeId) -> Result<Nature, String> {
        if self.environment.typed(name).is_some() {
            return Err(format!("cannot redeclare {name}"));
        }
        if super::builtins::is_builtin(name) {
            return Err(format!("cannot redeclare builtin {name}"));
        }
        if self.variables.iter().any(|(known, _)| known == name) {
            return Err(format!("cannot redeclare variable {name}"));
        }
        let nature = self.visit(value)?;
        self.variables.push((name.to_owned(), nature));
        let body = self.visit(body)?;
        self.variables.pop();
        Ok(body)
    }

    fn conditional(
        &mut self,
        condition: NodeId,
        then: NodeId,
        otherwise: NodeId,
    ) -> Result<Nature, String> {
        let condition = self.visit(condition)?.pointed();
        if !condition.is_bool() && !condition.is_unknown() {
            return Err(format!(
                "non-bool expression (type {condition}) used as condition"
            ));
        }
        let then = self.visit(then)?;
        let otherwise = self.visit(otherwise)?;
        match (then.is_nil(), otherwise.is_nil()) {
            (true, _) => return Ok(otherwise),
            (false, true) => return Ok(then),
            (false, false) => {}
        }
        if !then.is_assignable_to(&otherwise) {
            return Ok(Nature::Unknown);
        }
        if then.is_list() && otherwise.is_list() {
            let (one, other) = (then.element(), otherwise.element());
            if !one.is_assignable_to(&other) || !other.is_assignable_to(&one) {
                return Ok(Nature::of(Type::list()));
            }
        }
        Ok(then)
    }

    fn array(&mut self, items: &[NodeId]) -> Result<Nature, String> {
        let mut previous: Option<Nature> = None;
        let mut is_uniform = true;
        for item in items {
            let nature = self.visit(*item)?;
            if previous.is_some_and(|previous| previous.kind() != nature.kind()) {
                is_uniform = false;
            }
            previous = Some(nature);
        }
        if is_uniform {
            return Ok(Nature::list_of(previous.unwrap_or(Nature::Unknown)));
        }
        Ok(Nature::of(Type::list()))
    }
}

fn bytes() -> Nature {
    Nature::of(Type::slice(Type::Uint8))
}
