//! `setHeaderRoute` and `setMirrorRoute`: done as soon as the routers have them (CAN-24).

use jiff::Timestamp;
use tidegate_api::rollout::CanaryStep;

use super::{Progress, StepKind, StepView, Target};
use crate::plan::RouteRequest;

/// Sets a route of its own for some requests.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteStep {
    request: RouteRequest,
}

impl RouteStep {
    pub(super) fn header(wire: &CanaryStep) -> Option<Self> {
        let route = wire.set_header_route.clone()?;
        Some(Self {
            request: RouteRequest::Header(route),
        })
    }

    pub(super) fn mirror(wire: &CanaryStep) -> Option<Self> {
        let route = wire.set_mirror_route.clone()?;
        Some(Self {
            request: RouteRequest::Mirror(route),
        })
    }
}

impl StepKind for RouteStep {
    /// A later request of the same name takes the place of the earlier one; one that matches nothing
    /// stays, too, because it asks for the route to go.
    fn fold_into(&self, target: &mut Target) {
        target
            .routes
            .retain(|known| known.name() != self.request.name());
        target.routes.push(self.request.clone());
    }

    fn progress(&self, _view: &StepView<'_>, _now: Timestamp) -> Progress {
        Progress::Done
    }

    fn words(&self) -> String {
        match &self.request {
            RouteRequest::Header(route) => format!("setHeaderRoute: {}", route.name),
            RouteRequest::Mirror(route) => format!("setMirrorRoute: {}", route.name),
        }
    }
}
