//! What routers say before and after a split is asked for: obstacles, hashes that wait for pods, and
//! whether a weight is in effect (TRF-21, TRF-23 to TRF-27).

use crate::{
    observed::Verification,
    plan::{Event, TrafficSplit},
    reason::Reason,
    rollout::{
        desired::weight::{is_to_be_verified, rolls_back_dynamically},
        draft::Draft,
        events,
        snapshot::{ReplicaSetView, RolloutSnapshot},
    },
};

/// Why no split is asked for, and what the user is told about it.
pub(crate) struct Hold {
    pub(crate) reason: Reason,
    pub(crate) event: Option<Event>,
}

/// What keeps the routers from taking the split: an object that is not there or does not fit, or hashes
/// that wait for pods.
pub(crate) fn hold(
    snapshot: &RolloutSnapshot,
    draft: &Draft,
    split: &TrafficSplit,
) -> Option<Hold> {
    let obstacle = snapshot
        .routers
        .iter()
        .find_map(|router| router.obstacle.clone());
    if let Some(event) = obstacle {
        return Some(Hold {
            reason: Reason::Because(event.message.clone()),
            event: Some(event),
        });
    }
    let reason = hash_waits(snapshot, draft, split)?;
    Some(Hold {
        reason,
        event: None,
    })
}

/// The ReplicaSet for whose pods a router's hashes wait. Keeps TRF-21: only where no Service tells the
/// versions apart, and not for the canary that is being left.
///
/// Differs from upstream: only a hash that changes waits; a weight whose hashes stand may move, so that
/// an abort is not held up by one stable pod that restarts.
fn hash_waits(snapshot: &RolloutSnapshot, draft: &Draft, split: &TrafficSplit) -> Option<Reason> {
    let canary = &snapshot.canary;
    if !canary.canary_service.is_empty() || !canary.stable_service.is_empty() {
        return None;
    }
    let (new, stable) = (&split.canary.hash, &split.stable.hash);
    let changes = snapshot
        .routers
        .iter()
        .filter_map(|router| router.hashes.as_ref())
        .any(|held| held.canary != *new || held.stable != *stable);
    if !changes {
        return None;
    }
    let leaves = draft.is_aborted(snapshot) || rolls_back_dynamically(snapshot).is_some();
    let serves = |set: &&ReplicaSetView| {
        set.hash == *stable || (set.hash == *new && !leaves && !set.hash.is_empty())
    };
    let short = snapshot
        .replica_sets
        .iter()
        .filter(|set| set.replicas != 0)
        .filter(serves)
        .find(|set| !set.is_whole())?;
    Some(Reason::AwaitsPods {
        replica_set: short.name.clone(),
        available: short.available,
        needed: short.replicas,
    })
}

/// Whether this pass changes what was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// It does: the answers that were given are about other weights.
    Changed,
    /// It does not.
    Same,
}

/// What all routers together say of a weight.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// For `status.canary.weights.verified`.
    pub(crate) verified: Option<bool>,
    /// What the weight waits for.
    pub(crate) unverified: Option<Reason>,
    /// A router that could not be asked.
    pub(crate) event: Option<Event>,
}

/// Keeps TRF-23 and TRF-25, and fixes TRF-24: what is decided here is what the status says.
pub(crate) fn verify(snapshot: &RolloutSnapshot, weight: i32, news: News) -> Answer {
    if !is_to_be_verified(snapshot, weight) {
        return Answer::default();
    }
    let mut answer = Answer::default();
    for router in &snapshot.routers {
        match (&router.verification, news) {
            (Verification::NotSupported, _) => {}
            (Verification::Failed(why), News::Same) => {
                answer.event = Some(events::weight_verify_error(why));
            }
            (Verification::Verified, News::Same) => {
                answer.verified = Some(answer.verified.unwrap_or(true));
            }
            (Verification::NotYet(why), News::Same) => answer.wait(weight, why),
            (
                Verification::Failed(_) | Verification::Verified | Verification::NotYet(_),
                News::Changed,
            ) => answer.wait(weight, "it was only just set"),
        }
    }
    answer
}

impl Answer {
    fn wait(&mut self, weight: i32, why: &str) {
        self.verified = Some(false);
        let sentence = format!("weight {weight} is not in effect yet: {why}");
        self.unverified = Some(Reason::Because(sentence));
    }
}
