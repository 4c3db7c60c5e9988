//! What a person sees of a Rollout or an Experiment: the header and the tree of `get`, and a row of
//! `list`. Pure data in the order in which it is shown; who shows it adds colours and columns.

mod experiment;
mod image;
mod list;
mod pod;
mod replica_set;
mod run;

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde_json::Value;
use tidegate_api::{
    analysis::AnalysisRun,
    experiment::Experiment,
    labels::REVISION,
    meta::{ObjectMeta, Time},
    rollout::{CanaryStrategy, Rollout},
    workload::{Pod, ReplicaSet},
};
use tidegate_gocompat::duration::Duration;

pub use experiment::{ExperimentRow, ExperimentView};
pub use image::{Image, Purpose};
pub use list::ListRow;

use crate::rollout::{phase, progress};

/// A mark in front of a status or a count. Keeps CLI-105.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Icon {
    /// Not begun.
    Waiting,
    /// Under way.
    Progressing,
    /// Something went wrong on the way.
    Warning,
    /// Nobody can say.
    Unknown,
    /// As it should be.
    Ok,
    /// Not as it should be.
    Bad,
    /// Somebody holds it.
    Paused,
    /// Neither good nor bad.
    Neutral,
    /// A status that has no mark.
    None,
}

impl Icon {
    /// The character; a space if there is none.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "◷",
            Self::Progressing => "◌",
            Self::Warning => "⚠",
            Self::Unknown => "?",
            Self::Ok => "✔",
            Self::Bad => "✖",
            Self::Paused => "॥",
            Self::Neutral => "•",
            Self::None => " ",
        }
    }
}

/// What a ReplicaSet is for. The order is that of the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tag {
    /// Receives the traffic (blue-green).
    Active,
    /// The new version.
    Canary,
    /// Behind the ping Service.
    Ping,
    /// Behind the pong Service.
    Pong,
    /// Waits for its turn (blue-green).
    Preview,
    /// The version that users know.
    Stable,
}

impl Tag {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Canary => "canary",
            Self::Ping => "ping",
            Self::Pong => "pong",
            Self::Preview => "preview",
            Self::Stable => "stable",
        }
    }
}

/// One item of the INFO column; items are joined by commas. Keeps CLI-106.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Info {
    /// What a ReplicaSet is for.
    Tag(Tag),
    /// How many measurements came out that way; shown as mark, space, number.
    Count(Icon, i32),
    /// Such as `ready:1/1` or `delay:20s`.
    Text(String),
}

impl fmt::Display for Info {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => formatter.write_str(tag.as_str()),
            Self::Count(icon, count) => write!(formatter, "{} {count}", icon.as_str()),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

/// What a line of the tree stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The root.
    Rollout,
    /// What belongs to one revision.
    Revision,
    /// A ReplicaSet.
    ReplicaSet,
    /// A Pod.
    Pod,
    /// An Experiment.
    Experiment,
    /// An AnalysisRun.
    AnalysisRun,
    /// A Job that measures.
    Job,
}

impl Kind {
    /// The mark in front of the name. Keeps CLI-103.
    pub const fn icon(self) -> &'static str {
        match self {
            Self::Rollout => "⟳",
            Self::Revision => "#",
            Self::ReplicaSet => "⧉",
            Self::Pod => "□",
            Self::Experiment => "Σ",
            Self::AnalysisRun => "α",
            Self::Job => "⊞",
        }
    }

    /// The KIND column; a revision has none.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rollout => "Rollout",
            Self::Revision => "",
            Self::ReplicaSet => "ReplicaSet",
            Self::Pod => "Pod",
            Self::Experiment => "Experiment",
            Self::AnalysisRun => "AnalysisRun",
            Self::Job => "Job",
        }
    }
}

/// A status with its mark; both are empty for a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The mark.
    pub icon: Icon,
    /// The word.
    pub text: String,
}

