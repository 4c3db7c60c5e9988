//! How a story ends.

use super::World;

impl World {
    /// L-1, L-2 and L-7: it ends as it should, and stays.
    pub(super) fn rest(&mut self) -> anyhow::Result<()> {
        let ends = self.story.ends.clone();
        let outside = &mut self.outside;
        let monitor = &mut outside.monitor;
        if let Some(name) = &outside.experiment {
            monitor.check_end_of_experiment(&self.cluster, (name, &ends));
        } else {
            monitor.check_end(
                &self.cluster,
                (&outside.rollout, &ends, &outside.trace),
                self.now,
            );
        }
        monitor.check_end_of_runs();
        let (before, writes) = (self.cluster.version(), self.outside.faults.writes);
        if let Some(controller) = &mut self.controller {
            controller.resync(&self.cluster);
        }
        self.instant()?;
        if self.outside.faults.writes != writes || self.cluster.version() != before {
            self.violation("L-1: a resync at rest still writes");
        }
        let writes = self.outside.faults.writes;
        if self.controller.is_some() {
            self.passes.clear();
            self.start_controller();
        }
        self.instant()?;
        if self.outside.faults.writes != writes {
            self.violation("S0-18: a controller that starts at rest writes");
        }
        Ok(())
    }
}
