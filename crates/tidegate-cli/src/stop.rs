//! When somebody wants a command that watches to end (CLI-004).

use tokio::signal;

/// Waits for SIGINT or SIGTERM. Dropped and asked again, it misses none: the handler stays.
pub(crate) async fn asked() {
    #[cfg(unix)]
    {
        let terminate = signal::unix::signal(signal::unix::SignalKind::terminate());
        if let Ok(mut terminate) = terminate {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = signal::ctrl_c() => {}
            }
            return;
        }
    }
    // Without a handler the signal ends the process, as it would any other.
    if signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
