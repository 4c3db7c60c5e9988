//! What the controller costs with many Rollouts at rest: its memory, how soon a new process is through with all
//! of them, and how many requests that takes. The cluster is the model's, in this process; the controller is the
//! release build, in a process of its own. `cargo xtask bench` runs it.

use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use axum::{
    extract::{Request, State},
    middleware::{self, Next},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tidegate_sim::{
    actors::{Actors, EndpointsWrites, Settings, kubelet::Timing},
    cluster::{Call, Cluster, kinds},
    doors::{
        http::{Door, router},
        net::{self, Speed},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const NAMESPACE: &str = "crowd";
/// How many Rollouts, unless the command line says.
const ROLLOUTS: usize = 1_000;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(10);
/// Between two looks at the controller's metrics.
const LOOK: Duration = Duration::from_millis(20);
/// How long it is left alone before its memory is read.
const REST: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<()> {
    let count = match std::env::args().nth(1) {
        Some(count) => count.parse().context("give the number of Rollouts")?,
        None => ROLLOUTS,
    };
    let crowd = Crowd::start(count).await?;
    let begun = Instant::now();
    let first = crowd.controller()?;
    crowd.until_healthy().await?;
    say(&format!(
        "{count} new Rollouts are Healthy after {:.1} s",
        begun.elapsed().as_secs_f64()
    ))?;
    drop(first);
    let before = crowd.requests.load(Ordering::Relaxed);
    let version = crowd.door.with(|cluster, _| cluster.version());
    let begun = Instant::now();
    let second = crowd.controller()?;
    let port = second.metrics_port().await?;
    while passes(port).await? < count {
        ensure!(begun.elapsed() < PATIENCE, "no pass over every Rollout");
        tokio::time::sleep(LOOK).await;
    }
    let through = begun.elapsed().as_secs_f64();
    let sent = crowd.requests.load(Ordering::Relaxed) - before;
    say(&format!(
        "a new controller has looked at {count} Rollouts after {through:.1} s, with {sent} requests"
    ))?;
    tokio::time::sleep(REST).await;
    let now = crowd.door.with(|cluster, _| cluster.version());
    ensure!(
        now == version,
        "it has written although nothing was to be done"
    );
    say(&format!(
        "its memory with {count} Rollouts at rest: {}",
        second.memory()?
    ))
}

/// A cluster of Rollouts.
struct Crowd {
    door: Arc<Door>,
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    count: usize,
}

impl Crowd {
    async fn start(count: usize) -> Result<Self> {
        let door = Door::new(Cluster::new(Timestamp::now()), Box::new(Timestamp::now));
        let requests = Arc::new(AtomicUsize::new(0));
        let layer = middleware::from_fn_with_state(Arc::clone(&requests), count_request);
        let app = router(Arc::clone(&door)).layer(layer);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, app).await });
        let soon = SignedDuration::from_millis(100);
        let actors = Actors::new(&Settings {
            timing: Timing {
                start: soon,
                stop: soon,
                ..Timing::default()
            },
            endpoints: EndpointsWrites::Kept,
        });
        tokio::spawn(net::drive(Arc::clone(&door), actors, Speed(1)));
        let crowd = Self {
            door,
            address,
            requests,
            count,
        };
        crowd.create_all()?;
        Ok(crowd)
    }

    fn create_all(&self) -> Result<()> {
        self.door.with(|cluster, now| {
            let call = Call::new(now, "bench");
            let namespace = json!({"metadata": {"name": NAMESPACE}});
            cluster.create(&call, kinds::NAMESPACES, "", namespace)?;
            for number in 0..self.count {
                let name = format!("web-{number}");
                for service in ["stable", "canary"] {
                    let service = json!({
                        "metadata": {"name": format!("{name}-{service}")},
                        "spec": {"selector": {"app": name}, "ports": [{"port": 80}]},
                    });
                    cluster.create(&call, kinds::SERVICES, NAMESPACE, service)?;
                }
                cluster.create(&call, kinds::INGRESSES, NAMESPACE, ingress(&name))?;
                cluster.create(&call, kinds::ROLLOUTS, NAMESPACE, rollout(&name))?;
            }
            Ok(())
        })
    }

    /// Starts the release build of the controller.
    fn controller(&self) -> Result<Controller> {
        let examples = std::env::current_exe()?;
        let folder = examples.parent().and_then(Path::parent);
        let program = folder
            .context("no target folder")?
            .join("rollouts-controller");
        let work = std::env::temp_dir();
        let kubeconfig = work.join(format!("tidegate-crowd-{}.kubeconfig", std::process::id()));
        fs::write(&kubeconfig, net::kubeconfig(self.address, NAMESPACE))?;
        let log = work.join(format!("tidegate-crowd-{}.log", std::process::id()));
        let child = Command::new(&program)
            .args(["--leader-elect=false", "--metricsPort=0", "--healthzPort=0"])
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .stdin(Stdio::null())
            .stderr(fs::File::create(&log)?)
            .spawn()
            .with_context(|| format!("{} is not built", program.display()))?;
        Ok(Controller { child, log })
    }

    async fn until_healthy(&self) -> Result<()> {
        let mut changed = self.door.changed();
        let all = async {
            loop {
                changed.borrow_and_update();
                let healthy = self.door.with(|cluster, _| {
                    cluster
                        .in_namespace(kinds::ROLLOUTS, Some(NAMESPACE))
                        .filter(|rollout| rollout["status"]["phase"] == "Healthy")
                        .count()
                });
                if healthy == self.count {
                    return;
                }
                if changed.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, all)
            .await
            .context("not all Rollouts became Healthy")
    }
}

async fn count_request(
    State(requests): State<Arc<AtomicUsize>>,
    request: Request,
    next: Next,
) -> axum::response::Response {
    requests.fetch_add(1, Ordering::Relaxed);
    next.run(request).await
}

struct Controller {
    child: Child,
    log: std::path::PathBuf,
}

impl Drop for Controller {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Controller {
    /// The port of its metrics, which it says in its log.
    async fn metrics_port(&self) -> Result<u16> {
        let begun = Instant::now();
        loop {
            let log = fs::read_to_string(&self.log)?;
            let address = log.split_once(" metrics=").map(|(_, rest)| rest);
            let port = address
                .and_then(|rest| rest.split(' ').next())
                .and_then(|address| address.rsplit(':').next());
            if let Some(port) = port {
                return Ok(port.parse()?);
            }
            if begun.elapsed() > PATIENCE {
                bail!("the controller does not listen: {log}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Its resident memory.
    fn memory(&self) -> Result<String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = |name| status.lines().find_map(|line| line.strip_prefix(name));
        let rss = line("VmRSS:").context("the system does not tell a process' memory")?;
        let (peak, own) = (line("VmHWM:"), line("RssAnon:"));
        Ok(format!(
            "{}, of which {} are not the program itself; at most {}",
            rss.trim(),
            own.unwrap_or_default().trim(),
            peak.unwrap_or_default().trim()
        ))
    }
}

/// How many Rollouts were looked at.
async fn passes(port: u16) -> Result<usize> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = b"GET /metrics HTTP/1.1\r\nHost: bench\r\n\r\n";
    stream.write_all(request).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let looked = |line: &&str| line.starts_with("rollout_reconcile_count{");
    Ok(answer.lines().filter(looked).count())
}

fn ingress(name: &str) -> Value {
    let backend = json!({"service": {"name": format!("{name}-stable"), "port": {"number": 80}}});
    let path = json!({"path": "/", "pathType": "Prefix", "backend": backend});
    json!({
        "metadata": {"name": name},
        "spec": {
            "ingressClassName": "nginx",
            "rules": [{"host": format!("{name}.example"), "http": {"paths": [path]}}],
        },
    })
}

/// A Rollout as they are: probes, resources, a few variables.
fn rollout(name: &str) -> Value {
    let variables: Vec<Value> = (0..10)
        .map(|number| json!({"name": format!("SETTING_{number}"), "value": "some value or other"}))
        .collect();
    let container = json!({
        "name": "web",
        "image": "registry.example.com/shop/web:1.0.0",
        "ports": [{"containerPort": 8080, "name": "http"}],
        "env": variables,
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
        "livenessProbe": {"httpGet": {"path": "/live", "port": "http"}},
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
    });
    json!({
        "metadata": {"name": name, "labels": {"team": "shop"}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container]},
            },
            "strategy": {"canary": {
                "stableService": format!("{name}-stable"),
                "canaryService": format!("{name}-canary"),
                "trafficRouting": {"nginx": {"stableIngress": name}},
                "steps": [
                    {"setWeight": 20}, {"pause": {"duration": "10m"}},
                    {"setWeight": 50}, {"pause": {"duration": "10m"}},
                ],
            }},
        },
    })
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").context("stdout is closed")
}
