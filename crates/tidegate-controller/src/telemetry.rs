//! Logs, and the signals that end the process.

use tracing_subscriber::EnvFilter;

use crate::args::Args;

/// Sets up logging as the flags say. A second call changes nothing.
pub fn logging(args: &Args) {
    let quiet = if args.kloglevel == 0 && !args.loglevel.contains(['=', ',']) {
        format!("{},kube=warn,hyper=warn,tower=warn", args.loglevel)
    } else {
        args.loglevel.clone()
    };
    let filter = EnvFilter::try_new(quiet).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // The only error is that logging is set up already.
    let _ = if args.logformat == "json" {
        builder.json().try_init()
    } else {
        builder.with_ansi(false).try_init()
    };
}

/// A log level in upstream's words, as the log reads it.
///
/// # Errors
/// What is no level.
pub(crate) fn level(text: &str) -> Result<String, String> {
    let level = match text {
        "warning" => "warn",
        "fatal" | "panic" => "error",
        other => other,
    };
    match EnvFilter::try_new(level) {
        Ok(_) if !level.is_empty() => Ok(level.to_owned()),
        Ok(_) | Err(_) => Err("give debug, info, warn or error".to_owned()),
    }
}

/// Resolves on SIGINT or SIGTERM; a second one ends the process at once with code 1 (OPS-06).
pub async fn stop_signal() {
    signal().await;
    tokio::spawn(async {
        signal().await;
        std::process::exit(1);
    });
}

async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::error!(%error, "cannot wait for SIGTERM");
            return;
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
