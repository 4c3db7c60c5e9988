//! Experiments, as decisions on data.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_api::{experiment::ExperimentStatus, labels};

use super::*;
use crate::{
    plan::{ANALYSIS_RUNS, REPLICA_SETS, SERVICES},
    run::{Failure, Outcome, PlanRun, Step},
};

mod after_a_crash;

const NOW: &str = "2026-01-01T12:00:00Z";

fn pods() -> Value {
    json!({
        "metadata": {"labels": {"app": "door", labels::POD_TEMPLATE_HASH: "of-the-rollout"}},
        "spec": {"containers": [{"name": "main", "image": "v1",
            "ports": [{"containerPort": 8080, "protocol": "TCP"}]}]},
    })
}

fn template(name: &str) -> Value {
    json!({"name": name, "service": {}, "selector": {"matchLabels": {"app": "door"}}, "template": pods()})
}

/// One version of one pod, with more members of the spec and a status.
fn experiment(spec: &Value, status: &Value) -> Value {
    let mut all = json!({
        "metadata": {"name": "try", "namespace": "town", "uid": "u-try", "resourceVersion": "7"},
        "spec": {"templates": [template("a")]},
        "status": status,
    });
    for (member, value) in spec.as_object().into_iter().flatten() {
        all["spec"][member] = value.clone();
    }
    all
}

fn owned(kind: &str, name: &str) -> Value {
    json!({
        "name": name, "namespace": "town", "uid": format!("u-{kind}-{name}"), "resourceVersion": "3",
        "annotations": {labels::EXPERIMENT_NAME: "try", labels::EXPERIMENT_TEMPLATE_NAME: "a"},
        "ownerReferences": [{"kind": "Experiment", "name": "try", "uid": "u-try", "controller": true}],
    })
}

fn set(replicas: i32, available: i32, deadline: Option<&str>) -> Value {
    let mut metadata = owned("set", "try-a");
    metadata["labels"] = json!({"app": "door", labels::POD_TEMPLATE_HASH: "h"});
    if let Some(deadline) = deadline {
        metadata["annotations"][labels::SCALE_DOWN_DEADLINE] = json!(deadline);
    }
    json!({
        "metadata": metadata,
        "spec": {"replicas": replicas, "template": pods()},
        "status": {"replicas": available, "readyReplicas": available, "availableReplicas": available},
    })
}

/// A status in which the only version is there since an instant.
fn running(available_at: &str) -> Value {
    json!({
        "phase": "Running", "availableAt": available_at,
        "templateStatuses": [{"name": "a", "status": "Running", "replicas": 1, "updatedReplicas": 1,
            "readyReplicas": 1, "availableReplicas": 1, "lastTransitionTime": available_at}],
    })
}

fn observe(experiment: Value) -> Observed {
    Observed {
        experiment: Arc::new(serde_json::from_value(experiment).unwrap()),
        ..Observed::default()
    }
}

fn with_set(experiment: Value, set: Value) -> Observed {
    Observed {
        replica_sets: vec![Arc::new(serde_json::from_value(set).unwrap())],
        ..observe(experiment)
    }
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn decided(observed: &Observed) -> (ExperimentSnapshot, Decision) {
    let (snapshot, findings) = parse(observed);
    let decision = decide(&snapshot, &findings, now());
    (snapshot, decision)
}

fn writes(decision: &Decision) -> Vec<&Write> {
    decision
        .plan
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Write(write) => Some(write),
            Effect::Route(_) => None,
        })
        .collect()
}

fn told(decision: &Decision) -> Vec<(&str, &str)> {
    let events = decision.plan.events.iter();
    events
        .map(|event| (event.reason.as_ref(), event.message.as_str()))
        .collect()
}

fn next(decision: &Decision) -> &ExperimentStatus {
    decision.status.as_deref().unwrap()
}

/// Keeps EXP-01.
#[test]
fn a_spec_that_is_wrong_is_told_and_nothing_else_happens() {
    let mut wrong = experiment(&json!({}), &json!({}));
    wrong["spec"]["templates"][0]["selector"] = Value::Null;
    let (_, decision) = decided(&observe(wrong));
    assert!(decision.plan.effects.is_empty());
    let condition = &next(&decision).conditions[0];
    assert_eq!(condition.kind, "InvalidSpec");
    assert_eq!(
        condition.message,
        "Rollout has missing field '.Spec.Templates[0].Selector'"
    );
}

