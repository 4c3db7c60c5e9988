//! Passes over Experiments; as in the shell.

use std::sync::Arc;

use tidegate_api::experiment::Experiment;
use tidegate_core::{
    experiment::{self, Observed, Owner},
    observed::Objects,
    plan::{Event, ObjectKey, ROLLOUTS},
    run::{Failure, Outcome},
};

use super::{
    Controller, Died, Surroundings, Verdict, contested::look_at_contested, key_of, next_look, wake,
};
use crate::{cluster::Locator, doors::direct};

impl Controller {
    /// One pass over an Experiment.
    pub(super) fn experiment(
        &mut self,
        around: &mut impl Surroundings,
        object: &Locator,
    ) -> Result<Verdict, Died> {
        let about = key_of(object);
        let found = self.caches.experiments.get(&object.namespace, &object.name);
        match found.cloned() {
            Some(Ok(experiment)) => self.decide_experiment(around, &about, &experiment),
            Some(Err(broken)) => {
                let (metadata, status) = (&broken.metadata, &broken.status);
                let now = around.now();
                let write = experiment::unreadable::write(metadata, status, &broken.error, now);
                self.send_if_any(around, &about, write)
            }
            None => {
                self.ledger.forget(&about);
                Ok(Verdict::Done(None))
            }
        }
    }

    fn decide_experiment(
        &mut self,
        around: &mut impl Surroundings,
        about: &ObjectKey,
        experiment: &Arc<Experiment>,
    ) -> Result<Verdict, Died> {
        let now = around.now();
        let observed = self.observe_experiment(around, experiment);
        let (snapshot, findings) = experiment::parse(&observed);
        let decision = experiment::decide(&snapshot, &findings, now);
        let plan = &decision.plan;
        around.explain(about, plan);
        let applied = self.carry_out(around, about, (plan, &Objects::new()))?;
        if let Some((_, Failure::Contested(contested))) = applied.failure() {
            return Ok(look_at_contested(contested, wake(plan)));
        }
        if let Some((_, failure)) = applied.failure() {
            let outrun = self.ledger.outrun(about, failure);
            let told = experiment::after_failure(&snapshot, &decision, (&applied, outrun), now);
            return match told {
                Some(mut told) => {
                    let owner_events = std::mem::take(&mut told.owner_events);
                    let verdict = self.tell(around, about, told, (outrun, wake(plan)))?;
                    tell_owner(around, &observed.owner, owner_events);
                    Ok(verdict)
                }
                None => Ok(next_look(outrun, wake(plan))),
            };
        }
        if let Some(write) = experiment::write(&snapshot, &decision, &applied)
            && let Outcome::Failed(failure) = self.send_alone(around, about, &write)?
        {
            return Ok(self.after(about, &failure, wake(plan)));
        }
        around.tell(about, plan.events.clone());
        tell_owner(around, &observed.owner, decision.owner_events.clone());
        Ok(match &plan.retry {
            Some(_) => Verdict::Failed(wake(plan)),
            None => Verdict::Done(wake(plan)),
        })
    }

    /// What was seen, and what the API server says of that which was not.
    fn observe_experiment(
        &self,
        around: &impl Surroundings,
        experiment: &Arc<Experiment>,
    ) -> Observed {
        let mut observed = self.caches.observe_experiment(experiment);
        loop {
            let missing = experiment::missing(&observed);
            if missing.is_empty() {
                return observed;
            }
            for key in missing {
                let found = direct::get(around.cluster(), &key);
                observed.learn(&key, found.map(|found| (**found).clone()));
            }
        }
    }
}

/// Tells the Rollout whose step it is.
fn tell_owner(around: &mut impl Surroundings, owner: &Owner, events: Vec<Event>) {
    if let Owner::Known(rollout) = owner {
        let metadata = &rollout.metadata;
        let about = ObjectKey::new(ROLLOUTS, &metadata.namespace, &metadata.name);
        around.tell(&about, events);
    }
}
