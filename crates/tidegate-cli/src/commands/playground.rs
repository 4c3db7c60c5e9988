//! `playground`.

use super::Streams;

/// A whole cluster in this process.
#[derive(clap::Args, Debug)]
pub struct Args {}

pub(super) async fn run(_args: Args, _streams: Streams<'_>) -> anyhow::Result<()> {
    anyhow::bail!("not there yet")
}
