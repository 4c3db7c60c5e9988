//! Scripts of pods that run to completion: played from their words, or run on this machine.

use std::{borrow::Cow, process::Stdio};

use serde_json::{Value, json};
use tokio::process::Command;

/// What becomes of the scripts of pods that run to completion.
#[derive(Clone, Debug)]
pub enum Scripts {
    /// Those that only sleep and exit are played; every other one ends at once, and well.
    Played,
    /// Each is run on this machine, with the container's environment and these variables besides.
    Run(Vec<(String, String)>),
}

/// How far the script of a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// It is not run, or not yet.
    NotBegun,
    /// It is run.
    Runs,
    /// It has ended with this code.
    Ended(i32),
}

impl Scripts {
    /// The command of a pod whose script is to be run now.
    pub(super) fn to_begin(&self, script: Script, pod: &Value) -> Option<Command> {
        let Self::Run(besides) = self else {
            return None;
        };
        let is_bound = pod["spec"]["nodeName"].is_string();
        let restarts = pod["spec"]["restartPolicy"].as_str().unwrap_or("Always");
        let is_deleted = pod["metadata"]["deletionTimestamp"].is_string();
        if script != Script::NotBegun || !is_bound || restarts == "Always" || is_deleted {
            return None;
        }
        let container = &pod["spec"]["containers"][0];
        let mut words = ["command", "args"]
            .into_iter()
            .filter_map(|member| container[member].as_array())
            .flatten()
            .filter_map(Value::as_str);
        let mut command = Command::new(words.next()?);
        command.args(words).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        for variable in container["env"].as_array().into_iter().flatten() {
            if let (Some(name), Some(value)) =
                (variable["name"].as_str(), variable["value"].as_str())
            {
                command.env(name, value);
            }
        }
        command.envs(besides.iter().map(|(name, value)| (name, value)));
        command.kill_on_drop(true);
        Some(command)
    }
}

impl Script {
    /// The pod with a script that the model can play and that ends as the true one does.
    pub(super) fn played(self, pod: &Value) -> Cow<'_, Value> {
        let script = match self {
            Self::NotBegun => return Cow::Borrowed(pod),
            Self::Runs => "sleep infinity".to_owned(),
            Self::Ended(code) => format!("exit {code}"),
        };
        let mut pod = pod.clone();
        let container = &mut pod["spec"]["containers"][0];
        container["command"] = json!(["sh", "-c", script]);
        container["args"] = Value::Null;
        Cow::Owned(pod)
    }
}

/// Runs a command to its end; the code that a kubelet would tell.
pub(super) async fn run(mut command: Command) -> i32 {
    /// What a container runtime says of a command that cannot be started.
    const NOT_STARTED: i32 = 128;
    match command.status().await {
        Ok(status) => status.code().unwrap_or(NOT_STARTED),
        Err(_) => NOT_STARTED,
    }
}
