//! What differs for AnalysisRuns: measurements are taken between the decision and its conclusion.

mod flights;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::join_all;
use serde_json::Value;
use tidegate_api::{
    analysis::{AnalysisRun, Measurement},
    meta::ObjectMeta,
};
use tidegate_core::{
    analysis_run::{
        self, Collect, Concluded, Decision, Due, Masks, Measure, Measured, Secrets, ahead::Sight,
        unreadable,
    },
    plan::{ANALYSIS_RUNS, ObjectKey, Resource},
    run::{Failure, Outcome},
};
use tidegate_integrations::metrics::{Answer, Call, Course, Turn};
use tokio::task::JoinError;

use self::flights::Flights;
use crate::{
    ask, jobs,
    reconcile::{Kind, Name, Shell, Verdict},
    record::About,
    wake::Queue,
    watch::{Broken, Found},
};

/// AnalysisRuns.
#[derive(Debug)]
pub(crate) struct AnalysisRuns {
    flights: Arc<Flights>,
}

impl AnalysisRuns {
    /// Those whose names come from this queue.
    pub(crate) fn of(queue: Arc<Queue<Name>>) -> Self {
        let flights = Arc::new(Flights::new(queue));
        Self { flights }
    }
}

impl Kind for AnalysisRuns {
    /// Servers nearby answer sooner. It is no harm if one does not, but many that hang and are due together make
    /// the others wait for this long each.
    const PATIENCE: Option<Duration> = Some(Duration::from_millis(20));

    fn resource(&self) -> Resource {
        ANALYSIS_RUNS
    }

    async fn pass(&self, shell: &Arc<Shell>, name: &Name) -> Verdict {
        match shell.caches.analysis_runs.get(&name.0, &name.1) {
            Found::Good(run) => {
                let run = match self.flights.see(&run) {
                    Sight::Observed => run,
                    Sight::Ahead(run) => {
                        let verdict = pass((shell, &self.flights), &Arc::from(run)).await;
                        return verdict.while_writing();
                    }
                    Sight::Failed(verdict) => return verdict,
                };
                pass((shell, &self.flights), &run).await
            }
            Found::Broken(broken) => {
                tracing::error!(namespace = %name.0, name = %name.1, error = %broken.error, "this AnalysisRun cannot be read");
                let now = shell.clock.now();
                let Broken {
                    metadata,
                    status,
                    error,
                } = &*broken;
                let concluded = unreadable::conclude(metadata, status, error, now);
                write(shell, &about(metadata), concluded).await
            }
            Found::Absent => {
                let run = ObjectKey::new(ANALYSIS_RUNS, &name.0, &name.1);
                self.flights.forget(&run);
                Verdict::Gone
            }
        }
    }

    fn is_ahead(&self, owner: &ObjectKey) -> bool {
        self.flights.is_ahead(owner)
    }

    async fn ends(&self) {
        self.flights.arrived().await;
    }
}

async fn pass((shell, flights): (&Arc<Shell>, &Arc<Flights>), run: &Arc<AnalysisRun>) -> Verdict {
    let about = about(&run.metadata);
    let now = shell.clock.now();
    let ended = shell.caches.ended(run);
    match analysis_run::decide(run, &ended, now) {
        Decision::Idle(wake) => Verdict::Done(wake),
        Decision::Delete(write) => shell.send_if_any(&about, Some(*write)).await,
        Decision::Refuse(sentence) => {
            let concluded = Concluded::refused(run, sentence, now);
            flights.hand_over((shell, about), run, concluded)
        }
        Decision::Measure(due) => match measure(shell, run, &due).await {
            Ok((concluded, None)) => flights.hand_over((shell, Arc::clone(&about)), run, concluded),
            Ok((concluded, Some(failure))) => {
                let wake = concluded.wake.as_ref().map(|wake| wake.at);
                match flights.hand_over((shell, Arc::clone(&about)), run, concluded) {
                    Verdict::Done(_) | Verdict::Writing(_) => {
                        shell.after(&about.key, &failure, wake).await
                    }
                    verdict @ (Verdict::Gone
                    | Verdict::Failed(_)
                    | Verdict::Busy(_)
                    | Verdict::Behind
                    | Verdict::Outrun(_)
                    | Verdict::NotYet(_)) => verdict,
                }
            }
            Err(verdict) => verdict,
        },
    }
}

fn about(metadata: &ObjectMeta) -> Arc<About> {
    Arc::new(About {
        key: ObjectKey::new(ANALYSIS_RUNS, &metadata.namespace, &metadata.name),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
    })
}

/// Writes what is said of a run that cannot be read, and then sends the events that speak of it.
async fn write(shell: &Shell, about: &Arc<About>, concluded: Concluded) -> Verdict {
    let wake = concluded.wake.map(|wake| wake.at);
    if let Some(write) = &concluded.write
        && let Outcome::Failed(failure) = shell.send_alone(about, write).await
    {
        return shell.after(&about.key, &failure, wake).await;
    }
    shell.recorder.record(about, concluded.events);
    Verdict::Done(wake)
}

