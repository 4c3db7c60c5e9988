//! Weights as the status records them.

use tidegate_api::rollout::TrafficWeights;

/// `status.canary.weights`, as decisions use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// Weight of the canary.
    pub canary: i32,
    /// Pod template hash behind the canary's weight.
    pub canary_hash: String,
    /// Weight of the stable version.
    pub stable: i32,
    /// Pod template hash behind the stable weight.
    pub stable_hash: String,
    /// Whether the routers were asked and said that the weights are in effect.
    pub verified: Option<bool>,
}

impl Weights {
    /// The same, as far as there is such a weight: nobody hinders people from writing any number here.
    pub(crate) fn within(self, max: i32) -> Self {
        let max = max.max(0);
        Self {
            canary: self.canary.clamp(0, max),
            stable: self.stable.clamp(0, max),
            ..self
        }
    }
}

impl From<&TrafficWeights> for Weights {
    fn from(wire: &TrafficWeights) -> Self {
        Self {
            canary: wire.canary.weight,
            canary_hash: wire.canary.pod_template_hash.clone(),
            stable: wire.stable.weight,
            stable_hash: wire.stable.pod_template_hash.clone(),
            verified: wire.verified,
        }
    }
}
