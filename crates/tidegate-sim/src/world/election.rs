//! Controllers that stand for election by a Lease of the model cluster: what `core/leadership.rs` decides is
//! carried out here as the shell does, in virtual time (S2-6). Who leads is the world's controller; the others
//! wait, sleep, or are about to start.

use std::time::Duration;

use anyhow::{Context, bail};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tidegate_core::{
    leadership::{self, Candidate, Claim, Move, Seen, Terms},
    plan::LEASES,
};

use super::{Controller, RESTART, Weather, World};
use crate::{
    cluster::{Call, Target, kinds},
    invariants::lease,
    scenario::NAMESPACE,
};

/// The periods that controllers have by default.
const TERMS: Terms = Terms {
    lease: Duration::from_secs(15),
    renew: Duration::from_secs(10),
    retry: Duration::from_secs(2),
};
/// How long a leader sleeps that falls asleep at a write: past the end of its Lease.
const NAP: SignedDuration = SignedDuration::from_secs(20);
/// More passes of one that has just woken up are a controller that spins.
const MOST_PASSES: usize = 60;

/// Until when the controller at work may write; as the shell's fence.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Fence {
    /// Nobody competes.
    #[default]
    Open,
    /// Until the renewal is due.
    Until(Timestamp),
}

impl Fence {
    /// Whether somebody competes.
    pub(super) fn is_elected(self) -> bool {
        matches!(self, Self::Until(_))
    }

    pub(super) fn is_open(self, now: Timestamp) -> bool {
        match self {
            Self::Open => true,
            Self::Until(at) => now < at,
        }
    }
}

/// Whether who leads is about to fall asleep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tired {
    Yes,
    #[default]
    No,
}

/// Everybody who stands for election.
#[derive(Clone, Debug)]
pub(super) struct Election(Vec<Contender>);

#[derive(Clone, Debug)]
struct Contender {
    process: u32,
    /// The Lease as last read or written; `None` if it has to be read first.
    lease: Option<Value>,
    seen: Seen,
    /// When it looks at the Lease next.
    next: Timestamp,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// It is up, and leads if its process is the world's.
    Awake,
    /// It led when it fell asleep, having seen everything up to this version.
    Asleep(Box<Controller>, u64),
    /// Another process takes its place.
    Gone,
}

impl Election {
    /// So many controllers, which start now.
    pub(super) fn new(count: u32, now: Timestamp) -> Self {
        Self(
            (0..count)
                .map(|process| Contender::new(process, now))
                .collect(),
        )
    }

    /// When somebody has to do something.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.0.iter().map(|one| one.next).min()
    }

    fn of(&mut self, process: u32) -> Option<&mut Contender> {
        self.0.iter_mut().find(|one| one.process == process)
    }
}

impl Contender {
    fn new(process: u32, now: Timestamp) -> Self {
        Self {
            process,
            lease: None,
            seen: Seen {
                claim: None,
                since: Duration::ZERO,
                renewed: None,
            },
            next: now,
            state: State::Awake,
        }
    }

    fn candidate(&self) -> Candidate {
        Candidate {
            identity: lease::identity(self.process),
            terms: TERMS,
        }
    }

    /// Until the next try, but never past the instant at which a leader has to end.
    fn pause(&self, monotonic: Duration) -> Duration {
        match self.seen.renewed {
            Some(renewed) => TERMS
                .retry
                .min((renewed + TERMS.renew).saturating_sub(monotonic)),
            None => TERMS.retry,
        }
    }
}

impl World {
    /// Lets several controllers stand for election, if the story says so.
    pub(super) fn let_stand(&mut self, count: u32) {
        if count == 0 {
            return;
        }
        self.controller = None;
        self.outside.processes = count - 1;
        self.outside.monitor.elects(signed(TERMS.renew));
        self.election = Some(Election::new(count, self.now));
    }

    /// What those do whose turn it is.
    pub(super) fn elect(&mut self) {
        self.fall_asleep();
        let Some(election) = &self.election else {
            return;
        };
        let dead = self.restart.map(|_| self.process);
        let due = election.0.iter().filter(|one| one.next <= self.now);
        let due = due.filter(|one| Some(one.process) != dead);
        let due: Vec<u32> = due.map(|one| one.process).collect();
        for process in due {
            self.turn_of(process);
        }
    }

