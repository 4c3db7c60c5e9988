//! Start, work, stop.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use kube::{Client, Config};
use tidegate_core::freshness::Ledger;
use tidegate_integrations::metrics::Environment;
use tokio::sync::Mutex;

use crate::{
    admin,
    analysis_run::AnalysisRuns,
    args::Args,
    ask::{Asker, Egress},
    clock::Clock,
    observe::{Caches, Tell},
    reconcile::{self, Shell},
    record::Recorder,
    rollout::{self, Rollouts},
    route::Queues,
    served::Served,
    service::Services,
};

/// How long workers may take to end their passes when the controller stops.
const PATIENCE: Duration = Duration::from_secs(10);

/// Services that are looked at at once: seldom is one left behind.
const SERVICE_THREADS: usize = 2;

/// What surrounds a controller, besides its flags.
#[derive(Clone)]
pub struct Surroundings {
    /// The cluster.
    pub client: Client,
    /// Its time.
    pub clock: Clock,
    /// How metric providers are reached.
    pub egress: Egress,
}

impl Surroundings {
    /// The cluster that the flags, the environment or the pod's own account name.
    ///
    /// # Errors
    /// When none of them names a usable cluster.
    pub async fn from_args(args: &Args) -> anyhow::Result<Self> {
        Ok(Self {
            client: client(args).await?,
            clock: Clock::wall(),
            egress: Egress::FromEnvironment,
        })
    }
}

async fn client(args: &Args) -> anyhow::Result<Client> {
    let options = kube::config::KubeConfigOptions {
        context: args.context.clone(),
        ..Default::default()
    };
    let mut config = match &args.kubeconfig {
        Some(path) => {
            let file = kube::config::Kubeconfig::read_from(path)
                .with_context(|| format!("cannot read the kubeconfig {}", path.display()))?;
            Config::from_custom_kubeconfig(file, &options).await?
        }
        None if args.context.is_some() => Config::from_kubeconfig(&options).await?,
        None => Config::infer()
            .await
            .context("no cluster: give --kubeconfig, set KUBECONFIG, or run in a pod")?,
    };
    if let Some(namespace) = &args.namespace {
        config.default_namespace.clone_from(namespace);
    }
    // A retry below our own bookkeeping would hide lost answers from the decision.
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

/// Runs the controller until `stop` resolves.
///
/// # Errors
/// When a port cannot be bound or an HTTP client cannot be made.
pub async fn run(
    args: Args,
    surroundings: Surroundings,
    stop: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    let caches = Caches::new();
    let queues = Queues::new();
    let shell = Arc::new(Shell {
        recorder: Recorder::start(surroundings.client.clone(), surroundings.clock),
        client: surroundings.client.clone(),
        clock: surroundings.clock,
        caches: caches.clone(),
        ledger: Mutex::new(Ledger::default()),
        http: Asker::new(&surroundings.egress)?,
        environment: Environment {
            prometheus_address: std::env::var("ARGO_ROLLOUTS_PROMETHEUS_ADDRESS")
                .unwrap_or_default(),
        },
        served: Served::new(&args),
        verify_retry_seconds: seconds("ROLLOUT_VERIFY_RETRY_INTERVAL"),
    });
    let health = admin::serve(args.healthz_port).await?;
    if args.leader_elect {
        tracing::info!("leader election is not there yet: run one replica");
    }
    let tell: Tell = {
        let (queues, caches) = (queues.clone(), caches.clone());
        let recorder = shell.recorder.clone();
        Arc::new(move |resource, change| {
            rollout::farewell(&recorder, resource, &change);
            queues.tell(&caches, resource, &change);
        })
    };
    let mut tasks = caches.follow(&surroundings.client, &args, &tell);
    tokio::pin!(stop);
    tokio::select! {
        () = caches.synced() => {}
        () = &mut stop => {
            health.abort();
            return Ok(());
        }
    }
    tracing::info!("caches are complete; workers start");
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..args.rollout_threads.max(1) {
        workers.spawn(reconcile::work(
            Arc::clone(&shell),
            Arc::new(Rollouts),
            Arc::clone(&queues.rollouts),
        ));
    }
    for _ in 0..args.analysis_threads.max(1) {
        workers.spawn(reconcile::work(
            Arc::clone(&shell),
            Arc::new(AnalysisRuns),
            Arc::clone(&queues.analysis_runs),
        ));
    }
    for _ in 0..SERVICE_THREADS {
        workers.spawn(reconcile::work(
            Arc::clone(&shell),
            Arc::new(Services),
            Arc::clone(&queues.services),
        ));
    }
    tasks.push(tokio::spawn(resync(caches, queues.clone(), args.resync())));
    stop.await;
    tracing::info!("stopping");
    queues.close();
    let ended = async { while workers.join_next().await.is_some() {} };
    if tokio::time::timeout(PATIENCE, ended).await.is_err() {
        tracing::warn!("some passes did not end in time");
    }
    for task in tasks {
        task.abort();
    }
    health.abort();
    Ok(())
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
    }
}
