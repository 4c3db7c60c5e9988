//! Label and annotation keys that Tidegate writes or reads; names are upstream's.

/// Label and selector key: the pod template hash.
pub const POD_TEMPLATE_HASH: &str = "rollouts-pod-template-hash";
/// Label: which controller instance an object belongs to (QUE-02).
pub const INSTANCE_ID: &str = "argo-rollouts.argoproj.io/controller-instance-id";
/// Label of an AnalysisRun: `Step`, `Background`, `PrePromotion` or `PostPromotion`.
pub const ROLLOUT_TYPE: &str = "rollout-type";
/// Label of an AnalysisRun: the index of its step.
pub const STEP_INDEX: &str = "step-index";
/// Label of the Secret that says how to reach the cluster that has Istio's objects (TR-303).
pub const PRIMARY_CLUSTER: &str = "istio.argoproj.io/primary-cluster";
/// Label of Jobs: the AnalysisRun they measure for.
pub const ANALYSIS_RUN_UID: &str = "analysisrun.argoproj.io/uid";
/// Annotation: the revision (REV-01).
pub const REVISION: &str = "rollout.argoproj.io/revision";
/// Annotation: earlier revisions of a ReplicaSet (REV-03).
pub const REVISION_HISTORY: &str = "rollout.argoproj.io/revision-history";
/// Annotation: `spec.replicas` at the last scaling (REV-04).
pub const DESIRED_REPLICAS: &str = "rollout.argoproj.io/desired-replicas";
/// Annotation: generation of the object behind workloadRef (WLR-03).
pub const WORKLOAD_GENERATION: &str = "rollout.argoproj.io/workload-generation";
/// Annotation of a ReplicaSet: which ephemeral metadata was injected (EPH-01).
pub const EPHEMERAL_METADATA: &str = "rollout.argoproj.io/ephemeral-metadata";
/// Annotation of a ReplicaSet: RFC 3339 instant at which it goes to zero (TRF-40).
pub const SCALE_DOWN_DEADLINE: &str = "scale-down-deadline";
/// Annotation of a Service: the Rollout that manages its selector (TRF-01).
pub const MANAGED_BY_ROLLOUTS: &str = "argo-rollouts.argoproj.io/managed-by-rollouts";
/// Annotation: the Experiment that a ReplicaSet belongs to (EXP-02).
pub const EXPERIMENT_NAME: &str = "experiment.argoproj.io/name";
/// Annotation: the Experiment's template that a ReplicaSet belongs to (EXP-02).
pub const EXPERIMENT_TEMPLATE_NAME: &str = "experiment.argoproj.io/template-name";
/// Annotation of an AnalysisRun: when the pods of its Experiment were there. Ours, not upstream's: by it a run
/// is known again that was begun and not noted yet (EXP-11).
pub const EXPERIMENT_AVAILABLE_AT: &str = "experiment.argoproj.io/available-at";
/// Annotation: notifications that were sent.
pub const NOTIFIED: &str = "notified.notifications.argoproj.io";
/// Annotation of `kubectl apply`.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Annotation of a Job: the AnalysisRun it measures for.
pub const ANALYSIS_RUN_NAME: &str = "analysisrun.argoproj.io/name";
/// Annotation of a Job: the namespace of its AnalysisRun.
pub const ANALYSIS_RUN_NAMESPACE: &str = "analysisrun.argoproj.io/namespace";
/// Annotation of a Job: the metric that it is.
pub const ANALYSIS_RUN_METRIC: &str = "analysisrun.argoproj.io/metric-name";
/// Annotation of an ingress: which of its ALB annotations belong to which Rollout.
pub const MANAGED_ALB_ANNOTATIONS: &str = "rollouts.argoproj.io/managed-alb-annotations";
/// The name that [`MANAGED_ALB_ANNOTATIONS`] had in old versions.
pub const MANAGED_ALB_ACTIONS: &str = "rollouts.argoproj.io/managed-alb-actions";

/// Value of [`ROLLOUT_TYPE`]: the run belongs to a step.
pub const ROLLOUT_TYPE_STEP: &str = "Step";
/// Value of [`ROLLOUT_TYPE`]: the run goes on through several steps.
pub const ROLLOUT_TYPE_BACKGROUND: &str = "Background";
/// Value of [`ROLLOUT_TYPE`]: the run precedes the switch of a blue-green update.
pub const ROLLOUT_TYPE_PRE_PROMOTION: &str = "PrePromotion";
/// Value of [`ROLLOUT_TYPE`]: the run follows the switch of a blue-green update.
pub const ROLLOUT_TYPE_POST_PROMOTION: &str = "PostPromotion";
