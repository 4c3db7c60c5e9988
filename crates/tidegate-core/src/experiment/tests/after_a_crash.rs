//! Passes that find what a controller left that died between two writes, caches that lag behind, and what
//! nobody can have meant.

use tidegate_api::analysis::phase;

use super::*;
use crate::plan::{ANALYSIS_TEMPLATES, CLUSTER_ANALYSIS_TEMPLATES};

/// Keeps EXP-08: a version is overdue some time, whatever was noted of it.
#[test]
fn a_version_that_was_not_noted_gets_its_instant() {
    let (_, decision) = decided(&with_set(
        experiment(&json!({}), &json!({"phase": "Pending"})),
        set(1, 0, None),
    ));
    let noted = &next(&decision).template_statuses[0];
    assert_eq!(noted.last_transition_time, Some(now().into()));
    assert!(decision.plan.wake.is_some());
}

/// Keeps EXP-07: nothing is said of a Service that is gone.
#[test]
fn a_service_that_went_before_it_was_noted_leaves_no_note() {
    let mut status = running("2026-01-01T11:00:00Z");
    status["phase"] = json!("Successful");
    status["templateStatuses"][0]["status"] = json!("Successful");
    status["templateStatuses"][0]["serviceName"] = json!("try-a");
    status["templateStatuses"][0]["podTemplateHash"] = json!("h");
    let (_, decision) = decided(&with_set(experiment(&json!({}), &status), set(0, 0, None)));
    let noted = &next(&decision).template_statuses[0];
    assert_eq!((&*noted.service_name, &*noted.pod_template_hash), ("", ""));
}

/// Fixes EXP-06: the deadline of an end that came before is none of the next one's.
#[test]
fn a_deadline_goes_where_pods_are_wanted() {
    let observed = with_set(
        experiment(&json!({}), &running("2026-01-01T11:30:00Z")),
        set(1, 1, Some("2026-01-01T12:00:30Z")),
    );
    let (_, decision) = decided(&observed);
    let all = writes(&decision);
    let mut sets = all
        .into_iter()
        .filter(|write| write.target.resource == REPLICA_SETS);
    let notes = &sets.next().unwrap().body["metadata"]["annotations"];
    assert_eq!(*notes, json!({labels::SCALE_DOWN_DEADLINE: null}));
}

fn with_a_run_begun_at(begun: &str) -> Observed {
    let mut metadata = owned("run", "try-good");
    metadata["annotations"] = json!({labels::EXPERIMENT_AVAILABLE_AT: begun});
    let run = json!({"metadata": metadata, "status": {"phase": "Failed"}});
    let mut observed = analysed(&running("2026-01-01T11:30:00Z"));
    observed.analysis_runs = vec![Arc::new(serde_json::from_value(run).unwrap())];
    observed
}

