//! What users' manifests inherit from Go.

pub mod duration;
pub mod fnv;
pub mod json;
pub mod number;
pub mod quote;
pub mod time;
