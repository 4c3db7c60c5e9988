//! The published contract: kinds, labels, annotations, pod template hash.

pub mod analysis;
pub mod document;
pub mod experiment;
pub mod int_or_string;
pub mod labels;
mod lenient;
pub mod meta;
pub mod object;
pub mod pod_template;
pub mod quantity;
pub mod rollout;
pub mod safe_hash;
pub mod shape;
pub mod workload;
