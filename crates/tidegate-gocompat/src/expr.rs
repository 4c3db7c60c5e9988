//! The expression language of users' manifests: expr-lang 1.17, as upstream embeds it.
//!
//! An expression goes the way source, tokens (`lexer`), tree (`parser`), checked tree (`check`), optimized tree (`optimize`), value
//! (`machine`). The checker knows the types of the values at hand, so an expression may compile for one result and not for another.
//!
//! Whatever the input, an answer comes soon and without panic: nesting, nodes, steps, items and texts have limits. Differs from
//! upstream: expressions nest 250 levels at most, a run takes four million steps at most, and lists nest 200 levels at most,
//! because upstream's limits (10,000 nodes, a million items) need a growing stack, or minutes.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "an operator or builtin takes a few of the twenty kinds of values and refuses all others, also new ones, with one error"
)]

mod builtins;
mod check;
mod condition;
mod environment;
mod escape;
mod lexer;
mod machine;
mod methods;
mod nature;
mod operate;
mod optimize;
mod parser;
mod pattern;
mod sort;
mod syntax;
mod token;
mod types;
mod value;

use std::fmt;

pub use condition::{
    Class, EvaluationError, eval_condition, eval_condition_value, eval_time, eval_trigger,
    is_triggered, print,
};
pub use environment::Environment;
pub use pattern::Pattern;
pub use types::{MapType, NamedType, Signature, StructType, Type};
pub use value::{Function, Key, List, Map, Named, Pointer, Struct, Text, TooDeepError, Value};

use machine::Means;
use syntax::Tree;

use crate::time::Time;

/// An expression ready to run.
#[derive(Debug)]
pub struct Program(Tree);

/// An expression does not parse, or can never work on the values it was compiled for. `Display` is Go's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError(String);

/// An expression failed while it ran. `Display` is the text of Go's panic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeError(String);

impl fmt::Display for CompileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for RuntimeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for CompileError {}
impl std::error::Error for RuntimeError {}

impl Program {
    /// Compiles an expression for the types of an environment's values.
    ///
    /// # Errors
    /// At the first thing that is wrong.
    pub fn compile(source: &str, environment: &Environment) -> Result<Self, CompileError> {
        let mut tree = parser::parse(source, environment).map_err(CompileError)?;
        check::check(&mut tree, environment).map_err(CompileError)?;
        optimize::optimize(&mut tree).map_err(CompileError)?;
        Ok(Self(tree))
    }

    /// Runs the expression on an environment, which must have the types it was compiled for, at an instant.
    ///
    /// # Errors
    /// With the text of Go's panic, or if the run needs more steps or memory than it may have.
    pub fn run(
        &self,
        environment: &Environment,
        now: jiff::Timestamp,
    ) -> Result<Value, RuntimeError> {
        let means = Means::new(Time::from_timestamp(now));
        machine::run(&self.0, environment, means).map_err(RuntimeError)
    }
}

#[cfg(test)]
mod tests;
