//! What the shell (or the simulator) has seen of the cluster, handed over for one decision.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use tidegate_api::{
    analysis::{AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate},
    rollout::Rollout,
    workload::{ReplicaSet, Service},
};

use crate::plan::ObjectKey;

/// Everything a decision on one Rollout may look at, as it is on the wire. Lists are in no order.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The Rollout.
    pub rollout: Arc<Rollout>,
    /// ReplicaSets of its namespace that it owns or whose labels match its selector.
    pub replica_sets: Vec<Arc<ReplicaSet>>,
    /// The Services that it names; one that is missing does not exist.
    pub services: BTreeMap<String, Arc<Service>>,
    /// AnalysisRuns that it controls, and whichever has a name that it might want.
    pub analysis_runs: Vec<Arc<AnalysisRun>>,
    /// Analysis templates of its namespace.
    pub analysis_templates: BTreeMap<String, Arc<AnalysisTemplate>>,
    /// Analysis templates of the whole cluster.
    pub cluster_analysis_templates: BTreeMap<String, Arc<ClusterAnalysisTemplate>>,
    /// What its routers read (ingresses and the like), raw.
    pub router_objects: Objects,
    /// What its routers find wrong with the Rollout and the objects it names, in their order.
    pub router_findings: Vec<Finding>,
}

/// Raw objects by key; what is missing does not exist.
pub type Objects = BTreeMap<ObjectKey, Arc<Value>>;

/// Something wrong with an object, phrased as upstream's field errors are:
/// `path: Kind of error: value: detail`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The whole sentence.
    pub message: String,
}

impl Finding {
    /// `path: Invalid value: "value": detail`; the value is quoted as Go does for strings.
    pub fn invalid(path: &str, value: &str, detail: &str) -> Self {
        Self {
            message: format!("{path}: Invalid value: {value}: {detail}"),
        }
    }
}
