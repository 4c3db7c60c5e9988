//! The Jobs that measure: the cluster in which they run, what is known of them, and whose they are.
//!
//! Measurements read Jobs live. What is watched here only tells when to look, so a watch that lags or
//! fails delays a measurement and spoils none.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::Context;
use kube::{Client, Config, config::KubeConfigOptions};
use serde_json::Value;
use tidegate_api::{analysis::AnalysisRun, labels, meta::ObjectMeta};
use tidegate_core::{
    plan::{ANALYSIS_RUNS, JOBS, Write},
    run::{Failure, Outcome},
};
use tidegate_integrations::metrics::{
    ANALYSIS_JOB_KUBECONFIG, ANALYSIS_JOB_NAMESPACE, IN_CLUSTER, job,
};
use tokio::task::JoinHandle;

use crate::{
    apply::{self, Wanted},
    args::Args,
    cache::Held,
    cluster::{self, Cluster},
    observe::{Caches, Tell},
    reconcile::Name,
    watch::{self, Cache, Cached, Found, Named, Need, Scope},
};

/// The cluster that the environment names for Jobs, if it names one.
///
/// # Errors
/// When it names one that cannot be used.
pub(crate) async fn client() -> anyhow::Result<Option<Client>> {
    let Some(named) = variable(ANALYSIS_JOB_KUBECONFIG) else {
        return Ok(None);
    };
    let config = if named == IN_CLUSTER {
        Config::incluster().context("Jobs are to run in this pod's cluster, and it is in none")?
    } else {
        let unusable = || format!("the kubeconfig for Jobs, {named}, cannot be used");
        let file = kube::config::Kubeconfig::read_from(&named).with_context(unusable)?;
        Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
            .await
            .with_context(unusable)?
    };
    cluster::connect(config).map(Some)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What is known of a Job.
#[derive(Debug)]
pub(crate) struct Job {
    metadata: ObjectMeta,
    progress: Progress,
}

/// Whether a Job has come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Ended,
    UnderWay,
}

impl Cached for Job {
    const HELD: Held = Held::Read;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn read(text: &str) -> Result<Self, String> {
        let Named { metadata } = watch::read_typed(text)?;
        let value: Value = watch::read_typed(text)?;
        Ok(Self {
            metadata,
            progress: if job::has_ended(&value) {
                Progress::Ended
            } else {
                Progress::UnderWay
            },
        })
    }
}

/// Starts to follow the Jobs of all runs.
pub(crate) fn follow(
    cluster: &Cluster,
    cache: &Arc<Cache<Job>>,
    (args, home): (&Args, &str),
    tell: &Tell,
) -> JoinHandle<()> {
    let namespace = match (args.namespaced, variable(ANALYSIS_JOB_NAMESPACE)) {
        (false, _) => String::new(),
        (true, Some(elsewhere)) => elsewhere,
        (true, None) => home.to_owned(),
    };
    let scope = Scope {
        resource: JOBS,
        namespace,
        labels: labels::ANALYSIS_RUN_UID.to_owned(),
        need: Need::IfServed,
    };
    let tell = Arc::clone(tell);
    tokio::spawn(watch::follow(
        cluster.server.clone(),
        scope,
        Arc::clone(cache),
        move |change| tell(&JOBS, change),
    ))
}

/// The run that a Job measures for: its owner, or whom its annotations name if it is in another namespace
/// or cluster. Keeps ANA-47.
pub(crate) fn run_of(job: &ObjectMeta) -> Option<Name> {
    if let Some(owner) = job.controller() {
        let is_run = owner.kind == ANALYSIS_RUNS.kind;
        return is_run.then(|| (job.namespace.clone(), owner.name.clone()));
    }
    let named = |annotation: &str| job.annotations.get(annotation).cloned();
    Some((
        named(labels::ANALYSIS_RUN_NAMESPACE)?,
        named(labels::ANALYSIS_RUN_NAME)?,
    ))
}

