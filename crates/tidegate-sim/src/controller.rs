//! The controller in the simulator: the same decisions and the same `PlanRun` as in the shell, with
//! plain calls in place of tasks. It dies where the faults say so; a new one begins with empty caches.

mod caches;
mod contested;
mod executor;
mod experiments;
mod flights;
mod lacks;
mod losing;
mod measuring;
mod queue;
mod shelf;
mod workloads;

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use tidegate_api::{analysis::AnalysisRun, rollout::Rollout, workload::Pod};
use tidegate_core::{
    analysis_run::{self, Concluded, Secret},
    freshness::{Freshness, Ledger, Outrun},
    plan::{ANALYSIS_RUNS, EXPERIMENTS, Event, ObjectKey, Plan, ROLLOUTS, SERVICES, Write},
    rollout::{
        self, RolloutSnapshot,
        pods::{self, Query},
    },
    run::{Applied, Failure, Outcome, Told},
};
use tidegate_integrations::{
    metrics::{self, Call, Environment},
    traffic,
};

pub use self::caches::{Sight, followed};
use self::{
    caches::{Caches, News},
    flights::Flights,
    lacks::Restless,
    queue::Queue,
    shelf::Broken,
    workloads::Known,
};
use crate::{
    cluster::{
        Cluster, Locator,
        kinds::{self, KindId},
    },
    digest::Digest,
    faults::Lacks,
};

/// How long a pass waits for a cache that lags behind; as in the shell.
const CACHE_LAG: SignedDuration = SignedDuration::from_millis(50);

/// Between two looks at whether what a Rollout refers to was listed; as in the shell.
const LIST_OF_WORKLOADS: SignedDuration = SignedDuration::from_millis(100);

/// The controller died in the middle of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Died;

/// What the controller reaches during a pass.
pub trait Surroundings {
    /// The time.
    fn now(&self) -> Timestamp;
    /// The cluster, for watches and for reading.
    fn cluster(&self) -> &Cluster;
    /// Kinds whose watches are held back, and up to which version they come.
    fn held_back(&self) -> &BTreeMap<KindId, u64>;
    /// How long the status of an AnalysisRun takes to arrive.
    fn slowness(&self) -> SignedDuration;
    /// What it lacks, if it is a broken one.
    fn lacks(&self) -> Option<Lacks>;
    /// A pass begins, on what was seen of each kind.
    fn begin(&mut self, about: &Locator, sight: Sight);
    /// Sends a write.
    ///
    /// # Errors
    /// When the controller dies over it.
    fn send(&mut self, about: &ObjectKey, write: &Write) -> Result<Outcome, Died>;
    /// Sends a request to a metric provider.
    fn ask(&mut self, request: &metrics::Request) -> metrics::Answer;
    /// Reads a Secret, as it is now.
    ///
    /// # Errors
    /// When nobody can say what is in it.
    fn secret(&mut self, namespace: &str, name: &str) -> Result<Secret, String>;
    /// Reads an object or a list, as it is now; no write comes here.
    ///
    /// # Errors
    /// What the server says.
    fn look_up(&mut self, call: &Call) -> Result<serde_json::Value, Failure>;
    /// Lists pods, as they are now.
    ///
    /// # Errors
    /// What the server says.
    fn pods(&mut self, query: &Query) -> Result<Vec<Pod>, String>;
    /// Tells events, which nothing depends on.
    fn tell(&mut self, about: &ObjectKey, events: Vec<Event>);
    /// Tells what a pass decided.
    fn explain(&mut self, about: &ObjectKey, plan: &Plan);
}

/// What came of a pass.
#[derive(Clone, Copy, Debug)]
enum Verdict {
    Done(Option<Timestamp>),
    Writing(Option<Timestamp>),
    Failed(Option<Timestamp>),
    Behind,
    Outrun(SignedDuration),
}

/// A controller.
#[derive(Clone, Debug)]
pub struct Controller {
    caches: Caches,
    queue: Queue,
    ledger: Ledger,
    flights: Flights,
    environment: Environment,
    restless: Restless,
}

impl Controller {
    /// A controller that has just listed everything and remembers nothing.
    pub fn start(cluster: &Cluster) -> Self {
        let (caches, dirty) = Caches::list(cluster);
        let mut queue = Queue::default();
        for object in dirty {
            queue.add(object);
        }
        Self {
            caches,
            queue,
            ledger: Ledger::default(),
            flights: Flights::default(),
            environment: Environment::default(),
            restless: Restless::default(),
        }
    }

