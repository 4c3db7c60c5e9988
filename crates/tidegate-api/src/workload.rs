//! Kubernetes' own kinds, as far as Tidegate looks at them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    meta::{LabelSelector, ObjectMeta, Time},
    pod_template::PodTemplate,
};

/// A set of equal pods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReplicaSet {
    /// Metadata.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub spec: ReplicaSetSpec,
    /// What is.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub status: ReplicaSetStatus,
}

/// What is wanted of a [`ReplicaSet`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReplicaSetSpec {
    /// Number of pods; Kubernetes takes 1 if it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Seconds that a pod must be ready before it counts as available.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub min_ready_seconds: i32,
    /// Which pods are its own.
    pub selector: Option<LabelSelector>,
    /// The pods, as stored.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub template: PodTemplate,
}

/// What is of a [`ReplicaSet`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReplicaSetStatus {
    /// Pods that exist.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub replicas: i32,
    /// Pods that have all labels of the template.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub fully_labeled_replicas: i32,
    /// Pods that are ready.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub ready_replicas: i32,
    /// Pods that have been ready for `minReadySeconds`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub available_replicas: i32,
    /// The generation that this status is about.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub observed_generation: i64,
    /// Such as `ReplicaFailure`.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub conditions: Vec<Condition>,
}

/// A condition of a ReplicaSet or a pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// Such as `ReplicaFailure` or `Ready`.
    #[serde(deserialize_with = "crate::lenient::null_as_default", rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub status: String,
    /// When `status` last changed.
    #[serde(
        deserialize_with = "crate::lenient::time",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_transition_time: Option<Time>,
    /// One word.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub reason: String,
    /// A sentence.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub message: String,
}

/// A stable name for a set of pods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    /// Metadata.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub spec: ServiceSpec,
}

/// What is wanted of a [`Service`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceSpec {
    /// Labels of the pods behind it.
    #[serde(
        deserialize_with = "crate::lenient::map",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub selector: BTreeMap<String, String>,
    /// Its ports.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ports: Vec<ServicePort>,
}

/// One port of a [`Service`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServicePort {
    /// Its name; empty if it is the only one.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub name: String,
    /// The port that the Service listens on.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub port: i32,
}

/// One running copy of a version, as far as a person is shown it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pod {
    /// Metadata.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub spec: PodSpec,
    /// What is.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub status: PodStatus,
}

/// What is wanted of a [`Pod`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    /// The node that it is bound to; empty while it is not.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub node_name: String,
    /// Containers that serve.
    #[serde(deserialize_with = "crate::lenient::list")]
    pub containers: Vec<Container>,
    /// Containers that run before.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub init_containers: Vec<Container>,
}

/// One container of a [`PodSpec`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// Its name.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// Its image.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub image: String,
    /// `Always` makes an init container a sidecar.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub restart_policy: String,
}

/// What is of a [`Pod`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub phase: String,
    /// One word, such as `Evicted`.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub reason: String,
    /// A sentence.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub message: String,
    /// Such as `Ready`.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub conditions: Vec<Condition>,
    /// One for each container.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub container_statuses: Vec<ContainerStatus>,
    /// One for each init container.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub init_container_statuses: Vec<ContainerStatus>,
}

/// How one container does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerStatus {
    /// The container.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// Whether it passes its readiness check.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub ready: bool,
    /// How often it was started again.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub restart_count: i32,
    /// What it does now.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub state: ContainerState,
    /// How it ended last time.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub last_state: ContainerState,
}

/// At most one of the three is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerState {
    /// Why it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<ContainerWaiting>,
    /// Since when it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<ContainerRunning>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminated: Option<ContainerTerminated>,
}

/// Why a container waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerWaiting {
    /// One word, such as `ImagePullBackOff`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub reason: String,
    /// A sentence.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub message: String,
}

/// Since when a container runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerRunning {
    /// When it was started.
    #[serde(deserialize_with = "crate::lenient::time")]
    pub started_at: Option<Time>,
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerTerminated {
    /// Its exit code.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub exit_code: i32,
    /// The signal that ended it; 0 if none did.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub signal: i32,
    /// One word, such as `OOMKilled`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub reason: String,
    /// A sentence.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub message: String,
    /// When it ended.
    #[serde(deserialize_with = "crate::lenient::time")]
    pub finished_at: Option<Time>,
}
