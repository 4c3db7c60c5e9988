//! Speaks for vendors: routers render patches, providers phrase requests and read answers.

pub mod labels;
pub mod metrics;
pub mod traffic;
