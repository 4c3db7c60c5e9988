//! `pause NAME…`: halts a rollout until it is promoted (ACT-03, CLI-305).

use serde_json::json;
use tidegate_core::plan::ROLLOUTS;

use super::Streams;
use crate::connect::{Cluster, ConnectionArgs, Patch};

/// Sets `spec.paused`; `promote` takes it back.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Which rollouts
    #[arg(required = true, value_name = "ROLLOUT_NAME")]
    pub names: Vec<String>,
}

/// # Errors
/// When a Rollout cannot be patched.
pub(super) async fn run(
    connection: &ConnectionArgs,
    args: Args,
    streams: Streams<'_>,
) -> anyhow::Result<()> {
    let cluster = Cluster::connect(connection).await?;
    let patch = json!({"spec": {"paused": true}});
    for name in &args.names {
        cluster
            .patch(&ROLLOUTS, name, (Patch::Merge, &patch))
            .await?;
        writeln!(streams.out, "rollout '{name}' paused")?;
    }
    Ok(())
}
