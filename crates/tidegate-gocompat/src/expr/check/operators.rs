//! Which operands an operator takes.

use super::super::nature::Nature;
use super::super::pattern::Pattern;
use super::super::syntax::{Binary, Equality, Node, NodeId, Unary, Word};
use super::super::types::{Kind, Type};
use super::Checker;

/// A question about one operand.
type Test = fn(&Nature) -> bool;

const IS_BOOL: Test = Nature::is_bool;
const IS_STRING: Test = Nature::is_string;
const IS_NUMBER: Test = Nature::is_number;
const IS_INTEGER: Test = Nature::is_integer;
const IS_TIME: Test = |nature| nature.is(&Type::Time);
const IS_DURATION: Test = |nature| nature.is(&Type::Duration);

impl Checker<'_> {
    pub(super) fn unary(
        &mut self,
        word: &'static Word<Unary>,
        operand: NodeId,
    ) -> Result<Nature, String> {
        let nature = self.visit(operand)?.pointed();
        match word.operator {
            Unary::Not if nature.is_bool() || nature.is_unknown() => Ok(Nature::of(Type::Bool)),
            Unary::Minus | Unary::Plus if nature.is_number() => Ok(nature),
            Unary::Minus | Unary::Plus if nature.is_unknown() => Ok(Nature::Unknown),
            Unary::Not | Unary::Minus | Unary::Plus => {
                let text = word.text;
                Err(format!(
                    "invalid operation: {text} (mismatched type {nature})"
                ))
            }
        }
    }

    /// Checks a chain of operators down its left side, in a loop: such chains may be long.
    pub(super) fn binary(&mut self, id: NodeId) -> Result<Nature, String> {
        let mut chain = Vec::new();
        let mut next = id;
        while let Node::Binary {
            word, left, right, ..
        } = self.tree.node(next)
        {
            if self.natures[next.index()].is_some() {
                break;
            }
            chain.push((next, *word, *right));
            next = *left;
        }
        let mut nature = self.visit(next)?;
        for (id, word, right) in chain.into_iter().rev() {
            let right_nature = self.visit(right)?;
            self.choose_equality(id, &nature, &right_nature);
            let sides = Sides {
                word,
                left: nature.pointed(),
                right: right_nature.pointed(),
            };
            if word.operator == Binary::Matches {
                self.check_pattern(right)?;
            }
            let result = sides.result()?;
            self.natures[id.index()] = Some(result.clone());
            nature = result;
        }
        Ok(nature)
    }

    /// Go's compiler compares what it takes for ints or strings as such, and the run then fails on anything else.
    fn choose_equality(&mut self, id: NodeId, left: &Nature, right: &Nature) {
        let chosen = match (left.ty(), right.ty()) {
            (Some(Type::Int), Some(Type::Int)) => Equality::Ints,
            (Some(Type::String), Some(Type::String)) => Equality::Strings,
            _ => return,
        };
        let mut node = self.tree.node(id).clone();
        if let Node::Binary { equality, .. } = &mut node {
            *equality = chosen;
        }
        self.replacements.push((id, node));
    }

    fn check_pattern(&self, right: NodeId) -> Result<(), String> {
        if let Node::String(pattern) = self.tree.node(right) {
            Pattern::compile(pattern.bytes())?;
        }
        Ok(())
    }
}

/// An operator and what is known of its operands.
struct Sides {
    word: &'static Word<Binary>,
    left: Nature,
    right: Nature,
}

impl Sides {
    fn result(self) -> Result<Nature, String> {
        let found = match self.word.operator {
            Binary::Equal | Binary::NotEqual => self
                .left
                .is_comparable_to(&self.right)
                .then_some(Nature::of(Type::Bool)),
            Binary::Or | Binary::And => self.bool_if(&[(IS_BOOL, IS_BOOL)], &[IS_BOOL]),
            Binary::Less | Binary::Greater | Binary::GreaterOrEqual | Binary::LessOrEqual => self
                .bool_if(
                    &[
                        (IS_NUMBER, IS_NUMBER),
                        (IS_STRING, IS_STRING),
                        (IS_TIME, IS_TIME),
                        (IS_DURATION, IS_DURATION),
                    ],
                    &[IS_NUMBER, IS_STRING, IS_TIME, IS_DURATION],
                ),
            Binary::Contains | Binary::StartsWith | Binary::EndsWith => {
                self.bool_if(&[(IS_STRING, IS_STRING)], &[IS_STRING])
            }
            Binary::Matches => {
                let is_bytes: Test = |nature| nature.is(&Type::slice(Type::Uint8));
                self.bool_if(
                    &[(IS_STRING, IS_STRING), (is_bytes, IS_STRING)],
                    &[IS_STRING],
                )
            }
            Binary::In => return self.membership(),
            Binary::Coalesce => return Ok(self.coalesced()),
            Binary::Range => (self.are(IS_INTEGER, IS_INTEGER) || self.may_be(&[IS_INTEGER]))
                .then(|| Nature::list_of(Nature::of(Type::Int))),
            Binary::Add
            | Binary::Subtract
            | Binary::Multiply
            | Binary::Divide
            | Binary::Modulo
            | Binary::Power => self.arithmetic(),
        };
        found.ok_or_else(|| self.mismatch())
    }

