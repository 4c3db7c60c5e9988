//! Decides: snapshot and now in, plan out. No clock, no dice, no I/O.
//!
//! The way of the data: [`observed::Observed`] is what was seen; [`rollout::parse`] makes a snapshot
//! of it; [`rollout::decide`] a [`plan::Plan`]; [`run::PlanRun`] says step by step what to send, and
//! [`rollout::status::write`] turns what was done into the next status.

pub mod analysis_run;
pub mod consistency;
pub mod contest;
pub mod experiment;
pub mod freshness;
pub mod gauges;
pub mod leadership;
pub mod observed;
pub mod plan;
pub mod reason;
pub mod rollout;
pub mod run;
pub mod view;
