//! Pods of a blue-green update's new version: arithmetic only.

use tidegate_api::rollout::BlueGreenStrategy;

use super::{Rounding, share};
use crate::rollout::snapshot::{RolloutSnapshot, UserPause};

/// The size of the new ReplicaSet: the preview's while it is only looked at, else the Rollout's.
/// `None` if the Rollout is of another strategy.
pub fn new_replicas(snapshot: &RolloutSnapshot) -> Option<i32> {
    let strategy = snapshot.blue_green.as_ref()?;
    let preview = strategy
        .preview_replica_count
        .filter(|_| is_only_looked_at(snapshot));
    Some(preview.unwrap_or(snapshot.replicas))
}

fn is_only_looked_at(snapshot: &RolloutSnapshot) -> bool {
    let recorded = &snapshot.recorded;
    let active = snapshot.replica_set_of(&recorded.colours.active);
    let new = snapshot.new_replica_set();
    let is_new = |name: &str| new.is_some_and(|new| new.name == name);
    if active.is_none_or(|active| is_new(&active.name)) || recorded.promote_full.is_set() {
        return false;
    }
    if new.is_none_or(|new| new.hash != recorded.current) {
        // The recorded state speaks of an earlier update.
        return true;
    }
    let paused = snapshot.user_pause == UserPause::Paused || !recorded.pauses.is_empty();
    paused || !recorded.colours.check_point.is_set()
}

/// The pods that may be missing; what cannot be read counts as 0.
pub fn max_unavailable(strategy: &BlueGreenStrategy, replicas: i32) -> i32 {
    let default = "25%".into();
    let given = strategy.max_unavailable.as_ref().unwrap_or(&default);
    share(given, replicas, Rounding::Down)
        .unwrap_or(0)
        .min(replicas)
}
