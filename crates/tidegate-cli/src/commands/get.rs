//! `get rollout NAME`, `get experiment NAME`: header and tree, once or as they change (CLI-101 to CLI-113).

use std::{pin::pin, time::Duration};

use futures::StreamExt;
use jiff::Timestamp;
use tokio::time::{Instant, MissedTickBehavior};

use super::Streams;
use crate::{
    connect::{Cluster, ConnectionArgs},
    family::{Household, Root},
    render::{self, Colour},
    stop,
};

/// Between two looks at whether there is something new to draw, so that nothing flickers (CLI-110).
const FRAME: Duration = Duration::from_millis(200);
/// Ages grow even if nothing happens.
const AGEING: Duration = Duration::from_secs(1);

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
    /// Get details about an Experiment
    #[command(visible_aliases = ["exp", "experiments"])]
    Experiment(ExperimentArgs),
}

/// Which experiment, and how.
#[derive(clap::Args, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of upstream's"
)]
pub struct ExperimentArgs {
    /// Which experiment
    #[arg(value_name = "EXPERIMENT_NAME")]
    pub name: String,
    /// Watch live updates to the experiment
    #[arg(long, short)]
    pub watch: bool,
    /// Do not colorize output
    #[arg(long)]
    pub no_color: bool,
}

/// Which rollout, and how.
#[derive(clap::Args, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of upstream's"
)]
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

/// What is asked for, whatever its kind.
struct Asked {
    root: Root,
    name: String,
    colour: Colour,
    watched: bool,
    /// How long it is watched; `None` without end.
    limit: Option<Duration>,
}

impl Asked {
    fn rollout(args: RolloutArgs) -> Self {
        let limit = Duration::from_secs(args.timeout_seconds);
        Self {
            root: Root::Rollout,
            name: args.name,
            colour: if args.no_color { Colour::Off } else { colour() },
            watched: args.watch,
            limit: Some(limit).filter(|limit| !limit.is_zero()),
        }
    }

    fn experiment(args: ExperimentArgs) -> Self {
        Self {
            root: Root::Experiment,
            name: args.name,
            colour: if args.no_color { Colour::Off } else { colour() },
            watched: args.watch,
            limit: None,
        }
    }
}

/// What the terminal can do.
fn colour() -> Colour {
    if std::env::var("TERM").is_ok_and(|terminal| terminal == "dumb") {
        Colour::Off
    } else {
        Colour::On
    }
}

/// # Errors
/// When the Rollout or the Experiment cannot be read.
pub(super) async fn run(
    connection: &ConnectionArgs,
    args: Args,
    streams: Streams<'_>,
) -> anyhow::Result<()> {
    let asked = match args.what {
        What::Rollout(args) => Asked::rollout(args),
        What::Experiment(args) => Asked::experiment(args),
    };
    let cluster = Cluster::connect(connection).await?;
    if asked.watched {
        return watch(&cluster, &asked, streams).await;
    }
    let mut household = Household::read(&cluster, asked.root, &asked.name).await?;
    for sentence in household.unread() {
        writeln!(streams.err, "{sentence}")?;
    }
    if let Some(picture) = household.picture(Timestamp::now(), asked.colour) {
        streams.out.write_all(picture.as_bytes())?;
    }
    Ok(())
}

/// Draws until somebody stops it or the time is over; both are no errors (CLI-110).
async fn watch(cluster: &Cluster, asked: &Asked, streams: Streams<'_>) -> anyhow::Result<()> {
    let end = asked.limit.map(|limit| Instant::now() + limit);
    let of = (asked.root, asked.name.as_str());
    let mut household = Household::new(of.0, of.1);
    let mut changes = pin!(Household::changes(cluster, of));
    let mut stop = pin!(stop::asked());
    let mut frame = tokio::time::interval(FRAME);
    frame.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shown = String::new();
    let mut drawn: Option<Instant> = None;
    loop {
        tokio::select! {
            change = changes.next() => {
                let Some(change) = change else { return Ok(()) };
                let (member, seen) = change?;
                household.take(member, seen)?;
                for sentence in household.unread() {
                    writeln!(streams.err, "{sentence}")?;
                }
                drawn = None;
            }
            at = frame.tick() => {
                if end.is_some_and(|end| at >= end) {
                    return Ok(());
                }
                if drawn.is_some_and(|drawn| at < drawn + AGEING) {
                    continue;
                }
                let now = Timestamp::now();
                let Some(picture) = household.picture(now, asked.colour) else { continue };
                if picture != shown {
                    streams.out.write_all(render::frame(&picture).as_bytes())?;
                    streams.out.flush()?;
                    shown = picture;
                }
                drawn = Some(at);
            }
            () = &mut stop => return Ok(()),
        }
    }
}
