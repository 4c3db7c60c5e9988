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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RUN: &str = "uid";

    fn run(version: &str, count: i32) -> AnalysisRun {
        serde_json::from_value(json!({
            "metadata": {"name": "r", "namespace": "n", "uid": RUN, "resourceVersion": version},
            "spec": {"metrics": []},
            "status": {"metricResults": [{"name": "m", "phase": "Running", "count": count}]},
        }))
        .unwrap()
    }

    /// What a pass comes to that has seen a run like this and measured once more.
    fn measured(run: &AnalysisRun) -> Concluded {
        let mut status = run.status.clone();
        status.metric_results[0].count += 1;
        let event = Event::normal("Measured", status.metric_results[0].count.to_string());
        Concluded {
            write: write(&run.metadata, &run.status, &status),
            status: Some(Box::new(status)),
            events: vec![event],
            ..Concluded::default()
        }
    }

    fn ahead(flights: &mut Flights<u8>, observed: &AnalysisRun) -> AnalysisRun {
        match flights.see(observed) {
            Sight::Ahead(run) => *run,
            other @ (Sight::Observed | Sight::Failed(_)) => panic!("{other:?}"),
        }
    }

    fn sent(handed: Handed<u8>) -> Sent {
        match handed {
            Handed::Send(sent) => *sent,
            other @ (Handed::Nothing(_) | Handed::Later | Handed::Failed(_)) => panic!("{other:?}"),
        }
    }

    fn count(sent: &Sent) -> &serde_json::Value {
        &sent.0.body["status"]["metricResults"][0]["count"]
    }

    /// Two measurements under way: the first is sent, the second waits for it.
    fn two_measured() -> (Flights<u8>, AnalysisRun) {
        let (mut flights, observed) = (Flights::default(), run("1", 0));
        assert!(matches!(flights.see(&observed), Sight::Observed));
        let first = sent(flights.hand_over(&observed, measured(&observed)));
        assert_eq!((count(&first), first.1.len()), (&json!(1), 1));
        let once = ahead(&mut flights, &observed);
        assert_eq!(once.status.metric_results[0].count, 1);
        let handed = flights.hand_over(&once, measured(&once));
        assert!(matches!(handed, Handed::Later));
        (flights, observed)
    }

    #[test]
    fn what_is_measured_meanwhile_goes_with_the_next_write() {
        let (mut flights, observed) = two_measured();
        let key = key(&observed.metadata);
        let second = flights.stands((&key, RUN), "2").unwrap();
        assert_eq!((count(&second), second.1.len()), (&json!(2), 1));
        assert_eq!(
            second.0.guard,
            crate::analysis_run::guard(&run("2", 0).metadata)
        );
        assert!(flights.stands((&key, RUN), "3").is_none());
        assert!(flights.is_calm());
    }

    /// A watch lags: what stands is known before it is seen.
    #[test]
    fn what_stands_is_known_until_it_is_observed() {
        let (mut flights, observed) = two_measured();
        let key = key(&observed.metadata);
        flights.stands((&key, RUN), "2");
        flights.stands((&key, RUN), "10");
        for version in ["1", "2", "9"] {
            let known = ahead(&mut flights, &run(version, 1));
            assert_eq!(known.status.metric_results[0].count, 2, "{version}");
            assert!(flights.is_ahead(&key));
        }
        assert!(matches!(flights.see(&run("10", 2)), Sight::Observed));
        assert!(!flights.is_ahead(&key));
    }

    /// A pass that began while a status was on its way, and ended when it stood.
    #[test]
    fn what_was_measured_on_the_way_is_sent_once_it_stands() {
        let (mut flights, observed) = two_measured();
        let key = key(&observed.metadata);
        let twice = ahead(&mut flights, &observed);
        flights.stands((&key, RUN), "2");
        flights.stands((&key, RUN), "3");
        let third = sent(flights.hand_over(&twice, measured(&twice)));
        assert_eq!(count(&third), &json!(3));
        assert_eq!(
            third.0.guard,
            crate::analysis_run::guard(&run("3", 0).metadata)
        );
    }

    #[test]
    fn what_rests_on_a_failure_is_forgotten() {
        let (mut flights, observed) = two_measured();
        let key = key(&observed.metadata);
        let twice = ahead(&mut flights, &observed);
        flights.failed((&key, "another"), 6);
        assert!(flights.is_ahead(&key), "it is not about this run");
        flights.failed((&key, RUN), 7);
        let handed = flights.hand_over(&twice, measured(&twice));
        assert!(matches!(handed, Handed::Failed(7)));
        assert!(matches!(flights.see(&observed), Sight::Observed));
        let again = sent(flights.hand_over(&observed, measured(&observed)));
        assert_eq!(count(&again), &json!(1));
        flights.failed((&key, RUN), 8);
        assert!(matches!(flights.see(&observed), Sight::Failed(8)));
        assert!(matches!(flights.see(&observed), Sight::Observed));
    }

    /// One that had its name before was deleted.
    #[test]
    fn another_run_of_the_same_name_is_another() {
        let (mut flights, observed) = two_measured();
        let key = key(&observed.metadata);
        let mut other = run("20", 0);
        "another".clone_into(&mut other.metadata.uid);
        assert!(matches!(flights.see(&other), Sight::Observed));
        sent(flights.hand_over(&other, measured(&other)));
        assert!(flights.stands((&key, RUN), "2").is_none());
        assert!(!flights.is_calm(), "that of the other is still on its way");
    }
}
