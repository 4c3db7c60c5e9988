//! The steps of a canary, one file per kind. What the canary should be like follows from *all* steps
//! up to the current one, folded in order, so no step depends on what earlier passes remember.

mod analysis;
mod pause;
mod routes;
mod set_canary_scale;
mod set_weight;
mod unsupported;

use jiff::Timestamp;
use tidegate_api::rollout::CanaryStep;

use crate::{
    plan::RouteRequest,
    reason::Reason,
    rollout::{draft::Draft, snapshot::RolloutSnapshot},
};

pub use analysis::AnalysisStep;
pub use pause::PauseStep;
pub use routes::RouteStep;
pub use set_canary_scale::SetCanaryScaleStep;
pub use set_weight::SetWeightStep;
pub use unsupported::UnsupportedStep;

/// What one kind of step means.
pub(crate) trait StepKind {
    /// What this step asks for, until a later one changes it.
    fn fold_into(&self, target: &mut Target);
    /// Whether the step is done, or what it waits for.
    fn progress(&self, view: &StepView<'_>, now: Timestamp) -> Progress;
    /// The step as events tell it (STS-16).
    fn words(&self) -> String;
}

/// One step of any kind.
#[derive(Clone, Debug)]
pub enum Step {
    /// `setWeight`.
    SetWeight(SetWeightStep),
    /// `pause`.
    Pause(PauseStep),
    /// `analysis`.
    Analysis(AnalysisStep),
    /// `setCanaryScale`.
    SetCanaryScale(SetCanaryScaleStep),
    /// `setHeaderRoute` or `setMirrorRoute`.
    Route(RouteStep),
    /// `experiment`, `plugin`, or nothing that is known: the Rollout waits there and says so.
    Unsupported(UnsupportedStep),
}

impl Step {
    /// Reads a step, in upstream's order of precedence where several kinds stand in one.
    pub fn from_wire(wire: &CanaryStep) -> Self {
        None.or_else(|| PauseStep::from_wire(wire).map(Self::Pause))
            .or_else(|| SetCanaryScaleStep::from_wire(wire).map(Self::SetCanaryScale))
            .or_else(|| SetWeightStep::from_wire(wire).map(Self::SetWeight))
            .or_else(|| AnalysisStep::from_wire(wire).map(Self::Analysis))
            .or_else(|| RouteStep::from_wire(wire).map(Self::Route))
            .unwrap_or_else(|| Self::Unsupported(UnsupportedStep::from_wire(wire)))
    }

    fn kind(&self) -> &dyn StepKind {
        match self {
            Self::SetWeight(step) => step,
            Self::Pause(step) => step,
            Self::Analysis(step) => step,
            Self::SetCanaryScale(step) => step,
            Self::Route(step) => step,
            Self::Unsupported(step) => step,
        }
    }

    /// What this step asks for, until a later one changes it.
    pub fn fold_into(&self, target: &mut Target) {
        self.kind().fold_into(target);
    }

    /// Whether the step is done, or what it waits for.
    pub fn progress(&self, view: &StepView<'_>, now: Timestamp) -> Progress {
        self.kind().progress(view, now)
    }

    /// The step as events tell it.
    pub fn words(&self) -> String {
        self.kind().words()
    }

    /// The weight that it sets.
    pub fn weight(&self) -> Option<i32> {
        match self {
            Self::SetWeight(step) => Some(step.weight),
            Self::Pause(_)
            | Self::Analysis(_)
            | Self::SetCanaryScale(_)
            | Self::Route(_)
            | Self::Unsupported(_) => None,
        }
    }
}

/// What the steps so far ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// The last weight that was set.
    pub weight: Option<i32>,
    /// The canary's size, if a step sets it apart from the weight.
    pub scale: Option<Scale>,
    /// The routes of their own, the last request of each name.
    pub routes: Vec<RouteRequest>,
}

/// A size that `setCanaryScale` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// That many pods.
    Replicas(i32),
    /// As many pods as this weight would need.
    Weight(i32),
}

impl Target {
    /// Folds the steps up to and including an index.
    pub fn fold(steps: &[Step], index: i32) -> Self {
        let count = usize::try_from(index.saturating_add(1)).unwrap_or(0);
        let mut target = Self::default();
        for step in steps.iter().take(count) {
            step.fold_into(&mut target);
        }
        target
    }
}

/// What a step may look at.
#[derive(Clone, Copy, Debug)]
pub struct StepView<'a> {
    /// What was observed.
    pub snapshot: &'a RolloutSnapshot,
    /// What this pass has decided so far.
    pub draft: &'a Draft,
    /// Counted from 1.
    pub number: i32,
}

/// How far a step is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is done.
    Done,
    /// It waits.
    Waiting {
        /// For what.
        reason: Reason,
        /// Until when, if time alone ends it.
        until: Option<Timestamp>,
    },
}

impl Progress {
    fn waiting(reason: Reason) -> Self {
        Self::Waiting {
            reason,
            until: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Keeps STS-16.
    #[test]
    fn steps_are_told_in_upstreams_words() {
        for (step, words) in [
            (json!({"setWeight": 20}), "setWeight: 20"),
            (json!({"pause": {}}), "pause"),
            (json!({"pause": {"duration": 10}}), "pause: 10"),
            (json!({"pause": {"duration": "10s"}}), "pause: 10s"),
            (json!({"analysis": {}}), "analysis"),
            (json!({"experiment": {}}), "experiment"),
            (
                json!({"setCanaryScale": {"weight": 5}}),
                "setCanaryScale{weight: 5}",
            ),
            (
                json!({"setCanaryScale": {"replicas": 3}}),
                "setCanaryScale{replicas: 3}",
            ),
            (
                json!({"setCanaryScale": {"matchTrafficWeight": true}}),
                "setCanaryScale{matchTrafficWeight: true}",
            ),
            (
                json!({"setHeaderRoute": {"name": "r"}}),
                "setHeaderRoute: r",
            ),
            (
                json!({"setMirrorRoute": {"name": "r"}}),
                "setMirrorRoute: r",
            ),
            (json!({"plugin": {"name": "acme/p"}}), "plugin: acme/p"),
            (json!({}), "invalid"),
        ] {
            let wire: CanaryStep = serde_json::from_value(step).unwrap();
            assert_eq!(Step::from_wire(&wire).words(), words);
        }
    }
}
