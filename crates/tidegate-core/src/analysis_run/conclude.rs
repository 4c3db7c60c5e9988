//! From measurements to the next status: counters, verdicts, summaries, events, and the one write.

use jiff::Timestamp;
use serde_json::json;
use tidegate_api::{
    analysis::{AnalysisRun, AnalysisRunStatus, Metric, MetricResult, RunSummary, phase},
    document,
    meta::{ObjectMeta, Time},
};

use super::{
    Collect, Due, Ending, Masks, Measured, assess, ending, guard, is_completed, key, room::Room,
    schedule,
};
use crate::{
    plan::{Class, Event, Severity, Verb, Wake, Write},
    reason::Reason,
};

/// Measurements that are kept per metric unless a rule says otherwise.
const KEPT: usize = 10;
/// The message of a measurement that was ended with its run (MP-206).
const TERMINATED: &str = "Metric Terminated";

/// What a pass comes to.
#[derive(Debug, Default)]
pub struct Concluded {
    /// The status write, if anything changed.
    pub write: Option<Write>,
    /// The status that it leads to, where the run can be read.
    pub status: Option<Box<AnalysisRunStatus>>,
    /// Sent after it.
    pub events: Vec<Event>,
    /// When to look again.
    pub wake: Option<Wake>,
    /// What is to be removed before the write.
    pub collect: Vec<Collect>,
}

impl Concluded {
    /// A run that can never be measured ends with a sentence. Differs from upstream: it is complete,
    /// so that its `ttlStrategy` applies (ANA-20).
    pub fn refused(run: &AnalysisRun, sentence: String, now: Timestamp) -> Self {
        let mut status = run.status.clone();
        phase::ERROR.clone_into(&mut status.phase);
        status.message = sentence;
        status.completed_at = Some(Time::new(now));
        Self {
            write: write(&run.metadata, &run.status, &status),
            status: Some(Box::new(status)),
            events: vec![completed(phase::ERROR)],
            ..Self::default()
        }
    }
}

/// Takes what was measured. `masks` hide the secrets that were given to providers.
pub fn conclude(
    run: &AnalysisRun,
    due: &Due,
    (measured, masks): (Vec<Measured>, &Masks),
    now: Timestamp,
) -> Concluded {
    let mut next = run.clone();
    let progress = if measured.len() < due.tasks.len() {
        Progress::Waits
    } else {
        Progress::Complete
    };
    let kept = due.metrics.iter().map(|metric| kept(due, &metric.name));
    let room = Room::among(kept.fold(0, usize::saturating_add));
    for mut one in measured {
        for text in texts(&mut one) {
            *text = masks.hide(text);
            room.fit(text);
        }
        take(&mut next.status, due, one, now);
    }
    let mut events = Vec::new();
    let verdict = judge(&mut next, due, progress, (&mut events, now));
    let mut wake = None;
    if verdict.phase != next.status.phase {
        next.status.phase.clone_from(&verdict.phase);
        next.status.message = verdict.message;
        if is_completed(&verdict.phase) {
            events.push(completed(&verdict.phase));
            next.status
                .completed_at
                .get_or_insert_with(|| Time::new(now));
        }
    }
    let collect = trim(&mut next.status, due);
    if is_completed(&next.status.phase) {
        if let Some(at) = schedule::expiry(&next) {
            let reason = Reason::Because("the run outlives its ttlStrategy".to_owned());
            wake = Some(Wake { at, reason });
        }
    } else if let Some((at, metric)) = schedule::wake(&next, &due.metrics) {
        let reason = Reason::MeasurementDue { metric };
        wake = Some(Wake { at, reason });
    }
    Concluded {
        write: write(&run.metadata, &run.status, &next.status),
        status: Some(Box::new(next.status)),
        events,
        wake,
        collect,
    }
}

/// Whatever a provider has said.
fn texts(measured: &mut Measured) -> impl Iterator<Item = &mut String> {
    let measurement = &mut measured.measurement;
    [&mut measurement.message, &mut measurement.value]
        .into_iter()
        .chain(measurement.metadata.values_mut())
        .chain(measured.metadata.values_mut())
}

