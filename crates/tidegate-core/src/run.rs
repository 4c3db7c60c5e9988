//! Carries out a plan without doing I/O: says what comes next, and takes what came of it.
//!
//! The shell and the simulator run the same loop around it:
//! `while let Some(step) = run.next_step() { run.record(send(step)) }`.

mod fate;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use serde_json::Value;

use self::fate::{Fate, fate, moves_traffic, needs_a_look};
use crate::{
    contest::{self, Contested},
    plan::{
        Class, Effect, Event, Guard, Look, ObjectKey, Plan, ROLLOUTS, Resource, Route, Verb, Write,
    },
};

/// What came of one request.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The server committed it; the object as it is now (null after a delete).
    Done(Arc<Value>),
    /// It did not commit, or nobody knows whether it did.
    Failed(Failure),
}

/// Why a request did not commit, as far as a decision can depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// 409 Conflict: the guard no longer holds. Decide again on newer observations.
    Conflict,
    /// 409 because it exists already. Decide again once the object was seen.
    AlreadyExists,
    /// 404.
    NotFound,
    /// 429 to an eviction: a disruption budget keeps the pod for now.
    Protected(String),
    /// 403, 422 and other answers that the same request would get again; the server's message.
    Refused(String),
    /// 429, 503, or no connection: it certainly did not commit.
    Unavailable(Unavailable),
    /// The answer was lost: it may have committed.
    Unknown(String),
    /// A router or another translator could not phrase the request; what the user is told.
    Inexpressible(Event),
    /// Somebody takes it back each time: it was not sent, for its time has not come.
    Contested(Box<Contested>),
}

/// What a pass that failed half-way tells the user.
#[derive(Debug, Default)]
pub struct Told {
    /// A status that says it.
    pub write: Option<Write>,
    /// Events that say it.
    pub events: Vec<Event>,
    /// What the Rollout is told whose step it is, if it is an Experiment (EXP-17).
    pub owner_events: Vec<Event>,
    /// The kind of an object that is in the way and that the caches do not hold: it is to be followed
    /// whole from now on.
    pub unseen: Option<Resource>,
}

impl Told {
    /// Nothing but this event.
    pub fn by_event(event: Event) -> Self {
        Self {
            events: vec![event],
            ..Self::default()
        }
    }
}

/// Why the server could not take a request, and when to ask again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// What the server or the connection said.
    pub message: String,
    /// How long the server asks to wait (`Retry-After`).
    pub retry_after: Option<Duration>,
}

impl Unavailable {
    /// For this reason, without a word about when to ask again.
    pub fn because(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            retry_after: None,
        }
    }
}

impl Failure {
    /// The server's words, if the same request would be refused again.
    pub fn refusal(&self) -> Option<&str> {
        match self {
            Self::Refused(why) => Some(why),
            Self::Conflict
            | Self::AlreadyExists
            | Self::NotFound
            | Self::Protected(_)
            | Self::Unavailable(_)
            | Self::Unknown(_)
            | Self::Inexpressible(_)
            | Self::Contested(_) => None,
        }
    }

    /// Why nobody knows of an answer: the request was not sent, or it was lost.
    pub fn unanswered(&self) -> Option<&str> {
        match self {
            Self::Unavailable(Unavailable { message: why, .. }) | Self::Unknown(why) => Some(why),
            Self::Conflict
            | Self::AlreadyExists
            | Self::NotFound
            | Self::Protected(_)
            | Self::Refused(_)
            | Self::Inexpressible(_)
            | Self::Contested(_) => None,
        }
    }

    /// How long the server asks to wait before anything is sent again.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable(unavailable) => unavailable.retry_after,
            Self::Conflict
            | Self::AlreadyExists
            | Self::NotFound
            | Self::Protected(_)
            | Self::Refused(_)
            | Self::Unknown(_)
            | Self::Inexpressible(_)
            | Self::Contested(_) => None,
        }
    }
}

/// What the executor asks for next.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all of them are writes, so a box would cost more than it saves"
)]
pub enum Step {
    /// Send this, then `record`.
    Write(Write),
    /// Have the routers phrase this, then `expand`.
    Route(Box<Route>),
    /// Read this live, then `looked`.
    Look(ObjectKey),
}

