//! What a decision may look at: the wire objects, parsed. Behind this wall every list is sorted,
//! every default is filled in, and an `Option` is a real question.

mod replica_set;
mod workload;

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;
use tidegate_api::{pod_template::LeftOut, rollout::Rollout};

use crate::{
    observed::RouterView,
    plan::Write,
    rollout::{
        desired::{
            analysis_runs::{RunView, Templates},
            experiments::ExperimentView,
        },
        pods::Pods,
        steps::Step,
        traffic::Weights,
    },
};

pub use replica_set::{
    Deadline, Labels, Lifetime, ObservedSpec, Orphan, ReplicaFailure, ReplicaSetView,
};
pub use workload::ScaleDown;
pub use workload::Workload;

/// One Rollout and what belongs to it.
#[derive(Clone, Debug)]
pub struct RolloutSnapshot {
    /// The wire object, with template and selector of what `spec.workloadRef` names. Only
    /// `validate.rs`, `status.rs`, `view.rs` and routers look into it.
    pub rollout: Arc<Rollout>,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// `metadata.generation`.
    pub generation: i64,
    /// The Rollout's revision annotation, if it is a number.
    pub revision: Option<i64>,
    /// `spec.replicas`, default 1.
    pub replicas: i32,
    /// Whether `spec.replicas` was given; if not it must be written back (QUE-17).
    pub replicas_given: Given,
    /// `spec.paused`.
    pub user_pause: UserPause,
    /// `spec.minReadySeconds`.
    pub min_ready_seconds: i32,
    /// `spec.revisionHistoryLimit`, default 10.
    pub revision_history_limit: i32,
    /// `spec.progressDeadlineSeconds`, default 600.
    pub progress_deadline_seconds: i32,
    /// `spec.rollbackWindow.revisions`; 0 means none.
    pub rollback_window: i32,
    /// The canary strategy; with its defaults if the Rollout is of the other one.
    pub canary: Canary,
    /// The blue-green strategy, if the Rollout is of it.
    pub blue_green: Option<BlueGreen>,
    /// Where the template comes from, if it is not the Rollout's own (WLR-01).
    pub workload: Option<Workload>,
    /// The annotation of the referent's generation as it stands on the Rollout (WLR-03).
    pub noted_generation: Option<String>,
    /// The pod template, without what nobody can read and its pods can do without.
    pub template: Arc<Value>,
    /// What was left out of it (QUE-15).
    pub left_out: Option<LeftOut>,
    /// Its hash with the recorded collision count (RSI-04).
    pub template_hash: String,
    /// Hash of the steps (CAN-60).
    pub step_hash: String,
    /// All ReplicaSets that the Rollout owns, oldest first, then by name.
    pub replica_sets: Vec<ReplicaSetView>,
    /// Names of ReplicaSets that belong to something else.
    pub taken_names: Vec<String>,
    /// ReplicaSets that nobody owns and that the Rollout's selector matches.
    pub orphans: Vec<Orphan>,
    /// Index of the ReplicaSet of the current template (RSI-02).
    pub new: Option<usize>,
    /// Index of the ReplicaSet whose hash is `status.stableRS` (RSI-11).
    pub stable: Option<usize>,
    /// The Services that the Rollout names and that exist.
    pub services: BTreeMap<String, ServiceView>,
    /// What the status says, as it was read.
    pub recorded: Recorded,
    /// The AnalysisRuns that the Rollout owns, by name.
    pub analysis_runs: Vec<RunView>,
    /// Names of AnalysisRuns that belong to something else.
    pub taken_run_names: Vec<String>,
    /// The Experiments that the Rollout owns, by name.
    pub experiments: Vec<ExperimentView>,
    /// Names of Experiments that belong to something else.
    pub taken_experiment_names: Vec<String>,
    /// The templates that AnalysisRuns can be made from.
    pub templates: Templates,
    /// What its routers say, in their order.
    pub routers: Vec<RouterView>,
    /// Writes that take its marks off objects that it no longer names.
    pub leftovers: Vec<Write>,
    /// After how many seconds a weight that was not in effect is looked at again.
    pub verify_retry_seconds: u32,
    /// Its pods, if this pass needed them.
    pub pods: Pods,
}

