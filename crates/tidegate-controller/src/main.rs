//! The controller's process.

use std::process::ExitCode;

use tidegate_controller::{Args, Surroundings, logging, run, stop_signal};

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::from_command_line();
    logging(&args);
    match start(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn start(args: Args) -> anyhow::Result<()> {
    let surroundings = Surroundings::from_args(&args).await?;
    run(args, surroundings, stop_signal()).await
}