    /// Tells whether somebody starts anew by standing for election again.
    pub(super) fn stands_again(&mut self) -> bool {
        let (process, now) = (self.process, self.now);
        let Some(gone) = self.election.as_mut().and_then(|all| all.of(process)) else {
            return self.election.is_some();
        };
        gone.state = State::Gone;
        gone.next = now;
        true
    }

    /// What happens to whoever leads: `stops`, or `sleeps` for a while.
    pub(super) fn befall_leader(&mut self, what: &str) -> anyhow::Result<()> {
        self.line("leader", || what.to_owned());
        match what.split_once(' ') {
            None if what == "stops" => self.stop_leader(),
            Some(("sleeps", how_long)) => {
                let how_long = how_long.parse().context("how long does it sleep")?;
                self.sleep(how_long);
            }
            Some(_) | None => bail!("no leader {what}"),
        }
        Ok(())
    }

    /// In an election nobody starts beside the leader: it falls asleep instead, once its pass is over.
    pub(super) fn fall_asleep(&mut self) {
        if std::mem::take(&mut self.outside.tired) == Tired::Yes {
            self.line("leader", || format!("sleeps {NAP:#}"));
            self.sleep(NAP);
        }
    }

    fn sleep(&mut self, how_long: SignedDuration) {
        let (now, version, process) = (self.now, self.cluster.version(), self.process);
        let Some(controller) = self.controller.take() else {
            return;
        };
        self.begin_trouble();
        if let Some(contender) = self.election.as_mut().and_then(|all| all.of(process)) {
            contender.state = State::Asleep(controller, version);
            contender.next = now + how_long;
        }
    }

    /// Lets the Lease go, once nothing is written any more.
    fn stop_leader(&mut self) {
        self.begin_trouble();
        self.controller = None;
        let process = self.process;
        let lease = self.cluster.get(kinds::LEASES, NAMESPACE, &lock());
        if let Some(lease) = lease.cloned() {
            let mut lease = (*lease).clone();
            let claim = Claim::of_lease(&lease);
            claim.released(self.now).put_into(&mut lease);
            self.write_lease(process, Some(lease));
        }
        self.end(process);
    }

    fn end(&mut self, process: u32) {
        let at = self.now + RESTART;
        self.outside.monitor.forget_process(process);
        if let Some(contender) = self.election.as_mut().and_then(|all| all.of(process)) {
            contender.state = State::Gone;
            contender.next = at;
        }
    }

    fn turn_of(&mut self, process: u32) {
        let now = self.now;
        let Some(contender) = self.election.as_mut().and_then(|all| all.of(process)) else {
            return;
        };
        match std::mem::replace(&mut contender.state, State::Awake) {
            State::Awake => {}
            State::Asleep(controller, version) => self.wake_up(process, controller, version),
            State::Gone => {
                self.outside.processes += 1;
                *contender = Contender::new(self.outside.processes, now);
                let process = contender.process;
                self.line("again", || {
                    format!("controller {process} stands for election")
                });
                return self.look_at_lease(process);
            }
        }
        self.look_at_lease(process);
    }

    /// It goes on where it was, before it looks at the Lease: only its fence keeps it from writing. First it
    /// knows what it knew, then all that it can hear of by now.
    fn wake_up(&mut self, process: u32, controller: Box<Controller>, version: u64) {
        let leader = (self.controller.replace(controller), self.process);
        let fence = self.outside.fence;
        self.process = process;
        self.set_fence();
        self.line("leader", || format!("controller {process} wakes up"));
        for held_back in [Some(version), None] {
            for _ in 0..MOST_PASSES {
                self.dreams_of = held_back;
                if !self.pass() || self.controller.is_none() {
                    break;
                }
            }
        }
        self.dreams_of = None;
        let keeps = self.outside.fence.is_open(self.now);
        let woken = std::mem::replace(&mut self.controller, leader.0);
        self.process = leader.1;
        self.outside.fence = fence;
        if keeps {
            self.controller = woken;
            self.process = process;
            self.set_fence();
        }
    }

