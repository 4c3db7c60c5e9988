//! The desired state, one file per field, each with its only owner.

pub mod analysis_runs;
pub(crate) mod colours;
pub mod experiments;
pub(crate) mod metadata;
pub(crate) mod replicas;
pub(crate) mod restart;
pub(crate) mod routers;
pub(crate) mod services;
pub mod trials;
pub mod weight;
