//! `pause`: for a time, or until a person promotes (CAN-30, CAN-31).

use jiff::{SignedDuration, Timestamp};
use tidegate_api::{int_or_string::IntOrString, pause, rollout::CanaryStep};

use super::{Progress, StepKind, StepView, Target};
use crate::reason::Reason;

/// The reason of the pause condition that this step adds.
pub(crate) const CONDITION: &str = "CanaryPauseStep";

/// Waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PauseStep {
    duration: Option<IntOrString>,
}

impl PauseStep {
    pub(super) fn from_wire(wire: &CanaryStep) -> Option<Self> {
        let pause = wire.pause.as_ref()?;
        Some(Self {
            duration: pause.duration.clone(),
        })
    }

    /// How long it waits; `None` until a person promotes. What nobody can read counts as -1 (CAN-31).
    pub(crate) fn seconds(&self) -> Option<i64> {
        self.duration
            .as_ref()
            .map(|duration| i64::from(pause::seconds(duration)))
    }
}

impl StepKind for PauseStep {
    fn fold_into(&self, _target: &mut Target) {}

    fn progress(&self, view: &StepView<'_>, now: Timestamp) -> Progress {
        let recorded = &view.snapshot.recorded;
        let pause = recorded
            .pauses
            .iter()
            .find(|pause| pause.reason == CONDITION);
        let Some(pause) = pause else {
            // The condition is gone although we had set it: a person has promoted (ACT-07).
            return if recorded.controller_pause.is_set() {
                Progress::Done
            } else {
                Progress::waiting(Reason::Paused {
                    number: view.number,
                })
            };
        };
        let Some(seconds) = self.seconds() else {
            return Progress::waiting(Reason::AwaitsPromotion {
                number: view.number,
            });
        };
        let end = pause
            .since
            .checked_add(SignedDuration::from_secs(seconds))
            .unwrap_or(Timestamp::MAX);
        if now >= end {
            return Progress::Done;
        }
        Progress::Waiting {
            reason: Reason::Paused {
                number: view.number,
            },
            until: Some(end),
        }
    }

    fn words(&self) -> String {
        match &self.duration {
            None => "pause".to_owned(),
            Some(duration) => format!("pause: {duration}"),
        }
    }
}
