//! A reader: saves files, runs commands, and looks until what the page shows is there.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::PathBuf,
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tidegate_testbed::{
    bench::{self, Bench, Controller},
    prometheus::Prometheus,
};
use tokio::{io::AsyncReadExt, process::Command};

use crate::{
    document::{self, Part},
    network::Network,
    picture,
    usage::Usage,
};

/// What is shortened in the reader's files: an analysis of five minutes measures as often in ten seconds.
/// Pauses stay as long as they are.
const SHORTENED: (&str, &str) = ("interval: 30s", "interval: 1s");
/// How long what the page shows may take to come.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// Commands that change nothing: a reader runs them again until they show what is expected.
const LOOKING: [&str; 4] = [
    "kubectl get ",
    "kubectl argo rollouts get ",
    "kubectl argo rollouts list ",
    "kubectl argo rollouts version",
];

/// A reader and the cluster that the page is tried on.
pub(crate) struct Walk {
    bench: Bench,
    network: Network,
    folder: PathBuf,
    controller: Option<Controller>,
    prometheus: Option<Prometheus>,
    usage: Option<Usage>,
    began: Instant,
}

impl Walk {
    /// An empty cluster, and an empty folder for the reader's files.
    pub(crate) async fn begin(bench: Bench, network: Network) -> Result<Self> {
        network.join(bench.client());
        let folder = bench.folder().join("reader");
        fs::create_dir_all(&folder)?;
        std::os::unix::fs::symlink(
            bench::root().canonicalize()?.join("deploy"),
            folder.join("deploy"),
        )?;
        let walk = Self {
            bench,
            network,
            folder,
            controller: None,
            prometheus: None,
            usage: None,
            began: Instant::now(),
        };
        let stand_ins = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tutorial/stand-ins.yaml");
        let output = walk.run(&format!("kubectl apply -f {stand_ins}")).await?;
        if !output.status.success() {
            bail!("{}", said(&output));
        }
        Ok(walk)
    }

    /// Does what a part of the page says.
    ///
    /// # Errors
    /// When it cannot be done, or shows something else.
    pub(crate) async fn follow(&mut self, part: &Part) -> Result<()> {
        match part {
            Part::Save { name, text } => {
                let text = text.replace(SHORTENED.0, SHORTENED.1);
                if text.contains("kind: HorizontalPodAutoscaler") {
                    self.usage = Some(Usage::start(self.bench.client()));
                }
                Ok(fs::write(self.folder.join(name), text)?)
            }
            Part::Add { name, below, text } => {
                let path = self.folder.join(name);
                let manifest = fs::read_to_string(&path).with_context(|| format!("no {name}"))?;
                Ok(fs::write(path, document::added(&manifest, below, text)?)?)
            }
            Part::Run {
                line,
                command,
                shown,
            } => {
                let tried = self.try_out(command, shown).await;
                tried.with_context(|| {
                    format!(
                        "docs/tutorial.md:{line}: {command} (logs in {})",
                        self.bench.folder().display()
                    )
                })
            }
        }
    }

    async fn try_out(&mut self, command: &str, shown: &[String]) -> Result<()> {
        if command.contains(" promote ") {
            self.measured().await?;
        }
        if command.ends_with(" -w") {
            return self.watch(command, shown).await;
        }
        let is_look = LOOKING.iter().any(|look| command.starts_with(look));
        let end = Instant::now() + PATIENCE;
        loop {
            let output = tokio::time::timeout(PATIENCE, self.run(command))
                .await
                .context("it does not end")??;
            let said = said(&output);
            if picture::is_shown(shown, &said) {
                self.note(command, &said)?;
                break;
            }
            if !is_look || Instant::now() > end {
                bail!("it says\n{}", picture::readable(&said));
            }
            tokio::time::sleep(LOOK).await;
        }
        if command.contains(" apply ") {
            self.start_pods().await?;
        }
        Ok(())
    }

    fn command(&self, command: &str) -> Result<Command> {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", command])
            .current_dir(&self.folder)
            .env("PATH", self.bench.search_path()?)
            .env("KUBECONFIG", self.bench.kubeconfig())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Ok(shell)
    }

    async fn run(&self, command: &str) -> Result<Output> {
        Ok(self.command(command)?.output().await?)
    }

    /// Watches until the picture is there, and stops as a reader does, with Ctrl-C.
    async fn watch(&self, command: &str, shown: &[String]) -> Result<()> {
        let mut child = self
            .command(&format!("exec {command}"))?
            .stdout(Stdio::piped())
            .spawn()?;
        let mut output = child.stdout.take().context("it has an output")?;
        let mut said = Vec::new();
        let seen = async {
            loop {
                if output.read_buf(&mut said).await? == 0 {
                    bail!("it ended");
                }
                let text = String::from_utf8_lossy(&said);
                if picture::frames(&text).any(|frame| picture::is_shown(shown, frame)) {
                    return Ok(());
                }
            }
        };
        let seen = tokio::time::timeout(PATIENCE, seen).await;
        let id = child.id().context("it runs")?;
        Command::new("kill")
            .args(["-INT", &id.to_string()])
            .status()
            .await?;
        let ended = child.wait().await?;
        let text = String::from_utf8_lossy(&said);
        let last = picture::readable(picture::frames(&text).last().unwrap_or_default());
        seen.map_err(anyhow::Error::from)
            .flatten()
            .with_context(|| format!("it shows at last\n{last}"))?;
        self.note(command, &last)?;
        if !ended.success() {
            bail!("after Ctrl-C it ends with {ended}");
        }
        Ok(())
    }

