//! Verdicts: over a metric, and over the run (ANA-25, ANA-27 to ANA-31).

use tidegate_api::analysis::{Measurement, Metric, MetricResult, phase};

use super::{Ending, effective_count, is_completed, number};

/// Errors in a row that a metric survives unless it says otherwise.
const CONSECUTIVE_ERRORS: i32 = 4;

/// Adds a finished measurement to a metric's counters. Keeps ANA-25.
pub fn count(result: &mut MetricResult, measurement: &Measurement) {
    match measurement.phase.as_str() {
        phase::SUCCESSFUL => {
            result.successful += 1;
            result.count += 1;
            result.consecutive_error = 0;
            result.consecutive_success += 1;
        }
        phase::FAILED => {
            result.failed += 1;
            result.count += 1;
            result.consecutive_error = 0;
            result.consecutive_success = 0;
        }
        phase::INCONCLUSIVE => {
            result.inconclusive += 1;
            result.count += 1;
            result.consecutive_error = 0;
            result.consecutive_success = 0;
        }
        phase::ERROR => {
            result.error += 1;
            result.consecutive_error += 1;
            result.consecutive_success = 0;
        }
        _ => {}
    }
}

/// A limit that is crossed: the verdict and its reason. Later ones win.
pub fn crossed(metric: &Metric, result: &MetricResult) -> Option<(&'static str, String)> {
    let failures = number(metric.failure_limit.as_ref());
    let inconclusive = number(metric.inconclusive_limit.as_ref());
    let errors = consecutive_error_limit(metric);
    let mut verdict = None;
    if failures >= 0 && result.failed > failures {
        let why = format!("failed ({}) > failureLimit ({failures})", result.failed);
        verdict = Some((phase::FAILED, why));
    }
    if result.inconclusive > inconclusive {
        let count = result.inconclusive;
        let why = format!("inconclusive ({count}) > inconclusiveLimit ({inconclusive})");
        verdict = Some((phase::INCONCLUSIVE, why));
    }
    if result.consecutive_error > errors {
        let count = result.consecutive_error;
        let why = format!("consecutiveErrors ({count}) > consecutiveErrorLimit ({errors})");
        verdict = Some((phase::ERROR, why));
    }
    verdict
}

/// Errors in a row that a metric survives. Keeps ANA-27.
pub fn consecutive_error_limit(metric: &Metric) -> i32 {
    metric
        .consecutive_error_limit
        .as_ref()
        .map_or(CONSECUTIVE_ERRORS, |limit| number(Some(limit)))
}

/// The verdict over a metric. Keeps ANA-27 and ANA-28.
pub fn metric(metric: &Metric, result: &MetricResult, ending: Ending) -> String {
    if is_completed(&result.phase) {
        return result.phase.clone();
    }
    let Some(last) = result.measurements.last() else {
        let phase = match ending {
            Ending::Yes => phase::SUCCESSFUL,
            Ending::No => phase::PENDING,
        };
        return phase.to_owned();
    };
    if !is_completed(&last.phase) {
        return phase::RUNNING.to_owned();
    }
    if let Some((verdict, _)) = crossed(metric, result) {
        return verdict.to_owned();
    }
    let successes = number(metric.consecutive_success_limit.as_ref());
    if successes > 0 && result.consecutive_success >= successes {
        return phase::SUCCESSFUL.to_owned();
    }
    let verdict = if effective_count(metric).is_some_and(|count| result.count >= count) {
        let failures_count = number(metric.failure_limit.as_ref()) >= 0;
        match (failures_count, successes > 0) {
            (true, true) => phase::INCONCLUSIVE,
            (false, true) => phase::FAILED,
            (true | false, false) => phase::SUCCESSFUL,
        }
    } else if ending == Ending::Yes {
        phase::SUCCESSFUL
    } else {
        phase::RUNNING
    };
    verdict.to_owned()
}

/// How bad a phase is, among those of one run.
pub fn badness(name: &str) -> usize {
    const ORDER: [&str; 6] = [
        phase::SUCCESSFUL,
        phase::RUNNING,
        phase::PENDING,
        phase::INCONCLUSIVE,
        phase::ERROR,
        phase::FAILED,
    ];
    ORDER
        .iter()
        .position(|phase| *phase == name)
        .unwrap_or_default()
}