/// The state of carrying out one plan.
#[derive(Debug)]
pub struct PlanRun {
    waiting: VecDeque<Step>,
    /// What is to be looked at first.
    look: Option<Look>,
    /// Events of a route, sent when the writes it expanded to are done.
    in_flight: Option<InFlight>,
    pending_route_events: Vec<Event>,
    expanded: usize,
    events: Vec<Event>,
    failure: Option<(Option<Write>, Failure)>,
    /// A field that stands, but may not stand for long.
    doubt: Option<Contested>,
    set_aside: Vec<(Write, Failure)>,
    most_evictions: usize,
    evicted: usize,
    versions: Vec<(ObjectKey, String)>,
    status_version: Option<String>,
    writes: usize,
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all of them are writes, so a box would cost more than it saves"
)]
enum InFlight {
    Write(Write),
    Route(Vec<Event>),
    Look(Look),
}

impl PlanRun {
    /// Begins to carry out a plan's effects.
    pub fn new(plan: &Plan) -> Self {
        let waiting = plan
            .effects
            .iter()
            .map(|effect| match effect {
                Effect::Write(write) => Step::Write(write.clone()),
                Effect::Route(route) => Step::Route(route.clone()),
            })
            .collect();
        Self {
            waiting,
            look: plan.look.clone(),
            in_flight: None,
            pending_route_events: Vec::new(),
            expanded: 0,
            events: Vec::new(),
            failure: None,
            doubt: None,
            set_aside: Vec::new(),
            most_evictions: plan.most_evictions,
            evicted: 0,
            versions: Vec::new(),
            status_version: None,
            writes: 0,
        }
    }

    /// What to do next; `None` at the end or after a failure.
    pub fn next_step(&mut self) -> Option<Step> {
        if self.in_flight.is_some() {
            return None;
        }
        let mut step = self.take_step()?;
        if needs_a_look(&step)
            && let Some(look) = self.look.take()
            // Whatever wrote it in this very run has proved it to be the same.
            && self.status_version.is_none()
        {
            self.waiting.push_front(step);
            let key = look.key.clone();
            self.in_flight = Some(InFlight::Look(look));
            return Some(Step::Look(key));
        }
        if let Step::Write(write) = &mut step {
            self.renew_guard(write);
        }
        self.in_flight = Some(match &step {
            Step::Write(write) => InFlight::Write(write.clone()),
            Step::Route(route) => InFlight::Route(route.events.clone()),
            Step::Look(_) => return None,
        });
        Some(step)
    }

    /// Takes the object that was to be looked at. If it is another one by now, nothing else is done, and the version
    /// that was observed is given back.
    pub fn looked(&mut self, live: Result<Value, Failure>) -> Option<Look> {
        let Some(InFlight::Look(look)) = self.in_flight.take() else {
            return None;
        };
        match live {
            Ok(live) if live["metadata"]["resourceVersion"] == look.version.as_str() => None,
            Ok(_) => {
                self.end(None, Failure::Conflict);
                Some(look)
            }
            Err(failure) => {
                self.end(None, failure);
                None
            }
        }
    }

    /// From now on nothing is taken away, and the run is not complete: a field that somebody takes back each
    /// time may not stand for long (S2-11).
    pub fn doubt(&mut self, contested: Contested) {
        self.doubt = Some(contested);
    }

    /// The next step that is still wanted: of evictions only so many, and after one nothing else
    /// (S0-7, S1-24).
    fn take_step(&mut self) -> Option<Step> {
        loop {
            let step = self.waiting.pop_front()?;
            let evicts = matches!(&step, Step::Write(write) if write.verb == Verb::Evict);
            let takes =
                matches!(&step, Step::Write(write) if write.class == Class::Destructive) || evicts;
            if takes && self.doubt.is_some() {
                if matches!(&step, Step::Write(write) if write.verb == Verb::Patch) {
                    // Pods that stay leave no room for others to come.
                    self.waiting.retain(moves_traffic);
                }
                continue;
            }
            if !evicts && self.evicted > 0 {
                self.waiting.clear();
                return None;
            }
            if !evicts || self.evicted < self.most_evictions {
                return Some(step);
            }
        }
    }

