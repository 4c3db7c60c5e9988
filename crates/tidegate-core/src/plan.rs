//! A plan: what one decision asks for, without choices left to whoever carries it out.

use std::{borrow::Cow, fmt, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;
use tidegate_api::rollout::{Rollout, RolloutStatus, SetHeaderRoute, SetMirrorRoute};

use crate::reason::Reason;

/// A kind of object of the Kubernetes API, as the REST paths name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// The API group; empty for the core group.
    pub group: Cow<'static, str>,
    /// The version within the group, such as `v1`.
    pub version: Cow<'static, str>,
    /// The kind, such as `ReplicaSet`.
    pub kind: Cow<'static, str>,
    /// The lower-case plural of the REST path, such as `replicasets`.
    pub plural: Cow<'static, str>,
}

impl Resource {
    /// A resource that is known at compile time.
    pub const fn new(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
    ) -> Self {
        Self {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed(version),
            kind: Cow::Borrowed(kind),
            plural: Cow::Borrowed(plural),
        }
    }

    /// `group/version`, or the version alone for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

/// `rollouts.argoproj.io`.
pub const ROLLOUTS: Resource = Resource::new("argoproj.io", "v1alpha1", "Rollout", "rollouts");
/// `analysisruns.argoproj.io`.
pub const ANALYSIS_RUNS: Resource =
    Resource::new("argoproj.io", "v1alpha1", "AnalysisRun", "analysisruns");
/// `analysistemplates.argoproj.io`.
pub const ANALYSIS_TEMPLATES: Resource = Resource::new(
    "argoproj.io",
    "v1alpha1",
    "AnalysisTemplate",
    "analysistemplates",
);
/// `clusteranalysistemplates.argoproj.io`.
pub const CLUSTER_ANALYSIS_TEMPLATES: Resource = Resource::new(
    "argoproj.io",
    "v1alpha1",
    "ClusterAnalysisTemplate",
    "clusteranalysistemplates",
);
/// `experiments.argoproj.io`.
pub const EXPERIMENTS: Resource =
    Resource::new("argoproj.io", "v1alpha1", "Experiment", "experiments");
/// `replicasets.apps`.
pub const REPLICA_SETS: Resource = Resource::new("apps", "v1", "ReplicaSet", "replicasets");
/// `deployments.apps`.
pub const DEPLOYMENTS: Resource = Resource::new("apps", "v1", "Deployment", "deployments");
/// `podtemplates` of the core group.
pub const POD_TEMPLATES: Resource = Resource::new("", "v1", "PodTemplate", "podtemplates");
/// `pods` of the core group.
pub const PODS: Resource = Resource::new("", "v1", "Pod", "pods");
/// `jobs.batch`.
pub const JOBS: Resource = Resource::new("batch", "v1", "Job", "jobs");
/// `services` of the core group.
pub const SERVICES: Resource = Resource::new("", "v1", "Service", "services");
/// `secrets` of the core group.
pub const SECRETS: Resource = Resource::new("", "v1", "Secret", "secrets");
/// `ingresses.networking.k8s.io`.
pub const INGRESSES: Resource = Resource::new("networking.k8s.io", "v1", "Ingress", "ingresses");
/// `virtualservices.networking.istio.io`; the shell may be told to use another version (OPS-02).
pub const VIRTUAL_SERVICES: Resource = Resource::new(
    "networking.istio.io",
    "v1alpha3",
    "VirtualService",
    "virtualservices",
);
/// `destinationrules.networking.istio.io`, in the same version.
pub const DESTINATION_RULES: Resource = Resource::new(
    "networking.istio.io",
    "v1alpha3",
    "DestinationRule",
    "destinationrules",
);

/// `leases.coordination.k8s.io`.
pub const LEASES: Resource = Resource::new("coordination.k8s.io", "v1", "Lease", "leases");

/// Names one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectKey {
    /// What kind of object.
    pub resource: Resource,
    /// The namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectKey {
    /// The object of this resource, namespace and name.
    pub fn new(resource: Resource, namespace: &str, name: &str) -> Self {
        Self {
            resource,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.resource.kind, self.name)
    }
}

/// How an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// POST; the body is the whole object.
    Create,
    /// JSON merge patch (RFC 7386) of the object itself.
    Patch,
    /// JSON merge patch of the `status` subresource.
    PatchStatus,
    /// DELETE with the guard as precondition; the body is null.
    Delete,
    /// POST to a pod's `eviction` with the guard as precondition; the body is null. Disruption budgets
    /// may hold it back.
    Evict,
}

/// What must still hold at the instant a write commits; else it does not commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The object is exactly the one that was looked at. The executor puts both into the body's
    /// `metadata` (patches) or into the preconditions (deletes).
    Version {
        /// `metadata.uid` as observed.
        uid: String,
        /// `metadata.resourceVersion` as observed.
        resource_version: String,
    },
    /// No object of this name exists (creates).
    Absent,
}

/// What a write can do to traffic; the order of the classes within a plan is make before break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Creates something, scales up, or records what belongs to an object.
    Additive,
    /// Decides who receives traffic: selectors, weights, routes.
    Traffic,
    /// Takes capacity or objects away.
    Destructive,
    /// The status of the object that is decided upon.
    Status,
    /// Annotations and other notes that serve nobody's traffic.
    Meta,
}

