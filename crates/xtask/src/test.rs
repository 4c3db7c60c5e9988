//! `cargo xtask test`: everything there is, with one command.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use tidegate_testbed::{
    assets,
    python::{self, Counterpart},
};

/// How much is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Everything, the control plane included.
    Full,
    /// All but the control plane.
    Quick,
}

/// Programs that tests start.
const BINARIES: [&str; 2] = ["tidegate-controller", "tidegate-cli"];

/// Runs the tests.
pub(crate) fn run(root: &Path, extent: Extent) -> Result<()> {
    let began = Instant::now();
    let mut test = Command::new(env!("CARGO"));
    test.args(["test", "--workspace", "--quiet"])
        .current_dir(root);
    // A snapshot that changes is looked at by a person.
    test.env("INSTA_UPDATE", "no");
    match extent {
        Extent::Quick => {
            say("the control plane is left out: run `cargo xtask test` for everything")?;
            test.env_remove("TIDEGATE_CONTROL_PLANE");
        }
        Extent::Full => {
            let folder = assets::build_all()?;
            say(&format!("the control plane is in {}", folder.display()))?;
            test.env("TIDEGATE_CONTROL_PLANE", "1");
            // A machine without them tests everything else.
            for counterpart in Counterpart::ALL {
                if let Err(why) = python::find(counterpart) {
                    python::say_missing(counterpart, &why)?;
                }
            }
        }
    }
    for package in BINARIES {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", package]);
        execute(build.current_dir(root), "build")?;
    }
    execute(&mut test, "tests")?;
    say(&format!("all passed in {} s", began.elapsed().as_secs()))
}

fn execute(command: &mut Command, what: &str) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot run cargo for the {what}"))?;
    if !status.success() {
        bail!("the {what} failed");
    }
    Ok(())
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stderr(), "test: {line}").context("stderr is closed")
}
