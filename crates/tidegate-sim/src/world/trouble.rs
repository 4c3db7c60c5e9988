//! What people do while something goes wrong that is not part of their story.

use jiff::{SignedDuration, Timestamp};

use super::World;
use crate::{digest::Digest, faults::Weather};

/// How long people wait for a controller that does not come round: longer than any lag, and than two
/// leaders work side by side.
const MOST_TROUBLE: SignedDuration = SignedDuration::from_secs(30);

/// What people do while something goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum People {
    /// They go on at their time: their story may turn out another one, in which all promises hold.
    #[default]
    GoOn,
    /// They wait until it is over, and go on as much later as it took: the story must stay the same.
    Wait,
}

/// Something that goes wrong in a run, and what it does to its story.
#[derive(Clone, Debug, Default)]
pub(super) struct Trouble {
    people: People,
    since: Option<Timestamp>,
    /// How much longer than usual it may take.
    longer: SignedDuration,
    /// How much later the next happening comes.
    later: SignedDuration,
    /// Whether something happened meanwhile.
    met: bool,
}

impl Trouble {
    /// How much later the next happening comes.
    pub(super) fn later(&self) -> SignedDuration {
        self.later
    }

    /// Until when nothing happens, at the latest.
    pub(super) fn holds_up(&self) -> Option<Timestamp> {
        let since = self.since.filter(|_| self.people == People::Wait)?;
        Some(since + MOST_TROUBLE + self.longer)
    }

    pub(super) fn digest(&self, digest: &mut Digest) {
        digest.some_instant(self.since);
        digest.number(u64::try_from(self.later.as_millis()).unwrap_or(u64::MAX));
    }
}

impl World {
    /// Decides what people do while something goes wrong.
    pub fn let_people(&mut self, people: People) {
        self.trouble.people = people;
    }

    /// Whether the story went on while something went wrong, so that it may have become another one.
    pub fn went_on_in_trouble(&self) -> bool {
        self.trouble.met
    }

    /// Something begins to go wrong.
    pub(super) fn begin_trouble(&mut self) {
        self.trouble.since.get_or_insert(self.now);
    }

    /// Something begins to go wrong that takes so long by itself.
    pub(super) fn begin_trouble_of(&mut self, longer: SignedDuration) {
        self.begin_trouble();
        self.trouble.longer = longer;
    }

    /// Ends what is over.
    pub(super) fn end_trouble(&mut self) {
        if let Some(since) = self.trouble.since
            && (self.now >= since + MOST_TROUBLE + self.trouble.longer || self.has_come_round())
        {
            self.trouble.since = None;
            if self.trouble.people == People::Wait {
                self.trouble.later += self.now.duration_since(since);
            }
        }
    }

    /// Whether a happening that is due comes; tells it of those that come in the middle of trouble.
    pub(super) fn may_happen(&mut self) -> bool {
        if self.trouble.since.is_some() {
            if self.trouble.people == People::Wait {
                return false;
            }
            self.trouble.met = true;
        }
        self.trouble.later = SignedDuration::ZERO;
        true
    }

    /// Whether the controller works as if nothing had been.
    fn has_come_round(&self) -> bool {
        let faults = &self.outside.faults;
        let calm = |controller: &crate::controller::Controller| {
            faults.weather != Weather::Fair || controller.is_calm()
        };
        self.hold.is_none()
            && self.losing.check().is_none()
            && self.outside.second.is_none()
            && faults.throttled.is_none()
            && self.controller.as_deref().is_some_and(calm)
    }
}
