//! When somebody wants a command that watches to end (CLI-004).

use std::future;

use tokio::signal::{
    self,
    unix::{SignalKind, signal},
};

/// Waits for SIGINT or SIGTERM. Dropped and asked again, it misses none: the handler stays.
pub(crate) async fn asked() {
    // Without a handler a signal ends the process, as it would any other.
    let interrupted = async {
        if signal::ctrl_c().await.is_err() {
            future::pending::<()>().await;
        }
    };
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                terminate.recv().await;
            }
            Err(_) => future::pending().await,
        }
    };
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
}
