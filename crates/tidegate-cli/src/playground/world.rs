//! Everything that the playground runs: API server, actors, metrics, controller.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, anyhow};
use clap::Parser;
use jiff::Timestamp;
use kube::{
    Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};
use tidegate_controller::{Args, Clock, Egress, Surroundings, run};
use tidegate_sim::{
    actors::{Actors, EndpointsWrites, Settings, kubelet::Timing},
    cluster::{
        Call, Cluster,
        kinds::{NAMESPACES, Scope},
    },
    doors::{http::Door, net},
};
use tokio::task::JoinSet;

use super::{EXAMPLE, NAMESPACE, metrics};
use crate::connect;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A running cluster. Dropped, it leaves nothing behind.
pub(crate) struct World {
    /// Its time.
    pub(crate) clock: Clock,
    /// A connection to it, as any other client has.
    pub(crate) cluster: connect::Cluster,
    door: Arc<Door>,
    kubeconfig: TemporaryFile,
    /// Each runs as long as the world; says its name if it ends.
    tasks: JoinSet<anyhow::Error>,
}

impl World {
    /// Starts it, with a clock that runs `speed` times as fast as this machine's and an API server
    /// on `port` (0 for any free one).
    ///
    /// # Errors
    /// When a port is taken or the kubeconfig cannot be written.
    pub(crate) async fn start(speed: u32, port: u16) -> anyhow::Result<Self> {
        let clock = Clock::faster(speed);
        let door = Door::new(Cluster::new(clock.now()), Box::new(move || clock.now()));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (address, serving) = net::serve(Arc::clone(&door), address)
            .await
            .with_context(|| format!("cannot listen on {address}: choose another with --port"))?;
        let (prometheus, measuring) = metrics::serve(Arc::clone(&door)).await?;
        let kubeconfig = TemporaryFile::new(
            &format!("tidegate-playground-{}.kubeconfig", std::process::id()),
            &net::kubeconfig(address, NAMESPACE),
        )?;
        let cluster = connect::Cluster::new(config(&kubeconfig.path).await?)?;
        let surroundings = Surroundings {
            client: cluster.client.clone(),
            jobs: None,
            clock,
            egress: Egress::Proxy(format!("http://{prometheus}")),
            listening: None,
            check_every: None,
        };
        let actors = Actors::new(&Settings {
            timing: Timing::default(),
            endpoints: EndpointsWrites::Kept,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(ended("the API server", serving));
        tasks.spawn(ended("the metrics server", measuring));
        let living = net::drive(Arc::clone(&door), actors, net::Speed(speed));
        tasks.spawn(ended("the cluster", tokio::spawn(living)));
        let args = Args::try_parse_from([
            "rollouts-controller",
            "--healthz-port=0",
            "--metrics-port=0",
            "--leader-elect=false",
        ])?;
        tasks.spawn(async {
            match run(args, surroundings, std::future::pending()).await {
                Ok(()) => anyhow!("the controller ended"),
                Err(error) => error.context("the controller ended"),
            }
        });
        Ok(Self {
            clock,
            cluster,
            door,
            kubeconfig,
            tasks,
        })
    }

    /// Where the kubeconfig is.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig.path
    }

    /// The cluster's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Puts the example into the cluster.
    ///
    /// # Errors
    /// When the API server refuses a part of it.
    pub(crate) fn apply_example(&self) -> anyhow::Result<()> {
        let namespace = json!({"metadata": {"name": NAMESPACE}});
        self.door.with(|cluster, now| {
            let call = Call::new(now, "playground");
            cluster.create(&call, NAMESPACES, "", namespace)?;
            for text in EXAMPLE {
                for object in serde_saphyr::from_multiple::<Value>(text)? {
                    create(cluster, &call, object)?;
                }
            }
            Ok(())
        })
    }

    /// Waits until a part of the world ends, which none should; says which.
    pub(crate) async fn broken(&mut self) -> anyhow::Error {
        match self.tasks.join_next().await {
            Some(Ok(error)) => error,
            Some(Err(error)) => error.into(),
            None => anyhow!("the playground ended"),
        }
    }
}

async fn ended(what: &'static str, task: tokio::task::JoinHandle<()>) -> anyhow::Error {
    let mut task = AbortOnDrop(task);
    match (&mut task.0).await {
        Ok(()) => anyhow!("{what} ended"),
        Err(error) => anyhow::Error::from(error).context(format!("{what} ended")),
    }
}

/// A task that does not outlive whoever waits for it.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn create(cluster: &mut Cluster, call: &Call, object: Value) -> anyhow::Result<()> {
    let word = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (word("apiVersion"), word("kind"));
    let id = cluster.kinds().of_kind(&api_version, &kind);
    let id = id.with_context(|| format!("no such kind: {api_version} {kind}"))?;
    let namespace = match cluster.kinds().get(id).scope {
        Scope::Namespaced => NAMESPACE,
        Scope::Cluster => "",
    };
    cluster.create(call, id, namespace, as_applied(object))?;
    Ok(())
}

/// As `kubectl apply` leaves an object behind, so that the next `kubectl apply` knows what it said.
fn as_applied(mut object: Value) -> Value {
    let text = object.to_string();
    object["metadata"]["annotations"][LAST_APPLIED] = json!(text);
    object
}

async fn config(kubeconfig: &Path) -> anyhow::Result<Config> {
    let file = Kubeconfig::read_from(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    // A retry below the controller's own bookkeeping would hide lost answers from the decision.
    config.default_retry = false;
    // Whatever proxy this machine uses, the cluster is on this machine.
    config.proxy_url = None;
    Ok(config)
}

/// A file that is gone when this is.
struct TemporaryFile {
    path: PathBuf,
}

impl TemporaryFile {
    fn new(name: &str, content: &str) -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path })
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // If somebody else removed it, it is gone as well.
        let _ = std::fs::remove_file(&self.path);
    }
}
