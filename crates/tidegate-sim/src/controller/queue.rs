//! Which objects are to be looked at, and when: the shell's work queue without its tasks. Wakes and
//! back-off are apart, so a wake never shortens a back-off and a back-off never swallows a wake.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use tidegate_core::freshness::SOON;

use crate::{cluster::Locator, digest::Digest};

/// The first delay after a failure; it doubles with each further one (QUE-03).
const FIRST_DELAY: SignedDuration = SignedDuration::from_millis(1);
/// The longest delay after a failure (QUE-03).
const LONGEST_DELAY: SignedDuration = SignedDuration::from_secs(10);
/// Doublings after which the longest delay is surely reached.
const MOST_DOUBLINGS: u32 = 14;

/// The queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    ready: BTreeSet<Locator>,
    wakes: BTreeMap<Locator, Timestamp>,
    failures: BTreeMap<Locator, Failures>,
    /// Until when those that were outrun do not look again, and whether there is news for them.
    outrun: BTreeMap<Locator, (Timestamp, News)>,
}

/// Whether something changed meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Yes,
    No,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    /// While this lies ahead, changes do not make the object ready.
    until: Option<Timestamp>,
}

impl Queue {
    /// Something changed.
    pub(super) fn add(&mut self, object: Locator) {
        let held = self
            .failures
            .get(&object)
            .is_some_and(|failures| failures.until.is_some());
        match self.outrun.get_mut(&object) {
            Some((_, news)) => *news = News::Yes,
            None if held => {}
            None => {
                self.ready.insert(object);
            }
        }
    }

    /// The next object whose turn it is.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<Locator> {
        self.ripen(now);
        self.ready.pop_first()
    }

    /// The pass went to its end; `wake` is when to look again at the latest.
    pub(super) fn done(&mut self, object: Locator, wake: Option<Timestamp>) {
        self.failures.remove(&object);
        self.sleep(object, wake);
    }

    /// The pass went to its end, but what it came to may still fail: who has failed before is not forgiven yet.
    pub(super) fn handed_over(&mut self, object: Locator, wake: Option<Timestamp>) {
        self.sleep(object, wake);
    }

    /// What was handed over has not failed.
    pub(super) fn settled(&mut self, object: &Locator) {
        self.failures.remove(object);
    }

    /// The pass failed: the object waits, longer after each failure.
    pub(super) fn failed(&mut self, object: Locator, wake: Option<Timestamp>, now: Timestamp) {
        let count = self.failures.get(&object).map_or(0, |known| known.count);
        let delay = (FIRST_DELAY * 2_i32.pow(count.min(MOST_DOUBLINGS))).min(LONGEST_DELAY);
        let failures = Failures {
            count: count.saturating_add(1),
            until: Some(now + delay),
        };
        self.ready.remove(&object);
        self.failures.insert(object.clone(), failures);
        self.sleep(object, wake);
    }

    /// Look again after a while, without counting a failure.
    pub(super) fn postpone(&mut self, object: Locator, until: Timestamp) {
        self.sleep(object, Some(until));
    }

    /// Somebody else was faster: look again after a while, and not at once whatever changes.
    pub(super) fn outrun(&mut self, object: Locator, now: Timestamp, delay: SignedDuration) {
        self.ready.remove(&object);
        let until = now + delay.min(SOON);
        self.outrun.insert(object.clone(), (until, News::No));
        self.sleep(object, Some(now + delay));
    }

    /// Whether nothing has to wait after a failure, or after somebody else was faster.
    pub(super) fn is_calm(&self) -> bool {
        self.failures.is_empty() && self.outrun.is_empty()
    }

    /// When the next object's turn comes, if nothing changes.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let retries = self.failures.values().filter_map(|failures| failures.until);
        let with_news = self.outrun.values().filter(|(_, news)| *news == News::Yes);
        let outrun = with_news.map(|(until, _)| *until);
        let wakes = self.wakes.values().copied();
        wakes.chain(retries).chain(outrun).min()
    }

    /// Everything that its future depends on.
    pub(super) fn digest(&self, digest: &mut Digest) {
        for object in &self.ready {
            digest.text(&object.name);
        }
        for (object, at) in &self.wakes {
            digest.text(&object.name);
            digest.instant(*at);
        }
        for (object, failures) in &self.failures {
            digest.text(&object.name);
            digest.number(u64::from(failures.count));
            digest.some_instant(failures.until);
        }
        for (object, (until, news)) in &self.outrun {
            digest.text(&object.name);
            digest.instant(*until);
            digest.number(u64::from(*news == News::Yes));
        }
    }

    fn sleep(&mut self, object: Locator, wake: Option<Timestamp>) {
        match wake {
            Some(at) => self.wakes.insert(object, at),
            None => self.wakes.remove(&object),
        };
    }

    fn ripen(&mut self, now: Timestamp) {
        let ready = &mut self.ready;
        self.outrun.retain(|object, (until, news)| {
            let over = *until <= now;
            if over && *news == News::Yes {
                ready.insert(object.clone());
            }
            !over
        });
        for (object, failures) in &mut self.failures {
            if failures.until.is_some_and(|until| until <= now) {
                failures.until = None;
                ready.insert(object.clone());
            }
        }
        let failures = &self.failures;
        self.wakes.retain(|object, at| {
            let due = *at <= now;
            let held = failures
                .get(object)
                .is_some_and(|failures| failures.until.is_some());
            if due && !held {
                ready.insert(object.clone());
            }
            !due
        });
    }
}