/// Keeps EXP-02, EXP-03, EXP-08 and EXP-14.
#[test]
fn a_version_begins_with_a_replica_set_without_pods_whose_hash_is_its_own() {
    let (_, decision) = decided(&observe(experiment(&json!({}), &json!({}))));
    let [write] = writes(&decision)[..] else {
        panic!("one write")
    };
    assert_eq!(write.target.name, "try-a");
    assert_eq!(write.body["spec"]["replicas"], 0);
    let hash = &write.body["metadata"]["labels"][labels::POD_TEMPLATE_HASH];
    assert_ne!(hash, "of-the-rollout");
    let selector = &write.body["spec"]["selector"]["matchLabels"];
    assert_eq!(selector[labels::POD_TEMPLATE_HASH], *hash);
    assert_eq!(next(&decision).phase, "Pending");
    assert_eq!(
        told(&decision),
        [
            (
                "TemplateProgressing",
                "Template 'a' transitioned from  -> Progressing"
            ),
            (
                "ExperimentPending",
                "Experiment transitioned from  -> Pending"
            ),
        ]
    );
}

/// Fixes EXP-04.
#[test]
fn a_name_that_is_taken_leads_to_another_one() {
    let mut foreign = set(1, 1, None);
    foreign["metadata"]["ownerReferences"] = json!([]);
    let (_, first) = decided(&with_set(
        experiment(&json!({}), &json!({})),
        foreign.clone(),
    ));
    assert!(first.plan.effects.is_empty());
    let status = serde_json::to_value(next(&first)).unwrap();
    assert_eq!(status["templateStatuses"][0]["collisionCount"], 1);
    let (_, second) = decided(&with_set(experiment(&json!({}), &status), foreign));
    let name = &writes(&second)[0].target.name;
    assert!(name.starts_with("try-a-"), "{name}");
}

/// Keeps EXP-05 and EXP-07.
#[test]
fn a_version_gets_its_service_and_its_pods() {
    let observed = with_set(
        experiment(&json!({}), &json!({"phase": "Pending"})),
        set(0, 0, None),
    );
    let (_, decision) = decided(&observed);
    let [service, size] = writes(&decision)[..] else {
        panic!("two writes")
    };
    assert_eq!(service.target.resource, SERVICES);
    assert_eq!(
        service.body["spec"]["selector"][labels::POD_TEMPLATE_HASH],
        "h"
    );
    assert_eq!(service.body["spec"]["ports"][0]["port"], 8080);
    assert_eq!(size.target.resource, REPLICA_SETS);
    assert_eq!(size.body["spec"]["replicas"], 1);
    let sentence = "Scaled up ReplicaSet try-a from 0 to 1";
    assert_eq!(size.events[0].message, sentence);
    let template = &next(&decision).template_statuses[0];
    assert_eq!(template.service_name, "try-a");
    assert_eq!(template.pod_template_hash, "h");
}

/// Keeps EXP-07.
#[test]
fn a_service_of_somebody_else_is_an_error() {
    let service = json!({"metadata": {"name": "try-a", "namespace": "town"}});
    let observed = Observed {
        services: vec![Arc::new(serde_json::from_value(service).unwrap())],
        ..with_set(
            experiment(&json!({}), &json!({"phase": "Pending"})),
            set(0, 0, None),
        )
    };
    let (_, decision) = decided(&observed);
    assert_eq!(next(&decision).phase, "Error");
    assert_eq!(
        next(&decision).message,
        "Failed to create Service try-a for template 'a': service try-a already exists and is not owned \
         by experiment template a"
    );
}

/// Keeps EXP-09 and EXP-16: the duration counts from when all pods are there.
#[test]
fn the_duration_begins_with_the_pods_and_ends_it() {
    let status =
        json!({"phase": "Pending", "templateStatuses": [{"name": "a", "status": "Progressing"}]});
    let spec = json!({"duration": "30s"});
    let (_, begins) = decided(&with_set(experiment(&spec, &status), set(1, 1, None)));
    assert_eq!(next(&begins).phase, "Running");
    assert_eq!(next(&begins).available_at, Some(now().into()));
    let wake = begins.plan.wake.as_ref().unwrap().at;
    assert_eq!(wake, now() + SignedDuration::from_secs(30));
    let over = experiment(&spec, &running("2026-01-01T11:59:30Z"));
    let (_, ends) = decided(&with_set(over, set(1, 1, None)));
    assert_eq!(next(&ends).phase, "Successful");
    assert_eq!(next(&ends).conditions[0].reason, "ExperimentCompleted");
}

