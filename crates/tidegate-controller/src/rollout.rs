//! What differs for Rollouts: what is observed, and which changes wake one.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tidegate_api::{meta::ObjectMeta, rollout::Rollout};
use tidegate_core::{
    gauges,
    observed::{Finding, Observed},
    plan::{ObjectKey, Plan, ROLLOUTS, Resource},
    rollout::{self, RolloutSnapshot, pods},
    run::{Applied, Failure, Outcome},
};

use tidegate_integrations::traffic;

use crate::{
    ask::{self, Existence},
    observe,
    reconcile::{self, Kind, Name, Shell, Verdict},
    record::{About, Recorder},
    watch::{Broken, Change, Found},
    workloads::Known,
};

/// Between two looks at whether the list of what a Rollout refers to is complete: one page of it.
const LIST_OF_WORKLOADS: Duration = Duration::from_millis(100);

/// Rollouts.
#[derive(Debug)]
pub(crate) struct Rollouts;

impl Kind for Rollouts {
    fn resource(&self) -> Resource {
        ROLLOUTS
    }

    async fn pass(&self, shell: &Arc<Shell>, name: &Name) -> Verdict {
        match shell.caches.rollouts.get(&name.0, &name.1) {
            Found::Good(rollout) => pass(shell, &rollout).await,
            Found::Broken(broken) => refuse(shell, &broken).await,
            Found::Absent => clean_up(shell, ObjectKey::new(ROLLOUTS, &name.0, &name.1)).await,
        }
    }
}

/// Tells of a Rollout that is gone (QUE-05).
pub(crate) fn farewell(recorder: &Recorder, resource: &Resource, change: &Change<'_>) {
    let Change::Gone(metadata) = change else {
        return;
    };
    if *resource != ROLLOUTS {
        return;
    }
    recorder.record(&about(metadata), vec![rollout::events::deleted(metadata)]);
}

async fn pass(shell: &Shell, rollout: &Arc<Rollout>) -> Verdict {
    let about = about(&rollout.metadata);
    if let Some(verdict) = shell.outdated(&about).await {
        return verdict;
    }
    let workload_unlisted = match shell.caches.workloads.know(rollout) {
        Known::Yes => None,
        Known::NotYet => return Verdict::NotYet(LIST_OF_WORKLOADS),
        Known::Never(why) => Some(why),
    };
    let now = shell.clock.now();
    let observed = Observed {
        workload_unlisted,
        verify_retry_seconds: shell.verify_retry_seconds,
        ..shell.caches.observe(rollout)
    };
    let (mut snapshot, findings) = rollout::parse(&observed);
    if !findings.is_empty() && is_there_all_the_same(shell, rollout).await {
        return Verdict::Behind;
    }
    if let Some(verdict) = look_again(shell, &about, (&snapshot, &findings)).await {
        return verdict;
    }
    if let Some(query) = pods::wanted(&snapshot, &findings, now) {
        let listed = observe::pods(&shell.server, &query).await;
        pods::see(&mut snapshot, listed, now);
    }
    let plan = rollout::decide(&snapshot, &findings, now);
    for reason in &plan.reasons {
        tracing::debug!(object = %about.key, "{reason}");
    }
    let applied = shell
        .carry_out(&about, &plan, &observed.router_objects)
        .await;
    shell
        .recorder
        .record(&about, rollout::told_of_pods(&applied));
    if let Some((_, Failure::Contested(contested))) = applied.failure() {
        if let Some(write) = rollout::status::counted(&snapshot, &plan, &applied)
            && let Outcome::Failed(failure) = shell.send_alone(&about, &write).await
        {
            return shell.after(&about.key, &failure, wake(&plan)).await;
        }
        return reconcile::look_at_contested(contested, wake(&plan));
    }
    if let Some((_, failure)) = applied.failure() {
        let outrun = shell.outrun(&about.key, failure).await;
        let told = rollout::after_failure(&snapshot, &applied, outrun, shell.clock.now());
        return match told {
            Some(told) => shell.tell(&about, told, (outrun, wake(&plan))).await,
            None => reconcile::next_look(outrun, failure.retry_after(), wake(&plan)),
        };
    }
    commit(shell, &about, (&snapshot, &plan, &applied)).await
}

