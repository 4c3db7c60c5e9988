//! `restart NAME [--in DURATION]`: has older pods replaced, a few at a time (ACT-11, CLI-306).

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tidegate_api::meta::Time;
use tidegate_core::plan::ROLLOUTS;
use tidegate_gocompat::duration;

use super::Streams;
use crate::connect::{Cluster, ConnectionArgs, Patch};

/// Restarts the pods of a rollout: those that are older than this instant are replaced, as many at a
/// time as its maxUnavailable allows, but at least one. Disruption budgets are respected.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Which rollout
    #[arg(value_name = "ROLLOUT_NAME")]
    pub name: String,
    /// Amount of time before a restart. (e.g. 30s, 5m, 1h)
    #[arg(long = "in", short = 'i', value_name = "string")]
    pub delay: Option<String>,
}

/// # Errors
/// When the time cannot be read or the Rollout cannot be patched.
pub(super) async fn run(
    connection: &ConnectionArgs,
    args: Args,
    streams: Streams<'_>,
) -> anyhow::Result<()> {
    let delay = args.delay.as_deref().filter(|delay| !delay.is_empty());
    let at = instant(delay.unwrap_or("0s"), Timestamp::now())?;
    let cluster = Cluster::connect(connection).await?;
    let patch = json!({"spec": {"restartAt": at.to_string()}});
    cluster
        .patch(&ROLLOUTS, &args.name, (Patch::Merge, &patch))
        .await?;
    let (name, delay) = (&args.name, delay.unwrap_or("0s"));
    writeln!(streams.out, "rollout '{name}' restarts in {delay}")?;
    Ok(())
}

/// When the restart begins. Upstream panics over what is no duration.
fn instant(delay: &str, now: Timestamp) -> anyhow::Result<Time> {
    let delay = duration::parse(delay)
        .map_err(anyhow::Error::from)
        .context("give --in a duration such as 30s, 5m or 1h")?;
    let delay = SignedDuration::from_nanos(delay.nanoseconds());
    let at = now
        .checked_add(delay)
        .context("--in lies beyond the end of time")?;
    Ok(Time::new(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instant_is_in_whole_seconds() {
        let now = "2026-01-01T00:00:00.9Z".parse().unwrap();
        let at = |delay| instant(delay, now).map(|at| at.to_string());
        assert_eq!(at("0s").unwrap(), "2026-01-01T00:00:00Z");
        assert_eq!(at("1m30s").unwrap(), "2026-01-01T00:01:30Z");
        assert_eq!(at("-1h").unwrap(), "2025-12-31T23:00:00Z");
    }

    #[test]
    fn what_is_no_duration_is_refused_with_an_example() {
        let error = instant("soon", Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "give --in a duration such as 30s, 5m or 1h: time: invalid duration \"soon\""
        );
    }
}