fn take(status: &mut AnalysisRunStatus, due: &Due, measured: Measured, now: Timestamp) {
    let mut measurement = measured.measurement;
    let known = status
        .metric_results
        .iter()
        .position(|result| result.name == measured.name);
    let index = known.unwrap_or_else(|| {
        // In the order of the spec, whichever comes first; upstream's order is random.
        let later = due.metrics.iter().map(|metric| metric.name.as_str());
        let later: Vec<&str> = later.skip_while(|name| *name != measured.name).collect();
        let results = &mut status.metric_results;
        let place = results
            .iter()
            .position(|result| later.contains(&result.name.as_str()))
            .unwrap_or(results.len());
        let first = MetricResult {
            dry_run: due.dry_run.contains(&measured.name),
            name: measured.name,
            phase: phase::RUNNING.to_owned(),
            metadata: measured.metadata,
            ..MetricResult::default()
        };
        results.insert(place, first);
        place
    });
    let Some(result) = status.metric_results.get_mut(index) else {
        return;
    };
    let resumed = result
        .measurements
        .last()
        .is_some_and(|last| last.finished_at.is_none());
    let untold = [phase::SUCCESSFUL, phase::INCONCLUSIVE].contains(&measurement.phase.as_str());
    if due.ending == Ending::Yes && resumed && untold {
        TERMINATED.clone_into(&mut measurement.message);
    }
    if is_completed(&measurement.phase) {
        measurement
            .finished_at
            .get_or_insert_with(|| Time::new(now));
        assess::count(result, &measurement);
    }
    if resumed {
        result.measurements.pop();
    }
    result.measurements.push(measurement);
}

/// Whether everything that was due was measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// It was.
    Complete,
    /// Of some measurements nobody could say how they stand.
    Waits,
}

struct Verdict {
    phase: String,
    message: String,
}

/// Keeps ANA-29 to ANA-31.
fn judge(
    run: &mut AnalysisRun,
    due: &Due,
    progress: Progress,
    (events, now): (&mut Vec<Event>, Timestamp),
) -> Verdict {
    let ending = ending(run);
    run.status
        .started_at
        .get_or_insert_with(|| Time::new(due.at.min(now)));
    let mut tally = Tally {
        worst: None,
        message: if run.spec.terminate {
            "Run Terminated".to_owned()
        } else {
            String::new()
        },
        summary: RunSummary::default(),
        dry_summary: RunSummary::default(),
        everything: true,
    };
    for metric in &due.metrics {
        let counts = if due.dry_run.contains(&metric.name) {
            Counts::TriedOut
        } else {
            Counts::Judged
        };
        tally.summary_of(counts).count += 1;
        let result = run
            .status
            .metric_results
            .iter_mut()
            .find(|result| result.name == metric.name);
        match result {
            Some(result) => {
                settle(metric, result, ending, events);
                tally.add(metric, result, counts);
            }
            None => tally.everything = false,
        }
    }
    run.status.run_summary = tally.summary;
    run.status.dry_run_summary = Some(tally.dry_summary);
    let message = tally.message.trim().to_owned();
    match (ending, tally.worst) {
        // It is over when what is under way has been ended.
        (Ending::Yes, _) if progress == Progress::Waits => Verdict {
            phase: phase::RUNNING.to_owned(),
            message: String::new(),
        },
        (Ending::Yes, worst) => Verdict {
            phase: worst.unwrap_or_else(|| phase::SUCCESSFUL.to_owned()),
            message,
        },
        (Ending::No, Some(worst)) if tally.everything => Verdict {
            phase: worst,
            message,
        },
        (Ending::No, _) => Verdict {
            phase: phase::RUNNING.to_owned(),
            message: String::new(),
        },
    }
}

fn settle(metric: &Metric, result: &mut MetricResult, ending: Ending, events: &mut Vec<Event>) {
    let verdict = assess::metric(metric, result, ending);
    if verdict == result.phase {
        return;
    }
    if is_completed(&verdict) {
        events.push(Event {
            severity: severity(&verdict),
            reason: format!("Metric{verdict}").into(),
            message: format!("Metric '{}' Completed. Result: {verdict}", metric.name),
        });
    }
    if let Some(last) = result.measurements.last() {
        result.message.clone_from(&last.message);
    }
    result.phase = verdict;
}