    /// An object that this very run has written is guarded by the version that came of it.
    fn renew_guard(&self, write: &mut Write) {
        let newest = self
            .versions
            .iter()
            .rev()
            .find(|(target, _)| *target == write.target);
        match (&mut write.guard, newest) {
            (
                Guard::Version {
                    resource_version, ..
                },
                Some((_, version)),
            ) => resource_version.clone_from(version),
            (Guard::Version { .. } | Guard::Absent, _) => {}
        }
    }

    /// Takes the writes that the routers phrased for the route last given, or their refusal.
    pub fn expand(&mut self, phrased: Result<Vec<Write>, Event>) {
        let Some(InFlight::Route(events)) = self.in_flight.take() else {
            return;
        };
        match phrased {
            Ok(writes) => {
                self.expanded = writes.len();
                for write in writes.into_iter().rev() {
                    self.waiting.push_front(Step::Write(write));
                }
                if self.expanded == 0 {
                    self.events.extend(events);
                } else {
                    self.pending_route_events = events;
                }
            }
            Err(event) => self.end(None, Failure::Inexpressible(event)),
        }
    }

    /// Takes what came of the write last given.
    pub fn record(&mut self, outcome: Outcome) {
        let Some(InFlight::Write(write)) = self.in_flight.take() else {
            return;
        };
        match outcome {
            Outcome::Done(object) => {
                self.writes += 1;
                self.evicted += usize::from(write.verb == Verb::Evict);
                self.remember_version(&write, &object);
                self.events.extend(write.events);
                if self.expanded > 0 {
                    self.expanded -= 1;
                    if self.expanded == 0 {
                        self.events.append(&mut self.pending_route_events);
                    }
                }
            }
            Outcome::Failed(failure) => match fate(&write, &failure) {
                Fate::Ends => self.end(Some(write), failure),
                Fate::Waits => {
                    self.waiting.retain_mut(|step| {
                        if let Step::Route(route) = step {
                            // It is told once the weights are recorded, not each time until then.
                            route.events.clear();
                        }
                        contest::goes_on(&write, step)
                    });
                    (self.expanded, self.pending_route_events) = (0, Vec::new());
                    self.failure.get_or_insert((Some(write), failure));
                }
                Fate::SetAside => self.set_aside.push((write, failure)),
                Fate::Skipped => {}
            },
        }
    }

    /// Nothing else is done.
    fn end(&mut self, write: Option<Write>, failure: Failure) {
        self.waiting.clear();
        self.failure = Some((write, failure));
    }

    fn remember_version(&mut self, write: &Write, object: &Value) {
        let Some(version) = object
            .pointer("/metadata/resourceVersion")
            .and_then(Value::as_str)
        else {
            return;
        };
        if write.target.resource == ROLLOUTS {
            self.status_version = Some(version.to_owned());
        }
        self.versions
            .push((write.target.clone(), version.to_owned()));
    }

    /// Events of what has committed since the last call, in order.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Ends the run. The only maker of [`Applied`].
    pub fn finish(self) -> Applied {
        let left = self.waiting.len() + usize::from(self.in_flight.is_some());
        let doubt = self
            .doubt
            .map(|one| (None, Failure::Contested(Box::new(one))));
        let failure = self.failure.or(doubt);
        Applied {
            complete: failure.is_none() && left == 0 && self.evicted == 0,
            failure,
            set_aside: self.set_aside,
            versions: self.versions,
            rollout_version: self.status_version,
            writes: self.writes,
        }
    }
}

/// Proof of what was done: only [`PlanRun::finish`] makes one, so a status cannot claim more.
#[derive(Clone, Debug)]
pub struct Applied {
    complete: bool,
    failure: Option<(Option<Write>, Failure)>,
    set_aside: Vec<(Write, Failure)>,
    versions: Vec<(ObjectKey, String)>,
    rollout_version: Option<String>,
    writes: usize,
}

impl Applied {
    /// Whether every effect of the plan is done, but for writes of single pods that were set aside.
    /// After an eviction it is not, even if nothing was left to do.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Why the run ended early, if it did, and with which write, unless none could be phrased.
    pub fn failure(&self) -> Option<&(Option<Write>, Failure)> {
        self.failure.as_ref()
    }

    /// Writes of single pods that did not commit and kept nothing else from being done.
    pub fn set_aside(&self) -> &[(Write, Failure)] {
        &self.set_aside
    }

