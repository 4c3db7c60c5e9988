//! Conditions of metrics, range times and triggers, against recorded answers of expr-lang.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value as Json;
use tidegate_gocompat::expr::{
    self, Class, EvaluationError, Key, List, Map, NamedType, StructType, Text, Type, Value,
};
use tidegate_gocompat::number::{parse_float, print_float};
use tidegate_gocompat::time::{RFC_3339_NANO, Time, Zone};

use super::{Report, cases};

/// The file below the folder.
const FILE: &str = "expr.jsonl";

/// What we say of brackets and operators that nest deeper than upstream would mind, so that no stack
/// overflows.
const TOO_DEEP: &str = "expression nests deeper than 250 levels";
const DEEPEST: usize = 250;

/// What may open one more level.
const OPENERS: [&str; 10] = ["(", "[", "{", "!", "-", "?", "**", "let ", "if ", "not "];

/// Values are compared down to this depth, as deep as they were recorded.
const TYPED_DEPTH: usize = 20;

/// A line.
#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    expr: String,
    #[serde(default)]
    mode: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    result: Json,
    #[serde(default)]
    vars: BTreeMap<String, Json>,
    #[serde(default)]
    output: Json,
    error: Option<Failure>,
    typed: Option<Json>,
    extra: Option<Extra>,
}

#[derive(Deserialize)]
struct Failure {
    class: String,
    text: String,
}

#[derive(Deserialize)]
struct Extra {
    #[serde(rename = "oncePer")]
    once_per: String,
}

/// Runs the area: values, classes of errors and their texts must agree.
pub(crate) fn run(folder: &Path) -> Result<Vec<Report>> {
    let report = cases::check_lines(folder, FILE, |line| {
        let case: Case = serde_json::from_str(line)?;
        let answer = answer(&case)?;
        if is_too_deep_for_us(&case, &answer) {
            return Ok(None);
        }
        let shown: String = case.expr.chars().take(120).collect();
        let difference = compare(&case, &answer);
        Ok(difference.map(|difference| format!("{shown}: {difference}")))
    })?;
    Ok(vec![report])
}

/// Whether we differ on purpose: upstream could read the text, and we say that it nests too deep, which it
/// may.
fn is_too_deep_for_us(case: &Case, answer: &Answer) -> bool {
    let refused = matches!(&answer.outcome, Err(error) if error.text.contains(TOO_DEEP));
    let openers = OPENERS
        .iter()
        .map(|opener| case.expr.matches(opener).count());
    let read = |failure: &Failure| failure.class != "compile";
    refused && case.error.as_ref().is_none_or(read) && openers.sum::<usize>() > DEEPEST
}

/// How our answer differs from the recorded one.
fn compare(case: &Case, answer: &Answer) -> Option<String> {
    let recorded_class = case.error.as_ref().map(|failure| failure.class.as_str());
    let (our_class, our_text) = match &answer.outcome {
        Ok(_) => (None, String::new()),
        Err(error) => (Some(class_name(error.class)), error.text.clone()),
    };
    if our_class != recorded_class {
        let recorded = case.error.as_ref().map_or_else(
            || case.output.to_string(),
            |failure| format!("{} {}", failure.class, failure.text),
        );
        let ours = match &answer.outcome {
            Ok(output) => output.to_string(),
            Err(_) => format!("{} {our_text}", our_class.unwrap_or_default()),
        };
        return Some(format!("recorded {recorded}, ours {ours}"));
    }
    if let Ok(output) = &answer.outcome
        && *output != case.output
    {
        return Some(format!("recorded {}, ours {output}", case.output));
    }
    if let Some(failure) = &case.error
        && failure.text != our_text
    {
        return Some(format!(
            "recorded text {:?}, ours {our_text:?}",
            failure.text
        ));
    }
    if let (Some(recorded), Some(value)) = (&case.typed, &answer.value) {
        let ours = typed(value, 0);
        if *recorded != ours && !is_unordered(&case.expr) {
            return Some(format!("recorded {recorded}, ours {ours}"));
        }
    }
    if let (Some(extra), Some(value)) = (&case.extra, &answer.value) {
        let ours = expr::print(value);
        if extra.once_per != ours {
            return Some(format!("recorded {:?}, ours {ours:?}", extra.once_per));
        }
    }
    None
}

/// Go's order of a map's keys is random.
fn is_unordered(source: &str) -> bool {
    ["keys(", "values(", "toPairs("]
        .iter()
        .any(|name| source.contains(name))
}

/// What we say.
struct Answer {
    /// The output as it is recorded.
    outcome: Result<Json, EvaluationError>,
    /// The value behind it, if there is one.
    value: Option<Value>,
}

