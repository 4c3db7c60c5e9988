//! Have we seen our own writes? A decision on older observations could undo them (S2-3).

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::Value;

use crate::{
    contest::Contests,
    plan::{Guard, ObjectKey, Resource, Write},
    run::{Failure, Outcome},
};

/// How long a pass waits for news after somebody else was faster: caches seldom lag for longer. News of
/// other objects do not make it shorter (S2-12).
pub const SOON: SignedDuration = SignedDuration::from_millis(50);
/// How often in a row that is put down to lagging caches; what lasts longer has another cause.
const FEW: u32 = 5;
/// The longest wait, as after other failures (QUE-03).
const LONGEST: SignedDuration = SignedDuration::from_secs(10);

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

/// Somebody else was faster: an object changed or was there before our write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outrun {
    /// How often in a row.
    pub times: u32,
}

impl Outrun {
    /// Whether it happens so often that lagging caches do not explain it: the object that is in the
    /// way is none that the caches hold.
    pub fn is_lasting(self) -> bool {
        self.times > FEW
    }

    /// How long to wait for news: longer each time once it is lasting.
    pub fn delay(self) -> SignedDuration {
        let doublings = self.times.saturating_sub(FEW).min(10);
        SOON.saturating_mul(2_i32.saturating_pow(doublings))
            .min(LONGEST)
    }
}