    fn arithmetic(&self) -> Option<Nature> {
        match self.word.operator {
            Binary::Divide | Binary::Power => (self.are(IS_NUMBER, IS_NUMBER)
                || self.may_be(&[IS_NUMBER]))
            .then_some(Nature::of(Type::Float64)),
            Binary::Modulo => (self.are(IS_INTEGER, IS_INTEGER) || self.may_be(&[IS_INTEGER]))
                .then_some(Nature::of(Type::Int)),
            Binary::Subtract => self
                .promoted()
                .or_else(|| self.typed_if(IS_TIME, IS_TIME, Type::Duration))
                .or_else(|| self.typed_if(IS_TIME, IS_DURATION, Type::Time))
                .or_else(|| self.typed_if(IS_DURATION, IS_DURATION, Type::Duration))
                .or_else(|| self.unknown_if(&[IS_NUMBER, IS_TIME, IS_DURATION])),
            Binary::Multiply => self
                .promoted()
                .or_else(|| self.typed_if(IS_NUMBER, IS_DURATION, Type::Duration))
                .or_else(|| self.typed_if(IS_DURATION, IS_NUMBER, Type::Duration))
                .or_else(|| self.typed_if(IS_DURATION, IS_DURATION, Type::Duration))
                .or_else(|| self.unknown_if(&[IS_NUMBER, IS_DURATION])),
            // Only addition is left: the caller hands arithmetic over.
            _ => self
                .promoted()
                .or_else(|| self.typed_if(IS_STRING, IS_STRING, Type::String))
                .or_else(|| self.typed_if(IS_TIME, IS_DURATION, Type::Time))
                .or_else(|| self.typed_if(IS_DURATION, IS_TIME, Type::Time))
                .or_else(|| self.typed_if(IS_DURATION, IS_DURATION, Type::Duration))
                .or_else(|| self.unknown_if(&[IS_NUMBER, IS_STRING, IS_TIME, IS_DURATION])),
        }
    }

    fn membership(&self) -> Result<Nature, String> {
        let (left, right) = (&self.left, &self.right);
        let found = Ok(Nature::of(Type::Bool));
        if (left.is_string() || left.is_unknown()) && right.kind() == Kind::Struct {
            return found;
        }
        if let Some(Type::Map(map)) = right.ty().map(Type::underlying) {
            let key = Nature::of(map.key.clone());
            if !left.is_unknown() && !left.is_assignable_to(&key) {
                return Err(format!("cannot use {left} as type {key} in map key"));
            }
            return found;
        }
        if right.is_list() {
            let element = right.element();
            if !left.is_comparable_to(&element) {
                return Err(format!("cannot use {left} as type {element} in array"));
            }
            return found;
        }
        if (left.is_unknown() && right.is_string()) || right.is_unknown() {
            return found;
        }
        Err(self.mismatch())
    }

    fn coalesced(self) -> Nature {
        match (self.left.is_nil(), self.right.is_nil()) {
            (true, _) => self.right,
            (false, true) => self.left,
            (false, false) if self.right.is_assignable_to(&self.left) => self.left,
            (false, false) => Nature::Unknown,
        }
    }

    fn are(&self, left: Test, right: Test) -> bool {
        left(&self.left) && right(&self.right)
    }

    fn may_be(&self, wanted: &[Test]) -> bool {
        self.left.may_fit(&self.right, wanted)
    }

    fn bool_if(&self, pairs: &[(Test, Test)], wanted: &[Test]) -> Option<Nature> {
        let fits = pairs.iter().any(|(left, right)| self.are(*left, *right));
        (fits || self.may_be(wanted)).then_some(Nature::of(Type::Bool))
    }

    fn typed_if(&self, left: Test, right: Test, ty: Type) -> Option<Nature> {
        self.are(left, right).then(|| Nature::of(ty))
    }

    fn unknown_if(&self, wanted: &[Test]) -> Option<Nature> {
        self.may_be(wanted).then_some(Nature::Unknown)
    }

    /// Two numbers give a float if one is, else an int.
    fn promoted(&self) -> Option<Nature> {
        if !self.are(IS_NUMBER, IS_NUMBER) {
            return None;
        }
        let are_integers = self.are(IS_INTEGER, IS_INTEGER);
        Some(Nature::of(if are_integers {
            Type::Int
        } else {
            Type::Float64
        }))
    }

    fn mismatch(&self) -> String {
        let Self { word, left, right } = self;
        let text = word.text;
        format!("invalid operation: {text} (mismatched types {left} and {right})")
    }
}
