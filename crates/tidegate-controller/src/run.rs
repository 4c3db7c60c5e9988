//! Start, follow, lead, stop.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use kube::Client;
use tidegate_core::{freshness::Ledger, leadership::Candidate, plan::Resource};
use tidegate_integrations::metrics::{Environment, VARIABLES};
use tokio::{
    sync::{Mutex, Semaphore, oneshot, watch},
    task::{JoinHandle, JoinSet},
};

use crate::{
    admin::{self, Listener, Page},
    analysis_run::AnalysisRuns,
    apply::Door,
    args::Args,
    ask::{Asker, Egress, Rules},
    clock::Clock,
    cluster::Cluster,
    connection,
    experiment::Experiments,
    fence::Fence,
    jobs,
    leader::{self, Elector, Standing},
    metrics::Metrics,
    observe::{Caches, Tell},
    primary::{self, Mesh, Where},
    reconcile::{self, Shell},
    record::Recorder,
    rollout::{self, Rollouts},
    route::Queues,
    served::Served,
    server::Server,
    service::Services,
    watch::Change,
};

/// How long workers may take to end their passes when the controller stops.
const PATIENCE: Duration = Duration::from_secs(10);

/// Services that are looked at at once: seldom is one left behind.
const SERVICE_THREADS: usize = 2;

/// Answers of metric servers that are read at once: each may take a processor for a second or two, and a big one's
/// values take memory.
const JUDGES: usize = 2;

/// What surrounds a controller, besides its flags.
#[derive(Clone)]
pub struct Surroundings {
    /// The cluster.
    pub client: Client,
    /// The cluster in which Jobs of analyses run, if it is another one (MP-203).
    pub jobs: Option<Client>,
    /// Its time.
    pub clock: Clock,
    /// How metric providers are reached.
    pub egress: Egress,
    /// Learns where `/metrics` and `/healthz` are answered.
    pub listening: Option<watch::Sender<Option<Listening>>>,
    /// How often each kind is looked through for changes that were lost on their way, if not as usual.
    pub check_every: Option<Duration>,
}

/// Where a controller is asked about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    /// For `/metrics`.
    pub metrics: SocketAddr,
    /// For `/healthz`.
    pub healthz: SocketAddr,
}

impl Surroundings {
    /// The cluster that the flags, the environment or the pod's own account name.
    ///
    /// # Errors
    /// When none of them names a usable cluster.
    pub async fn from_args(args: &Args) -> anyhow::Result<Self> {
        Ok(Self {
            client: client(args).await?,
            jobs: jobs::client().await?,
            clock: Clock::wall(),
            egress: Egress::FromEnvironment,
            listening: None,
            check_every: None,
        })
    }
}

async fn client(args: &Args) -> anyhow::Result<Client> {
    let mut config = connection::config(&args.connection).await?;
    if args.username.is_some() {
        config.auth_info.username.clone_from(&args.username);
    }
    if let Some(password) = &args.password {
        config.auth_info.password = Some(password.clone().into());
    }
    if let Some(proxy) = &args.proxy_url {
        config.proxy_url = Some(proxy.parse().context("--proxy-url is no URL")?);
    }
    // A retry below our own bookkeeping would hide lost answers from the decision.
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

/// What a running controller consists of.
struct Parts {
    caches: Caches,
    queues: Queues,
    shell: Arc<Shell>,
    fence: Fence,
    /// Everything that ends with the process, whoever leads.
    tasks: Vec<JoinHandle<()>>,
}

/// Runs the controller until `stop` resolves, or until another one leads in its place.
///
/// # Errors
/// When a port cannot be bound or an HTTP client cannot be made.
pub async fn run(
    args: Args,
    surroundings: Surroundings,
    stop: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    for flag in &args.without_effect {
        tracing::warn!("{flag} is taken, and has no effect");
    }
    let mut parts = Parts::start(&args, &surroundings).await?;
    let (standing, release) = parts.stand(&args, surroundings.clock);
    tokio::pin!(stop);
    let ended = parts.work(&args, standing.clone(), stop.as_mut()).await;
    match ended {
        Ended::Stopped => tracing::info!("stopping"),
        Ended::Lost => tracing::error!("another controller may lead now: this one ends"),
    }
    parts.fence_after(standing, release).await;
    for task in parts.tasks {
        task.abort();
    }
    Ok(())
}

/// Why work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// Somebody asked for it.
    Stopped,
    /// The Lease was lost.
    Lost,
}

