//! The model cluster on a port of this machine, for clients in other processes.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{net::TcpListener, task::JoinHandle};

use super::http::{Door, router};
use crate::actors::Actors;

/// Serves the cluster at an address, usually `127.0.0.1:0`; tells the address with its port and the
/// task that serves. Aborting the task ends it.
///
/// # Errors
/// When the address cannot be listened at.
pub async fn serve(
    door: Arc<Door>,
    address: SocketAddr,
) -> io::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let task = tokio::spawn(async move {
        // Accepting goes on after errors of single connections; there is nothing else to report.
        let _ended = axum::serve(listener, router(door)).await;
    });
    Ok((address, task))
}

/// A kubeconfig for the cluster at this address, with `namespace` as the current one.
pub fn kubeconfig(address: SocketAddr, namespace: &str) -> String {
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         current-context: model\n\
         clusters:\n\
         - name: model\n  cluster: {{server: \"http://{address}\"}}\n\
         contexts:\n\
         - name: model\n  context: {{cluster: model, user: model, namespace: \"{namespace}\"}}\n\
         users:\n\
         - name: model\n  user: {{}}\n"
    )
}

/// How many times faster the cluster's clock runs than this machine's; at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed(pub u32);

/// Lets the actors live in the cluster for as long as the future is polled: after each change, and
/// whenever one of them waits for an instant.
pub async fn drive(door: Arc<Door>, mut actors: Actors, speed: Speed) {
    let mut changed = door.changed();
    loop {
        changed.borrow_and_update();
        let next = door.with(|cluster, now| actors.step(cluster, now));
        let pause = next.map_or(Duration::from_hours(1), |at| {
            real_time_until(at, door.now(), speed)
        });
        tokio::select! {
            moved = changed.changed() => {
                if moved.is_err() {
                    return;
                }
            }
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// How long it takes on this machine until the cluster's clock shows an instant.
fn real_time_until(at: Timestamp, now: Timestamp, speed: Speed) -> Duration {
    let left = Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO);
    // A little longer, so that the cluster's clock has surely passed the instant.
    left / speed.0.max(1) + Duration::from_micros(200)
}
