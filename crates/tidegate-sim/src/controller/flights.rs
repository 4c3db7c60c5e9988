//! Statuses of AnalysisRuns on their way to a slow API server; as in the shell, with instants in place of tasks.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use tidegate_core::analysis_run::{
    Concluded,
    ahead::{self, Handed, Sent},
    unreadable,
};

use super::{AnalysisRun, Controller, Died, Outcome, Surroundings, Verdict, key_of, shelf::Broken};
use crate::{cluster::Locator, cluster::kinds, digest::Digest};

/// What is known of runs, and what is on its way.
#[derive(Clone, Debug, Default)]
pub(super) struct Flights {
    pub(super) runs: ahead::Flights<Verdict>,
    landing: BTreeMap<Locator, Landing>,
}

#[derive(Clone, Debug)]
struct Landing {
    at: Timestamp,
    uid: String,
    sent: Sent,
}

impl Flights {
    /// Whether nothing is on its way.
    pub(super) fn is_calm(&self) -> bool {
        self.landing.is_empty() && self.runs.is_calm()
    }

    /// When the next one arrives.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.landing.values().map(|landing| landing.at).min()
    }

    /// Which one has arrived.
    pub(super) fn arrived(&self, now: Timestamp) -> Option<Locator> {
        let mut landing = self.landing.iter();
        let (object, _) = landing.find(|(_, landing)| landing.at <= now)?;
        Some(object.clone())
    }

    /// Everything that its future depends on.
    pub(super) fn digest(&self, digest: &mut Digest) {
        for (object, landing) in &self.landing {
            digest.text(&object.name);
            digest.instant(landing.at);
            digest.text(&landing.sent.0.body.to_string());
        }
        if !self.landing.is_empty() {
            digest.text(&format!("{:?}", self.runs));
        }
    }
}

impl Controller {
    /// A pass over a run.
    ///
    /// # Errors
    /// When the controller dies over it.
    pub(super) fn look_at_run(
        &mut self,
        around: &mut impl Surroundings,
        object: &Locator,
    ) -> Result<Verdict, Died> {
        let runs = &self.caches.analysis_runs;
        match runs.get(&object.namespace, &object.name).cloned() {
            Some(Ok(run)) => self.look_ahead(around, &run),
            Some(Err(broken)) => {
                let Broken {
                    metadata,
                    status,
                    error,
                } = &*broken;
                let concluded = unreadable::conclude(metadata, status, error, around.now());
                self.conclude(around, &key_of(object), concluded)
            }
            None => {
                self.flights.runs.forget(&key_of(object));
                self.ledger.forget(&key_of(object));
                Ok(Verdict::Done(None))
            }
        }
    }

    /// A pass over a run, as it was observed or as it will be.
    fn look_ahead(
        &mut self,
        around: &mut impl Surroundings,
        observed: &AnalysisRun,
    ) -> Result<Verdict, Died> {
        let verdict = match self.flights.runs.see(observed) {
            ahead::Sight::Observed => return self.measure(around, observed),
            ahead::Sight::Ahead(run) => self.measure(around, &run)?,
            ahead::Sight::Failed(verdict) => verdict,
        };
        Ok(if let Verdict::Done(wake) = verdict {
            Verdict::Writing(wake)
        } else {
            verdict
        })
    }

    /// Takes what a pass over a run has come to.
    ///
    /// # Errors
    /// When the controller dies over it.
    pub(super) fn hand_over(
        &mut self,
        around: &mut impl Surroundings,
        run: &AnalysisRun,
        concluded: Concluded,
    ) -> Result<Verdict, Died> {
        let metadata = &run.metadata;
        let object = Locator::new(kinds::ANALYSIS_RUNS, &metadata.namespace, &metadata.name);
        let wake = concluded.wake.as_ref().map(|wake| wake.at);
        match self.flights.runs.hand_over(run, concluded) {
            Handed::Nothing(events) => {
                around.tell(&key_of(&object), events);
                Ok(Verdict::Done(wake))
            }
            Handed::Later => Ok(Verdict::Writing(wake)),
            Handed::Send(sent) => {
                self.launch(around, &object, (metadata.uid.clone(), *sent));
                if self.flights.arrived(around.now()) != Some(object.clone()) {
                    return Ok(Verdict::Writing(wake));
                }
                Ok(match self.land(around, &object, wake)? {
                    None => Verdict::Done(wake),
                    Some(verdict) => {
                        self.flights.runs.forget(&key_of(&object));
                        verdict
                    }
                })
            }
            Handed::Failed(verdict) => Ok(verdict),
        }
    }

    fn launch(
        &mut self,
        around: &impl Surroundings,
        object: &Locator,
        (uid, sent): (String, Sent),
    ) {
        let at = around.now() + around.slowness();
        let landing = Landing { at, uid, sent };
        self.flights.landing.insert(object.clone(), landing);
    }

    /// One has arrived.
    ///
    /// # Errors
    /// When the controller dies over it.
    pub(super) fn arrive(
        &mut self,
        around: &mut impl Surroundings,
        object: &Locator,
    ) -> Result<(), Died> {
        if let Some(uid) = self.flights.landing.get(object).map(|one| one.uid.clone())
            && let Some(verdict) = self.land(around, object, None)?
        {
            let run = key_of(object);
            self.flights.runs.failed((&run, &uid), verdict);
            self.queue.add(object.clone());
        }
        Ok(())
    }

    /// Writes what has arrived, and sends what was measured meanwhile; what it means if it failed.
    fn land(
        &mut self,
        around: &mut impl Surroundings,
        object: &Locator,
        wake: Option<Timestamp>,
    ) -> Result<Option<Verdict>, Died> {
        let Some(Landing { uid, sent, .. }) = self.flights.landing.remove(object) else {
            return Ok(None);
        };
        let (about, (write, events)) = (key_of(object), sent);
        let written = match self.send_alone(around, &about, &write)? {
            Outcome::Done(written) => written,
            Outcome::Failed(failure) => return Ok(Some(self.after(&about, &failure, wake))),
        };
        around.tell(&about, events);
        let version = written
            .pointer("/metadata/resourceVersion")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if let Some(more) = self.flights.runs.stands((&about, &uid), version) {
            self.launch(around, object, (uid, more));
        } else {
            self.ledger.settled(&about);
            self.queue.settled(object);
        }
        Ok(None)
    }
}
