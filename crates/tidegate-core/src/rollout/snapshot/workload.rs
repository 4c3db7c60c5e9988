//! The workload whose template a Rollout takes.

use crate::plan::ObjectKey;

/// What `spec.workloadRef` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Which object it is.
    pub key: ObjectKey,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// `metadata.generation`.
    pub generation: i64,
    /// `spec.replicas`, default 1.
    pub replicas: i32,
    /// What becomes of its pods.
    pub scale_down: ScaleDown,
}

/// What becomes of a Deployment's pods once a Rollout has its template (WLR-06, WLR-07).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleDown {
    /// They stay.
    Never,
    /// They go once the Rollout is healthy.
    OnSuccess,
    /// They go as the Rollout's pods come.
    Progressively,
}
