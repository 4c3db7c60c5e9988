//! Writes that somebody takes back; as in the shell.

use jiff::Timestamp;
use tidegate_core::{
    contest::{self, Contested},
    plan::{ObjectKey, Plan, Write},
    rollout::{self, RolloutSnapshot},
    run::{Applied, Failure, Outcome},
};
use tidegate_integrations::metrics::Call;

use super::{Controller, Died, Surroundings, Verdict, wake};
use crate::{digest::Digest, faults::Lacks};

impl Controller {
    /// Which field may be taken back again at any time, of those that were written.
    pub(super) fn doubt(&self, around: &impl Surroundings, about: &ObjectKey) -> Option<Contested> {
        if around.lacks() == Some(Lacks::Mistrust) {
            return None;
        }
        self.ledger.contests.doubt(about, around.now())
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
