//! When each key is due: the earliest is found without looking at all of them.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

/// At most one instant per key.
#[derive(Debug)]
pub(super) struct Timers<K> {
    by_key: BTreeMap<K, Instant>,
    by_instant: BTreeSet<(Instant, K)>,
}

impl<K: Clone + Ord> Timers<K> {
    pub(super) fn new() -> Self {
        Self {
            by_key: BTreeMap::new(),
            by_instant: BTreeSet::new(),
        }
    }

    /// Sets when the key is due, or that it is not; whatever was set before is void.
    pub(super) fn set(&mut self, key: &K, at: Option<Instant>) {
        if let Some(before) = self.by_key.remove(key) {
            self.by_instant.remove(&(before, key.clone()));
        }
        if let Some(at) = at {
            self.by_key.insert(key.clone(), at);
            self.by_instant.insert((at, key.clone()));
        }
    }

    /// Whether the key will be due.
    pub(super) fn holds(&self, key: &K) -> bool {
        self.by_key.contains_key(key)
    }

    /// Takes the earliest key that is due by now.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<K> {
        let (at, key) = self.by_instant.first()?;
        if *at > now {
            return None;
        }
        let key = key.clone();
        self.set(&key, None);
        Some(key)
    }

    /// When the earliest is due.
    pub(super) fn first(&self) -> Option<Instant> {
        self.by_instant.first().map(|(at, _)| *at)
    }
}