/// Lets go of the Lease, if there is an election.
type Release = Option<(oneshot::Sender<()>, JoinHandle<()>)>;

impl Parts {
    async fn start(args: &Args, surroundings: &Surroundings) -> anyhow::Result<Self> {
        let metrics = Arc::new(Metrics::default());
        let client = surroundings.client.clone();
        let connect = |client| {
            let server = Server::new(client, args.rate(), Arc::clone(&metrics));
            server.checked_every(surroundings.check_every)
        };
        let server = connect(client);
        let fence = if args.leader_elect {
            Fence::closed()
        } else {
            Fence::open()
        };
        let door = Door::new(server.clone(), fence.clone());
        let (caches, queues) = (Caches::new(), Queues::new());
        let rules = Rules::new(&args.metric_egress_allow, &args.metric_egress_deny);
        let recorder = Recorder::start(door.clone(), surroundings.clock, Arc::clone(&metrics));
        let tell = tell(&caches, &queues, (recorder.clone(), fence.clone()));
        let job_server = match &surroundings.jobs {
            Some(client) => connect(client.clone()),
            None => server.clone(),
        };
        let shell = Arc::new(Shell {
            jobs: Cluster::new(job_server, &fence),
            mesh: Mesh::new(Cluster::new(server.clone(), &fence)),
            recorder,
            server: server.clone(),
            door,
            metrics: Arc::clone(&metrics),
            clock: surroundings.clock,
            caches: caches.clone(),
            ledger: Mutex::new(Ledger::default()),
            http: Asker::new(&surroundings.egress, rules)?,
            environment: Environment {
                namespace: leader::namespace(),
                variables: VARIABLES
                    .iter()
                    .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
                    .collect(),
            },
            judges: Semaphore::new(JUDGES),
            served: Served::new(args),
            verify_retry_seconds: seconds("ROLLOUT_VERIFY_RETRY_INTERVAL"),
        });
        let mut tasks = listen(args, surroundings, (&metrics, &caches, &queues)).await?;
        tasks.extend(caches.follow((&server, &shell.mesh), args, &tell));
        if !args.only_analysis() {
            tasks.extend(find_mesh(args, (&shell, &fence), &queues));
        }
        let home = server.client.default_namespace();
        tasks.push(jobs::follow(&shell.jobs, &caches.jobs, (args, home), &tell));
        Ok(Self {
            caches,
            queues,
            shell,
            fence,
            tasks,
        })
    }

    /// Takes part in the election, if there is one.
    fn stand(&self, args: &Args, clock: Clock) -> (watch::Receiver<Standing>, Release) {
        if !args.leader_elect {
            tracing::info!("leader election is turned off: this controller runs alone");
            return (watch::Sender::new(Standing::Leads).subscribe(), None);
        }
        let candidate = Candidate {
            identity: leader::identity(),
            terms: args.terms(),
        };
        let lock = leader::lock(&args.instance_id);
        tracing::info!(lease = %lock.name, namespace = %lock.namespace, me = %candidate.identity, "stands for election");
        let server = self.shell.server.clone();
        let elector = Elector::new(server, self.fence.clone(), clock, (lock, candidate));
        let standing = elector.standing();
        let (release, released) = oneshot::channel();
        let task = tokio::spawn(elector.run(released));
        (standing, Some((release, task)))
    }

