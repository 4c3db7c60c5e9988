//! The project's own tool: checks, generators, tests.

mod bench;
mod conformance;
mod crds;
mod shapes;
mod test;
mod testbed;
mod tidy;
mod timelines;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The project's own tool.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the custom resource definitions under deploy/crds
    Crds {
        /// Only complain about files that are stale
        #[arg(long)]
        check: bool,
    },
    /// Write the table of Go's structs from a list of types
    Shapes {
        /// The list, one type a line
        types: PathBuf,
    },
    /// Look after the rules of the house
    Tidy,
    /// Run every test there is
    Test {
        /// Leave the control plane out
        #[arg(long)]
        quick: bool,
    },
    /// Measure what is measured
    Bench {
        /// Leave the control plane out
        #[arg(long)]
        quick: bool,
    },
    /// A real control plane on this machine
    Testbed {
        /// What to do with it
        #[command(subcommand)]
        action: testbed::Action,
    },
    /// Compare what we compute with recorded answers
    Conformance {
        /// The folder that holds the answers
        folder: PathBuf,
        /// Only these areas
        #[arg(long, num_args = 1..)]
        only: Vec<String>,
    },
    /// Compare what a controller does, in which order, with recordings of it
    Timelines {
        /// The program that plays stories on a control plane
        harness: PathBuf,
        /// The folder that holds the recordings
        recordings: PathBuf,
        /// An empty folder for what is played
        work: PathBuf,
        /// Only these stories
        #[arg(long, num_args = 1..)]
        only: Vec<String>,
        /// What differs on purpose, as STORY:FIELD
        #[arg(long, num_args = 1..)]
        apart: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One sentence, whatever the environment says of backtraces; without stderr nobody reads it.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Crds { check } => {
            let mode = if check {
                crds::Mode::Check
            } else {
                crds::Mode::Write
            };
            crds::run(&root().join("deploy/crds"), mode)
        }
        Command::Shapes { types } => shapes::run(&types, &root()),
        Command::Tidy => tidy::run(&root()),
        Command::Test { quick } => {
            let extent = if quick {
                test::Extent::Quick
            } else {
                test::Extent::Full
            };
            test::run(&root(), extent)
        }
        Command::Bench { quick } => {
            let extent = if quick {
                bench::Extent::Quick
            } else {
                bench::Extent::Full
            };
            bench::run(&root(), extent)
        }
        Command::Testbed { action } => testbed::run(&root(), action),
        Command::Conformance { folder, only } => conformance::run(&folder, &only),
        Command::Timelines {
            harness,
            recordings,
            work,
            only,
            apart,
        } => timelines::run(&harness, &recordings, &work, (&only, &apart)),
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
