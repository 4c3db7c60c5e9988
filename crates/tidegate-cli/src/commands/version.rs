//! `version [--short]` (CLI-402).

use super::Streams;

/// Prints the version.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Print just the version number
    #[arg(long)]
    pub short: bool,
}

/// # Errors
/// When the stream is closed.
pub(super) fn run(args: Args, streams: Streams<'_>) -> anyhow::Result<()> {
    let version = concat!("v", env!("CARGO_PKG_VERSION"));
    writeln!(streams.out, "kubectl-argo-rollouts: {version}")?;
    if !args.short {
        writeln!(
            streams.out,
            "  Platform: {}/{}",
            std::env::consts::OS,
            std::env::consts::ARCH
        )?;
    }
    Ok(())
}
