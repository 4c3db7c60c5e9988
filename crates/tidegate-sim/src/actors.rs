//! Who lives in a cluster besides the controller under test: controllers of built-in kinds, and the
//! kubelet. Each is a step function of the cluster and its time; none waits or runs on its own.

mod alarms;
mod deployments;
mod disruption;
mod endpoints;
mod garbage;
pub mod jobs;
pub mod keeper;
pub mod kubelet;
pub mod metrics;
mod pods;
mod replica_set;
pub mod user;

use jiff::Timestamp;

pub use self::pods::Fate;
use self::{
    deployments::Deployments,
    disruption::Budgets,
    endpoints::Endpoints,
    garbage::GarbageCollector,
    jobs::Jobs,
    keeper::{Keeper, Kept},
    pods::Pods,
    replica_set::ReplicaSets,
};
use crate::{cluster::Cluster, digest::Digest};

/// How the actors behave.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long pods take.
    pub timing: kubelet::Timing,
    /// Whether `Endpoints` and `EndpointSlices` are written.
    pub endpoints: EndpointsWrites,
}

/// Whether `Endpoints` and `EndpointSlices` are written. Simulations that never look at them save
/// half of their writes without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointsWrites {
    /// As in a real cluster.
    Kept,
    /// Never.
    Omitted,
}

/// The rounds within one instant after which actors that still write have run wild.
const MOST_ROUNDS: usize = 10_000;

/// Everybody.
#[derive(Clone, Debug)]
pub struct Actors {
    deployments: Deployments,
    replica_sets: ReplicaSets,
    jobs: Jobs,
    pods: Pods,
    budgets: Budgets,
    endpoints: Option<Endpoints>,
    garbage: GarbageCollector,
    keeper: Keeper,
}

impl Actors {
    /// Actors that have not yet looked at anything.
    pub fn new(settings: &Settings) -> Self {
        Self {
            deployments: Deployments::default(),
            replica_sets: ReplicaSets::default(),
            jobs: Jobs::default(),
            pods: Pods::new(settings.timing.clone()),
            budgets: Budgets::default(),
            endpoints: match settings.endpoints {
                EndpointsWrites::Kept => Some(Endpoints::default()),
                EndpointsWrites::Omitted => None,
            },
            garbage: GarbageCollector::default(),
            keeper: Keeper::default(),
        }
    }

    /// Lets everybody act on what has changed and on what is due, until nobody has anything left to
    /// do at this instant. Tells when the next of them wants to act without a change.
    ///
    /// # Panics
    /// When two actors undo each other's work without end.
    pub fn step(&mut self, cluster: &mut Cluster, now: Timestamp) -> Option<Timestamp> {
        for _ in 0..MOST_ROUNDS {
            let before = cluster.version();
            self.deployments.step(cluster, now);
            self.replica_sets.step(cluster, now);
            self.jobs.step(cluster, now);
            self.pods.step(cluster, now);
            self.budgets.step(cluster, now);
            if let Some(endpoints) = &mut self.endpoints {
                endpoints.step(cluster, now);
            }
            self.garbage.step(cluster, now);
            self.keeper.step(cluster, now);
            if cluster.version() == before {
                return self.next();
            }
        }
        panic!("actors still write after {MOST_ROUNDS} rounds at {now}");
    }

    /// When the next actor wants to act without a change.
    pub fn next(&self) -> Option<Timestamp> {
        [
            self.replica_sets.next(),
            self.jobs.next(),
            self.pods.next(),
            self.budgets.next(),
            self.keeper.next(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Everything that its future depends on, once it has acted on every change.
    pub(crate) fn digest(&self, digest: &mut Digest) {
        self.replica_sets.digest(digest);
        self.jobs.digest(digest);
        self.pods.digest(digest);
        self.keeper.digest(digest);
    }

    /// Decides what becomes of the pods whose `rollouts-pod-template-hash` is this one, from now on.
    pub fn set_fate(&mut self, pod_template_hash: &str, fate: Fate) {
        self.pods.set_fate(pod_template_hash, fate);
    }

    /// Lets the pods whose `rollouts-pod-template-hash` is this one vanish, as when their node is lost.
    pub fn lose(&mut self, cluster: &mut Cluster, pod_template_hash: &str, now: Timestamp) {
        pods::lose(cluster, pod_template_hash, now);
    }

    /// Lets something befall the Jobs of a metric.
    ///
    /// # Errors
    /// When there is none.
    pub fn befall_jobs(
        &mut self,
        cluster: &mut Cluster,
        (metric, fate): (&str, jobs::Fate),
        now: Timestamp,
    ) -> anyhow::Result<()> {
        jobs::befall(cluster, metric, fate, now)
    }

    /// Has a tool keep an object as its repository has it, from now on.
    pub fn keep(&mut self, kept: Kept) {
        self.keeper.keep(kept);
    }

    /// How many pods there may be from now on; `None` for any number.
    pub fn set_quota(&mut self, most: Option<usize>) {
        self.replica_sets.set_quota(most);
    }
}