    /// The version of each object that was written, for the ledger.
    pub fn versions(&self) -> &[(ObjectKey, String)] {
        &self.versions
    }

    /// The Rollout's version if an effect wrote it.
    pub fn rollout_version(&self) -> Option<&str> {
        self.rollout_version.as_deref()
    }

    /// How many writes committed.
    pub fn writes(&self) -> usize {
        self.writes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::{Class, PODS, REPLICA_SETS, Resource},
        reason::Reason,
    };

    fn write(verb: Verb, resource: Resource, name: &str) -> Effect {
        Effect::Write(Write {
            verb,
            target: ObjectKey::new(resource, "shop", name),
            guard: Guard::Absent,
            body: Value::Null,
            class: Class::Additive,
            events: Vec::new(),
            reason: Reason::FollowsRollout,
        })
    }

    /// Carries out a plan; `says` answers for each name. Tells which writes were tried.
    fn carry_out(plan: &Plan, says: impl Fn(&str) -> Option<Failure>) -> (Vec<String>, Applied) {
        let mut run = PlanRun::new(plan);
        let mut tried = Vec::new();
        while let Some(step) = run.next_step() {
            let Step::Write(write) = step else {
                run.expand(Ok(Vec::new()));
                continue;
            };
            let outcome = says(&write.target.name);
            tried.push(write.target.name);
            run.record(match outcome {
                Some(failure) => Outcome::Failed(failure),
                None => Outcome::Done(Arc::new(Value::Null)),
            });
        }
        (tried, run.finish())
    }

    fn restart() -> Plan {
        Plan {
            effects: vec![
                write(Verb::Patch, REPLICA_SETS, "note"),
                write(Verb::Evict, PODS, "a"),
                write(Verb::Evict, PODS, "b"),
                write(Verb::Evict, PODS, "c"),
                write(Verb::Patch, REPLICA_SETS, "scale"),
            ],
            most_evictions: 2,
            ..Plan::default()
        }
    }

    /// Keeps AVL-05, for blue-green as well.
    #[test]
    fn no_more_pods_are_evicted_than_may_be_and_nothing_follows() {
        let (tried, applied) = carry_out(&restart(), |_| None);
        assert_eq!(tried, ["note", "a", "b"]);
        assert!(!applied.is_complete());
        assert!(applied.failure().is_none());
    }

    #[test]
    fn a_pod_that_is_protected_leaves_its_turn_to_the_next() {
        let protected = |name: &str| (name == "a").then(|| Failure::Protected(String::new()));
        let (tried, _) = carry_out(&restart(), protected);
        assert_eq!(tried, ["note", "a", "b", "c"]);
    }

    #[test]
    fn where_no_pod_can_be_evicted_the_pass_goes_on() {
        let all = |name: &str| (name.len() == 1).then(|| Failure::Protected(String::new()));
        let (tried, applied) = carry_out(&restart(), all);
        assert_eq!(tried, ["note", "a", "b", "c", "scale"]);
        assert!(applied.is_complete());
    }

    #[test]
    fn an_eviction_that_may_have_happened_ends_the_run() {
        let lost = |name: &str| (name == "b").then(|| Failure::Unknown(String::new()));
        let (tried, applied) = carry_out(&restart(), lost);
        assert_eq!(tried, ["note", "a", "b"]);
        assert!(applied.failure().is_some());
    }

    #[test]
    fn one_pod_blocks_no_other() {
        let plan = Plan {
            effects: ["a", "b", "c"]
                .map(|name| write(Verb::Patch, PODS, name))
                .to_vec(),
            ..Plan::default()
        };
        for failure in [
            Failure::Conflict,
            Failure::Refused(String::new()),
            Failure::Unknown(String::new()),
        ] {
            let fails = |name: &str| (name == "a").then(|| failure.clone());
            let (tried, applied) = carry_out(&plan, fails);
            assert_eq!(tried, ["a", "b", "c"]);
            assert!(applied.is_complete());
            assert_eq!(applied.set_aside().len(), 1);
        }
        let gone = |name: &str| (name == "a").then_some(Failure::NotFound);
        let (tried, applied) = carry_out(&plan, gone);
        assert_eq!(tried.len(), 3);
        assert!(applied.set_aside().is_empty());
    }
}
