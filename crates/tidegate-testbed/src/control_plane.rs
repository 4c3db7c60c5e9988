//! Starts and stops a whole control plane.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};
use tidegate_sim::actors::kubelet::Timing;

use crate::{
    assets::{self, Program},
    certificates,
    kubelet::{self, Scripts},
    process::Process,
};

/// How long a part may take until it is ready.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// A place in memory: etcd waits for its disk at each write otherwise.
const MEMORY: &str = "/dev/shm";
/// What the data's folders are called there; the process and a number follow.
const DATA: &str = "tidegate-etcd-";

/// What a control plane is to be like.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where certificates, logs and kubeconfigs go.
    pub folder: PathBuf,
    /// What is installed before anybody comes; `None` leaves that to them.
    pub installed: Option<Installed>,
    /// Namespaces to make.
    pub namespaces: Vec<String>,
    /// How long a pod's stages take.
    pub timing: Timing,
    /// What becomes of the scripts of pods that run to completion.
    pub scripts: Scripts,
}

/// What a controller needs to be there.
#[derive(Clone, Debug)]
pub struct Installed {
    /// Folder of the definitions.
    pub definitions: PathBuf,
    /// The manifest that installs the controller: its role is what the controller's user may do.
    pub manifest: PathBuf,
}

impl Installed {
    /// What is shipped, in a checkout.
    pub fn of(root: &Path) -> Self {
        Self {
            definitions: root.join("deploy/crds"),
            manifest: root.join("deploy/manifests/install.yaml"),
        }
    }
}

/// A running control plane; dropping it stops everything.
#[derive(Debug)]
pub struct ControlPlane {
    /// Kubeconfig of the administrator.
    pub admin: PathBuf,
    /// Kubeconfig of the controller.
    pub controller: PathBuf,
    folder: PathBuf,
    data: PathBuf,
    processes: Vec<Process>,
    kubelet: Option<tokio::task::JoinHandle<()>>,
}

impl ControlPlane {
    /// Starts etcd, the API server, the definitions, the controller manager and the kubelet.
    ///
    /// # Errors
    /// A sentence that names the part that did not come up, and its log.
    pub async fn start(options: Options) -> Result<Self> {
        fs::create_dir_all(&options.folder)?;
        clear_stale(Path::new(MEMORY));
        let data = data_folder(&options.folder);
        let mut plane = Self {
            admin: options.folder.join("admin.yaml"),
            controller: options.folder.join("controller.yaml"),
            data,
            folder: options.folder.clone(),
            processes: Vec::new(),
            kubelet: None,
        };
        certificates::write(&plane.folder)?;
        let etcd = plane.start_etcd()?;
        let api = plane.start_api_server(&etcd)?;
        for name in ["admin", "controller"] {
            plane.write_kubeconfig(name, &api)?;
        }
        let client = plane.client().await?;
        plane.ready(&client).await?;
        if let Some(installed) = &options.installed {
            install(&client, &installed.definitions).await?;
            grant(&client, &installed.manifest).await?;
        }
        for namespace in &options.namespaces {
            make_namespace(&client, namespace).await?;
        }
        plane.start_controller_manager()?;
        let kubelet = kubelet::attach(client.clone(), (options.timing, options.scripts)).await?;
        plane.kubelet = Some(kubelet);
        for namespace in &options.namespaces {
            plane.service_account(&client, namespace).await?;
        }
        Ok(plane)
    }

    /// A client of the administrator.
    ///
    /// # Errors
    /// When the kubeconfig cannot be read.
    pub async fn client(&self) -> Result<Client> {
        // Somebody may have chosen a provider already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let file = Kubeconfig::read_from(&self.admin)?;
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
        Ok(Client::try_from(config)?)
    }

    /// Process ids, for people who look after them.
    pub fn process_ids(&self) -> Vec<u32> {
        self.processes.iter().map(Process::id).collect()
    }

    fn pki(&self, file: &str) -> String {
        self.folder.join(file).display().to_string()
    }

