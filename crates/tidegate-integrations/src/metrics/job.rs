//! A Kubernetes Job that succeeds or fails (ANA-46, MP-201 to MP-206).
//!
//! The Job is always read live: caches only say when to look. So a measurement never takes a Job that was
//! made a moment ago for one that is gone.

mod manifest;
mod state;

use std::{collections::BTreeMap, mem};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tidegate_api::{
    analysis::{AnalysisRun, JobMetric, Measurement, Metric, phase},
    meta::Time,
};
use tidegate_core::{
    plan::{Class, Guard, JOBS, ObjectKey, PODS, Verb, Write},
    reason::Reason,
    run::Failure,
};

use self::state::End;
use super::{
    ANALYSIS_JOB_KUBECONFIG, ANALYSIS_JOB_NAMESPACE, Answer, Call, Environment, Provider, Subject,
    Turn, error,
};

/// Metadata of a measurement: the Job's name (ANA-48).
const JOB_NAME: &str = "job-name";
/// Metadata of a measurement: the Job's namespace (ANA-48).
const JOB_NAMESPACE: &str = "job-namespace";
/// The shortest time between two looks at a Job. Differs from upstream, which looks again without a
/// pause during a Job's first second.
const SHORTEST_DELAY: SignedDuration = SignedDuration::from_secs(1);

/// The provider, if the metric names it.
pub(super) fn make(
    metric: &Metric,
    subject: &Subject,
    environment: &Environment,
) -> Option<Result<Box<dyn Provider>, String>> {
    let job = metric.provider.job.as_ref()?;
    Some(Ok(Box::new(Jobs::new(metric, job, (subject, environment)))))
}

/// The metrics of a run that wait for a Job, and the Jobs that they wait for.
pub fn awaited(run: &AnalysisRun) -> Vec<(String, ObjectKey)> {
    let results = run.status.metric_results.iter();
    results
        .filter_map(|result| {
            let last = result.measurements.last()?;
            if last.finished_at.is_some() {
                return None;
            }
            let key = reference(last, &run.metadata.namespace).ok()?;
            Some((result.name.clone(), key))
        })
        .collect()
}

/// Whether a Job has come to its end.
pub fn has_ended(job: &Value) -> bool {
    state::end(job).is_some()
}

/// The Job that a measurement waits for.
fn reference(measurement: &Measurement, namespace: &str) -> Result<ObjectKey, String> {
    let given = |name: &str| {
        let value = measurement.metadata.get(name)?;
        (!value.is_empty()).then_some(value.as_str())
    };
    let name = given(JOB_NAME).ok_or("job metadata reference missing")?;
    Ok(ObjectKey::new(
        JOBS,
        given(JOB_NAMESPACE).unwrap_or(namespace),
        name,
    ))
}

/// Which cluster Jobs run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The one in which the runs are, too.
    Here,
    /// Another one, or the same by way of another account (MP-203).
    Elsewhere,
}

/// How often a Job was to be created in this pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Try {
    First,
    Second,
}

struct Jobs {
    metric: String,
    given: JobMetric,
    subject: Subject,
    /// Where Jobs are created.
    namespace: String,
    place: Place,
    waits: Waits,
}

/// What is waited for.
enum Waits {
    /// Nothing.
    Nothing,
    /// What comes of the creation.
    Creation(Try),
    /// A Job of the name that was to be created; why its creation failed, and which try that was.
    Namesake(String, Try),
    /// The Job of a measurement.
    Job(Measurement),
    /// Its pods.
    Pods(Measurement),
    /// The Job of a measurement that is to be ended.
    Doomed(Measurement, ObjectKey),
    /// What comes of its deletion.
    Deletion(Measurement),
    /// The Jobs of the run, of which so many are kept.
    Leftovers(usize),
    /// What comes of the first of these deletions.
    Removal(Vec<Value>),
}

impl Provider for Jobs {
    fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn start(&mut self, _now: Timestamp) -> Turn {
        self.create(Try::First)
    }

    fn resume(&mut self, unfinished: &Measurement, now: Timestamp) -> Turn {
        match reference(unfinished, &self.subject.namespace) {
            Ok(key) => {
                self.waits = Waits::Job(unfinished.clone());
                Turn::Cluster(Box::new(Call::Get(key)))
            }
            Err(why) => failed(unfinished.clone(), why, now),
        }
    }

