//! A cluster with everybody in it, the controller included, and the time that passes. A clone goes on
//! from where the original stands.

mod election;
mod end;
mod losing;
mod overlap;
mod pace;
mod states;
mod story;
mod trouble;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use anyhow::bail;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tidegate_core::plan::ObjectKey;

use self::{
    election::{Election, Fence, Tired},
    losing::Losing,
    overlap::Second,
    states::States,
    trouble::Trouble,
    view::{View, notice},
};
pub use self::{losing::LONGEST_UNTIL_CHECK, trouble::People};
use crate::{
    actors::{
        Actors, EndpointsWrites, Fate, Settings, kubelet::Timing, metrics::MetricServer, user::User,
    },
    cluster::{Cluster, Locator, fields, kinds::KindId},
    controller::Controller,
    faults::{Broken, Cut, Delivery, Faults, Tamper, Weather},
    invariants::{Calm, Cause, Monitor},
    scenario::{NAMESPACE, Scenario},
    trace::{Keep, Trace},
};

/// As whom the controller writes.
pub const CONTROLLER: &str = "controller";
/// How long a controller that died is gone.
const RESTART: SignedDuration = SignedDuration::from_millis(500);
/// How long a person looks at what they waited for before they act on it: longer than a crash, or the
/// story would depend on it.
const LOOK: SignedDuration = SignedDuration::from_secs(1);
/// The longest that a watch is held back: longer than any two writes of one pass lie apart, and shorter
/// than a controller that waits for its own writes is taken for one that spins.
const LONGEST_LAG: SignedDuration = SignedDuration::from_secs(5);
/// How long nothing must happen for everything to have come to rest: longer than any pause of the
/// scenarios.
const REST: SignedDuration = SignedDuration::from_mins(16);
/// The longest that a scenario may take.
const LONGEST: SignedDuration = SignedDuration::from_hours(6);
/// Who breaks more than this is not listened to any further.
const MOST_VIOLATIONS: usize = 200;
/// More passes over one object within one instant are a controller that spins.
const MOST_PASSES_AT_ONCE: u32 = 60;
/// More passes while nothing happens are a controller that spins: one every ten seconds is the slowest
/// back-off, and every look that is due comes on top.
const MOST_IDLE_PASSES: u32 = 250;

/// Everything there is.
#[derive(Clone, Debug)]
pub struct World {
    begun: Timestamp,
    now: Timestamp,
    /// The cluster.
    pub cluster: Cluster,
    actors: Actors,
    controller: Option<Box<Controller>>,
    /// Which controller it is.
    process: u32,
    /// When a new controller starts.
    restart: Option<Timestamp>,
    outside: Outside,
    story: Arc<Scenario>,
    /// How many happenings lie behind, and when the last one was.
    told: (usize, SignedDuration),
    /// Since when the next happening's condition holds.
    holds: Option<Timestamp>,
    trouble: Trouble,
    fates: BTreeMap<String, Fate>,
    passes: BTreeMap<Locator, u32>,
    idle_passes: u32,
    last_write: Timestamp,
    hold: Option<Hold>,
    /// A watch that is to be held back: from which look on, its kind, and by how many changes.
    to_hold: Option<(u64, KindId, usize)>,
    losing: Losing,
    election: Option<Election>,
    /// The version up to which somebody has seen everything who is just waking up.
    dreams_of: Option<u64>,
    /// How often the controller has looked for work.
    looks: u64,
    states: Option<States>,
    snapshots: Option<Vec<(usize, Self)>>,
}

/// A watch that is held back for a while.
#[derive(Clone, Copy, Debug)]
struct Hold {
    kind: KindId,
    /// The version that it has come to.
    from: u64,
    /// It is released when it lags by more changes than these,
    lag: usize,
    /// and at this instant at the latest.
    until: Timestamp,
}

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// Everything has come to rest.
    ToItsEnd,
    /// It has come to a known state, from where it would go on as another run did.
    IntoTheKnown,
}

/// What the controller reaches besides the cluster.
#[derive(Clone, Debug)]
struct Outside {
    faults: Faults,
    metrics: MetricServer,
    monitor: Monitor,
    trace: Trace,
    rollout: String,
    /// The Experiment, where there is no Rollout.
    experiment: Option<String>,
    waits: BTreeMap<ObjectKey, String>,
    /// Versions that have just appeared: hash and tag.
    fresh: Vec<(String, String)>,
    /// Another controller that believes itself the leader.
    second: Option<Second>,
    /// How many controllers there were besides the first.
    processes: u32,
    /// Until when the controller at work may write.
    fence: Fence,
    tired: Tired,
}

