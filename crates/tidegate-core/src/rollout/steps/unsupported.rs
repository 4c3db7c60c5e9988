//! Steps that Tidegate does not carry out yet: the Rollout waits there and says so, rather than to
//! go past what somebody asked for.

use jiff::Timestamp;
use tidegate_api::rollout::CanaryStep;

use super::{INVALID, Progress, StepKind, StepView, Target};
use crate::reason::Reason;

/// A step that is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsupportedStep {
    words: String,
}

impl UnsupportedStep {
    pub(super) fn plugin(wire: &CanaryStep) -> Option<Self> {
        let plugin = wire.plugin.as_ref()?;
        Some(Self {
            words: format!("plugin: {}", plugin.name),
        })
    }

    /// A step in which nothing stands that anybody knows.
    pub(super) fn unknown() -> Self {
        Self {
            words: INVALID.to_owned(),
        }
    }
}

impl StepKind for UnsupportedStep {
    fn fold_into(&self, _target: &mut Target) {}

    fn progress(&self, view: &StepView<'_>, _now: Timestamp) -> Progress {
        Progress::waiting(Reason::NotSupported {
            number: view.number,
            words: self.words.clone(),
        })
    }

    fn words(&self) -> String {
        self.words.clone()
    }
}
