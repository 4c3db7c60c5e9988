//! Whether pods are due to be restarted.

use jiff::Timestamp;
use tidegate_api::rollout::Rollout;

/// Whether `spec.restartAt` has passed and was not carried out yet (AVL-02).
pub fn is_due(rollout: &Rollout, now: Timestamp) -> bool {
    rollout
        .spec
        .restart_at
        .is_some_and(|asked| rollout.status.restarted_at != Some(asked) && now > asked.timestamp())
}
