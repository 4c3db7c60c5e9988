//! AnalysisRuns: which measurements are due, what they mean for each metric, and for the run.
//!
//! [`decide`] says what is to be measured; the shell measures; [`conclude`] takes the measurements
//! and gives the one status write of the pass.

pub mod ahead;
pub mod args;
pub mod assess;
mod conclude;
mod masks;
mod room;
pub mod rules;
pub mod schedule;
pub mod unreadable;
pub mod validate;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;
use tidegate_api::{
    analysis::{AnalysisRun, Measurement, Metric, phase},
    int_or_string::IntOrString,
    meta::ObjectMeta,
};

pub use conclude::{Concluded, conclude};
pub use masks::Masks;

use crate::{
    plan::{ANALYSIS_RUNS, Class, Guard, ObjectKey, Verb, Write},
    reason::Reason,
};

/// What one pass over an AnalysisRun does.
#[derive(Debug)]
pub enum Decision {
    /// Nothing, unless the run changes or this instant comes.
    Idle(Option<Timestamp>),
    /// The run has outlived its time (ANA-35).
    Delete(Box<Write>),
    /// The run can never be measured: the sentence becomes its message.
    Refuse(String),
    /// These measurements are due (perhaps none); then [`conclude`].
    Measure(Box<Due>),
}

/// Measurements that are due, and what is needed to take and judge them.
#[derive(Debug)]
pub struct Due {
    /// Which metrics, by index into `spec.metrics`.
    pub(crate) tasks: Vec<Task>,
    /// All metrics with their arguments; secrets are replaced by a stand-in.
    pub(crate) metrics: Vec<Metric>,
    /// Metrics that are only tried out (ANA-33).
    pub(crate) dry_run: BTreeSet<String>,
    /// How many measurements are kept, where it is not the default (ANA-34).
    pub(crate) retention: BTreeMap<String, usize>,
    /// Whether the run is ending.
    pub(crate) ending: Ending,
    /// When it was decided.
    pub(crate) at: Timestamp,
}

/// One measurement that is due.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) index: usize,
    pub(crate) unfinished: Option<Measurement>,
}

/// Whether a run is ending: by request, or because a metric was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It goes on.
    No,
    /// Nothing new is measured.
    Yes,
}

/// What was read of secrets, by name.
pub type Secrets = BTreeMap<String, Secret>;

/// What was read of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// Its values by key. Not to be logged.
    Values(BTreeMap<String, String>),
    /// There is none of this name.
    Absent,
    /// The API server does not show it; its sentence.
    Refused(String),
}

/// A metric to be measured now.
#[derive(Clone, Debug)]
pub struct Measure {
    /// The metric with all its arguments, secrets included. Not to be logged.
    pub metric: Metric,
    /// A measurement that was begun earlier and is to be read, or ended.
    pub unfinished: Option<Measurement>,
    /// Whether it is to be ended.
    pub ending: Ending,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The metric's name.
    pub name: String,
    /// The measurement.
    pub measurement: Measurement,
    /// What the provider says about the metric as a whole.
    pub metadata: BTreeMap<String, String>,
}

/// What measurements of a metric that are no longer kept may have left behind, to be removed before the
/// status forgets them (ANA-34).
#[derive(Clone, Debug)]
pub struct Collect {
    /// The metric with its arguments, secrets replaced by a stand-in.
    pub metric: Metric,
    /// Of how many measurements it stays.
    pub keep: usize,
}

/// Decides one pass. `ended` names metrics whose unfinished measurement waits for something that has come
/// to its end: they are looked at although it is not their time yet. Keeps ANA-20.
pub fn decide(run: &AnalysisRun, ended: &BTreeSet<String>, now: Timestamp) -> Decision {
    if run.metadata.deletion_timestamp.is_some() {
        return Decision::Idle(None);
    }
    if is_completed(&run.status.phase) {
        return match schedule::expiry(run) {
            Some(at) if now >= at => Decision::Delete(Box::new(delete(run))),
            later => Decision::Idle(later),
        };
    }
    match prepare(run, ended, now) {
        Ok(due) => Decision::Measure(Box::new(due)),
        Err(sentence) => Decision::Refuse(sentence),
    }
}

