//! Has a cache missed a change? A watch that loses one tells nobody: the cache goes on as if it were complete.
//! So from time to time the names and versions of a list are held against those of the cache (L-6).
//!
//! Cache and cluster go on meanwhile, so a difference alone is no fault. Three instants count: what the cache
//! held before the list was asked for, the list, and what the cache holds once it has come as far as the list.
//! Each object is judged by the look that cannot be explained by anything that happened since.

mod expected;

use std::{collections::BTreeMap, fmt, time::Duration};

use tidegate_gocompat::fnv;

pub use self::expected::Expected;

/// Namespace and name.
pub type Key = (String, String);

/// Between two checks of one kind, at least. With the spread and the patience on top a change that was lost is
/// found within ten minutes.
const PERIOD: Duration = Duration::from_mins(8);
/// By how much the period of a kind may be longer, so that the kinds' lists do not all come at once.
const SPREAD_MILLIS: u32 = 30_000;
/// How long a watch may take to come as far as a list: API servers tell watches that nothing happened about once
/// a minute.
pub const PATIENCE: Duration = Duration::from_secs(75);

/// How long after a list of a kind the next check comes. It follows from what is followed, so that two kinds
/// never fall together again and again.
pub fn period(of: &str) -> Duration {
    let spread = fnv::hash(of.as_bytes()) % SPREAD_MILLIS;
    PERIOD + Duration::from_millis(spread.into())
}

/// A list that is being held against a cache.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What the cache held before the list was asked for, but for what was listed since.
    held: BTreeMap<Key, u64>,
    /// Up to which version the cache was complete then.
    complete: u64,
    found: BTreeMap<Key, Doubt>,
}

/// Why an object is looked at once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// It is listed in this version, and the cache did not hold it although it was complete.
    Absent(u64),
    /// It is listed in this version, which is newer than the one that the cache held, or than all it knew of.
    Newer(u64),
    /// The cache held it, and it is not listed.
    Unlisted,
}

/// What cannot be told from the list alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubts {
    /// The list's version.
    version: u64,
    found: BTreeMap<Key, Doubt>,
}

/// Whether the watch may still tell what the list told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It may.
    Lasts,
    /// It had its time.
    IsOver,
}

/// A change that never came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The object's namespace and name.
    pub key: Key,
    /// What was lost.
    pub what: What,
}

/// What was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// That there is such an object.
    Arrival,
    /// How it is now.
    Change,
    /// That it is gone.
    Departure,
}

impl fmt::Display for What {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Arrival => "its arrival",
            Self::Change => "a change of it",
            Self::Departure => "its deletion",
        })
    }
}

impl Comparison {
    /// Begins with what a cache holds, by version, and with the version up to which it is complete.
    pub fn new(held: BTreeMap<Key, u64>, complete: u64) -> Self {
        Self {
            held,
            complete,
            found: BTreeMap::new(),
        }
    }

    /// Takes in an object of the list.
    pub fn list(&mut self, key: Key, version: u64) {
        let doubt = match self.held.remove(&key) {
            Some(held) if held >= version => return,
            None if version <= self.complete => Doubt::Absent(version),
            Some(_) | None => Doubt::Newer(version),
        };
        self.found.insert(key, doubt);
    }

    /// The list has come to its end; `version` is its own. One that is older than what the cache knew of says
    /// nothing.
    pub fn end(mut self, version: u64) -> Doubts {
        if version < self.complete {
            self.found.clear();
        } else {
            let unlisted = self.held.into_keys().map(|key| (key, Doubt::Unlisted));
            self.found.extend(unlisted);
        }
        Doubts {
            version,
            found: self.found,
        }
    }
}

impl Doubts {
    /// Whether nothing is left to look at.
    pub fn are_settled(&self) -> bool {
        self.found.is_empty()
    }

    /// Looks at the cache again: what `held` says of an object's version, and up to which version it is `complete`
    /// by now. Gives the first change that was surely missed, and forgets every doubt that is none any more.
    pub fn look(
        &mut self,
        complete: u64,
        held: impl Fn(&Key) -> Option<u64>,
        patience: Patience,
    ) -> Option<Missed> {
        let listed_at = self.version;
        let mut missed = None;
        self.found.retain(|key, doubt| {
            let verdict = doubt.verdict((listed_at, complete), held(key), patience);
            if let Verdict::Missed(what) = verdict {
                let key = key.clone();
                missed.get_or_insert(Missed { key, what });
            }
            verdict == Verdict::Open
        });
        missed
    }
}

/// What a second look says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The cache has come to know, or what it holds is explained by what happened since.
    Fine,
    /// The cache may not have come that far.
    Open,
    /// It has, and lacks it.
    Missed(What),
}

impl Doubt {
    fn verdict(
        self,
        (listed_at, complete): (u64, u64),
        held: Option<u64>,
        patience: Patience,
    ) -> Verdict {
        let (version, what) = match (self, held) {
            // Only an event about it can have brought it in since.
            (Self::Absent(_), Some(_)) | (Self::Unlisted, None) => return Verdict::Fine,
            // The cache was complete up to it and did not hold it, whatever became of it later.
            (Self::Absent(_), None) => return Verdict::Missed(What::Arrival),
            (Self::Newer(version), Some(held)) if held >= version => return Verdict::Fine,
            (Self::Newer(version), Some(_)) => (version, What::Change),
            // It may have come and gone again.
            (Self::Newer(version), None) if complete >= version => return Verdict::Fine,
            (Self::Newer(version), None) => (version, What::Arrival),
            // It may have been made anew.
            (Self::Unlisted, Some(held)) if held > listed_at => return Verdict::Fine,
            (Self::Unlisted, Some(_)) => (listed_at, What::Departure),
        };
        if complete >= version || patience == Patience::IsOver {
            Verdict::Missed(what)
        } else {
            Verdict::Open
        }
    }
}

#[cfg(test)]
mod tests;
