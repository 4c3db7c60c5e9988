//! The Job controller, as far as a measurement meets it: one pod at a time, another one after a failure as
//! long as the limit allows, and what came of it all.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidegate_api::meta::Time;

use super::alarms::Alarms;
use crate::{
    cluster::{
        Call, Change, Cluster, DeletionOptions, Locator, Target, What, fields,
        kinds::{JOBS, KindId, PODS},
    },
    digest::Digest,
};

/// From the first failed pod to the next one; it doubles with each further failure.
const FIRST_BACK_OFF: SignedDuration = SignedDuration::from_secs(10);
/// The longest time from a failed pod to the next one.
const LONGEST_BACK_OFF: SignedDuration = SignedDuration::from_mins(10);
/// Doublings after which the longest time is surely reached.
const MOST_DOUBLINGS: u32 = 6;

/// The Job controller.
#[derive(Clone, Debug, Default)]
pub(super) struct Jobs {
    cursor: u64,
    alarms: Alarms,
    /// The pods of each Job that have failed, and when the last of them did, by the Job's uid.
    failed: BTreeMap<String, Failed>,
}

#[derive(Clone, Debug, Default)]
struct Failed {
    pods: BTreeSet<String>,
    last: Option<Timestamp>,
}

/// How a Job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Complete,
    /// With a reason in Kubernetes' words.
    Failed(&'static str, &'static str),
}

impl Jobs {
    pub(super) fn step(&mut self, cluster: &mut Cluster, now: Timestamp) {
        let mut dirty = self.alarms.due(now);
        if self.cursor < cluster.version() {
            self.read(cluster, &mut dirty);
            self.cursor = cluster.version();
        }
        let call = Call::new(now, "job-controller");
        for locator in dirty {
            let next = self.sync(cluster, &call, &locator);
            self.alarms.set(&locator, next);
        }
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.alarms.next()
    }

    pub(super) fn digest(&self, digest: &mut Digest) {
        self.alarms.digest(digest);
        for (job, failed) in &self.failed {
            digest.text(job);
            digest.number(u64::try_from(failed.pods.len()).unwrap_or(u64::MAX));
            digest.some_instant(failed.last);
        }
    }

    /// The Jobs that the changes since the last look concern.
    fn read(&mut self, cluster: &Cluster, dirty: &mut BTreeSet<Locator>) {
        let Ok(changes) = cluster.changes_since(self.cursor) else {
            let all = cluster.in_namespace(JOBS, None);
            dirty.extend(
                all.map(|job| Locator::new(JOBS, fields::namespace(job), fields::name(job))),
            );
            return;
        };
        for change in changes {
            if change.object.kind == JOBS {
                dirty.insert(change.object.clone());
            } else if change.object.kind == PODS {
                let uid = fields::controller_uid(&change.new);
                if let Some((owner, _)) = cluster.get_by_uid(uid)
                    && owner.kind == JOBS
                {
                    dirty.insert(owner.clone());
                    if has_failed(change) {
                        let failed = self.failed.entry(uid.to_owned()).or_default();
                        if failed.pods.insert(fields::uid(&change.new).to_owned()) {
                            failed.last = Some(change.at);
                        }
                    }
                }
            }
        }
    }

