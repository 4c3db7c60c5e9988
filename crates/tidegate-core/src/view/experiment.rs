//! Experiments: in the tree of their Rollout, as `get experiment` shows one, and as a row of `list
//! experiments`. Keeps CLI-112 and CLI-203.

use std::cmp::Reverse;

use jiff::Timestamp;
use tidegate_api::{experiment::Experiment, rollout::Rollout};
use tidegate_gocompat::duration::{self, Duration};

use super::{Family, Image, Kind, Mark, Node, age, between, image, is_owned_by, replica_set, run};
use crate::experiment::assess;

/// An Experiment and what the header needs of it.
pub(super) struct Shown {
    pub(super) revision: i64,
    pub(super) replica_sets: Vec<replica_set::Shown>,
    /// Itself, with its AnalysisRuns only.
    node: Node,
}

impl Shown {
    /// Its line, and those below it: ReplicaSets before AnalysisRuns.
    pub(super) fn node(self) -> Node {
        let Self {
            replica_sets,
            mut node,
            ..
        } = self;
        let sets = replica_sets.into_iter().map(|shown| shown.node);
        node.children.splice(0..0, sets);
        node
    }
}

/// The Rollout's Experiments: newest revision first, then the oldest first.
pub(super) fn views(rollout: &Rollout, family: Family<'_>, now: Timestamp) -> Vec<Shown> {
    let mut owned: Vec<&Experiment> = family
        .experiments
        .iter()
        .filter(|experiment| is_owned_by(&experiment.metadata, &rollout.metadata.uid))
        .collect();
    owned.sort_by_key(|experiment| {
        let metadata = &experiment.metadata;
        (
            Reverse(super::revision(metadata)),
            metadata.creation_timestamp,
            metadata.name.as_str(),
        )
    });
    owned
        .into_iter()
        .map(|experiment| view(experiment, family, now))
        .collect()
}

fn view(experiment: &Experiment, family: Family<'_>, now: Timestamp) -> Shown {
    let metadata = &experiment.metadata;
    let runs = run::views(&metadata.uid, family.analysis_runs, now);
    Shown {
        revision: super::revision(metadata),
        replica_sets: replica_set::tried(&metadata.uid, family, now),
        node: Node {
            kind: Kind::Experiment,
            name: metadata.name.clone(),
            status: Some(run::mark(&experiment.status.phase)),
            age: age(metadata.creation_timestamp, now),
            info: Vec::new(),
            children: runs.into_iter().map(|(_, node)| node).collect(),
        },
    }
}

/// Everything `get experiment` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExperimentView {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// The phase.
    pub status: Mark,
    /// Why; empty if there is nothing to say, and then the line is left out.
    pub message: String,
    /// Images that run, by name.
    pub images: Vec<Image>,
    /// The tree.
    pub tree: Node,
}

impl ExperimentView {
    /// The view at this instant.
    pub fn new(experiment: &Experiment, family: Family<'_>, now: Timestamp) -> Self {
        let shown = view(experiment, family, now);
        Self {
            name: experiment.metadata.name.clone(),
            namespace: experiment.metadata.namespace.clone(),
            status: run::mark(&experiment.status.phase),
            message: experiment.status.message.clone(),
            images: image::images(&shown.replica_sets, &[]),
            tree: shown.node(),
        }
    }
}

/// One row of `list experiments`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExperimentRow {
    /// `metadata.name`.
    pub name: String,
    /// The phase.
    pub status: String,
    /// How long it lasts, or `-`.
    pub duration: String,
    /// How much of that is left, or `-`.
    pub remaining: String,
    /// Its age.
    pub age: String,
}

impl ExperimentRow {
    /// The row of an Experiment at this instant.
    pub fn new(experiment: &Experiment, now: Timestamp) -> Self {
        let status = &experiment.status;
        let text = &experiment.spec.duration;
        let length = duration::parse(text).ok().filter(|_| !text.is_empty());
        let end = assess::end(experiment).filter(|_| !assess::is_finished(status));
        let left = end.map(|end| between(now, end));
        let left = left.filter(|left| left.nanoseconds() > 0);
        let shown =
            |length: Option<Duration>| length.map_or_else(|| "-".to_owned(), Duration::human);
        Self {
            name: experiment.metadata.name.clone(),
            status: status.phase.clone(),
            duration: shown(length),
            remaining: shown(left),
            age: age(experiment.metadata.creation_timestamp, now),
        }
    }

    /// The cells in the order of the columns.
    pub fn cells(&self) -> [String; 5] {
        [
            self.name.clone(),
            self.status.clone(),
            self.duration.clone(),
            self.remaining.clone(),
            self.age.clone(),
        ]
    }
}
