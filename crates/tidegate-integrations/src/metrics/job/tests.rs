//! Courses of Job metrics, answer by answer.

use serde_json::json;
use tidegate_core::{plan::Resource, run::Unavailable};

use super::*;

const UID: &str = "01234567-89ab-cdef-0123-456789abcdef";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

fn jobs_for(metric: &str, variables: &[(&str, &str)]) -> Jobs {
    let metric: Metric = serde_json::from_value(json!({
        "name": metric,
        "provider": {"job": {
            "metadata": {"labels": {"team": "shop"}, "annotations": {"why": "smoke"}},
            "spec": {"backoffLimit": 1, "template": {"metadata": {"labels": {"app": "smoke"}},
                "spec": {"restartPolicy": "Never"}}},
        }},
    }))
    .unwrap();
    let subject = Subject {
        namespace: "shop".to_owned(),
        name: "web-1".to_owned(),
        uid: UID.to_owned(),
        number: 3,
        began: None,
    };
    let environment = Environment {
        variables: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Environment::default()
    };
    let job = metric.provider.job.clone().unwrap();
    Jobs::new(&metric, &job, (&subject, &environment))
}

fn jobs() -> Jobs {
    jobs_for("smoke", &[])
}

fn unfinished() -> Measurement {
    serde_json::from_value(json!({
        "phase": "Running",
        "startedAt": "2023-11-14T22:13:20Z",
        "metadata": {"job-name": "u.smoke.3", "job-namespace": "shop"},
    }))
    .unwrap()
}

fn answered(value: Value) -> Answer {
    Answer::Cluster(Ok(value))
}

fn failure(failure: Failure) -> Answer {
    Answer::Cluster(Err(failure))
}

fn unavailable() -> Answer {
    failure(Failure::Unavailable(Unavailable::because("busy")))
}

#[track_caller]
fn call(turn: Turn) -> Call {
    let Turn::Cluster(call) = turn else {
        panic!("the cluster is not asked: {turn:?}");
    };
    *call
}

#[track_caller]
fn written(turn: Turn) -> Write {
    let call = call(turn);
    let Call::Write(write) = call else {
        panic!("no write: {call:?}");
    };
    *write
}

#[track_caller]
fn measured(turn: Turn) -> Measurement {
    let Turn::Measured(measurement) = turn else {
        panic!("nothing measured: {turn:?}");
    };
    *measurement
}

#[track_caller]
fn got(turn: Turn) -> ObjectKey {
    let call = call(turn);
    let Call::Get(key) = call else {
        panic!("no look: {call:?}");
    };
    key
}

#[track_caller]
fn listed(turn: Turn) -> (Resource, String, String) {
    let call = call(turn);
    let Call::List {
        resource,
        namespace,
        selector,
    } = call
    else {
        panic!("no list: {call:?}");
    };
    (resource, namespace, selector)
}

fn ended_by(kind: &str) -> Value {
    json!({"status": {"conditions": [{"type": kind, "status": "True"}]}})
}

/// Keeps MP-201 and MP-202.
#[test]
fn the_job_is_the_metrics_with_the_runs_marks() {
    let write = written(jobs().start(at(0)));
    let name = format!("{UID}.smoke.3");
    assert_eq!(write.target, ObjectKey::new(JOBS, "shop", &name));
    assert_eq!(write.guard, Guard::Absent);
    assert_eq!(
        write.body,
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": name,
                "namespace": "shop",
                "labels": {"team": "shop", "analysisrun.argoproj.io/uid": UID},
                "annotations": {
                    "why": "smoke",
                    "analysisrun.argoproj.io/name": "web-1",
                    "analysisrun.argoproj.io/namespace": "shop",
                    "analysisrun.argoproj.io/metric-name": "smoke",
                },
                "ownerReferences": [{
                    "apiVersion": "argoproj.io/v1alpha1",
                    "kind": "AnalysisRun",
                    "name": "web-1",
                    "uid": UID,
                    "controller": true,
                    "blockOwnerDeletion": true,
                }],
            },
            "spec": {"backoffLimit": 1, "template": {
                "metadata": {"labels": {"app": "smoke", "analysisrun.argoproj.io/uid": UID}},
                "spec": {"restartPolicy": "Never"},
            }},
        })
    );
}

/// Keeps MP-202: 63 characters fit into a label.
#[test]
fn a_long_name_loses_the_end_of_the_metrics_name() {
    let name = manifest::name(UID, "a-metric-with-quite-a-long-name", 12);
    assert_eq!(name, format!("{UID}.a-metric-with-quite-a-l.12"));
    assert_eq!(name.len(), 63);
    assert_eq!(manifest::name(UID, "metric", 1), format!("{UID}.metric.1"));
    let name = manifest::name(UID, "größengrößengrößengrößen", 1);
    assert_eq!(name, format!("{UID}.größengrößengrößen.1"), "whole letters");
}

