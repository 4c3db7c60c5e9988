//! A model cluster that lives, behind a server that remembers who asked for what and can be busy, and
//! controllers as tasks or as processes.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    http::{Method, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use clap::Parser;
use jiff::Timestamp;
use kube::{Client, Config};
use serde_json::{Value, json};
use tidegate_controller::{Args, Clock, Egress, Listening, Surroundings, run};
use tidegate_sim::{
    actors::{Actors, EndpointsWrites, Settings, kubelet::Timing},
    cluster::{
        Call, Cluster, DeletionOptions, Patch, Target,
        kinds::{self, KindId},
    },
    doors::{
        http::{Door, router},
        net::{self, Speed},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
    task::JoinHandle,
};

/// How long anything may take before the test is given up.
const PATIENCE: Duration = Duration::from_mins(2);
/// Where Rollouts live.
pub(crate) const NAMESPACE: &str = "shop";
/// Where Leases live, which is where a controller looks that is in no pod.
pub(crate) const OPERATOR: &str = "argo-rollouts";
/// Short terms: a lease of two seconds.
pub(crate) const ELECTION: [&str; 3] = [
    "--leader-election-lease-duration=2s",
    "--leader-election-renew-deadline=1s",
    "--leader-election-retry-period=100ms",
];
/// The header by which controllers are told apart.
const WHO: &str = "impersonate-user";

/// A request that reached the server.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) who: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) at: Instant,
    pub(crate) code: StatusCode,
    /// In which form an answer is wanted.
    pub(crate) accept: String,
}

impl Asked {
    /// Whether names and versions are listed, to see whether something was lost.
    pub(crate) fn is_check(&self) -> bool {
        self.accept.contains("as=PartialObjectMetadataList")
    }

    pub(crate) fn is_write(&self) -> bool {
        self.method != Method::GET
    }

    pub(crate) fn is_about(&self, plural: &str) -> bool {
        self.path.split('/').any(|part| part == plural)
    }
}

#[derive(Default)]
struct Server {
    asked: watch::Sender<Vec<Asked>>,
    /// How many writes of others than Leases are answered with 429, and the seconds to wait.
    busy: Mutex<(usize, u64)>,
    /// In which words the creation of Jobs is refused.
    without_jobs: Mutex<Option<String>>,
    /// What is asked at paths that begin so is refused with this code.
    refused: Mutex<Vec<(&'static str, StatusCode)>>,
    /// What is said to checks, if they are refused.
    checks: Mutex<Option<StatusCode>>,
    /// The kind whose watches say nothing.
    silent: watch::Sender<Option<&'static str>>,
    /// The kind whose writes get nowhere for now.
    stuck: watch::Sender<Option<&'static str>>,
}

pub(crate) struct World {
    pub(crate) door: Arc<Door>,
    pub(crate) address: SocketAddr,
    server: Arc<Server>,
    tasks: Vec<JoinHandle<()>>,
    /// How often controllers that start look for lost changes, if not as usual.
    pub(crate) check_every: Option<Duration>,
}

impl Drop for World {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// The namespace of a kind.
fn home(kind: KindId) -> &'static str {
    if kind == kinds::LEASES {
        OPERATOR
    } else {
        NAMESPACE
    }
}

async fn watch_over(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let header = |name: &str| {
        let value = headers.get(name);
        value.map_or("", |value| value.to_str().unwrap()).to_owned()
    };
    let mut asked = Asked {
        who: header(WHO),
        accept: header("accept"),
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        at: Instant::now(),
        code: StatusCode::OK,
    };
    server.is_heard(&asked).await;
    let refused = *server.checks.lock().unwrap();
    if let Some(code) = refused.filter(|_| asked.is_check()) {
        asked.code = code;
        server.asked.send_modify(|all| all.push(asked));
        return code.into_response();
    }
    let seconds = server.refuses(&asked);
    let creates_job = asked.is_write() && asked.is_about("jobs");
    let words = server.without_jobs.lock().unwrap().clone();
    let refusal = server.refusal(&asked.path);
    let response = match (seconds, words.filter(|_| creates_job), refusal) {
        (_, _, Some(refusal)) => refusal,
        (Some(seconds), _, None) => {
            let headers = [("retry-after", seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, headers, "busy").into_response()
        }
        (None, Some(message), None) => {
            let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
                "reason": "Invalid", "code": 422, "message": message});
            (StatusCode::UNPROCESSABLE_ENTITY, axum::Json(status)).into_response()
        }
        (None, None, None) => next.run(request).await,
    };
    asked.code = response.status();
    server.asked.send_modify(|all| all.push(asked));
    response
}

impl Server {
    /// Waits while the watches of this kind are silent, or its writes get nowhere.
    async fn is_heard(&self, asked: &Asked) {
        let held = if asked.query.contains("watch=true") {
            &self.silent
        } else if asked.is_write() {
            &self.stuck
        } else {
            return;
        };
        let mut held = held.subscribe();
        let heard = held.wait_for(|held| held.is_none_or(|kind| !asked.is_about(kind)));
        heard.await.unwrap();
    }

