//! AnalysisRuns that are over, and how long they are remembered (ANA-16).

use std::cmp::Reverse;

use serde_json::Value;
use tidegate_api::analysis::phase;

use super::RunView;
use crate::{
    plan::{Effect, Verb},
    reason::Reason,
    rollout::snapshot::{Lifetime, RolloutSnapshot},
};

/// Runs of each outcome that are kept unless the Rollout says otherwise.
const KEPT: i32 = 5;

/// Deletes runs of versions that are gone, and the oldest of those that are too many.
pub(super) fn forget(snapshot: &RolloutSnapshot, others: &[&RunView]) -> Vec<Effect> {
    let limits = snapshot.rollout.spec.analysis.clone().unwrap_or_default();
    let mut good = limits.successful_run_history_limit.unwrap_or(KEPT);
    let mut bad = limits.unsuccessful_run_history_limit.unwrap_or(KEPT);
    let mut newest_first: Vec<&RunView> = others.to_vec();
    newest_first.sort_by_key(|run| (Reverse(run.created), run.name.clone()));
    let mut effects = Vec::new();
    for run in newest_first {
        let reason = if is_orphaned(snapshot, run) {
            Some(Reason::Because("its version is gone".to_owned()))
        } else {
            let left = match run.phase.as_str() {
                phase::SUCCESSFUL => Some(&mut good),
                phase::FAILED | phase::ERROR | phase::INCONCLUSIVE => Some(&mut bad),
                _ => None,
            };
            left.is_some_and(|left| {
                *left = left.saturating_sub(1);
                *left < 0
            })
            .then_some(Reason::HistoryLimit)
        };
        if let Some(reason) = reason
            && run.lifetime == Lifetime::Alive
        {
            effects.push(run.write((Verb::Delete, Value::Null), reason));
        }
    }
    effects
}

/// Whether there is no ReplicaSet that the run could be about.
fn is_orphaned(snapshot: &RolloutSnapshot, run: &RunView) -> bool {
    !snapshot
        .replica_sets
        .iter()
        .any(|set| Some(&set.hash) == run.hash.as_ref() && set.lifetime == Lifetime::Alive)
}