fn answer(case: &Case) -> Result<Answer> {
    let now: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().context("the clock")?;
    Ok(match case.mode.as_str() {
        "time" => match expr::eval_time(&case.expr, now) {
            Ok(time) => Answer {
                outcome: Ok(Json::String(time.format(RFC_3339_NANO))),
                value: None,
            },
            Err(error) => Answer {
                outcome: Err(error),
                value: None,
            },
        },
        "trigger" => {
            let mut variables = Vec::new();
            for (name, json) in &case.vars {
                variables.push((name.clone(), variable(name, json)?));
            }
            match expr::eval_trigger(&case.expr, variables, now) {
                Ok(value) => Answer {
                    outcome: Ok(Json::Bool(expr::is_triggered(&value))),
                    value: Some(value),
                },
                Err(error) => Answer {
                    outcome: Err(error),
                    value: None,
                },
            }
        }
        _ => {
            let result = result(case)?;
            let value = expr::eval_condition_value(&case.expr, &result, now).ok();
            let outcome = expr::eval_condition(&case.expr, &result, now).map(Json::Bool);
            Answer { outcome, value }
        }
    })
}

fn class_name(class: Class) -> &'static str {
    match class {
        Class::Compile => "compile",
        Class::Runtime => "runtime",
        Class::Result => "result",
    }
}

fn variable(name: &str, json: &Json) -> Result<Value> {
    if name != "secrets" {
        return Ok(Value::from_json(json)?);
    }
    let bytes = || Type::slice(Type::Uint8);
    let mut entries = BTreeMap::new();
    for (key, secret) in json.as_object().context("secrets are an object")? {
        let text = secret.as_str().context("a secret is a string")?;
        let items = text.bytes().map(Value::Uint8).collect();
        entries.insert(Key::text(key), Value::List(List::new(bytes(), items)?));
    }
    Ok(Value::Map(Map::new(
        Type::map(Type::String, bytes()),
        entries,
    )?))
}

fn number(json: &Json) -> Result<f64> {
    if let Json::String(text) = json {
        return parse_float(text).ok().context("a number's text");
    }
    json.as_f64().context("a number")
}

fn items(json: &Json) -> Result<&Vec<Json>> {
    json.as_array().context("a list")
}

/// The value a provider would hand over.
fn result(case: &Case) -> Result<Value> {
    let json = &case.result;
    Ok(match case.kind.as_str() {
        "" | "json" => Value::from_json(json)?,
        "float64" => Value::Float(number(json)?),
        "[]float64" => Value::floats(
            items(json)?
                .iter()
                .map(number)
                .collect::<Result<Vec<_>>>()?,
        ),
        "*float64" => {
            let float = (!json.is_null()).then(|| number(json)).transpose()?;
            let float = float.map(Value::Float);
            Value::pointer(Type::Float64, float)
        }
        "string" => Value::text(json.as_str().context("a string")?),
        "nil" => Value::Nil,
        "nrdb" => row(json)?,
        "[]nrdb" => {
            let rows = items(json)?.iter().map(row).collect::<Result<_>>()?;
            let ty = Type::slice(Type::Named(Arc::new(row_type())));
            Value::List(List::new(ty, rows)?)
        }
        "influx" if items(json)?.is_empty() => Value::List(List::nil(Type::list())),
        "influx" => Value::list(items(json)?.iter().map(column).collect::<Result<_>>()?)?,
        "cloudwatch" => metric_results(json)?,
        other => anyhow::bail!("unknown kind {other}"),
    })
}

fn row_type() -> NamedType {
    NamedType {
        name: "nrdb.NRDBResult".to_owned(),
        package: "tidegate.example/conformance/internal/nrdb".to_owned(),
        underlying: Type::object(),
    }
}

fn row(json: &Json) -> Result<Value> {
    let mut entries = BTreeMap::new();
    for (name, member) in json.as_object().context("an object")? {
        entries.insert(Key::text(name), Value::from_json(member)?);
    }
    Ok(Value::Map(Map::new(
        Type::Named(Arc::new(row_type())),
        entries,
    )?))
}

fn column(json: &Json) -> Result<Value> {
    let members = json.as_object().context("an object")?;
    let (kind, value) = members.iter().next().context("a kind")?;
    let text = || value.as_str().context("a string");
    Ok(match kind.as_str() {
        "int64" => Value::Int64(text()?.parse()?),
        "uint64" => Value::Uint64(text()?.parse()?),
        "time" => Value::time(Time::parse(RFC_3339_NANO, text()?, &Zone::Utc)?),
        "nil" => Value::Nil,
        _ => Value::from_json(value)?,
    })
}

const CLOUDWATCH: &str = "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types";

/// A struct type of the `CloudWatch` client.
fn cloudwatch_type(name: &str, fields: &[(&str, Type)]) -> Arc<StructType> {
    Arc::new(StructType {
        name: format!("types.{name}"),
        package: CLOUDWATCH.to_owned(),
        fields: fields
            .iter()
            .map(|(name, ty)| ((*name).to_owned(), ty.clone()))
            .collect(),
    })
}