#[test]
fn a_job_without_a_template_gets_one_with_the_label() {
    let job = |spec: Value| {
        let given = JobMetric {
            spec,
            ..JobMetric::default()
        };
        let subject = Subject::default();
        manifest::job(&given, (&subject, "m"), ("n", "j"), manifest::Owned::No)
    };
    for spec in [json!(null), json!({"template": 1}), json!({"template": {}})] {
        let labels = &job(spec)["spec"]["template"]["metadata"]["labels"];
        assert_eq!(*labels, json!({"analysisrun.argoproj.io/uid": ""}));
    }
}

/// Keeps MP-203: an owner that the garbage collector does not find would be taken for gone.
#[test]
fn a_job_elsewhere_has_no_owner() {
    for (variables, namespace) in [
        (&[(ANALYSIS_JOB_NAMESPACE, "jobs")][..], "jobs"),
        (&[(ANALYSIS_JOB_KUBECONFIG, "in-cluster")], "shop"),
    ] {
        let write = written(jobs_for("smoke", variables).start(at(0)));
        assert_eq!(write.target.namespace, namespace);
        assert_eq!(write.body["metadata"]["ownerReferences"], Value::Null);
    }
    let same = [(ANALYSIS_JOB_NAMESPACE, "shop")];
    let write = written(jobs_for("smoke", &same).start(at(0)));
    assert!(write.body["metadata"]["ownerReferences"].is_array());
}

/// Keeps MP-204 and ANA-48.
#[test]
fn a_job_that_was_made_is_waited_for() {
    let mut jobs = jobs();
    jobs.start(at(0));
    let measurement = measured(jobs.read(answered(json!({})), at(1)));
    assert_eq!(
        serde_json::to_value(measurement).unwrap(),
        json!({
            "phase": "Running",
            "startedAt": "2023-11-14T22:13:21Z",
            "resumeAt": "2023-11-14T22:13:21Z",
            "metadata": {"job-name": format!("{UID}.smoke.3"), "job-namespace": "shop"},
        })
    );
}

/// What comes of a creation that found another Job in its place.
fn taken(jobs: &mut Jobs, first: Failure, namesake: Answer) -> Turn {
    jobs.start(at(0));
    let key = got(jobs.read(failure(first), at(0)));
    assert_eq!(key.name, format!("{UID}.smoke.3"));
    jobs.read(namesake, at(0))
}

fn namesake(owner: &str, metric: &str) -> Value {
    json!({"metadata": {
        "labels": {"analysisrun.argoproj.io/uid": owner},
        "annotations": {"analysisrun.argoproj.io/metric-name": metric},
        "ownerReferences": [{"uid": owner, "controller": true}],
    }})
}

/// Keeps MP-204.
#[test]
fn a_job_that_was_made_before_is_taken_up() {
    for first in [
        Failure::AlreadyExists,
        Failure::Unknown("the answer was lost".to_owned()),
    ] {
        let turn = taken(&mut jobs(), first, answered(namesake(UID, "smoke")));
        assert_eq!(measured(turn).phase, "Running");
    }
}

/// Keeps MP-204, without the panic, and without the Job that is another metric's.
#[test]
fn a_job_of_somebody_else_in_its_place_is_an_error() {
    let mut stray = namesake(UID, "smoke");
    stray["metadata"]["ownerReferences"] = json!(null);
    for other in [
        namesake("another", "smoke"),
        namesake(UID, "smoke-too"),
        stray,
    ] {
        let turn = taken(&mut jobs(), Failure::AlreadyExists, answered(other));
        let measurement = measured(turn);
        assert_eq!(measurement.phase, "Error");
        assert_eq!(
            measurement.message,
            format!("jobs.batch \"{UID}.smoke.3\" already exists")
        );
    }
    let elsewhere = [(ANALYSIS_JOB_NAMESPACE, "jobs")];
    for (owner, phase) in [(UID, "Running"), ("another", "Error")] {
        let mut other = namesake(owner, "smoke");
        other["metadata"]["ownerReferences"] = json!(null);
        let mut jobs = jobs_for("smoke", &elsewhere);
        let turn = taken(&mut jobs, Failure::AlreadyExists, answered(other));
        assert_eq!(measured(turn).phase, phase);
    }
}