    fn start_etcd(&mut self) -> Result<String> {
        let (client, peer) = (free_port()?, free_port()?);
        let url = format!("http://127.0.0.1:{client}");
        let peer = format!("http://127.0.0.1:{peer}");
        self.spawn(
            Program::Etcd,
            &[
                format!("--data-dir={}", self.data.display()),
                "--unsafe-no-fsync".to_owned(),
                format!("--listen-client-urls={url}"),
                format!("--advertise-client-urls={url}"),
                format!("--listen-peer-urls={peer}"),
                format!("--initial-advertise-peer-urls={peer}"),
                format!("--initial-cluster=default={peer}"),
                "--quota-backend-bytes=4294967296".to_owned(),
                "--log-level=warn".to_owned(),
            ],
        )?;
        Ok(url)
    }

    fn start_api_server(&mut self, etcd: &str) -> Result<String> {
        let port = free_port()?;
        self.spawn(
            Program::ApiServer,
            &[
                format!("--etcd-servers={etcd}"),
                "--bind-address=127.0.0.1".to_owned(),
                format!("--secure-port={port}"),
                "--endpoint-reconciler-type=none".to_owned(),
                format!("--tls-cert-file={}", self.pki("apiserver.crt")),
                format!("--tls-private-key-file={}", self.pki("apiserver.key")),
                format!("--client-ca-file={}", self.pki("ca.crt")),
                format!("--cert-dir={}", self.pki("")),
                "--authorization-mode=RBAC".to_owned(),
                "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
                "--allow-privileged=true".to_owned(),
                "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
                format!("--service-account-key-file={}", self.pki("sa.pub")),
                format!("--service-account-signing-key-file={}", self.pki("sa.key")),
                "--enable-priority-and-fairness=false".to_owned(),
                "--max-requests-inflight=0".to_owned(),
                "--max-mutating-requests-inflight=0".to_owned(),
                "--profiling=false".to_owned(),
                "--event-ttl=4h".to_owned(),
            ],
        )?;
        Ok(format!("https://127.0.0.1:{port}"))
    }

    fn start_controller_manager(&mut self) -> Result<()> {
        let kubeconfig = self.admin.display().to_string();
        let port = free_port()?;
        self.spawn(
            Program::ControllerManager,
            &[
                format!("--kubeconfig={kubeconfig}"),
                format!("--authentication-kubeconfig={kubeconfig}"),
                format!("--authorization-kubeconfig={kubeconfig}"),
                "--bind-address=127.0.0.1".to_owned(),
                format!("--secure-port={port}"),
                "--leader-elect=false".to_owned(),
                format!("--root-ca-file={}", self.pki("ca.crt")),
                format!("--service-account-private-key-file={}", self.pki("sa.key")),
                format!("--cert-dir={}", self.pki("")),
                "--kube-api-qps=300".to_owned(),
                "--kube-api-burst=500".to_owned(),
                // Tests do not wait a quarter of a minute for each look of an autoscaler.
                "--horizontal-pod-autoscaler-sync-period=1s".to_owned(),
                "--controllers=*,-node-lifecycle-controller,-taint-eviction-controller,-node-ipam-controller,-persistentvolume-attach-detach-controller,-cronjob-controller".to_owned(),
            ],
        )
    }

    fn spawn(&mut self, program: Program, arguments: &[String]) -> Result<()> {
        let path = assets::find(program)?;
        self.processes
            .push(Process::start(&path, arguments, &self.folder)?);
        Ok(())
    }