/// Differs from upstream, which begins another one: a bad verdict would be lost.
#[test]
fn a_run_that_was_begun_and_not_noted_counts_although_it_is_over() {
    let (_, known) = decided(&with_a_run_begun_at("2026-01-01T11:30:00Z"));
    let run = &next(&known).analysis_runs[0];
    assert_eq!(
        (&*run.analysis_run, &*run.phase),
        ("try-good", phase::PENDING)
    );
    let creates = |decision: &Decision| {
        let all = writes(decision);
        let runs = all
            .into_iter()
            .filter(|write| write.target.resource == ANALYSIS_RUNS);
        runs.map(|write| write.target.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(creates(&known), Vec::<String>::new());
    let (_, earlier) = decided(&with_a_run_begun_at("2026-01-01T10:00:00Z"));
    assert_eq!(creates(&earlier), ["try-good.1"]);
    let mut other = with_a_run_begun_at("2026-01-01T11:30:00Z");
    let run = Arc::make_mut(&mut other.analysis_runs[0]);
    run.metadata.name = "try-good.night".to_owned();
    let (_, decision) = decided(&other);
    assert_eq!(
        creates(&decision),
        ["try-good"],
        "that is another analysis'"
    );
}

/// Templates that were just applied may not be in the caches yet: they are asked for.
#[test]
fn a_template_that_is_missing_is_asked_for_before_it_counts_as_missing() {
    let mut observed = analysed(&json!({}));
    observed.analysis_templates.clear();
    let [asked] = &missing(&observed)[..] else {
        panic!("one template")
    };
    assert_eq!((&asked.resource, &*asked.name), (&ANALYSIS_TEMPLATES, "t"));
    let found = json!({"metadata": {"name": "t"}, "spec": {
        "metrics": [{"name": "m", "provider": {}}],
        "templates": [{"templateName": "shared", "clusterScope": true}],
    }});
    observed.learn(asked, Some(found));
    let [nested] = &missing(&observed)[..] else {
        panic!("the template that it names")
    };
    assert_eq!(nested.resource, CLUSTER_ANALYSIS_TEMPLATES);
    observed.learn(nested, None);
    assert_eq!(missing(&observed), []);
    let (_, decision) = decided(&observed);
    assert_eq!(next(&decision).analysis_runs[0].phase, "Error");
}

#[test]
fn nothing_is_asked_for_that_nothing_depends_on() {
    let without = |status: &Value| {
        let mut observed = analysed(status);
        observed.analysis_templates.clear();
        observed
    };
    let mut over = running("2026-01-01T11:30:00Z");
    over["phase"] = json!("Failed");
    let begun = json!([{"name": "good", "phase": "Running", "analysisRun": "try-good"}]);
    let mut under_way = running("2026-01-01T11:30:00Z");
    under_way["analysisRuns"] = begun;
    assert_eq!(missing(&without(&over)), []);
    let asked = missing(&without(&under_way));
    assert_eq!(asked.len(), 1, "its run alone: {asked:?}");
    let mut invalid = without(&json!({}));
    Arc::make_mut(&mut invalid.experiment).spec.templates[0].selector = None;
    assert_eq!(missing(&invalid), []);
}

/// Keeps EXP-13: a run of that name that belongs to somebody else is not the one.
#[test]
fn a_run_of_somebody_else_is_none() {
    let mut observed = with_run("Running");
    observed.analysis_runs.clear();
    let key = missing(&observed).remove(0);
    let mut foreign = json!({"metadata": owned("run", "try-good")});
    foreign["metadata"]["ownerReferences"] = json!([]);
    observed.learn(&key, Some(foreign));
    assert_eq!(missing(&observed), []);
    let (_, decision) = decided(&observed);
    assert_eq!(next(&decision).analysis_runs[0].phase, "Error");
    let mut found = with_run("Running");
    let own = serde_json::to_value(&*found.analysis_runs.remove(0)).unwrap();
    found.learn(&key, Some(own));
    let (_, decision) = decided(&found);
    assert_eq!(next(&decision).analysis_runs[0].phase, "Running");
}

/// Keeps EXP-17: of an AnalysisRun that is refused the Rollout hears, too.
#[test]
fn a_refused_run_is_told_as_its_analysis() {
    let (snapshot, decision) = decided(&analysed(&running("2026-01-01T11:30:00Z")));
    let mut run = PlanRun::new(&decision.plan);
    while let Some(Step::Write(write)) = run.next_step() {
        run.record(if write.target.resource == ANALYSIS_RUNS {
            Outcome::Failed(Failure::Refused("no".to_owned()))
        } else {
            Outcome::Done(Arc::new(json!({})))
        });
    }
    let applied = run.finish();
    let told = after_failure(&snapshot, &decision, (&applied, None), now()).unwrap();
    assert_eq!(told.owner_events.len(), 1);
    assert_eq!(told.owner_events[0].reason, "AnalysisRunError");
    assert!(told.events.contains(&told.owner_events[0]));
}

/// Keeps EXP-02: nobody can say which of two is the version's, so both are left alone.
#[test]
fn two_replica_sets_of_one_version_are_left_alone() {
    let mut second = set(1, 1, None);
    second["metadata"]["name"] = json!("try-other");
    let mut observed = with_set(experiment(&json!({}), &json!({})), set(1, 1, None));
    let second = Arc::new(serde_json::from_value(second).unwrap());
    observed.replica_sets.push(second);
    let (_, decision) = decided(&observed);
    assert!(decision.plan.effects.is_empty() && decision.status.is_none());
    assert!(decision.plan.retry.is_some());
}
