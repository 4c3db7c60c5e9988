//! What differs for Experiments: what the caches do not hold is asked for before the decision, and the
//! Rollout whose step one is hears of its analyses.

use std::sync::Arc;

use tidegate_api::{experiment::Experiment, meta::ObjectMeta};
use tidegate_core::{
    experiment::{self, Observed, Owner},
    observed::Objects,
    plan::{EXPERIMENTS, Event, ObjectKey, ROLLOUTS, Resource},
    run::{Failure, Outcome},
};

use crate::{
    ask,
    reconcile::{self, Kind, Name, Shell, Verdict},
    record::About,
    watch::{Broken, Found},
};

/// Experiments.
#[derive(Debug)]
pub(crate) struct Experiments;

impl Kind for Experiments {
    fn resource(&self) -> Resource {
        EXPERIMENTS
    }

    async fn pass(&self, shell: &Arc<Shell>, name: &Name) -> Verdict {
        match shell.caches.experiments.get(&name.0, &name.1) {
            Found::Good(experiment) => pass(shell, &experiment).await,
            Found::Broken(broken) => refuse(shell, &broken).await,
            Found::Absent => Verdict::Gone,
        }
    }
}

async fn pass(shell: &Shell, experiment: &Arc<Experiment>) -> Verdict {
    let about = about(EXPERIMENTS, &experiment.metadata);
    let observed = match observe(shell, experiment).await {
        Ok(observed) => observed,
        Err(failure) => return shell.after(&about.key, &failure, None).await,
    };
    let now = shell.clock.now();
    let (snapshot, findings) = experiment::parse(&observed);
    let decision = experiment::decide(&snapshot, &findings, now);
    let plan = &decision.plan;
    for reason in &plan.reasons {
        tracing::debug!(object = %about.key, "{reason}");
    }
    let wake = plan.wake.as_ref().map(|wake| wake.at);
    let applied = shell.carry_out(&about, plan, &Objects::new()).await;
    if let Some((_, Failure::Contested(contested))) = applied.failure() {
        return reconcile::look_at_contested(contested, wake);
    }
    if let Some((_, failure)) = applied.failure() {
        let outrun = shell.outrun(&about.key, failure).await;
        let now = shell.clock.now();
        let told = experiment::after_failure(&snapshot, &decision, (&applied, outrun), now);
        return match told {
            Some(mut told) => {
                let owner_events = std::mem::take(&mut told.owner_events);
                let verdict = shell.tell(&about, told, (outrun, wake)).await;
                tell_owner(shell, &observed.owner, owner_events);
                verdict
            }
            None => reconcile::next_look(outrun, failure.retry_after(), wake),
        };
    }
    if let Some(write) = experiment::write(&snapshot, &decision, &applied)
        && let Outcome::Failed(failure) = shell.send_alone(&about, &write).await
    {
        return shell.after(&about.key, &failure, wake).await;
    }
    shell.recorder.record(&about, plan.events.clone());
    tell_owner(shell, &observed.owner, decision.owner_events.clone());
    match &plan.retry {
        Some(reason) => {
            tracing::info!(object = %about.key, "to be tried again: {reason}");
            Verdict::Failed(wake)
        }
        None => Verdict::Done(wake),
    }
}

/// Tells the Rollout whose step it is (EXP-17).
fn tell_owner(shell: &Shell, owner: &Owner, events: Vec<Event>) {
    if let Owner::Known(rollout) = owner {
        let about = about(ROLLOUTS, &rollout.metadata);
        shell.recorder.record(&about, events);
    }
}

/// Reads the caches, and asks the API server for what they do not hold.
async fn observe(shell: &Shell, experiment: &Arc<Experiment>) -> Result<Observed, Failure> {
    let mut observed = shell.caches.observe_experiment(experiment);
    loop {
        let missing = experiment::missing(&observed);
        if missing.is_empty() {
            return Ok(observed);
        }
        for key in missing {
            let found = match ask::value(&shell.server, &key).await {
                Ok(found) => Some(found),
                // What must not be read is as good as not there: a controller of one namespace sees no
                // templates of the whole cluster (OPS-07).
                Err(Failure::NotFound | Failure::Refused(_)) => None,
                Err(failure) => {
                    tracing::warn!(object = %key, ?failure, "cannot read");
                    return Err(failure);
                }
            };
            observed.learn(&key, found);
        }
    }
}

/// One that nobody can read gets a condition that names the field; nothing else is touched.
async fn refuse(shell: &Shell, broken: &Broken) -> Verdict {
    let metadata = &broken.metadata;
    let now = shell.clock.now();
    let write = experiment::unreadable::write(metadata, &broken.status, &broken.error, now);
    shell
        .send_if_any(&about(EXPERIMENTS, metadata), write)
        .await
}

fn about(resource: Resource, metadata: &ObjectMeta) -> Arc<About> {
    Arc::new(About {
        key: ObjectKey::new(resource, &metadata.namespace, &metadata.name),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
    })
}