    /// Looks at everything once more, as a periodic resync does.
    pub fn resync(&mut self, cluster: &Cluster) {
        let (_, all) = Caches::list(cluster);
        for object in all {
            self.queue.add(object);
        }
    }

    /// Everything that its future depends on; `None` while it has not taken in every change,
    /// or is to lose one.
    pub(crate) fn digest(&self, cluster: &Cluster, digest: &mut Digest) -> Option<()> {
        if !self.caches.is_complete(cluster) || self.caches.are_losing() {
            return None;
        }
        self.queue.digest(digest);
        self.flights.digest(digest);
        self.digest_ledger(digest);
        Some(())
    }

    /// Whether nothing keeps it from acting, and nobody undoes what it does.
    pub(crate) fn is_calm(&self) -> bool {
        let mut contests = self.ledger.contests.open();
        self.queue.is_calm()
            && self.flights.is_calm()
            && !contests.any(|(_, _, rewrites, _)| rewrites > 1)
    }

    /// When it wants to act, if nothing changes.
    pub fn next(&self) -> Option<Timestamp> {
        self.queue
            .next()
            .into_iter()
            .chain(self.flights.next())
            .min()
    }

    /// One pass over the next object whose turn it is; `None` if there is none.
    ///
    /// # Errors
    /// When the controller dies over it.
    pub fn pass(&mut self, around: &mut impl Surroundings) -> Result<Option<Locator>, Died> {
        let news = self.follow(around);
        self.hear(around, news);
        let now = around.now();
        if let Some(object) = self.flights.arrived(now) {
            around.begin(&object, self.caches.sight());
            self.arrive(around, &object)?;
            return Ok(Some(object));
        }
        let Some(object) = self.queue.take(now) else {
            return Ok(None);
        };
        let verdict = match self.ledger.check(&key_of(&object), &self.caches) {
            Freshness::Behind(_)
                if around.lacks() != Some(Lacks::Ledger)
                    && !self.flights.runs.is_ahead(&key_of(&object)) =>
            {
                Verdict::Behind
            }
            Freshness::Fresh | Freshness::Behind(_) => {
                around.begin(&object, self.caches.sight());
                self.look_at(around, &object)?
            }
        };
        self.queue_again(around, &object, verdict);
        Ok(Some(object))
    }

    /// Takes in what has changed.
    fn hear(&mut self, around: &mut impl Surroundings, News { dirty, gone }: News) {
        for metadata in gone {
            let about = ObjectKey::new(ROLLOUTS, &metadata.namespace, &metadata.name);
            around.tell(&about, vec![rollout::events::deleted(&metadata)]);
        }
        for object in dirty {
            let deaf = around.lacks() == Some(Lacks::Ears) && object.kind == kinds::ROLLOUTS;
            if !deaf {
                self.queue.add(object);
            }
        }
    }

    /// When the object is looked at again.
    fn queue_again(&mut self, around: &impl Surroundings, object: &Locator, verdict: Verdict) {
        let now = around.now();
        match verdict {
            Verdict::Done(wake) => {
                let wake = wake.filter(|_| around.lacks() != Some(Lacks::Wakes));
                self.ledger.settled(&key_of(object));
                self.queue.done(object.clone(), wake);
            }
            Verdict::Writing(wake) => self.queue.handed_over(object.clone(), wake),
            Verdict::Failed(wake) => {
                self.ledger.settled(&key_of(object));
                self.queue.failed(object.clone(), wake, now);
            }
            Verdict::Behind => self.queue.postpone(object.clone(), now + CACHE_LAG),
            Verdict::Outrun(_) if around.lacks() == Some(Lacks::Patience) => {
                self.queue.add(object.clone());
            }
            Verdict::Outrun(delay) => self.queue.outrun(object.clone(), now, delay),
        }
    }