    fn refusal(&self, path: &str) -> Option<Response> {
        let refused = self.refused.lock().unwrap();
        let (_, code) = refused.iter().find(|(begin, _)| path.starts_with(begin))?;
        let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
            "code": code.as_u16(), "message": code.canonical_reason()});
        Some((*code, axum::Json(status)).into_response())
    }

    fn refuses(&self, asked: &Asked) -> Option<u64> {
        let mut busy = self.busy.lock().unwrap();
        let (left, seconds) = *busy;
        if left == 0 || !asked.is_write() || asked.is_about("leases") || asked.is_about("events") {
            return None;
        }
        busy.0 = left - 1;
        Some(seconds)
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::of(Cluster::new(Timestamp::now())).await
    }

    /// One in which Istio is installed.
    pub(crate) async fn with_istio() -> Self {
        let mut cluster = Cluster::new(Timestamp::now());
        cluster.install_istio();
        Self::of(cluster).await
    }

    async fn of(cluster: Cluster) -> Self {
        let door = Door::new(cluster, Box::new(Timestamp::now));
        let server = Arc::new(Server::default());
        let layer = middleware::from_fn_with_state(Arc::clone(&server), watch_over);
        let app = router(Arc::clone(&door)).layer(layer);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let second = jiff::SignedDuration::from_millis(50);
        let actors = Actors::new(&Settings {
            timing: Timing {
                start: second,
                stop: second,
                ..Timing::default()
            },
            endpoints: EndpointsWrites::Kept,
        });
        let living = net::drive(Arc::clone(&door), actors, Speed(1));
        let tasks = vec![
            tokio::spawn(async move {
                let _ended = axum::serve(listener, app).await;
            }),
            tokio::spawn(living),
        ];
        let world = Self {
            door,
            address,
            server,
            tasks,
            check_every: None,
        };
        for name in [NAMESPACE, OPERATOR] {
            world.create(kinds::NAMESPACES, "", json!({"metadata": {"name": name}}));
        }
        world
    }

    pub(crate) fn create(&self, kind: KindId, namespace: &str, object: Value) {
        self.door.with(|cluster, now| {
            let call = Call::new(now, "test");
            cluster.create(&call, kind, namespace, object).unwrap();
        });
    }

    pub(crate) fn patch(&self, kind: KindId, name: &str, patch: Value) {
        self.door.with(|cluster, now| {
            let target = Target::new(kind, home(kind), name);
            let call = Call::new(now, "test");
            cluster.patch(&call, &target, &Patch::Merge(patch)).unwrap();
        });
    }

    pub(crate) fn patch_status(&self, kind: KindId, name: &str, patch: Value) {
        self.door.with(|cluster, now| {
            let target = Target::new(kind, home(kind), name).status();
            let call = Call::new(now, "test");
            cluster.patch(&call, &target, &Patch::Merge(patch)).unwrap();
        });
    }

    pub(crate) fn delete(&self, kind: KindId, name: &str) {
        self.door.with(|cluster, now| {
            let target = Target::new(kind, home(kind), name);
            let options = DeletionOptions::default();
            cluster
                .delete(&Call::new(now, "test"), &target, &options)
                .unwrap();
        });
    }

    /// A Rollout of one pod.
    pub(crate) fn create_rollout(&self, name: &str) {
        let rollout = json!({
            "metadata": {"name": name},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"containers": [{"name": "web", "image": "web:1"}]},
                },
                "strategy": {"canary": {}},
            },
        });
        self.create(kinds::ROLLOUTS, NAMESPACE, rollout);
    }

    pub(crate) fn get(&self, kind: KindId, name: &str) -> Value {
        self.door.with(|cluster, _| {
            let object = cluster.get(kind, home(kind), name);
            object.map_or(Value::Null, |object| (**object).clone())
        })
    }

    /// Waits until an object is as it must become.
    pub(crate) async fn until(
        &self,
        kind: KindId,
        name: &str,
        mut holds: impl FnMut(&Value) -> bool,
    ) -> Value {
        let mut changed = self.door.changed();
        let found = async {
            loop {
                changed.borrow_and_update();
                let now = self.get(kind, name);
                if holds(&now) {
                    return now;
                }
                changed.changed().await.unwrap();
            }
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        found.unwrap_or_else(|_| panic!("{name} is {:#}", self.get(kind, name)))
    }

    /// Waits until some object of a kind is as it must become.
    pub(crate) async fn until_any(&self, kind: KindId, holds: impl Fn(&Value) -> bool) {
        let mut changed = self.door.changed();
        let found = async {
            loop {
                changed.borrow_and_update();
                let found = self.door.with(|cluster, _| {
                    let mut all = cluster.in_namespace(kind, Some(home(kind)));
                    all.any(|object| holds(object))
                });
                if found {
                    return;
                }
                changed.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap();
    }

    pub(crate) async fn until_healthy(&self, name: &str) {
        let healthy = |rollout: &Value| rollout["status"]["phase"] == "Healthy";
        self.until(kinds::ROLLOUTS, name, healthy).await;
    }

    /// Waits until the requests so far are as they must become.
    pub(crate) async fn until_asked(&self, holds: impl Fn(&[Asked]) -> bool) {
        let mut asked = self.server.asked.subscribe();
        let reached = asked.wait_for(|all| holds(all));
        let is_late = tokio::time::timeout(PATIENCE, reached).await.is_err();
        assert!(!is_late, "{:#?}", self.asked());
    }

    /// Every request so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.server.asked.borrow().clone()
    }

    /// The next so many writes are answered with 429 and `Retry-After`.
    pub(crate) fn be_busy(&self, writes: usize, seconds: u64) {
        *self.server.busy.lock().unwrap() = (writes, seconds);
    }

    /// What is asked at paths that begin so is refused with this code; nothing else is.
    pub(crate) fn refuse(&self, refused: &[(&'static str, u16)]) {
        let coded =
            |(begin, code): &(&'static str, u16)| (*begin, StatusCode::from_u16(*code).unwrap());
        *self.server.refused.lock().unwrap() = refused.iter().map(coded).collect();
    }

    /// Watches of this kind that begin from now on say nothing; `None`: they do again.
    pub(crate) fn silence(&self, plural: Option<&'static str>) {
        self.server.silent.send_replace(plural);
    }

    /// Writes of this kind get nowhere until others are named.
    pub(crate) fn stick(&self, plural: Option<&'static str>) {
        self.server.stuck.send_replace(plural);
    }

    /// Checks are refused with this code.
    pub(crate) fn refuse_checks(&self, code: StatusCode) {
        *self.server.checks.lock().unwrap() = Some(code);
    }

    /// The creation of Jobs is refused in these words.
    pub(crate) fn refuse_jobs(&self, words: &str) {
        *self.server.without_jobs.lock().unwrap() = Some(words.to_owned());
    }

    /// A controller as a task of this process.
    pub(crate) async fn controller(&self, who: &str, flags: &[&str]) -> Running {
        let mut config = Config::new(format!("http://{}", self.address).parse().unwrap());
        config.default_retry = false;
        NAMESPACE.clone_into(&mut config.default_namespace);
        config.auth_info.impersonate = Some(who.to_owned());
        let listening = watch::Sender::new(None);
        let mut heard = listening.subscribe();
        let surroundings = Surroundings {
            client: Client::try_from(config).unwrap(),
            jobs: None,
            clock: Clock::wall(),
            egress: Egress::FromEnvironment,
            listening: Some(listening),
            check_every: self.check_every,
        };
        let line = [
            "rollouts-controller",
            "--healthz-port=0",
            "--metrics-port=0",
        ];
        let args = Args::try_parse_from(line.iter().chain(flags)).unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(run(args, surroundings, async {
            let _ = stopped.await;
        }));
        let listening = heard.wait_for(Option::is_some).await.unwrap().unwrap();
        Running {
            stop,
            task,
            listening,
        }
    }

    /// A controller as a process of its own.
    pub(crate) fn process(&self, who: &str, flags: &[&str]) -> Process {
        self.process_in(who, (flags, &[]), Stdio::null())
    }

    /// A file that says how to reach this cluster.
    pub(crate) fn kubeconfig(&self, who: &str) -> PathBuf {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("{who}-{}.kubeconfig", self.address.port()));
        std::fs::write(&path, net::kubeconfig(self.address, NAMESPACE)).unwrap();
        path
    }

    /// The same with these variables in its environment, and with a place for its log.
    pub(crate) fn process_in(
        &self,
        who: &str,
        (flags, variables): (&[&str], &[(&str, &str)]),
        log: Stdio,
    ) -> Process {
        let kubeconfig = self.kubeconfig(who);
        let child = Command::new(env!("CARGO_BIN_EXE_rollouts-controller"))
            .args(["--healthzPort=0", "--metricsPort=0", "--as", who])
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(flags)
            .env("POD_NAMESPACE", OPERATOR)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Process(child)
    }
}

/// A controller as a task.
pub(crate) struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<()>>,
    listening: Listening,
}

impl Running {
    /// Ends it as SIGTERM would.
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(self) {
        let ended = tokio::time::timeout(PATIENCE, self.task).await;
        ended.unwrap().unwrap().unwrap();
    }

    /// Its metrics: by series, with the value.
    pub(crate) async fn metrics(&self) -> BTreeMap<String, f64> {
        let text = self.scrape().await;
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| {
                let (series, value) = line.rsplit_once(' ').unwrap();
                (series.to_owned(), value.parse().unwrap())
            })
            .collect()
    }

    /// Its metrics as they come.
    pub(crate) async fn scrape(&self) -> String {
        let port = self.listening.metrics.port();
        let (head, body) = ask(port, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        body
    }

    /// What `/healthz` answers.
    pub(crate) async fn health(&self) -> String {
        let port = self.listening.healthz.port();
        ask(port, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .1
    }
}

async fn ask(port: u16, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// A controller as a process; dropped, it is killed.
pub(crate) struct Process(Child);

impl Process {
    /// Sends a signal, such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        let child = tokio::task::spawn_blocking(move || self.0.wait().unwrap());
        tokio::time::timeout(PATIENCE, child)
            .await
            .unwrap()
            .unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
