//! Statuses on their way: a slow API server keeps no run from being measured at its time.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tidegate_api::analysis::AnalysisRun;
use tidegate_core::{
    analysis_run::{
        Concluded,
        ahead::{self, Handed, Sent, Sight},
    },
    plan::ObjectKey,
    run::Outcome,
};
use tokio_util::task::TaskTracker;

use crate::{
    reconcile::{Name, Shell, Verdict},
    record::About,
    wake::Queue,
};

/// Sends statuses while their runs are measured on.
#[derive(Debug)]
pub(super) struct Flights {
    queue: Arc<Queue<Name>>,
    under_way: Mutex<ahead::Flights<Verdict>>,
    tasks: TaskTracker,
}

impl Flights {
    pub(super) fn new(queue: Arc<Queue<Name>>) -> Self {
        Self {
            queue,
            under_way: Mutex::default(),
            tasks: TaskTracker::new(),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut ahead::Flights<Verdict>) -> T) -> T {
        let mut under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        act(&mut under_way)
    }

    /// How to look at a run.
    pub(super) fn see(&self, observed: &AnalysisRun) -> Sight<Verdict> {
        self.with(|under_way| under_way.see(observed))
    }

    /// Whether more is known of a run than what a watch has told.
    pub(super) fn is_ahead(&self, run: &ObjectKey) -> bool {
        self.with(|under_way| under_way.is_ahead(run))
    }

    /// Nothing is known any more of a run.
    pub(super) fn forget(&self, run: &ObjectKey) {
        self.with(|under_way| under_way.forget(run));
    }

    /// Takes what a pass over a run has come to: it is looked at again at its time, whether that has arrived by then
    /// or not.
    pub(super) fn hand_over(
        self: &Arc<Self>,
        (shell, about): (&Arc<Shell>, Arc<About>),
        run: &AnalysisRun,
        concluded: Concluded,
    ) -> Verdict {
        let wake = concluded.wake.as_ref().map(|wake| wake.at);
        match self.with(|under_way| under_way.hand_over(run, concluded)) {
            Handed::Nothing(events) => {
                shell.recorder.record(&about, events);
                Verdict::Done(wake)
            }
            Handed::Later => Verdict::Writing(wake),
            Handed::Send(sent) => {
                self.begin((shell, about), *sent);
                Verdict::Writing(wake)
            }
            Handed::Failed(verdict) => verdict,
        }
    }

    fn begin(self: &Arc<Self>, (shell, about): (&Arc<Shell>, Arc<About>), sent: Sent) {
        let all = {
            let (flights, shell, about) = (Arc::clone(self), Arc::clone(shell), Arc::clone(&about));
            async move { flights.send(&shell, &about, sent).await }
        };
        let flights = Arc::clone(self);
        self.tasks.spawn(async move {
            // In a task of its own: a panic ends that one and nothing else.
            let failed = tokio::spawn(all).await.unwrap_or_else(|error| {
                tracing::error!(object = %about.key, %error, "writing a status panicked");
                Some(Verdict::Failed(None))
            });
            let name = (about.key.namespace.clone(), about.key.name.clone());
            match failed {
                None => flights.queue.settled(&name),
                Some(verdict) => {
                    let run = (&about.key, about.uid.as_str());
                    flights.with(|under_way| under_way.failed(run, verdict));
                    flights.queue.add(name);
                }
            }
        });
    }

    /// Sends one write after the other until everything that was measured stands, or one fails.
    async fn send(&self, shell: &Shell, about: &Arc<About>, first: Sent) -> Option<Verdict> {
        let mut next = Some(first);
        while let Some((write, events)) = next {
            let object = match shell.send_alone(about, &write).await {
                Outcome::Done(object) => object,
                Outcome::Failed(failure) => {
                    return Some(shell.after(&about.key, &failure, None).await);
                }
            };
            shell.recorder.record(about, events);
            let version = object
                .pointer("/metadata/resourceVersion")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let run = (&about.key, about.uid.as_str());
            next = self.with(|under_way| under_way.stands(run, version));
        }
        shell.ledger.lock().await.settled(&about.key);
        None
    }

    /// Waits until nothing is under way any more.
    pub(super) async fn arrived(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