fn prepare(run: &AnalysisRun, ended: &BTreeSet<String>, now: Timestamp) -> Result<Due, String> {
    let metrics = args::without_secrets(&run.spec)
        .map_err(|error| format!("Unable to resolve metric arguments: {error}"))?;
    let invalid = |error: String| format!("Analysis spec invalid: {error}");
    validate::metrics(&metrics).map_err(invalid)?;
    let dry_run = rules::dry_run(&run.spec.dry_run, &metrics).map_err(invalid)?;
    let retention = rules::retention(&run.spec.measurement_retention, &metrics).map_err(invalid)?;
    let ending = ending(run);
    Ok(Due {
        tasks: schedule::tasks(run, &metrics, (ended, ending), now),
        metrics,
        dry_run,
        retention,
        ending,
        at: now,
    })
}

impl Due {
    /// Whether there is anything to measure.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// The secrets that must be read before measuring: each once, however many arguments name it.
    pub fn secrets<'a>(&self, run: &'a AnalysisRun) -> BTreeSet<&'a str> {
        if self.tasks.is_empty() {
            return BTreeSet::new();
        }
        args::secret_references(&run.spec.args)
            .map(|reference| reference.name.as_str())
            .collect()
    }

    /// The metrics to measure, with the secrets' values.
    ///
    /// # Errors
    /// A sentence that names the secret or the argument that is missing.
    pub fn arm(&self, run: &AnalysisRun, secrets: &Secrets) -> Result<Vec<Measure>, String> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let values = args::with_secrets(&run.spec.args, secrets)?;
        self.tasks
            .iter()
            .filter_map(|task| Some((run.spec.metrics.get(task.index)?, task)))
            .map(|(metric, task)| {
                Ok(Measure {
                    metric: args::resolve(metric, &values)?,
                    unfinished: task.unfinished.clone(),
                    ending: self.ending,
                })
            })
            .collect()
    }
}

/// Whether a phase is final.
pub fn is_completed(name: &str) -> bool {
    [
        phase::SUCCESSFUL,
        phase::FAILED,
        phase::ERROR,
        phase::INCONCLUSIVE,
    ]
    .contains(&name)
}

/// Keeps ANA-29: a request, or the verdict over any metric that counts.
pub fn ending(run: &AnalysisRun) -> Ending {
    let judged = run.status.metric_results.iter().any(|result| {
        !result.dry_run
            && [phase::FAILED, phase::ERROR, phase::INCONCLUSIVE].contains(&result.phase.as_str())
    });
    if run.spec.terminate || judged {
        Ending::Yes
    } else {
        Ending::No
    }
}

/// A count as Go reads it: a text that is no number is 0.
pub(crate) fn number(value: Option<&IntOrString>) -> i32 {
    match value {
        None => 0,
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(text)) => text.parse().unwrap_or(0),
    }
}

/// How often a metric is measured; `None` without end. Keeps ANA-23.
pub fn effective_count(metric: &Metric) -> Option<i32> {
    match number(metric.count.as_ref()) {
        0 if metric.interval.is_empty() => Some(1),
        0 => None,
        count => Some(count),
    }
}

pub(crate) fn guard(run: &ObjectMeta) -> Guard {
    Guard::Version {
        uid: run.uid.clone(),
        resource_version: run.resource_version.clone(),
    }
}

pub(crate) fn key(run: &ObjectMeta) -> ObjectKey {
    ObjectKey::new(ANALYSIS_RUNS, &run.namespace, &run.name)
}

fn delete(run: &AnalysisRun) -> Write {
    Write {
        verb: Verb::Delete,
        target: key(&run.metadata),
        guard: guard(&run.metadata),
        body: Value::Null,
        class: Class::Meta,
        events: Vec::new(),
        reason: Reason::Because("it has outlived its ttlStrategy".to_owned()),
    }
}

#[cfg(test)]
mod tests;
