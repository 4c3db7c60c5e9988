//! Measurements ahead of what is written of them: a run whose status is on its way to a slow server is measured on,
//! and what comes meanwhile goes with the next write. Who dies has measured for nothing, as between a measurement
//! and its write at all times.

use std::collections::BTreeMap;

use tidegate_api::{
    analysis::{AnalysisRun, AnalysisRunStatus},
    meta::ObjectMeta,
};

use super::{Concluded, conclude::write, key};
use crate::plan::{Event, ObjectKey, Write};

/// A write, and what is told once it stands.
pub type Sent = (Write, Vec<Event>);

/// The statuses that are on their way. `V` says what it means for the next look that one did not arrive.
#[derive(Clone, Debug)]
pub struct Flights<V> {
    by_run: BTreeMap<ObjectKey, Flight<V>>,
}

#[derive(Clone, Debug)]
enum Flight<V> {
    UnderWay(Box<Ahead>),
    /// It has arrived, but a pass that has begun before does not know that.
    Stands(Box<Ahead>),
    /// It has not arrived.
    Failed(V),
}

/// What is known of a run.
#[derive(Clone, Debug)]
struct Ahead {
    /// As of what was written last.
    metadata: ObjectMeta,
    sent: AnalysisRunStatus,
    next: AnalysisRunStatus,
    /// What is told once `next` stands.
    events: Vec<Event>,
}

/// How to look at a run.
#[derive(Debug)]
pub enum Sight<V> {
    /// As it was observed.
    Observed,
    /// As it will be: what is asked of it as observed, and everything that was measured.
    Ahead(Box<AnalysisRun>),
    /// Not now, for its last status did not arrive.
    Failed(V),
}

/// What becomes of what a pass has come to.
#[derive(Debug)]
pub enum Handed<V> {
    /// It changes nothing; this is to be told.
    Nothing(Vec<Event>),
    /// It is to be sent.
    Send(Box<Sent>),
    /// It goes with the next write.
    Later,
    /// It rests on what did not arrive: nothing.
    Failed(V),
}

impl<V> Default for Flights<V> {
    fn default() -> Self {
        Self {
            by_run: BTreeMap::new(),
        }
    }
}

impl<V: Copy> Flights<V> {
    /// How to look at a run that was observed. A failure is told once.
    pub fn see(&mut self, observed: &AnalysisRun) -> Sight<V> {
        let key = key(&observed.metadata);
        match self.by_run.get(&key) {
            Some(Flight::UnderWay(ahead)) if ahead.is_of(&observed.metadata.uid) => {
                return Sight::Ahead(Box::new(ahead.over(observed)));
            }
            Some(Flight::Stands(ahead)) if ahead.is_newer_than(&observed.metadata) => {
                return Sight::Ahead(Box::new(ahead.over(observed)));
            }
            Some(Flight::Failed(verdict)) => {
                let verdict = *verdict;
                self.by_run.remove(&key);
                return Sight::Failed(verdict);
            }
            Some(Flight::UnderWay(_) | Flight::Stands(_)) | None => {}
        }
        self.by_run.remove(&key);
        Sight::Observed
    }

    /// Takes what a pass over a run, as it saw it, has come to.
    pub fn hand_over(&mut self, run: &AnalysisRun, concluded: Concluded) -> Handed<V> {
        let (Some(status), Some(write)) = (concluded.status, concluded.write) else {
            return Handed::Nothing(concluded.events);
        };
        let key = key(&run.metadata);
        match self.by_run.remove(&key) {
            Some(Flight::UnderWay(mut ahead)) if ahead.is_of(&run.metadata.uid) => {
                ahead.add(*status, concluded.events);
                self.by_run.insert(key, Flight::UnderWay(ahead));
                Handed::Later
            }
            Some(Flight::Stands(mut ahead)) if ahead.is_of(&run.metadata.uid) => {
                ahead.add(*status, concluded.events);
                let sent = ahead.send();
                self.by_run.insert(key, Flight::UnderWay(ahead));
                sent.map_or(Handed::Nothing(Vec::new()), |sent| {
                    Handed::Send(Box::new(sent))
                })
            }
            Some(Flight::Failed(verdict)) => Handed::Failed(verdict),
            Some(Flight::UnderWay(_) | Flight::Stands(_)) | None => {
                let ahead = Ahead::new(run, *status);
                self.by_run.insert(key, Flight::UnderWay(Box::new(ahead)));
                Handed::Send(Box::new((write, concluded.events)))
            }
        }
    }

    /// What was sent of this run stands, at this version: what is to be sent now, if more was measured meanwhile.
    pub fn stands(&mut self, (run, uid): (&ObjectKey, &str), version: &str) -> Option<Sent> {
        let flight = self.by_run.remove(run)?;
        let (flight, more) = match flight {
            Flight::UnderWay(mut ahead) if ahead.is_of(uid) => {
                version.clone_into(&mut ahead.metadata.resource_version);
                match ahead.send() {
                    Some(more) => (Flight::UnderWay(ahead), Some(more)),
                    None => (Flight::Stands(ahead), None),
                }
            }
            other @ (Flight::UnderWay(_) | Flight::Stands(_) | Flight::Failed(_)) => (other, None),
        };
        self.by_run.insert(run.clone(), flight);
        more
    }

    /// What was sent of this run did not arrive: everything that was measured since is forgotten with it.
    pub fn failed(&mut self, (run, uid): (&ObjectKey, &str), verdict: V) {
        if let Some(flight) = self.by_run.get_mut(run)
            && matches!(flight, Flight::UnderWay(ahead) if ahead.is_of(uid))
        {
            *flight = Flight::Failed(verdict);
        }
    }

    /// Whether more is known of a run than what a watch has told: then a pass need not wait for the watch.
    pub fn is_ahead(&self, run: &ObjectKey) -> bool {
        let flight = self.by_run.get(run);
        matches!(flight, Some(Flight::UnderWay(_) | Flight::Stands(_)))
    }

    /// Nothing is known any more of a run.
    pub fn forget(&mut self, run: &ObjectKey) {
        self.by_run.remove(run);
    }

    /// Whether nothing is on its way, and nothing has failed.
    pub fn is_calm(&self) -> bool {
        let mut flights = self.by_run.values();
        flights.all(|flight| matches!(flight, Flight::Stands(_)))
    }
}

impl Ahead {
    fn new(run: &AnalysisRun, sent: AnalysisRunStatus) -> Self {
        Self {
            metadata: run.metadata.clone(),
            next: sent.clone(),
            sent,
            events: Vec::new(),
        }
    }

    /// Whether it is about this run, and not about one that had its name before.
    fn is_of(&self, uid: &str) -> bool {
        self.metadata.uid == uid
    }

    /// Whether what stands was written after what was observed: it may have arrived since that was found to be fresh.
    fn is_newer_than(&self, observed: &ObjectMeta) -> bool {
        let version = |run: &ObjectMeta| run.resource_version.parse::<u64>().ok();
        self.is_of(&observed.uid) && version(&self.metadata) > version(observed)
    }

    fn over(&self, observed: &AnalysisRun) -> AnalysisRun {
        AnalysisRun {
            status: self.next.clone(),
            ..observed.clone()
        }
    }

    fn add(&mut self, status: AnalysisRunStatus, events: Vec<Event>) {
        self.next = status;
        self.events.extend(events);
    }

    fn send(&mut self) -> Option<Sent> {
        let write = write(&self.metadata, &self.sent, &self.next)?;
        self.sent.clone_from(&self.next);
        Some((write, std::mem::take(&mut self.events)))
    }
}