impl World {
    /// A world in which a scenario is about to begin. `read` finds its manifests.
    ///
    /// # Errors
    /// When the scenario makes no sense, or the API refuses one of its objects.
    pub fn new(
        story: &Arc<Scenario>,
        keep: Keep,
        read: impl Fn(&str) -> anyhow::Result<String>,
    ) -> anyhow::Result<Self> {
        let begun: Timestamp = "2026-01-01T00:00:00Z".parse()?;
        let mut cluster = Cluster::new(begun);
        if story.has_istio() {
            cluster.install_istio();
        }
        let actors = Actors::new(&Settings {
            timing: Timing::default(),
            endpoints: EndpointsWrites::Omitted,
        });
        let outside = Outside {
            faults: Faults::default(),
            metrics: MetricServer::default(),
            monitor: Monitor::new(cluster.version()),
            trace: Trace::new(keep, begun),
            rollout: "web".to_owned(),
            experiment: None,
            waits: BTreeMap::new(),
            fresh: Vec::new(),
            second: None,
            processes: 0,
            fence: Fence::default(),
            tired: Tired::default(),
        };
        let mut world = Self {
            begun,
            now: begun,
            controller: Some(Box::new(Controller::start(&cluster))),
            process: 0,
            cluster,
            actors,
            restart: None,
            outside,
            story: Arc::clone(story),
            told: (0, SignedDuration::ZERO),
            holds: None,
            trouble: Trouble::default(),
            fates: BTreeMap::new(),
            passes: BTreeMap::new(),
            idle_passes: 0,
            last_write: begun,
            hold: None,
            to_hold: None,
            losing: Losing::default(),
            election: None,
            dreams_of: None,
            looks: 0,
            states: None,
            snapshots: None,
        };
        world.furnish(story, read)?;
        world.let_stand(story.contenders);
        Ok(world)
    }

    fn furnish(
        &mut self,
        story: &Scenario,
        read: impl Fn(&str) -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        let mut objects = Vec::new();
        for file in &story.files {
            let documents: Vec<Value> = serde_saphyr::from_multiple(&read(file)?)?;
            objects.extend(documents.into_iter().filter(|document| !document.is_null()));
        }
        objects.extend(story.all_objects()?);
        for mut object in objects {
            // Every scenario plays in one namespace, but for what a mesh keeps elsewhere.
            if object["kind"] != "VirtualService"
                && let Some(metadata) = object["metadata"].as_object_mut()
            {
                metadata.remove("namespace");
            }
            if object["kind"] == "Namespace" {
                continue;
            }
            if object["kind"] == "Rollout" {
                fields::name(&object).clone_into(&mut self.outside.rollout);
            }
            self.mind(&object);
            self.user().apply(object)?;
        }
        self.notice();
        Ok(())
    }

    /// Lets a fault strike at a write.
    pub fn cut(&mut self, at: usize, cut: Cut) {
        self.outside.faults.cut = Some((at, cut));
    }

    /// Delivers every write twice.
    pub fn deliver_twice(&mut self) {
        self.outside.faults.delivery = Delivery::Twice;
    }

    /// Holds the watch of a kind back from a look for work on, until it lags by more changes than these,
    /// and for no longer than the longest lag.
    pub fn hold_back(&mut self, look: u64, kind: KindId, lag: usize) {
        self.to_hold = Some((look, kind, lag));
    }

    /// How often the controller has looked for work.
    pub fn looks(&self) -> u64 {
        self.looks
    }

    /// Makes the controller write something else.
    pub fn tamper(&mut self, tamper: Tamper) {
        self.outside.faults.broken.tamper = Some(tamper);
    }

    /// Makes the controller a broken one.
    pub fn break_controller(&mut self, broken: Broken) {
        self.outside.faults.broken = broken;
    }

    /// Notes the fingerprint of each state from now on.
    pub fn keep_states(&mut self) {
        self.states = Some(States::default());
    }

    /// The fingerprints.
    pub fn take_states(&mut self) -> Vec<u64> {
        self.states.take().unwrap_or_default().into_found()
    }

    /// Keeps a copy of the world before each pass that may write, for the sweep.
    pub fn keep_snapshots(&mut self) {
        self.snapshots = Some(Vec::new());
    }

    /// The copies, each with the number of writes before it.
    pub fn take_snapshots(&mut self) -> Vec<(usize, Self)> {
        self.snapshots.take().unwrap_or_default()
    }

    /// How many writes the controller has tried.
    pub fn writes(&self) -> usize {
        self.outside.faults.writes
    }

    /// What happened.
    pub fn trace(&self) -> &Trace {
        &self.outside.trace
    }

    /// What must not have happened.
    pub fn violations(&self) -> &[String] {
        self.outside.monitor.violations()
    }

    /// Lets time pass until everything has come to rest, and looks at everything once more.
    ///
    /// # Errors
    /// When the story cannot be told to its end.
    pub fn run(&mut self) -> anyhow::Result<()> {
        self.run_unless(&BTreeSet::new()).map(|_| ())
    }

