//! What differs for AnalysisRuns.

use tidegate_core::plan::{ANALYSIS_RUNS, Resource};

use crate::reconcile::{Kind, Name, Shell, Verdict};

/// AnalysisRuns.
#[derive(Debug)]
pub(crate) struct AnalysisRuns;

impl Kind for AnalysisRuns {
    fn resource(&self) -> Resource {
        ANALYSIS_RUNS
    }

    async fn pass(&self, _shell: &Shell, _name: &Name) -> Verdict {
        Verdict::Done(None)
    }
}