/// A Kubernetes event to be sent for the object that is decided upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Normal or Warning.
    pub severity: Severity,
    /// CamelCase reason that scripts match (EVT-01).
    pub reason: Cow<'static, str>,
    /// The sentence for people.
    pub message: String,
}

/// The two types of Kubernetes events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Something went as it should.
    Normal,
    /// Somebody should look.
    Warning,
}

impl Event {
    /// An event of type Normal.
    pub fn normal(reason: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Normal,
            reason: reason.into(),
            message: message.into(),
        }
    }

    /// An event of type Warning.
    pub fn warning(reason: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            reason: reason.into(),
            message: message.into(),
        }
    }
}

/// One guarded request to the API server.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// How.
    pub verb: Verb,
    /// What.
    pub target: ObjectKey,
    /// Under which condition.
    pub guard: Guard,
    /// The object (creates), the merge patch (patches) or null (deletes).
    pub body: Value,
    /// What it can do to traffic.
    pub class: Class,
    /// Sent once the write has committed.
    pub events: Vec<Event>,
    /// Why.
    pub reason: Reason,
}

/// Who receives which part of the traffic, for whichever routers a Rollout names.
#[derive(Clone, Debug, PartialEq)]
pub struct TrafficSplit {
    /// The new version.
    pub canary: Backend,
    /// The version that users know.
    pub stable: Backend,
    /// Backends of experiments.
    pub additional: Vec<Backend>,
    /// The sum of all weights (`maxTrafficWeight`, default 100).
    pub max_weight: i32,
    /// Whether routes of earlier steps stay (TRF-52).
    pub managed_routes: ManagedRoutes,
    /// The routes that steps have asked for so far, the last request of each name (TRF-19).
    pub routes: Vec<RouteRequest>,
    /// Which of hash and weight goes first (TRF-20).
    pub sequence: Sequence,
}

/// One receiver of traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backend {
    /// Its weight.
    pub weight: i32,
    /// Pod template hash of its ReplicaSet; empty if there is none.
    pub hash: String,
    /// Its Service; empty if the router does without.
    pub service: String,
}

/// What happens to header and mirror routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManagedRoutes {
    /// They stay as they are.
    Keep,
    /// They are removed: promotion, abort, full promotion, or an empty canary.
    Remove,
}

/// A route of its own for some requests, as a step asks for it.
#[derive(Clone, Debug, PartialEq)]
pub enum RouteRequest {
    /// Requests with certain headers go to the canary.
    Header(SetHeaderRoute),
    /// Certain requests are copied to the canary.
    Mirror(SetMirrorRoute),
}

impl RouteRequest {
    /// The name of the route.
    pub fn name(&self) -> &str {
        match self {
            Self::Header(route) => &route.name,
            Self::Mirror(route) => &route.name,
        }
    }
}

/// The order of hash and weight within one routing change (TRF-20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequence {
    /// First the hash, then the weight.
    HashFirst,
    /// First the weight, so that a hash never points weighted traffic to an empty ReplicaSet.
    WeightFirst,
}

/// Asks the routers of a Rollout for a split. They answer with the writes that are still missing.
#[derive(Clone, Debug)]
pub struct Route {
    /// The Rollout with its `trafficRouting`.
    pub rollout: Arc<Rollout>,
    /// The split.
    pub split: TrafficSplit,
    /// Sent once every router has the split.
    pub events: Vec<Event>,
    /// Why.
    pub reason: Reason,
}

/// One thing to be done.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all of them are writes, so a box would cost more than it saves"
)]
pub enum Effect {
    /// A request.
    Write(Write),
    /// A change of routing, phrased by the routers.
    Route(Box<Route>),
}

/// When to look again, although nothing may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wake {
    /// The instant.
    pub at: Timestamp,
    /// What happens then.
    pub reason: Reason,
}

/// Everything that one decision asks for, in the order in which it is to be done.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// In order; the first that fails ends the pass, unless it is about a single pod.
    pub effects: Vec<Effect>,
    /// What must still be as it was observed before traffic is moved or anything taken away.
    pub look: Option<Look>,
    /// How many of the evictions may succeed; what comes after them is done only if none did.
    pub most_evictions: usize,
    /// The status as it will be once every effect is done; `None` leaves it untouched.
    pub status: Option<Box<RolloutStatus>>,
    /// Sent after the status has committed (or needed no write).
    pub events: Vec<Event>,
    /// When to decide again at the latest.
    pub wake: Option<Wake>,
    /// Why it is as it is, for people.
    pub reasons: Vec<Reason>,
    /// The pass could not go to its end: decide again soon, with a growing delay.
    pub retry: Option<Reason>,
}

/// An object that may have changed without anybody here having heard of it yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Which.
    pub key: ObjectKey,
    /// The version that was observed.
    pub version: String,
}

impl Plan {
    /// Keeps the earlier of two wakes.
    pub fn wake_at(&mut self, at: Timestamp, reason: Reason) {
        let earlier = self.wake.as_ref().is_none_or(|wake| at < wake.at);
        if earlier {
            self.wake = Some(Wake { at, reason });
        }
    }
}
