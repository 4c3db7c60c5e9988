//! Routers: who splits the traffic of a canary. Each is one file; they say what they read, what is
//! wrong with it, and which writes are still missing for a split.

mod nginx;

use tidegate_api::rollout::{Rollout, RolloutTrafficRouting};
use tidegate_core::{
    observed::{Finding, Objects},
    plan::{ObjectKey, Route, Write},
};

/// One kind of router.
trait Router: Sync {
    /// Its member of `trafficRouting`.
    fn member(&self) -> &'static str;
    /// Whether the Rollout names it.
    fn is_named(&self, routing: &RolloutTrafficRouting) -> bool;
    /// The objects that it must see, its own included.
    fn reads(&self, rollout: &Rollout) -> Vec<ObjectKey>;
    /// What is wrong with the objects that it is told to use (VAL-32).
    fn findings(&self, rollout: &Rollout, objects: &Objects) -> Vec<Finding>;
    /// The writes that are missing for the split; none if everything is as asked for.
    fn render(&self, route: &Route, objects: &Objects) -> Result<Vec<Write>, Error>;
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
}

/// Every router, in the order in which they act (TR-002).
const ROUTERS: [&dyn Router; 1] = [&nginx::Nginx];

/// Routers of upstream's that are not there yet: the Rollout says so and stays as it is.
const MISSING: [&str; 8] = [
    "istio",
    "alb",
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

/// What is wrong with the routers that a Rollout names and with what they read.
pub fn findings(rollout: &Rollout, objects: &Objects) -> Vec<Finding> {
    let mut findings: Vec<Finding> = named(rollout)
        .flat_map(|router| router.findings(rollout, objects))
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

/// The writes that are missing for a split, of all routers in their order.
///
/// # Errors
/// The sentence of the first router that cannot phrase it.
pub fn phrase(route: &Route, objects: &Objects) -> Result<Vec<Write>, String> {
    let mut writes = Vec::new();
    for router in named(&route.rollout) {
        let phrased = router.render(route, objects);
        writes.extend(phrased.map_err(|error| error.to_string())?);
    }
    Ok(writes)
}
