//! The shell: watches, gates, runs plans, asks, reports. It decides nothing.

mod admin;
mod analysis_run;
mod apply;
mod args;
mod ask;
mod clock;
pub mod flags;
mod observe;
mod reconcile;
mod record;
mod rollout;
mod route;
mod run;
mod served;
mod service;
mod telemetry;
mod wake;
mod watch;
pub mod wire;
mod workloads;

pub use args::Args;
pub use ask::Egress;
pub use clock::Clock;
pub use run::{Surroundings, run};
pub use telemetry::{logging, stop_signal};
