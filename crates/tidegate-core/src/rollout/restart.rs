//! Whether pods are due to be restarted.

use jiff::Timestamp;
use tidegate_api::rollout::Rollout;

/// Whether `spec.restartAt` has come and was not carried out yet. Keeps AVL-02, at the instant itself.
pub fn is_due(rollout: &Rollout, now: Timestamp) -> bool {
    is_asked_for(rollout).is_some_and(|asked| now >= asked)
}

/// When a restart that was not carried out yet is asked for.
pub fn is_asked_for(rollout: &Rollout) -> Option<Timestamp> {
    let asked = rollout.spec.restart_at?;
    (rollout.status.restarted_at != Some(asked)).then(|| asked.timestamp())
}
