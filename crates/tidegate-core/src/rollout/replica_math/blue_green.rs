//! Pods of a blue-green update's new version: arithmetic only.

use tidegate_api::rollout::BlueGreenStrategy;

use super::{Rounding, share};
use crate::rollout::snapshot::RolloutSnapshot;

/// The size of the new ReplicaSet: the preview's while it is only looked at, else the Rollout's.
/// `None` if the Rollout is of another strategy.
pub fn new_replicas(snapshot: &RolloutSnapshot) -> Option<i32> {
    let strategy = snapshot.rollout.spec.strategy.blue_green.as_ref()?;
    let preview = strategy
        .preview_replica_count
        .filter(|_| is_only_looked_at(snapshot));
    Some(preview.unwrap_or(snapshot.replicas))
}

fn is_only_looked_at(snapshot: &RolloutSnapshot) -> bool {
    let status = &snapshot.rollout.status;
    let selector = &status.blue_green.active_selector;
    let active = snapshot
        .replica_sets
        .iter()
        .find(|set| !selector.is_empty() && set.hash == *selector);
    let new = snapshot.new_replica_set();
    let is_new = |name: &str| new.is_some_and(|new| new.name == name);
    if active.is_none_or(|active| is_new(&active.name)) || status.promote_full {
        return false;
    }
    if new.is_none_or(|new| new.hash != status.current_pod_hash) {
        // The recorded state speaks of an earlier update.
        return true;
    }
    let paused = snapshot.rollout.spec.paused || !status.pause_conditions.is_empty();
    paused || !status.blue_green.scale_up_preview_check_point
}

/// The pods that may be missing; what cannot be read counts as 0.
pub fn max_unavailable(strategy: &BlueGreenStrategy, replicas: i32) -> i32 {
    let default = "25%".into();
    let given = strategy.max_unavailable.as_ref().unwrap_or(&default);
    share(given, replicas, Rounding::Down)
        .unwrap_or(0)
        .min(replicas)
}
