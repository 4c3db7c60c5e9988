//! Routers: who splits the traffic of a canary. Each is one file; they say what they read, what is
//! wrong with it, and which writes are still missing for a split.

mod alb;
mod ingress;
mod istio;
mod nginx;
mod receivers;

use std::sync::Arc;

use serde_json::Value;
use tidegate_api::rollout::{Rollout, RolloutTrafficRouting};
use tidegate_core::{
    observed::{Finding, Objects, RouterView},
    plan::{Event, ObjectKey, Resource, Route, Write},
    rollout::events,
};

pub use receivers::receivers;

/// One kind of router.
trait Router: Sync {
    /// Its member of `trafficRouting`.
    fn member(&self) -> &'static str;
    /// Whether the Rollout names it.
    fn is_named(&self, routing: &RolloutTrafficRouting) -> bool;
    /// The objects that it must see, its own included.
    fn reads(&self, rollout: &Rollout) -> Vec<ObjectKey>;
    /// The objects among them that can serve one Rollout alone, whoever names them.
    fn claims(&self, _rollout: &Rollout) -> Vec<ObjectKey> {
        Vec::new()
    }
    /// What is wrong with the objects that it is told to use (VAL-32, VAL-33).
    fn findings(&self, rollout: &Rollout, seen: &Seen<'_>) -> Vec<Finding>;
    /// What a decision must know of the objects, and whether the recorded weights are in effect. A
    /// router that leaves everything to Services and cannot tell says nothing.
    fn view(&self, _rollout: &Rollout, _objects: &Objects) -> RouterView {
        RouterView::default()
    }
    /// The writes that are missing for the split; none if everything is as asked for.
    fn render(&self, route: &Route, objects: &Objects) -> Result<Vec<Write>, Error>;
}

/// What is there for a router.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The objects that it reads.
    pub objects: &'a Objects,
    /// Kinds of which nothing can be seen, and why.
    pub absent: &'a [(Resource, Absence)],
    /// Other Rollouts that name an object which can serve one alone, such as those of [`claims`].
    pub rivals: &'a [Arc<Rollout>],
}

/// Why nothing can be seen of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The cluster does not serve it.
    NotServed,
    /// The controller must not list it; the server's words.
    Forbidden(String),
    /// It is in another cluster, of which nothing can be seen now; the sentence says which, why, and what to do. What
    /// was seen of it before is held to be there still.
    OutOfReach(String),
}

impl Seen<'_> {
    /// Why nothing can be seen of a kind, if that is so.
    fn absence(&self, resource: &Resource) -> Option<&Absence> {
        let mut absent = self.absent.iter();
        let found = absent.find(|(kind, _)| kind == resource);
        found.map(|(_, absence)| absence)
    }
}

/// Why a router cannot phrase a split; users see it in an event.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// An object that it was told to use is not there.
    #[error(
        "error retrieving stableIngress `{name}` from cache: ingress.networking.k8s.io \"{name}\" not found"
    )]
    StableIngressMissing {
        /// Its name.
        name: String,
    },
    /// An Ingress that it was told to use is not there.
    #[error("ingress.networking.k8s.io \"{name}\" not found")]
    IngressMissing {
        /// Its name.
        name: String,
    },
    /// No rule of the Ingress sends traffic to the Service that stands for the action.
    #[error("ingress does not have service `{service}` in rules")]
    NoAction {
        /// The Service.
        service: String,
    },
    /// The annotation that says who owns which others cannot be read.
    #[error(
        "annotation rollouts.argoproj.io/managed-alb-annotations of ingress `{ingress}` is not a map of lists of names: {why}: correct or remove it"
    )]
    Record {
        /// The Ingress.
        ingress: String,
        /// What is wrong with it.
        why: String,
    },
    /// AWS does not take this duration.
    #[error(
        "TargetGroupStickinessConfig's duration must be between 1 and 604800 seconds (7 days)!"
    )]
    Stickiness,
    /// No rule of the Ingress sends traffic to the stable Service.
    #[error("ingress `{ingress}` has no rules using service {service} backend")]
    NoRule {
        /// The Ingress.
        ingress: String,
        /// The Service.
        service: String,
    },
    /// The name of the object that it would make is taken.
    #[error("canary ingress `{name}` controlled by different object")]
    ForeignIngress {
        /// The name.
        name: String,
    },
    /// Istio's objects are not as they should be.
    #[error(transparent)]
    Istio(#[from] istio::Error),
}

