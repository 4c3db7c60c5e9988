//! The programs: from `KUBEBUILDER_ASSETS`, from the cache, or built.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail};

/// What the cache is named after: another version is another folder.
const KEY: &str = "kubernetes-1.34.1-etcd-3.6.4-prometheus-3.5.0";
/// The oldest Go that builds them.
const GO: (u32, u32) = (1, 26);
/// Free space that a build needs, in MiB.
const SPACE: u64 = 6 * 1024;
/// Without these flags the API server tells an empty version.
const FLAGS: &str = "-s -w -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34 -X k8s.io/component-base/version.gitVersion=v1.34.1";

/// A program that tests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The store.
    Etcd,
    /// The API.
    ApiServer,
    /// ReplicaSets, garbage collection, endpoints, Jobs.
    ControllerManager,
    /// For people and for scripts.
    Kubectl,
    /// For analyses.
    Prometheus,
}

impl Program {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Etcd,
        Self::ApiServer,
        Self::ControllerManager,
        Self::Kubectl,
        Self::Prometheus,
    ];

    fn file(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Kubectl => "kubectl",
            Self::Prometheus => "prometheus",
        }
    }

    fn package(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::ApiServer => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::ControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
            Self::Kubectl => "k8s.io/kubernetes/cmd/kubectl",
            Self::Prometheus => "github.com/prometheus/prometheus/cmd/prometheus",
        }
    }

    /// The folder that pins its versions.
    fn module(self) -> PathBuf {
        let folder = match self {
            Self::Etcd | Self::ApiServer | Self::ControllerManager | Self::Kubectl => {
                "control-plane"
            }
            Self::Prometheus => "prometheus",
        };
        Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
    }
}

/// Where a program is; builds it if it is nowhere.
///
/// # Errors
/// One sentence that says what is missing on this machine and what helps.
pub fn find(program: Program) -> Result<PathBuf> {
    if let Some(path) = there(program)? {
        return Ok(path);
    }
    build_missing(&[program])
}

/// Builds whatever is missing. Gives the folder of the cache.
///
/// # Errors
/// As [`find`].
pub fn build_all() -> Result<PathBuf> {
    let mut missing = Vec::new();
    for program in Program::ALL {
        if there(program)?.is_none() {
            missing.push(program);
        }
    }
    if !missing.is_empty() {
        build_missing(&missing)?;
    }
    cache()
}

fn there(program: Program) -> Result<Option<PathBuf>> {
    let given = env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    let folders = given.into_iter().chain([cache()?]);
    Ok(folders
        .map(|folder| folder.join(program.file()))
        .find(|path| path.is_file()))
}

/// Builds programs one after the other; gives the last one's path.
fn build_missing(programs: &[Program]) -> Result<PathBuf> {
    let cache = cache()?;
    let mut built = cache.clone();
    for of_one_module in programs.chunk_by(|one, next| one.module() == next.module()) {
        let objects = Objects::new(&cache);
        for program in of_one_module {
            built = cache.join(program.file());
            build(*program, &built, &objects)?;
        }
    }
    Ok(built)
}

/// Where Go keeps compiled packages while the programs are built: gigabytes that nobody needs
/// afterwards, so they go with it, unless the user chose a folder.
struct Objects {
    own: Option<PathBuf>,
}

impl Objects {
    fn new(cache: &Path) -> Self {
        let own = env::var_os("GOCACHE")
            .is_none()
            .then(|| cache.join(format!("objects-{}", std::process::id())));
        Self { own }
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        if let Some(folder) = &self.own {
            drop(fs::remove_dir_all(folder));
        }
    }
}

/// The folder of the cache.
///
/// # Errors
/// When neither `XDG_CACHE_HOME` nor `HOME` is set.
pub fn cache() -> Result<PathBuf> {
    let base = if let Some(base) = env::var_os("XDG_CACHE_HOME") {
        PathBuf::from(base)
    } else {
        let home = env::var_os("HOME").context("no HOME: set XDG_CACHE_HOME to a folder")?;
        Path::new(&home).join(".cache")
    };
    Ok(base.join("tidegate").join(KEY))
}

fn build(program: Program, target: &Path, objects: &Objects) -> Result<()> {
    check_go()?;
    let folder = target.parent().context("the cache is a folder")?;
    fs::create_dir_all(folder).with_context(|| {
        format!(
            "cannot make {}: set XDG_CACHE_HOME to a writable folder",
            folder.display()
        )
    })?;
    check_space(folder)?;
    say(&format!(
        "building {} from its Go module (once; kept in {})",
        program.file(),
        folder.display()
    ))?;
    let began = Instant::now();
    let part = target.with_extension("part");
    let mut go = Command::new("go");
    if let Some(folder) = &objects.own {
        go.env("GOCACHE", folder);
    }
    let status = go
        .args(["build", "-trimpath", "-ldflags", FLAGS, "-o"])
        .arg(&part)
        .arg(program.package())
        .current_dir(program.module())
        .status()
        .context("cannot run go")?;
    if !status.success() {
        bail!(
            "go could not build {}: see its messages above; the Go module proxy must be reachable",
            program.file()
        );
    }
    fs::rename(&part, target)?;
    say(&format!(
        "built {} in {} s",
        program.file(),
        began.elapsed().as_secs()
    ))
}

fn check_go() -> Result<()> {
    let hint = format!(
        "the control-plane tests need Go {}.{} or newer: install it, or point KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver, or run `cargo xtask test --quick`",
        GO.0, GO.1
    );
    let Ok(output) = Command::new("go").args(["env", "GOVERSION"]).output() else {
        bail!("Go is not installed; {hint}");
    };
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let mut parts = text
        .trim_start_matches("go")
        .split(|character: char| !character.is_ascii_digit())
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if found < GO {
        bail!("{text} is too old; {hint}");
    }
    Ok(())
}

fn check_space(folder: &Path) -> Result<()> {
    let output = Command::new("df").arg("-Pm").arg(folder).output();
    let free = output.ok().and_then(|output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines()
            .nth(1)?
            .split_whitespace()
            .nth(3)?
            .parse::<u64>()
            .ok()
    });
    match free {
        Some(free) if free < SPACE => bail!(
            "only {free} MiB are free at {}: building the control plane needs {SPACE}; free some, or set XDG_CACHE_HOME to another disk",
            folder.display()
        ),
        Some(_) | None => Ok(()),
    }
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stderr(), "testbed: {line}").context("stderr is closed")
}