/// Whether a metric counts.
#[derive(Clone, Copy)]
enum Counts {
    /// It does.
    Judged,
    /// It is only tried out (ANA-33).
    TriedOut,
}

struct Tally {
    worst: Option<String>,
    message: String,
    summary: RunSummary,
    dry_summary: RunSummary,
    everything: bool,
}

impl Tally {
    fn summary_of(&mut self, counts: Counts) -> &mut RunSummary {
        match counts {
            Counts::Judged => &mut self.summary,
            Counts::TriedOut => &mut self.dry_summary,
        }
    }

    fn add(&mut self, metric: &Metric, result: &mut MetricResult, counts: Counts) {
        if !is_completed(&result.phase) {
            self.everything = false;
            return;
        }
        let crossed = assess::crossed(metric, result);
        let why = crossed.as_ref().map(|(_, why)| why.as_str());
        match counts {
            Counts::Judged => self.worsen(metric, result, why),
            Counts::TriedOut => {
                if let Some(why) = why {
                    result.message = format!("Metric assessed {} due to {why}", result.phase);
                }
                self.worst
                    .get_or_insert_with(|| phase::SUCCESSFUL.to_owned());
            }
        }
        let counted = crossed.map_or(phase::SUCCESSFUL, |(verdict, _)| verdict);
        let summary = self.summary_of(counts);
        match counted {
            phase::ERROR => summary.error += 1,
            phase::FAILED => summary.failed += 1,
            phase::INCONCLUSIVE => summary.inconclusive += 1,
            _ => summary.successful += 1,
        }
    }

    fn worsen(&mut self, metric: &Metric, result: &MetricResult, why: Option<&str>) {
        let worse = self
            .worst
            .as_ref()
            .is_none_or(|worst| assess::badness(&result.phase) > assess::badness(worst));
        if !worse {
            return;
        }
        self.worst = Some(result.phase.clone());
        if let Some(why) = why {
            let last = &result.message;
            let told = if last.is_empty() {
                String::new()
            } else {
                format!(": \"Error Message: {last}\"")
            };
            self.message = format!(
                "Metric \"{}\" assessed {} due to {why}{told}",
                metric.name, result.phase
            );
        }
    }
}

/// Keeps ANA-34.
fn trim(status: &mut AnalysisRunStatus, due: &Due) -> Vec<Collect> {
    let mut collect = Vec::new();
    for result in &mut status.metric_results {
        let keep = kept(due, &result.name);
        let excess = result.measurements.len().saturating_sub(keep);
        if excess > 0 {
            let metric = due.metrics.iter().find(|one| one.name == result.name);
            collect.extend(metric.cloned().map(|metric| Collect { metric, keep }));
        }
        result.measurements.drain(..excess);
    }
    collect
}

/// How many measurements of a metric are kept.
fn kept(due: &Due, metric: &str) -> usize {
    due.retention.get(metric).copied().unwrap_or(KEPT)
}

pub(super) fn completed(phase: &str) -> Event {
    Event {
        severity: severity(phase),
        reason: format!("AnalysisRun{phase}").into(),
        message: format!("Analysis Completed. Result: {phase}"),
    }
}

fn severity(name: &str) -> Severity {
    if name == phase::ERROR || name == phase::FAILED {
        Severity::Warning
    } else {
        Severity::Normal
    }
}

/// AnalysisRuns have no status subresource: the patch goes to the object, and touches its status only.
pub(super) fn write(
    run: &ObjectMeta,
    before: &AnalysisRunStatus,
    next: &AnalysisRunStatus,
) -> Option<Write> {
    let before = serde_json::to_value(before).ok()?;
    let after = serde_json::to_value(next).ok()?;
    let differences = document::merge_patch(&before, &after)?;
    Some(Write {
        verb: Verb::Patch,
        target: key(run),
        guard: guard(run),
        body: json!({"status": differences}),
        class: Class::Status,
        events: Vec::new(),
        reason: Reason::Because("the status follows the measurements".to_owned()),
    })
}
