//! A cluster: the way to it, and the door through which it is written. The controller's own is one; Jobs and
//! Istio's objects may be in others (MP-203, TR-303). Every door stands behind the one fence: who does not lead
//! writes nowhere.

use std::time::Duration;

use kube::{Client, Config};

use crate::{apply::Door, connection, fence::Fence, server::Server};

/// How long a connection may take to come about. A cluster that is gone is often one that does not answer.
const LONGEST_CONNECT: Duration = Duration::from_secs(10);

/// One cluster.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) server: Server,
    pub(crate) door: Door,
}

impl Cluster {
    /// A cluster behind this fence.
    pub(crate) fn new(server: Server, fence: &Fence) -> Self {
        Self {
            door: Door::new(server.clone(), fence.clone()),
            server,
        }
    }
}

/// The way to another cluster than the controller's own.
///
/// # Errors
/// When it cannot be used.
pub(crate) fn connect(mut config: Config) -> anyhow::Result<Client> {
    connection::complete(&mut config)?;
    config.connect_timeout = Some(LONGEST_CONNECT);
    // A retry below our own bookkeeping would hide lost answers from the decision.
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}
