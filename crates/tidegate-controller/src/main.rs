//! The controller's process.

use std::process::ExitCode;

use tidegate_controller::{Args, Surroundings, logging, run, stop_signal};

/// Threads that work. The controller waits most of the time, and each thread has memory of its own.
const THREADS: usize = 4;

fn main() -> ExitCode {
    let args = Args::from_command_line();
    logging(&args);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.min(THREADS))
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(start(args)),
        Err(error) => Err(error.into()),
    };
    match ended {
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
