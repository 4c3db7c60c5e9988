//! AnalysisRuns and Experiments that are over, and how long they are remembered (ANA-16).

use std::cmp::Reverse;

use serde_json::Value;
use tidegate_api::analysis::phase;

use super::RunView;
use crate::{
    plan::{Effect, Verb},
    reason::Reason,
    rollout::{
        desired::trials::Trial,
        snapshot::{Lifetime, RolloutSnapshot},
    },
};

/// Runs of each outcome that are kept unless the Rollout says otherwise.
const KEPT: i32 = 5;

/// How many of a kind are kept that are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// With a good end.
    pub successful: i32,
    /// With any other.
    pub unsuccessful: i32,
}

impl Limits {
    /// What the Rollout asks for.
    pub(crate) fn of(snapshot: &RolloutSnapshot) -> Self {
        let given = snapshot.rollout.spec.analysis.clone().unwrap_or_default();
        Self {
            successful: given.successful_run_history_limit.unwrap_or(KEPT),
            unsuccessful: given.unsuccessful_run_history_limit.unwrap_or(KEPT),
        }
    }
}

/// The versions that are there, by their hashes.
pub(crate) fn versions(snapshot: &RolloutSnapshot) -> Vec<(&str, Lifetime)> {
    let sets = snapshot.replica_sets.iter();
    sets.map(|set| (set.hash.as_str(), set.lifetime)).collect()
}

/// Deletes runs of versions that are gone, and the oldest of those that are too many.
pub(super) fn forget(snapshot: &RolloutSnapshot, others: &[&RunView]) -> Vec<Effect> {
    surplus(others, &versions(snapshot), Limits::of(snapshot))
        .into_iter()
        .filter(|(run, _)| run.lifetime == Lifetime::Alive)
        .map(|(run, reason)| run.write((Verb::Delete, Value::Null), reason))
        .collect()
}

/// Which ones are not kept, newest first, and why; `versions` are the ReplicaSets' hashes.
pub fn surplus<'a, T>(
    all: &[&'a Trial<T>],
    versions: &[(&str, Lifetime)],
    limits: Limits,
) -> Vec<(&'a Trial<T>, Reason)> {
    let mut newest_first = all.to_vec();
    newest_first.sort_by_key(|one| (Reverse(one.created), one.name.clone()));
    let Limits {
        successful: mut good,
        unsuccessful: mut bad,
    } = limits;
    let mut surplus = Vec::new();
    for run in newest_first {
        let has_version = versions.iter().any(|(hash, lifetime)| {
            run.hash.as_deref() == Some(*hash) && *lifetime == Lifetime::Alive
        });
        if !has_version {
            surplus.push((run, Reason::Because("its version is gone".to_owned())));
            continue;
        }
        let left = match run.phase.as_str() {
            phase::SUCCESSFUL => &mut good,
            phase::FAILED | phase::ERROR | phase::INCONCLUSIVE => &mut bad,
            _ => continue,
        };
        *left = left.saturating_sub(1);
        if *left < 0 {
            surplus.push((run, Reason::HistoryLimit));
        }
    }
    surplus
}
