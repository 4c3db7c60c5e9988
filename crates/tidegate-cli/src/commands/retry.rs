//! `retry rollout NAME…`: goes on with an aborted update; `retry experiment NAME…`: begins one anew (ACT-02,
//! ACT-12, CLI-304).

use serde_json::json;
use tidegate_core::plan::{EXPERIMENTS, ROLLOUTS};

use super::Streams;
use crate::connect::{Cluster, ConnectionArgs, Patch};

/// Retries what was aborted.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// What to retry.
    #[command(subcommand)]
    pub what: What,
}

/// What can be retried.
#[derive(clap::Subcommand, Debug)]
pub enum What {
    /// Retry an aborted rollout
    #[command(visible_aliases = ["ro", "rollouts"])]
    Rollout {
        /// Which rollouts
        #[arg(required = true, value_name = "ROLLOUT_NAME")]
        names: Vec<String>,
    },
    /// Retry an experiment
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
    match args.what {
        What::Rollout { names } => {
            for name in &names {
                cluster
                    .patch_status(&ROLLOUTS, name, &json!({"status": {"abort": false}}))
                    .await?;
                writeln!(streams.out, "rollout '{name}' retried")?;
            }
        }
        What::Experiment { names } => {
            // It has no status subresource; without a status it begins anew.
            let patch = json!({"status": null});
            for name in &names {
                cluster
                    .patch(&EXPERIMENTS, name, (Patch::Merge, &patch))
                    .await?;
                writeln!(streams.out, "experiment '{name}' retried")?;
            }
        }
    }
    Ok(())
}