/// Remembers, for each decided object, the newest version it wrote of each kind, and how often in a
/// row it was outrun.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    written: BTreeMap<ObjectKey, BTreeMap<Resource, u64>>,
    outrun: BTreeMap<ObjectKey, u32>,
    /// The version that an owner had before somebody else changed it, of which a refused write told us.
    outdated: BTreeMap<ObjectKey, String>,
    /// Whose writes are taken back by others.
    pub contests: Contests,
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

    /// Notes why a pass over `owner` ended early, if it was outrun: `None` for all other failures.
    pub fn outrun(&mut self, owner: &ObjectKey, failure: &Failure) -> Option<Outrun> {
        match failure {
            Failure::Conflict | Failure::AlreadyExists => {
                let times = self.outrun.entry(owner.clone()).or_default();
                *times = times.saturating_add(1);
                Some(Outrun { times: *times })
            }
            Failure::NotFound
            | Failure::Protected(_)
            | Failure::Refused(_)
            | Failure::Unavailable(_)
            | Failure::Unknown(_)
            | Failure::Inexpressible(_)
            | Failure::Contested(_) => None,
        }
    }

    /// Learns from a write of a pass over `owner`, if it was about itself, that somebody else has changed it.
    pub fn learn(&mut self, owner: &ObjectKey, write: &Write, outcome: &Outcome) {
        if let Outcome::Failed(Failure::Conflict) = outcome
            && write.target == *owner
            && let Guard::Version {
                resource_version, ..
            } = &write.guard
        {
            self.changed(owner, resource_version.clone());
        }
    }

    /// Somebody else has changed `owner` since it had this version.
    pub fn changed(&mut self, owner: &ObjectKey, version: String) {
        self.outdated.insert(owner.clone(), version);
    }

    /// Whether `owner` is known to be another one by now than at this version: nothing that it asks for is to be
    /// done, for whoever changed it may have asked for something else (S2-12).
    pub fn is_outdated(&mut self, owner: &ObjectKey, version: &str) -> bool {
        let outdated = self.outdated.get(owner).is_some_and(|old| old == version);
        if !outdated {
            self.outdated.remove(owner);
        }
        outdated
    }

    /// Whether a look at `owner` itself shows that it still has this version, whatever a conflict was about. If so, it
    /// is not outdated any more.
    pub fn is_the_same(
        &mut self,
        owner: &ObjectKey,
        version: &str,
        live: &Result<Value, Failure>,
    ) -> bool {
        let same = matches!(live, Ok(live) if live["metadata"]["resourceVersion"] == version);
        if same {
            self.outdated.remove(owner);
        }
        same
    }

    /// Who is known to be another one by now than at a version.
    pub fn outdated(&self) -> &BTreeMap<ObjectKey, String> {
        &self.outdated
    }

    /// Who was outrun in its last pass, and how often in a row: whoever waits longer than others.
    pub fn outruns(&self) -> &BTreeMap<ObjectKey, u32> {
        &self.outrun
    }

    /// Forgets every version of a kind: its objects are in another cluster now, where versions are other numbers.
    pub fn forget_kind(&mut self, resource: &Resource) {
        for written in self.written.values_mut() {
            written.remove(resource);
        }
        self.written.retain(|_, written| !written.is_empty());
    }

    /// A pass over `owner` ended for another reason than being outrun.
    pub fn settled(&mut self, owner: &ObjectKey) {
        self.outrun.remove(owner);
    }

    /// Forgets an object that is gone.
    pub fn forget(&mut self, owner: &ObjectKey) {
        self.written.remove(owner);
        self.outrun.remove(owner);
        self.outdated.remove(owner);
        self.contests.forget(owner);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        plan::{Class, REPLICA_SETS, ROLLOUTS, SERVICES, Verb},
        reason::Reason,
    };

    #[test]
    fn who_is_outrun_again_and_again_waits_longer_each_time() {
        let owner = ObjectKey::new(ROLLOUTS, "n", "web");
        let mut ledger = Ledger::default();
        let waits: Vec<(i128, bool)> = (0..15)
            .filter_map(|_| ledger.outrun(&owner, &Failure::AlreadyExists))
            .map(|outrun| (outrun.delay().as_millis(), outrun.is_lasting()))
            .collect();
        assert_eq!(waits[..5], [(50, false); 5]);
        assert_eq!(waits[5..8], [(100, true), (200, true), (400, true)]);
        assert_eq!(waits.last(), Some(&(10_000, true)));
        ledger.settled(&owner);
        let first = ledger.outrun(&owner, &Failure::Conflict).unwrap();
        assert!(!first.is_lasting());
        assert_eq!(ledger.outrun(&owner, &Failure::NotFound), None);
    }

    struct Caches(BTreeMap<Resource, u64>);

    impl Seen for Caches {
        fn version(&self, resource: &Resource) -> Option<u64> {
            self.0.get(resource).copied()
        }
    }

    /// Keeps QUE-12, and fixes it: for every kind that was written. Versions are numbers, so 10 comes
    /// after 9; what is none is not waited for.
    #[test]
    fn a_pass_waits_until_every_kind_that_was_written_was_seen() {
        let owner = ObjectKey::new(ROLLOUTS, "n", "web");
        let other = ObjectKey::new(ROLLOUTS, "n", "api");
        let mut ledger = Ledger::default();
        let mut caches = Caches([(ROLLOUTS, 9), (REPLICA_SETS, 9)].into());
        assert_eq!(ledger.check(&owner, &caches), Freshness::Fresh);
        ledger.record(&owner, &ROLLOUTS, "10");
        ledger.record(&owner, &ROLLOUTS, "8");
        ledger.record(&owner, &REPLICA_SETS, "9");
        ledger.record(&owner, &SERVICES, "nonsense");
        assert_eq!(ledger.check(&owner, &caches), Freshness::Behind(ROLLOUTS));
        assert_eq!(ledger.check(&other, &caches), Freshness::Fresh);
        caches.0.insert(ROLLOUTS, 10);
        assert_eq!(ledger.check(&owner, &caches), Freshness::Fresh);
        ledger.record(&owner, &SERVICES, "11");
        let behind = Freshness::Behind(SERVICES);
        assert_eq!(
            ledger.check(&owner, &caches),
            behind,
            "nothing of that kind was seen yet"
        );
        ledger.forget(&owner);
        assert_eq!(ledger.check(&owner, &caches), Freshness::Fresh);
    }

    #[test]
    fn who_was_changed_by_somebody_else_is_outdated_until_that_is_seen() {
        let owner = ObjectKey::new(ROLLOUTS, "n", "web");
        let write = |target: &ObjectKey| Write {
            verb: Verb::PatchStatus,
            target: target.clone(),
            guard: Guard::Version {
                uid: "u".to_owned(),
                resource_version: "7".to_owned(),
            },
            body: Value::Null,
            class: Class::Status,
            events: Vec::new(),
            reason: Reason::FollowsRollout,
        };
        let conflict = Outcome::Failed(Failure::Conflict);
        let mut ledger = Ledger::default();
        let other = ObjectKey::new(REPLICA_SETS, "n", "web");
        ledger.learn(&owner, &write(&other), &conflict);
        ledger.learn(&owner, &write(&owner), &Outcome::Failed(Failure::NotFound));
        assert!(!ledger.is_outdated(&owner, "7"));
        ledger.learn(&owner, &write(&owner), &conflict);
        assert!(ledger.is_outdated(&owner, "7"));
        assert!(ledger.is_outdated(&owner, "7"), "as long as it is the same");
        assert!(!ledger.is_outdated(&owner, "8"));
        assert!(!ledger.is_outdated(&owner, "7"), "forgotten");
        ledger.learn(&owner, &write(&owner), &conflict);
        let live = |version: &str| Ok(json!({"metadata": {"resourceVersion": version}}));
        assert!(!ledger.is_the_same(&owner, "7", &live("8")));
        assert!(!ledger.is_the_same(&owner, "7", &Err(Failure::NotFound)));
        assert!(ledger.is_outdated(&owner, "7"));
        assert!(ledger.is_the_same(&owner, "7", &live("7")));
        assert!(!ledger.is_outdated(&owner, "7"), "it was looked at");
        ledger.learn(&owner, &write(&owner), &conflict);
        ledger.forget(&owner);
        assert!(!ledger.is_outdated(&owner, "7"));
    }

    /// Keeps TR-303: a version of the cluster before would be waited for without end.
    #[test]
    fn versions_of_a_kind_are_void_once_its_objects_are_in_another_cluster() {
        let owner = ObjectKey::new(ROLLOUTS, "n", "web");
        let mut ledger = Ledger::default();
        let caches = Caches([(ROLLOUTS, 9), (SERVICES, 9)].into());
        ledger.record(&owner, &SERVICES, "1000");
        ledger.record(&owner, &ROLLOUTS, "10");
        ledger.forget_kind(&SERVICES);
        assert_eq!(ledger.check(&owner, &caches), Freshness::Behind(ROLLOUTS));
        ledger.forget_kind(&ROLLOUTS);
        assert_eq!(ledger.check(&owner, &caches), Freshness::Fresh);
    }
}
