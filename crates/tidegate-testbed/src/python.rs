//! Counterparts that are written in Python: each in an environment of its own, with the versions that its
//! folder pins.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::assets;

/// The list of packages with their versions.
const LIST: &str = "requirements.txt";

/// A server that stands for one that nobody can have on a machine of his own, or that has no other package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counterpart {
    /// Amazon's services, as far as moto plays them.
    Moto,
    /// Graphite's web application.
    Graphite,
}

impl Counterpart {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Moto, Self::Graphite];

    /// The tests that need it.
    pub fn tests(self) -> &'static str {
        match self {
            Self::Moto => "counterparts cloudwatch",
            Self::Graphite => "counterparts graphite",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Moto => "moto",
            Self::Graphite => "graphite",
        }
    }

    /// What must be there to be imported, and what helps if it is not although everything is installed.
    fn module(self) -> (&'static str, &'static str) {
        match self {
            Self::Moto => ("moto.server", "see what Python says above"),
            // It draws pictures as well.
            Self::Graphite => (
                "cairocffi",
                "it needs libcairo: on Debian, apt-get install libcairo2",
            ),
        }
    }

    /// The folder that pins its versions, and has its scripts.
    pub(crate) fn folder(self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(self.name())
    }
}

/// The Python that runs a counterpart; installs what is missing.
///
/// # Errors
/// One sentence that says what is missing on this machine and what helps.
pub fn find(counterpart: Counterpart) -> Result<PathBuf> {
    let folder = assets::cache()?.join(counterpart.name());
    let list = fs::read_to_string(counterpart.folder().join(LIST))?;
    let python = folder.join("bin/python");
    let installed = fs::read_to_string(folder.join(LIST));
    if !python.exists() || installed.is_err() || installed.is_ok_and(|installed| installed != list)
    {
        install(counterpart, &folder)?;
    }
    Ok(python)
}

/// Says which tests cannot run for want of a counterpart.
///
/// # Errors
/// When nobody can be told.
pub fn say_missing(counterpart: Counterpart, why: &anyhow::Error) -> Result<()> {
    // Told past the test harness, which keeps what passing tests print to itself.
    let mut out = std::io::stderr();
    writeln!(out, "testbed: not run: {}: {why:#}", counterpart.tests()).context("stderr is closed")
}

fn install(counterpart: Counterpart, folder: &Path) -> Result<()> {
    let name = counterpart.name();
    // Another test may be at it as well: whoever is done first has made it.
    let part = folder.with_extension(format!("part-{}", std::process::id()));
    let made = make(counterpart, &part).and_then(|()| {
        // One that another list made, if there is one.
        let _ = fs::remove_dir_all(folder);
        fs::rename(&part, folder).with_context(|| format!("cannot make {}", folder.display()))
    });
    if made.is_err() {
        let _ = fs::remove_dir_all(&part);
    }
    made.with_context(|| format!("{name} is not installed"))
}

fn make(counterpart: Counterpart, folder: &Path) -> Result<()> {
    let list = counterpart.folder().join(LIST);
    writeln!(
        std::io::stderr(),
        "testbed: installing {} from PyPI (once)",
        counterpart.name()
    )?;
    let mut venv = Command::new("python3");
    run(
        venv.args(["-m", "venv"]).arg(folder),
        "python3 makes no environment: Python 3.10 or newer is needed, with its module venv (on Debian, apt-get install python3-venv)",
    )?;
    let python = folder.join("bin/python");
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
        .args(["--disable-pip-version-check", "--retries", "1", "-r"])
        .arg(&list);
    run(&mut pip, "pip cannot install it: PyPI must be reachable")?;
    let (module, help) = counterpart.module();
    let mut import = Command::new(&python);
    run(import.args(["-c", &format!("import {module}")]), help)?;
    // The last thing: what lacks it is not whole.
    fs::copy(&list, folder.join(LIST))?;
    Ok(())
}

/// Runs a program to its end, whatever it prints being seen.
fn run(command: &mut Command, help: &'static str) -> Result<()> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("{help} ({status})"),
        Err(error) => bail!("{help} ({error})"),
    }
}