/// One line of the tree and what hangs under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it stands for.
    pub kind: Kind,
    /// The name; `revision:2` for a revision.
    pub name: String,
    /// Its status; `None` for a revision.
    pub status: Option<Mark>,
    /// Age as kubectl prints it; empty for a revision.
    pub age: String,
    /// The INFO column.
    pub info: Vec<Info>,
    /// What hangs under it, in the order shown.
    pub children: Vec<Self>,
}

/// The strategy as the header shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// A canary, with the three lines below it.
    Canary {
        /// `1/4`; empty without steps.
        step: String,
        /// The weight that is asked for.
        set_weight: String,
        /// The weight that is.
        actual_weight: String,
    },
    /// Blue-green.
    BlueGreen,
    /// Neither.
    None,
}

impl Strategy {
    /// The word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Canary { .. } => "Canary",
            Self::BlueGreen => "BlueGreen",
            Self::None => "",
        }
    }
}

/// The five counts of pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Asked for.
    pub desired: i32,
    /// There.
    pub current: i32,
    /// There and of the new version.
    pub updated: i32,
    /// Ready.
    pub ready: i32,
    /// Ready for long enough.
    pub available: i32,
}

/// Everything `get rollout` shows. Keeps CLI-102 to CLI-109.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutView {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// The phase as a client shows it.
    pub status: Mark,
    /// Why; empty if there is nothing to say, and then the line is left out.
    pub message: String,
    /// The strategy.
    pub strategy: Strategy,
    /// Images that run, by name.
    pub images: Vec<Image>,
    /// Counts of pods.
    pub replicas: Counts,
    /// The tree.
    pub tree: Node,
}

/// What belongs to a Rollout, in any order; what is somebody else's is left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Family<'a> {
    /// ReplicaSets of the namespace.
    pub replica_sets: &'a [ReplicaSet],
    /// Pods of the namespace.
    pub pods: &'a [Pod],
    /// Experiments of the namespace.
    pub experiments: &'a [Experiment],
    /// AnalysisRuns of the namespace.
    pub analysis_runs: &'a [AnalysisRun],
}

impl RolloutView {
    /// The view at this instant.
    pub fn new(rollout: &Rollout, family: Family<'_>, now: Timestamp) -> Self {
        let replica_sets = replica_set::views(rollout, family, now);
        let experiments = experiment::views(rollout, family, now);
        let runs = run::views(&rollout.metadata.uid, family.analysis_runs, now);
        let phase = phase::shown(rollout);
        let status = Mark {
            icon: phase_icon(&phase.name),
            text: phase.name,
        };
        let spec = &rollout.spec;
        let strategy = if let Some(canary) = &spec.strategy.canary {
            canary_lines(rollout, canary, &replica_sets)
        } else if spec.strategy.blue_green.is_some() {
            Strategy::BlueGreen
        } else {
            Strategy::None
        };
        Self {
            name: rollout.metadata.name.clone(),
            namespace: rollout.metadata.namespace.clone(),
            message: phase.message,
            strategy,
            images: image::images(&replica_sets, &experiments),
            replicas: Counts {
                desired: spec.replicas.unwrap_or(1),
                current: rollout.status.replicas,
                updated: rollout.status.updated_replicas,
                ready: rollout.status.ready_replicas,
                available: rollout.status.available_replicas,
            },
            tree: Node {
                kind: Kind::Rollout,
                name: rollout.metadata.name.clone(),
                status: Some(status.clone()),
                age: age(rollout.metadata.creation_timestamp, now),
                info: Vec::new(),
                children: revisions(replica_sets, experiments, runs),
            },
            status,
        }
    }
}

fn phase_icon(phase: &str) -> Icon {
    match phase {
        phase::PROGRESSING => Icon::Progressing,
        phase::PAUSED => Icon::Paused,
        phase::HEALTHY => Icon::Ok,
        phase::DEGRADED => Icon::Bad,
        // Phases of old controllers.
        "Error" | "InvalidSpec" => Icon::Warning,
        "Unknown" => Icon::Unknown,
        "ScaledDown" => Icon::Neutral,
        _ => Icon::None,
    }
}

