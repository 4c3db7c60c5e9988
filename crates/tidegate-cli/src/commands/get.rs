//! `get rollout NAME`: header and tree, once or as they change (CLI-101 to CLI-113).

use std::{pin::pin, time::Duration};

use futures::StreamExt;
use jiff::Timestamp;
use tokio::time::{Instant, MissedTickBehavior};

use super::Streams;
use crate::{
    connect::{Cluster, ConnectionArgs},
    family::Household,
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
    if args.watch {
        return watch(&cluster, &args, colour, streams).await;
    }
    let mut household = Household::read(&cluster, &args.name).await?;
    for sentence in household.unread() {
        writeln!(streams.err, "{sentence}")?;
    }
    if let Some(view) = household.view(Timestamp::now()) {
        streams
            .out
            .write_all(render::rollout(&view, colour).as_bytes())?;
    }
    Ok(())
}

/// Draws until somebody stops it or the time is over; both are no errors (CLI-110).
async fn watch(
    cluster: &Cluster,
    args: &RolloutArgs,
    colour: Colour,
    streams: Streams<'_>,
) -> anyhow::Result<()> {
    let end = (args.timeout_seconds > 0)
        .then(|| Instant::now() + Duration::from_secs(args.timeout_seconds));
    let mut household = Household::new(&args.name);
    let mut changes = pin!(Household::changes(cluster, &args.name));
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
                let Some(view) = household.view(Timestamp::now()) else { continue };
                let picture = render::rollout(&view, colour);
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
