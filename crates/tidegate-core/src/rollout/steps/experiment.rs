//! `experiment`: an Experiment decides (CAN-24, EXP-40 to EXP-44).

use jiff::Timestamp;
use tidegate_api::{
    analysis::phase,
    rollout::{CanaryStep, RolloutExperimentStep},
};

use super::{Progress, StepKind, StepView, Target};
use crate::{reason::Reason, rollout::desired::experiments::INCONCLUSIVE};

/// Waits for an Experiment.
#[derive(Clone, Debug)]
pub struct ExperimentStep {
    /// What is to be tried.
    pub experiment: Box<RolloutExperimentStep>,
}

impl ExperimentStep {
    pub(super) fn from_wire(wire: &CanaryStep) -> Option<Self> {
        let experiment = wire.experiment.clone()?;
        Some(Self {
            experiment: Box::new(experiment),
        })
    }
}

impl StepKind for ExperimentStep {
    /// Traffic goes to it only while the step is the current one: no later step asks for any.
    fn fold_into(&self, _target: &mut Target) {}

    fn progress(&self, view: &StepView<'_>, _now: Timestamp) -> Progress {
        match &view.draft.experiment {
            Some(current) if current.phase == phase::SUCCESSFUL => Progress::Done,
            Some(current) => Progress::waiting(Reason::AwaitsExperiment {
                name: current.name.clone(),
            }),
            None if view.snapshot.is_paused_for(INCONCLUSIVE) => {
                Progress::waiting(Reason::Halted {
                    by: "the experiment was inconclusive",
                })
            }
            None => Progress::waiting(Reason::AwaitsExperiment {
                name: "that is to be created".to_owned(),
            }),
        }
    }

    fn words(&self) -> String {
        "experiment".to_owned()
    }
}
