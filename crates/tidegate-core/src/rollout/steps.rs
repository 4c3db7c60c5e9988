//! The steps of a canary, one file per kind. What the canary should be like follows from *all* steps
//! up to the current one, folded in order, so no step depends on what earlier passes remember.

mod analysis;
mod experiment;
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
pub use experiment::ExperimentStep;
pub(crate) use pause::CONDITION as PAUSE_CONDITION;
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

/// One step: mostly of one kind, but `setCanaryScale`, routes and plugins may stand beside another
/// (VAL-14).
#[derive(Clone, Debug)]
pub struct Step {
    set_weight: Option<SetWeightStep>,
    pause: Option<PauseStep>,
    experiment: Option<ExperimentStep>,
    analysis: Option<AnalysisStep>,
    set_canary_scale: Option<SetCanaryScaleStep>,
    plugin: Option<UnsupportedStep>,
    set_header_route: Option<RouteStep>,
    set_mirror_route: Option<RouteStep>,
}

impl Step {
    /// Reads everything that stands in a step.
    pub fn from_wire(wire: &CanaryStep) -> Self {
        Self {
            set_weight: SetWeightStep::from_wire(wire),
            pause: PauseStep::from_wire(wire),
            experiment: ExperimentStep::from_wire(wire),
            analysis: AnalysisStep::from_wire(wire),
            set_canary_scale: SetCanaryScaleStep::from_wire(wire),
            plugin: UnsupportedStep::plugin(wire),
            set_header_route: RouteStep::header(wire),
            set_mirror_route: RouteStep::mirror(wire),
        }
    }

    /// In the order in which upstream looks for words (STS-16).
    fn kinds(&self) -> impl Iterator<Item = &dyn StepKind> {
        let Self {
            set_weight,
            pause,
            experiment,
            analysis,
            set_canary_scale,
            plugin,
            set_header_route,
            set_mirror_route,
        } = self;
        [
            as_kind(set_weight.as_ref()),
            as_kind(pause.as_ref()),
            as_kind(experiment.as_ref()),
            as_kind(analysis.as_ref()),
            as_kind(set_canary_scale.as_ref()),
            as_kind(plugin.as_ref()),
            as_kind(set_header_route.as_ref()),
            as_kind(set_mirror_route.as_ref()),
        ]
        .into_iter()
        .flatten()
    }

    /// What this step asks for, until a later one changes it.
    pub fn fold_into(&self, target: &mut Target) {
        for kind in self.kinds() {
            kind.fold_into(target);
        }
    }

    /// Whether the step is done, or what it waits for. What is not carried out holds it, and a pause
    /// alone ends it, as in upstream (CAN-24).
    ///
    /// Differs from upstream, where the first of several kinds decides: all must be done, because it
    /// would go past an analysis that has only begun, or a weight that is not in effect.
    pub fn progress(&self, view: &StepView<'_>, now: Timestamp) -> Progress {
        if let Some(step) = self.unsupported() {
            return step.progress(view, now);
        }
        if let Some(pause) = &self.pause {
            return pause.progress(view, now);
        }
        self.kinds()
            .map(|kind| kind.progress(view, now))
            .find(|progress| *progress != Progress::Done)
            .unwrap_or(Progress::Done)
    }

    /// The step as events tell it: by the first kind that has words.
    pub fn words(&self) -> String {
        self.kinds()
            .map(StepKind::words)
            .find(|words| words != INVALID)
            .unwrap_or_else(|| INVALID.to_owned())
    }

    /// The weight that it sets.
    pub fn weight(&self) -> Option<i32> {
        self.set_weight.as_ref().map(|step| step.weight)
    }

    /// Its pause; none begins where the step is held anyway, for nobody could end it.
    pub fn pause(&self) -> Option<&PauseStep> {
        let pause = self.pause.as_ref();
        pause.filter(|_| self.unsupported().is_none())
    }

    /// What it analyses.
    pub fn analysis(&self) -> Option<&AnalysisStep> {
        self.analysis.as_ref()
    }

    /// What it tries.
    pub fn experiment(&self) -> Option<&ExperimentStep> {
        self.experiment.as_ref()
    }

    /// What is in it that is not carried out, which a step without any known kind is altogether.
    fn unsupported(&self) -> Option<UnsupportedStep> {
        let unknown = || {
            let is_empty = self.kinds().next().is_none();
            is_empty.then(UnsupportedStep::unknown)
        };
        self.plugin.clone().or_else(unknown)
    }
}

fn as_kind<Kind: StepKind>(step: Option<&Kind>) -> Option<&dyn StepKind> {
    let step: &dyn StepKind = step?;
    Some(step)
}

/// What is said of a step that says nothing.
const INVALID: &str = "invalid";

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
            // Several kinds in one.
            (
                json!({"setCanaryScale": {"replicas": 3}, "setWeight": 20}),
                "setWeight: 20",
            ),
            (json!({"setCanaryScale": {}, "pause": {}}), "pause"),
            (
                json!({"setHeaderRoute": {"name": "r"}, "plugin": {"name": "acme/p"}}),
                "plugin: acme/p",
            ),
            (
                json!({"setMirrorRoute": {"name": "m"}, "setHeaderRoute": {"name": "h"}}),
                "setHeaderRoute: h",
            ),
            (
                json!({"setCanaryScale": {}, "setHeaderRoute": {"name": "r"}}),
                "setHeaderRoute: r",
            ),
        ] {
            let wire: CanaryStep = serde_json::from_value(step).unwrap();
            assert_eq!(Step::from_wire(&wire).words(), words);
        }
    }
}
