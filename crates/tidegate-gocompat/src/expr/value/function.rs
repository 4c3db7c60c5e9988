//! Functions as values.

use std::fmt;
use std::sync::Arc;

use super::super::types::{Signature, Type};
use super::Value;

/// What a function does with its arguments; an error's text is that of Go's panic.
type Body = dyn Fn(&[Value]) -> Result<Value, String> + Send + Sync;

/// A function an expression may call.
#[derive(Clone)]
pub struct Function {
    pub(super) signature: Arc<Signature>,
    body: Arc<Body>,
}

/// Since when it is known which function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::expr) enum Known {
    /// The checker knew.
    BeforeRun,
    /// It came up in the run.
    AtRun,
}

impl Function {
    /// A function with its signature. The body may trust number and types of its arguments, but a value for an `interface {}`
    /// parameter may be any.
    pub fn new(
        parameters: Vec<Type>,
        result: Type,
        body: impl Fn(&[Value]) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            signature: Arc::new(Signature {
                parameters,
                results: vec![result],
            }),
            body: Arc::new(body),
        }
    }

    /// What it takes and gives.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Calls it, after a look at the arguments; `known` says whether the checker knew the function, which shows in an error's text.
    ///
    /// # Errors
    /// With the text of Go's panic.
    pub(in crate::expr) fn call(&self, arguments: &[Value], known: Known) -> Result<Value, String> {
        let expected = self.signature.parameters.len();
        if arguments.len() != expected {
            let given = arguments.len();
            return Err(format!(
                "invalid number of arguments: expected {expected}, got {given}"
            ));
        }
        for (argument, parameter) in arguments.iter().zip(&self.signature.parameters) {
            let is_fit = match argument.type_of() {
                Some(ty) => ty.is_assignable_to(parameter),
                None => *parameter == Type::Any,
            };
            if is_fit {
                continue;
            }
            return Err(match known {
                Known::BeforeRun => conversion_error(argument, &parameter.to_string()),
                Known::AtRun => {
                    let given = argument.type_text();
                    format!("reflect: Call using {given} as type {parameter}")
                }
            });
        }
        (self.body)(arguments)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "func{}", self.signature)
    }
}

/// Go's text when a value is not of the type its place needs.
pub(in crate::expr) fn conversion_error(value: &Value, wanted: &str) -> String {
    let given = match value.type_of() {
        Some(ty) => ty.to_string(),
        None => "nil".to_owned(),
    };
    format!("interface conversion: interface {{}} is {given}, not {wanted}")
}