    fn terminate(&mut self, unfinished: &Measurement, now: Timestamp) -> Turn {
        match reference(unfinished, &self.subject.namespace) {
            Ok(key) => {
                self.waits = Waits::Doomed(unfinished.clone(), key.clone());
                Turn::Cluster(Box::new(Call::Get(key)))
            }
            Err(why) => failed(unfinished.clone(), why, now),
        }
    }

    fn collect(&mut self, keep: usize) -> Turn {
        self.waits = Waits::Leftovers(keep);
        Turn::Cluster(Box::new(Call::List {
            resource: JOBS,
            namespace: self.namespace.clone(),
            selector: manifest::selector(&self.subject.uid),
        }))
    }

    fn read(&mut self, answer: Answer, now: Timestamp) -> Turn {
        let Answer::Cluster(answer) = answer else {
            return error(now, now, "the answer belongs to another question");
        };
        match mem::replace(&mut self.waits, Waits::Nothing) {
            Waits::Nothing => error(now, now, "nothing was asked"),
            Waits::Creation(count) => self.created(answer, count, now),
            Waits::Namesake(why, count) => self.found(answer, (why, count), now),
            Waits::Job(measurement) => self.looked(answer, measurement, now),
            Waits::Pods(measurement) => look_at_pods(answer, measurement, now),
            Waits::Doomed(measurement, key) => self.doom(answer, (measurement, key), now),
            Waits::Deletion(measurement) => self.deleted(answer, measurement, now),
            Waits::Leftovers(keep) => {
                let jobs = answer.map(|list| manifest::leftovers(&list, &self.metric, keep));
                self.remove(jobs.unwrap_or_default())
            }
            // One that is not gone is found again by the next look.
            Waits::Removal(rest) => self.remove(rest),
        }
    }
}

impl Jobs {
    fn new(
        metric: &Metric,
        job: &JobMetric,
        (subject, environment): (&Subject, &Environment),
    ) -> Self {
        let namespace = match environment.variable(ANALYSIS_JOB_NAMESPACE) {
            "" => &subject.namespace,
            given => given,
        };
        Self {
            metric: metric.name.clone(),
            given: job.clone(),
            subject: subject.clone(),
            namespace: namespace.to_owned(),
            place: match environment.variable(ANALYSIS_JOB_KUBECONFIG) {
                "" => Place::Here,
                _ => Place::Elsewhere,
            },
            waits: Waits::Nothing,
        }
    }

    /// Whether the run can own its Jobs: the garbage collector takes an owner that it cannot see for one
    /// that is gone (MP-203).
    fn owned(&self) -> manifest::Owned {
        if self.place == Place::Here && self.namespace == self.subject.namespace {
            manifest::Owned::Yes
        } else {
            manifest::Owned::No
        }
    }

    fn key(&self) -> ObjectKey {
        let name = manifest::name(&self.subject.uid, &self.metric, self.subject.number);
        ObjectKey::new(JOBS, &self.namespace, &name)
    }

    fn create(&mut self, count: Try) -> Turn {
        self.waits = Waits::Creation(count);
        let key = self.key();
        write(Write {
            verb: Verb::Create,
            guard: Guard::Absent,
            body: manifest::job(
                &self.given,
                (&self.subject, &self.metric),
                (&key.namespace, &key.name),
                self.owned(),
            ),
            target: key,
            class: Class::Additive,
            events: Vec::new(),
            reason: Reason::Because(format!("metric {} is measured", self.metric)),
        })
    }

    fn taken(&self) -> String {
        format!("jobs.batch \"{}\" already exists", self.key().name)
    }

