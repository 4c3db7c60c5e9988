//! A real Prometheus, and traffic made up for it: a server whose counters grow as if a Service were
//! asked a hundred times a second.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail};
use percent_encoding::NON_ALPHANUMERIC;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{
    assets::{self, Program},
    control_plane::free_port,
    process::Process,
    readiness,
};

/// Its configuration, in its folder.
const CONFIGURATION: &str = "prometheus.yaml";
/// What it looks at for each request: who may ask.
const LOCK: &str = "prometheus-web.yaml";
/// Who may ask once it is locked.
pub const USER: &str = "tidegate";
/// With which password.
pub const PASSWORD: &str = "correct-horse";
/// The same as bcrypt keeps it.
const PASSWORD_HASH: &str = "$2b$04$8/GiZke5uKEoxaK12clHHOzFgvXEcVpsKifN76YGWnbedEW6OmBki";
/// Between two steps of the traffic.
const BEAT: Duration = Duration::from_millis(100);
/// Requests in one step.
const REQUESTS: u64 = 10;
/// The longest request that is read to its end, in bytes.
const LONGEST: usize = 16 * 1024;

/// Requests to one Service, told under `/metrics`; dropping it stops them.
#[derive(Debug)]
pub struct Traffic {
    address: SocketAddr,
    state: Arc<State>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    service: String,
    failing_percent: AtomicU64,
    good: AtomicU64,
    failed: AtomicU64,
}

impl Traffic {
    /// Lets requests to a Service begin, of which so many in a hundred fail.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(service: &str, failing_percent: u64) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            service: service.to_owned(),
            failing_percent: AtomicU64::new(failing_percent),
            good: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        });
        let tasks = vec![
            tokio::spawn(flow(Arc::clone(&state))),
            tokio::spawn(serve(listener, Arc::clone(&state))),
        ];
        Ok(Self {
            address,
            state,
            tasks,
        })
    }

    /// From now on so many in a hundred fail.
    pub fn fail(&self, percent: u64) {
        self.state.failing_percent.store(percent, Ordering::Relaxed);
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn flow(state: Arc<State>) {
    let mut beat = tokio::time::interval(BEAT);
    loop {
        beat.tick().await;
        let percent = state.failing_percent.load(Ordering::Relaxed).min(100);
        let failed = REQUESTS * percent / 100;
        state.failed.fetch_add(failed, Ordering::Relaxed);
        state.good.fetch_add(REQUESTS - failed, Ordering::Relaxed);
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let text = state.text();
        tokio::spawn(async move {
            // Who asked may have gone; the next scrape comes soon.
            let _ = answer(stream, &text).await;
        });
    }
}

impl State {
    /// The counters, in the format that Prometheus reads. Every request takes less than 100 ms.
    fn text(&self) -> String {
        let service = &self.service;
        let good = self.good.load(Ordering::Relaxed);
        let failed = self.failed.load(Ordering::Relaxed);
        let all = good + failed;
        format!(
            "# TYPE http_requests_total counter\n\
             http_requests_total{{service=\"{service}\",status=\"200\"}} {good}\n\
             http_requests_total{{service=\"{service}\",status=\"500\"}} {failed}\n\
             # TYPE http_request_duration_milliseconds histogram\n\
             http_request_duration_milliseconds_bucket{{service=\"{service}\",le=\"100\"}} {all}\n\
             http_request_duration_milliseconds_bucket{{service=\"{service}\",le=\"500\"}} {all}\n\
             http_request_duration_milliseconds_bucket{{service=\"{service}\",le=\"+Inf\"}} {all}\n"
        )
    }
}

async fn answer(mut stream: TcpStream, text: &str) -> Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") && request.len() < LONGEST {
        if stream.read_buf(&mut request).await? == 0 {
            break;
        }
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(text.as_bytes()).await?;
    Ok(stream.shutdown().await?)
}

