//! Watches that lag behind, and two controllers that both believe themselves the leader.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Hold, LONGEST_LAG, World, view::View};
use crate::{
    cluster::kinds::KindId,
    controller::{Controller, followed},
    invariants::Cause,
};

/// How long two leaders go on side by side: longer than a lease that is given up late.
const SIDE_BY_SIDE: SignedDuration = SignedDuration::from_secs(15);
/// More passes without a pause are a controller that spins.
const MOST_PASSES: usize = 60;

/// A controller that begins while another one still works.
#[derive(Clone, Debug)]
pub(super) struct Second {
    controller: Box<Controller>,
    process: u32,
    /// When the first one is gone.
    until: Timestamp,
}

impl Second {
    /// When it wants to act, or is alone.
    pub(super) fn next(&self) -> Timestamp {
        self.controller
            .next()
            .map_or(self.until, |next| next.min(self.until))
    }
}

impl View<'_> {
    /// A second controller lists everything and does what it finds to do, while the first one is in the
    /// middle of a pass.
    pub(super) fn let_another_begin(&mut self) {
        let mut controller = Box::new(Controller::start(self.cluster));
        self.outside.processes += 1;
        let process = self.outside.processes;
        let version = self.cluster.version();
        self.outside.monitor.process_starts(process, version);
        self.outside.trace.line(self.now, "again", || {
            "another controller starts beside the first".to_owned()
        });
        for _ in 0..MOST_PASSES {
            let mut view = View {
                cluster: self.cluster,
                outside: self.outside,
                held_back: BTreeMap::new(),
                now: self.now,
                cause: Cause {
                    process,
                    ..Cause::default()
                },
            };
            // Nothing is cut a second time.
            let Ok(Some(_)) = controller.pass(&mut view) else {
                break;
            };
        }
        self.outside.second = Some(Second {
            controller,
            process,
            until: self.now + SIDE_BY_SIDE,
        });
    }
}

impl World {
    /// Begins to hold a watch back if it is time to.
    pub(super) fn begin_to_hold(&mut self) {
        if let Some((look, kind, lag)) = self.to_hold
            && look == self.looks
        {
            self.to_hold = None;
            self.begin_trouble();
            self.hold = Some(Hold {
                kind,
                from: self.cluster.version(),
                lag,
                until: self.now + LONGEST_LAG,
            });
        }
    }

    /// Which watches are held back now, and up to which version they come.
    pub(super) fn held_back(&mut self) -> BTreeMap<KindId, u64> {
        if let Some(version) = self.dreams_of {
            return followed().map(|kind| (kind, version)).collect();
        }
        let Some(hold) = self.hold else {
            return BTreeMap::new();
        };
        let changes = self
            .cluster
            .changes_since(hold.from)
            .expect("the simulated cluster forgets nothing");
        let late = changes
            .iter()
            .filter(|change| change.object.kind == hold.kind)
            .count();
        if self.now >= hold.until || late > hold.lag {
            self.hold = None;
            return BTreeMap::new();
        }
        BTreeMap::from([(hold.kind, hold.from)])
    }

    /// One pass of the second controller. As long as the first one has something to do, the second sees
    /// the cluster as it was `before` the first one's last pass.
    pub(super) fn second_pass(&mut self, before: Option<u64>) -> bool {
        let Some(mut second) = self.outside.second.take() else {
            return false;
        };
        if self.now >= second.until {
            self.line("dies", || "the first controller".to_owned());
            self.outside.monitor.forget_process(self.process);
            self.controller = Some(second.controller);
            self.process = second.process;
            return true;
        }
        let held_back = before.map_or_else(BTreeMap::new, |before| {
            followed().map(|kind| (kind, before)).collect()
        });
        let version = self.cluster.version();
        let mut view = View {
            cluster: &mut self.cluster,
            outside: &mut self.outside,
            held_back,
            now: self.now,
            cause: Cause {
                process: second.process,
                ..Cause::default()
            },
        };
        let passed = matches!(second.controller.pass(&mut view), Ok(Some(_)));
        self.outside.second = Some(second);
        if self.cluster.version() != version {
            self.last_write = self.now;
            self.idle_passes = 0;
        }
        passed
    }
}
