//! `status NAME`: the phase, followed until it is Healthy or Degraded (CLI-204, CLI-205).

use std::time::Duration;

use anyhow::{Context, bail};
use futures::StreamExt;
use tidegate_api::rollout::Rollout;
use tidegate_core::{
    plan::ROLLOUTS,
    rollout::phase::{self, Phase},
};
use tokio::time::Instant;

use super::Streams;
use crate::{
    connect::{Cluster, ConnectionArgs},
    follow,
};

/// Shows the status; ends when the rollout is done, with code 1 if it is degraded.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Which rollout
    #[arg(value_name = "ROLLOUT_NAME")]
    pub name: String,
    /// Watch the status of the rollout until it's done
    #[arg(long, short, default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub watch: bool,
    /// How long to watch before giving up, such as 1s, 2m, 3h; 0 waits forever
    #[arg(long, short, default_value = "0")]
    pub timeout: String,
}

/// # Errors
/// When the rollout is degraded, is not done in time, or cannot be read.
pub(super) async fn run(
    connection: &ConnectionArgs,
    args: Args,
    streams: Streams<'_>,
) -> anyhow::Result<()> {
    let cluster = Cluster::connect(connection).await?;
    let rollout = cluster.get(&ROLLOUTS, &args.name).await?;
    let version = follow::version(&rollout);
    let mut now = shown(rollout)?;
    if !args.watch {
        if is_final(&now) {
            writeln!(streams.out, "{}", now.name)?;
        } else {
            writeln!(streams.out, "{} - {}", now.name, now.message)?;
        }
        return verdict(&now, Patience::NotWatching);
    }
    writeln!(streams.out, "{}", words(&now))?;
    let deadline = deadline(&args.timeout)?;
    let mut changes = std::pin::pin!(follow::objects(&cluster, &ROLLOUTS, &args.name, version));
    while !is_final(&now) {
        let change = match deadline {
            Some(at) => match tokio::time::timeout_at(at, changes.next()).await {
                Ok(change) => change,
                Err(_) => return verdict(&now, Patience::Over),
            },
            None => changes.next().await,
        };
        let rollout = change.context("the watch ended")??;
        let next = shown(rollout)?;
        if words(&next) != words(&now) {
            writeln!(streams.out, "{}", words(&next))?;
        }
        now = next;
    }
    verdict(&now, Patience::Left)
}

/// Whether somebody still waits.
enum Patience {
    NotWatching,
    Left,
    Over,
}

fn verdict(now: &Phase, patience: Patience) -> anyhow::Result<()> {
    match patience {
        _ if now.name == "Degraded" => bail!(
            "The rollout is in a degraded state with message: {}",
            now.message
        ),
        Patience::Over => bail!("Rollout status watch exceeded timeout"),
        Patience::NotWatching | Patience::Left => Ok(()),
    }
}

fn shown(rollout: serde_json::Value) -> anyhow::Result<Phase> {
    let rollout: Rollout =
        serde_json::from_value(rollout).context("the server's Rollout cannot be read")?;
    Ok(phase::shown(&rollout))
}

fn is_final(phase: &Phase) -> bool {
    phase.name == "Healthy" || phase.name == "Degraded"
}

fn words(phase: &Phase) -> String {
    if phase.message.is_empty() {
        phase.name.to_string()
    } else {
        format!("{} - {}", phase.name, phase.message)
    }
}

fn deadline(timeout: &str) -> anyhow::Result<Option<Instant>> {
    if timeout == "0" {
        return Ok(None);
    }
    let duration = tidegate_gocompat::duration::parse(timeout)
        .ok()
        .and_then(|duration| u64::try_from(duration.nanoseconds()).ok())
        .with_context(|| format!("--timeout {timeout} is no duration, such as 1s, 2m or 3h"))?;
    Ok((duration > 0).then(|| Instant::now() + Duration::from_nanos(duration)))
}
