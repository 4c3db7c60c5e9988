//! JSON and base64.

use super::super::machine::Means;
use super::super::types::{Signature, Type};
use super::super::value::{Text, Value};
use super::{Builtin, argument, signature, text};
use crate::base64;

pub(super) static TABLE: [Builtin; 4] = [
    Builtin::typed(
        "toJSON",
        || vec![signature(&[Type::Any], Type::String)],
        |means, values| {
            let printed = argument(values, 0).to_json(means.text_left())?;
            means.text(printed.len())?;
            Ok(Value::text(&printed))
        },
    ),
    Builtin::typed(
        "fromJSON",
        || vec![signature(&[Type::String], Type::Any)],
        from_json,
    ),
    Builtin::typed("toBase64", text_to_text, |means, values| {
        let text = text(values, 0)?;
        means.text(text.bytes().len().saturating_mul(2))?;
        Ok(Value::text(&base64::encode(text.bytes())))
    }),
    Builtin::typed("fromBase64", text_to_text, |means, values| {
        let text = text(values, 0)?;
        means.text(text.bytes().len())?;
        base64::decode(text.bytes())
            .map(|bytes| Value::String(Text::from(bytes)))
            .map_err(|place| format!("illegal base64 data at input byte {place}"))
    }),
];

fn text_to_text() -> Vec<Signature> {
    vec![signature(&[Type::String], Type::String)]
}

fn from_json(means: &mut Means, values: &[Value]) -> Result<Value, String> {
    let text = text(values, 0)?;
    // A parsed value is many times its text.
    means.text(text.bytes().len().saturating_mul(16))?;
    let json: serde_json::Value =
        serde_json::from_str(&text.to_str()).map_err(|error| match error.classify() {
            serde_json::error::Category::Eof => "unexpected end of JSON input".to_owned(),
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Data => format!("invalid JSON: {error}"),
        })?;
    Value::from_json(&json).map_err(|error| error.to_string())
}
