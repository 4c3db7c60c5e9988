//! AnalysisRuns from their first pass to their last.

use serde_json::json;

use tidegate_api::analysis::Argument;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

fn run(metric: &Value) -> AnalysisRun {
    serde_json::from_value(json!({
        "metadata": {"name": "r", "namespace": "n", "resourceVersion": "1"},
        "spec": {"metrics": [metric]},
    }))
    .unwrap()
}

fn measured(phase: &str) -> Measured {
    Measured {
        name: "m".to_owned(),
        measurement: Measurement {
            phase: phase.to_owned(),
            started_at: Some(tidegate_api::meta::Time::new(at(0))),
            ..Measurement::default()
        },
        metadata: BTreeMap::new(),
    }
}

/// Plays a sequence of measurements ten seconds apart; gives the run's phase and message.
fn play(metric: &Value, phases: &[&str]) -> (String, String) {
    let mut run = run(metric);
    let mut second = 0;
    for phase in phases {
        let Decision::Measure(due) = decide(&run, &BTreeSet::new(), at(second)) else {
            break;
        };
        let taken = if due.is_empty() {
            Vec::new()
        } else {
            vec![measured(phase)]
        };
        let concluded = conclude(&run, &due, (taken, &Masks::default()), at(second));
        apply(&mut run, &concluded);
        second += 10;
    }
    // A verdict over a metric ends the run in the pass after it (ANA-32).
    if let Decision::Measure(due) = decide(&run, &BTreeSet::new(), at(second)) {
        let concluded = conclude(&run, &due, (Vec::new(), &Masks::default()), at(second));
        apply(&mut run, &concluded);
    }
    (run.status.phase.clone(), run.status.message)
}

fn apply(run: &mut AnalysisRun, concluded: &Concluded) {
    let Some(write) = &concluded.write else {
        return;
    };
    let mut status = json!({"status": run.status});
    tidegate_api::document::apply_merge_patch(&write.body, &mut status);
    run.status = serde_json::from_value(status["status"].clone()).unwrap();
}

#[track_caller]
fn check(limits: &Value, phases: &[&str], expected: &str) {
    let mut metric =
        json!({"name": "m", "interval": "10s", "provider": {"prometheus": {"query": "q"}}});
    tidegate_api::document::apply_merge_patch(limits, &mut metric);
    assert_eq!(play(&metric, phases).0, expected);
}

#[test]
fn a_count_of_successes_is_a_success() {
    check(
        &json!({"count": 2}),
        &["Successful", "Successful"],
        "Successful",
    );
}

#[test]
fn more_failures_than_the_limit_fail_the_run() {
    check(
        &json!({"count": 3, "failureLimit": 1}),
        &["Failed", "Successful", "Failed"],
        "Failed",
    );
    check(
        &json!({"count": 3, "failureLimit": 1}),
        &["Failed", "Successful", "Successful"],
        "Successful",
    );
}

#[test]
fn errors_count_only_in_a_row() {
    let errors = ["Error"; 5];
    check(&json!({"count": 9}), &errors, "Error");
    check(
        &json!({"count": 2}),
        &[
            "Error",
            "Error",
            "Successful",
            "Error",
            "Error",
            "Error",
            "Successful",
        ],
        "Successful",
    );
}

#[test]
fn the_message_names_metric_and_limit() {
    let metric = json!({"name": "m", "interval": "10s", "count": 2, "provider": {"prometheus": {"query": "q"}}});
    let (phase, message) = play(&metric, &["Failed"]);
    assert_eq!(phase, "Failed");
    assert_eq!(
        message,
        "Metric \"m\" assessed Failed due to failed (1) > failureLimit (0)"
    );
}

/// Keeps ACT-12.
#[test]
fn a_run_that_is_terminated_measures_nothing_new_and_succeeds() {
    let mut run =
        run(&json!({"name": "m", "interval": "10s", "provider": {"prometheus": {"query": "q"}}}));
    run.spec.terminate = true;
    let Decision::Measure(due) = decide(&run, &BTreeSet::new(), at(0)) else {
        panic!("a run that is not over is measured");
    };
    assert!(due.is_empty());
    let concluded = conclude(&run, &due, (Vec::new(), &Masks::default()), at(0));
    apply(&mut run, &concluded);
    assert_eq!(run.status.phase, "Successful");
    assert_eq!(run.status.message, "Run Terminated");
}