/// Keeps EXP-06: a note first, then the pods go.
#[test]
fn pods_stay_for_a_while_after_the_end() {
    let mut status = running("2026-01-01T11:00:00Z");
    status["phase"] = json!("Successful");
    status["templateStatuses"][0]["status"] = json!("Successful");
    let spec = json!({"scaleDownDelaySeconds": 10});
    let over = || experiment(&spec, &status);
    let (_, noted) = decided(&with_set(over(), set(1, 1, None)));
    let body = &writes(&noted)[0].body;
    let until = &body["metadata"]["annotations"][labels::SCALE_DOWN_DEADLINE];
    assert_eq!(until, "2026-01-01T12:00:10Z");
    let waits = with_set(over(), set(1, 1, Some("2026-01-01T12:00:05Z")));
    assert!(decided(&waits).1.plan.effects.is_empty());
    let (_, gone) = decided(&with_set(over(), set(1, 1, Some("2026-01-01T11:59:59Z"))));
    assert_eq!(writes(&gone)[0].body["spec"]["replicas"], 0);
}

/// Holds S0-14, where upstream takes pods and Service away whoever still is sent there.
#[test]
fn pods_stay_as_long_as_they_may_have_traffic() {
    let mut status = running("2026-01-01T11:00:00Z");
    status["phase"] = json!("Successful");
    let rollout = json!({
        "spec": {"strategy": {"canary": {"trafficRouting": {}}}},
        "status": {"canary": {"weights": {"additional": [{"weight": 20, "serviceName": "try-a"}]}}},
    });
    let owner = Owner::Known(Arc::new(serde_json::from_value(rollout).unwrap()));
    let over = experiment(&json!({"scaleDownDelaySeconds": 0}), &status);
    let free = with_set(over, set(1, 1, None));
    assert_eq!(writes(&decided(&free).1).len(), 1);
    for held in [
        Observed {
            owner,
            ..free.clone()
        },
        Observed {
            owner: Owner::Unreadable,
            ..free
        },
    ] {
        let (_, decision) = decided(&held);
        assert!(decision.plan.effects.is_empty());
        assert!(decision.plan.wake.is_some());
    }
}

/// Keeps EXP-08.
#[test]
fn pods_that_never_come_fail_it() {
    let status = json!({"phase": "Pending", "templateStatuses": [{"name": "a", "status": "Progressing",
        "lastTransitionTime": "2026-01-01T11:59:00Z"}]});
    let spec = json!({"progressDeadlineSeconds": 60});
    let (_, decision) = decided(&with_set(experiment(&spec, &status), set(1, 0, None)));
    assert_eq!(next(&decision).phase, "Failed");
    let sentence = "Template 'a' exceeded its progressDeadlineSeconds (60)";
    assert_eq!(next(&decision).message, sentence);
}

