//! `playground`: a cluster in this process, and the shipped example in it.

use std::io::{self, BufRead, IsTerminal};

use tokio::sync::mpsc;

use super::Streams;
use crate::{
    playground::{Ending, Plot, Screen, Surface, Version, World, play},
    render::Colour,
};

/// Runs a model cluster and a canary in it, until Ctrl-C. Nothing else is needed, and nothing is left.
#[derive(clap::Args, Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct Args {
    /// Let the new version answer with errors: it is taken back
    #[arg(long)]
    pub bad: bool,
    /// How many times faster than yours the cluster's clock runs
    #[arg(long, value_name = "TIMES", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub speed: u32,
    /// End with the story: exit code 0 if it ended as it should, else 1. Promotes by itself
    #[arg(long)]
    pub once: bool,
    /// Port of the API server; 0 takes any free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,
}

/// # Errors
/// When the world cannot be made, breaks, or with `--once` the story ends otherwise.
pub(super) async fn run(args: Args, streams: Streams<'_>) -> anyhow::Result<()> {
    let mut world = World::start(args.speed, args.port).await?;
    let plot = Plot {
        version: if args.bad {
            Version::Bad
        } else {
            Version::Good
        },
        ending: if args.once {
            Ending::Leave
        } else {
            Ending::Stay
        },
    };
    let enter = match plot.ending {
        Ending::Stay if io::stdin().is_terminal() => lines(),
        Ending::Stay | Ending::Leave => mpsc::channel(1).1,
    };
    let mut screen = Screen::open(streams.out, surface(), intro(&world, args), world.now())?;
    play(&mut world, plot, &mut screen, enter).await
}

fn surface() -> Surface {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    if !io::stdout().is_terminal() || variable("TERM") == "dumb" {
        return Surface::Lines;
    }
    Surface::Terminal(if variable("NO_COLOR").is_empty() {
        Colour::On
    } else {
        Colour::Off
    })
}

fn intro(world: &World, args: Args) -> String {
    let kubeconfig = world.kubeconfig().display();
    let pace = match args.speed {
        1 => "Its clock is yours; --speed 60 lets minutes be seconds.".to_owned(),
        speed => format!(
            "Its clock runs {speed} times as fast as yours, by which others count ages: they show <invalid>."
        ),
    };
    format!(
        "A cluster in this process: {}\n\
         {pace}\n\
         From another terminal:\n\
         \x20 export KUBECONFIG={kubeconfig}\n\
         \x20 kubectl get rollouts,replicasets,pods,analysisruns\n\
         \x20 cargo run -- get rollout api-server --watch\n",
        world.cluster.server
    )
}

/// Whenever somebody presses Enter. The thread ends with the process.
fn lines() -> mpsc::Receiver<()> {
    let (pressed, enter) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            if line.is_err() || pressed.blocking_send(()).is_err() {
                return;
            }
        }
    });
    enter
}
