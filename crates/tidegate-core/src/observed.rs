//! What the shell (or the simulator) has seen of the cluster, handed over for one decision.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use tidegate_api::{
    analysis::{AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate},
    experiment::Experiment,
    rollout::Rollout,
    workload::{ReplicaSet, Service},
};

use crate::plan::{Event, ObjectKey, Write};

/// Everything a decision on one Rollout may look at, as it is on the wire. Lists are in no order.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The Rollout.
    pub rollout: Arc<Rollout>,
    /// What `spec.workloadRef` names, raw; `None` if that does not exist or nothing is named.
    pub workload: Option<Arc<Value>>,
    /// Why nobody can say whether that exists: its kind cannot be listed, in the server's words.
    pub workload_unlisted: Option<String>,
    /// ReplicaSets of its namespace that it owns or whose labels match its selector.
    pub replica_sets: Vec<Arc<ReplicaSet>>,
    /// Names of ReplicaSets that the caches do not hold otherwise and that it might want.
    pub strangers: Vec<String>,
    /// Other Rollouts that name a Service which it names and nobody manages yet, or an object of a router that
    /// can serve one of them alone.
    pub rivals: Vec<Arc<Rollout>>,
    /// The Services that it names; one that is missing does not exist.
    pub services: BTreeMap<String, Arc<Service>>,
    /// AnalysisRuns that it controls, and whichever has a name that it might want.
    pub analysis_runs: Vec<Arc<AnalysisRun>>,
    /// Experiments that it controls, and whichever has a name that it might want.
    pub experiments: Vec<Arc<Experiment>>,
    /// Analysis templates of its namespace.
    pub analysis_templates: BTreeMap<String, Arc<AnalysisTemplate>>,
    /// Analysis templates of the whole cluster.
    pub cluster_analysis_templates: BTreeMap<String, Arc<ClusterAnalysisTemplate>>,
    /// What its routers read (ingresses and the like), raw.
    pub router_objects: Objects,
    /// What its routers find wrong with the Rollout and the objects it names, in their order.
    pub router_findings: Vec<Finding>,
    /// What each of its routers says, in their order.
    pub routers: Vec<RouterView>,
    /// Writes that take the Rollout's marks off objects that it no longer names (TR-321).
    pub leftovers: Vec<Write>,
    /// After how many seconds a weight that was not in effect is looked at again; 10 if not given
    /// (TRF-27).
    pub verify_retry_seconds: Option<u32>,
}

/// What one router says about the objects that it uses, before anything is decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterView {
    /// Pod template hashes that its objects name (TRF-43).
    pub named: Vec<String>,
    /// The hashes behind both sides where the router itself holds them; without, Services do.
    pub hashes: Option<RouterHashes>,
    /// Why it can split nothing now, as users are told.
    pub obstacle: Option<Event>,
    /// Whether the weights that the status records are in effect.
    pub verification: Verification,
}

/// The pod template hashes to which a router leads; empty where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterHashes {
    /// Of the canary's side.
    pub canary: String,
    /// Of the stable side.
    pub stable: String,
}

/// What a router says when it is asked whether the recorded weights are in effect (TRF-23).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Verification {
    /// It cannot tell.
    #[default]
    NotSupported,
    /// They are.
    Verified,
    /// They are not yet; the sentence says what is missing.
    NotYet(String),
    /// It could not be asked; the sentence says why.
    Failed(String),
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