    /// Keeps what was said, for whoever writes the page.
    fn note(&self, command: &str, said: &str) -> Result<()> {
        let path = self.bench.folder().join("said.txt");
        let mut file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)?;
        let seconds = self.began.elapsed().as_secs();
        writeln!(
            file,
            "\n({seconds} s)\n$ {command}\n{}",
            picture::readable(said)
        )?;
        Ok(())
    }

    /// Runs what the pods of the installed controller and of Prometheus would run, as they are installed.
    async fn start_pods(&mut self) -> Result<()> {
        let installed = "/apis/apps/v1/namespaces/argo-rollouts/deployments/tidegate";
        if self.controller.is_none() && self.bench.get(installed).await.is_ok() {
            let kubeconfig = self.service_account("argo-rollouts", "tidegate").await?;
            let environment = [
                ("POD_NAMESPACE", "argo-rollouts".to_owned()),
                ("http_proxy", self.network.url()),
            ];
            self.controller = Some(self.bench.controller_as(&kubeconfig, &environment)?);
        }
        let configured = "/api/v1/namespaces/monitoring/configmaps/prometheus";
        if self.prometheus.is_none()
            && let Ok(map) = self.bench.get(configured).await
        {
            let text = map["data"]["prometheus.yml"].as_str();
            let text = text.context("the ConfigMap has no prometheus.yml")?;
            let mut configuration: Value = serde_saphyr::from_str(text)?;
            let kubeconfig = self.service_account("monitoring", "prometheus").await?;
            configuration["global"]["scrape_interval"] = json!("1s");
            for job in configuration["scrape_configs"]
                .as_array_mut()
                .into_iter()
                .flatten()
            {
                job["proxy_url"] = json!(self.network.url());
                for discovery in job["kubernetes_sd_configs"]
                    .as_array_mut()
                    .into_iter()
                    .flatten()
                {
                    discovery["kubeconfig_file"] = json!(kubeconfig);
                }
            }
            let prometheus = Prometheus::run(self.bench.folder(), &configuration)?;
            self.network.serve_prometheus(prometheus.address());
            self.prometheus = Some(prometheus);
        }
        Ok(())
    }

    /// A kubeconfig with which a process has the rights of a service account, and no others.
    async fn service_account(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        let command = format!("kubectl create token {name} -n {namespace} --duration 1h");
        let output = self.run(&command).await?;
        if !output.status.success() {
            bail!("{command}: {}", said(&output));
        }
        let mut config: Value = serde_json::from_slice(&fs::read(self.bench.kubeconfig())?)?;
        let token = String::from_utf8(output.stdout)?;
        config["users"][0]["user"] = json!({"token": token.trim()});
        let path = self.bench.folder().join(format!("{name}-account.yaml"));
        fs::write(&path, config.to_string())?;
        Ok(path)
    }

    /// Waits until there are measurements of every pod behind a Service: a reader reads on for a while
    /// before promoting, and by then Prometheus has them.
    async fn measured(&mut self) -> Result<()> {
        let slices = "/apis/discovery.k8s.io/v1/namespaces/production/endpointslices";
        let slices = self.bench.get(slices).await?;
        let mut behind = BTreeSet::new();
        for slice in slices["items"].as_array().into_iter().flatten() {
            let service = slice["metadata"]["labels"]["kubernetes.io/service-name"].as_str();
            let port = &slice["ports"][0]["port"];
            for endpoint in slice["endpoints"].as_array().into_iter().flatten() {
                let address = endpoint["addresses"][0].as_str().unwrap_or_default();
                behind.insert((
                    service.unwrap_or_default().to_owned(),
                    format!("{address}:{port}"),
                ));
            }
        }
        let Some(prometheus) = &mut self.prometheus else {
            return Ok(());
        };
        let query = "rate(http_requests_total{status=\"200\"}[1m])";
        prometheus
            .until(query, |answer| {
                let series = answer["data"]["result"].as_array();
                let known: BTreeSet<(String, String)> = series
                    .into_iter()
                    .flatten()
                    .map(|one| {
                        let label = |name: &str| {
                            one["metric"][name].as_str().unwrap_or_default().to_owned()
                        };
                        (label("service"), label("instance"))
                    })
                    .collect();
                behind.is_subset(&known)
            })
            .await
    }
}

/// What a command printed, as a terminal shows it.
fn said(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}
