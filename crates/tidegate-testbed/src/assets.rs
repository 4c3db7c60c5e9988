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
/// Free space that a build of all needs, in MiB. Asked for once: what is built takes of it.
const SPACE: u64 = 6 * 1024;
/// A disk with less, in MiB, is taken for full: linking one program writes about as much.
const FULL: u64 = 512;
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
    check_go()?;
    fs::create_dir_all(&cache).with_context(|| {
        format!(
            "cannot make {}: set XDG_CACHE_HOME to a writable folder",
            cache.display()
        )
    })?;
    if let Some(lack) = free(&cache).and_then(|free| lack(free, &cache)) {
        bail!(lack);
    }
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
    let folder = target.parent().context("the cache is a folder")?;
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
        // What Go writes goes to these two places.
        let temporary = env::temp_dir();
        let places = [folder, temporary.as_path()];
        let left = places.map(|place| (place, free(place)));
        bail!(not_built(program, &left));
    }
    fs::rename(&part, target)?;
    say(&format!(
        "built {} in {} s",
        program.file(),
        began.elapsed().as_secs()
    ))
}

/// Says why a build may have failed: a disk that is full after it was so before.
fn not_built(program: Program, left: &[(&Path, Option<u64>)]) -> String {
    let name = program.file();
    let full = left.iter().find_map(|(place, free)| {
        let free = (*free)?;
        (free < FULL).then(|| (place.display(), free))
    });
    match full {
        Some((place, free)) => format!(
            "go could not build {name}: see its messages above; only {free} MiB are left at {place}: free some, or set XDG_CACHE_HOME and TMPDIR to folders on another disk"
        ),
        None => format!(
            "go could not build {name}: see its messages above; the Go module proxy must be reachable"
        ),
    }
}

fn check_go() -> Result<()> {
    let Ok(output) = Command::new("go").args(["env", "GOVERSION"]).output() else {
        bail!("Go is not installed; {}", hint());
    };
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if version(&text) < GO {
        bail!("{text} is too old; {}", hint());
    }
    Ok(())
}

/// What helps where there is no Go. Each program is looked for by itself, so a folder with some of them
/// leaves the others to be built.
fn hint() -> String {
    let names = Program::ALL.map(Program::file).join(", ");
    format!(
        "the control-plane tests need Go {}.{} or newer: install it, or point KUBEBUILDER_ASSETS to a folder with all of {names}, or run `cargo xtask test --quick`",
        GO.0, GO.1
    )
}

/// The version that Go tells of itself, such as `go1.26.1`.
fn version(text: &str) -> (u32, u32) {
    let mut parts = text
        .trim_start_matches("go")
        .split(|character: char| !character.is_ascii_digit())
        .map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// How many MiB are free at a folder, if the system tells.
fn free(folder: &Path) -> Option<u64> {
    let output = Command::new("df").arg("-Pm").arg(folder).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().nth(1)?;
    line.split_whitespace().nth(3)?.parse().ok()
}

/// What is to be said if there is too little space for a build.
fn lack(free: u64, folder: &Path) -> Option<String> {
    (free < SPACE).then(|| {
        format!(
            "only {free} MiB are free at {}: building the control plane needs {SPACE}; free some, or set XDG_CACHE_HOME to another disk",
            folder.display()
        )
    })
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stderr(), "testbed: {line}").context("stderr is closed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_names_every_program_that_is_looked_for() {
        let hint = hint();
        for program in Program::ALL {
            assert!(hint.contains(program.file()), "{hint}");
        }
    }

    #[test]
    fn versions_of_go_are_compared_by_number() {
        assert!(version("go1.26.1") >= GO);
        assert!(version("go1.100") >= GO);
        assert!(version("go1.27rc1") >= GO);
        assert!(version("go1.9.7") < GO);
        assert!(version("") < GO);
    }

    #[test]
    fn too_little_space_is_said_before_a_build() {
        let folder = Path::new("/cache");
        assert_eq!(lack(SPACE, folder), None);
        assert_eq!(
            lack(SPACE - 1, folder).unwrap(),
            "only 6143 MiB are free at /cache: building the control plane needs 6144; free some, or set XDG_CACHE_HOME to another disk"
        );
    }

    #[test]
    fn a_disk_that_filled_up_is_told_from_a_proxy_that_cannot_be_reached() {
        let said = |cache, temporary| {
            let left = [(Path::new("/cache"), cache), (Path::new("/tmp"), temporary)];
            not_built(Program::Kubectl, &left)
        };
        let full = said(Some(9_000), Some(3));
        assert_eq!(
            full,
            "go could not build kubectl: see its messages above; only 3 MiB are left at /tmp: free some, or set XDG_CACHE_HOME and TMPDIR to folders on another disk"
        );
        assert!(said(Some(3), Some(9_000)).contains("3 MiB are left at /cache"));
        for (cache, temporary) in [(Some(9_000), Some(9_000)), (None, None)] {
            let other = said(cache, temporary);
            assert!(
                other.ends_with("the Go module proxy must be reachable"),
                "{other}"
            );
        }
    }
}
