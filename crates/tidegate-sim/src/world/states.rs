//! The states that a run goes through, as fingerprints: a run that comes to one that another run went
//! on from without harm would end as that one did.

use std::collections::BTreeSet;

use super::World;
use crate::{
    cluster::{Change, Cluster, Locator, What},
    digest::Digest,
};

/// What a run has gone through.
#[derive(Clone, Debug, Default)]
pub(super) struct States {
    /// The sum of the fingerprints of all objects, and of how often each was created.
    objects: u64,
    /// The version up to which changes are taken in.
    seen: u64,
    /// One fingerprint for each instant at whose end everything was at rest.
    found: Vec<u64>,
}

impl States {
    pub(super) fn into_found(self) -> Vec<u64> {
        self.found
    }

    /// Takes in what has changed.
    fn follow(&mut self, cluster: &Cluster) {
        let changes = cluster
            .changes_since(self.seen)
            .expect("the simulated cluster forgets nothing");
        for change in changes {
            self.take(change);
        }
        self.seen = cluster.version();
    }

    fn take(&mut self, change: &Change) {
        if let Some(old) = &change.old {
            let mut digest = place(&change.object);
            digest.json(old);
            self.objects = self.objects.wrapping_sub(digest.finish());
        }
        let mut digest = place(&change.object);
        match change.what {
            What::Added => {
                let birth = place(&change.object).finish();
                self.objects = self.objects.wrapping_add(birth);
                digest.json(&change.new);
            }
            What::Modified => digest.json(&change.new),
            What::Deleted => return,
        }
        self.objects = self.objects.wrapping_add(digest.finish());
    }
}

fn place(object: &Locator) -> Digest {
    let mut digest = Digest::new(1);
    digest.number(object.kind.number());
    digest.text(&object.namespace);
    digest.text(&object.name);
    digest
}

impl World {
    /// Notes the fingerprint of what is now; tells whether it is a known one, and nothing that is still
    /// to go wrong makes a difference.
    pub(super) fn is_known(&mut self, known: &BTreeSet<u64>) -> bool {
        let Some(mut states) = self.states.take() else {
            return false;
        };
        states.follow(&self.cluster);
        let digest = self.digest(states.objects);
        states.found.extend(digest);
        self.states = Some(states);
        digest.is_some_and(|digest| known.contains(&digest))
    }

    /// `None` while something goes wrong, or is still to go wrong.
    fn digest(&self, objects: u64) -> Option<u64> {
        let holds = self.hold.is_some() || self.to_hold.is_some();
        // Who stands for election looks at the Lease for ever, each at its own time.
        if self.election.is_some()
            || holds
            || !self.losing.is_over()
            || self.outside.second.is_some()
        {
            return None;
        }
        let mut digest = Digest::new(objects);
        digest.instant(self.now);
        match &self.controller {
            Some(controller) => controller.digest(&self.cluster, &mut digest)?,
            None => digest.number(0),
        }
        digest.some_instant(self.restart);
        self.actors.digest(&mut digest);
        digest.number(u64::try_from(self.told.0).unwrap_or(u64::MAX));
        digest.number(u64::try_from(self.told.1.as_millis()).unwrap_or(u64::MAX));
        digest.some_instant(self.holds);
        self.trouble.digest(&mut digest);
        for (version, fate) in &self.fates {
            digest.text(version);
            digest.text(&format!("{fate:?}"));
        }
        let outside = &self.outside;
        outside.faults.digest(&mut digest)?;
        outside.metrics.digest(&mut digest);
        outside.trace.digest(&mut digest);
        outside.monitor.digest(&mut digest);
        Some(digest.finish())
    }
}
