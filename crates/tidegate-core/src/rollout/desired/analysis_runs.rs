//! AnalysisRuns of a Rollout.

use jiff::Timestamp;
use tidegate_api::analysis::AnalysisRun;

use crate::{
    plan::Effect,
    reason::Reason,
    rollout::{draft::Draft, snapshot::RolloutSnapshot},
};

/// One AnalysisRun, as far as a Rollout looks at it.
#[derive(Clone, Debug)]
pub struct RunView {
    /// Its name.
    pub name: String,
}

impl RunView {
    pub(crate) fn new(run: &AnalysisRun) -> Self {
        Self {
            name: run.metadata.name.clone(),
        }
    }
}

/// What a pass does to AnalysisRuns.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    pub(crate) effects: Vec<Effect>,
    pub(crate) retry: Option<Reason>,
}

pub(crate) fn reconcile(_snapshot: &RolloutSnapshot, _draft: &mut Draft, _now: Timestamp) -> Runs {
    Runs::default()
}