    fn look_at(
        &mut self,
        around: &mut impl Surroundings,
        object: &Locator,
    ) -> Result<Verdict, Died> {
        let (namespace, name) = (&*object.namespace, &*object.name);
        if object.kind == kinds::ANALYSIS_RUNS {
            return self.look_at_run(around, object);
        }
        if object.kind == kinds::SERVICES {
            return self.release(around, object);
        }
        if object.kind == kinds::EXPERIMENTS {
            return self.experiment(around, object);
        }
        match self.caches.rollouts.get(namespace, name).cloned() {
            Some(Ok(rollout)) => self.decide(around, &rollout),
            Some(Err(broken)) => self.refuse(around, &broken),
            None => {
                self.ledger.forget(&key_of(object));
                self.clean_up(around, object)
            }
        }
    }

    /// Takes the marks of a Rollout that is gone off the `DestinationRules`; as in the shell.
    fn clean_up(
        &mut self,
        around: &mut impl Surroundings,
        object: &Locator,
    ) -> Result<Verdict, Died> {
        let (namespace, name) = (&*object.namespace, &*object.name);
        let there = around
            .cluster()
            .get(kinds::ROLLOUTS, namespace, name)
            .is_some();
        if !there {
            let about = key_of(object);
            let rules = self.caches.rules_of(namespace, name);
            for write in traffic::leftovers(None, &rules) {
                if let Outcome::Failed(failure) = self.send_alone(around, &about, &write)? {
                    return Ok(self.after(&about, &failure, None));
                }
            }
        }
        Ok(Verdict::Done(None))
    }

    /// A Service that no Rollout may name any more.
    fn release(
        &mut self,
        around: &mut impl Surroundings,
        object: &Locator,
    ) -> Result<Verdict, Died> {
        let Some((service, manager)) = self.caches.left(object) else {
            return Ok(Verdict::Done(None));
        };
        let live = around
            .cluster()
            .get(kinds::ROLLOUTS, &object.namespace, &manager);
        let write = rollout::release::release(&service, live.map(|live| &**live));
        self.send_if_any(around, &key_of(object), write)
    }

    fn decide(
        &mut self,
        around: &mut impl Surroundings,
        rollout: &Arc<Rollout>,
    ) -> Result<Verdict, Died> {
        let now = around.now();
        let metadata = &rollout.metadata;
        let about = ObjectKey::new(ROLLOUTS, &metadata.namespace, &metadata.name);
        if let Some(verdict) = self.outdated(around, &about, &metadata.resource_version) {
            return Ok(verdict);
        }
        match self.caches.know(rollout, around.cluster()) {
            Known::Yes => {}
            Known::NotYet => return Ok(Verdict::Outrun(LIST_OF_WORKLOADS)),
        }
        let observed = self.caches.observe(rollout);
        let (mut snapshot, findings) = rollout::parse(&observed);
        if let Some(key) = rollout::to_look_at_again(&snapshot, &findings)
            && around.lacks() != Some(Lacks::Doubt)
        {
            match around.look_up(&Call::Get(key)) {
                Ok(live) if rollout::stays(&snapshot, &live) => {}
                Ok(_) | Err(Failure::NotFound) => return Ok(Verdict::Behind),
                Err(failure) => return Ok(self.after(&about, &failure, None)),
            }
        }
        if let Some(query) = pods::wanted(&snapshot, &findings, now) {
            let listed = around.pods(&query);
            pods::see(&mut snapshot, listed, now);
        }
        let mut plan = rollout::decide(&snapshot, &findings, now);
        plan.look = plan.look.filter(|_| around.lacks() != Some(Lacks::Glance));
        around.explain(&about, &plan);
        let applied = self.carry_out(around, &about, (&plan, &observed.router_objects))?;
        around.tell(&about, rollout::told_of_pods(&applied));
        if let Some((_, Failure::Contested(contested))) = applied.failure() {
            let pass = (&snapshot, &plan, &applied);
            return self.wait_for_turn(around, &about, pass, contested);
        }
        if let Some((_, failure)) = applied.failure() {
            let outrun = self.ledger.outrun(&about, failure);
            let told = rollout::after_failure(&snapshot, &applied, outrun, around.now());
            return match told {
                Some(told) => self.tell(around, &about, told, (outrun, wake(&plan))),
                None => Ok(next_look(outrun, wake(&plan))),
            };
        }
        self.commit(around, &about, (&snapshot, &plan, &applied))
    }