fn metric_results(json: &Json) -> Result<Value> {
    let text = || Type::Pointer(Arc::new(Type::String));
    let status = Arc::new(NamedType {
        name: "types.StatusCode".to_owned(),
        package: CLOUDWATCH.to_owned(),
        underlying: Type::String,
    });
    let message = cloudwatch_type("MessageData", &[("Code", text()), ("Value", text())]);
    let messages = Type::slice(Type::Struct(Arc::clone(&message)));
    let ty = cloudwatch_type(
        "MetricDataResult",
        &[
            ("Id", text()),
            ("Label", text()),
            ("Messages", messages.clone()),
            ("StatusCode", Type::Named(Arc::clone(&status))),
            ("Timestamps", Type::slice(Type::Time)),
            ("Values", Type::slice(Type::Float64)),
        ],
    );
    let list_type = Type::slice(Type::Struct(Arc::clone(&ty)));
    let Json::Array(results) = json else {
        return Ok(Value::List(List::nil(list_type)));
    };
    let pointer = |json: &Json| Value::pointer(Type::String, json.as_str().map(Value::text));
    let mut out = Vec::new();
    for result in results {
        let values = if result["Values"].is_null() {
            Value::List(List::nil(Type::slice(Type::Float64)))
        } else {
            let values = items(&result["Values"])?.iter().map(number);
            Value::floats(values.collect::<Result<Vec<_>>>()?)
        };
        let list =
            |ty: Type, json: &Json, item: &dyn Fn(&Json) -> Result<Value>| -> Result<Value> {
                Ok(Value::List(if json.is_null() {
                    List::nil(ty)
                } else {
                    List::new(ty, items(json)?.iter().map(item).collect::<Result<_>>()?)?
                }))
            };
        out.push(Value::structure(
            Arc::clone(&ty),
            vec![
                pointer(&result["Id"]),
                pointer(&result["Label"]),
                list(messages.clone(), &result["Messages"], &|json| {
                    let fields = vec![pointer(&json["Code"]), pointer(&json["Value"])];
                    Ok(Value::structure(Arc::clone(&message), fields))
                })?,
                Value::named_text(
                    Arc::clone(&status),
                    result["StatusCode"].as_str().unwrap_or_default(),
                ),
                list(Type::slice(Type::Time), &result["Timestamps"], &|json| {
                    let text = json.as_str().context("a time")?;
                    Ok(Value::time(Time::parse(RFC_3339_NANO, text, &Zone::Utc)?))
                })?,
                values,
            ],
        ));
    }
    Ok(Value::List(List::new(list_type, out)?))
}

/// A value with its Go type, as it is recorded.
fn typed(value: &Value, depth: usize) -> Json {
    let text = |text: &Text| Json::String(text.to_str().into_owned());
    let content = match value {
        Value::Nil => return serde_json::json!({"go": "nil", "v": null}),
        Value::Time(time) => Json::String(time.format(RFC_3339_NANO)),
        Value::Duration(duration) => Json::String(duration.to_string()),
        _ if depth > TYPED_DEPTH => Json::Null,
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Int(int) | Value::Int64(int) | Value::Month(int) | Value::Weekday(int) => {
            Json::String(int.to_string())
        }
        Value::Uint8(int) => Json::String(int.to_string()),
        Value::Uint64(int) => Json::String(int.to_string()),
        Value::Float(float) => Json::String(print_float(*float)),
        Value::String(string) => text(string),
        Value::Named(named) => text(named.text()),
        Value::List(list) => list
            .items()
            .iter()
            .map(|item| typed(item, depth + 1))
            .collect(),
        Value::Map(map) => {
            let mut entries: Vec<(String, Json)> = map
                .entries()
                .iter()
                .map(|(key, value)| {
                    let pair = [typed(&key.value(), depth + 1), typed(value, depth + 1)];
                    (expr::print(&key.value()), pair.into_iter().collect())
                })
                .collect();
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            entries.into_iter().map(|(_, pair)| pair).collect()
        }
        Value::Location(_) | Value::Pointer(_) | Value::Struct(_) | Value::Function(_) => {
            Json::Null
        }
    };
    serde_json::json!({"go": value.type_text(), "v": content})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_meant(expr: &str, error: &Json) -> bool {
        let case = serde_json::json!({"expr": expr, "kind": "nil", "output": true, "error": error});
        let case: Case = serde_json::from_value(case).unwrap();
        is_too_deep_for_us(&case, &answer(&case).unwrap())
    }

    #[test]
    fn only_what_nests_deeper_than_ours_may_differs_on_purpose() {
        let brackets = |levels: usize| format!("{}true{}", "(".repeat(levels), ")".repeat(levels));
        assert!(is_meant(&brackets(300), &Json::Null));
        assert!(!is_meant(&brackets(100), &Json::Null));
        let error = |class: &str| serde_json::json!({"class": class, "text": "no"});
        assert!(is_meant(&brackets(300), &error("result")));
        assert!(!is_meant(&brackets(300), &error("compile")));
        assert!(!is_meant("1 +", &Json::Null));
    }
}