/// Keeps ANA-40 and MP-003.
#[test]
fn arguments_are_escaped_and_unknown_ones_refused() {
    let values = BTreeMap::from([("a".to_owned(), "x\"y".to_owned())]);
    let metric: Metric = serde_json::from_value(
        json!({"name": "m", "provider": {"prometheus": {"query": "up{job=\"{{ args.a }}\"}"}}}),
    )
    .unwrap();
    let resolved = args::resolve(&metric, &values).unwrap();
    assert_eq!(
        resolved.provider.prometheus.unwrap().query,
        "up{job=\"x\"y\"}"
    );
    let error = args::substitute("{{args.b}}", &values).unwrap_err();
    assert_eq!(error, "failed to resolve {{args.b}}");
}

/// Keeps ANA-26 and MP-004.
#[test]
fn secrets_are_never_shown() {
    let mut run =
        run(&json!({"name": "m", "provider": {"prometheus": {"query": "{{args.token}}"}}}));
    run.spec.args = serde_json::from_value(
        json!([{"name": "token", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]),
    )
    .unwrap();
    let Decision::Measure(due) = decide(&run, &BTreeSet::new(), at(0)) else {
        panic!("the run is measured");
    };
    assert_eq!(
        due.arm(&run, &Secrets::new()).unwrap_err(),
        "secrets \"s\" not found"
    );
    let secrets = Secrets::from([(
        "s".to_owned(),
        Secret::Values(BTreeMap::from([("k".to_owned(), "hush".to_owned())])),
    )]);
    assert_eq!(due.arm(&run, &secrets).unwrap().len(), 1);
    let mut seen = measured("Error");
    seen.measurement.message = "hush was refused".to_owned();
    seen.metadata.insert("query".to_owned(), "hush".to_owned());
    let concluded = conclude(
        &run,
        &due,
        (vec![seen], &Masks::new(&run.spec.args, &secrets)),
        at(0),
    );
    let body = concluded.write.unwrap().body.to_string();
    assert!(!body.contains("hush") && body.contains("*****"), "{body}");
}

/// No secret is read for a pass between two measurements, so none may be missed there.
#[test]
fn between_measurements_no_secret_is_missed() {
    let mut run = run(&json!({"name": "m", "interval": "10s", "count": 2,
        "provider": {"prometheus": {"query": "{{args.token}}"}}}));
    run.spec.args = serde_json::from_value(
        json!([{"name": "token", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]),
    )
    .unwrap();
    let Decision::Measure(due) = decide(&run, &BTreeSet::new(), at(0)) else {
        panic!("a measurement is due");
    };
    let mut taken = measured("Successful");
    taken.measurement.finished_at = taken.measurement.started_at;
    let concluded = conclude(&run, &due, (vec![taken], &Masks::default()), at(0));
    apply(&mut run, &concluded);
    let Decision::Measure(due) = decide(&run, &BTreeSet::new(), at(1)) else {
        panic!("the run goes on");
    };
    assert!(due.secrets(&run).is_empty());
    assert!(due.arm(&run, &Secrets::new()).unwrap().is_empty());
}

#[test]
fn a_secret_is_read_once_however_many_arguments_name_it() {
    let mut run = run(&json!({"name": "m", "provider": {"prometheus": {"query": "q"}}}));
    run.spec.args = serde_json::from_value(json!([
        {"name": "user", "valueFrom": {"secretKeyRef": {"name": "s", "key": "user"}}},
        {"name": "token", "valueFrom": {"secretKeyRef": {"name": "s", "key": "token"}}},
        {"name": "other", "valueFrom": {"secretKeyRef": {"name": "o", "key": "token"}}},
    ]))
    .unwrap();
    let Decision::Measure(due) = decide(&run, &BTreeSet::new(), at(0)) else {
        panic!("a measurement is due");
    };
    let names: Vec<&str> = due.secrets(&run).into_iter().collect();
    assert_eq!(names, ["o", "s"]);
}

/// What does not fit would be refused, and measured again, without end.
#[test]
fn whatever_providers_say_fits_into_one_object() {
    let metrics: Vec<Value> = (0..8)
        .map(|index| {
            json!({"name": format!("m{index}"), "interval": "10s", "count": 12,
                "provider": {"prometheus": {"query": "q"}}})
        })
        .collect();
    let mut run = run(&metrics[0]);
    run.spec.metrics = serde_json::from_value(json!(metrics)).unwrap();
    for second in 0..12 {
        let Decision::Measure(due) = decide(&run, &BTreeSet::new(), at(20 * second)) else {
            panic!("the run goes on");
        };
        let taken = metrics.iter().map(|metric| {
            let mut taken = measured("Successful");
            metric["name"].as_str().unwrap().clone_into(&mut taken.name);
            taken.measurement.value = format!("[{}]", "0.125,".repeat(20_000));
            taken.measurement.message = "<a> \u{1}".repeat(10_000);
            taken
                .metadata
                .insert("query".to_owned(), "q".repeat(100_000));
            taken
        });
        let concluded = conclude(
            &run,
            &due,
            (taken.collect(), &Masks::default()),
            at(20 * second),
        );
        apply(&mut run, &concluded);
    }
    assert_eq!(run.status.phase, "Successful");
    let stored = serde_json::to_string(&run.status).unwrap().len();
    assert!(stored < 1_500_000, "{stored} bytes");
}

/// When a run with this uid is looked at again that was measured from one second to another.
fn looked_at(uid: &str, (begun, finished): (i64, i64)) -> Timestamp {
    let mut run = run(&json!({"name": "m", "interval": "5s", "count": 2,
        "provider": {"prometheus": {"query": "q"}}}));
    uid.clone_into(&mut run.metadata.uid);
    let Decision::Measure(due) = decide(&run, &BTreeSet::new(), at(begun)) else {
        panic!("a measurement is due");
    };
    let mut taken = measured("Successful");
    taken.measurement.started_at = Some(tidegate_api::meta::Time::new(at(begun)));
    let concluded = conclude(&run, &due, (vec![taken], &Masks::default()), at(finished));
    concluded.wake.unwrap().at
}

/// Keeps ANA-36: runs do not all measure when a second begins.
#[test]
fn each_run_has_its_part_of_a_second() {
    let one = looked_at("one", (0, 0));
    assert_eq!(one, looked_at("one", (0, 0)));
    assert_ne!(one, looked_at("two", (0, 0)));
    for uid in ["one", "two", "three"] {
        let wake = looked_at(uid, (0, 0));
        assert!((at(5)..at(6)).contains(&wake), "{uid}: {wake}");
        assert_eq!(looked_at(uid, (0, 1)), at(6), "{uid} took its time");
    }
}

/// Whatever else there is to look at in the same second.
#[test]
fn a_run_is_measured_in_its_part_of_the_second_and_not_before() {
    let mut run = run(&json!({"name": "m", "interval": "5s", "count": 2,
        "provider": {"prometheus": {"query": "q"}}}));
    "three".clone_into(&mut run.metadata.uid);
    let Decision::Measure(due) = decide(&run, &BTreeSet::new(), at(0)) else {
        panic!("a measurement is due");
    };
    let taken = (vec![measured("Successful")], &Masks::default());
    let concluded = conclude(&run, &due, taken, at(0));
    apply(&mut run, &concluded);
    let wake = concluded.wake.unwrap().at;
    let due = |at: Timestamp| match decide(&run, &BTreeSet::new(), at) {
        Decision::Measure(due) => !due.is_empty(),
        Decision::Idle(_) | Decision::Delete(_) | Decision::Refuse(_) => false,
    };
    assert!(at(5) < wake && wake < at(6), "{wake}");
    assert_eq!((due(at(5)), due(wake)), (false, true));
}

/// Keeps ANA-21: also where there is hardly an interval.
#[test]
fn no_metric_is_measured_without_a_pause() {
    for interval in ["0s", "1ms", "-5s"] {
        let mut run = run(&json!({"name": "m", "interval": interval, "count": 2,
            "provider": {"prometheus": {"query": "q"}}}));
        let Decision::Measure(due) = decide(&run, &BTreeSet::new(), at(0)) else {
            panic!("a measurement is due");
        };
        let taken = vec![measured("Successful")];
        let concluded = conclude(&run, &due, (taken, &Masks::default()), at(0));
        let wake = concluded.wake.as_ref().unwrap().at;
        assert!((at(1)..at(2)).contains(&wake), "{interval}: {wake}");
        apply(&mut run, &concluded);
        let due = |second| match decide(&run, &BTreeSet::new(), at(second)) {
            Decision::Measure(due) => !due.is_empty(),
            Decision::Idle(_) | Decision::Delete(_) | Decision::Refuse(_) => false,
        };
        assert_eq!((due(0), due(1)), (false, true), "{interval}");
    }
}

#[test]
fn a_secret_within_another_does_not_show_the_rest_of_it() {
    let args: Vec<Argument> = serde_json::from_value(json!([
        {"name": "user", "valueFrom": {"secretKeyRef": {"name": "s", "key": "user"}}},
        {"name": "token", "valueFrom": {"secretKeyRef": {"name": "s", "key": "token"}}},
    ]))
    .unwrap();
    let values = [("user", "shop"), ("token", "shop-4711")];
    let values = values.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let secrets = Secrets::from([("s".to_owned(), Secret::Values(BTreeMap::from(values)))]);
    let masks = Masks::new(&args, &secrets);
    assert_eq!(
        masks.hide("shop: shop-4711 of shop"),
        "*****: ***** of *****"
    );
}

#[test]
fn a_run_that_is_over_is_deleted_when_its_time_is_up() {
    let mut run = run(&json!({"name": "m", "provider": {"prometheus": {"query": "q"}}}));
    run.status.phase = "Failed".to_owned();
    run.status.completed_at = Some(tidegate_api::meta::Time::new(at(0)));
    assert!(matches!(
        decide(&run, &BTreeSet::new(), at(9)),
        Decision::Idle(None)
    ));
    run.spec.ttl_strategy =
        serde_json::from_value(json!({"secondsAfterCompletion": 5, "secondsAfterFailure": 60}))
            .unwrap();
    let Decision::Idle(wake) = decide(&run, &BTreeSet::new(), at(59)) else {
        panic!("its time is not up");
    };
    assert_eq!(wake, Some(at(60)));
    assert!(matches!(
        decide(&run, &BTreeSet::new(), at(60)),
        Decision::Delete(_)
    ));
}

#[test]
fn a_secret_that_is_refused_is_told_in_the_servers_words() {
    let mut run =
        run(&json!({"name": "m", "provider": {"prometheus": {"query": "{{args.token}}"}}}));
    run.spec.args = serde_json::from_value(
        json!([{"name": "token", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]),
    )
    .unwrap();
    let Decision::Measure(due) = decide(&run, &BTreeSet::new(), at(0)) else {
        panic!("a measurement is due");
    };
    let why = "secrets \"s\" is forbidden".to_owned();
    let secrets = Secrets::from([("s".to_owned(), Secret::Refused(why.clone()))]);
    assert_eq!(due.arm(&run, &secrets).unwrap_err(), why);
}

#[test]
fn a_run_that_cannot_be_read_ends_with_the_field_that_is_wrong() {
    let metadata = run(&json!({"name": "m"})).metadata;
    let error = "spec.metrics: invalid type";
    let concluded = unreadable::conclude(&metadata, &Value::Null, error, at(0));
    let status = &concluded.write.unwrap().body["status"];
    assert_eq!(status["phase"], "Error");
    assert!(status["message"].as_str().unwrap().contains(error));
    assert_eq!(concluded.events[0].reason, "AnalysisRunError");
    let over = json!({"phase": "Successful", "message": "fine"});
    assert!(
        unreadable::conclude(&metadata, &over, error, at(0))
            .write
            .is_none()
    );
    assert_eq!(
        unreadable::stand_in(&metadata, &over, error).status.phase,
        "Successful"
    );
    let broken = unreadable::stand_in(&metadata, &Value::Null, error);
    assert_eq!(broken.status.phase, "Error");
}
