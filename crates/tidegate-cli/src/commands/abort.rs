//! `abort NAME…`: stops an update; traffic goes back to the stable version (ACT-01, CLI-304).

use serde_json::json;
use tidegate_core::plan::ROLLOUTS;

use super::Streams;
use crate::connect::{Cluster, ConnectionArgs};

/// Stops the update. `spec.template` still asks for the new version: `retry` goes on with it, an
/// earlier template takes it back for good.
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
    for name in &args.names {
        cluster
            .patch_status(&ROLLOUTS, name, &json!({"status": {"abort": true}}))
            .await?;
        writeln!(streams.out, "rollout '{name}' aborted")?;
    }
    Ok(())
}
