//! Have we seen our own writes? A decision on older observations could undo them (S2-3).

use std::collections::BTreeMap;

use crate::plan::{ObjectKey, Resource};

/// The highest version of a resource that a cache has taken in, by kind.
pub trait Seen {
    /// The resource version up to which the cache of this kind is complete; `None` if it has nothing yet.
    fn version(&self, resource: &Resource) -> Option<u64>;
}

/// Whether a decision may be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Every own write was seen.
    Fresh,
    /// The cache of this kind lags behind our own write.
    Behind(Resource),
}

/// Remembers, for each decided object, the newest version it wrote of each kind.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    written: BTreeMap<ObjectKey, BTreeMap<Resource, u64>>,
}

impl Ledger {
    /// Notes that a pass over `owner` wrote an object of this kind at this version. Versions that are
    /// no numbers are not noted: then the guard of each write is the only protection.
    pub fn record(&mut self, owner: &ObjectKey, resource: &Resource, version: &str) {
        let Ok(version) = version.parse::<u64>() else {
            return;
        };
        let newest = self
            .written
            .entry(owner.clone())
            .or_default()
            .entry(resource.clone())
            .or_default();
        *newest = version.max(*newest);
    }

    /// Whether everything that passes over `owner` wrote was seen. Forgets what was.
    pub fn check(&mut self, owner: &ObjectKey, seen: &impl Seen) -> Freshness {
        let Some(written) = self.written.get_mut(owner) else {
            return Freshness::Fresh;
        };
        written.retain(|resource, version| seen.version(resource).is_none_or(|v| v < *version));
        if let Some(resource) = written.keys().next() {
            return Freshness::Behind(resource.clone());
        }
        self.written.remove(owner);
        Freshness::Fresh
    }

    /// Forgets an object that is gone.
    pub fn forget(&mut self, owner: &ObjectKey) {
        self.written.remove(owner);
    }
}
