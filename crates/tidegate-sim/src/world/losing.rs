//! Watches that lose a change, and the check that finds it (L-6).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use tidegate_core::consistency::Missed;

use super::{Cause, View, World};
use crate::cluster::kinds::KindId;

/// How long it may take until a lost change is found: as long as in the shell, at most.
pub const LONGEST_UNTIL_CHECK: SignedDuration = SignedDuration::from_mins(9);

/// A change that is lost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Losing {
    /// From which look for work on the next change of a kind is to be lost.
    to: Option<(u64, KindId)>,
    /// How long after the loss the check comes.
    after: SignedDuration,
    /// When it comes; `None` while nothing is lost.
    check: Option<Timestamp>,
    doubts: Doubts,
}

/// Whether checks are tried all the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Doubts {
    Always,
    /// Only while a watch lags behind.
    #[default]
    Sometimes,
}

impl Losing {
    /// When the check comes, if something is lost.
    pub(super) fn check(&self) -> Option<Timestamp> {
        self.check
    }

    /// Whether everything arrives.
    pub(super) fn is_over(&self) -> bool {
        self.to.is_none() && self.check.is_none()
    }
}

impl World {
    /// From a look for work on, the watch of a kind loses its next change; so long after that a check comes.
    pub fn lose(&mut self, look: u64, kind: KindId, after: SignedDuration) {
        self.losing.to = Some((look, kind));
        self.losing.after = after;
    }

    /// Tries at the end of each instant whether a check would find something that was not lost.
    pub fn doubt_caches(&mut self) {
        self.losing.doubts = Doubts::Always;
    }

    /// L-6: nothing is taken for lost that was not, above all not what a watch has yet to tell.
    pub(super) fn doubt(&mut self) {
        let doubts = self.losing.doubts == Doubts::Always || self.hold.is_some();
        let Some(controller) = self.controller.as_ref().filter(|_| doubts) else {
            return;
        };
        if controller.has_lost() {
            return;
        }
        for (_, Missed { key, what }) in controller.missed(&self.cluster) {
            self.violation(&format!(
                "L-6: {what} is taken for lost, which was not: {}",
                key.1
            ));
        }
    }

    /// The watch of a kind loses its next change, whichever that is.
    pub(super) fn lose_next(&mut self, kind: KindId) {
        self.lose(self.looks, kind, LONGEST_UNTIL_CHECK);
    }

    /// Begins to lose if it is time to, and checks if it is time to.
    pub(super) fn begin_to_lose(&mut self) {
        if let Some((look, kind)) = self.losing.to
            && look <= self.looks
            && let Some(controller) = &mut self.controller
        {
            controller.lose_next(kind);
            self.losing.to = None;
        }
        if self.losing.check.is_some_and(|at| at <= self.now) {
            self.losing.check = None;
            self.check();
        }
    }

    /// Notes that something was lost, or that it was made up for.
    pub(super) fn notice_loss(&mut self) {
        let lost = self.controller.as_ref().map(|one| one.has_lost());
        match (lost, self.losing.check) {
            (Some(true), None) => {
                self.begin_trouble_of(self.losing.after);
                self.losing.check = Some(self.now + self.losing.after);
            }
            (Some(false) | None, Some(_)) => self.losing.check = None,
            (Some(true), Some(_)) | (Some(false) | None, None) => {}
        }
    }

    fn check(&mut self) {
        let Some(mut controller) = self.controller.take() else {
            return;
        };
        let mut view = View {
            cluster: &mut self.cluster,
            outside: &mut self.outside,
            held_back: BTreeMap::new(),
            now: self.now,
            cause: Cause {
                process: self.process,
                ..Cause::default()
            },
        };
        for (_, Missed { key, what }) in controller.check(&mut view) {
            self.line("finds", || format!("{what} was lost: {}", key.1));
        }
        self.controller = Some(controller);
    }
}
