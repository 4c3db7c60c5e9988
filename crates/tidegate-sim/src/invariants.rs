//! What must hold, whatever happens: checked on the cluster's true state at every single write.
//!
//! Ids are those of the catalogue of invariants. Every check compares the state before and after a
//! write, so a state that others brought about is nobody's fault here.

mod adoption;
mod blue_green;
mod contests;
mod drain;
mod evidence;
mod experiments;
mod flaps;
mod gates;
mod identity;
mod intent;
mod kept;
pub(crate) mod lease;
mod liveness;
mod measurements;
mod memory;
mod mesh;
mod order;
mod ownership;
mod picture;
mod pods;
mod routing;
mod sizes;
mod state;
mod timers;
mod traffic;
mod untouched;
mod workload;

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use tidegate_core::{
    plan::{ObjectKey, Plan, Write},
    run::{Failure, Outcome},
};

use self::{memory::Memory, picture::Picture, state::State};
use crate::{
    cluster::{
        Change, Cluster, Locator, What, fields,
        kinds::{self, KindId},
    },
    controller::Sight,
    digest::Digest,
    trace::Trace,
    world::CONTROLLER,
};

/// What a pass was decided on.
#[derive(Clone, Debug, Default)]
pub struct Cause {
    /// Which of the controllers that there ever were decided.
    pub process: u32,
    /// The cluster's version when the pass began.
    pub version: u64,
    /// The version up to which each watched kind had been seen.
    pub sight: Sight,
}

impl Cause {
    /// The version up to which all of a kind had been seen: not beyond what its watch has lost.
    fn saw(&self, kind: KindId) -> u64 {
        let claimed = self.claimed(kind);
        match &self.sight.blind {
            Some((lost, version)) if lost.kind == kind => claimed.min(version.saturating_sub(1)),
            Some(_) | None => claimed,
        }
    }

    /// The version up to which an object had been seen.
    fn saw_of(&self, object: &Locator) -> u64 {
        match &self.sight.blind {
            Some((lost, _)) if lost == object => self.saw(object.kind),
            Some(_) | None => self.claimed(object.kind),
        }
    }

    /// The version up to which the watch of a kind has come, as far as anybody can know who looks at it.
    fn claimed(&self, kind: KindId) -> u64 {
        let seen = self.sight.seen.iter().find(|(known, _)| *known == kind);
        seen.map_or(0, |(_, version)| *version)
    }

    /// Whether the kind is watched at all.
    fn knows(&self, kind: KindId) -> bool {
        self.sight.seen.iter().any(|(known, _)| *known == kind)
    }
}

/// A write on its way.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// What the pass is about.
    pub about: &'a ObjectKey,
    /// What it was decided on.
    pub cause: &'a Cause,
    /// The write.
    pub write: &'a Write,
    /// Its target, if the cluster knows the kind.
    pub place: Option<&'a Locator>,
    /// When.
    pub now: Timestamp,
}

/// One write of the controller: how everything was before it, and how it is after it.
struct Deed<'a> {
    before: &'a Picture,
    after: &'a Picture,
    change: &'a Change,
    /// `None` if it is not the controller's own write.
    cause: Option<&'a Cause>,
    state: &'a State,
    memory: &'a Memory,
}

impl Deed<'_> {
    /// How many pods of a hash were available when the controller last saw its ReplicaSet, and are still
    /// asked for. What went since, unasked, nobody could know.
    fn known(&self, hash: &str) -> i64 {
        let Some(cause) = self.cause else { return 0 };
        let version = cause.saw(kinds::REPLICA_SETS);
        let known = self.state.available_at((&self.after.uid, hash), version);
        known.min(self.after.set(hash).want)
    }

    /// Whether the watch has lost how the Rollout is by now.
    fn is_blind_to_the_rollout(&self) -> bool {
        let blind = self.cause.and_then(|cause| cause.sight.blind.as_ref());
        blind.is_some_and(|(lost, _)| {
            lost.kind == kinds::ROLLOUTS && *lost.name == *self.after.name()
        })
    }

    /// How many pods of a hash can serve, as far as the controller could know.
    fn capacity(&self, hash: &str) -> i64 {
        self.after.set(hash).available.max(self.known(hash))
    }

    /// The same, before the write.
    fn capacity_before(&self, hash: &str) -> i64 {
        let version = self.cause.map_or(0, |cause| cause.saw(kinds::REPLICA_SETS));
        let known = self.state.available_at((&self.before.uid, hash), version);
        let set = self.before.set(hash);
        set.available.max(known.min(set.want))
    }
}

