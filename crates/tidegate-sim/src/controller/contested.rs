//! Writes that somebody takes back, or was faster to make; as in the shell.

use jiff::Timestamp;
use tidegate_core::{
    contest::{self, Contested},
    observed::Objects,
    plan::{ObjectKey, Plan, Write},
    rollout::{self, RolloutSnapshot},
    run::{Applied, Failure, Outcome, PlanRun, Step},
};
use tidegate_integrations::{metrics::Call, traffic};

use super::{Controller, Died, Surroundings, Verdict, wake};
use crate::{cluster::fields, digest::Digest, faults::Lacks};

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

    /// Which field may be taken back again at any time, of those that were written.
    pub(super) fn doubt(&self, around: &impl Surroundings, about: &ObjectKey) -> Option<Contested> {
        if around.lacks() == Some(Lacks::Mistrust) {
            return None;
        }
        self.ledger.contests.doubt(about, around.now())
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
        if live.is_ok_and(|live| fields::version(&live) == version) {
            self.ledger.is_the_same(about);
            return None;
        }
        Some(self.after(about, &Failure::Conflict, None))
    }

    /// Sends one write of a plan, unless somebody takes it back each time and its time has not come.
    pub(super) fn send_in_turn(
        &mut self,
        around: &mut impl Surroundings,
        about: &ObjectKey,
        write: &Write,
    ) -> Result<Outcome, Died> {
        let now = around.now();
        if let Some(turn) = self.ledger.contests.turn(about, write, now) {
            if turn.news {
                let live = around.look_up(&Call::Get(write.target.clone())).ok();
                let event = contest::told(write, live.as_ref(), &turn);
                around.tell(about, vec![event]);
            }
            if now < turn.at && around.lacks() != Some(Lacks::BackOff) {
                let contested = Contested {
                    target: write.target.clone(),
                    until: turn.at,
                };
                return Ok(Outcome::Failed(Failure::Contested(Box::new(contested))));
            }
        }
        let outcome = around.send(about, write)?;
        self.ledger.contests.record(about, (write, &outcome), now);
        self.ledger.learn(about, write, &outcome);
        Ok(outcome)
    }

    /// Ends a pass that waits for its turn: the pods are counted, and nothing else is noted.
    pub(super) fn wait_for_turn(
        &mut self,
        around: &mut impl Surroundings,
        about: &ObjectKey,
        (snapshot, plan, applied): (&RolloutSnapshot, &Plan, &Applied),
        contested: &Contested,
    ) -> Result<Verdict, Died> {
        if let Some(write) = rollout::status::counted(snapshot, plan, applied)
            && let Outcome::Failed(failure) = self.send_alone(around, about, &write)?
        {
            return Ok(self.after(about, &failure, wake(plan)));
        }
        Ok(look_at_contested(contested, wake(plan)))
    }

    /// What its future depends on. What was written once makes a difference only to who is taken back next.
    pub(super) fn digest_ledger(&self, digest: &mut Digest) {
        for (object, times) in self.ledger.outruns() {
            digest.text(&object.name);
            digest.number(u64::from(*times));
        }
        for (object, version) in self.ledger.outdated() {
            digest.text(&object.name);
            digest.text(version);
        }
        for (owner, target, rewrites, at) in self.ledger.contests.open() {
            digest.text(&owner.name);
            digest.text(&target.name);
            digest.number(u64::from(rewrites));
            digest.instant(at);
        }
    }
}

/// When to look again at what somebody takes back; as in the shell.
pub(super) fn look_at_contested(contested: &Contested, wake: Option<Timestamp>) -> Verdict {
    let until = contested.until;
    Verdict::Done(Some(wake.map_or(until, |wake| wake.min(until))))
}