    /// Looks at the Lease and acts once.
    fn look_at_lease(&mut self, process: u32) {
        let monotonic = self.monotonic();
        let reachable = self.outside.faults.weather != Weather::Unavailable;
        let lease = self.cluster.get(kinds::LEASES, NAMESPACE, &lock());
        let lease = lease.map_or(Value::Null, |lease| (**lease).clone());
        let now = self.now;
        let Some(contender) = self.election.as_mut().and_then(|all| all.of(process)) else {
            return;
        };
        let mut knows = true;
        if contender.lease.is_none() {
            knows = reachable;
            if reachable {
                let claim = (!lease.is_null()).then(|| Claim::of_lease(&lease));
                if claim != contender.seen.claim {
                    contender.seen.since = monotonic;
                    contender.seen.claim = claim;
                }
                contender.lease = Some(lease);
            }
        }
        let candidate = contender.candidate();
        let claim = match leadership::next(&candidate, &contender.seen, monotonic, now) {
            Move::Lost => return self.lose_lease(process),
            Move::Follow => {
                contender.lease = None;
                None
            }
            Move::Create(_) | Move::Update(_) if !knows => None,
            Move::Create(claim) | Move::Update(claim) => Some(claim),
        };
        let Some(claim) = claim else {
            contender.next = now + contender.pause(monotonic);
            return;
        };
        let mut lease = contender.lease.take().unwrap_or_default();
        claim.put_into(&mut lease);
        let written = if reachable {
            self.write_lease(process, Some(lease))
        } else {
            None
        };
        self.learn_of_lease(process, written.map(|lease| (claim, lease)));
    }

    fn learn_of_lease(&mut self, process: u32, written: Option<(Claim, Value)>) {
        let (now, monotonic) = (self.now, self.monotonic());
        let Some(contender) = self.election.as_mut().and_then(|all| all.of(process)) else {
            return;
        };
        let is_first = contender.seen.renewed.is_none();
        let is_ours = written.is_some();
        if let Some((claim, lease)) = written {
            contender.lease = Some(lease);
            contender.seen = Seen {
                claim: Some(claim),
                since: monotonic,
                renewed: Some(monotonic),
            };
        }
        contender.next = now + contender.pause(monotonic);
        if is_ours && is_first {
            self.process = process;
            let version = self.cluster.version();
            self.outside.monitor.process_starts(process, version);
            self.controller = Some(Box::new(Controller::start(&self.cluster)));
            self.line("leader", || format!("controller {process} leads"));
        }
        if is_ours {
            self.set_fence();
        }
    }

    /// It led, and must not write any more: the process ends.
    fn lose_lease(&mut self, process: u32) {
        self.line("leader", || {
            format!("controller {process} ends, because its Lease is lost")
        });
        if self.process == process {
            self.controller = None;
            self.begin_trouble();
        }
        self.end(process);
    }

    /// The fence of the process at work.
    fn set_fence(&mut self) {
        let process = self.process;
        let contender = self.election.as_mut().and_then(|all| all.of(process));
        let renewed = contender
            .and_then(|one| one.seen.renewed)
            .unwrap_or_default();
        self.outside.fence = Fence::Until(self.begun + signed(renewed + TERMS.renew));
    }

    /// Makes or replaces the Lease; gives it as it is then, if that commits.
    fn write_lease(&mut self, process: u32, lease: Option<Value>) -> Option<Value> {
        let mut lease = lease?;
        let call = Call::new(self.now, lease::identity(process));
        let name = lock();
        let known = self.cluster.get(kinds::LEASES, NAMESPACE, &name).is_some();
        let written = if known {
            let target = Target::new(kinds::LEASES, NAMESPACE, &name);
            self.cluster.update(&call, &target, lease)
        } else {
            lease["apiVersion"] = json!(LEASES.api_version());
            lease["kind"] = json!(LEASES.kind);
            lease["metadata"] = json!({"name": name, "namespace": NAMESPACE});
            self.cluster.create(&call, kinds::LEASES, NAMESPACE, lease)
        };
        self.notice();
        written.ok().map(|lease| (*lease).clone())
    }

    /// The model has one clock, which never jumps.
    fn monotonic(&self) -> Duration {
        Duration::try_from(self.now.duration_since(self.begun)).unwrap_or_default()
    }
}

fn lock() -> String {
    leadership::lock_name("")
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
