//! Who wants to be called again at which instant.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::{cluster::Locator, digest::Digest};

/// At most one instant for each object.
#[derive(Clone, Debug, Default)]
pub(super) struct Alarms {
    by_object: BTreeMap<Locator, Timestamp>,
    by_time: BTreeSet<(Timestamp, Locator)>,
}

impl Alarms {
    /// Sets the object's instant, in place of an earlier one.
    pub(super) fn set(&mut self, object: &Locator, at: Option<Timestamp>) {
        if let Some(before) = self.by_object.remove(object) {
            self.by_time.remove(&(before, object.clone()));
        }
        if let Some(at) = at {
            self.by_object.insert(object.clone(), at);
            self.by_time.insert((at, object.clone()));
        }
    }

    /// Takes out the objects whose instant has come.
    pub(super) fn due(&mut self, now: Timestamp) -> BTreeSet<Locator> {
        let mut due = BTreeSet::new();
        while let Some((at, _)) = self.by_time.first()
            && *at <= now
            && let Some((_, object)) = self.by_time.pop_first()
        {
            self.by_object.remove(&object);
            due.insert(object);
        }
        due
    }

    /// Everything that is set.
    pub(super) fn digest(&self, digest: &mut Digest) {
        for (at, object) in &self.by_time {
            digest.instant(*at);
            digest.text(&object.name);
        }
    }

    /// The earliest instant.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }
}