    /// Keeps MP-204.
    fn created(&mut self, answer: Result<Value, Failure>, count: Try, now: Timestamp) -> Turn {
        let Err(failure) = answer else {
            return self.begun(now);
        };
        let (why, count) = match &failure {
            Failure::AlreadyExists => (self.taken(), Try::Second),
            // It may be there. Differs from upstream, which makes another one beside it.
            Failure::Unknown(why) => (why.clone(), count),
            Failure::NotFound
            | Failure::Conflict
            | Failure::Protected(_)
            | Failure::Refused(_)
            | Failure::Unavailable(_)
            | Failure::Inexpressible(_)
            | Failure::Contested(_) => {
                return self.later(failure, |why| error(now, now, why));
            }
        };
        self.waits = Waits::Namesake(why, count);
        Turn::Cluster(Box::new(Call::Get(self.key())))
    }

    /// Whether a Job that has the name is this run's. Differs from upstream, which ends in a panic at a
    /// Job that nobody owns, and which takes up any Job elsewhere (MP-204).
    fn found(
        &mut self,
        answer: Result<Value, Failure>,
        (why, count): (String, Try),
        now: Timestamp,
    ) -> Turn {
        match answer {
            Ok(job) if manifest::is_of(&job, (&self.subject.uid, &self.metric), self.owned()) => {
                self.begun(now)
            }
            Ok(_) => error(now, now, self.taken()),
            Err(Failure::NotFound) if count == Try::First => self.create(Try::Second),
            Err(Failure::NotFound) => error(now, now, why),
            Err(failure) => self.later(failure, |_| error(now, now, why)),
        }
    }

    /// A measurement that waits for its Job, which is looked at without delay.
    fn begun(&self, now: Timestamp) -> Turn {
        let key = self.key();
        Turn::Measured(Box::new(Measurement {
            phase: phase::RUNNING.to_owned(),
            started_at: Some(Time::new(now)),
            resume_at: Some(Time::new(now)),
            metadata: BTreeMap::from([
                (JOB_NAME.to_owned(), key.name),
                (JOB_NAMESPACE.to_owned(), key.namespace),
            ]),
            ..Measurement::default()
        }))
    }

    /// Keeps MP-205.
    fn looked(
        &mut self,
        answer: Result<Value, Failure>,
        mut measurement: Measurement,
        now: Timestamp,
    ) -> Turn {
        let job = match answer {
            Ok(job) => job,
            Err(Failure::NotFound) => {
                let name = measurement.metadata.get(JOB_NAME);
                let name = name.map_or("", String::as_str);
                let why = format!("job.batch \"{name}\" not found");
                return failed(measurement, why, now);
            }
            Err(Failure::Refused(why)) => return failed(measurement, why, now),
            // Nobody knows how it is: it is asked again when its time has come.
            Err(
                Failure::Unavailable(_)
                | Failure::Unknown(_)
                | Failure::Conflict
                | Failure::AlreadyExists
                | Failure::Protected(_)
                | Failure::Inexpressible(_)
                | Failure::Contested(_),
            ) => return still_runs(measurement, now),
        };
        if let Some(end) = state::end(&job) {
            measurement.phase = match end {
                End::Complete => phase::SUCCESSFUL.to_owned(),
                End::Failed => phase::FAILED.to_owned(),
            };
            measurement.finished_at = Some(Time::new(now));
            return Turn::Measured(Box::new(measurement));
        }
        let Some(selector) = state::selector(&job) else {
            return still_runs(measurement, now);
        };
        let namespace = measurement.metadata.get(JOB_NAMESPACE);
        let namespace = namespace.unwrap_or(&self.subject.namespace).clone();
        self.waits = Waits::Pods(measurement);
        Turn::Cluster(Box::new(Call::List {
            resource: PODS,
            namespace,
            selector,
        }))
    }

    /// Keeps MP-206, but that the pods go after the Job, not before it.
    fn doom(
        &mut self,
        answer: Result<Value, Failure>,
        (measurement, key): (Measurement, ObjectKey),
        now: Timestamp,
    ) -> Turn {
        match answer {
            Ok(job) => {
                self.waits = Waits::Deletion(measurement);
                delete(&job, key, "its measurement is ended")
            }
            Err(Failure::NotFound) => ended(measurement, now),
            Err(failure) => self.later(failure, |why| failed(measurement, why, now)),
        }
    }

    fn deleted(
        &self,
        answer: Result<Value, Failure>,
        measurement: Measurement,
        now: Timestamp,
    ) -> Turn {
        match answer {
            Ok(_) | Err(Failure::NotFound) => ended(measurement, now),
            Err(failure) => self.later(failure, |why| failed(measurement, why, now)),
        }
    }

