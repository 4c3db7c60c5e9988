//! What of the status only a blue-green Rollout has: what its Services select, and counts that follow
//! the active version (BG-21, SCL-06).

use tidegate_api::{
    labels,
    rollout::{BlueGreenStatus, CanaryStatus, RolloutStatus},
};

use super::base;
use crate::rollout::{
    draft::Draft,
    snapshot::{ReplicaSetView, RolloutSnapshot},
};

/// Fills it in.
pub(super) fn fill(snapshot: &RolloutSnapshot, draft: &Draft, status: &mut RolloutStatus) {
    if snapshot.blue_green.is_none() {
        return;
    }
    let run = |run: &Option<_>| run.as_ref().map(base::run_status);
    status.blue_green = BlueGreenStatus {
        preview_selector: draft.colours.preview.clone(),
        active_selector: draft.colours.active.clone(),
        scale_up_preview_check_point: draft.colours.check_point.is_set(),
        pre_promotion_analysis_run_status: run(&draft.analysis.before_promotion),
        post_promotion_analysis_run_status: run(&draft.analysis.after_promotion),
    };
    // The rest of what a canary recorded means nothing to it.
    status.canary = CanaryStatus {
        weights: draft.weights.clone(),
        ..CanaryStatus::default()
    };
    if let Some(active) = active(snapshot, status) {
        status.available_replicas = active.available;
        status.ready_replicas = active.ready;
        status.hpa_replicas = active.created_replicas;
        status.selector = selector(snapshot, active);
    }
}

/// The ReplicaSet of the version that users get, by the status. None for a canary.
pub(super) fn active<'a>(
    snapshot: &'a RolloutSnapshot,
    status: &RolloutStatus,
) -> Option<&'a ReplicaSetView> {
    snapshot.blue_green.as_ref()?;
    snapshot.replica_set_of(&status.blue_green.active_selector)
}

/// Autoscalers count the pods of the active version only.
fn selector(snapshot: &RolloutSnapshot, active: &ReplicaSetView) -> String {
    let mut selector = snapshot.rollout.spec.selector.clone().unwrap_or_default();
    selector
        .match_labels
        .insert(labels::POD_TEMPLATE_HASH.to_owned(), active.hash.clone());
    base::selector_text(Some(&selector))
}
