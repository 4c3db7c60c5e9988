//! What Kayenta is to judge (MP-510, MP-512).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use tidegate_api::analysis::{KayentaMetric, KayentaScope, ScopeDetail};
use tidegate_gocompat::{
    duration,
    quote::quote,
    time::{RFC_3339, Time},
};

#[derive(Serialize)]
struct Order<'m> {
    scopes: BTreeMap<&'m str, Scopes<'m>>,
    thresholds: Thresholds,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Scopes<'m> {
    control_scope: Scope<'m>,
    experiment_scope: Scope<'m>,
}

#[derive(Serialize)]
struct Scope<'m> {
    #[serde(rename = "scope")]
    name: &'m str,
    location: &'m str,
    step: i64,
    start: String,
    end: String,
}

#[derive(Serialize)]
struct Thresholds {
    pass: i64,
    marginal: i64,
}

/// The body of an order, given when the run and the measurement began.
pub(super) fn body(
    kayenta: &KayentaMetric,
    interval: &str,
    (began, now): (Timestamp, Timestamp),
) -> Result<Vec<u8>, String> {
    let mut scopes = BTreeMap::new();
    for given in &kayenta.scopes {
        let KayentaScope {
            name,
            control_scope: control,
            experiment_scope: experiment,
        } = given;
        for (part, one, other) in [
            ("start", &control.start, &experiment.start),
            ("end", &control.end, &experiment.end),
        ] {
            if one.is_empty() != other.is_empty() {
                return Err(format!(
                    "controlScope.{part} and experimentScope.{part} must both be set or be empty"
                ));
            }
        }
        let start = if !control.start.is_empty() {
            String::new()
        } else if kayenta.lookback {
            Time::from_timestamp(began).format(RFC_3339)
        } else {
            let interval = duration::parse(interval).map_err(|error| {
                format!("Invalid duration {}: {error}", quote(interval.as_bytes()))
            })?;
            Time::from_timestamp(now).minus(interval).format(RFC_3339)
        };
        let end = Time::from_timestamp(now).format(RFC_3339);
        let window = (start.as_str(), end.as_str());
        let pair = Scopes {
            control_scope: scope(control, window),
            experiment_scope: scope(experiment, window),
        };
        scopes.insert(name.as_str(), pair);
    }
    let order = Order {
        scopes,
        thresholds: Thresholds {
            pass: kayenta.threshold.pass,
            marginal: kayenta.threshold.marginal,
        },
    };
    serde_json::to_vec(&order).map_err(|error| error.to_string())
}

fn scope<'m>(given: &'m ScopeDetail, (start, end): (&str, &str)) -> Scope<'m> {
    let or = |given: &str, otherwise: &str| {
        if given.is_empty() {
            otherwise.to_owned()
        } else {
            given.to_owned()
        }
    };
    Scope {
        name: &given.scope,
        location: &given.region,
        step: given.step,
        start: or(&given.start, start),
        end: or(&given.end, end),
    }
}
