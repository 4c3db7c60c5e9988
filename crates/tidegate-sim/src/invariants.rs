//! What must hold, whatever happens: checked on the cluster's true state at every single write.
//!
//! Ids are those of the catalogue of invariants. Every check compares the state before and after a
//! write, so a state that others brought about is nobody's fault here.

mod gates;
mod liveness;
mod ownership;
mod picture;
mod traffic;

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;
use tidegate_core::plan::{ObjectKey, Write};

use self::picture::Picture;
use crate::{
    cluster::{
        Change, Cluster, Locator, What, fields,
        kinds::{self, KindId},
    },
    trace::Trace,
    world::CONTROLLER,
};

/// The kinds that the checks look at.
const WATCHED: [KindId; 6] = [
    kinds::ROLLOUTS,
    kinds::REPLICA_SETS,
    kinds::PODS,
    kinds::SERVICES,
    kinds::INGRESSES,
    kinds::ANALYSIS_RUNS,
];

/// The true state, as the changes made it.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    objects: BTreeMap<Locator, Arc<Value>>,
}

impl State {
    fn take(&mut self, change: &Change) {
        match change.what {
            What::Added | What::Modified => {
                self.objects
                    .insert(change.object.clone(), Arc::clone(&change.new));
            }
            What::Deleted => {
                self.objects.remove(&change.object);
            }
        }
    }

    fn of(&self, kind: KindId) -> impl Iterator<Item = &Arc<Value>> {
        let from = Locator::new(kind, "", "");
        self.objects
            .range(from..)
            .take_while(move |(object, _)| object.kind == kind)
            .map(|(_, value)| value)
    }

    fn get(&self, kind: KindId, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        self.objects.get(&Locator::new(kind, namespace, name))
    }
}

/// One write of the controller: how everything was before it, and how it is after it.
struct Deed<'a> {
    before: &'a Picture,
    after: &'a Picture,
    change: &'a Change,
    state: &'a State,
}

/// A check: what is broken, in one sentence with the invariant's id.
type Check = fn(&Deed<'_>) -> Option<String>;

/// In the order of the catalogue.
const CHECKS: [Check; 10] = [
    traffic::no_black_hole,
    traffic::capacity_before_weight,
    traffic::weight_before_scale_down,
    traffic::selector_points_at_pods,
    traffic::stable_floor,
    traffic::abort_returns_traffic,
    traffic::weights_are_well_formed,
    gates::step_index_law,
    gates::step_is_done,
    gates::pause_means_pause,
];

/// Looks at every change.
#[derive(Clone, Debug)]
pub struct Monitor {
    seen: u64,
    state: State,
    violations: Vec<String>,
    available: BTreeMap<Locator, i64>,
}

impl Monitor {
    /// A monitor that looks at everything after a version.
    pub fn new(seen: u64) -> Self {
        Self {
            seen,
            state: State::default(),
            violations: Vec::new(),
            available: BTreeMap::new(),
        }
    }

    /// The version of the last change that was looked at.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// What was broken.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// Notes something that was broken.
    pub fn add(&mut self, violation: String) {
        self.violations.push(violation);
    }

    /// Looks at a write before it is sent.
    pub fn about_to_send(&mut self, about: &ObjectKey, write: &Write) {
        self.violations.extend(ownership::guarded(write));
        self.violations
            .extend(ownership::only_ours(&self.state, about, write));
    }

    /// Looks at a change. Tells what it breaks.
    pub fn look(&mut self, change: &Change) -> Vec<String> {
        self.seen = change.version;
        if !WATCHED.contains(&change.object.kind) {
            return Vec::new();
        }
        if !concerns_traffic(change) {
            self.state.take(change);
            return Vec::new();
        }
        let rollouts: Vec<Locator> = self
            .state
            .objects
            .range(Locator::new(kinds::ROLLOUTS, "", "")..)
            .take_while(|(object, _)| object.kind == kinds::ROLLOUTS)
            .map(|(object, _)| object.clone())
            .collect();
        let paint = |state: &State| -> Vec<Option<Picture>> {
            rollouts
                .iter()
                .map(|rollout| Picture::paint(state, rollout, change.at))
                .collect()
        };
        let before = paint(&self.state);
        self.state.take(change);
        let after = paint(&self.state);
        let mut broken = Vec::new();
        for (before, after) in before.iter().zip(&after) {
            let (Some(before), Some(after)) = (before, after) else {
                continue;
            };
            let deed = Deed {
                before,
                after,
                change,
                state: &self.state,
            };
            broken.extend(CHECKS.iter().filter_map(|check| check(&deed)));
        }
        self.violations.extend(broken.iter().cloned());
        broken
    }

    /// A line about a ReplicaSet whose number of available pods has changed.
    pub fn availability(&mut self, change: &Change) -> Option<String> {
        if change.object.kind != kinds::REPLICA_SETS {
            return None;
        }
        let available =
            fields::number(&change.new, &["status", "availableReplicas"]).unwrap_or_default();
        let before = self.available.insert(change.object.clone(), available);
        let wanted = fields::number(&change.new, &["spec", "replicas"]).unwrap_or_default();
        (before.unwrap_or_default() != available).then(|| {
            format!(
                "{} has {available} of {wanted} available",
                change.object.name
            )
        })
    }

    /// Looks at how it ended.
    pub fn check_end(
        &mut self,
        cluster: &Cluster,
        (rollout, ends, trace): (&str, &str, &Trace),
        now: Timestamp,
    ) {
        let name = |hash: &str| trace.name_of(hash).to_owned();
        let locator = Locator::new(kinds::ROLLOUTS, crate::scenario::NAMESPACE, rollout);
        let picture = Picture::paint(&self.state, &locator, now);
        let object = cluster.get(kinds::ROLLOUTS, crate::scenario::NAMESPACE, rollout);
        let broken = liveness::ends(picture.as_ref(), object.map(|one| &**one), (ends, &name));
        self.violations.extend(broken);
    }
}

/// Whether a change can break a promise of the controller's: its own writes, and pods that go because
/// it asked for fewer.
fn concerns_traffic(change: &Change) -> bool {
    if change.actor == CONTROLLER {
        return change.object.kind != kinds::ANALYSIS_RUNS;
    }
    change.object.kind == kinds::PODS && change.actor == "replicaset-controller"
}
