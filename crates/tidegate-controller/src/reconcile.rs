//! The one loop for every kind: gate, observe, decide, run, status, wake.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::Value;
use tidegate_core::{
    contest::{self, Contested},
    freshness::{Freshness, Ledger, Outrun},
    observed::Objects,
    plan::{ObjectKey, Plan, Resource, Write},
    rollout,
    run::{Applied, Failure, Outcome, PlanRun, Step, Told},
};
use tidegate_integrations::{metrics::Environment, traffic};
use tokio::{
    sync::{Mutex, Semaphore},
    task::JoinSet,
    time::Instant,
};

use crate::{
    apply::{self, Door, Wanted},
    ask,
    clock::Clock,
    cluster::Cluster,
    metrics::Metrics,
    observe::Caches,
    primary::{self, Mesh},
    record::{About, Recorder},
    served::Served,
    server::Server,
    wake::Queue,
};

/// How long a pass waits for a cache that lags behind our own write.
const CACHE_LAG: Duration = Duration::from_millis(50);

/// Namespace and name.
pub(crate) type Name = (String, String);

/// What every pass needs.
pub(crate) struct Shell {
    pub(crate) server: Server,
    pub(crate) door: Door,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
    pub(crate) caches: Caches,
    pub(crate) recorder: Recorder,
    pub(crate) ledger: Mutex<Ledger>,
    /// The cluster in which Jobs run: that of the runs, unless the environment names another (MP-203).
    pub(crate) jobs: Cluster,
    pub(crate) mesh: Arc<Mesh>,
    pub(crate) http: ask::Asker,
    pub(crate) environment: Environment,
    /// As many answers of metric servers are read at once.
    pub(crate) judges: Semaphore,
    pub(crate) served: Served,
    /// As `ROLLOUT_VERIFY_RETRY_INTERVAL` says (TRF-27).
    pub(crate) verify_retry_seconds: Option<u32>,
}

/// What came of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The object is not there any more.
    Gone,
    /// To its end; when to look again at the latest.
    Done(Option<Timestamp>),
    /// To its end, but what it came to is still on its way; when to look again at the latest.
    Writing(Option<Timestamp>),
    /// Not to its end: again soon, later each time.
    Failed(Option<Timestamp>),
    /// The server is busy: again no earlier than it asks.
    Busy(Duration),
    /// What was observed is older than what was written: again when the caches have caught up.
    Behind,
    /// Somebody else was faster: again after this time, or as soon as there is news.
    Outrun(Duration),
    /// What it needs is still being listed: again after this time. That is no failure.
    NotYet(Duration),
}

impl Verdict {
    /// The same, where something that came before is still on its way.
    pub(crate) fn while_writing(self) -> Self {
        if let Self::Done(wake) = self {
            Self::Writing(wake)
        } else {
            self
        }
    }
}

