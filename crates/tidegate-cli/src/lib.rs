//! The command line: the drop-in plugin and the playground.

pub mod commands;
pub mod connect;
mod family;
mod follow;
mod playground;
pub mod render;
mod stop;
pub mod table;

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use clap::{CommandFactory, FromArgMatches};
use tidegate_controller::flags;

use crate::commands::{Cli, Streams, complete};

/// Runs the command line under a program's name, with this process' arguments and streams.
pub fn main(program: &'static str) -> ExitCode {
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return tell(&mut err, &error.into()),
    };
    let streams = Streams {
        out: &mut out,
        err: &mut err,
    };
    runtime.block_on(run(program, std::env::args_os(), streams))
}

/// Runs one command line, its first argument being the program; writes what went wrong, too.
/// Keeps CLI-001: help and results on `out`, everything else on `err`, and then the code is 1.
pub async fn run(
    program: &'static str,
    arguments: impl IntoIterator<Item = OsString>,
    streams: Streams<'_>,
) -> ExitCode {
    let Streams { out, err } = streams;
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let streams = Streams {
        out: &mut *out,
        err: &mut *err,
    };
    let done = if arguments
        .get(1)
        .is_some_and(|word| complete::is_asked_for(word))
    {
        let words = arguments.iter().skip(2);
        let words = words.map(|word| word.to_string_lossy().into_owned());
        complete::run(words.collect(), streams).await
    } else {
        match parse(program, arguments) {
            Ok(cli) => commands::run(cli, streams).await,
            Err(error) if error.use_stderr() => return usage(err, &error),
            Err(help) => write!(out, "{}", help.render()).map_err(anyhow::Error::from),
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => tell(err, &error),
    }
}

fn parse(
    program: &'static str,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Cli, clap::Error> {
    let command = flags::as_go_reads_them(Cli::command().name(program).bin_name(program));
    Cli::from_arg_matches(&command.try_get_matches_from(arguments)?)
}

/// A command line that cannot be read; clap's text begins with `error:` or is the usage itself.
fn usage(err: &mut (dyn Write + Send), error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    let text = match text.strip_prefix("error: ") {
        Some(text) => format!("Error: {text}"),
        None => text,
    };
    // Nobody is left to tell if stderr is closed.
    let _ = err.write_all(text.as_bytes());
    ExitCode::FAILURE
}

fn tell(err: &mut (dyn Write + Send), error: &anyhow::Error) -> ExitCode {
    let closed = error.downcast_ref::<io::Error>();
    // Whoever reads the output has seen enough, as in `… | head`.
    if closed.is_none_or(|error| error.kind() != io::ErrorKind::BrokenPipe) {
        // Nobody is left to tell if stderr is closed.
        let _ = writeln!(err, "Error: {}", sentence(error));
    }
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