    fn remove(&mut self, mut jobs: Vec<Value>) -> Turn {
        let Some(job) = jobs.pop() else {
            return Turn::Collected;
        };
        self.waits = Waits::Removal(jobs);
        let name = job["metadata"]["name"].as_str().unwrap_or_default();
        let key = ObjectKey::new(JOBS, &self.namespace, name);
        delete(&job, key, "its measurement is no longer kept")
    }

    /// What a failure comes to: an error of the measurement if the server will say the same again, or if
    /// it is a cluster whose failures nobody else would tell of; else the pass is repeated.
    fn later(&self, failure: Failure, error: impl FnOnce(String) -> Turn) -> Turn {
        match (failure, self.place) {
            (Failure::Refused(why) | Failure::Protected(why), _)
            | (Failure::Unknown(why), Place::Elsewhere) => error(why),
            (Failure::NotFound, _) => error(format!(
                "the cluster has no Jobs, or no namespace \"{}\"",
                self.namespace
            )),
            (Failure::Inexpressible(event), _) => error(event.message),
            (Failure::Unavailable(unavailable), Place::Elsewhere) => error(unavailable.message),
            (
                failure @ (Failure::Unavailable(_)
                | Failure::Unknown(_)
                | Failure::Conflict
                | Failure::AlreadyExists
                | Failure::Contested(_)),
                Place::Here | Place::Elsewhere,
            ) => Turn::Later(failure),
        }
    }
}

fn write(write: Write) -> Turn {
    Turn::Cluster(Box::new(Call::Write(Box::new(write))))
}

fn delete(job: &Value, key: ObjectKey, why: &str) -> Turn {
    let text = |name: &str| job["metadata"][name].as_str().unwrap_or_default();
    write(Write {
        verb: Verb::Delete,
        target: key,
        guard: Guard::Version {
            uid: text("uid").to_owned(),
            resource_version: text("resourceVersion").to_owned(),
        },
        body: Value::Null,
        class: Class::Meta,
        events: Vec::new(),
        reason: Reason::Because(why.to_owned()),
    })
}

/// A Job whose pods cannot start measures nothing: that is no verdict (MP-205). If nobody says how the
/// pods are, the Job itself will tell how it ends.
fn look_at_pods(
    answer: Result<Value, Failure>,
    mut measurement: Measurement,
    now: Timestamp,
) -> Turn {
    let trouble = answer.ok().as_ref().and_then(state::trouble);
    let Some(trouble) = trouble else {
        return still_runs(measurement, now);
    };
    measurement.finished_at = Some(Time::new(now));
    measurement.message = trouble;
    phase::INCONCLUSIVE.clone_into(&mut measurement.phase);
    Turn::Measured(Box::new(measurement))
}

/// The longer it has run, the later it is looked at again: after the root of twice its seconds.
fn still_runs(mut measurement: Measurement, now: Timestamp) -> Turn {
    let began = measurement.started_at.map_or(now, Time::timestamp);
    let seconds = now.duration_since(began).as_secs_f64().max(0.0);
    let delay = SignedDuration::try_from_secs_f64((2.0 * seconds).sqrt());
    let delay = delay.unwrap_or(SHORTEST_DELAY).max(SHORTEST_DELAY);
    let next = now.checked_add(delay).unwrap_or(Timestamp::MAX);
    measurement.resume_at = Some(Time::new(next));
    Turn::Measured(Box::new(measurement))
}

fn ended(mut measurement: Measurement, now: Timestamp) -> Turn {
    measurement.finished_at = Some(Time::new(now));
    phase::INCONCLUSIVE.clone_into(&mut measurement.phase);
    Turn::Measured(Box::new(measurement))
}

fn failed(mut measurement: Measurement, why: impl Into<String>, now: Timestamp) -> Turn {
    measurement.finished_at = Some(Time::new(now));
    measurement.message = why.into();
    phase::ERROR.clone_into(&mut measurement.phase);
    Turn::Measured(Box::new(measurement))
}

#[cfg(test)]
mod tests;
