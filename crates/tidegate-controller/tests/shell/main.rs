//! The whole controller against the model cluster's REST door, over sockets: election, metrics, a busy
//! server, restarts, Experiments, a second cluster that has Istio. Each test waits for what must come to be, never for a time.

#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

mod election;
mod experiments;
mod jobs;
mod losing;
mod measuring;
mod primary;
mod serving;
mod watching;
mod wire;
mod world;
