//! The controller's process.

use std::process::ExitCode;

use tidegate_controller::{Args, Surroundings, logging, run, stop_signal};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let args = Args::from_command_line();
    logging(&args);
    // One thread does all of it but for judging answers of metric servers: the controller waits most of the
    // time, and what one thread hands to another costs more than it saves.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(start(args));
            // Nobody waits for a verdict any more.
            runtime.shutdown_background();
            ended
        }
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
