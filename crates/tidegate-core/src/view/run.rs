//! AnalysisRuns in the tree.

use std::cmp::Reverse;

use jiff::Timestamp;
use tidegate_api::analysis::{AnalysisRun, MetricResult};

use super::{Icon, Info, Kind, Mark, Node, age, is_owned_by};

/// Metadata of a measurement that a Job made: the Job's name.
const JOB_NAME: &str = "job-name";

/// The AnalysisRuns of whoever has this uid, with their revisions: newest revision first, then oldest run first.
pub(super) fn views(uid: &str, runs: &[AnalysisRun], now: Timestamp) -> Vec<(i64, Node)> {
    let mut owned: Vec<&AnalysisRun> = runs
        .iter()
        .filter(|run| is_owned_by(&run.metadata, uid))
        .collect();
    owned.sort_by_key(|run| {
        let metadata = &run.metadata;
        (
            Reverse(super::revision(metadata)),
            metadata.creation_timestamp,
            Reverse(metadata.name.as_str()),
        )
    });
    owned
        .into_iter()
        .map(|run| (super::revision(&run.metadata), view(run, now)))
        .collect()
}

fn view(run: &AnalysisRun, now: Timestamp) -> Node {
    let results = &run.status.metric_results;
    let total = |count: fn(&MetricResult) -> i32| -> i32 {
        results
            .iter()
            .fold(0, |total: i32, result| total.saturating_add(count(result)))
    };
    let info = [
        (Icon::Ok, total(|result| result.successful)),
        (Icon::Bad, total(|result| result.failed)),
        (Icon::Unknown, total(|result| result.inconclusive)),
        (Icon::Warning, total(|result| result.error)),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(icon, count)| Info::Count(icon, count))
    .collect();
    Node {
        kind: Kind::AnalysisRun,
        name: run.metadata.name.clone(),
        status: Some(mark(&run.status.phase)),
        age: age(run.metadata.creation_timestamp, now),
        info,
        children: results
            .iter()
            .flat_map(|result| jobs(result, now))
            .collect(),
    }
}

fn jobs(result: &MetricResult, now: Timestamp) -> impl Iterator<Item = Node> {
    result.measurements.iter().filter_map(move |measurement| {
        Some(Node {
            kind: Kind::Job,
            name: measurement.metadata.get(JOB_NAME)?.clone(),
            status: Some(mark(&measurement.phase)),
            age: age(measurement.started_at, now),
            info: Vec::new(),
            children: Vec::new(),
        })
    })
}

/// The phase of an analysis, or of an Experiment, with its mark.
pub(super) fn mark(phase: &str) -> Mark {
    let icon = match phase {
        "Successful" => Icon::Ok,
        "Inconclusive" => Icon::Unknown,
        "Failed" => Icon::Bad,
        "Error" => Icon::Warning,
        "Running" => Icon::Progressing,
        "Pending" => Icon::Waiting,
        _ => Icon::None,
    };
    Mark {
        icon,
        text: phase.to_owned(),
    }
}
