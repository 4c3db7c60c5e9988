//! `status NAME`: the phase, followed until it is Healthy or Degraded (CLI-204, CLI-205).

use std::{pin::pin, time::Duration};

use anyhow::{Context, anyhow, bail};
use futures::StreamExt;
use tidegate_api::rollout::Rollout;
use tidegate_controller::{
    flags,
    wire::{self, Item},
};
use tidegate_core::{
    plan::ROLLOUTS,
    rollout::phase::{self, Phase},
};
use tokio::time::Instant;

use super::Streams;
use crate::{
    connect::{Cluster, ConnectionArgs},
    family,
    follow::{self, Scope, Seen},
    stop,
};

/// Shows the status; ends when the rollout is done, with code 1 if it is degraded.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Which rollout
    #[arg(value_name = "ROLLOUT_NAME")]
    pub name: String,
    /// Watch the status of the rollout until it's done
    #[arg(long, short, default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", value_parser = flags::truth)]
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
    let deadline = deadline(&args.timeout)?;
    let cluster = Cluster::connect(connection).await?;
    let scope = Scope::one(&cluster, ROLLOUTS, &args.name);
    if !args.watch {
        let (items, _) = scope.list().await?;
        let now = shown(items, &args.name)?;
        if is_final(&now) {
            writeln!(streams.out, "{}", now.name)?;
        } else {
            writeln!(streams.out, "{} - {}", now.name, now.message)?;
        }
        return verdict(&now, Patience::NotWatching);
    }
    let mut changes = pin!(follow::changes(scope));
    let mut stop = pin!(over(deadline));
    let mut now = None;
    loop {
        let seen = tokio::select! {
            seen = changes.next() => seen.context("the watch ended")??,
            () = &mut stop => return match now {
                Some(now) => verdict(&now, Patience::Over),
                None => bail!(OVER),
            },
        };
        let objects = match seen {
            Seen::All(objects) => objects,
            Seen::Present(object) => vec![object],
            Seen::Gone(_) => Vec::new(),
        };
        let next = shown(objects, &args.name)?;
        if now.as_ref().map(words) != Some(words(&next)) {
            writeln!(streams.out, "{}", words(&next))?;
            streams.out.flush()?;
        }
        if is_final(&next) {
            return verdict(&next, Patience::Left);
        }
        now = Some(next);
    }
}

/// Waits until nobody wants to wait any longer.
async fn over(deadline: Option<Instant>) {
    let Some(deadline) = deadline else {
        return stop::asked().await;
    };
    tokio::select! {
        () = tokio::time::sleep_until(deadline) => {}
        () = stop::asked() => {}
    }
}

const OVER: &str = "Rollout status watch exceeded timeout";

/// Whether somebody still waits.
#[derive(Clone, Copy)]
enum Patience {
    NotWatching,
    Left,
    Over,
}

fn verdict(now: &Phase, patience: Patience) -> anyhow::Result<()> {
    if now.name == phase::DEGRADED {
        bail!(
            "The rollout is in a degraded state with message: {}",
            now.message
        );
    }
    match patience {
        Patience::Over => bail!(OVER),
        Patience::NotWatching | Patience::Left => Ok(()),
    }
}

/// The phase of the one Rollout that is asked for.
fn shown(mut objects: Vec<Item>, name: &str) -> anyhow::Result<Phase> {
    let object = objects.pop().ok_or_else(|| family::not_found(name))?;
    let rollout: Rollout =
        wire::typed(object).map_err(|unreadable| anyhow!("rollout {unreadable}"))?;
    Ok(phase::shown(&rollout))
}

fn is_final(now: &Phase) -> bool {
    now.name == phase::HEALTHY || now.name == phase::DEGRADED
}

fn words(phase: &Phase) -> String {
    if phase.message.is_empty() {
        phase.name.clone()
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