    fn commit(
        &mut self,
        around: &mut impl Surroundings,
        about: &ObjectKey,
        (snapshot, plan, applied): (&RolloutSnapshot, &Plan, &Applied),
    ) -> Result<Verdict, Died> {
        let write = rollout::status::write(snapshot, plan, applied);
        if let Some(write) = write.or_else(|| self.greeting(around, snapshot))
            && let Outcome::Failed(failure) = self.send_alone(around, about, &write)?
        {
            around.tell(about, rollout::told_of_status(&write, &failure));
            return Ok(self.after(about, &failure, wake(plan)));
        }
        if applied.is_complete() {
            around.tell(about, plan.events.clone());
        }
        Ok(if plan.retry.is_some() || !applied.set_aside().is_empty() {
            Verdict::Failed(wake(plan))
        } else {
            Verdict::Done(wake(plan))
        })
    }

    fn tell(
        &mut self,
        around: &mut impl Surroundings,
        about: &ObjectKey,
        told: Told,
        (outrun, wake): (Option<Outrun>, Option<Timestamp>),
    ) -> Result<Verdict, Died> {
        if told.unseen.is_some() {
            self.caches.follow_all_replica_sets(around.cluster());
        }
        if let Some(write) = &told.write
            && let Outcome::Failed(failure) = self.send_alone(around, about, write)?
        {
            if matches!(failure, Failure::Refused(_)) {
                around.tell(about, told.events);
                around.tell(about, rollout::told_of_status(write, &failure));
            }
            return Ok(self.after(about, &failure, wake));
        }
        around.tell(about, told.events);
        Ok(next_look(outrun, wake))
    }

    /// What a failure means for the next look; as in the shell.
    fn after(&mut self, about: &ObjectKey, failure: &Failure, wake: Option<Timestamp>) -> Verdict {
        next_look(self.ledger.outrun(about, failure), wake)
    }

    fn refuse(&mut self, around: &mut impl Surroundings, broken: &Broken) -> Result<Verdict, Died> {
        let metadata = &broken.metadata;
        let about = ObjectKey::new(ROLLOUTS, &metadata.namespace, &metadata.name);
        let now = around.now();
        let write = rollout::unreadable::write(metadata, &broken.status, &broken.error, now);
        self.send_if_any(around, &about, write)
    }

    /// Sends a write that is all that a pass does; without one there is nothing to do.
    fn send_if_any(
        &mut self,
        around: &mut impl Surroundings,
        about: &ObjectKey,
        write: Option<Write>,
    ) -> Result<Verdict, Died> {
        let Some(write) = write else {
            return Ok(Verdict::Done(None));
        };
        Ok(match self.send_alone(around, about, &write)? {
            Outcome::Done(_) => Verdict::Done(None),
            Outcome::Failed(failure) => self.after(about, &failure, None),
        })
    }

    fn send_alone(
        &mut self,
        around: &mut impl Surroundings,
        about: &ObjectKey,
        write: &Write,
    ) -> Result<Outcome, Died> {
        let outcome = around.send(about, write)?;
        self.ledger.learn(about, write, &outcome);
        if let Outcome::Done(object) = &outcome {
            let version = object
                .pointer("/metadata/resourceVersion")
                .and_then(serde_json::Value::as_str);
            if let Some(version) = version {
                self.remember(around, (about, &write.target), version);
            }
        }
        Ok(outcome)
    }
}

/// When to look again after a failure.
fn next_look(outrun: Option<Outrun>, wake: Option<Timestamp>) -> Verdict {
    match outrun {
        Some(outrun) => Verdict::Outrun(outrun.delay()),
        None => Verdict::Failed(wake),
    }
}

fn wake(plan: &Plan) -> Option<Timestamp> {
    plan.wake.as_ref().map(|wake| wake.at)
}

fn key_of_run(run: &AnalysisRun) -> ObjectKey {
    ObjectKey::new(ANALYSIS_RUNS, &run.metadata.namespace, &run.metadata.name)
}

fn key_of(object: &Locator) -> ObjectKey {
    let resource = if object.kind == kinds::ANALYSIS_RUNS {
        ANALYSIS_RUNS
    } else if object.kind == kinds::SERVICES {
        SERVICES
    } else if object.kind == kinds::EXPERIMENTS {
        EXPERIMENTS
    } else {
        ROLLOUTS
    };
    ObjectKey::new(resource, &object.namespace, &object.name)
}
