//! The model cluster: a Kubernetes API in memory, the actors that live in it, and doors to it; and the
//! simulator, in which the controller lives there, too, while [`invariants`] watch.

pub mod actors;
pub mod cluster;
pub mod controller;
mod digest;
pub mod doors;
pub mod explore;
pub mod faults;
pub mod invariants;
pub mod scenario;
pub mod trace;
pub mod world;