impl Caches {
    /// The metrics of a run that wait for a Job which has come to its end.
    pub(crate) fn ended(&self, run: &AnalysisRun) -> BTreeSet<String> {
        job::awaited(run)
            .into_iter()
            .filter(|(_, key)| match self.jobs.get(&key.namespace, &key.name) {
                Found::Good(job) => job.progress == Progress::Ended,
                Found::Broken(_) | Found::Absent => false,
            })
            .map(|(metric, _)| metric)
            .collect()
    }
}

/// Sends a write about a Job. The log does not show in which words it was refused: they may hold a
/// secret that was given to the Job. The status shows them, masked.
pub(crate) async fn send(cluster: &Cluster, write: &Write) -> Outcome {
    let outcome = apply::send(&cluster.door, write, Wanted::Object).await;
    match &outcome {
        Outcome::Done(_) => {
            tracing::info!(object = %write.target, verb = ?write.verb, because = %write.reason, "written");
        }
        Outcome::Failed(failure) => {
            let why = kind_of(failure);
            tracing::warn!(object = %write.target, verb = ?write.verb, why, "not written");
        }
    }
    outcome
}

fn kind_of(failure: &Failure) -> &'static str {
    match failure {
        Failure::Conflict => "conflict",
        Failure::AlreadyExists => "it exists",
        Failure::NotFound => "not found",
        Failure::Protected(_) => "protected",
        Failure::Refused(_) => "refused",
        Failure::Unavailable(_) => "the server is unavailable",
        Failure::Unknown(_) => "the answer was lost",
        Failure::Inexpressible(_) => "it cannot be phrased",
        Failure::Contested(_) => "somebody takes it back",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run_of(metadata: &Value) -> Option<Name> {
        super::run_of(&watch::read_typed(&metadata.to_string()).unwrap())
    }

    /// Keeps ANA-47.
    #[test]
    fn a_job_leads_to_its_owner_or_to_the_run_that_it_names() {
        let mut job = json!({"name": "u.m.1", "namespace": "jobs", "annotations": {
            labels::ANALYSIS_RUN_NAME: "named", labels::ANALYSIS_RUN_NAMESPACE: "shop"}});
        let name = |namespace: &str, name: &str| Some((namespace.to_owned(), name.to_owned()));
        assert_eq!(run_of(&job), name("shop", "named"));
        job["ownerReferences"] =
            json!([{"kind": "AnalysisRun", "name": "owner", "uid": "u", "controller": true}]);
        assert_eq!(run_of(&job), name("jobs", "owner"));
        job["ownerReferences"][0]["kind"] = json!("CronJob");
        assert_eq!(run_of(&job), None);
        assert_eq!(run_of(&json!({"name": "x", "namespace": "jobs"})), None);
    }

    #[test]
    fn a_run_hears_only_of_jobs_that_it_waits_for_and_that_have_ended() {
        let caches = Caches::new();
        let metadata = json!({"job-name": "u.m.1", "job-namespace": "jobs"});
        let mut run = serde_json::from_value::<AnalysisRun>(json!({
            "metadata": {"name": "r", "namespace": "shop"},
            "status": {"metricResults": [
                {"name": "m", "measurements": [{"phase": "Running", "metadata": metadata}]}]},
        }))
        .unwrap();
        assert!(caches.ended(&run).is_empty(), "it was not seen yet");
        let mut job = json!({"metadata": {"name": "u.m.1", "namespace": "jobs"}});
        caches.jobs.put_json(&job);
        assert!(caches.ended(&run).is_empty(), "it runs");
        job["status"]["conditions"] = json!([{"type": "Failed", "status": "True"}]);
        caches.jobs.put_json(&job);
        assert_eq!(caches.ended(&run), BTreeSet::from(["m".to_owned()]));
        let last = &mut run.status.metric_results[0].measurements[0];
        last.finished_at = Some(tidegate_api::meta::Time::new(jiff::Timestamp::UNIX_EPOCH));
        assert!(caches.ended(&run).is_empty(), "it is measured");
    }
}
