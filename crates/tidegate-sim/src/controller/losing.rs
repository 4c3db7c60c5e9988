//! A change that never arrives, and the check that finds what was lost; as in the shell.

use tidegate_core::{consistency::Missed, plan::ObjectKey};

use super::{Controller, Surroundings};
use crate::{
    cluster::{Cluster, Locator, kinds::KindId},
    doors::direct,
    faults::Lacks,
};

impl Controller {
    /// The watch of this kind loses its next change.
    pub fn lose_next(&mut self, kind: KindId) {
        self.caches.lose_next(kind);
    }

    /// Whether a change was lost that nothing has made up for since.
    pub(crate) fn has_lost(&self) -> bool {
        self.caches.have_lost()
    }

    /// Every kind of which a check would find that something was missed.
    pub(crate) fn missed(&self, cluster: &Cluster) -> Vec<(KindId, Missed)> {
        self.caches.missed(cluster)
    }

    /// Notes that a pass over `about` has written an object, which makes this version of it.
    pub(super) fn remember(
        &mut self,
        around: &impl Surroundings,
        (about, key): (&ObjectKey, &ObjectKey),
        version: &str,
    ) {
        self.ledger.record(about, &key.resource, version);
        let kind = direct::kind_of(around.cluster(), &key.resource);
        if let (Some(kind), Ok(version)) = (kind, version.parse()) {
            let object = Locator::new(kind, &key.namespace, &key.name);
            self.caches.expect(&object, version);
        }
    }

    /// Checks every kind, and lists those anew of which something was missed.
    pub(crate) fn check(&mut self, around: &mut impl Surroundings) -> Vec<(KindId, Missed)> {
        if around.lacks() == Some(Lacks::Checks) {
            return Vec::new();
        }
        let missed = self.caches.missed(around.cluster());
        for (kind, _) in &missed {
            let news = self.caches.list_anew(*kind, around.cluster());
            self.hear(around, news);
        }
        missed
    }
}