fn canary_lines(
    rollout: &Rollout,
    canary: &CanaryStrategy,
    replica_sets: &[replica_set::Shown],
) -> Strategy {
    let set_weight = set_weight(rollout, canary);
    let maximum = max_weight(canary);
    let status = &rollout.status;
    let actual = if progress::current_step(rollout).is_none() {
        maximum
    } else if status.available_replicas <= 0 {
        0
    } else if canary.traffic_routing.is_some() {
        let weights = status.canary.weights.as_ref();
        weights.map_or(set_weight, |weights| weights.canary.weight)
    } else {
        let shown = replica_sets.iter().rev().find(|shown| shown.is_canary());
        let pods = shown.map_or(0, |shown| shown.available);
        pods.saturating_mul(maximum) / status.available_replicas
    };
    Strategy::Canary {
        step: step(rollout, canary).unwrap_or_default(),
        set_weight: set_weight.to_string(),
        actual_weight: actual.to_string(),
    }
}

fn step(rollout: &Rollout, canary: &CanaryStrategy) -> Option<String> {
    let index = rollout.status.current_step_index?;
    let total = canary.steps.len();
    (total > 0).then(|| format!("{index}/{total}"))
}

fn max_weight(canary: &CanaryStrategy) -> i32 {
    canary
        .traffic_routing
        .as_ref()
        .and_then(|routing| routing.max_traffic_weight)
        .unwrap_or(100)
}

/// The weight that is asked for, whatever the traffic is (CAN-04).
fn set_weight(rollout: &Rollout, canary: &CanaryStrategy) -> i32 {
    if rollout.status.abort {
        return 0;
    }
    if progress::current_step(rollout).is_none() {
        return max_weight(canary);
    }
    let index = rollout.status.current_step_index.unwrap_or(0);
    let passed = usize::try_from(index).map_or(0, |index| index.saturating_add(1));
    canary
        .steps
        .iter()
        .take(passed)
        .rev()
        .find_map(|step| step.set_weight)
        .unwrap_or(0)
}

/// Newest revision first; in each, ReplicaSets before Experiments before AnalysisRuns. Keeps CLI-104.
fn revisions(
    replica_sets: Vec<replica_set::Shown>,
    experiments: Vec<experiment::Shown>,
    runs: Vec<(i64, Node)>,
) -> Vec<Node> {
    let mut nodes: BTreeMap<i64, Vec<Node>> = BTreeMap::new();
    let sets = replica_sets
        .into_iter()
        .map(|shown| (shown.revision, shown.node));
    let experiments = experiments
        .into_iter()
        .map(|shown| (shown.revision, shown.node()));
    for (revision, node) in sets.chain(experiments).chain(runs) {
        nodes.entry(revision).or_default().push(node);
    }
    nodes
        .into_iter()
        .rev()
        .map(|(revision, children)| Node {
            kind: Kind::Revision,
            name: format!("revision:{revision}"),
            status: None,
            age: String::new(),
            info: Vec::new(),
            children,
        })
        .collect()
}

/// The revision annotation, 0 if it is no number.
fn revision(metadata: &ObjectMeta) -> i64 {
    let text = metadata.annotations.get(REVISION);
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Age as kubectl prints it; what has no creation time is as old as can be.
fn age(created: Option<Time>, now: Timestamp) -> String {
    let Some(created) = created else {
        return Duration::from_nanoseconds(i64::MAX).human();
    };
    between(created.timestamp(), now).human()
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    let nanoseconds = to.duration_since(from).as_nanos();
    Duration::from_nanoseconds(i64::try_from(nanoseconds).unwrap_or(i64::MAX))
}

fn is_owned_by(metadata: &ObjectMeta, uid: &str) -> bool {
    metadata
        .owner_references
        .iter()
        .any(|owner| owner.uid == uid)
}

fn containers(template: &Value) -> impl Iterator<Item = &str> {
    template
        .pointer("/spec/containers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|container| {
            let image = container.get("image").and_then(Value::as_str);
            image.unwrap_or_default()
        })
}

#[cfg(test)]
mod tests;
