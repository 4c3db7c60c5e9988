//! Calls of functions and builtins.

use std::sync::Arc;

use super::super::builtins::{Builtin, Check};
use super::super::nature::Nature;
use super::super::syntax::{Binary, Node, NodeId};
use super::super::types::{Kind, Signature, Type};
use super::Checker;
use super::access::WHOLE_ENVIRONMENT;
use crate::number::float_of;

impl Checker<'_> {
    pub(super) fn call(&mut self, callee: NodeId, arguments: &[NodeId]) -> Result<Nature, String> {
        let name = match self.tree.node(callee) {
            Node::Identifier(name) => name.clone(),
            Node::Member { property, .. } => match self.tree.node(*property) {
                Node::String(name) => name.to_str().into_owned(),
                _ => "function".to_owned(),
            },
            _ => "function".to_owned(),
        };
        let is_identifier = matches!(self.tree.node(callee), Node::Identifier(_));
        if is_identifier && name == WHOLE_ENVIRONMENT {
            let nature = if self.environment.is_strict() {
                Nature::of(Type::object())
            } else {
                Nature::Unknown
            };
            return Err(format!("{nature} is not callable"));
        }
        let callee = self.visit(callee)?;
        if callee.is_unknown() {
            // Upstream does not look at the arguments of a call it knows nothing about.
            return Ok(Nature::Unknown);
        }
        let Some(ty) = callee.ty() else {
            return Err(format!("{name} is nil; cannot call nil as function"));
        };
        let Type::Function(signature) = ty else {
            return Err(format!("{callee} is not callable"));
        };
        let signature = Arc::clone(signature);
        let result = self.signed_call(&name, &signature, arguments)?;
        for (argument, parameter) in arguments.iter().zip(&signature.parameters) {
            if *parameter == Type::Float64 {
                self.make_float(*argument);
            }
        }
        Ok(result)
    }

    fn signed_call(
        &mut self,
        name: &str,
        signature: &Signature,
        arguments: &[NodeId],
    ) -> Result<Nature, String> {
        let result = result_of(name, signature)?;
        match self.misfit(name, signature, arguments)? {
            None => Ok(result),
            Some(misfit) => Err(misfit),
        }
    }

    /// Why a function does not take the arguments. They are checked one by one, so that what is wrong with the first is told.
    ///
    /// # Errors
    /// If an argument is wrong in itself.
    fn misfit(
        &mut self,
        name: &str,
        signature: &Signature,
        arguments: &[NodeId],
    ) -> Result<Option<String>, String> {
        let wanted = signature.parameters.len();
        if arguments.len() != wanted {
            self.arguments(arguments)?;
            let few_or_many = if arguments.len() > wanted {
                "too many"
            } else {
                "not enough"
            };
            return Ok(Some(format!("{few_or_many} arguments to call {name}")));
        }
        for (argument, parameter) in arguments.iter().zip(&signature.parameters) {
            let nature = self.visit(*argument)?;
            if let Err(misfit) = check_argument(name, &nature, parameter) {
                return Ok(Some(misfit));
            }
        }
        Ok(None)
    }

    fn arguments(&mut self, arguments: &[NodeId]) -> Result<Vec<Nature>, String> {
        arguments
            .iter()
            .map(|argument| self.visit(*argument))
            .collect()
    }

    pub(super) fn builtin(
        &mut self,
        builtin: &'static Builtin,
        arguments: &[NodeId],
    ) -> Result<Nature, String> {
        match builtin.check {
            Check::Get => self.get(arguments),
            Check::Rule(rule) => {
                let natures = self.arguments(arguments)?;
                let types: Vec<Option<Type>> = natures
                    .iter()
                    .map(|nature| match nature {
                        Nature::Unknown => Some(Type::Any),
                        Nature::Nil => None,
                        Nature::Known(known) => Some(known.ty.clone()),
                    })
                    .collect();
                rule(&types).map(Nature::of)
            }
            Check::Overloads(overloads) => {
                let mut failure = String::new();
                for signature in overloads() {
                    let misfit = self.misfit(builtin.name, &signature, arguments)?;
                    match misfit {
                        None => return result_of(builtin.name, &signature),
                        Some(misfit) => failure = misfit,
                    }
                }
                Err(failure)
            }
        }
    }

    /// Whole numbers written where a float is wanted are floats, also within sums, differences and products.
    fn make_float(&mut self, argument: NodeId) {
        let is_integer = |checker: &Self, id: NodeId| {
            checker.natures[id.index()]
                .as_ref()
                .is_some_and(Nature::is_integer)
        };
        if !is_integer(self, argument) {
            return;
        }
        let mut open = vec![argument];
        while let Some(id) = open.pop() {
            match *self.tree.node(id) {
                Node::Integer(integer) => {
                    self.replacements.push((id, Node::Float(float_of(integer))));
                    self.natures[id.index()] = Some(Nature::of(Type::Float64));
                }
                Node::Unary { operand, .. } => open.push(operand),
                Node::Binary {
                    word, left, right, ..
                } if matches!(
                    word.operator,
                    Binary::Add | Binary::Subtract | Binary::Multiply
                ) =>
                {
                    open.extend([left, right]);
                }
                _ => {}
            }
        }
    }
}

/// The nature of a function's result.
pub(super) fn result_of(name: &str, signature: &Signature) -> Result<Nature, String> {
    match signature.results.as_slice() {
        [] => Err(format!("func {name} doesn't return value")),
        [result] | [result, _] => Ok(Nature::of(result.clone())),
        _ => Err(format!("func {name} returns more then two values")),
    }
}

pub(super) fn check_argument(
    name: &str,
    argument: &Nature,
    parameter: &Type,
) -> Result<(), String> {
    let is_integer_for_number =
        argument.is_integer() && (parameter.is_number() && !argument.is(parameter));
    if is_integer_for_number {
        return Ok(());
    }
    if argument.is_nil() {
        if matches!(parameter.kind(), Kind::Pointer | Kind::Interface) {
            return Ok(());
        }
        return Err(format!(
            "cannot use nil as argument (type {parameter}) to call {name}"
        ));
    }
    let target = Nature::of(parameter.clone());
    if argument.is_unknown()
        || argument.is_assignable_to(&target)
        || argument.clone().pointed().is_assignable_to(&target)
    {
        return Ok(());
    }
    Err(format!(
        "cannot use {argument} as argument (type {parameter}) to call {name} "
    ))
}
