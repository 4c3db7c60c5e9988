//! A cluster in this process, with a canary in motion: what `tidegate playground` shows.

mod layout;
mod metrics;
mod promql;
mod screen;
mod story;
mod traffic;
mod world;

pub(crate) use self::{
    screen::{Screen, Surface},
    story::{Ending, Plot, Version, play},
    world::World,
};

/// Where the example lives.
const NAMESPACE: &str = "production";
/// The example's Rollout and its container.
const ROLLOUT: &str = "api-server";
/// The example, as it is shipped.
const EXAMPLE: [&str; 4] = [
    include_str!("../../../examples/api-server/services.yaml"),
    include_str!("../../../examples/api-server/ingress.yaml"),
    include_str!("../../../examples/api-server/analysis.yaml"),
    include_str!("../../../examples/api-server/rollout.yaml"),
];
/// The version that works.
const GOOD: &str = "registry.example.com/api-server:1.1.0";
/// The version that answers with errors.
const BAD: &str = "registry.example.com/api-server:1.1.0-bad";
