//! What differs for AnalysisRuns: measurements are taken between the decision and its conclusion.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::join_all;
use tidegate_api::{analysis::AnalysisRun, meta::ObjectMeta};
use tidegate_core::{
    analysis_run::{
        self, Concluded, Decision, Due, Ending, Measure, Measured, Secrets, failed_measurement,
        unreadable,
    },
    plan::{ANALYSIS_RUNS, ObjectKey, Resource},
    run::Outcome,
};
use tidegate_integrations::metrics::{self, Turn};

use crate::{
    ask,
    reconcile::{Kind, Name, Shell, Verdict},
    record::About,
    watch::{Broken, Found},
};

/// AnalysisRuns.
#[derive(Debug)]
pub(crate) struct AnalysisRuns;

impl Kind for AnalysisRuns {
    fn resource(&self) -> Resource {
        ANALYSIS_RUNS
    }

    async fn pass(&self, shell: &Shell, name: &Name) -> Verdict {
        match shell.caches.analysis_runs.get(&name.0, &name.1) {
            Found::Good(run) => pass(shell, &run).await,
            Found::Broken(broken) => {
                tracing::error!(namespace = %name.0, name = %name.1, error = %broken.error, "this AnalysisRun cannot be read");
                let now = shell.clock.now();
                let Broken {
                    metadata,
                    status,
                    error,
                } = &*broken;
                let concluded = unreadable::conclude(metadata, status, error, now);
                commit(shell, &about(metadata), concluded).await
            }
            Found::Absent => Verdict::Gone,
        }
    }
}

async fn pass(shell: &Shell, run: &Arc<AnalysisRun>) -> Verdict {
    let about = about(&run.metadata);
    let now = shell.clock.now();
    let concluded = match analysis_run::decide(run, now) {
        Decision::Idle(wake) => return Verdict::Done(wake),
        Decision::Delete(write) => {
            return match shell.send_alone(&about, &write).await {
                Outcome::Done(_) => Verdict::Done(None),
                Outcome::Failed(failure) => shell.after(&about.key, &failure, None).await,
            };
        }
        Decision::Refuse(sentence) => Concluded::refused(run, sentence, now),
        Decision::Measure(due) => match measure(shell, run, &due).await {
            Ok(concluded) => concluded,
            Err(verdict) => return verdict,
        },
    };
    commit(shell, &about, concluded).await
}

fn about(metadata: &ObjectMeta) -> Arc<About> {
    Arc::new(About {
        key: ObjectKey::new(ANALYSIS_RUNS, &metadata.namespace, &metadata.name),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
    })
}

/// Writes the status, and then sends the events that speak of it.
async fn commit(shell: &Shell, about: &Arc<About>, concluded: Concluded) -> Verdict {
    let wake = concluded.wake.map(|wake| wake.at);
    if let Some(write) = &concluded.write
        && let Outcome::Failed(failure) = shell.send_alone(about, write).await
    {
        return shell.after(&about.key, &failure, wake).await;
    }
    shell.recorder.record(about, concluded.events);
    Verdict::Done(wake)
}

/// Reads the secrets, takes every measurement that is due at the same time, and concludes.
async fn measure(shell: &Shell, run: &AnalysisRun, due: &Due) -> Result<Concluded, Verdict> {
    let mut secrets = Secrets::new();
    for reference in due.secrets(run) {
        let read = ask::secret(&shell.server, &run.metadata.namespace, &reference.name).await;
        match read {
            Ok(found) => secrets.insert(reference.name.clone(), found),
            Err(error) => {
                tracing::warn!(secret = %reference.name, %error, "cannot read");
                return Err(Verdict::Failed(None));
            }
        };
    }
    match due.arm(run, &secrets) {
        Ok(asked) => {
            let measured = join_all(asked.into_iter().map(|one| take(shell, one))).await;
            let now = shell.clock.now();
            Ok(analysis_run::conclude(run, due, (measured, &secrets), now))
        }
        Err(error) => {
            let sentence = format!("Unable to resolve metric arguments: {error}");
            Ok(Concluded::refused(run, sentence, shell.clock.now()))
        }
    }
}

/// One measurement, from the first request to its value.
async fn take(shell: &Shell, measure: Measure) -> Measured {
    let name = measure.metric.name.clone();
    if let (Some(unfinished), Ending::Yes) = (&measure.unfinished, measure.ending) {
        return Measured {
            name,
            measurement: unfinished.clone(),
            metadata: BTreeMap::new(),
        };
    }
    let mut provider = match metrics::provider(&measure.metric, &shell.environment) {
        Ok(provider) => provider,
        Err(sentence) => {
            return Measured {
                name,
                measurement: failed_measurement(shell.clock.now(), sentence),
                metadata: BTreeMap::new(),
            };
        }
    };
    let metadata = provider.metadata();
    let mut turn = provider.start(shell.clock.now());
    loop {
        turn = match turn {
            Turn::Ask(request) => {
                let answer = shell.http.ask(*request).await;
                provider.read(answer, shell.clock.now())
            }
            Turn::Measured(measurement) => {
                return Measured {
                    name,
                    measurement: *measurement,
                    metadata,
                };
            }
        };
    }
}