#[test]
fn a_creation_of_which_nobody_knows_is_an_error_only_if_it_did_not_happen() {
    let lost = || Failure::Unknown("timeout".to_owned());
    let mut twice = jobs();
    let again = written(taken(&mut twice, lost(), failure(Failure::NotFound)));
    assert_eq!(again.verb, Verb::Create);
    got(twice.read(failure(lost()), at(0)));
    let turn = twice.read(failure(Failure::NotFound), at(0));
    assert_eq!(measured(turn).message, "timeout");
    // It is gone again: the name was taken when it was asked for.
    let turn = taken(
        &mut jobs(),
        Failure::AlreadyExists,
        failure(Failure::NotFound),
    );
    assert_eq!(measured(turn).phase, "Error");
    let turn = taken(&mut jobs(), lost(), unavailable());
    assert!(matches!(turn, Turn::Later(_)), "{turn:?}");
    let mut elsewhere = jobs_for("smoke", &[(ANALYSIS_JOB_KUBECONFIG, "/file")]);
    let turn = taken(&mut elsewhere, lost(), unavailable());
    assert_eq!(measured(turn).message, "timeout");
}

#[test]
fn a_creation_that_was_refused_is_an_error_and_one_that_was_not_heard_is_repeated() {
    let turn = |mut jobs: Jobs, answer: Answer| {
        jobs.start(at(0));
        jobs.read(answer, at(0))
    };
    let refused = failure(Failure::Refused("quota".to_owned()));
    let measurement = measured(turn(jobs(), refused));
    assert_eq!(
        (measurement.phase.as_str(), measurement.message.as_str()),
        ("Error", "quota")
    );
    let absent = measured(turn(jobs(), failure(Failure::NotFound)));
    assert_eq!(absent.phase, "Error");
    assert!(matches!(turn(jobs(), unavailable()), Turn::Later(_)));
    // Nobody else would tell of the other cluster.
    let elsewhere = jobs_for("smoke", &[(ANALYSIS_JOB_KUBECONFIG, "/file")]);
    assert_eq!(measured(turn(elsewhere, unavailable())).message, "busy");
}

fn looked_at(answer: Answer, now: Timestamp) -> Turn {
    let mut jobs = jobs();
    let key = got(jobs.resume(&unfinished(), now));
    assert_eq!(key, ObjectKey::new(JOBS, "shop", "u.smoke.3"));
    jobs.read(answer, now)
}

/// Keeps MP-205.
#[test]
fn how_the_job_ends_is_the_verdict() {
    for (kind, phase) in [("Complete", "Successful"), ("Failed", "Failed")] {
        let measurement = measured(looked_at(answered(ended_by(kind)), at(9)));
        assert_eq!(measurement.phase, phase);
        assert_eq!(measurement.finished_at, Some(Time::new(at(9))));
        assert_eq!(measurement.message, "");
        assert_eq!(measurement.metadata, unfinished().metadata);
    }
    for kind in ["Suspended", "FailureTarget", "SuccessCriteriaMet"] {
        let measurement = measured(looked_at(answered(ended_by(kind)), at(9)));
        assert_eq!(measurement.phase, "Running", "{kind}");
    }
    let denied = json!({"status": {"conditions": [{"type": "Complete", "status": "False"}]}});
    assert_eq!(
        measured(looked_at(answered(denied), at(9))).phase,
        "Running"
    );
}

/// Keeps MP-205: √(2·18) s; not at once at the very beginning.
#[test]
fn the_longer_a_job_runs_the_later_it_is_looked_at_again() {
    for (seconds, next) in [(18, 24), (0, 1), (2, 4), (-5, -4)] {
        let turn = looked_at(answered(json!({})), at(seconds));
        assert_eq!(measured(turn).resume_at, Some(Time::new(at(next))));
    }
}

#[test]
fn a_job_that_is_gone_is_an_error_and_one_that_nobody_sees_is_asked_for_again() {
    let gone = measured(looked_at(failure(Failure::NotFound), at(9)));
    assert_eq!(
        (gone.phase.as_str(), gone.message.as_str()),
        ("Error", "job.batch \"u.smoke.3\" not found")
    );
    let refused = failure(Failure::Refused("forbidden".to_owned()));
    assert_eq!(measured(looked_at(refused, at(9))).message, "forbidden");
    let unseen = measured(looked_at(unavailable(), at(8)));
    assert_eq!(unseen.phase, "Running");
    assert_eq!(unseen.resume_at, Some(Time::new(at(12))));
}

fn pods_seen(answer: Answer) -> Measurement {
    let mut jobs = jobs();
    jobs.resume(&unfinished(), at(8));
    let job = json!({"spec": {"selector": {"matchLabels": {"of": "u"}}}});
    let list = listed(jobs.read(answered(job), at(8)));
    assert_eq!(list, (PODS, "shop".to_owned(), "of=u".to_owned()));
    measured(jobs.read(answer, at(8)))
}

