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
pub(super) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<()> {
    let version = concat!("v", env!("CARGO_PKG_VERSION"));
    writeln!(streams.out, "kubectl-argo-rollouts: {version}")?;
    if !args.short {
        // As Go names them, because that is what readers of this line know.
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        writeln!(
            streams.out,
            "  Compiler: rustc\n  Platform: {}/{architecture}",
            std::env::consts::OS,
        )?;
    }
    Ok(())
}
