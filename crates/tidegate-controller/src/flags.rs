//! Flags as Go's flag package reads them: `--watch`, `--watch=true` and `--watch=f` all work.

use std::time::Duration;

use clap::{Arg, ArgAction, Command};

/// Lets every switch of a command and of those below it take a truth value after `=`.
pub fn as_go_reads_them(command: Command) -> Command {
    command
        .mut_args(|argument| {
            if matches!(argument.get_action(), ArgAction::SetTrue) {
                switch(argument)
            } else {
                argument
            }
        })
        .mut_subcommands(as_go_reads_them)
}

fn switch(argument: Arg) -> Arg {
    argument
        .action(ArgAction::Set)
        .num_args(0..=1)
        .require_equals(true)
        .default_value("false")
        .default_missing_value("true")
        .value_name("BOOL")
        .value_parser(truth)
        .hide_default_value(true)
}

/// The words that Go's strconv takes.
///
/// # Errors
/// Any other word.
pub fn truth(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err("give true or false".to_owned()),
    }
}

/// A duration as Go writes it, such as `15s` or `1m30s`.
///
/// # Errors
/// Any other text, and what is below zero.
pub fn duration(text: &str) -> Result<Duration, String> {
    tidegate_gocompat::duration::parse(text)
        .ok()
        .and_then(|duration| u64::try_from(duration.nanoseconds()).ok())
        .map(Duration::from_nanos)
        .ok_or_else(|| "give a duration such as 15s or 1m".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, FromArgMatches};

    use super::*;
    use crate::Args;

    fn read(flags: &[&str]) -> Result<Args, clap::Error> {
        let line = ["rollouts-controller"].iter().chain(flags);
        let matches = as_go_reads_them(Args::command()).try_get_matches_from(line)?;
        Args::from_arg_matches(&matches)
    }

    #[test]
    fn switches_take_gos_truth_values() {
        assert!(!read(&[]).unwrap().namespaced);
        for flag in [
            "--namespaced",
            "--namespaced=true",
            "--namespaced=1",
            "--namespaced=t",
        ] {
            assert!(read(&[flag]).unwrap().namespaced, "{flag}");
        }
        assert!(!read(&["--namespaced=False"]).unwrap().namespaced);
        assert!(!read(&["--leader-elect=0"]).unwrap().leader_elect);
        assert!(read(&["--leader-elect"]).unwrap().leader_elect);
        assert!(read(&["--namespaced=yes"]).is_err());
    }
}
