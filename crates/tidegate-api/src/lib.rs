//! The published contract: kinds, labels, annotations, pod template hash.

pub mod analysis;
pub mod document;
pub mod experiment;
pub mod int_or_percent;
pub mod int_or_string;
pub mod labels;
mod lenient;
pub mod meta;
pub mod names;
pub mod object;
pub mod pause;
pub mod pod_template;
pub mod quantity;
pub mod rollout;
pub mod safe_hash;
pub mod selector;
pub mod shape;
pub mod workload;
