//! What control-plane tests have in common: a control plane, a controller as a process, requests, and
//! waiting for what must come.

use std::{
    env,
    ffi::OsString,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use jiff::SignedDuration;
use kube::Client;
use serde_json::Value;
use tidegate_sim::actors::kubelet::Timing;

use crate::{
    ControlPlane, Installed, Options,
    assets::{self, Program},
    kubelet::Scripts,
};

/// How long something may take to come true.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// A short Lease, so that a controller that follows one that was killed does not wait for long.
const ELECTION: [&str; 3] = [
    "--leader-election-lease-duration=3s",
    "--leader-election-renew-deadline=2s",
    "--leader-election-retry-period=500ms",
];
/// Control-plane tests run only when this is set: they need programs that take minutes to build.
const SWITCH: &str = "TIDEGATE_CONTROL_PLANE";

/// A control plane and what tests do with it.
#[derive(Debug)]
pub struct Bench {
    plane: ControlPlane,
    client: ClientBox,
    folder: PathBuf,
}

struct ClientBox(Client);

impl std::fmt::Debug for ClientBox {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Client")
    }
}

/// A controller in a process of its own; dropping it kills it.
#[derive(Debug)]
pub struct Controller(Child);

impl Controller {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Ends it as a power cut would.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn kill(mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Bench {
    /// Starts a control plane for one test; `None` when control-plane tests are left out, which
    /// `cargo xtask test --quick` says.
    ///
    /// # Errors
    /// When a part does not come up.
    pub async fn start(name: &str) -> Result<Option<Self>> {
        Self::start_with(name, |_| {}).await
    }

    /// The same, with some options changed.
    ///
    /// # Errors
    /// When a part does not come up.
    pub async fn start_with(name: &str, change: impl FnOnce(&mut Options)) -> Result<Option<Self>> {
        if is_left_out(name)? {
            return Ok(None);
        }
        let folder = env::temp_dir().join(format!("tidegate-{name}-{}", std::process::id()));
        let mut options = Options {
            folder: folder.clone(),
            installed: Some(Installed::of(&root())),
            namespaces: vec!["default".to_owned(), "production".to_owned()],
            timing: Timing {
                start: SignedDuration::from_millis(300),
                stop: SignedDuration::from_millis(200),
                ..Timing::default()
            },
            scripts: Scripts::Played,
        };
        change(&mut options);
        let plane = ControlPlane::start(options).await?;
        let client = ClientBox(plane.client().await?);
        Ok(Some(Self {
            plane,
            client,
            folder,
        }))
    }

    /// A client of the administrator.
    pub fn client(&self) -> Client {
        self.client.0.clone()
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.plane.admin
    }

    /// Where its logs, certificates and other files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts the controller as a process, with these environment variables besides.
    ///
    /// # Errors
    /// When the binary is not there.
    pub fn controller(&self, environment: &[(&str, String)]) -> Result<Controller> {
        self.start_controller((&self.plane.controller, &ELECTION), environment)
    }

    /// The same, as the user of this kubeconfig.
    ///
    /// # Errors
    /// When the binary is not there.
    pub fn controller_as(
        &self,
        kubeconfig: &Path,
        environment: &[(&str, String)],
    ) -> Result<Controller> {
        self.start_controller((kubeconfig, &ELECTION), environment)
    }

    /// Starts one that sees to the objects of its instance only, beside others of other instances.
    ///
    /// # Errors
    /// When the binary is not there.
    pub fn controller_of(
        &self,
        instance: &str,
        environment: &[(&str, String)],
    ) -> Result<Controller> {
        let flags = ["--leader-elect=false", "--instance-id", instance];
        self.start_controller((&self.plane.controller, &flags), environment)
    }

    fn start_controller(
        &self,
        (kubeconfig, flags): (&Path, &[&str]),
        environment: &[(&str, String)],
    ) -> Result<Controller> {
        let program = binary("rollouts-controller")?;
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join("controller.log"))?;
        let child = Command::new(program)
            .args(["--healthzPort=0", "--metricsPort=0"])
            .args(flags)
            .args(["--loglevel=debug", "--kloglevel=1", "--kubeconfig"])
            .arg(kubeconfig)
            .env("POD_NAMESPACE", "default")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Controller(child))
    }

    /// What `PATH` must be for `kubectl` and our plugin of it to be found.
    ///
    /// # Errors
    /// When one of them is not there.
    pub fn search_path(&self) -> Result<OsString> {
        let programs = [
            binary("kubectl-argo-rollouts")?,
            assets::find(Program::Kubectl)?,
        ];
        let folders = programs.iter().filter_map(|program| program.parent());
        let inherited = env::var_os("PATH").unwrap_or_default();
        let inherited = env::split_paths(&inherited);
        let all = folders.map(Path::to_owned).chain(inherited);
        env::join_paths(all).context("a folder of PATH cannot be joined")
    }

