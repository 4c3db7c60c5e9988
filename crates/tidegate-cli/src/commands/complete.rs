//! `__complete WORDS…`: what a shell may put in place of the last word, in cobra's own protocol, which
//! kubectl uses for its plugins (CLI-005). One proposal per line, a description behind a tab, at the
//! end a colon and what the shell shall do with them.

use std::ffi::OsStr;

use clap::{CommandFactory, FromArgMatches};
use tidegate_controller::{flags, wire::Item};
use tidegate_core::plan::{ANALYSIS_RUNS, EXPERIMENTS, ROLLOUTS, Resource};

use super::{Cli, Command, Streams, get, retry, set, terminate};
use crate::{connect::Cluster, follow::Scope};

/// Proposals are not the names of files.
const NO_FILES: &str = ":4";
/// Stands for the name that is still to be written. No object has this name.
const PLACEHOLDER: &str = "?";

/// Whether a command line asks for proposals. It is no command as the others are, because all that
/// follows belongs to the line that is being written, flags included.
pub(crate) fn is_asked_for(word: &OsStr) -> bool {
    word == "__complete"
}

/// # Errors
/// When the stream is closed. A cluster that cannot be reached only has nothing to propose.
pub(crate) async fn run(mut words: Vec<String>, streams: Streams<'_>) -> anyhow::Result<()> {
    let last = words.pop().unwrap_or_default();
    let mut proposals = below(&words);
    if proposals.is_empty() {
        proposals = names(&words).await.unwrap_or_default();
    }
    for proposal in proposals.iter().filter(|text| text.starts_with(&last)) {
        writeln!(streams.out, "{proposal}")?;
    }
    writeln!(streams.out, "{NO_FILES}")?;
    Ok(())
}

/// The commands below the one that the words name.
fn below(words: &[String]) -> Vec<String> {
    let mut command = Cli::command();
    for word in words {
        if let Some(next) = command.find_subcommand(word) {
            command = next.clone();
        }
    }
    command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| match command.get_about() {
            Some(about) => format!("{}\t{about}", command.get_name()),
            None => command.get_name().to_owned(),
        })
        .collect()
}

/// The names of what the first argument is to be, if that is what is being written.
async fn names(words: &[String]) -> anyhow::Result<Vec<String>> {
    let cli = read(words);
    let first = cli.as_ref().and_then(|cli| first_argument(&cli.command));
    let (Some(cli), Some((resource, PLACEHOLDER))) = (&cli, first) else {
        return Ok(Vec::new());
    };
    let cluster = Cluster::connect(&cli.connection).await?;
    let (items, _) = Scope::all(&cluster, resource).list().await?;
    let name = |item: &Item| match item {
        Ok(object) => object["metadata"]["name"].as_str().map(str::to_owned),
        Err(unreadable) => Some(unreadable.metadata.name.clone()),
    };
    Ok(items.iter().filter_map(name).collect())
}

fn first(names: &[String]) -> Option<&str> {
    names.first().map(String::as_str)
}

/// The command line as if the name had been written.
fn read(words: &[String]) -> Option<Cli> {
    let parsed = |rest: &[&str]| {
        let words = words.iter().map(String::as_str);
        let line = ["plugin"].into_iter().chain(words);
        let line = line.chain(rest.iter().copied()).map(str::to_owned);
        let matches = flags::as_go_reads_them(Cli::command()).try_get_matches_from(line);
        Cli::from_arg_matches(&matches.ok()?).ok()
    };
    parsed(&[PLACEHOLDER]).or_else(|| parsed(&[PLACEHOLDER, "container=image"]))
}

fn first_argument(command: &Command) -> Option<(Resource, &str)> {
    let (resource, name) = match command {
        Command::Get(args) => match &args.what {
            get::What::Rollout(args) => (ROLLOUTS, Some(args.name.as_str())),
            get::What::Experiment(args) => (EXPERIMENTS, Some(args.name.as_str())),
        },
        Command::Set(args) => match &args.what {
            set::What::Image { name, .. } => (ROLLOUTS, Some(name.as_str())),
        },
        Command::Retry(args) => match &args.what {
            retry::What::Rollout { names } => (ROLLOUTS, first(names)),
            retry::What::Experiment { names } => (EXPERIMENTS, first(names)),
        },
        Command::Terminate(args) => match &args.what {
            terminate::What::AnalysisRun { names } => (ANALYSIS_RUNS, first(names)),
            terminate::What::Experiment { names } => (EXPERIMENTS, first(names)),
        },
        Command::Status(args) => (ROLLOUTS, Some(args.name.as_str())),
        Command::Promote(args) => (ROLLOUTS, Some(args.name.as_str())),
        Command::Restart(args) => (ROLLOUTS, Some(args.name.as_str())),
        Command::Undo(args) => (ROLLOUTS, Some(args.name.as_str())),
        Command::Abort(args) => (ROLLOUTS, first(&args.names)),
        Command::Pause(args) => (ROLLOUTS, first(&args.names)),
        Command::List(_) | Command::Version(_) | Command::Playground(_) => return None,
    };
    Some((resource, name?))
}
