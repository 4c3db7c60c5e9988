//! `cargo xtask testbed up|down|status`: a control plane for a person.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use tidegate_sim::actors::kubelet::Timing;
use tidegate_testbed::{
    ControlPlane, Installed, Options,
    assets::{self, Program},
    kubelet::Scripts,
};

/// What to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Action {
    /// Start it; it runs until `down`
    Up,
    /// Stop it
    Down,
    /// Tell whether it runs
    Status,
    /// Print where its programs are, one a line; build what is missing
    Programs,
    /// Run it in the foreground (what `up` starts)
    #[command(hide = true)]
    Run,
}

/// How long it may take to come up, besides building.
const PATIENCE: Duration = Duration::from_secs(90);

/// Carries it out.
pub(crate) fn run(root: &Path, action: Action) -> Result<()> {
    let place = Place::new()?;
    match action {
        Action::Up => up(&place),
        Action::Down => down(&place),
        Action::Status => status(&place),
        Action::Programs => programs(),
        Action::Run => foreground(root, &place),
    }
}

/// Where it keeps its files.
struct Place {
    folder: PathBuf,
}

impl Place {
    fn new() -> Result<Self> {
        let folder = assets::cache()?.join("testbed");
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.join("pid")
    }

    fn ready_file(&self) -> PathBuf {
        self.folder.join("ready")
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.join("admin.yaml")
    }

    /// The process that runs it, if it does. What a killed one left behind is cleared away.
    fn running(&self) -> Option<u32> {
        let pid: u32 = fs::read_to_string(self.pid_file())
            .ok()?
            .trim()
            .parse()
            .ok()?;
        let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if command.contains("testbed") {
            return Some(pid);
        }
        // It may be gone by now.
        let _ = fs::remove_file(self.pid_file());
        let _ = fs::remove_file(self.ready_file());
        None
    }
}

fn up(place: &Place) -> Result<()> {
    if place.running().is_none() {
        start(place)?;
    }
    say(&format!(
        "export KUBECONFIG={}",
        place.kubeconfig().display()
    ))
}

fn start(place: &Place) -> Result<()> {
    assets::build_all()?;
    let log = place.folder.join("testbed.log");
    let output = fs::File::create(&log)?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(["testbed", "run"])
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()?;
    fs::write(place.pid_file(), child.id().to_string())?;
    let end = Instant::now() + PATIENCE;
    while !place.ready_file().exists() {
        if child.try_wait()?.is_some() || Instant::now() > end {
            bail!("it does not come up: see {}", log.display());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn down(place: &Place) -> Result<()> {
    let Some(pid) = place.running() else {
        return say("it does not run");
    };
    let status = Command::new("kill").arg(pid.to_string()).status()?;
    if !status.success() {
        bail!("cannot stop process {pid}");
    }
    let end = Instant::now() + PATIENCE;
    while place.running().is_some() {
        if Instant::now() > end {
            bail!("process {pid} does not stop");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    say("stopped")
}

fn status(place: &Place) -> Result<()> {
    match place.running() {
        Some(pid) => say(&format!(
            "runs as process {pid}; KUBECONFIG={}",
            place.kubeconfig().display()
        )),
        None => say("does not run: `cargo xtask testbed up` starts it"),
    }
}

fn programs() -> Result<()> {
    for program in Program::ALL {
        say(&assets::find(program)?.display().to_string())?;
    }
    Ok(())
}

fn foreground(root: &Path, place: &Place) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let control_plane = ControlPlane::start(Options {
            folder: place.folder.clone(),
            installed: Some(Installed::of(root)),
            namespaces: vec!["default".to_owned(), "production".to_owned()],
            timing: Timing::default(),
            scripts: Scripts::Played,
        })
        .await?;
        fs::write(place.ready_file(), "")?;
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        drop(control_plane);
        fs::remove_file(place.ready_file())?;
        fs::remove_file(place.pid_file())?;
        Ok(())
    })
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").context("stdout is closed")
}
