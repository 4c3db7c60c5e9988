//! What users' manifests inherit from Go.

mod base64;
pub mod duration;
pub mod expr;
pub mod float_format;
pub mod fnv;
pub mod json;
pub mod jsonpath;
pub mod number;
pub mod quote;
pub mod time;
