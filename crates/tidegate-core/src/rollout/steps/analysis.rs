//! `analysis`: an AnalysisRun decides (CAN-24, ANA-11).

use jiff::Timestamp;
use tidegate_api::rollout::{CanaryStep, RolloutAnalysis};

use super::{Progress, StepKind, StepView, Target};
use crate::reason::Reason;

/// Waits for an AnalysisRun.
#[derive(Clone, Debug)]
pub struct AnalysisStep {
    /// What is to be analysed.
    pub analysis: Box<RolloutAnalysis>,
}

impl AnalysisStep {
    pub(super) fn from_wire(wire: &CanaryStep) -> Option<Self> {
        let analysis = wire.analysis.clone()?;
        Some(Self {
            analysis: Box::new(analysis),
        })
    }
}

impl StepKind for AnalysisStep {
    fn fold_into(&self, _target: &mut Target) {}

    fn progress(&self, view: &StepView<'_>, _now: Timestamp) -> Progress {
        match &view.draft.analysis.step {
            Some(run) if run.phase == "Successful" => Progress::Done,
            Some(run) => Progress::waiting(Reason::AwaitsAnalysis {
                name: run.name.clone(),
            }),
            None => Progress::waiting(Reason::AwaitsAnalysis {
                name: "that is to be created".to_owned(),
            }),
        }
    }

    fn words(&self) -> String {
        "analysis".to_owned()
    }
}
