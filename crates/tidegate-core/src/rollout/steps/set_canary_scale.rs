//! `setCanaryScale`: the canary's size apart from its weight (CAN-06, TRF-51).

use jiff::Timestamp;
use tidegate_api::rollout::CanaryStep;

use super::{INVALID, Progress, Scale, StepKind, StepView, Target};
use crate::rollout::replica_math;

/// Sets the canary's size, or lets it follow the weight again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetCanaryScaleStep {
    weight: Option<i32>,
    replicas: Option<i32>,
    follows_weight: Follows,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follows {
    Weight,
    Step,
}

impl SetCanaryScaleStep {
    pub(super) fn from_wire(wire: &CanaryStep) -> Option<Self> {
        let scale = wire.set_canary_scale.as_ref()?;
        Some(Self {
            weight: scale.weight,
            replicas: scale.replicas,
            follows_weight: if scale.match_traffic_weight {
                Follows::Weight
            } else {
                Follows::Step
            },
        })
    }
}

impl StepKind for SetCanaryScaleStep {
    fn fold_into(&self, target: &mut Target) {
        target.scale = match self.follows_weight {
            Follows::Weight => None,
            Follows::Step => self
                .replicas
                .map(Scale::Replicas)
                .or_else(|| self.weight.map(Scale::Weight)),
        };
    }

    fn progress(&self, view: &StepView<'_>, _now: Timestamp) -> Progress {
        let weights = view.draft.weights.as_ref().map(Into::into);
        replica_math::lacking(view.snapshot, weights.as_ref())
            .map_or(Progress::Done, Progress::waiting)
    }

    fn words(&self) -> String {
        if let Some(weight) = self.weight {
            return format!("setCanaryScale{{weight: {weight}}}");
        }
        match (self.follows_weight, self.replicas) {
            (Follows::Weight, _) => "setCanaryScale{matchTrafficWeight: true}".to_owned(),
            (Follows::Step, Some(replicas)) => format!("setCanaryScale{{replicas: {replicas}}}"),
            (Follows::Step, None) => INVALID.to_owned(),
        }
    }
}
