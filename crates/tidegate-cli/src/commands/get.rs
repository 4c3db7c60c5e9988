//! `get rollout NAME`: header and tree, once or as they change (CLI-101 to CLI-113).

use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tidegate_api::{
    analysis::AnalysisRun,
    rollout::Rollout,
    workload::{Pod, ReplicaSet},
};
use tidegate_core::{
    plan::{ANALYSIS_RUNS, REPLICA_SETS, ROLLOUTS, Resource},
    view::{Family, RolloutView},
};
use tokio::time::Instant;

use super::Streams;
use crate::{
    connect::{Cluster, ConnectionArgs},
    render::{self, Colour},
};

/// Between two pictures (CLI-110).
const REDRAW: Duration = Duration::from_millis(500);
/// Clears a terminal and goes to its corner.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J\u{1b}[0;0H";

/// Gets extended information.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// What to get.
    #[command(subcommand)]
    pub what: What,
}

/// What can be got.
#[derive(clap::Subcommand, Debug)]
pub enum What {
    /// Get details about a rollout
    #[command(visible_aliases = ["ro", "rollouts"])]
    Rollout(RolloutArgs),
}

/// Which rollout, and how.
#[derive(clap::Args, Debug)]
pub struct RolloutArgs {
    /// Which rollout
    #[arg(value_name = "ROLLOUT_NAME")]
    pub name: String,
    /// Watch live updates to the rollout
    #[arg(long, short)]
    pub watch: bool,
    /// Do not colorize output
    #[arg(long)]
    pub no_color: bool,
    /// Stop watching after that many seconds; 0 never stops
    #[arg(long, default_value_t = 0)]
    pub timeout_seconds: u64,
}

/// # Errors
/// When the Rollout cannot be read.
pub(super) async fn run(
    connection: &ConnectionArgs,
    args: Args,
    streams: Streams<'_>,
) -> anyhow::Result<()> {
    let What::Rollout(args) = args.what;
    let cluster = Cluster::connect(connection).await?;
    let dumb = std::env::var("TERM").is_ok_and(|terminal| terminal == "dumb");
    let colour = if args.no_color || dumb {
        Colour::Off
    } else {
        Colour::On
    };
    if !args.watch {
        let view = view(&cluster, &args.name).await?;
        write!(streams.out, "{}", render::rollout(&view, colour))?;
        return Ok(());
    }
    let end = (args.timeout_seconds > 0)
        .then(|| Instant::now() + Duration::from_secs(args.timeout_seconds));
    let mut shown = String::new();
    loop {
        let picture = render::rollout(&view(&cluster, &args.name).await?, colour);
        if picture != shown {
            write!(streams.out, "{CLEAR}{picture}")?;
            streams.out.flush()?;
            shown = picture;
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(REDRAW) => {}
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}

/// The Rollout and its family, as they are now.
///
/// # Errors
/// When the Rollout cannot be read.
pub(crate) async fn view(cluster: &Cluster, name: &str) -> anyhow::Result<RolloutView> {
    let rollout: Rollout = read(cluster.get(&ROLLOUTS, name).await?)?;
    let replica_sets: Vec<ReplicaSet> = all(cluster, &REPLICA_SETS).await?;
    let pods: Vec<Pod> = all(cluster, &Resource::new("", "v1", "Pod", "pods")).await?;
    let analysis_runs: Vec<AnalysisRun> = all(cluster, &ANALYSIS_RUNS).await?;
    let family = Family {
        replica_sets: &replica_sets,
        pods: &pods,
        analysis_runs: &analysis_runs,
    };
    Ok(RolloutView::new(&rollout, family, Timestamp::now()))
}

async fn all<T: DeserializeOwned>(
    cluster: &Cluster,
    resource: &Resource,
) -> anyhow::Result<Vec<T>> {
    let list = cluster.list(resource, &cluster.namespace, &[]).await?;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    items.into_iter().map(read).collect()
}

fn read<T: DeserializeOwned>(object: Value) -> anyhow::Result<T> {
    serde_json::from_value(object).context("the server's answer cannot be read")
}
