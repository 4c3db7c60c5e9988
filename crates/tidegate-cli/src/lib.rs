//! The command line: the drop-in plugin and the playground.

pub mod commands;
pub mod connect;
mod follow;
pub mod render;
pub mod table;

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use clap::{CommandFactory, FromArgMatches};

use crate::commands::{Cli, Streams};

/// Runs the command line under a program's name.
pub fn main(program: &'static str) -> ExitCode {
    let cli = match parse(program, std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout with code 0, mistakes to stderr with code 1 (CLI-001).
            let code = u8::from(error.use_stderr());
            if error.print().is_err() {
                return ExitCode::FAILURE;
            }
            return ExitCode::from(code);
        }
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::from(error)),
    };
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let streams = Streams {
        out: &mut out,
        err: &mut err,
    };
    match runtime.block_on(commands::run(cli, streams)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn parse(
    program: &'static str,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Cli, clap::Error> {
    let matches = Cli::command()
        .name(program)
        .bin_name(program)
        .try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches)
}

fn fail(error: &anyhow::Error) -> ExitCode {
    // Nobody is left to tell if stderr is closed.
    let _ = writeln!(io::stderr(), "Error: {}", sentence(error));
    ExitCode::FAILURE
}

/// What the server said stands alone; other errors say their causes, too.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        if let Some(kube::Error::Api(_)) = cause.downcast_ref::<kube::Error>() {
            break;
        }
        let cause = cause.to_string();
        if !text.contains(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    text
}