/// Whether the caches have yet to learn of something that the Rollout names: nobody is told that it is
/// missing then.
async fn is_there_all_the_same(shell: &Shell, rollout: &Rollout) -> bool {
    for unseen in shell.caches.unseen(rollout) {
        let key = ObjectKey {
            resource: shell.served.resource(&unseen.resource),
            ..unseen
        };
        let existence = match shell.server_of(&key.resource) {
            Ok(server) => ask::exists(&server, &key).await,
            Err(why) => Err(why),
        };
        match existence {
            Ok(Existence::There) => return true,
            Ok(Existence::Gone) => {}
            Err(error) => tracing::warn!(object = %key, %error, "cannot tell whether it exists"),
        }
    }
    false
}

/// Looks at the Rollout itself where the caches' word is not enough; a verdict if it is another one by now.
async fn look_again(
    shell: &Shell,
    about: &About,
    (snapshot, findings): (&RolloutSnapshot, &[Finding]),
) -> Option<Verdict> {
    let key = rollout::to_look_at_again(snapshot, findings)?;
    match ask::value(&shell.server, &key).await {
        Ok(live) if rollout::stays(snapshot, &live) => None,
        Ok(_) | Err(Failure::NotFound) => Some(Verdict::Behind),
        Err(failure) => Some(shell.after(&about.key, &failure, None).await),
    }
}

/// Takes the marks of a Rollout that is gone off the `DestinationRules` that carry them (TR-321).
async fn clean_up(shell: &Shell, key: ObjectKey) -> Verdict {
    let rules = shell.caches.rules_of(&key.namespace, &key.name);
    if rules.is_empty() {
        return Verdict::Gone;
    }
    match ask::exists(&shell.server, &key).await {
        Ok(Existence::Gone) => {}
        Ok(Existence::There) => return Verdict::Gone,
        Err(error) => {
            tracing::warn!(object = %key, %error, "cannot tell whether it is gone");
            return Verdict::Failed(None);
        }
    }
    let about = Arc::new(About {
        key,
        uid: String::new(),
        resource_version: String::new(),
    });
    for write in traffic::leftovers(None, &rules) {
        if let Outcome::Failed(failure) = shell.send_alone(&about, &write).await {
            return shell.after(&about.key, &failure, None).await;
        }
    }
    Verdict::Gone
}

/// Writes the status that the plan leads to, and then sends the events that speak of it.
async fn commit(
    shell: &Shell,
    about: &Arc<About>,
    (snapshot, plan, applied): (&RolloutSnapshot, &Plan, &Applied),
) -> Verdict {
    if let Some(write) = rollout::status::write(snapshot, plan, applied) {
        match shell.send_alone(about, &write).await {
            Outcome::Done(_) => {}
            Outcome::Failed(failure) => {
                let told = rollout::told_of_status(&write, &failure);
                shell.recorder.record(about, told);
                return shell.after(&about.key, &failure, wake(plan)).await;
            }
        }
    }
    if applied.is_complete() {
        shell.recorder.record(about, plan.events.clone());
        let before = snapshot.rollout.status.duration.as_ref();
        let after = plan
            .status
            .as_ref()
            .and_then(|status| status.duration.as_ref());
        if let Some(finished) = gauges::finished(before, after) {
            shell.metrics.finished(&finished);
        }
    }
    match &plan.retry {
        Some(reason) => {
            tracing::info!(object = %about.key, "to be tried again: {reason}");
            Verdict::Failed(wake(plan))
        }
        None if !applied.set_aside().is_empty() => Verdict::Failed(wake(plan)),
        None => Verdict::Done(wake(plan)),
    }
}

/// An object that nobody can read gets a condition that names the field; nothing else is touched.
async fn refuse(shell: &Shell, broken: &Broken) -> Verdict {
    let metadata = &broken.metadata;
    let about = about(metadata);
    let now = shell.clock.now();
    let write = rollout::unreadable::write(metadata, &broken.status, &broken.error, now);
    shell.send_if_any(&about, write).await
}

fn about(metadata: &ObjectMeta) -> Arc<About> {
    Arc::new(About {
        key: ObjectKey::new(ROLLOUTS, &metadata.namespace, &metadata.name),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
    })
}

fn wake(plan: &Plan) -> Option<Timestamp> {
    plan.wake.as_ref().map(|wake| wake.at)
}
