//! What Prometheus answers (MP-107).

use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;
use tidegate_gocompat::expr::Value;

/// What the server says. A member that is `null` counts as one that is not there, as for Go.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reply {
    pub(super) status: String,
    #[serde(default, deserialize_with = "null_is_nothing")]
    pub(super) data: Data,
    #[serde(default, deserialize_with = "null_is_nothing")]
    pub(super) error_type: String,
    #[serde(default, deserialize_with = "null_is_nothing")]
    pub(super) error: String,
    #[serde(default, deserialize_with = "null_is_nothing")]
    pub(super) warnings: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Data {
    #[serde(deserialize_with = "null_is_nothing")]
    result_type: String,
    result: Json,
}

fn null_is_nothing<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl Data {
    /// The result as conditions see it, and as text. Keeps MP-107.
    pub(super) fn value(&self) -> Result<(Value, String), String> {
        match self.result_type.as_str() {
            "scalar" => {
                let sample = sample(&self.result)?;
                Ok((Value::Float(sample), print(sample)))
            }
            "vector" => many(self.series().map(|series| sample(&series["value"]))),
            "matrix" => many(self.series().flat_map(|series| {
                series["values"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(sample)
            })),
            _ => Err("Prometheus metric type not supported".to_owned()),
        }
    }

    fn series(&self) -> impl Iterator<Item = &Json> {
        self.result.as_array().into_iter().flatten()
    }
}

fn many(samples: impl Iterator<Item = Result<f64, String>>) -> Result<(Value, String), String> {
    let samples: Vec<f64> = samples.collect::<Result<_, _>>()?;
    let texts: Vec<String> = samples.iter().copied().map(print).collect();
    Ok((Value::floats(samples), format!("[{}]", texts.join(","))))
}

/// `[1700000000.123, "0.5"]`.
fn sample(pair: &Json) -> Result<f64, String> {
    let text = pair[1]
        .as_str()
        .ok_or_else(|| format!("prometheus gave a sample that is none: {pair}"))?;
    match text {
        "NaN" => Ok(f64::NAN),
        "+Inf" | "Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        _ => text
            .parse()
            .map_err(|_| format!("prometheus gave a value that is no number: {text:?}")),
    }
}

/// A value as Prometheus' own libraries print it: no exponent.
fn print(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        format!("{value}")
    }
}