    /// Runs our command line to its end; gives its standard output.
    ///
    /// # Errors
    /// When it ends with another code than 0; its error output is told.
    pub async fn tidegate(&self, arguments: &[&str]) -> Result<String> {
        let program = binary("tidegate")?;
        let output = tokio::process::Command::new(program)
            .args(arguments)
            .arg("--kubeconfig")
            .arg(&self.plane.admin)
            .output()
            .await?;
        if !output.status.success() {
            bail!(
                "tidegate {}: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Creates every document of a YAML file in a namespace, after `change` has seen it.
    ///
    /// # Errors
    /// When the file is no YAML or the server refuses a document.
    pub async fn apply(
        &self,
        path: &Path,
        namespace: &str,
        change: impl Fn(&mut Value),
    ) -> Result<()> {
        let text = fs::read_to_string(root().join(path))?;
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text)
            .with_context(|| format!("{} is no YAML", path.display()))?;
        for mut document in documents {
            change(&mut document);
            let uri = uri(&document, namespace)?;
            self.create(&uri, &document).await?;
        }
        Ok(())
    }

    /// Creates an object.
    ///
    /// # Errors
    /// What the server says.
    pub async fn create(&self, uri: &str, body: &Value) -> Result<Value> {
        self.send("POST", uri, ("application/json", body)).await
    }

    /// Merges a patch into an object.
    ///
    /// # Errors
    /// What the server says.
    pub async fn patch(&self, uri: &str, body: &Value) -> Result<Value> {
        self.send("PATCH", uri, ("application/merge-patch+json", body))
            .await
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// What the server says.
    pub async fn delete(&self, uri: &str) -> Result<Value> {
        self.send("DELETE", uri, ("application/json", &Value::Null))
            .await
    }

    /// An object or a list.
    ///
    /// # Errors
    /// What the server says.
    pub async fn get(&self, uri: &str) -> Result<Value> {
        let request = http::Request::get(uri).body(Vec::new())?;
        Ok(self.client.0.request(request).await?)
    }

    async fn send(&self, method: &str, uri: &str, (kind, body): (&str, &Value)) -> Result<Value> {
        let body = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let request = http::Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", kind)
            .body(body)?;
        let answer = self.client.0.request(request).await;
        answer.with_context(|| format!("{method} {uri}"))
    }

    /// Waits until an object is as it must become.
    ///
    /// # Errors
    /// When it does not in time; what it is instead is told.
    pub async fn until(&self, uri: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let now = self.get(uri).await?;
            if holds(&now) {
                return Ok(());
            }
            if Instant::now() > end {
                bail!(
                    "{uri}: no {what} after {} s; now {} (logs in {})",
                    PATIENCE.as_secs(),
                    now["status"],
                    self.folder.display()
                );
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Whether tests that need built programs are left out; says so.
///
/// # Errors
/// When stderr is closed.
pub fn is_left_out(name: &str) -> Result<bool> {
    if env::var_os(SWITCH).is_some() {
        return Ok(false);
    }
    // Told past the test harness, which keeps what passing tests print to itself.
    writeln!(
        std::io::stderr(),
        "testbed: {name} is left out, for {SWITCH} is not set: `cargo xtask test` runs it"
    )?;
    Ok(true)
}

/// Where objects of a kind are created.
fn uri(document: &Value, namespace: &str) -> Result<String> {
    let kind = document["kind"].as_str().unwrap_or_default();
    let version = document["apiVersion"].as_str().unwrap_or_default();
    let root = if version.contains('/') { "apis" } else { "api" };
    let plural = match kind {
        "Ingress" => "ingresses".to_owned(),
        "" => bail!("a document without kind"),
        kind => format!("{}s", kind.to_lowercase()),
    };
    Ok(format!("/{root}/{version}/namespaces/{namespace}/{plural}"))
}

/// The folder of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A program of ours, built beside the test that asks for it.
fn binary(name: &str) -> Result<PathBuf> {
    let test = env::current_exe()?;
    let folder = test
        .parent()
        .and_then(Path::parent)
        .context("tests lie in a folder of the target folder")?;
    let program = folder.join(name);
    if !program.is_file() {
        bail!(
            "{} is not built: run `cargo xtask test`, which builds it",
            program.display()
        );
    }
    Ok(program)
}
