//! Which versions a cache holds, up to which one it is complete, and what its watch must have lost.

use std::collections::BTreeMap;

use super::{Cache, Cached, Key, Objects};

impl<T: Cached> Cache<T> {
    /// Up to which version the cache is complete.
    pub(crate) fn version(&self) -> Option<u64> {
        self.with(|objects| objects.version)
    }

    /// Every object's version, and up to which one the cache is complete; `None` if nobody can tell.
    pub(crate) fn versions(&self) -> Option<(BTreeMap<Key, u64>, u64)> {
        self.with(|objects| {
            let all = objects.by_name.iter();
            let held = all.map(|(key, entry)| (key.clone(), entry.version));
            Some((held.collect(), objects.version?))
        })
    }

    /// An object's version.
    pub(crate) fn version_of(&self, key: &Key) -> Option<u64> {
        self.with(|objects| objects.by_name.get(key).map(|entry| entry.version))
    }

    /// Everything up to this version is in the cache, as the watch says. Up to what it has lost, at most.
    pub(crate) fn complete(&self, version: &str) {
        if let Ok(version) = version.parse::<u64>() {
            self.reach(|_| version);
        }
    }

    /// A list has told of everything up to this version.
    pub(crate) fn listed(&self, version: &str) {
        if let Ok(version) = version.parse::<u64>() {
            self.lost.send_replace(None);
            self.reach(|objects| {
                objects.expected.listed(version);
                version
            });
        }
    }

    /// This process has written an object, which makes this version of it.
    pub(crate) fn expect(&self, key: Key, version: &str) {
        if let Ok(version) = version.parse::<u64>() {
            self.reach(|objects| {
                let held = objects.by_name.get(&key).map(|entry| entry.version);
                objects.expected.written(key, version, held);
                objects.version.unwrap_or_default()
            });
        }
    }

    /// Takes in up to which version the watch has come.
    fn reach(&self, claim: impl FnOnce(&mut Objects<T>) -> u64) {
        let lost = self.with(|objects| {
            let claimed = claim(objects);
            let lost = objects.expected.lost(claimed);
            let known = objects.version.map_or(claimed, |known| known.max(claimed));
            objects.version = match &lost {
                // Whoever waits for it waits on.
                Some((_, version)) => Some(version.saturating_sub(1)),
                None => Some(known),
            };
            lost
        });
        if let Some((key, _)) = lost {
            self.lost.send_replace(Some(key));
        }
    }

    /// Waits until the watch has lost something that this process has written.
    pub(crate) async fn loses(&self) -> Key {
        let mut lost = self.lost.subscribe();
        // The sender lives in this very cache, so waiting cannot fail.
        let found = lost.wait_for(Option::is_some).await;
        found.ok().and_then(|key| key.clone()).unwrap_or_default()
    }
}
