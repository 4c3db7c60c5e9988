//! What users' manifests inherit from Go.

pub mod duration;
pub mod number;
pub mod time;