/// Keeps MP-205.
#[test]
fn pods_that_can_never_start_give_no_verdict() {
    let pods = |member: &str, reason: &str| {
        answered(json!({"items": [
            {"metadata": {"name": "fine"}, "status": {"containerStatuses": [{"state": {"running": {}}}]}},
            {"metadata": {"name": "p"}, "status": {member: [{
                "name": "c",
                "state": {"waiting": {"reason": reason, "message": "no such image"}},
            }]}},
        ]}))
    };
    for reason in ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"] {
        for member in ["containerStatuses", "initContainerStatuses"] {
            let measurement = pods_seen(pods(member, reason));
            assert_eq!(measurement.phase, "Inconclusive");
            assert_eq!(
                measurement.message,
                format!("Pod p, container c has terminal error ({reason}): no such image\n")
            );
            assert_eq!(measurement.finished_at, Some(Time::new(at(8))));
        }
    }
    let waits = pods_seen(pods("containerStatuses", "ContainerCreating"));
    assert_eq!(waits.phase, "Running");
    assert_eq!(pods_seen(answered(json!({"items": []}))).phase, "Running");
    assert_eq!(pods_seen(unavailable()).phase, "Running");
}

#[test]
fn a_measurement_that_names_no_job_is_an_error() {
    let nameless = Measurement::default();
    for turn in [
        jobs().resume(&nameless, at(0)),
        jobs().terminate(&nameless, at(0)),
    ] {
        let measurement = measured(turn);
        assert_eq!(measurement.phase, "Error");
        assert_eq!(measurement.message, "job metadata reference missing");
    }
}

/// Keeps MP-206.
#[test]
fn a_measurement_that_is_ended_takes_its_job_along() {
    let job = json!({"metadata": {"uid": "u-1", "resourceVersion": "7"}});
    let doomed = || {
        let mut jobs = jobs();
        got(jobs.terminate(&unfinished(), at(9)));
        let write = written(jobs.read(answered(job.clone()), at(9)));
        assert_eq!(write.verb, Verb::Delete);
        assert_eq!(write.target, ObjectKey::new(JOBS, "shop", "u.smoke.3"));
        let guard = Guard::Version {
            uid: "u-1".to_owned(),
            resource_version: "7".to_owned(),
        };
        assert_eq!(write.guard, guard);
        jobs
    };
    for answer in [answered(json!({})), failure(Failure::NotFound)] {
        let measurement = measured(doomed().read(answer, at(9)));
        assert_eq!(measurement.phase, "Inconclusive");
        assert_eq!(measurement.finished_at, Some(Time::new(at(9))));
    }
    for answer in [failure(Failure::Conflict), unavailable()] {
        let turn = doomed().read(answer, at(9));
        assert!(matches!(turn, Turn::Later(_)), "{turn:?}");
    }
    let refused = failure(Failure::Refused("no".to_owned()));
    assert_eq!(measured(doomed().read(refused, at(9))).phase, "Error");
    let mut gone = jobs();
    gone.terminate(&unfinished(), at(9));
    let turn = gone.read(failure(Failure::NotFound), at(9));
    assert_eq!(measured(turn).phase, "Inconclusive");
}

/// Keeps ANA-34 and MP-206, but metric by metric.
#[test]
fn the_oldest_jobs_of_a_metric_go() {
    let job = |metric: &str, number: usize| {
        json!({"metadata": {
            "name": format!("u.{metric}.{number}"),
            "uid": "u",
            "resourceVersion": "1",
            "creationTimestamp": if number < 9 { "2026-01-01T00:00:00Z" } else { "2026-01-01T00:00:01Z" },
            "annotations": {"analysisrun.argoproj.io/metric-name": metric},
        }})
    };
    let mut items: Vec<Value> = [10, 9, 8, 11].map(|number| job("smoke", number)).into();
    items.extend([1, 2, 3].map(|number| job("other", number)));
    let mut jobs = jobs();
    let list = listed(jobs.collect(2));
    let selector = format!("analysisrun.argoproj.io/uid={UID}");
    assert_eq!(list, (JOBS, "shop".to_owned(), selector));
    let first = written(jobs.read(answered(json!({"items": items})), at(0)));
    assert_eq!(first.target.name, "u.smoke.8");
    // Whatever comes of one, the others go.
    let second = written(jobs.read(failure(Failure::Conflict), at(0)));
    assert_eq!(second.target.name, "u.smoke.9");
    let turn = jobs.read(answered(json!({})), at(0));
    assert!(matches!(turn, Turn::Collected), "{turn:?}");
}

#[test]
fn jobs_that_nobody_can_list_stay() {
    let mut jobs = jobs();
    jobs.collect(2);
    let turn = jobs.read(unavailable(), at(0));
    assert!(matches!(turn, Turn::Collected), "{turn:?}");
}
