//! The shell: watches, gates, runs plans, asks, reports. It decides nothing.

mod admin;
mod analysis_run;
mod apply;
mod args;
mod ask;
mod cache;
mod clock;
pub mod connection;
mod experiment;
mod fence;
pub mod flags;
mod jobs;
mod leader;
mod metrics;
mod observe;
pub mod path;
mod place;
mod reconcile;
mod record;
mod rollout;
mod route;
mod run;
mod served;
mod server;
mod service;
mod telemetry;
mod wake;
mod watch;
pub mod wire;
mod workloads;

pub use args::{Args, RouterArgs};
pub use ask::{Egress, Network};
pub use clock::Clock;
pub use run::{Listening, Surroundings, run};
pub use server::Rate;
pub use telemetry::{logging, stop_signal};
