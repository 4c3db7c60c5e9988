//! `retry rollout NAME…`: goes on with an aborted update (ACT-02, CLI-304).

use serde_json::json;
use tidegate_core::plan::ROLLOUTS;

use super::Streams;
use crate::connect::{Cluster, ConnectionArgs};

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
}

/// # Errors
/// When a Rollout cannot be patched.
pub(super) async fn run(
    connection: &ConnectionArgs,
    args: Args,
    streams: Streams<'_>,
) -> anyhow::Result<()> {
    let What::Rollout { names } = args.what;
    let cluster = Cluster::connect(connection).await?;
    for name in &names {
        cluster
            .patch_status(&ROLLOUTS, name, &json!({"status": {"abort": false}}))
            .await?;
        writeln!(streams.out, "rollout '{name}' retried")?;
    }
    Ok(())
}
