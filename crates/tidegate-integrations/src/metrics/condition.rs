//! A value becomes a verdict by the metric's conditions (ANA-41 to ANA-43, MP-007 to MP-009).

use jiff::Timestamp;
use tidegate_api::analysis::{Metric, phase};
use tidegate_gocompat::expr::{self, Value};

/// The phase of a measurement, or why the conditions cannot be evaluated.
///
/// # Errors
/// The sentence that becomes the measurement's message; its phase is Error.
pub fn evaluate(metric: &Metric, result: &Value, now: Timestamp) -> Result<&'static str, String> {
    let holds = |condition: &str, name: &str| {
        if condition.is_empty() {
            return Ok(None);
        }
        expr::eval_condition(condition, result, now)
            .map(Some)
            .map_err(|error| sentence(&error.to_string(), (name, condition), result))
    };
    let success = holds(&metric.success_condition, "successCondition")?;
    let failure = holds(&metric.failure_condition, "failureCondition")?;
    Ok(match (success, failure) {
        (None | Some(true), None | Some(false)) => phase::SUCCESSFUL,
        (Some(false), None) | (None | Some(_), Some(true)) => phase::FAILED,
        (Some(false), Some(false)) => phase::INCONCLUSIVE,
    })
}

fn sentence(error: &str, (name, condition): (&str, &str), result: &Value) -> String {
    let is_empty = if let Value::List(list) = result {
        list.items().is_empty()
    } else {
        result.is_nil()
    };
    let why = if is_empty {
        "metric result is nil or empty: no data returned from the metric provider"
    } else {
        error
    };
    format!("could not evaluate {name} \"{condition}\": {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check((success, failure): (&str, &str), value: f64, expected: Result<&str, &str>) {
        let metric = Metric {
            success_condition: success.to_owned(),
            failure_condition: failure.to_owned(),
            ..Metric::default()
        };
        let found = evaluate(&metric, &Value::floats([value]), Timestamp::UNIX_EPOCH);
        assert_eq!(found.as_ref().copied().map_err(String::as_str), expected);
    }

    /// Keeps ANA-41 and MP-007.
    #[test]
    fn one_condition_decides_both_ways_and_two_leave_room_between_them() {
        check(("", ""), 1.0, Ok("Successful"));
        check(("result[0] > 1", ""), 1.0, Ok("Failed"));
        check(("", "result[0] > 1"), 1.0, Ok("Successful"));
        check(("result[0] > 2", "result[0] < 1"), 1.0, Ok("Inconclusive"));
        check(("result[0] > 0", "result[0] > 0"), 1.0, Ok("Failed"));
    }

    #[test]
    fn not_a_number_is_no_success() {
        check(("result[0] >= 0.99", ""), f64::NAN, Ok("Failed"));
    }

    /// Keeps ANA-43 and MP-008.
    #[test]
    fn an_empty_result_is_named() {
        let metric = Metric {
            success_condition: "result[0] > 1".to_owned(),
            ..Metric::default()
        };
        let error = evaluate(&metric, &Value::floats([]), Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(
            error,
            "could not evaluate successCondition \"result[0] > 1\": metric result is nil or empty: no data returned from the metric provider"
        );
    }
}
