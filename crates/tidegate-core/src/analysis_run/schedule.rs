//! When a metric is measured (ANA-21, ANA-22, ANA-35, ANA-36).

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use tidegate_api::analysis::{AnalysisRun, Measurement, Metric, MetricResult, phase};
use tidegate_gocompat::{duration, fnv};

use super::{Ending, Task, effective_count, is_completed};

/// After an error, and where no interval is given.
const ERROR_INTERVAL: SignedDuration = SignedDuration::from_secs(10);

/// The shortest interval. The status tells whole seconds, so that a shorter one has always passed: the metric
/// would be measured without a pause.
const SHORTEST_INTERVAL: SignedDuration = SignedDuration::from_secs(1);

/// The result of a metric so far.
pub(super) fn result<'a>(run: &'a AnalysisRun, name: &str) -> Option<&'a MetricResult> {
    run.status
        .metric_results
        .iter()
        .find(|result| result.name == name)
}

/// The measurements that are due.
pub(super) fn tasks(
    run: &AnalysisRun,
    metrics: &[Metric],
    (ended, ending): (&BTreeSet<String>, Ending),
    now: Timestamp,
) -> Vec<Task> {
    metrics
        .iter()
        .enumerate()
        .filter_map(|(index, metric)| task(run, (index, metric), (ended, ending), now))
        .collect()
}

fn task(
    run: &AnalysisRun,
    (index, metric): (usize, &Metric),
    (ended, ending): (&BTreeSet<String>, Ending),
    now: Timestamp,
) -> Option<Task> {
    let held = result(run, &metric.name);
    if held.is_some_and(|held| is_completed(&held.phase)) {
        return None;
    }
    let last = held.and_then(|held| held.measurements.last());
    if let Some(unfinished) = last.filter(|last| last.finished_at.is_none()) {
        let later = unfinished.resume_at.is_some_and(|at| at.timestamp() > now)
            && !ended.contains(&metric.name);
        return (ending == Ending::Yes || !later).then(|| Task {
            index,
            unfinished: Some(unfinished.clone()),
        });
    }
    if ending == Ending::Yes {
        return None;
    }
    let due = match (held, last) {
        (Some(held), Some(last)) => {
            !is_counted(metric, held) && look(run, metric, last).is_some_and(|at| now >= at)
        }
        _ => first(run, metric, now).is_some_and(|at| now >= at),
    };
    due.then_some(Task {
        index,
        unfinished: None,
    })
}

/// When a metric is first measured. A delayed one waits until the run's start is on record.
fn first(run: &AnalysisRun, metric: &Metric, now: Timestamp) -> Option<Timestamp> {
    if metric.initial_delay.is_empty() {
        return Some(now);
    }
    let started = run.status.started_at?.timestamp();
    started.checked_add(span(&metric.initial_delay)?).ok()
}

/// When a metric is measured again. Differs from upstream, which measures without a pause if the interval is
/// shorter than a second (ANA-21).
fn next(metric: &Metric, last: &Measurement) -> Option<Timestamp> {
    let interval = if last.phase == phase::ERROR || metric.interval.is_empty() {
        ERROR_INTERVAL
    } else {
        span(&metric.interval)?.max(SHORTEST_INTERVAL)
    };
    last.finished_at?.timestamp().checked_add(interval).ok()
}

fn is_counted(metric: &Metric, held: &MetricResult) -> bool {
    effective_count(metric).is_some_and(|count| held.count >= count)
}

fn span(text: &str) -> Option<SignedDuration> {
    let nanoseconds = duration::parse(text).ok()?.nanoseconds();
    Some(SignedDuration::from_nanos(nanoseconds))
}

/// The part of a second that a run waits longer than its metrics ask for, always the same. The status tells
/// whole seconds, so that without it all runs of a cluster would measure at once when a second begins. The last four
/// tenths are left for measuring: who is late and begins in the second after has lost a turn.
fn share_of_a_second(run: &AnalysisRun) -> SignedDuration {
    let uid = &run.metadata.uid;
    if uid.is_empty() {
        // It is in no cluster.
        return SignedDuration::ZERO;
    }
    let thousandths = fnv::hash(uid.as_bytes()) % 600;
    SignedDuration::from_millis(i64::from(thousandths))
}

/// When to look at a metric that is due again: in its run's part of the second, and not before, whatever else there is
/// to look at. If the last measurement took until the second after, that has spread them already.
fn look(run: &AnalysisRun, metric: &Metric, last: &Measurement) -> Option<Timestamp> {
    let due = next(metric, last)?;
    let took = match (last.started_at, last.finished_at) {
        (Some(started), Some(finished)) => finished.timestamp().duration_since(started.timestamp()),
        _ => SignedDuration::ZERO,
    };
    let later = (share_of_a_second(run) - took).max(SignedDuration::ZERO);
    due.checked_add(later).ok()
}

/// When the run must be looked at again, and for which metric. Keeps ANA-36.
pub(super) fn wake(run: &AnalysisRun, metrics: &[Metric]) -> Option<(Timestamp, String)> {
    let mut earliest: Option<(Timestamp, String)> = None;
    for metric in metrics {
        let held = result(run, &metric.name);
        if held.is_some_and(|held| is_completed(&held.phase)) {
            continue;
        }
        let last = held.and_then(|held| held.measurements.last());
        let at = match (held, last) {
            (_, Some(last)) if last.finished_at.is_none() => {
                last.resume_at.map(tidegate_api::meta::Time::timestamp)
            }
            (Some(held), Some(_)) if is_counted(metric, held) => None,
            (_, Some(last)) => look(run, metric, last),
            (_, None) => run.status.started_at.and_then(|started| {
                started
                    .timestamp()
                    .checked_add(span(&metric.initial_delay)?)
                    .ok()
            }),
        };
        if let Some(at) = at
            && earliest.as_ref().is_none_or(|(first, _)| at < *first)
        {
            earliest = Some((at, metric.name.clone()));
        }
    }
    earliest
}

/// When a run that is over is deleted, if ever. Keeps ANA-35.
pub fn expiry(run: &AnalysisRun) -> Option<Timestamp> {
    let strategy = run.spec.ttl_strategy.as_ref()?;
    let by_phase = match run.status.phase.as_str() {
        phase::SUCCESSFUL => strategy.seconds_after_success,
        phase::FAILED => strategy.seconds_after_failure,
        _ => None,
    };
    let seconds = by_phase.or(strategy.seconds_after_completion)?;
    run.status
        .completed_at?
        .timestamp()
        .checked_add(SignedDuration::from_secs(i64::from(seconds)))
        .ok()
}
