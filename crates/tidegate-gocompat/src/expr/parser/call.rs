//! Calls: builtins, builtins with a predicate, and functions of the environment.

use super::super::builtins::Builtin;
use super::super::syntax::{Loop, LoopKind, Missing, Node, NodeId};
use super::{Parser, TokenKind};

/// Where a called name is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookup {
    /// In the environment, then among the builtins.
    All,
    /// Among the builtins first: `::name`.
    Builtins,
}

impl Parser<'_> {
    /// Reads the arguments of a call, of which a pipe may have given the first.
    pub(super) fn call(
        &mut self,
        name: &str,
        given: Vec<NodeId>,
        lookup: Lookup,
    ) -> Result<NodeId, String> {
        let is_hidden = lookup == Lookup::All && self.names.has(name);
        if is_hidden {
            return self.function_call(name, given);
        }
        if let Some(kind) = LoopKind::named(name) {
            return self.loop_call(kind, given.first().copied());
        }
        match Builtin::named(name) {
            Some(builtin) => self.builtin_call(builtin, given),
            None => self.function_call(name, given),
        }
    }

    fn builtin_call(
        &mut self,
        builtin: &'static Builtin,
        given: Vec<NodeId>,
    ) -> Result<NodeId, String> {
        let arguments = self.arguments(given)?;
        self.create(Node::Builtin { builtin, arguments })
    }

    fn function_call(&mut self, name: &str, given: Vec<NodeId>) -> Result<NodeId, String> {
        let callee = self.create(Node::Identifier(name.to_owned()))?;
        let arguments = self.arguments(given)?;
        self.create(Node::Call { callee, arguments })
    }

    pub(super) fn arguments(&mut self, mut arguments: Vec<NodeId>) -> Result<Vec<NodeId>, String> {
        let given = arguments.len();
        self.expect_bracket("(")?;
        while !self.current.is_bracket(")") {
            if arguments.len() > given {
                self.expect_operator(",")?;
                if self.current.is_bracket(")") {
                    break;
                }
            }
            arguments.push(self.expression(0)?);
        }
        self.expect_bracket(")")?;
        Ok(arguments)
    }

    fn loop_call(&mut self, kind: LoopKind, given: Option<NodeId>) -> Result<NodeId, String> {
        self.expect_bracket("(")?;
        let wanted = 2 + usize::from(kind.has_extra()) - usize::from(given.is_some());
        let closes = |parser: &Self| parser.current.is_bracket(")");
        let missing = || format!("expected at least {wanted} arguments");
        let collection = match given {
            Some(collection) => collection,
            None if closes(self) => return Err(missing()),
            None => self.expression(0)?,
        };
        let mut predicate = None;
        if !closes(self) {
            if given.is_none() {
                self.expect_operator(",")?;
            }
            predicate = Some(self.predicate()?);
        } else if !kind.has_optional_predicate() {
            return Err(missing());
        }
        let mut extra = None;
        if kind.has_extra() && !closes(self) {
            self.expect_operator(",")?;
            extra = Some(self.expression(0)?);
        }
        if self.current.is_operator(",") {
            self.advance()?;
        }
        self.expect_bracket(")")?;
        self.create_loop(kind, collection, predicate, extra)
    }

    fn create_loop(
        &mut self,
        kind: LoopKind,
        collection: NodeId,
        predicate: Option<NodeId>,
        extra: Option<NodeId>,
    ) -> Result<NodeId, String> {
        self.create(Node::Loop(Loop {
            kind,
            collection,
            predicate,
            extra,
            mapped: None,
            missing: Missing::Nil,
            enough: None,
        }))
    }

    fn predicate(&mut self) -> Result<NodeId, String> {
        let is_block = self.current.is_bracket("{");
        if is_block {
            self.advance()?;
        }
        self.predicates += 1;
        let body = if is_block {
            self.sequence()?
        } else {
            self.expression(0)?
        };
        self.predicates -= 1;
        if is_block {
            self.expect_bracket("}")?;
        } else if self.current.kind == TokenKind::Operator && self.current.text() == ";" {
            return Err("wrap predicate with brackets { and }".to_owned());
        }
        // Upstream has a node of its own for predicates.
        self.count_node()?;
        Ok(body)
    }
}
