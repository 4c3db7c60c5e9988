//! Every command, one file each.

pub mod abort;
pub(crate) mod complete;
pub mod get;
pub mod list;
pub mod pause;
pub mod playground;
pub mod promote;
pub mod restart;
pub mod retry;
pub mod set;
pub mod status;
pub mod terminate;
pub mod undo;
pub mod version;

use std::io::Write;

use clap::{Parser, Subcommand};

use crate::connect::{ConnectionArgs, IgnoredArgs};

/// Where a command writes.
pub struct Streams<'a> {
    /// Results.
    pub out: &'a mut (dyn Write + Send),
    /// Notes that are no results.
    pub err: &'a mut (dyn Write + Send),
}

/// Progressive delivery for Kubernetes: watch and steer rollouts.
#[derive(Debug, Parser)]
#[command(version, disable_version_flag = true, arg_required_else_help = true)]
pub struct Cli {
    /// How to reach the cluster.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// What scripts give besides.
    #[command(flatten)]
    pub ignored: IgnoredArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Get details about rollouts, experiments
    Get(get::Args),
    /// List rollouts or experiments
    List(list::Args),
    /// Show the status of a rollout
    Status(status::Args),
    /// Promote a rollout
    Promote(promote::Args),
    /// Abort a rollout
    Abort(abort::Args),
    /// Restart the pods of a rollout
    Restart(restart::Args),
    /// Retry an aborted rollout or an experiment
    Retry(retry::Args),
    /// Terminate an AnalysisRun or Experiment
    Terminate(terminate::Args),
    /// Undo a rollout
    Undo(undo::Args),
    /// Update various values on resources
    Set(set::Args),
    /// Pause a rollout
    Pause(pause::Args),
    /// Print version
    Version(version::Args),
    /// A whole cluster in this process, with a canary in motion
    Playground(playground::Args),
}

/// Runs a command.
///
/// # Errors
/// What the user must know; `main` prints it and exits with 1.
pub async fn run(cli: Cli, mut streams: Streams<'_>) -> anyhow::Result<()> {
    let connection = &cli.connection;
    match cli.command {
        Command::Get(args) => get::run(connection, args, streams).await,
        Command::List(args) => list::run(connection, args, streams).await,
        Command::Status(args) => status::run(connection, args, streams).await,
        Command::Promote(args) => promote::run(connection, args, streams).await,
        Command::Abort(args) => abort::run(connection, args, streams).await,
        Command::Restart(args) => restart::run(connection, args, streams).await,
        Command::Retry(args) => retry::run(connection, args, streams).await,
        Command::Terminate(args) => terminate::run(connection, args, streams).await,
        Command::Undo(args) => undo::run(connection, args, streams).await,
        Command::Set(args) => set::run(connection, args, streams).await,
        Command::Pause(args) => pause::run(connection, args, streams).await,
        Command::Version(args) => version::run(&args, &mut streams),
        Command::Playground(args) => playground::run(args, streams).await,
    }
}
