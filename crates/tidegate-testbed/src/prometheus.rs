//! A real Prometheus, and traffic made up for it: a server whose counters grow as if a Service were
//! asked a hundred times a second.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{
    assets::{self, Program},
    control_plane::free_port,
    process::Process,
};

/// How long Prometheus may take until it answers.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
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
    _process: Process,
}

impl Prometheus {
    /// Starts it with its files in a folder, scraping the traffic every second, and waits until it has
    /// seen some.
    ///
    /// # Errors
    /// When it does not come up; its log is named.
    pub async fn start(folder: &Path, traffic: &Traffic) -> Result<Self> {
        let program = assets::find(Program::Prometheus)?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let data = folder.join("prometheus-data");
        let configuration = folder.join("prometheus.yaml");
        // JSON is YAML.
        let text = json!({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [{
                "job_name": "traffic",
                "static_configs": [{"targets": [traffic.address.to_string()]}],
            }],
        });
        fs::write(&configuration, text.to_string())?;
        let arguments = [
            format!("--config.file={}", configuration.display()),
            format!("--storage.tsdb.path={}", data.display()),
            format!("--web.listen-address={address}"),
            "--log.level=warn".to_owned(),
        ];
        let mut process = Process::start(&program, &arguments, folder)?;
        let end = Instant::now() + PATIENCE;
        loop {
            process
                .check()
                .with_context(|| format!("see prometheus.log in {}", folder.display()))?;
            // A rate needs two scrapes.
            let rate = "/api/v1/query?query=rate(http_requests_total%5B1m%5D)";
            match get(address, rate).await {
                Ok(text) if text.contains("\"status\":\"200\"") || text.contains("\"500\"") => {
                    return Ok(Self {
                        address,
                        _process: process,
                    });
                }
                Ok(_) | Err(_) if Instant::now() < end => tokio::time::sleep(LOOK).await,
                Ok(_) | Err(_) => bail!(
                    "Prometheus scrapes nothing after {} s: see {}",
                    PATIENCE.as_secs(),
                    folder.display()
                ),
            }
        }
    }

    /// Where it is asked, for a metric's `address`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// The answer to a GET, head and body.
async fn get(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}