impl Error {
    fn event(&self) -> Event {
        match self {
            Self::Istio(error) => error.event(),
            Self::StableIngressMissing { .. }
            | Self::NoRule { .. }
            | Self::IngressMissing { .. }
            | Self::NoAction { .. }
            | Self::Record { .. }
            | Self::Stickiness
            | Self::ForeignIngress { .. } => events::routing_error(self.to_string()),
        }
    }
}

/// Every router, in the order in which they act (TR-002).
const ROUTERS: [&dyn Router; 3] = [&istio::Istio, &nginx::Nginx, &alb::Alb];

/// Routers of upstream's that are not there yet: the Rollout says so and stays as it is.
const MISSING: [&str; 6] = [
    "smi",
    "ambassador",
    "appMesh",
    "traefik",
    "apisix",
    "plugins",
];

fn routing(rollout: &Rollout) -> Option<&RolloutTrafficRouting> {
    rollout
        .spec
        .strategy
        .canary
        .as_ref()?
        .traffic_routing
        .as_ref()
}

fn named(rollout: &Rollout) -> impl Iterator<Item = &'static dyn Router> {
    let routing = routing(rollout);
    ROUTERS
        .into_iter()
        .filter(move |router| routing.is_some_and(|routing| router.is_named(routing)))
}

/// The objects that the routers of a Rollout must see.
pub fn reads(rollout: &Rollout) -> Vec<ObjectKey> {
    named(rollout)
        .flat_map(|router| router.reads(rollout))
        .collect()
}

/// The objects that can serve one Rollout alone and that this one names.
pub fn claims(rollout: &Rollout) -> Vec<ObjectKey> {
    named(rollout)
        .flat_map(|router| router.claims(rollout))
        .collect()
}

/// What is wrong with the routers that a Rollout names and with what they read.
pub fn findings(rollout: &Rollout, seen: &Seen<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = named(rollout)
        .flat_map(|router| router.findings(rollout, seen))
        .collect();
    if let Some(routing) = routing(rollout) {
        findings.extend(missing(routing));
    }
    findings
}

/// Routers that are named but not there yet.
fn missing(routing: &RolloutTrafficRouting) -> Vec<Finding> {
    let members = serde_json::to_value(routing).unwrap_or_default();
    let there: Vec<&str> = ROUTERS.iter().map(|router| router.member()).collect();
    MISSING
        .into_iter()
        .filter(|member| members.get(member).is_some())
        .map(|member| Finding {
            message: format!(
                "spec.strategy.canary.trafficRouting.{member}: Forbidden: this router is not supported \
                 yet: use one of {}",
                there.join(", ")
            ),
        })
        .collect()
}

/// What a decision must know of the routers that a Rollout names, in their order.
pub fn views(rollout: &Rollout, seen: &Seen<'_>) -> Vec<RouterView> {
    named(rollout)
        .map(|router| {
            let view = router.view(rollout, seen.objects);
            let obstacle = out_of_reach(router, rollout, seen).or(view.obstacle);
            RouterView { obstacle, ..view }
        })
        .collect()
}

/// What is told of a router whose objects cannot be reached: nothing is split until they can (TR-303).
fn out_of_reach(router: &dyn Router, rollout: &Rollout, seen: &Seen<'_>) -> Option<Event> {
    let reads = router.reads(rollout);
    let mut absences = reads.iter().filter_map(|key| seen.absence(&key.resource));
    absences.find_map(|absence| match absence {
        Absence::OutOfReach(sentence) => Some(events::routing_error(sentence)),
        Absence::NotServed | Absence::Forbidden(_) => None,
    })
}

/// The writes that are missing for a split, of all routers in their order.
///
/// # Errors
/// What the first router that cannot phrase it tells the user.
pub fn phrase(route: &Route, objects: &Objects) -> Result<Vec<Write>, Event> {
    let mut writes = Vec::new();
    for router in named(&route.rollout) {
        let phrased = router.render(route, objects);
        writes.extend(phrased.map_err(|error| error.event())?);
    }
    Ok(writes)
}

/// The name of the Rollout whose marks a `DestinationRule` carries.
pub fn manager(rule: &Value) -> Option<&str> {
    istio::manager(rule)
}

/// The writes that take a Rollout's marks off `DestinationRules` that carry its name and that it does
/// not name, or not any more: `rollout` is `None` if there is none of that name. Keeps TR-321.
pub fn leftovers(rollout: Option<&Rollout>, rules: &[Arc<Value>]) -> Vec<Write> {
    rules
        .iter()
        .filter(|rule| rollout.is_none_or(|rollout| !istio::is_named(rollout, rule)))
        .filter_map(|rule| istio::clean(rule))
        .collect()
}