    /// The same, but no further than to a state of which it is known how it goes on.
    ///
    /// # Errors
    /// When the story cannot be told to its end.
    pub fn run_unless(&mut self, known: &BTreeSet<u64>) -> anyhow::Result<Ran> {
        let end = self.begun + LONGEST;
        loop {
            self.instant()?;
            if self.is_known(known) {
                return Ok(Ran::IntoTheKnown);
            }
            let told = self.told.0 == self.story.story.len();
            let Some(next) = self.next()? else { break };
            let rests = told
                && self.restart.is_none()
                && next.duration_since(self.last_write.max(self.begun + self.told.1)) > REST;
            if rests {
                break;
            }
            if self.violations().len() > MOST_VIOLATIONS {
                bail!("too much is broken to go on");
            }
            if next > end {
                self.violation("L-1: it does not come to rest");
                return Ok(Ran::ToItsEnd);
            }
            self.now = next;
            self.outside.faults.clear_up(next);
            self.passes.clear();
        }
        let (later, calm) = (self.now + REST, self.calm());
        self.outside.monitor.check_instant(later, calm);
        let left = self.story.story.len() - self.told.0;
        if left > 0 {
            self.violation(&format!(
                "L-1: it ends with {left} happenings still to come"
            ));
        }
        self.rest()?;
        Ok(Ran::ToItsEnd)
    }

    fn violation(&mut self, what: &str) {
        let now = self.now;
        self.outside.trace.line(now, "BROKEN", || what.to_owned());
        self.outside.monitor.add(what.to_owned());
    }

    /// Everything that happens at this instant.
    fn instant(&mut self) -> anyhow::Result<()> {
        loop {
            let before = self.cluster.version();
            self.actors.step(&mut self.cluster, self.now);
            self.notice();
            if self.restart.is_some_and(|at| at <= self.now) {
                self.restart = None;
                if !self.stands_again() {
                    self.start_controller();
                    self.line("again", || "the controller starts".to_owned());
                }
            }
            self.elect();
            let before_pass = self.cluster.version();
            let passed = self.pass();
            self.notice_loss();
            let passed = self.second_pass(passed.then_some(before_pass)) || passed;
            self.notice();
            if passed || self.cluster.version() != before {
                continue;
            }
            if !self.tell()? {
                self.doubt();
                let (now, calm) = (self.now, self.calm());
                self.outside.monitor.check_instant(now, calm);
                return Ok(());
            }
        }
    }

    fn start_controller(&mut self) {
        self.outside.monitor.forget_process(self.process);
        self.outside.processes += 1;
        self.process = self.outside.processes;
        let (process, version) = (self.process, self.cluster.version());
        self.outside.monitor.process_starts(process, version);
        self.controller = Some(Box::new(Controller::start(&self.cluster)));
    }

    fn calm(&self) -> Calm {
        let works = self.controller.as_ref().is_some_and(|one| one.is_calm());
        let faults = &self.outside.faults;
        let fair = faults.weather == Weather::Fair && faults.throttled.is_none();
        let hears = self.hold.is_none() && self.losing.check().is_none();
        if works && fair && hears && self.outside.second.is_none() {
            Calm::Yes
        } else {
            Calm::No
        }
    }

    /// One pass of the controller; tells whether there was one.
    fn pass(&mut self) -> bool {
        let copy = self.snapshots.is_some().then(|| self.copy());
        self.begin_to_hold();
        self.begin_to_lose();
        self.looks += 1;
        let held_back = self.held_back();
        let Some(mut controller) = self.controller.take() else {
            return false;
        };
        let (writes, version) = (self.outside.faults.writes, self.cluster.version());
        let mut view = View {
            cluster: &mut self.cluster,
            outside: &mut self.outside,
            held_back,
            now: self.now,
            cause: Cause {
                process: self.process,
                ..Cause::default()
            },
        };
        let passed = controller.pass(&mut view);
        if self.outside.faults.writes != writes
            && let (Some(snapshots), Some(copy)) = (&mut self.snapshots, copy)
        {
            snapshots.push((writes, copy));
        }
        if self.outside.faults.has_struck_since(writes) {
            self.begin_trouble();
        }
        let wrote = self.cluster.version() != version;
        if wrote {
            self.last_write = self.now;
            self.idle_passes = 0;
        }
        if let Ok(object) = passed {
            self.controller = Some(controller);
            if let Some(object) = &object {
                self.count(object);
            }
            object.is_some()
        } else {
            self.line("dies", || "the controller".to_owned());
            self.restart = Some(self.now + RESTART);
            true
        }
    }

    fn copy(&mut self) -> Self {
        let kept = self.snapshots.take();
        let copy = self.clone();
        self.snapshots = kept;
        copy
    }

    fn user(&mut self) -> User<'_> {
        User {
            cluster: &mut self.cluster,
            now: self.now,
            namespace: NAMESPACE,
            rollout: &self.outside.rollout,
        }
    }

    fn line(&mut self, who: &str, what: impl FnOnce() -> String) {
        let now = self.now;
        self.outside.trace.line(now, who, what);
    }

    /// Lets the monitor look at every change since the last look, and gives new versions their names.
    fn notice(&mut self) {
        notice(&mut self.outside, &self.cluster, None);
        for (hash, tag) in std::mem::take(&mut self.outside.fresh) {
            if let Some(fate) = self.fates.get(&tag) {
                self.actors.set_fate(&hash, *fate);
            }
        }
    }
}
