//! `terminate analysisrun NAME…`, `terminate experiment NAME…`: ends what is under way (ACT-12, CLI-309).

use serde_json::json;
use tidegate_core::plan::{ANALYSIS_RUNS, EXPERIMENTS};

use super::Streams;
use crate::connect::{Cluster, ConnectionArgs, Patch};

/// Ends an AnalysisRun or an Experiment that is in progress.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// What to end.
    #[command(subcommand)]
    pub what: What,
}

/// What can be ended.
#[derive(clap::Subcommand, Debug)]
pub enum What {
    /// Terminate an AnalysisRun
    #[command(name = "analysisrun", visible_aliases = ["ar", "analysisruns"])]
    AnalysisRun {
        /// Which analysis runs
        #[arg(required = true, value_name = "ANALYSISRUN_NAME")]
        names: Vec<String>,
    },
    /// Terminate an experiment
    #[command(visible_aliases = ["exp", "experiments"])]
    Experiment {
        /// Which experiments
        #[arg(required = true, value_name = "EXPERIMENT_NAME")]
        names: Vec<String>,
    },
}

/// # Errors
/// When one of them cannot be patched.
pub(super) async fn run(
    connection: &ConnectionArgs,
    args: Args,
    streams: Streams<'_>,
) -> anyhow::Result<()> {
    let cluster = Cluster::connect(connection).await?;
    let (resource, what, names) = match args.what {
        What::AnalysisRun { names } => (ANALYSIS_RUNS, "analysisRun", names),
        What::Experiment { names } => (EXPERIMENTS, "experiment", names),
    };
    let patch = json!({"spec": {"terminate": true}});
    for name in &names {
        cluster
            .patch(&resource, name, (Patch::Merge, &patch))
            .await?;
        writeln!(streams.out, "{what} '{name}' terminated")?;
    }
    Ok(())
}
