//! Expressions as upstream uses them: conditions of metrics, range times of Prometheus queries, triggers of notifications.

use std::fmt;

use super::environment::Environment;
use super::operate::{float, integer};
use super::value::{Function, Value};
use super::{Program, Type};
use crate::number::{int_of, parse_float, parse_int};
use crate::time::{RFC_3339, Time, Zone};

/// At which stage an expression failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It does not parse, or cannot work on the value at hand.
    Compile,
    /// It failed while it ran.
    Runtime,
    /// It gave a value of another type than wanted.
    Result,
}

/// Why an expression gave no answer. `Display` is Go's text, as upstream shows it to users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationError {
    /// The stage.
    pub class: Class,
    /// Go's text.
    pub text: String,
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl std::error::Error for EvaluationError {}

fn evaluate(
    source: &str,
    environment: &Environment,
    now: jiff::Timestamp,
) -> Result<Value, EvaluationError> {
    let program = Program::compile(source, environment).map_err(|error| EvaluationError {
        class: Class::Compile,
        text: error.to_string(),
    })?;
    program
        .run(environment, now)
        .map_err(|error| EvaluationError {
            class: Class::Runtime,
            text: error.to_string(),
        })
}

fn unexpected(wanted: &str, value: &Value) -> EvaluationError {
    let given = value.type_text();
    EvaluationError {
        class: Class::Result,
        text: format!("expected {wanted}, but got {given}"),
    }
}

/// Whether a metric's condition holds for its result. Keeps ANA-42.
///
/// The names are `result`, `asInt`, `asFloat`, `isNaN`, `isInf`, and `isNil` and `default`, which look at the result whatever
/// they are given. A result that is nil, a nil list or a nil pointer is `nil` to the expression.
///
/// # Errors
/// If the condition does not compile for a result of this type, fails, or is no bool.
pub fn eval_condition(
    source: &str,
    result: &Value,
    now: jiff::Timestamp,
) -> Result<bool, EvaluationError> {
    match eval_condition_value(source, result, now)? {
        Value::Bool(bool) => Ok(bool),
        other => Err(unexpected("bool", &other)),
    }
}

/// What a metric's condition gives, be it a bool or not.
///
/// # Errors
/// If the condition does not compile for a result of this type, or fails.
pub fn eval_condition_value(
    source: &str,
    result: &Value,
    now: jiff::Timestamp,
) -> Result<Value, EvaluationError> {
    evaluate(source, &condition_environment(result), now)
}

/// A time given by an expression, as in `now() - duration("1h")`. Keeps ANA-44.
///
/// # Errors
/// If the expression does not compile, fails, or gives no time.
pub fn eval_time(source: &str, now: jiff::Timestamp) -> Result<Time, EvaluationError> {
    let environment = Environment::strict()
        .with_function("isNaN", is_nan())
        .with_function("isInf", is_infinite());
    match evaluate(source, &environment, now)? {
        Value::Time(time) => Ok(time.as_ref().clone()),
        other => Err(unexpected("time.Time", &other)),
    }
}

/// What a notification's trigger, or its `oncePer`, gives for some variables; `time` is among the names, too. Only `true` triggers.
/// Keeps OB-509.
///
/// # Errors
/// If the expression does not compile, which disables the notifications of a whole configuration upstream, or fails, which
/// upstream logs and takes for "not triggered".
pub fn eval_trigger(
    source: &str,
    variables: impl IntoIterator<Item = (String, Value)>,
    now: jiff::Timestamp,
) -> Result<Value, EvaluationError> {
    let time = Value::object([
        ("Now".to_owned(), now_function(now)),
        ("Parse".to_owned(), Value::Function(parse_time())),
    ])
    // Two functions nest one deep.
    .unwrap_or(Value::Nil);
    let mut environment = Environment::untyped().with("time", time);
    for (name, value) in variables {
        environment = environment.with(&name, value);
    }
    evaluate(source, &environment, now)
}

/// Whether upstream triggers a notification for what its expression gave.
pub fn is_triggered(given: &Value) -> bool {
    matches!(given, Value::Bool(true))
}

/// A value as upstream writes it into the key that keeps a notification from being sent twice.
pub fn print(value: &Value) -> String {
    const LIMIT: usize = 1 << 20;
    match value.print(LIMIT) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) => String::new(),
    }
}

fn condition_environment(result: &Value) -> Environment {
    let is_missing = result.is_nil();
    let value = if is_missing {
        Value::Nil
    } else {
        result.clone().pointed()
    };
    let otherwise = value.clone();
    let is_nil = Function::new(vec![Type::Any], Type::Bool, move |_| {
        Ok(Value::Bool(is_missing))
    });
    let default =
        Function::new(
            vec![Type::Any, Type::Any],
            Type::Any,
            move |arguments| match arguments {
                [_, given] if is_missing => Ok(given.clone()),
                _ => Ok(otherwise.clone()),
            },
        );
    Environment::strict()
        .with("result", value)
        .with_function("asInt", as_int())
        .with_function("asFloat", as_float())
        .with_function("isNaN", is_nan())
        .with_function("isInf", is_infinite())
        .with_function("isNil", is_nil)
        .with_function("default", default)
}

fn first(arguments: &[Value]) -> &Value {
    arguments.first().unwrap_or(&Value::Nil)
}

fn not_supported(function: &str, value: &Value) -> String {
    let (ty, shown) = (value.type_text(), print(value));
    format!("{function}() not supported on {ty} {shown}")
}

fn as_int() -> Function {
    Function::new(vec![Type::Any], Type::Int64, |arguments| {
        match first(arguments) {
            Value::Float(float) => Ok(Value::Int64(int_of(*float))),
            Value::String(text) => {
                let text = text.to_str();
                parse_int(&text)
                    .map(Value::Int64)
                    .map_err(|error| error.text("ParseInt", &text))
            }
            other => integer(other)
                .map(Value::Int64)
                .ok_or_else(|| not_supported("asInt", other)),
        }
    })
}

fn as_float() -> Function {
    Function::new(vec![Type::Any], Type::Float64, |arguments| {
        match first(arguments) {
            Value::String(text) => {
                let text = text.to_str();
                parse_float(&text)
                    .map(Value::Float)
                    .map_err(|error| error.text("ParseFloat", &text))
            }
            other => float(other)
                .map(Value::Float)
                .ok_or_else(|| not_supported("asFloat", other)),
        }
    })
}

fn is_nan() -> Function {
    float_test(f64::is_nan)
}

fn is_infinite() -> Function {
    float_test(f64::is_infinite)
}

fn float_test(test: fn(f64) -> bool) -> Function {
    Function::new(vec![Type::Float64], Type::Bool, move |arguments| {
        Ok(Value::Bool(float(first(arguments)).is_some_and(test)))
    })
}

fn now_function(now: jiff::Timestamp) -> Value {
    Value::Function(Function::new(Vec::new(), Type::Time, move |_| {
        Ok(Value::time(Time::from_timestamp(now)))
    }))
}

fn parse_time() -> Function {
    Function::new(vec![Type::String], Type::Time, |arguments| {
        let Value::String(text) = first(arguments) else {
            return Ok(Value::Nil);
        };
        Time::parse(RFC_3339, &text.to_str(), &Zone::Utc)
            .map(Value::time)
            .map_err(|error| error.to_string())
    })
}
