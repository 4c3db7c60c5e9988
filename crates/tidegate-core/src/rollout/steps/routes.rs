//! `setHeaderRoute` and `setMirrorRoute`: done as soon as the routers have them (CAN-24).

use jiff::Timestamp;
use tidegate_api::rollout::CanaryStep;

use super::{Progress, StepKind, StepView, Target};

/// Sets a route of its own for some requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteStep {
    words: String,
}

impl RouteStep {
    pub(super) fn from_wire(wire: &CanaryStep) -> Option<Self> {
        let header = wire
            .set_header_route
            .as_ref()
            .map(|route| format!("setHeaderRoute: {}", route.name));
        let mirror = wire
            .set_mirror_route
            .as_ref()
            .map(|route| format!("setMirrorRoute: {}", route.name));
        header.or(mirror).map(|words| Self { words })
    }
}

impl StepKind for RouteStep {
    fn fold_into(&self, _target: &mut Target) {}

    fn progress(&self, _view: &StepView<'_>, _now: Timestamp) -> Progress {
        Progress::Done
    }

    fn words(&self) -> String {
        self.words.clone()
    }
}
