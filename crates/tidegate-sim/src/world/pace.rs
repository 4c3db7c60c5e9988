//! When something happens next, and how often the controller may look.

use super::{
    Election, LOOK, Locator, MOST_IDLE_PASSES, MOST_PASSES_AT_ONCE, Second, Timestamp, World,
};

impl World {
    /// Nothing may make the controller spin.
    pub(super) fn count(&mut self, object: &Locator) {
        let count = self.passes.entry(object.clone()).or_default();
        *count += 1;
        self.idle_passes += 1;
        if *count == MOST_PASSES_AT_ONCE {
            self.violation("H-4: the controller spins within one instant");
            self.controller = None;
        }
        if self.idle_passes == MOST_IDLE_PASSES {
            self.violation("H-4: the controller looks again and again at what stays as it is");
        }
    }

    /// When something happens next.
    pub(super) fn next(&self) -> anyhow::Result<Option<Timestamp>> {
        let controller = self.controller.as_ref().and_then(|one| one.next());
        let due = match self.story.story.get(self.told.0) {
            Some(happening) => {
                let due = happening.due(self.told.1)?;
                due.map(|due| self.begun + due + self.trouble.later())
            }
            None => None,
        };
        let story = match self.trouble.holds_up() {
            Some(until) => [Some(until), None],
            None => [due, self.holds.map(|since| since + LOOK)],
        };
        let released = self.hold.map(|hold| hold.until);
        let second = self.outside.second.as_ref().map(Second::next);
        let elected = self.election.as_ref().and_then(Election::next);
        let controllers = controller.into_iter().chain(second).chain(elected);
        Ok([
            self.actors.next(),
            self.restart,
            released,
            self.losing.check(),
        ]
        .into_iter()
        .chain(story)
        .flatten()
        .chain(controllers)
        .min())
    }
}
