//! What `CloudWatch`'s answers mean. Expressions see the structs of Amazon's library for Go (MP-506).

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde_json::Value as Json;
use tidegate_gocompat::{
    expr::{self, List, NamedType, StructType, Type, Value},
    number::parse_float,
    time::Time,
};

use super::super::finding::Finding;

/// The package of these structs.
const PACKAGE: &str = "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types";

/// The struct types of one answer.
struct Types {
    message: Arc<StructType>,
    result: Arc<StructType>,
    status: Arc<NamedType>,
}

impl Types {
    fn new() -> Self {
        let text = || Type::Pointer(Arc::new(Type::String));
        let message = structure("MessageData", &[("Code", text()), ("Value", text())]);
        let status = Arc::new(NamedType {
            name: "types.StatusCode".to_owned(),
            package: PACKAGE.to_owned(),
            underlying: Type::String,
        });
        let fields = [
            ("Id", text()),
            ("Label", text()),
            ("Messages", Type::slice(Type::Struct(Arc::clone(&message)))),
            ("StatusCode", Type::Named(Arc::clone(&status))),
            ("Timestamps", Type::slice(Type::Time)),
            ("Values", Type::slice(Type::Float64)),
        ];
        Self {
            result: structure("MetricDataResult", &fields),
            message,
            status,
        }
    }
}

fn structure(name: &str, fields: &[(&str, Type)]) -> Arc<StructType> {
    Arc::new(StructType {
        name: format!("types.{name}"),
        package: PACKAGE.to_owned(),
        fields: fields
            .iter()
            .map(|(name, ty)| ((*name).to_owned(), ty.clone()))
            .collect(),
    })
}

/// The results of all queries, in the answer's order.
pub(super) fn read(reply: &Json) -> Result<Finding, String> {
    let types = Types::new();
    let results = &reply["MetricDataResults"];
    let mut rows = Vec::new();
    let mut values = Vec::new();
    for one in results.as_array().into_iter().flatten() {
        let numbers = numbers(&one["Values"])?;
        values.push(numbers.clone());
        rows.push(result(one, numbers, &types)?);
    }
    let ty = Type::slice(Type::Struct(Arc::clone(&types.result)));
    let value = if results.is_array() {
        Value::List(List::new(ty, rows).map_err(|error| error.to_string())?)
    } else {
        Value::List(List::nil(ty))
    };
    let values = Value::list(values).map_err(|error| error.to_string())?;
    let mut metadata = BTreeMap::new();
    if let Some(messages) = messages(&reply["Messages"]) {
        metadata.insert("messages".to_owned(), messages);
    }
    Ok(Finding {
        value,
        text: expr::print(&values),
        metadata,
    })
}

fn result(one: &Json, numbers: Value, types: &Types) -> Result<Value, String> {
    let messages = Type::slice(Type::Struct(Arc::clone(&types.message)));
    let told = list(messages, &one["Messages"], |json| {
        let fields = vec![pointer(&json["Code"]), pointer(&json["Value"])];
        Ok(Value::structure(Arc::clone(&types.message), fields))
    })?;
    let at = list(Type::slice(Type::Time), &one["Timestamps"], |json| {
        let at = json.as_f64().and_then(|seconds| {
            let seconds = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
            Timestamp::from_duration(seconds).ok()
        });
        at.map(|at| Value::time(Time::from_timestamp(at)))
            .ok_or_else(|| format!("cloudwatch gave a time that is none: {json}"))
    })?;
    let status = one["StatusCode"].as_str().unwrap_or_default();
    Ok(Value::structure(
        Arc::clone(&types.result),
        vec![
            pointer(&one["Id"]),
            pointer(&one["Label"]),
            told,
            Value::named_text(Arc::clone(&types.status), status),
            at,
            numbers,
        ],
    ))
}

fn pointer(json: &Json) -> Value {
    Value::pointer(Type::String, json.as_str().map(Value::text))
}

/// What JSON has no number for is a text.
fn numbers(json: &Json) -> Result<Value, String> {
    list(Type::slice(Type::Float64), json, |json| {
        let number = match json.as_str() {
            Some("Infinity") => Some(f64::INFINITY),
            Some("-Infinity") => Some(f64::NEG_INFINITY),
            Some(text) => parse_float(text).ok(),
            None => json.as_f64(),
        };
        number
            .map(Value::Float)
            .ok_or_else(|| format!("cloudwatch gave a value that is none: {json}"))
    })
}

fn list(
    ty: Type,
    json: &Json,
    item: impl Fn(&Json) -> Result<Value, String>,
) -> Result<Value, String> {
    let Some(items) = json.as_array() else {
        return Ok(Value::List(List::nil(ty)));
    };
    let items = items.iter().map(item).collect::<Result<Vec<_>, _>>()?;
    List::new(ty, items)
        .map(Value::List)
        .map_err(|error| error.to_string())
}

/// What `CloudWatch` says about the whole. Differs from upstream, which shows where the texts lie in its memory.
fn messages(json: &Json) -> Option<String> {
    let texts: Vec<String> = json
        .as_array()?
        .iter()
        .map(|message| {
            let text = |name: &str| message[name].as_str().unwrap_or_default();
            format!("{{Code:{} Value:{}}}", text("Code"), text("Value"))
        })
        .collect();
    (!texts.is_empty()).then(|| format!("[{}]", texts.join(" ")))
}
