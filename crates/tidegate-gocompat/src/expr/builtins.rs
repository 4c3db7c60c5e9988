//! The functions of the language itself, those without a predicate.

mod bits;
mod json;
mod lists;
mod maps;
mod numbers;
mod statistics;
mod texts;
mod times;

use super::machine::Means;
use super::syntax::LoopKind;
use super::types::{Kind, Signature, Type};
use super::value::{Text, Value, conversion_error};

/// A function of the language.
#[derive(Debug)]
pub(super) struct Builtin {
    /// Its name in expressions.
    pub(super) name: &'static str,
    /// What the checker asks of its arguments.
    pub(super) check: Check,
    /// What it does. The checker saw to the number of arguments, but a type may be wrong where it was unknown.
    pub(super) run: Run,
}

/// What a builtin does; an error's text is that of Go's panic.
pub(super) type Run = fn(&mut Means, &[Value]) -> Result<Value, String>;

/// A rule on the types of arguments (`None` is nil) that gives the result's.
pub(super) type Rule = fn(&[Option<Type>]) -> Result<Type, String>;

/// How the checker looks at the arguments of a builtin.
#[derive(Clone, Copy, Debug)]
pub(super) enum Check {
    /// By a rule.
    Rule(Rule),
    /// One of the signatures must fit; the last one's error is told.
    Overloads(fn() -> Vec<Signature>),
    /// As a member's access.
    Get,
}

/// The builtins, by subject.
const TABLES: [&[Builtin]; 8] = [
    &numbers::TABLE,
    &statistics::TABLE,
    &texts::TABLE,
    &lists::TABLE,
    &maps::TABLE,
    &json::TABLE,
    &times::TABLE,
    &bits::TABLE,
];

impl Builtin {
    const fn ruled(name: &'static str, rule: Rule, run: Run) -> Self {
        let check = Check::Rule(rule);
        Self { name, check, run }
    }

    const fn typed(name: &'static str, overloads: fn() -> Vec<Signature>, run: Run) -> Self {
        let check = Check::Overloads(overloads);
        Self { name, check, run }
    }

    /// The builtin of a name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        let mut all = TABLES.into_iter().flatten();
        all.find(|builtin| builtin.name == name)
    }
}

/// Whether a name is a builtin's, with a predicate or without.
pub(super) fn is_builtin(name: &str) -> bool {
    Builtin::named(name).is_some() || LoopKind::named(name).is_some()
}

/// `(parameters) result`
fn signature(parameters: &[Type], result: Type) -> Signature {
    Signature {
        parameters: parameters.to_vec(),
        results: vec![result],
    }
}

/// The kind of an argument's type, through pointers; invalid for nil.
fn kind(argument: Option<&Type>) -> Kind {
    argument.map_or(Kind::Invalid, |ty| ty.pointed().kind())
}

/// An argument's type as Go's error texts have it.
fn shown(argument: Option<&Type>) -> String {
    argument.map_or_else(|| "%!s(<nil>)".to_owned(), ToString::to_string)
}

/// The only argument of a rule.
fn only(arguments: &[Option<Type>]) -> Result<Option<&Type>, String> {
    match arguments {
        [only] => Ok(only.as_ref()),
        _ => Err(wrong_count("1", arguments.len())),
    }
}

fn wrong_count(expected: &str, given: usize) -> String {
    format!("invalid number of arguments (expected {expected}, got {given})")
}

/// The argument of an index; nil if it is missing.
fn argument(arguments: &[Value], index: usize) -> &Value {
    arguments.get(index).unwrap_or(&Value::Nil)
}

/// The string of an index, or Go's panic.
fn text(arguments: &[Value], index: usize) -> Result<&Text, String> {
    match argument(arguments, index) {
        Value::String(text) => Ok(text),
        other => Err(conversion_error(other, "string")),
    }
}
