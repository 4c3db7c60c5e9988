//! What a decision on one Experiment may look at.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;
use tidegate_api::{
    experiment::{Experiment, TemplateSpec},
    labels,
    rollout::Rollout,
};

use crate::{
    plan::Guard,
    rollout::{
        desired::analysis_runs::{RunView, Templates},
        snapshot::Deadline,
    },
};

/// Whose step an Experiment is.
#[derive(Clone, Debug, Default)]
pub enum Owner {
    /// Nobody's, or of a Rollout that is not there any more.
    #[default]
    Nobody,
    /// This Rollout's.
    Known(Arc<Rollout>),
    /// Of a Rollout that cannot be read: who has traffic is not known.
    Unreadable,
}

/// One Experiment and what belongs to it.
#[derive(Clone, Debug)]
pub struct ExperimentSnapshot {
    /// The wire object.
    pub(crate) experiment: Arc<Experiment>,
    /// Its versions, in the order of the spec.
    pub(crate) templates: Vec<TemplateView>,
    /// A version to which more than one ReplicaSet or Service belongs (EXP-02).
    pub(crate) ambiguous: Option<String>,
    /// Names of ReplicaSets that are not its own.
    pub(crate) taken_sets: BTreeSet<String>,
    /// Names of Services that are not its own.
    pub(crate) taken_services: BTreeSet<String>,
    /// Its AnalysisRuns, by name.
    pub(crate) runs: Vec<RunView>,
    /// Names of AnalysisRuns that are not its own.
    pub(crate) taken_runs: Vec<String>,
    /// Names of AnalysisRuns that are surely not there.
    pub(crate) gone_runs: BTreeSet<String>,
    /// The templates that its analyses lead to.
    pub(crate) analysis_templates: Templates,
    /// Whose step it is.
    pub(crate) owner: Owner,
    /// Services to which its Rollout's routers send traffic now.
    pub(crate) receivers: BTreeSet<String>,
}

/// One version and what belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct TemplateView {
    pub(crate) spec: TemplateSpec,
    pub(crate) set: Option<SetView>,
    pub(crate) service: Option<ServiceView>,
}

/// The ReplicaSet of a version.
#[derive(Clone, Debug)]
pub(crate) struct SetView {
    pub(crate) name: String,
    pub(crate) guard: Guard,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) replicas: i32,
    pub(crate) created: i32,
    pub(crate) ready: i32,
    pub(crate) available: i32,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) template: Arc<Value>,
}

impl SetView {
    pub(crate) fn hash(&self) -> &str {
        self.labels
            .get(labels::POD_TEMPLATE_HASH)
            .map_or("", String::as_str)
    }
}

/// The Service of a version.
#[derive(Clone, Debug)]
pub(crate) struct ServiceView {
    pub(crate) name: String,
    pub(crate) guard: Guard,
}

impl ExperimentSnapshot {
    /// Whether users' traffic may reach a Service: its Rollout has given it a weight, or still goes by an
    /// Experiment that it has not seen the end of, so that it may give it one (S0-14).
    pub(crate) fn may_have_traffic(&self, service: &str) -> bool {
        let rollout = match &self.owner {
            Owner::Nobody => return false,
            Owner::Unreadable => return true,
            Owner::Known(rollout) => rollout,
        };
        let canary = rollout.spec.strategy.canary.as_ref();
        let is_routed = canary.is_some_and(|canary| canary.traffic_routing.is_some());
        let status = &rollout.status.canary;
        let is_current = status.current_experiment == self.experiment.metadata.name;
        let weights = status
            .weights
            .iter()
            .flat_map(|weights| &weights.additional);
        let is_recorded = weights
            .into_iter()
            .any(|other| other.service_name == service && other.weight > 0);
        is_routed && (is_current || is_recorded || self.receivers.contains(service))
    }
}