    /// Waits to lead and for complete caches (S0-18), then works until something ends it.
    async fn work(
        &mut self,
        args: &Args,
        mut standing: watch::Receiver<Standing>,
        mut stop: impl Future<Output = ()> + Unpin,
    ) -> Ended {
        let ready = async {
            self.caches.synced().await;
            tracing::info!("caches are complete");
            is(&mut standing, Standing::Leads).await;
        };
        tokio::select! {
            () = ready => {}
            () = &mut stop => return Ended::Stopped,
        }
        tracing::info!("workers start");
        let mut workers = JoinSet::new();
        if !args.only_analysis() {
            for _ in 0..args.rollout_threads.max(1) {
                let (shell, queue) = (Arc::clone(&self.shell), Arc::clone(&self.queues.rollouts));
                workers.spawn(reconcile::work(shell, Arc::new(Rollouts), queue));
            }
            for _ in 0..args.experiment_threads.max(1) {
                let (shell, queue) = (
                    Arc::clone(&self.shell),
                    Arc::clone(&self.queues.experiments),
                );
                workers.spawn(reconcile::work(shell, Arc::new(Experiments), queue));
            }
        }
        for _ in 0..SERVICE_THREADS {
            let (shell, queue) = (Arc::clone(&self.shell), Arc::clone(&self.queues.services));
            workers.spawn(reconcile::work(shell, Arc::new(Services), queue));
        }
        let queue = &self.queues.analysis_runs;
        let analysis_runs = Arc::new(AnalysisRuns::of(Arc::clone(queue)));
        for _ in 0..args.analysis_threads.max(1) {
            let (shell, queue) = (Arc::clone(&self.shell), Arc::clone(queue));
            workers.spawn(reconcile::work(shell, Arc::clone(&analysis_runs), queue));
        }
        let resync = resync(self.caches.clone(), self.queues.clone(), args.resync());
        self.tasks.push(tokio::spawn(resync));
        let ended = tokio::select! {
            () = &mut stop => Ended::Stopped,
            () = is(&mut standing, Standing::Lost) => Ended::Lost,
        };
        self.queues.close();
        if ended == Ended::Lost {
            // Nothing that they still do could be written.
            workers.abort_all();
        }
        let all = async { while workers.join_next().await.is_some() {} };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            tracing::warn!("some passes did not end in time");
        }
        ended
    }

    /// Sends the last events, and lets go of the Lease once nothing writes any more.
    async fn fence_after(&self, standing: watch::Receiver<Standing>, release: Release) {
        if *standing.borrow() == Standing::Leads {
            self.shell.recorder.finish().await;
        }
        if let Some((release, task)) = release {
            // If the elector has ended already, there is nothing to let go of.
            let _ = release.send(());
            if tokio::time::timeout(PATIENCE, task).await.is_err() {
                tracing::warn!("the Lease was not let go of in time");
            }
        }
        self.fence.close();
    }
}

/// Resolves once this process stands there; never if it cannot any more.
async fn is(standing: &mut watch::Receiver<Standing>, wanted: Standing) {
    // The answer holds a lock as long as it lives, so it must not live on.
    let is_over = standing
        .wait_for(|standing| *standing == wanted)
        .await
        .is_err();
    if is_over {
        std::future::pending::<()>().await;
    }
}

/// Finds out where Istio's objects are, and looks at all Rollouts when it changes whether they can be seen.
fn find_mesh(
    args: &Args,
    (shell, fence): (&Arc<Shell>, &Fence),
    queues: &Queues,
) -> [JoinHandle<()>; 3] {
    let place = Where {
        scope: if args.namespaced {
            shell.server.client.default_namespace().to_owned()
        } else {
            String::new()
        },
        home: shell.environment.namespace.clone(),
    };
    let caches = &shell.caches;
    let wake = |cache| primary::wake(Arc::clone(cache), caches.clone(), queues.clone());
    [
        tokio::spawn(wake(&caches.virtual_services)),
        tokio::spawn(wake(&caches.destination_rules)),
        tokio::spawn(primary::seek(
            Arc::clone(shell),
            place,
            (args.rate(), fence.clone()),
        )),
    ]
}

/// Opens the ports of `/healthz` and `/metrics`: on replicas that stand by as well (OPS-05).
async fn listen(
    args: &Args,
    surroundings: &Surroundings,
    (metrics, caches, queues): (&Arc<Metrics>, &Caches, &Queues),
) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let page = {
        let (metrics, caches, queues) = (Arc::clone(metrics), caches.clone(), queues.clone());
        Page::Metrics(Arc::new(move || metrics.page(&caches, &queues)))
    };
    let healthz = admin::serve(args.healthz_port, "--healthzPort", Page::Health).await?;
    let metrics = admin::serve(args.metrics_port, "--metricsPort", page).await?;
    tracing::info!(metrics = %metrics.address, healthz = %healthz.address, "listening");
    if let Some(listening) = &surroundings.listening {
        listening.send_replace(Some(Listening {
            metrics: metrics.address,
            healthz: healthz.address,
        }));
    }
    Ok([healthz, metrics].map(|Listener { task, .. }| task).into())
}

/// What each change leads to: keys that must be looked at, and the last event of a Rollout (QUE-05).
fn tell(caches: &Caches, queues: &Queues, (recorder, fence): (Recorder, Fence)) -> Tell {
    let (queues, caches) = (queues.clone(), caches.clone());
    Arc::new(move |resource: &Resource, change: Change<'_>| {
        if fence.left().is_some() {
            rollout::farewell(&recorder, resource, &change);
        }
        queues.tell(&caches, resource, &change);
    })
}

