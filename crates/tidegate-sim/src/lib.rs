//! The model cluster: a Kubernetes API in memory, the actors that live in it, and doors to it.

pub mod actors;
pub mod cluster;
pub mod doors;
