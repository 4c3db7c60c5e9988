//! Flags as Go's flag package reads them: `--watch`, `--watch=true` and `--watch=f` all work.

use clap::{Arg, ArgAction, Command};

/// Lets every switch of a command and of those below it take a truth value after `=`.
pub(crate) fn as_go_reads_them(command: Command) -> Command {
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
pub(crate) fn truth(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err("give true or false".to_owned()),
    }
}