/// A number of seconds from the environment. Differs from upstream, which ignores the numbers that it
/// can read and takes the others for 0 (TRF-27).
fn seconds(variable: &str) -> Option<u32> {
    let text = std::env::var(variable).ok()?;
    let number = text.trim().parse();
    if number.is_err() {
        tracing::warn!(variable, %text, "not a number of seconds: the default holds");
    }
    number.ok()
}

/// Looks at everything once in a while although nothing changed (QUE-04).
async fn resync(caches: Caches, queues: Queues, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        for key in caches.rollouts.keys() {
            queues.rollouts.add(key);
        }
        for key in caches.analysis_runs.keys() {
            queues.analysis_runs.add(key);
        }
        for key in caches.experiments.keys() {
            queues.experiments.add(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use clap::Parser;
    use tidegate_core::plan::ROLLOUTS;

    use super::*;
    use crate::reconcile::{Kind, Name, Verdict};

    async fn parts(flags: &[&str]) -> Parts {
        let line = [
            "rollouts-controller",
            "--healthz-port=0",
            "--metrics-port=0",
        ];
        let args = Args::try_parse_from(line.iter().chain(flags)).unwrap();
        let config = kube::Config::new("http://127.0.0.1:9".parse().unwrap());
        let surroundings = Surroundings {
            client: Client::try_from(config).unwrap(),
            jobs: None,
            clock: Clock::wall(),
            egress: Egress::FromEnvironment,
            listening: None,
            check_every: None,
        };
        Parts::start(&args, &surroundings).await.unwrap()
    }

    /// Panics at its first pass over `bad`.
    struct Fragile(AtomicU32, watch::Sender<Vec<String>>);

    impl Kind for Fragile {
        fn resource(&self) -> Resource {
            ROLLOUTS
        }

        async fn pass(&self, _shell: &Arc<Shell>, name: &Name) -> Verdict {
            let first = name.1 == "bad" && self.0.fetch_add(1, Ordering::Relaxed) == 0;
            assert!(!first, "a panic on purpose");
            self.1.send_modify(|done| done.push(name.1.clone()));
            Verdict::Done(None)
        }
    }

    /// Keeps QUE-11.
    #[tokio::test]
    async fn a_panic_ends_one_pass_and_nothing_else() {
        let parts = parts(&["--leader-elect=false"]).await;
        let done = watch::Sender::new(Vec::new());
        let mut seen = done.subscribe();
        let queue = Arc::clone(&parts.queues.rollouts);
        for name in ["bad", "good"] {
            queue.add(("shop".to_owned(), name.to_owned()));
        }
        let kind = Arc::new(Fragile(AtomicU32::new(0), done));
        let worker = tokio::spawn(reconcile::work(parts.shell, kind, Arc::clone(&queue)));
        let both = seen.wait_for(|done| done.len() == 2);
        let both = tokio::time::timeout(PATIENCE, both).await;
        assert!(both.is_ok(), "it is tried again");
        drop(both);
        assert_eq!(*seen.borrow(), ["good", "bad"]);
        queue.close();
        worker.await.unwrap();
        for task in parts.tasks {
            task.abort();
        }
    }

    /// Keeps QUE-04.
    #[tokio::test(start_paused = true)]
    async fn everything_is_looked_at_again_after_a_while() {
        let (caches, queues) = (Caches::new(), Queues::new());
        let named =
            |name: &str| serde_json::json!({"metadata": {"name": name, "namespace": "shop"}});
        caches.rollouts.put_json(&named("web"));
        caches.analysis_runs.put_json(&named("run"));
        caches.experiments.put_json(&named("try"));
        let args = Args::try_parse_from(["rollouts-controller"]).unwrap();
        let task = tokio::spawn(resync(caches, queues.clone(), args.resync()));
        let begun = tokio::time::Instant::now();
        for round in 1..3 {
            for (queue, name) in [
                (&queues.rollouts, "web"),
                (&queues.analysis_runs, "run"),
                (&queues.experiments, "try"),
            ] {
                let key = tokio::time::timeout(args.resync() * 2, queue.next()).await;
                let key = key.unwrap().unwrap();
                assert_eq!(
                    (key.1.as_str(), begun.elapsed().as_secs()),
                    (name, round * 900)
                );
                queue.done(&key, None);
            }
        }
        task.abort();
    }
}
