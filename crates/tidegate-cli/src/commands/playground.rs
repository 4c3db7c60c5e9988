//! `playground`: a stand-in that says it is not there.

use std::future::{Ready, ready};

use anyhow::anyhow;

use super::Streams;

/// A whole cluster in this process.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct Args {}

pub(super) fn run(_args: Args, _streams: Streams<'_>) -> Ready<anyhow::Result<()>> {
    ready(Err(anyhow!("the playground is not in this build")))
}