/// Whether a field was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// It was.
    Yes,
    /// It was left out.
    No,
}

/// `spec.paused`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserPause {
    /// Nobody paused it.
    Running,
    /// A person paused it.
    Paused,
}

/// The canary strategy with its defaults.
#[derive(Clone, Debug)]
pub struct Canary {
    /// The steps in order.
    pub steps: Vec<Step>,
    /// `canaryService`; empty if not given.
    pub canary_service: String,
    /// `stableService`; empty if not given.
    pub stable_service: String,
    /// The Services of `pingPong` in their present roles.
    pub ping_pong: Option<PingPong>,
    /// Resolved maxSurge in pods (CAN-01).
    pub max_surge: i32,
    /// Resolved maxUnavailable in pods (CAN-01).
    pub max_unavailable: i32,
    /// How traffic is split.
    pub routing: Routing,
    /// `abortScaleDownDelaySeconds` as given.
    pub abort_scale_down_delay: Option<i32>,
    /// `scaleDownDelaySeconds` as given.
    pub scale_down_delay: Option<i32>,
    /// `scaleDownDelayRevisionLimit` as given.
    pub scale_down_delay_revision_limit: Option<i32>,
}

/// The blue-green strategy with its defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlueGreen {
    /// `activeService`.
    pub active_service: String,
    /// `previewService`; empty if not given.
    pub preview_service: String,
    /// `previewReplicaCount` as given.
    pub preview_replica_count: Option<i32>,
    /// What ends the time in which a new version is only looked at.
    pub promotion: Promotion,
    /// `abortScaleDownDelaySeconds` as given.
    pub abort_scale_down_delay: Option<i32>,
    /// `scaleDownDelaySeconds` as given.
    pub scale_down_delay: Option<i32>,
    /// `scaleDownDelayRevisionLimit` as given.
    pub scale_down_delay_revision_limit: Option<i32>,
}

/// What ends the time in which a new version is only looked at. Keeps BG-07.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promotion {
    /// Nothing has to.
    AtOnce,
    /// It is over after that many seconds, or when a person says so (`autoPromotionSeconds`).
    After(i32),
    /// A person ends it (`autoPromotionEnabled: false`).
    ByHand,
}

/// Two Services that change their roles with each promotion (TRF-06).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingPong {
    /// The one that serves the stable version.
    pub stable: String,
    /// The one that serves the new version.
    pub canary: String,
}

impl Canary {
    /// The stable and the canary Service for routers: those of `pingPong` if no others are given (TRF-06).
    pub fn routed_services(&self) -> (&str, &str) {
        match &self.ping_pong {
            Some(roles) if self.stable_service.is_empty() && self.canary_service.is_empty() => {
                (&roles.stable, &roles.canary)
            }
            Some(_) | None => (&self.stable_service, &self.canary_service),
        }
    }
}

/// How traffic is split between the versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// By the number of pods behind one Service.
    ByReplicas,
    /// By routers, with weights up to this maximum.
    ByRouters {
        /// `maxTrafficWeight`, default 100.
        max_weight: i32,
        /// `minPodsPerReplicaSet`.
        min_pods: Option<i32>,
        /// `dynamicStableScale`.
        stable_scale: StableScale,
    },
}

/// Whether the stable ReplicaSet keeps its full size during an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StableScale {
    /// It does.
    Full,
    /// It shrinks as weight moves (`dynamicStableScale`).
    Dynamic,
}

/// One Service that the Rollout names.
#[derive(Clone, Debug)]
pub struct ServiceView {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// The hash in its selector; empty if there is none.
    pub hash: String,
    /// Who manages it, by annotation.
    pub managed_by: Option<String>,
}