/// Reads the secrets, takes every measurement that is due at the same time, and concludes; with it comes
/// why a measurement could not be taken now, if one could not.
async fn measure(
    shell: &Shell,
    run: &AnalysisRun,
    due: &Due,
) -> Result<(Concluded, Option<Failure>), Verdict> {
    let mut secrets = Secrets::new();
    for name in due.secrets(run) {
        let read = ask::secret(&shell.server, &run.metadata.namespace, name).await;
        match read {
            Ok(found) => secrets.insert(name.to_owned(), found),
            Err(error) => {
                tracing::warn!(secret = %name, %error, "cannot read");
                return Err(Verdict::Failed(None));
            }
        };
    }
    let asked = match due.arm(run, &secrets) {
        Ok(asked) => asked,
        Err(error) => {
            let sentence = format!("Unable to resolve metric arguments: {error}");
            let concluded = Concluded::refused(run, sentence, shell.clock.now());
            return Ok((concluded, None));
        }
    };
    let mut measured = Vec::new();
    let mut failure = None;
    for taken in join_all(asked.into_iter().map(|one| take(shell, run, one))).await {
        match taken {
            Ok(one) => measured.push(one),
            Err(later) => failure = Some(later),
        }
    }
    let masks = Masks::new(&run.spec.args, &secrets);
    let concluded = analysis_run::conclude(run, due, (measured, &masks), shell.clock.now());
    for one in &concluded.collect {
        collect(shell, run, one).await;
    }
    Ok((concluded, failure))
}

/// One measurement, from the first request to its value.
///
/// # Errors
/// Why nobody can say now how it stands.
async fn take(shell: &Shell, run: &AnalysisRun, measure: Measure) -> Result<Measured, Failure> {
    let name = measure.metric.name.clone();
    let mut course = Course::new(run, measure, &shell.environment);
    let turn = course.begin(shell.clock.now());
    match lead(shell, course, turn).await {
        Led::Measured(measurement, metadata) => Ok(Measured {
            name,
            measurement: *measurement,
            metadata,
        }),
        Led::Later(failure) => Err(failure),
        Led::Collected => Err(Failure::Unknown("nothing was measured".to_owned())),
    }
}

/// Removes what measurements have left behind. What is left is found again when there is the next one to
/// forget.
async fn collect(shell: &Shell, run: &AnalysisRun, collect: &Collect) {
    let (course, turn) = Course::collecting(run, collect, &shell.environment);
    lead(shell, course, turn).await;
}

/// Where a course has led.
enum Led {
    /// To a measurement; with it comes what is said about the metric as a whole.
    Measured(Box<Measurement>, BTreeMap<String, String>),
    /// Nowhere for now.
    Later(Failure),
    /// Everything that was left behind is dealt with.
    Collected,
}

/// Leads a course to its end.
async fn lead(shell: &Shell, mut course: Course, mut turn: Turn) -> Led {
    loop {
        let answer = match turn {
            Turn::Ask(request) => shell.http.ask(*request).await,
            Turn::Secret { namespace, name } => {
                Answer::Secret(ask::secret(&shell.server, &namespace, &name).await)
            }
            Turn::File(path) => Answer::File(ask::file(&path).await),
            Turn::Cluster(call) => Answer::Cluster(call_cluster(shell, *call).await),
            Turn::Measured(measurement) => return Led::Measured(measurement, course.metadata()),
            Turn::Later(failure) => return Led::Later(failure),
            Turn::Collected => return Led::Collected,
        };
        match read(shell, course, answer).await {
            Ok(read) => (course, turn) = read,
            Err(failure) => return Led::Later(failure),
        }
    }
}

/// Reads an answer; a server's beside everything else, since it may be long, and conditions may take seconds,
/// in which the Lease would not be renewed.
async fn read(
    shell: &Shell,
    mut course: Course,
    answer: Answer,
) -> Result<(Course, Turn), Failure> {
    let now = shell.clock.now();
    if !matches!(answer, Answer::Response { .. }) {
        let turn = course.read(answer, now);
        return Ok((course, turn));
    }
    let read = move || {
        let turn = course.read(answer, now);
        (course, turn)
    };
    let Ok(_one_of_few) = shell.judges.acquire().await else {
        return Err(Failure::Unknown("nobody judges any more".to_owned()));
    };
    match tokio::task::spawn_blocking(read)
        .await
        .map_err(JoinError::try_into_panic)
    {
        Ok(read) => Ok(read),
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(ended)) => Err(Failure::Unknown(ended.to_string())),
    }
}

/// Asks the cluster in which Jobs run.
async fn call_cluster(shell: &Shell, call: Call) -> Result<Value, Failure> {
    let jobs = &shell.jobs;
    match call {
        Call::Get(key) => ask::value(&jobs.server, &key).await,
        Call::List {
            resource,
            namespace,
            selector,
        } => ask::list(&jobs.server, (&resource, &namespace, &selector)).await,
        Call::Write(write) => match jobs::send(jobs, &write).await {
            Outcome::Done(object) => Ok(Arc::unwrap_or_clone(object)),
            Outcome::Failed(failure) => Err(failure),
        },
    }
}
