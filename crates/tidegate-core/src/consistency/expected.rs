//! What a cache must come to hold, because this process has written it: of that it knows at once whether the
//! watch has lost it.

use std::collections::BTreeMap;

use super::Key;

/// Own writes of one kind that the watch has yet to tell of. Only of objects that the cache holds: whether a new
/// one is among those that are watched at all, nobody can tell beforehand.
#[derive(Clone, Debug, Default)]
pub struct Expected(BTreeMap<Key, u64>);

impl Expected {
    /// A write has made this version; `held` is the one in the cache.
    pub fn written(&mut self, key: Key, version: u64, held: Option<u64>) {
        if held.is_some_and(|held| held < version) {
            let newest = self.0.entry(key).or_default();
            *newest = version.max(*newest);
        }
    }

    /// The watch has told of an object in this version, or that it went with it.
    pub fn told(&mut self, key: &Key, version: u64) {
        if self.0.get(key).is_some_and(|expected| *expected <= version) {
            self.0.remove(key);
        }
    }

    /// A list of this version has told of everything up to it.
    pub fn listed(&mut self, version: u64) {
        self.0.retain(|_, expected| *expected > version);
    }

    /// The first write that was lost if the watch claims to have told everything up to this version.
    pub fn lost(&self, claimed: u64) -> Option<(Key, u64)> {
        let mut lost = self.0.iter().filter(|(_, version)| **version <= claimed);
        let (key, version) = lost.next()?;
        Some((key.clone(), *version))
    }
}
