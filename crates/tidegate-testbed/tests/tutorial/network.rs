//! The cluster's network, played by an HTTP proxy: whoever asks a Service or a pod through it gets the
//! answer that the pod behind it would give. What a pod answers follows from its version.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use kube::Client;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The version that answers with errors; all others are good.
const BROKEN: &str = ":2.0.0";
/// The longest head of a request that is read, in bytes.
const LONGEST: usize = 16 * 1024;
/// Between two requests of users to a pod, in milliseconds.
const BEAT: u128 = 100;

/// The proxy; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Network {
    address: SocketAddr,
    cluster: Arc<Cluster>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Cluster {
    client: OnceLock<Client>,
    /// The process that answers in place of Prometheus' pod.
    prometheus: OnceLock<SocketAddr>,
    /// Since when each pod has users, by its address.
    begun: Mutex<BTreeMap<String, Instant>>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Cluster")
    }
}

impl Network {
    /// Listens; there are no pods yet.
    ///
    /// # Errors
    /// When no port is free.
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let cluster = Arc::new(Cluster::default());
        let task = tokio::spawn(serve(listener, Arc::clone(&cluster)));
        Ok(Self {
            address,
            cluster,
            task,
        })
    }

    /// For `http_proxy` and the like.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Says where Services and pods are found.
    pub(crate) fn join(&self, client: Client) {
        // The first one stays; there is no second.
        let _ = self.cluster.client.set(client);
    }

    /// Says which process answers in place of Prometheus' pod.
    pub(crate) fn serve_prometheus(&self, address: SocketAddr) {
        let _ = self.cluster.prometheus.set(address);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, cluster: Arc<Cluster>) {
    while let Ok((stream, _)) = listener.accept().await {
        let cluster = Arc::clone(&cluster);
        tokio::spawn(async move {
            // Whoever asked may have gone; if not, a connection that ends tells enough.
            let _ = exchange(stream, &cluster).await;
        });
    }
}

/// What a pod's version is like.
#[derive(Clone, Copy)]
enum Version {
    Good,
    Broken,
}

impl Version {
    fn of(image: &str) -> Self {
        if image.ends_with(BROKEN) {
            Self::Broken
        } else {
            Self::Good
        }
    }
}

/// Who answers a request.
enum Answering {
    Process(SocketAddr),
    Pod { image: String, address: String },
}

async fn exchange(mut stream: TcpStream, cluster: &Cluster) -> Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < LONGEST {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let uri: http::Uri = text
        .split_whitespace()
        .nth(1)
        .context("a request has a target")?
        .parse()?;
    let host = uri.host().context("a proxy is told the host")?;
    match cluster.find(host, uri.port_u16().unwrap_or(80)).await {
        Ok(Answering::Process(address)) => {
            let mut process = TcpStream::connect(address).await?;
            process.write_all(&head).await?;
            copy_bidirectional(&mut stream, &mut process).await?;
            Ok(())
        }
        Ok(Answering::Pod { image, address }) => {
            let (status, body) = cluster.answer(uri.path(), (Version::of(&image), &address));
            reply(&mut stream, status, &body).await
        }
        Err(error) => reply(&mut stream, 502, &format!("{error:#}")).await,
    }
}

async fn reply(stream: &mut TcpStream, status: u16, body: &str) -> Result<()> {
    let head = format!(
        "HTTP/1.1 {status} \r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    Ok(stream.shutdown().await?)
}

impl Cluster {
    /// Who is behind `NAME.NAMESPACE`, or a pod's own address.
    async fn find(&self, host: &str, port: u16) -> Result<Answering> {
        if host.parse::<std::net::IpAddr>().is_ok() {
            let pods = self.get("/api/v1/pods").await?;
            let pod = items(&pods).find(|pod| pod["status"]["podIP"] == host);
            return answering(pod.with_context(|| format!("no pod has the address {host}"))?);
        }
        let mut parts = host.split('.');
        let (name, namespace) = (parts.next().unwrap_or(host), parts.next());
        let namespace = namespace.context("a Service is asked by its name and namespace")?;
        let service = format!("/api/v1/namespaces/{namespace}/services/{name}");
        let service = self.get(&service).await?;
        let served = service["spec"]["ports"].as_array();
        if !served.into_iter().flatten().any(|one| one["port"] == port) {
            bail!("Service {name} has no port {port}");
        }
        let selector = service["spec"]["selector"].as_object();
        let selector: Vec<String> = selector
            .into_iter()
            .flatten()
            .map(|(label, value)| format!("{label}%3D{}", value.as_str().unwrap_or_default()))
            .collect();
        let pods = format!(
            "/api/v1/namespaces/{namespace}/pods?labelSelector={}",
            selector.join("%2C")
        );
        let pods = self.get(&pods).await?;
        let ready = items(&pods).find(|pod| is_ready(pod));
        let ready = ready.with_context(|| format!("no pod is ready behind {name}"))?;
        match self.prometheus.get() {
            Some(address) if name == "prometheus" => Ok(Answering::Process(*address)),
            Some(_) | None => answering(ready),
        }
    }

    async fn get(&self, uri: &str) -> Result<Value> {
        let client = self.client.get().context("there is no cluster yet")?;
        let request = http::Request::get(uri).body(Vec::new())?;
        Ok(client.request(request).await?)
    }

    /// What a version says under a path.
    fn answer(&self, path: &str, (version, address): (Version, &str)) -> (u16, String) {
        match (path, version) {
            ("/health", _) => (200, "ok\n".to_owned()),
            ("/metrics", _) => (200, self.metrics(address, version)),
            (_, Version::Broken) => (500, "out of order\n".to_owned()),
            (_, Version::Good) => (200, "[]\n".to_owned()),
        }
    }

    /// The counters of a pod that is asked ten times a second; each answer takes less than 100 ms.
    fn metrics(&self, address: &str, version: Version) -> String {
        let mut begun = self.begun.lock().expect("nobody panics with it");
        let since = begun.entry(address.to_owned()).or_insert_with(Instant::now);
        let all = since.elapsed().as_millis() / BEAT;
        let (good, failed) = match version {
            Version::Good => (all, 0),
            Version::Broken => (0, all),
        };
        format!(
            "# TYPE http_requests_total counter\n\
             http_requests_total{{status=\"200\"}} {good}\n\
             http_requests_total{{status=\"500\"}} {failed}\n\
             # TYPE http_request_duration_milliseconds histogram\n\
             http_request_duration_milliseconds_bucket{{le=\"100\"}} {all}\n\
             http_request_duration_milliseconds_bucket{{le=\"500\"}} {all}\n\
             http_request_duration_milliseconds_bucket{{le=\"+Inf\"}} {all}\n"
        )
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list["items"].as_array().into_iter().flatten()
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

fn answering(pod: &Value) -> Result<Answering> {
    let image = pod["spec"]["containers"][0]["image"].as_str();
    let address = pod["status"]["podIP"].as_str();
    Ok(Answering::Pod {
        image: image.context("a container has an image")?.to_owned(),
        address: address.context("a pod has an address")?.to_owned(),
    })
}