    fn write_kubeconfig(&self, name: &str, server: &str) -> Result<()> {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "testbed",
            "clusters": [{"name": "testbed", "cluster": {
                "server": server, "certificate-authority": self.pki("ca.crt")}}],
            "contexts": [{"name": "testbed", "context": {
                "cluster": "testbed", "user": name, "namespace": "default"}}],
            "users": [{"name": name, "user": {
                "client-certificate": self.pki(&format!("{name}.crt")),
                "client-key": self.pki(&format!("{name}.key"))}}],
        });
        let path = self.folder.join(format!("{name}.yaml"));
        fs::write(path, config.to_string())?;
        Ok(())
    }

    async fn ready(&mut self, client: &Client) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            for process in &mut self.processes {
                process
                    .check()
                    .with_context(|| format!("see the logs in {}", self.folder.display()))?;
            }
            let request = http::Request::get("/readyz").body(Vec::new())?;
            if client.request_text(request).await.is_ok() {
                return Ok(());
            }
            if Instant::now() > end {
                bail!(
                    "the API server is not ready after {} s: see {}",
                    PATIENCE.as_secs(),
                    self.folder.display()
                );
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn service_account(&self, client: &Client, namespace: &str) -> Result<()> {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
        let end = Instant::now() + PATIENCE;
        loop {
            let request = http::Request::get(&path).body(Vec::new())?;
            if client.request::<Value>(request).await.is_ok() {
                return Ok(());
            }
            if Instant::now() > end {
                bail!("the controller manager makes no service account in {namespace}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if let Some(kubelet) = self.kubelet.take() {
            kubelet.abort();
        }
        // The last that was started goes first.
        while let Some(process) = self.processes.pop() {
            drop(process);
        }
        // What is left of it lies in memory, and the next one has a folder of its own.
        let _ = fs::remove_dir_all(&self.data);
    }
}

/// In memory where there is such a place.
fn data_folder(folder: &Path) -> PathBuf {
    let memory = Path::new(MEMORY);
    if memory.is_dir() {
        memory.join(format!("{DATA}{}-{}", std::process::id(), unique()))
    } else {
        folder.join("etcd")
    }
}

/// Removes the data of clusters whose process was killed: it would fill the memory.
fn clear_stale(memory: &Path) {
    for entry in fs::read_dir(memory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name
            .strip_prefix(DATA)
            .and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // Another test may be at it as well.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn unique() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A port that nobody listens on at this instant.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Applies every definition of a folder, and waits until the server has taken them up.
async fn install(client: &Client, folder: &Path) -> Result<()> {
    let mut names = Vec::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("no definitions in {}", folder.display()))?
    {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let body: Value = serde_saphyr::from_str(&text)
            .with_context(|| format!("{} is no YAML", path.display()))?;
        let name = body["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let uri = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        post(client, uri, &body).await?;
        names.push(name);
    }
    for name in names {
        let uri = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
        established(client, &uri).await?;
    }
    Ok(())
}

/// Gives the controller's user the roles that the manifest gives to its service account.
async fn grant(client: &Client, manifest: &Path) -> Result<()> {
    let text = fs::read_to_string(manifest)
        .with_context(|| format!("no manifest at {}", manifest.display()))?;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text)
        .with_context(|| format!("{} is no YAML", manifest.display()))?;
    let mut bindings = 0;
    for mut document in documents {
        let plural = match document["kind"].as_str() {
            Some("ClusterRole") => "clusterroles",
            Some("ClusterRoleBinding") => {
                bindings += 1;
                document["subjects"] = json!([{
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "User",
                    "name": certificates::CONTROLLER,
                }]);
                "clusterrolebindings"
            }
            Some(_) | None => continue,
        };
        let uri = format!("/apis/rbac.authorization.k8s.io/v1/{plural}");
        post(client, &uri, &document).await?;
    }
    if bindings == 0 {
        bail!("{} binds no role to the controller", manifest.display());
    }
    Ok(())
}

async fn established(client: &Client, uri: &str) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        let request = http::Request::get(uri).body(Vec::new())?;
        let definition: Value = client.request(request).await?;
        let conditions = definition["status"]["conditions"].as_array();
        let done = conditions
            .into_iter()
            .flatten()
            .any(|condition| condition["type"] == "Established" && condition["status"] == "True");
        if done {
            return Ok(());
        }
        if Instant::now() > end {
            bail!("{uri} is not established");
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn make_namespace(client: &Client, name: &str) -> Result<()> {
    if name == "default" {
        return Ok(());
    }
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    post(client, "/api/v1/namespaces", &body).await
}

async fn post(client: &Client, uri: &str, body: &Value) -> Result<()> {
    let request = http::Request::post(uri)
        .header("content-type", "application/json")
        .body(body.to_string().into_bytes())?;
    client
        .request::<Value>(request)
        .await
        .with_context(|| format!("cannot create {uri} {}", body["metadata"]["name"]))?;
    Ok(())
}
