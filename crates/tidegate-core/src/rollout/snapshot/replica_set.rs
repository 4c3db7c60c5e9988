//! A ReplicaSet, as far as decisions look at it.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;
use tidegate_api::{
    labels,
    meta::{LabelSelector, ObjectMeta, OwnerReference},
};

/// One ReplicaSet, as far as decisions look at it.
#[derive(Clone, Debug)]
pub struct ReplicaSetView {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// The pod template hash label; empty if it has none.
    pub hash: String,
    /// The revision annotation, if it is a number.
    pub revision: Option<i64>,
    /// The desired-replicas annotation (REV-04), if it is a number.
    pub desired: Option<i32>,
    /// `scale-down-deadline`, as text and parsed.
    pub scale_down_deadline: Option<Deadline>,
    /// `spec.replicas`, default 1.
    pub replicas: i32,
    /// `spec.minReadySeconds`.
    pub min_ready_seconds: i32,
    /// `spec.selector`.
    pub selector: Option<LabelSelector>,
    /// `spec.template`.
    pub template: Arc<Value>,
    /// `status.replicas`.
    pub created_replicas: i32,
    /// `status.fullyLabeledReplicas`: how many of them have all labels of the template.
    pub labeled: i32,
    /// `status.readyReplicas`.
    pub ready: i32,
    /// `status.availableReplicas`.
    pub available: i32,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// Whether it is being deleted.
    pub lifetime: Lifetime,
    /// Whether its controller has seen its newest spec.
    pub observed: ObservedSpec,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// A `ReplicaFailure` condition of its status.
    pub failure: Option<ReplicaFailure>,
    /// Whether somebody has changed its labels so that the selector matches it no more.
    pub labels: Labels,
}

/// Whether a ReplicaSet still has the labels that it was made with, as far as selectors look at them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Labels {
    /// It has.
    Kept,
    /// They were changed; these own it besides the Rollout.
    Changed {
        /// Owners that do not manage it.
        others: Vec<OwnerReference>,
    },
}

impl ReplicaSetView {
    /// Whether it should have pods and has them all (TRF-02).
    pub fn is_whole(&self) -> bool {
        self.replicas != 0 && self.available != 0 && self.replicas <= self.available
    }
}

/// A ReplicaSet that waits to be adopted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// Owners that do not manage it.
    pub owners: Vec<OwnerReference>,
}

/// A ReplicaSet's `ReplicaFailure` condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaFailure {
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Reason.
    pub reason: String,
    /// Message.
    pub message: String,
    /// `lastTransitionTime`.
    pub since: Option<Timestamp>,
}

/// A deadline from an annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// Well-formed.
    At(Timestamp),
    /// Nobody can read it; it counts as passed (TRF-42).
    Unreadable(String),
}

impl Deadline {
    /// The deadline that a ReplicaSet carries.
    pub(crate) fn read(metadata: &ObjectMeta) -> Option<Self> {
        let text = metadata.annotation(labels::SCALE_DOWN_DEADLINE)?;
        let read = text.parse::<Timestamp>();
        (!text.is_empty())
            .then(|| read.map_or_else(|_| Self::Unreadable(text.to_owned()), Self::At))
    }
}

/// Whether an object is being deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// It stays.
    Alive,
    /// It has a deletion timestamp.
    Deleting,
}

/// Whether an object's controller has seen its newest spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObservedSpec {
    /// `status.observedGeneration` has caught up.
    Current,
    /// It has not.
    Behind,
}