/// The Rollout's status as decisions use it.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// `stableRS`; empty before the first deploy.
    pub stable: String,
    /// `currentPodHash`; empty before the first pass.
    pub current: String,
    /// `currentStepHash`.
    pub step_hash: String,
    /// `currentStepIndex`.
    pub step_index: Option<i32>,
    /// `abort`.
    pub abort: Flag,
    /// `abortedAt`.
    pub aborted_at: Option<Timestamp>,
    /// `promoteFull`.
    pub promote_full: Flag,
    /// `controllerPause`.
    pub controller_pause: Flag,
    /// `pauseConditions`, in order.
    pub pauses: Vec<Pause>,
    /// `canary.weights`.
    pub weights: Option<Weights>,
    /// What is recorded of a blue-green update.
    pub colours: Colours,
    /// `collisionCount`.
    pub collision_count: Option<i32>,
}

/// What Services select, and how far a preview has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Colours {
    /// The hash that the active Service selects; empty if it selects none.
    pub active: String,
    /// The hash that the preview Service selects; empty if it selects none.
    pub preview: String,
    /// `scaleUpPreviewCheckPoint`: the preview is over, and the new version may grow.
    pub check_point: Flag,
}

/// A bool of the wire with a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flag {
    /// True.
    Set,
    /// False or absent.
    #[default]
    Unset,
}

impl Flag {
    /// Whether it is set.
    pub fn is_set(self) -> bool {
        self == Self::Set
    }
}

impl From<bool> for Flag {
    fn from(value: bool) -> Self {
        if value { Self::Set } else { Self::Unset }
    }
}

/// One pause condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Such as `CanaryPauseStep`.
    pub reason: String,
    /// When it began.
    pub since: Timestamp,
}

impl RolloutSnapshot {
    /// The ReplicaSet of the current template.
    pub fn new_replica_set(&self) -> Option<&ReplicaSetView> {
        self.new.and_then(|index| self.replica_sets.get(index))
    }

    /// The ReplicaSet that users know.
    pub fn stable_replica_set(&self) -> Option<&ReplicaSetView> {
        self.stable.and_then(|index| self.replica_sets.get(index))
    }

    /// ReplicaSets that are neither new nor stable, oldest first.
    pub fn other_replica_sets(&self) -> impl Iterator<Item = &ReplicaSetView> {
        self.replica_sets
            .iter()
            .enumerate()
            .filter(|(index, _)| Some(*index) != self.new && Some(*index) != self.stable)
            .map(|(_, view)| view)
    }

    /// Every ReplicaSet but the new one, oldest first.
    pub fn older_replica_sets(&self) -> impl Iterator<Item = &ReplicaSetView> {
        self.replica_sets
            .iter()
            .enumerate()
            .filter(|(index, _)| Some(*index) != self.new)
            .map(|(_, view)| view)
    }

    /// "Fully promoted": what is recorded as stable is what is recorded as current. Also true when
    /// both are empty.
    pub fn is_fully_promoted(&self) -> bool {
        self.recorded.stable == self.recorded.current
    }

    /// The hash of the current template: of its ReplicaSet, or computed if there is none (STS-02).
    pub fn current_hash(&self) -> &str {
        self.new_replica_set()
            .map_or(self.template_hash.as_str(), |new| new.hash.as_str())
    }

    /// The ReplicaSet of this hash; none has an empty one.
    pub fn replica_set_of(&self, hash: &str) -> Option<&ReplicaSetView> {
        self.replica_sets
            .iter()
            .find(|set| !hash.is_empty() && set.hash == hash)
    }

    /// Whether the template is another than the recorded one.
    pub fn template_changed(&self) -> bool {
        let current = &self.recorded.current;
        !current.is_empty() && *current != self.current_hash()
    }

    /// Whether the steps or the template are others than the recorded ones (CAN-40). Blue-green has no
    /// steps.
    pub fn template_or_steps_changed(&self) -> bool {
        let held = &self.recorded.step_hash;
        let steps_changed =
            self.blue_green.is_none() && (held.is_empty() || *held != self.step_hash);
        steps_changed || self.template_changed()
    }

    /// Whether a pause of this reason is recorded.
    pub fn is_paused_for(&self, reason: &str) -> bool {
        self.pause_for(reason).is_some()
    }

    /// The recorded pause of this reason.
    pub fn pause_for(&self, reason: &str) -> Option<&Pause> {
        let pauses = &self.recorded.pauses;
        pauses.iter().find(|pause| pause.reason == reason)
    }
}