/// A check: what is broken, in one sentence with the invariant's id.
type Check = fn(&Deed<'_>) -> Option<String>;

/// In the order of the catalogue.
const CHECKS: [Check; 48] = [
    traffic::no_black_hole,
    traffic::capacity_before_weight,
    traffic::weight_before_scale_down,
    traffic::selector_points_at_pods,
    traffic::stable_floor,
    blue_green::switch_readiness,
    blue_green::old_colour_kept,
    kept::old_version_kept,
    kept::deadline_gives_time,
    sizes::abort_of_nothing,
    sizes::max_unavailable,
    sizes::max_surge,
    traffic::abort_returns_traffic,
    traffic::weights_are_well_formed,
    mesh::weights_are_well_formed,
    drain::traffic_leaves_first,
    drain::traffic_meets_pods,
    mesh::extra_routes_lead_to_pods,
    mesh::only_managed_fields_change,
    traffic::routes_agree,
    gates::step_index_law,
    gates::step_is_done,
    gates::back_to_stable_skips_the_steps,
    untouched::release_keeps_pods,
    identity::one_replica_set_per_template,
    identity::collisions_are_real,
    identity::revisions_rise,
    identity::one_attempt_at_a_time,
    workload::pods_come_before_they_go,
    workload::template_stays_away,
    evidence::promotion_has_its_reason,
    evidence::colours_were_judged,
    evidence::failed_analysis_stops,
    evidence::inconclusive_analysis_waits,
    gates::pause_means_pause,
    order::users_are_heard,
    intent::abort_is_sticky,
    intent::abort_has_its_reason,
    intent::new_version_begins_anew,
    intent::index_is_within_the_steps,
    intent::deadline_is_kept,
    intent::full_promotion_ends,
    sizes::aborted_stays_small,
    sizes::status_keeps_its_fields,
    order::the_same_object,
    contests::no_stage_rests_on_them,
    pods::evictions_leave_enough,
    pods::only_what_was_injected,
];

/// Looks at every change.
#[derive(Clone, Debug)]
pub struct Monitor {
    seen: u64,
    state: State,
    memory: Arc<Memory>,
    violations: Vec<String>,
    available: BTreeMap<Locator, i64>,
    /// How everything is, if nothing has changed since it was last painted.
    painted: Option<(Timestamp, Vec<Picture>)>,
    /// Since when nothing goes wrong.
    calm: Option<Timestamp>,
    servers: Servers,
}

impl Monitor {
    /// A monitor that looks at everything after a version.
    pub fn new(seen: u64) -> Self {
        Self {
            seen,
            state: State::default(),
            memory: Arc::default(),
            violations: Vec::new(),
            available: BTreeMap::new(),
            painted: None,
            calm: None,
            servers: Servers::Answer,
        }
    }

    /// The version of the last change that was looked at.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// What its checks will depend on besides the cluster.
    pub(crate) fn digest(&self, digest: &mut Digest) {
        self.memory.digest(digest);
    }

    /// What was broken.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// Notes something that was broken.
    pub fn add(&mut self, violation: String) {
        self.violations.push(violation);
    }

    /// Pods, metrics or the API itself have changed: what was right before may be wrong now.
    pub fn disturb(&mut self) {
        Arc::make_mut(&mut self.memory).flaps.forget();
    }

    /// From now on, metric servers do this.
    pub fn servers(&mut self, servers: Servers) {
        self.servers = servers;
    }

    /// Processes are elected by a Lease, and write no later than this after they have renewed it.
    pub fn elects(&mut self, renew: jiff::SignedDuration) {
        Arc::make_mut(&mut self.memory).leases = lease::Leases::of(renew);
    }

    /// A process starts, and lists the cluster as it is at a version.
    pub fn process_starts(&mut self, process: u32, version: u64) {
        let memory = Arc::make_mut(&mut self.memory);
        memory.started.insert(process, version);
    }

    /// A process has died.
    pub fn forget_process(&mut self, process: u32) {
        Arc::make_mut(&mut self.memory).forget_process(process);
    }

    /// A pass begins.
    pub fn begin_pass(&mut self, about: &Locator, cause: &Cause) {
        if !self.memory.unheard.is_empty() {
            Arc::make_mut(&mut self.memory).look(about, cause);
        }
    }

    /// Looks at a write before it is sent.
    pub fn about_to_send(&mut self, sent: &Sent<'_>) {
        let (memory, state) = (&*self.memory, &self.state);
        let broken = [
            lease::respected(&memory.leases, sent),
            ownership::guarded(sent.write),
            ownership::only_ours((memory, state), sent),
            adoption::for_the_living(state, sent.about, sent.write),
            untouched::only_the_status(state, sent.about, sent.write),
            order::everything_was_listed(memory, sent),
            order::own_writes_are_seen(memory, sent),
            order::conflicts_are_waited_for(memory, sent),
            order::unknown_means_hold((memory, state), sent),
        ];
        self.violations.extend(broken.into_iter().flatten());
    }

    /// A pass was decided.
    pub fn decided(&mut self, process: u32, about: &ObjectKey, plan: &Plan) {
        let memory = Arc::make_mut(&mut self.memory);
        memory.contests.decided(process, about, plan);
    }

    /// Takes in what the controller learns of a write.
    pub fn learn(&mut self, sent: &Sent<'_>, outcome: &Outcome) {
        let contests = &mut Arc::make_mut(&mut self.memory).contests;
        self.violations.extend(contests.learn(sent, outcome));
        let Some(place) = sent.place else { return };
        let memory = Arc::make_mut(&mut self.memory);
        let process = sent.cause.process;
        match outcome {
            Outcome::Done(object) => {
                memory.conflicts.remove(&(process, place.clone()));
                if place.kind == kinds::JOBS {
                    // Decisions read them live.
                    return;
                }
                let version = fields::version(object).parse().unwrap_or(0);
                let written = memory.written.entry((process, sent.about.clone()));
                let newest = written.or_default().entry(place.kind).or_default();
                *newest = version.max(*newest);
            }
            Outcome::Failed(Failure::Conflict) if order::can_conflict(sent.write.verb) => {
                let seen = sent.cause.claimed(place.kind);
                memory
                    .conflicts
                    .insert((process, place.clone()), (sent.now, seen));
            }
            Outcome::Failed(_) => {}
        }
    }

    /// Looks at a change; `cause` is what it was decided on, if the controller has just written it. Tells
    /// what it breaks.
    pub fn look(&mut self, change: &Change, cause: Option<&Cause>) -> Vec<String> {
        self.seen = change.version;
        if change.object.kind == kinds::LEASES {
            Arc::make_mut(&mut self.memory).leases.take(change);
        }
        if !State::watches(change.object.kind) {
            return Vec::new();
        }
        Arc::make_mut(&mut self.memory).before(change);
        let broken = if concerns_traffic(change) {
            self.check(change, cause)
        } else {
            self.state.take(change);
            self.painted = None;
            if change.object.kind == kinds::ANALYSIS_RUNS && change.actor == CONTROLLER {
                measurements::check(&self.state, change, self.servers)
            } else {
                Vec::new()
            }
        };
        let runs = self.state.of(kinds::ANALYSIS_RUNS);
        let runs = runs.chain(self.state.of(kinds::EXPERIMENTS));
        let runs = runs.map(|run| &**run);
        Arc::make_mut(&mut self.memory).after(change, runs);
        self.violations.extend(broken.iter().cloned());
        broken
    }

    fn check(&mut self, change: &Change, cause: Option<&Cause>) -> Vec<String> {
        let cause = cause.filter(|_| change.actor == CONTROLLER);
        let known = self.painted.take().filter(|(at, _)| *at == change.at);
        let before = known.map_or_else(|| self.state.paint(change.at), |(_, before)| before);
        self.state.take(change);
        let after = self.state.paint(change.at);
        let mut broken = Vec::new();
        if cause.is_some_and(|cause| cause.sight.blind.is_some()) {
            // Beside another controller it writes what it takes for right until it learns of what it has lost.
            Arc::make_mut(&mut self.memory).flaps.forget();
        } else if change.actor == CONTROLLER {
            broken.extend(Arc::make_mut(&mut self.memory).flaps.take(change));
        }
        for after in &after {
            let Some(before) = before.iter().find(|one| one.uid == after.uid) else {
                continue;
            };
            let deed = Deed {
                before,
                after,
                change,
                cause,
                state: &self.state,
                memory: &self.memory,
            };
            broken.extend(CHECKS.iter().filter_map(|check| check(&deed)));
        }
        self.painted = Some((change.at, after));
        broken
    }

    /// Looks at how everything is at the end of an instant; `calm` tells whether nothing goes wrong at
    /// it. Tells what is overdue.
    pub fn check_instant(&mut self, now: Timestamp, calm: Calm) {
        match calm {
            Calm::No => self.calm = None,
            Calm::Yes => {
                let since = *self.calm.get_or_insert(now);
                let late = liveness::overdue((&self.memory, &self.state), (since, now));
                self.violations.extend(late);
            }
        }
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

    /// Looks at how analyses ended.
    pub fn check_end_of_runs(&mut self) {
        self.violations.extend(measurements::ends(&self.state));
    }

    /// Looks at how an Experiment ended that is nobody's step.
    pub fn check_end_of_experiment(&mut self, cluster: &Cluster, (name, ends): (&str, &str)) {
        let object = cluster.get(kinds::EXPERIMENTS, crate::scenario::NAMESPACE, name);
        let broken = experiments::ends(&self.state, object.map(|one| &**one), ends);
        self.violations.extend(broken);
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
        if let Some(rollout) = object {
            let broken = pods::carry_their_role(&self.state, rollout);
            self.violations.extend(broken);
            self.violations.extend(drain::ends(&self.state, rollout));
        }
    }
}

/// Whether anybody can be asked for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Servers {
    /// Somebody answers.
    Answer,
    /// Nobody does.
    Silent,
}

/// Whether nothing goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calm {
    /// Nothing does.
    Yes,
    /// Something does: the controller is dead, blind or refused.
    No,
}

/// Whether a change can break a promise of the controller's: its own writes, and pods that go because
/// it asked for fewer.
fn concerns_traffic(change: &Change) -> bool {
    if change.actor == CONTROLLER {
        // Those only matter when they come or go.
        let judges =
            [kinds::ANALYSIS_RUNS, kinds::EXPERIMENTS, kinds::JOBS].contains(&change.object.kind);
        return !judges || change.what != What::Modified || fields::is_deleting(&change.new);
    }
    change.object.kind == kinds::PODS && change.actor == "replicaset-controller"
}
