//! `setWeight`: so much of the traffic goes to the canary (CAN-24, TRF-50).

use jiff::Timestamp;
use tidegate_api::rollout::CanaryStep;

use super::{Progress, StepKind, StepView, Target};
use crate::{
    reason::Reason,
    rollout::{
        replica_math,
        snapshot::{RolloutSnapshot, Routing},
        traffic::Weights,
    },
};

/// Sends this much of the traffic to the canary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetWeightStep {
    /// The weight, from 0 to the highest one.
    pub weight: i32,
}

impl SetWeightStep {
    pub(super) fn from_wire(wire: &CanaryStep) -> Option<Self> {
        wire.set_weight.map(|weight| Self { weight })
    }
}

impl StepKind for SetWeightStep {
    fn fold_into(&self, target: &mut Target) {
        target.weight = Some(self.weight);
    }

    fn progress(&self, view: &StepView<'_>, _now: Timestamp) -> Progress {
        let weights = view.draft.weights.as_ref().map(Into::into);
        if let Some(reason) = replica_math::lacking(view.snapshot, weights.as_ref()) {
            return Progress::waiting(reason);
        }
        if lacks_any_pod(view.snapshot, self.weight) {
            // Older versions may leave no room for a first pod. Differs from upstream, which goes past
            // the step with none (S1-2).
            let sentence = "the new version has no pods yet".to_owned();
            return Progress::waiting(Reason::Because(sentence));
        }
        // What routers could not be given holds the step. Differs from upstream, which goes past it.
        let stands = match view.snapshot.canary.routing {
            Routing::ByReplicas => true,
            Routing::ByRouters { .. } => weights
                .as_ref()
                .is_some_and(|weights: &Weights| weights.canary == self.weight),
        };
        if !stands {
            let sentence = format!("weight {} is not set yet", self.weight);
            return Progress::waiting(Reason::Because(sentence));
        }
        if weights.is_some_and(|weights| weights.verified == Some(false)) {
            let sentence = format!("weight {} is not in effect yet", self.weight);
            return Progress::waiting(Reason::Because(sentence));
        }
        Progress::Done
    }

    fn words(&self) -> String {
        format!("setWeight: {}", self.weight)
    }
}

/// Whether a canary without routers has no pod although it is to have some of the traffic.
fn lacks_any_pod(snapshot: &RolloutSnapshot, weight: i32) -> bool {
    let asked = snapshot.canary.routing == Routing::ByReplicas
        && weight > 0
        && snapshot.replicas > snapshot.canary.max_unavailable;
    let updates = snapshot.stable.is_some() && snapshot.new != snapshot.stable;
    let new = snapshot.new_replica_set();
    asked && updates && new.is_some_and(|new| new.replicas == 0)
}
