//! Carries out a plan without doing I/O: says what comes next, and takes what came of it.
//!
//! The shell and the simulator run the same loop around it:
//! `while let Some(step) = run.next_step() { run.record(send(step)) }`.

use std::{collections::VecDeque, sync::Arc};

use serde_json::Value;

use crate::plan::{Effect, Event, Guard, ObjectKey, Plan, ROLLOUTS, Route, Write};

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
    /// 403, 422 and other answers that the same request would get again; the server's message.
    Refused(String),
    /// 429, 5xx, or no connection: it certainly did not commit.
    Unavailable(String),
    /// The answer was lost: it may have committed.
    Unknown(String),
    /// A router or another translator could not phrase the request; what the user is told.
    Inexpressible(Event),
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
}

/// The state of carrying out one plan.
#[derive(Debug)]
pub struct PlanRun {
    waiting: VecDeque<Step>,
    /// Events of a route, sent when the writes it expanded to are done.
    in_flight: Option<InFlight>,
    pending_route_events: Vec<Event>,
    expanded: usize,
    events: Vec<Event>,
    failure: Option<(Option<Write>, Failure)>,
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
            in_flight: None,
            pending_route_events: Vec::new(),
            expanded: 0,
            events: Vec::new(),
            failure: None,
            versions: Vec::new(),
            status_version: None,
            writes: 0,
        }
    }

    /// What to do next; `None` at the end or after a failure.
    pub fn next_step(&mut self) -> Option<Step> {
        if self.failure.is_some() || self.in_flight.is_some() {
            return None;
        }
        let mut step = self.waiting.pop_front()?;
        if let Step::Write(write) = &mut step {
            self.renew_guard(write);
        }
        self.in_flight = Some(match &step {
            Step::Write(write) => InFlight::Write(write.clone()),
            Step::Route(route) => InFlight::Route(route.events.clone()),
        });
        Some(step)
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
            Err(event) => self.failure = Some((None, Failure::Inexpressible(event))),
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
                self.remember_version(&write, &object);
                self.events.extend(write.events);
                if self.expanded > 0 {
                    self.expanded -= 1;
                    if self.expanded == 0 {
                        self.events.append(&mut self.pending_route_events);
                    }
                }
            }
            Outcome::Failed(failure) => self.failure = Some((Some(write), failure)),
        }
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
        Applied {
            complete: self.failure.is_none() && left == 0,
            failure: self.failure,
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
    versions: Vec<(ObjectKey, String)>,
    rollout_version: Option<String>,
    writes: usize,
}

impl Applied {
    /// Whether every effect of the plan is done.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Why the run ended early, if it did, and with which write, unless none could be phrased.
    pub fn failure(&self) -> Option<&(Option<Write>, Failure)> {
        self.failure.as_ref()
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
