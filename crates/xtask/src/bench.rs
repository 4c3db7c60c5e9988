//! `cargo xtask bench`: what is measured, with one command.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use tidegate_testbed::assets;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Everything, the control plane included.
    Full,
    /// All but the control plane.
    Quick,
}

/// Measures and prints, one line a figure.
pub(crate) fn run(root: &Path, extent: Extent) -> Result<()> {
    let cargo = |arguments: &[&str]| -> Command {
        let mut command = Command::new(env!("CARGO"));
        command.args(arguments).current_dir(root);
        command
    };
    execute(&mut cargo(&[
        "bench",
        "--quiet",
        "-p",
        "tidegate-core",
        "--bench",
        "decide",
    ]))?;
    execute(&mut cargo(&[
        "run",
        "--quiet",
        "--release",
        "-p",
        "tidegate-sim",
        "--example",
        "rollouts",
    ]))?;
    execute(&mut cargo(&[
        "build",
        "--quiet",
        "--release",
        "-p",
        "tidegate-controller",
    ]))?;
    let program = std::env::current_exe()?
        .ancestors()
        .nth(2)
        .context("a program lies in a folder of the target folder")?
        .join("release/rollouts-controller");
    let size = fs::metadata(&program)
        .with_context(|| format!("{} is not there", program.display()))?
        .len();
    let tenths = size / 100_000;
    say(&format!(
        "binary of the controller: {}.{} MB",
        tenths / 10,
        tenths % 10
    ))?;
    execute(&mut cargo(&[
        "run",
        "--quiet",
        "--release",
        "-p",
        "tidegate-controller",
        "--example",
        "crowd",
    ]))?;
    match extent {
        Extent::Quick => {
            say("the control plane is left out: run `cargo xtask bench` for everything")
        }
        Extent::Full => on_the_control_plane(cargo),
    }
}

/// What needs a real API server.
fn on_the_control_plane(cargo: impl Fn(&[&str]) -> Command) -> Result<()> {
    assets::build_all()?;
    for bench in ["cluster", "measuring"] {
        let mut bench = cargo(&[
            "bench",
            "--quiet",
            "-p",
            "tidegate-testbed",
            "--bench",
            bench,
        ]);
        execute(bench.env("TIDEGATE_CONTROL_PLANE", "1"))?;
    }
    Ok(())
}

fn execute(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("a measurement failed");
    }
    Ok(())
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").context("stdout is closed")
}