/// A running Prometheus; dropping it ends it.
#[derive(Debug)]
pub struct Prometheus {
    address: SocketAddr,
    folder: PathBuf,
    process: Option<Process>,
}

impl Prometheus {
    /// Starts it with its files in a folder, scraping the traffic every second, and waits until it has
    /// seen some.
    ///
    /// # Errors
    /// When it does not come up; its log is named.
    pub async fn start(folder: &Path, traffic: &Traffic) -> Result<Self> {
        let configuration = json!({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [{
                "job_name": "traffic",
                "static_configs": [{"targets": [traffic.address.to_string()]}],
            }],
        });
        let mut prometheus = Self::run(folder, &configuration)?;
        prometheus.scraped().await?;
        Ok(prometheus)
    }

    /// Starts it with its files in a folder and a configuration of one's own.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(folder: &Path, configuration: &Value) -> Result<Self> {
        // JSON is YAML.
        fs::write(folder.join(CONFIGURATION), configuration.to_string())?;
        fs::write(folder.join(LOCK), "{}")?;
        let mut prometheus = Self {
            address: SocketAddr::from(([127, 0, 0, 1], free_port()?)),
            folder: folder.to_owned(),
            process: None,
        };
        prometheus.spawn()?;
        Ok(prometheus)
    }

    /// Ends it as a power cut would.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Starts it again after it was stopped, at the same address, with what it had stored.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn go_on(&mut self) -> Result<()> {
        self.spawn()?;
        self.scraped().await
    }

    fn spawn(&mut self) -> Result<()> {
        let program = assets::find(Program::Prometheus)?;
        let arguments = [
            format!(
                "--config.file={}",
                self.folder.join(CONFIGURATION).display()
            ),
            format!(
                "--storage.tsdb.path={}",
                self.folder.join("prometheus-data").display()
            ),
            format!("--web.listen-address={}", self.address),
            format!("--web.config.file={}", self.folder.join(LOCK).display()),
            "--log.level=warn".to_owned(),
        ];
        self.process = Some(Process::start(&program, &arguments, &self.folder)?);
        Ok(())
    }

    /// Waits until a rate can be told, which needs two scrapes.
    async fn scraped(&mut self) -> Result<()> {
        let some = |answer: &Value| {
            let series = answer["data"]["result"].as_array();
            series.is_some_and(|series| !series.is_empty())
        };
        self.until("rate(http_requests_total[1m])", some).await
    }

    /// Asks until the answer is as it must become.
    ///
    /// # Errors
    /// When it does not in time; the last answer is told.
    pub async fn until(&mut self, query: &str, holds: impl Fn(&Value) -> bool) -> Result<()> {
        let query: String =
            percent_encoding::utf8_percent_encode(query, NON_ALPHANUMERIC).collect();
        let path = format!("/api/v1/query?query={query}");
        let process = self.process.as_mut().context("it was stopped")?;
        let ready = |text: &str| {
            let body = text.split_once("\r\n\r\n").map(|(_, body)| body);
            let answer = body.and_then(|body| serde_json::from_str(body).ok());
            answer.is_some_and(|answer| holds(&answer))
        };
        readiness::until(process, &self.folder, (self.address, &path), ready).await
    }

    /// From now on it answers only who shows name and password.
    ///
    /// # Errors
    /// When its folder cannot be written.
    pub fn lock(&self) -> Result<()> {
        let text = json!({"basic_auth_users": {USER: PASSWORD_HASH}});
        Ok(fs::write(self.folder.join(LOCK), text.to_string())?)
    }

    /// Lets it hang, or wakes it up: connections are taken, and nothing is answered meanwhile.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, signal: &str) -> Result<()> {
        let process = self.process.as_ref().context("it was stopped")?;
        let id = process.id().to_string();
        let status = Command::new("kill").args(["-s", signal, &id]).status()?;
        if !status.success() {
            bail!("Prometheus takes no {signal}");
        }
        Ok(())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is asked, for a metric's `address`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
