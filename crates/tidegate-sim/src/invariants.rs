//! What must hold, whatever happens: checked on the cluster's true state at every single write.
//!
//! Ids are those of the catalogue of invariants. Every check compares the state before and after a
//! write, so a state that others brought about is nobody's fault here.

mod blue_green;
mod gates;
mod identity;
mod liveness;
mod mesh;
mod ownership;
mod picture;
mod routing;
mod state;
mod traffic;
mod untouched;
mod workload;

use std::collections::BTreeMap;

use jiff::Timestamp;
use tidegate_core::plan::{ObjectKey, Write};

use self::{picture::Picture, state::State};
use crate::{
    cluster::{Change, Cluster, Locator, fields, kinds},
    trace::Trace,
    world::CONTROLLER,
};

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
const CHECKS: [Check; 20] = [
    traffic::no_black_hole,
    traffic::capacity_before_weight,
    traffic::weight_before_scale_down,
    traffic::selector_points_at_pods,
    traffic::stable_floor,
    blue_green::switch_readiness,
    blue_green::old_colour_kept,
    blue_green::deadline_gives_time,
    traffic::abort_returns_traffic,
    traffic::weights_are_well_formed,
    mesh::weights_are_well_formed,
    mesh::extra_routes_lead_to_pods,
    mesh::only_managed_fields_change,
    gates::step_index_law,
    gates::step_is_done,
    untouched::release_keeps_pods,
    gates::pause_means_pause,
    identity::one_replica_set_per_template,
    workload::pods_come_before_they_go,
    workload::template_stays_away,
];

/// Looks at every change.
#[derive(Clone, Debug)]
pub struct Monitor {
    seen: u64,
    state: State,
    violations: Vec<String>,
    available: BTreeMap<Locator, i64>,
    /// How everything is, if nothing has changed since it was last painted.
    painted: Option<(Timestamp, Vec<Picture>)>,
}

impl Monitor {
    /// A monitor that looks at everything after a version.
    pub fn new(seen: u64) -> Self {
        Self {
            seen,
            state: State::default(),
            violations: Vec::new(),
            available: BTreeMap::new(),
            painted: None,
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
        self.violations
            .extend(untouched::only_the_status(&self.state, about, write));
    }

    /// Looks at a change. Tells what it breaks.
    pub fn look(&mut self, change: &Change) -> Vec<String> {
        self.seen = change.version;
        if !State::watches(change.object.kind) {
            return Vec::new();
        }
        if !concerns_traffic(change) {
            self.state.take(change);
            self.painted = None;
            return Vec::new();
        }
        let known = self.painted.take().filter(|(at, _)| *at == change.at);
        let before = known.map_or_else(|| self.state.paint(change.at), |(_, before)| before);
        self.state.take(change);
        let after = self.state.paint(change.at);
        let mut broken = Vec::new();
        for after in &after {
            let Some(before) = before.iter().find(|one| one.uid == after.uid) else {
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
        self.painted = Some((change.at, after));
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
        let known = self.state.get(&locator);
        let picture = known.map(|rollout| Picture::paint(&self.state, rollout, now));
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