    /// Brings one Job up to now; tells when to look again.
    fn sync(&mut self, cluster: &mut Cluster, call: &Call, locator: &Locator) -> Option<Timestamp> {
        let job = Arc::clone(cluster.get(JOBS, &locator.namespace, &locator.name)?);
        if fields::is_deleting(&job) {
            return None;
        }
        if let Some(since) = finished(&job) {
            return outlive(cluster, call, (&job, since));
        }
        if job["spec"]["suspend"] == true {
            return None;
        }
        let started = fields::text(&job, &["status", "startTime"]).parse::<Time>();
        let started = started.map_or(call.now, Time::timestamp);
        let deadline = fields::number(&job, &["spec", "activeDeadlineSeconds"])
            .and_then(|seconds| started.checked_add(SignedDuration::from_secs(seconds)).ok());
        let failed = self.failed.get(fields::uid(&job)).cloned();
        let failed = failed.unwrap_or_default();
        let count = i64::try_from(failed.pods.len()).unwrap_or(i64::MAX);
        let limit = fields::number(&job, &["spec", "backoffLimit"]).unwrap_or(6);
        let pods: Vec<Arc<Value>> = cluster.owned(PODS, fields::uid(&job)).cloned().collect();
        let phase = |pod: &Value| fields::text(pod, &["status", "phase"]).to_owned();
        let end = if pods.iter().any(|pod| phase(pod) == "Succeeded") {
            Some(End::Complete)
        } else if count > limit {
            let words = "Job has reached the specified backoff limit";
            Some(End::Failed("BackoffLimitExceeded", words))
        } else if deadline.is_some_and(|at| at <= call.now) {
            let words = "Job was active longer than specified deadline";
            Some(End::Failed("DeadlineExceeded", words))
        } else {
            None
        };
        let active: Vec<&Arc<Value>> = pods
            .iter()
            .filter(|pod| !["Succeeded", "Failed"].contains(&phase(pod).as_str()))
            .collect();
        let mut next = deadline.filter(|at| *at > call.now);
        if end.is_some() {
            for pod in active.iter().filter(|pod| !fields::is_deleting(pod)) {
                remove(cluster, call, (PODS, pod));
            }
        } else if active.iter().all(|pod| fields::is_deleting(pod)) {
            let at = failed.last.map_or(call.now, |last| last + back_off(count));
            if at <= call.now {
                let namespace = &*locator.namespace;
                // What the server refuses is tried again when something changes.
                let _refused = cluster.create(call, PODS, namespace, new_pod(&job)).err();
            } else {
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        }
        // It has ended only when none of its pods is left that runs.
        let end = end.filter(|_| active.is_empty());
        tell(cluster, call, (&job, started), (end, count));
        next.filter(|_| end.is_none())
    }
}

fn back_off(failures: i64) -> SignedDuration {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(0);
    (FIRST_BACK_OFF * 2_i32.pow(doublings.min(MOST_DOUBLINGS))).min(LONGEST_BACK_OFF)
}

/// Whether a change of a pod tells that it failed: by itself, or because somebody took it away.
fn has_failed(change: &Change) -> bool {
    let phase = fields::text(&change.new, &["status", "phase"]);
    let gone = match change.what {
        What::Deleted => phase != "Succeeded",
        What::Added | What::Modified => false,
    };
    gone || phase == "Failed"
}

/// Since when a Job has ended.
fn finished(job: &Value) -> Option<Timestamp> {
    let condition = fields::list(job, &["status", "conditions"])
        .iter()
        .find(|condition| {
            ["Complete", "Failed"].contains(&fields::text(condition, &["type"]))
                && condition["status"] == "True"
        })?;
    let since = fields::text(condition, &["lastTransitionTime"]);
    since.parse::<Time>().ok().map(Time::timestamp)
}

/// A Job that has ended goes when its time is up, if it says so.
fn outlive(
    cluster: &mut Cluster,
    call: &Call,
    (job, since): (&Arc<Value>, Timestamp),
) -> Option<Timestamp> {
    let seconds = fields::number(job, &["spec", "ttlSecondsAfterFinished"])?;
    let at = since.checked_add(SignedDuration::from_secs(seconds)).ok()?;
    if at > call.now {
        return Some(at);
    }
    remove(cluster, call, (JOBS, job));
    None
}

fn remove(cluster: &mut Cluster, call: &Call, (kind, object): (KindId, &Value)) {
    let target = Target::new(kind, fields::namespace(object), fields::name(object));
    let options = DeletionOptions {
        uid: Some(fields::uid(object).to_owned()),
        ..DeletionOptions::default()
    };
    cluster
        .delete(call, &target, &options)
        .expect("the object was read at this instant");
}

/// Writes how a Job is, if that is news.
fn tell(
    cluster: &mut Cluster,
    call: &Call,
    (job, started): (&Value, Timestamp),
    (end, failed): (Option<End>, i64),
) {
    let instant = Time::new(call.now).to_string();
    let active = cluster
        .owned(PODS, fields::uid(job))
        .filter(|pod| {
            let phase = fields::text(pod, &["status", "phase"]);
            !["Succeeded", "Failed"].contains(&phase) && !fields::is_deleting(pod)
        })
        .count();
    let mut status = Map::new();
    status.insert(
        "startTime".to_owned(),
        json!(Time::new(started).to_string()),
    );
    for (member, count) in [
        ("active", i64::try_from(active).unwrap_or(i64::MAX)),
        ("failed", failed),
        ("succeeded", i64::from(end == Some(End::Complete))),
    ] {
        if count > 0 {
            status.insert(member.to_owned(), json!(count));
        }
    }
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({"type": kind, "status": "True", "reason": reason, "message": message,
            "lastProbeTime": instant, "lastTransitionTime": instant})
    };
    match end {
        Some(End::Complete) => {
            let words = "Reached expected number of succeeded pods";
            status.insert("completionTime".to_owned(), json!(instant));
            let conditions = ["SuccessCriteriaMet", "Complete"]
                .map(|kind| condition(kind, "CompletionsReached", words));
            status.insert("conditions".to_owned(), json!(conditions));
        }
        Some(End::Failed(reason, words)) => {
            let conditions = ["FailureTarget", "Failed"].map(|kind| condition(kind, reason, words));
            status.insert("conditions".to_owned(), json!(conditions));
        }
        None => {}
    }
    let status = Value::Object(status);
    if Some(&status) != job.get("status") {
        let target = Target::new(JOBS, fields::namespace(job), fields::name(job));
        cluster
            .replace_status(call, &target, status)
            .expect("the Job was read at this instant");
    }
}

