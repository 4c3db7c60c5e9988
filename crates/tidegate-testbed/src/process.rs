//! Processes that end with us: each has its log, and dies when its parent does.

use std::{
    fs::File,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};

/// A running program; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: String,
}

impl Process {
    /// Starts a program with its log in a folder.
    pub(crate) fn start(program: &Path, arguments: &[String], logs: &Path) -> Result<Self> {
        Self::start_in(program, arguments, (logs, &[]))
    }

    /// The same in that folder, with these variables in its environment.
    pub(crate) fn start_in(
        program: &Path,
        arguments: &[String],
        (folder, environment): (&Path, &[(&str, String)]),
    ) -> Result<Self> {
        let name = program
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let log = File::create(folder.join(format!("{name}.log")))?;
        let mut command = if has_setpriv() {
            // The kernel ends it even when we are killed.
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "KILL", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let child = command
            .args(arguments)
            .current_dir(folder)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self { child, name })
    }

    /// Whether it still runs; if not, how it ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => anyhow::bail!("{} ended: {status}", self.name),
        }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn has_setpriv() -> bool {
    Command::new("setpriv")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
