//! What a container is going to do, read from its spec.

use jiff::SignedDuration;
use serde_json::Value;

use super::Timing;
use crate::cluster::fields::{list, number, text};

/// The longest that anything takes: later than every test ends.
const FOREVER: SignedDuration = SignedDuration::from_hours(24 * 365);

/// One container's life, counted from the binding of its pod.
pub(super) struct Container {
    /// When it runs.
    pub(super) starts: SignedDuration,
    /// When it is ready.
    pub(super) ready: SignedDuration,
    /// How it ends.
    pub(super) ending: Ending,
}

/// How a container's life goes on.
pub(super) enum Ending {
    /// It runs until it is stopped.
    Serves,
    /// Its image does not exist (K6).
    NeverPulled {
        /// When the pull fails.
        fails: SignedDuration,
        /// When pulling is given up for a while.
        backs_off: SignedDuration,
    },
    /// Its command cannot be run (K5).
    Crashes,
    /// It ends by itself (K7, K8).
    Ends {
        /// How long it runs.
        after: SignedDuration,
        /// With which exit code.
        code: i32,
        /// In Kubernetes' word.
        reason: &'static str,
    },
}

impl Container {
    /// Reads the life of a pod's container.
    pub(super) fn read(pod: &Value, spec: &Value, timing: &Timing) -> Self {
        let completes = runs_to_completion(pod);
        let start = if completes {
            timing.job_start
        } else {
            timing.start
        };
        let starts = start + hook(spec, "postStart");
        let delay = number(spec, &["readinessProbe", "initialDelaySeconds"]).unwrap_or(0);
        let command: Vec<&str> = list(spec, &["command"])
            .iter()
            .chain(list(spec, &["args"]))
            .filter_map(Value::as_str)
            .collect();
        let ending = if has_no_image(text(spec, &["image"])) {
            Ending::NeverPulled {
                fails: timing.pull_fails,
                backs_off: timing.pull_fails + timing.pull_back_off,
            }
        } else if command
            .first()
            .is_some_and(|program| program.starts_with("/bad-command"))
        {
            Ending::Crashes
        } else if completes {
            completion(&command)
        } else {
            Ending::Serves
        };
        Self {
            starts,
            ready: starts + timing.probe_second * i32::try_from(delay).unwrap_or(0),
            ending,
        }
    }
}

/// Whether a pod ends when its containers do, as a Job's does.
pub(super) fn runs_to_completion(pod: &Value) -> bool {
    ["Never", "OnFailure"].contains(&text(pod, &["spec", "restartPolicy"]))
}

/// The longest preStop hook of a pod's containers (K2).
pub(super) fn longest_pre_stop(pod: &Value) -> SignedDuration {
    list(pod, &["spec", "containers"])
        .iter()
        .map(|container| hook(container, "preStop"))
        .max()
        .unwrap_or(SignedDuration::ZERO)
}

fn has_no_image(image: &str) -> bool {
    image.starts_with("nonexistent-")
        || ["-argo-error", ":error", ":does-not-exist"]
            .iter()
            .any(|end| image.ends_with(end))
}

/// How long a hook of the form `[sleep, N]` takes; others take no time.
fn hook(container: &Value, name: &str) -> SignedDuration {
    match list(container, &["lifecycle", name, "exec", "command"]) {
        [program, time] if program == "sleep" => sleep_time(time.as_str().unwrap_or_default()),
        _ => SignedDuration::ZERO,
    }
}

/// How a command of a pod that runs to completion ends.
fn completion(command: &[&str]) -> Ending {
    let done = |after: SignedDuration, code: i32| Ending::Ends {
        after,
        code,
        reason: if code == 0 { "Completed" } else { "Error" },
    };
    match command {
        [] => Ending::Serves,
        ["sleep", time @ ..] => done(sleep_time(&time.concat()), 0),
        ["sh" | "/bin/sh" | "bash" | "/bin/bash", arguments @ ..] => {
            let script = script(arguments);
            let (first, second) = script.split_once("&&").unwrap_or((&script, ""));
            let exit = |text: &str| {
                text.trim()
                    .strip_prefix("exit ")
                    .and_then(|code| code.trim().parse().ok())
            };
            let sleep = first
                .trim()
                .strip_prefix("sleep ")
                .map(|time| sleep_time(time.trim()));
            match (sleep, exit(first), second.trim()) {
                (Some(after), _, "") => done(after, 0),
                (Some(after), _, second) => done(after, exit(second).unwrap_or(0)),
                (None, Some(code), "") => done(SignedDuration::ZERO, code),
                // Any other script prints something and is done.
                (None, _, _) => done(SignedDuration::ZERO, 0),
            }
        }
        _ => Ending::Ends {
            after: SignedDuration::ZERO,
            code: 128,
            reason: "StartError",
        },
    }
}

/// What stands behind `-c`, with further options left out.
fn script(arguments: &[&str]) -> String {
    arguments
        .iter()
        .skip_while(|argument| **argument != "-c")
        .skip_while(|argument| argument.starts_with('-'))
        .copied()
        .collect::<Vec<&str>>()
        .join(" ")
}

/// The time of `sleep`: seconds, or a number with s, m, h or d, or `infinity`.
fn sleep_time(text: &str) -> SignedDuration {
    let (number, unit) = match text.char_indices().next_back() {
        Some((end, 's')) => (&text[..end], 1.0),
        Some((end, 'm')) => (&text[..end], 60.0),
        Some((end, 'h')) => (&text[..end], 3_600.0),
        Some((end, 'd')) => (&text[..end], 86_400.0),
        Some(_) | None => (text, 1.0),
    };
    number
        .parse::<f64>()
        .ok()
        .and_then(|number| SignedDuration::try_from_secs_f64(number * unit).ok())
        .map_or(FOREVER, |time| time.clamp(SignedDuration::ZERO, FOREVER))
}