fn new_pod(job: &Value) -> Value {
    let template = &job["spec"]["template"];
    let mut metadata = template["metadata"].clone();
    if !metadata.is_object() {
        metadata = json!({});
    }
    metadata["generateName"] = json!(format!("{}-", fields::name(job)));
    metadata["ownerReferences"] = json!([{
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": fields::name(job),
        "uid": fields::uid(job),
        "controller": true,
        "blockOwnerDeletion": true,
    }]);
    json!({"metadata": metadata, "spec": template["spec"]})
}

/// What befalls the Jobs of a metric from outside.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// They are deleted.
    Gone,
    /// Their pods are taken off their node.
    Evicted,
    /// Somebody makes a Job of the name that the next one is to have.
    Forestalled,
}

/// Lets something befall the Jobs of a metric.
///
/// # Errors
/// When there is none.
pub(super) fn befall(
    cluster: &mut Cluster,
    metric: &str,
    fate: Fate,
    now: Timestamp,
) -> anyhow::Result<()> {
    let path = [
        "metadata",
        "annotations",
        tidegate_api::labels::ANALYSIS_RUN_METRIC,
    ];
    let jobs: Vec<Arc<Value>> = cluster
        .in_namespace(JOBS, None)
        .filter(|job| {
            fields::text(job, &path) == metric
                && finished(job).is_none_or(|_| fate != Fate::Evicted)
        })
        .cloned()
        .collect();
    anyhow::ensure!(!jobs.is_empty(), "there is no Job of {metric}");
    let call = Call::new(now, "user");
    for job in &jobs {
        match fate {
            Fate::Gone => remove(cluster, &call, (JOBS, job)),
            Fate::Evicted => {
                let pods: Vec<_> = cluster.owned(PODS, fields::uid(job)).cloned().collect();
                for pod in pods {
                    remove(cluster, &call, (PODS, &pod));
                }
            }
            Fate::Forestalled => {}
        }
    }
    if fate == Fate::Forestalled
        && let Some(job) = jobs.last()
        && let Some((base, number)) = fields::name(job).rsplit_once('.')
    {
        let next = number.parse::<u32>()? + 1;
        let mut stray = json!({"metadata": {"name": format!("{base}.{next}")}, "spec": {
            "template": {"spec": job["spec"]["template"]["spec"]}}});
        stray["spec"]["suspend"] = json!(true);
        cluster.create(&call, JOBS, fields::namespace(job), stray)?;
    }
    Ok(())
}