fn analysed(status: &Value) -> Observed {
    let spec = json!({"duration": "1h", "analyses": [
        {"name": "good", "templateName": "t", "requiredForCompletion": true, "args": [
            {"name": "hash", "value": "{{templates.a.podTemplateHash}} {{ experiment.finishedAt }}"},
            {"name": "key", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}]});
    let templates = json!({"metadata": {"name": "t"}, "spec": {"args": [{"name": "hash"}, {"name": "key"}],
        "metrics": [{"name": "m", "provider": {}}]}});
    let template = Arc::new(serde_json::from_value(templates).unwrap());
    Observed {
        analysis_templates: [("t".to_owned(), template)].into(),
        ..with_set(experiment(&spec, status), set(1, 1, None))
    }
}

/// Keeps EXP-11, and fixes EXP-12: a value from elsewhere is not lost.
#[test]
fn an_analysis_begins_once_the_pods_are_there() {
    let (_, decision) = decided(&analysed(&running("2026-01-01T11:30:00Z")));
    let runs = writes(&decision);
    let run = runs
        .iter()
        .find(|write| write.target.resource == ANALYSIS_RUNS)
        .unwrap();
    assert_eq!(run.target.name, "try-good");
    let args = &run.body["spec"]["args"];
    assert_eq!(args[0]["value"], "h 2026-01-01T12:30:00Z");
    assert_eq!(args[1]["valueFrom"]["secretKeyRef"]["name"], "s");
    assert_eq!(next(&decision).analysis_runs[0].phase, "Pending");
    assert_eq!(decision.owner_events[0].reason, "AnalysisRunPending");
    let missing = Observed {
        analysis_templates: BTreeMap::new(),
        ..analysed(&json!({}))
    };
    let (_, refused) = decided(&missing);
    assert_eq!(
        next(&refused).analysis_runs[0].message,
        "AnalysisTemplate verification failed for analysis 'good': analysistemplate.argoproj.io \"t\" not \
         found"
    );
}

fn with_run(phase: &str) -> Observed {
    let mut status = running("2026-01-01T11:30:00Z");
    status["analysisRuns"] =
        json!([{"name": "good", "phase": "Running", "analysisRun": "try-good"}]);
    let run = json!({"metadata": owned("run", "try-good"), "status": {"phase": phase}});
    let mut observed = analysed(&status);
    observed.analysis_runs = vec![Arc::new(serde_json::from_value(run).unwrap())];
    let mut ending = (*observed.experiment).clone();
    ending.spec.terminate = true;
    observed.experiment = Arc::new(ending);
    observed
}

/// Keeps EXP-10, EXP-13 and EXP-17, and fixes EXP-15: a required run that is ended brings the end.
#[test]
fn an_experiment_that_is_ended_ends_its_runs_and_hears_of_it() {
    let (_, ends) = decided(&with_run("Running"));
    let ended = writes(&ends);
    let ended = ended
        .iter()
        .find(|write| write.target.resource == ANALYSIS_RUNS)
        .unwrap();
    assert_eq!(ended.body, json!({"spec": {"terminate": true}}));
    assert_eq!(ended.events[0].message, "Terminating good (try-good)");
    assert_eq!(next(&ends).phase, "Running");
    // EXP-15: the whole is not pending again because its analysis is.
    let mut pending = with_run("Pending");
    Arc::make_mut(&mut pending.experiment).status.analysis_runs[0].phase = "Pending".to_owned();
    let (_, waits) = decided(&pending);
    assert_eq!(next(&waits).phase, "Running");
    let (_, over) = decided(&with_run("Successful"));
    assert_eq!(next(&over).phase, "Successful");
    assert_eq!(next(&over).message, "Required AnalysisRuns completed");
    assert_eq!(over.owner_events[0].severity, Severity::Normal);
}

/// Keeps EXP-13: only what the API server does not know, either, is an error.
#[test]
fn a_run_that_is_missing_is_asked_for_before_it_counts_as_gone() {
    let mut observed = with_run("Running");
    observed.analysis_runs.clear();
    assert_eq!(missing(&observed)[0].name, "try-good");
    let (_, waits) = decided(&observed);
    assert_eq!(next(&waits).analysis_runs[0].phase, "Running");
    observed.gone_runs.insert("try-good".to_owned());
    assert!(missing(&observed).is_empty());
    let (_, gone) = decided(&observed);
    assert_eq!(next(&gone).analysis_runs[0].phase, "Error");
}

/// Keeps EXP-04: what the API server refuses ends it, with its words; a conflict does not.
#[test]
fn a_refused_replica_set_makes_its_version_an_error() {
    let observed = observe(experiment(&json!({}), &json!({"phase": "Pending"})));
    let (snapshot, decision) = decided(&observed);
    let fails = |failure: Failure| {
        let mut run = PlanRun::new(&decision.plan);
        while let Some(step) = run.next_step() {
            assert!(matches!(step, Step::Write(_)));
            run.record(Outcome::Failed(failure.clone()));
        }
        let applied = run.finish();
        assert!(write(&snapshot, &decision, &applied).is_none());
        after_failure(&snapshot, &decision, (&applied, None), now())
    };
    assert!(fails(Failure::Conflict).is_none());
    let told = fails(Failure::Refused("no".to_owned())).unwrap();
    let body = told.write.unwrap().body;
    assert_eq!(body["status"]["phase"], "Error");
    let sentence = "Failed to create ReplicaSet for template 'a': no";
    assert_eq!(body["status"]["message"], sentence);
}
