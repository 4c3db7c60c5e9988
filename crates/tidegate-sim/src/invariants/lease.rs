//! Who may write: only a process whose Lease cannot be another's yet (S2-6).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Sent;
use crate::cluster::{Change, fields};

/// As whom a process stands for election.
pub(crate) fn identity(process: u32) -> String {
    format!("controller-{process}")
}

/// What the Lease has said so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Leases {
    /// How long after its last renewal a process may write; `None` where nobody is elected.
    renew: Option<SignedDuration>,
    /// When each process that did not let go of it renewed it last.
    renewed: BTreeMap<String, Timestamp>,
}

impl Leases {
    pub(super) fn of(renew: SignedDuration) -> Self {
        Self {
            renew: Some(renew),
            renewed: BTreeMap::new(),
        }
    }

    /// Takes in a change of the Lease.
    pub(super) fn take(&mut self, change: &Change) {
        let holder = |object| fields::text(object, &["spec", "holderIdentity"]).to_owned();
        let now = holder(&change.new);
        if now.is_empty() {
            let before = change.old.as_deref().map(holder);
            self.renewed.remove(&before.unwrap_or_default());
        } else {
            self.renewed.insert(now, change.at);
        }
    }
}

/// S2-6: a process writes only while it holds the Lease: no later after its last renewal than the renewal's
/// deadline, and not at all if it never had the Lease or has let go of it.
pub(super) fn respected(leases: &Leases, sent: &Sent<'_>) -> Option<String> {
    let renew = leases.renew?;
    let process = identity(sent.cause.process);
    let target = &sent.write.target;
    match leases.renewed.get(&process) {
        None => Some(format!(
            "S2-6: {target} is written by {process}, which does not lead"
        )),
        Some(renewed) if sent.now >= *renewed + renew => Some(format!(
            "S2-6: {target} is written by {process}, which last renewed its Lease at {renewed}"
        )),
        Some(_) => None,
    }
}