/// A kind that is reconciled.
pub(crate) trait Kind: Send + Sync + 'static {
    /// How long a pass keeps its worker to itself; for ever if `None`. One that takes longer goes on beside
    /// the others: whoever waits for a server that hangs keeps nobody from theirs.
    const PATIENCE: Option<Duration> = None;
    /// The kind.
    fn resource(&self) -> Resource;
    /// One pass over one object.
    fn pass(&self, shell: &Arc<Shell>, name: &Name) -> impl Future<Output = Verdict> + Send;
    /// Whether a pass knows its own writes before the caches do.
    fn is_ahead(&self, _owner: &ObjectKey) -> bool {
        false
    }
    /// Waits for what passes have left to be done.
    fn ends(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// Works on a queue until it is closed.
pub(crate) async fn work<K: Kind>(shell: Arc<Shell>, kind: Arc<K>, queue: Arc<Queue<Name>>) {
    let mut aside = JoinSet::new();
    while let Some(name) = queue.next().await {
        let turn = (Arc::clone(&shell), Arc::clone(&kind), Arc::clone(&queue));
        let mut work = Box::pin(work_on(turn, name));
        match K::PATIENCE {
            None => work.await,
            Some(patience) => {
                if tokio::time::timeout(patience, &mut work).await.is_err() {
                    aside.spawn(work);
                }
            }
        }
        while aside.try_join_next().is_some() {}
    }
    while aside.join_next().await.is_some() {}
    kind.ends().await;
}

/// One key, until the queue knows when it is to be looked at again.
async fn work_on<K: Kind>(
    (shell, kind, queue): (Arc<Shell>, Arc<K>, Arc<Queue<Name>>),
    name: Name,
) {
    let owner = ObjectKey::new(kind.resource(), &name.0, &name.1);
    let fresh = if kind.is_ahead(&owner) {
        Freshness::Fresh
    } else {
        shell.ledger.lock().await.check(&owner, &shell.caches)
    };
    let verdict = match fresh {
        Freshness::Fresh => measured_pass(&shell, &kind, (&name, &owner)).await,
        Freshness::Behind(resource) => {
            tracing::debug!(object = %owner, kind = %resource.kind, "the cache lags behind our own write");
            Verdict::Behind
        }
    };
    let wake = |at: Option<Timestamp>| at.map(|at| shell.clock.wake(at));
    match verdict {
        Verdict::Gone => {
            shell.ledger.lock().await.forget(&owner);
            queue.done(&name, None);
        }
        Verdict::Done(at) => {
            shell.ledger.lock().await.settled(&owner);
            queue.done(&name, wake(at));
        }
        Verdict::Writing(at) => queue.handed_over(&name, wake(at)),
        Verdict::Failed(at) => {
            shell.ledger.lock().await.settled(&owner);
            queue.failed(&name, wake(at), Duration::ZERO);
        }
        Verdict::Busy(delay) => {
            shell.ledger.lock().await.settled(&owner);
            queue.failed(&name, None, delay);
        }
        Verdict::Behind => queue.postpone(&name, CACHE_LAG),
        Verdict::Outrun(delay) => queue.outrun(&name, delay),
        Verdict::NotYet(delay) => queue.postpone(&name, delay),
    }
}

/// A pass, counted and timed.
async fn measured_pass<K: Kind>(
    shell: &Arc<Shell>,
    kind: &Arc<K>,
    (name, owner): (&Name, &ObjectKey),
) -> Verdict {
    let begun = Instant::now();
    let verdict = guarded_pass(shell, kind, name).await;
    match verdict {
        Verdict::Gone => shell.metrics.gone(owner),
        Verdict::Done(_) | Verdict::Writing(_) => shell.metrics.passed(owner, begun.elapsed()),
        Verdict::Failed(_) | Verdict::Busy(_) | Verdict::Outrun(_) => {
            shell.metrics.passed(owner, begun.elapsed());
            shell.metrics.failed(owner);
        }
        Verdict::Behind | Verdict::NotYet(_) => {}
    }
    verdict
}

/// A pass in a task of its own: a panic ends that pass and nothing else.
async fn guarded_pass<K: Kind>(shell: &Arc<Shell>, kind: &Arc<K>, name: &Name) -> Verdict {
    let pass = {
        let (shell, kind, name) = (Arc::clone(shell), Arc::clone(kind), name.clone());
        tokio::spawn(async move { kind.pass(&shell, &name).await })
    };
    pass.await.unwrap_or_else(|error| {
        tracing::error!(namespace = %name.0, name = %name.1, %error, "a pass panicked");
        Verdict::Failed(None)
    })
}

impl Shell {
    /// Carries out a plan's effects. Events go out as their writes commit.
    pub(crate) async fn carry_out(
        &self,
        about: &Arc<About>,
        plan: &Plan,
        objects: &Objects,
    ) -> Applied {
        let number = self.mesh.number();
        let mut run = PlanRun::new(plan);
        self.ledger.lock().await.contests.begin(&about.key, plan);
        loop {
            if let Some(doubt) = self.doubt(about).await {
                run.doubt(doubt);
            }
            let Some(step) = run.next_step() else { break };
            match step {
                Step::Write(write) => run.record(self.send_in_turn(about, &write).await),
                Step::Route(route) => run.expand(traffic::phrase(&route, objects)),
                Step::Look(key) => {
                    let live = ask::value(&self.server, &key).await;
                    if let Some(look) = run.looked(live) {
                        self.ledger.lock().await.changed(&look.key, look.version);
                    }
                }
            }
            self.recorder.record(about, run.take_events());
        }
        let applied = run.finish();
        self.remember(&about.key, applied.versions(), number).await;
        applied
    }

    /// Which field may be taken back again at any time, of those that were written.
    async fn doubt(&self, about: &About) -> Option<Contested> {
        let ledger = self.ledger.lock().await;
        ledger.contests.doubt(&about.key, self.clock.now())
    }

    /// Sends one write of a plan, unless somebody takes it back each time and its time has not come (S2-11).
    async fn send_in_turn(&self, about: &Arc<About>, write: &Write) -> Outcome {
        let now = self.clock.now();
        let turn = self
            .ledger
            .lock()
            .await
            .contests
            .turn(&about.key, write, now);
        if let Some(turn) = turn {
            if turn.news {
                let live = self.live(&write.target).await;
                let event = contest::told(write, live.as_ref(), &turn);
                self.recorder.record(about, vec![event]);
            }
            if now < turn.at {
                let contested = Contested {
                    target: write.target.clone(),
                    until: turn.at,
                };
                return Outcome::Failed(Failure::Contested(Box::new(contested)));
            }
        }
        let outcome = self.send(write).await;
        let told = self.mesh.told(write, &outcome);
        self.recorder.record(about, told.into_iter().collect());
        let mut ledger = self.ledger.lock().await;
        ledger.contests.record(&about.key, (write, &outcome), now);
        ledger.learn(&about.key, write, &outcome);
        outcome
    }

    /// The cluster in which objects of a kind are; why nobody knows, if so.
    pub(crate) fn server_of(&self, resource: &Resource) -> Result<Server, String> {
        if primary::is_of_mesh(resource) {
            return self.mesh.server();
        }
        Ok(self.server.clone())
    }

    /// An object with its `managedFields`, which caches do not keep.
    async fn live(&self, target: &ObjectKey) -> Option<Value> {
        let key = ObjectKey {
            resource: self.served.resource(&target.resource),
            ..target.clone()
        };
        let server = self.server_of(&target.resource).ok()?;
        match ask::value(&server, &key).await {
            Ok(live) => Some(live),
            Err(failure) => {
                tracing::warn!(object = %key, ?failure, "cannot tell who takes it back");
                None
            }
        }
    }

    /// Sends one write and says so in the log.
    pub(crate) async fn send(&self, write: &Write) -> Outcome {
        let served = self.served.write(write);
        let outcome = if primary::is_of_mesh(&write.target.resource) {
            self.mesh.send(&served).await
        } else {
            apply::send(&self.door, &served, Wanted::Version).await
        };
        match &outcome {
            Outcome::Done(_) => {
                tracing::info!(object = %write.target, verb = ?write.verb, because = %write.reason, "written");
            }
            Outcome::Failed(failure) => {
                tracing::warn!(object = %write.target, verb = ?write.verb, ?failure, "not written");
            }
        }
        outcome
    }

    /// Sends a write that stands alone, remembering its version for the gate.
    pub(crate) async fn send_alone(&self, about: &Arc<About>, write: &Write) -> Outcome {
        let number = self.mesh.number();
        let outcome = self.send(write).await;
        self.ledger.lock().await.learn(&about.key, write, &outcome);
        if let Outcome::Done(object) = &outcome {
            let version = object
                .pointer("/metadata/resourceVersion")
                .and_then(Value::as_str);
            if let Some(version) = version {
                let written = [(write.target.clone(), version.to_owned())];
                self.remember(&about.key, &written, number).await;
            }
        }
        outcome
    }

    /// Sends a write that is all that a pass does; without one there is nothing to do.
    pub(crate) async fn send_if_any(&self, about: &Arc<About>, write: Option<Write>) -> Verdict {
        let Some(write) = write else {
            return Verdict::Done(None);
        };
        match self.send_alone(about, &write).await {
            Outcome::Done(_) => Verdict::Done(None),
            Outcome::Failed(failure) => self.after(&about.key, &failure, None).await,
        }
    }

    /// Some failures are the user's to mend: then events and the status say so.
    pub(crate) async fn tell(
        &self,
        about: &Arc<About>,
        told: Told,
        (outrun, wake): (Option<Outrun>, Option<Timestamp>),
    ) -> Verdict {
        if let Some(resource) = &told.unseen {
            self.caches.workloads.want(resource);
        }
        if let Some(write) = &told.write
            && let Outcome::Failed(failure) = self.send_alone(about, write).await
        {
            if matches!(failure, Failure::Refused(_)) {
                // The status will not say it, so the events do.
                self.recorder.record(about, told.events);
                let refused = rollout::told_of_status(write, &failure);
                self.recorder.record(about, refused);
            }
            return self.after(&about.key, &failure, wake).await;
        }
        self.recorder.record(about, told.events);
        next_look(outrun, None, wake)
    }

    /// Notes a failure of a pass: whether the pass was outrun, and if so how often in a row.
    pub(crate) async fn outrun(&self, owner: &ObjectKey, failure: &Failure) -> Option<Outrun> {
        let outrun = self.ledger.lock().await.outrun(owner, failure)?;
        if outrun.is_lasting() {
            tracing::warn!(object = %owner, ?failure, times = outrun.times, "somebody else was faster again");
        }
        Some(outrun)
    }

    /// How long to wait if an owner is another one by now than the one that was observed, as a conflict has told.
    /// Where no news has explained it, the owner itself is looked at.
    pub(crate) async fn outdated(&self, about: &About) -> Option<Verdict> {
        let version = about.resource_version.as_str();
        if !self.ledger.lock().await.is_outdated(&about.key, version) {
            return None;
        }
        let live = ask::value(&self.server, &about.key).await;
        let mut ledger = self.ledger.lock().await;
        let same = ledger.is_the_same(&about.key, version, &live);
        drop(ledger);
        if same {
            return None;
        }
        Some(self.after(&about.key, &Failure::Conflict, None).await)
    }

    /// What a failure means for the next look.
    pub(crate) async fn after(
        &self,
        owner: &ObjectKey,
        failure: &Failure,
        wake: Option<Timestamp>,
    ) -> Verdict {
        let outrun = self.outrun(owner, failure).await;
        next_look(outrun, failure.retry_after(), wake)
    }

    /// Notes what was written while Istio's objects were at the place of this number: if that has changed
    /// meanwhile, a version of the place before would be waited for in vain.
    async fn remember(&self, owner: &ObjectKey, versions: &[(ObjectKey, String)], number: u64) {
        let mut ledger = self.ledger.lock().await;
        let stays = self.mesh.number() == number;
        for (key, version) in versions {
            if stays || !primary::is_of_mesh(&key.resource) {
                ledger.record(owner, &key.resource, version);
                self.caches.expect(key, version);
            }
        }
    }
}

/// When to look again at what somebody takes back: no sooner than it may be written or relied upon, unless
/// something else is to be done.
pub(crate) fn look_at_contested(contested: &Contested, wake: Option<Timestamp>) -> Verdict {
    let until = contested.until;
    Verdict::Done(Some(wake.map_or(until, |wake| wake.min(until))))
}

/// When to look again after a failure.
pub(crate) fn next_look(
    outrun: Option<Outrun>,
    retry_after: Option<Duration>,
    wake: Option<Timestamp>,
) -> Verdict {
    match (outrun, retry_after) {
        (Some(outrun), _) => Verdict::Outrun(outrun.delay().unsigned_abs()),
        (None, Some(delay)) => Verdict::Busy(delay),
        (None, None) => Verdict::Failed(wake),
    }
}
