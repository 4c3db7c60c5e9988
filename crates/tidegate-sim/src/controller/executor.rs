//! Carries out plans, on nothing that is known to be old; as in the shell.

use tidegate_core::{
    observed::Objects,
    plan::{ObjectKey, Plan},
    run::{Applied, Failure, PlanRun, Step},
};
use tidegate_integrations::{metrics::Call, traffic};

use super::{Controller, Died, Surroundings, Verdict};

impl Controller {
    /// Carries out a plan's effects; as in the shell.
    pub(super) fn carry_out(
        &mut self,
        around: &mut impl Surroundings,
        about: &ObjectKey,
        (plan, objects): (&Plan, &Objects),
    ) -> Result<Applied, Died> {
        let mut run = PlanRun::new(plan);
        self.ledger.contests.begin(about, plan);
        loop {
            if let Some(doubt) = self.doubt(around, about) {
                run.doubt(doubt);
            }
            let Some(step) = run.next_step() else { break };
            match step {
                Step::Write(write) => run.record(self.send_in_turn(around, about, &write)?),
                Step::Route(route) => run.expand(traffic::phrase(&route, objects)),
                Step::Look(key) => {
                    let live = around.look_up(&Call::Get(key));
                    if let Some(look) = run.looked(live) {
                        self.ledger.changed(&look.key, look.version);
                    }
                }
            }
            around.tell(about, run.take_events());
        }
        let applied = run.finish();
        for (key, version) in applied.versions() {
            self.remember(around, (about, key), version);
        }
        Ok(applied)
    }

    /// How long to wait if an owner is another one by now than at this version, as a conflict has told. Where no news
    /// has explained it, the owner itself is looked at.
    pub(super) fn outdated(
        &mut self,
        around: &mut impl Surroundings,
        about: &ObjectKey,
        version: &str,
    ) -> Option<Verdict> {
        if !self.ledger.is_outdated(about, version) {
            return None;
        }
        let live = around.look_up(&Call::Get(about.clone()));
        if self.ledger.is_the_same(about, version, &live) {
            return None;
        }
        Some(self.after(about, &Failure::Conflict, None))
    }
}
