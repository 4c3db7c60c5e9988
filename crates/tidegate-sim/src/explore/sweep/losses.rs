//! Changes that watches lose: which, and when that is found.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::Fault;
use crate::{
    cluster::kinds::KindId,
    controller::followed,
    digest::Digest,
    scenario::Scenario,
    world::{LONGEST_UNTIL_CHECK, World},
};

/// Which changes watches lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Losses {
    /// None.
    None,
    /// One of each kind. Which one follows from the story, so that stories differ in it.
    OneOfEachKind,
    /// Every one before which there is a pass that writes.
    All,
}

/// When a change that was lost is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// As late as it may be.
    Late,
    /// Soon.
    Soon,
}

impl Found {
    /// How long after the loss.
    pub(super) fn after(self) -> SignedDuration {
        match self {
            Self::Late => LONGEST_UNTIL_CHECK,
            Self::Soon => SignedDuration::from_secs(1),
        }
    }
}

/// The kinds that are followed and of which something changes between two passes that write.
pub(super) fn changed(before: &World, later: &World) -> BTreeSet<KindId> {
    let changes = later
        .cluster
        .changes_since(before.cluster.version())
        .expect("the simulated cluster forgets nothing");
    let within = changes
        .iter()
        .take_while(|change| change.version <= later.cluster.version());
    let kinds = within.map(|change| change.object.kind);
    kinds
        .filter(|kind| followed().any(|one| one == *kind))
        .collect()
}

impl Losses {
    /// What is lost from which pass on, for the passes before which there are copies of the world.
    pub(super) fn by_place(
        self,
        (snapshots, last): (&[(usize, World)], &World),
        scenario: &Scenario,
    ) -> BTreeMap<usize, Vec<Fault>> {
        let mut places: BTreeMap<KindId, Vec<usize>> = BTreeMap::new();
        if scenario.loses() {
            // One lost change at a time: this story has its own.
            return BTreeMap::new();
        }
        for (place, (_, before)) in snapshots.iter().enumerate() {
            let later = snapshots.get(place + 1).map_or(last, |(_, next)| next);
            for kind in changed(before, later) {
                places.entry(kind).or_default().push(place);
            }
        }
        let mut faults: BTreeMap<usize, Vec<Fault>> = BTreeMap::new();
        for (kind, mut all) in places {
            match self {
                Self::None => all.clear(),
                Self::OneOfEachKind => {
                    let mut digest = Digest::new(kind.number());
                    digest.text(&scenario.about);
                    let most = u64::try_from(all.len()).unwrap_or(u64::MAX);
                    let one = usize::try_from(digest.finish() % most).unwrap_or_default();
                    all = vec![all.swap_remove(one)];
                }
                Self::All => {}
            }
            for place in all {
                let look = snapshots.get(place).map_or(0, |(_, before)| before.looks());
                let fault = Fault::Loss(look, kind, Found::Late);
                faults.entry(place).or_default().push(fault);
            }
        }
        faults
    }
}
