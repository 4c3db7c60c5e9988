//! Broken controllers that measure when they should not, or take something for what it is not.

use tidegate_core::plan::ANALYSIS_RUNS;

use super::*;

/// Two metrics, the first of which is only tried out and fails.
const TRIED: &str = "
about: What broken controllers break of a dry run.
rollout: { steps: [{ setWeight: 25 }, { analysis: { templates: [{ templateName: good }] } }] }
objects:
  - apiVersion: argoproj.io/v1alpha1
    kind: AnalysisTemplate
    metadata: { name: good }
    spec:
      dryRun: [{ metricName: bad }]
      metrics:
        - { name: bad, interval: 10s, count: 2, successCondition: 'result[0] > 0.99', provider: { prometheus: { address: 'http://prometheus:9090', query: latency } } }
        - { name: good, interval: 10s, count: 2, successCondition: 'result[0] > 0.99', provider: { prometheus: { address: 'http://prometheus:9090', query: up } } }
story:
  - { metrics: { says: 1 } }
  - { metrics: { query: latency, says: 0 } }
  - { when: Healthy, user: set image v2 }
ends: Healthy v2
";

/// A metric of which there is no data.
const SILENT: &str = "
about: What broken controllers break where nothing is measured.
rollout: { steps: [{ setWeight: 25 }, { analysis: { templates: [{ templateName: good }] } }] }
objects:
  - apiVersion: argoproj.io/v1alpha1
    kind: AnalysisTemplate
    metadata: { name: good }
    spec: { metrics: [{ name: success, successCondition: 'result[0] >= 0.99', provider: { prometheus: { address: 'http://prometheus:9090', query: up } } }] }
story:
  - { metrics: { says: nothing } }
  - { when: Healthy, user: set image v2 }
ends: Degraded v1
";

/// A Job that takes a while.
const SMOKE: &str = "
about: What broken controllers break of a Job.
rollout: { steps: [{ setWeight: 25 }, { analysis: { templates: [{ templateName: smoke }] } }] }
objects:
  - apiVersion: argoproj.io/v1alpha1
    kind: AnalysisTemplate
    metadata: { name: smoke }
    spec: { metrics: [{ name: smoke, provider: { job: { spec: { template: { spec: { restartPolicy: Never, containers: [{ name: smoke, image: 'tests:1', command: [sleep, '30'] }] } } } } } }] }
story:
  - { when: Healthy, user: set image v2 }
ends: Healthy v2
";

/// The write, if it changes the results of an AnalysisRun, with its results changed.
fn with(write: &Write, change: impl FnOnce(&mut Value) -> Option<()>) -> Option<Write> {
    let results = write.body.pointer("/status/metricResults")?;
    let measures = write.target.resource == ANALYSIS_RUNS && results.is_array();
    let mut write = write.clone();
    change(&mut write.body["status"])?;
    measures.then_some(write)
}

fn last(status: &mut Value) -> Option<&mut Value> {
    let measurements = status.pointer_mut("/metricResults/0/measurements")?;
    measurements.as_array_mut()?.last_mut()
}

#[test]
fn an_unbroken_controller_measures_as_it_should() {
    for story in [TRIED, SILENT, SMOKE] {
        assert_eq!(play(story, Broken::default()), Vec::<String>::new());
    }
}

#[test]
fn a_measurement_before_its_time_is_seen() {
    check_in(
        JUDGED,
        |_, write| {
            with(write, |status| {
                let second = status["metricResults"][0]["count"] == 2;
                last(status)?["startedAt"] = json!("2026-01-01T00:00:00Z");
                second.then_some(())
            })
        },
        "S1-15",
    );
}

#[test]
fn a_measurement_once_the_run_ends_is_seen() {
    let story = JUDGED.replace(
        "ends: Healthy v2",
        "  - { after: 45s, user: terminate analysisrun }\nends: Healthy v2",
    );
    check_in(
        &story,
        |cluster, write| {
            let run = direct::get(cluster, &write.target)?;
            let ends = write.target.resource == ANALYSIS_RUNS && run["spec"]["terminate"] == true;
            let mut results = run["status"]["metricResults"].clone();
            let count = results[0]["count"].as_i64()?;
            results[0]["count"] = json!(count + 1);
            results[0]["successful"] = json!(count + 1);
            results[0]["consecutiveSuccess"] = json!(count + 1);
            let mut write = write.clone();
            write.body["status"]["metricResults"] = results;
            ends.then_some(write)
        },
        "S1-15",
    );
}

#[test]
fn a_measurement_that_counts_twice_is_seen() {
    check_in(
        JUDGED,
        |_, write| {
            with(write, |status| {
                let count = status["metricResults"][0]["successful"].as_i64()?;
                status["metricResults"][0]["successful"] = json!(count + 1);
                status["metricResults"][0]["count"] = json!(count + 1);
                Some(())
            })
        },
        "S1-16",
    );
}

#[test]
fn a_metric_that_is_judged_too_early_is_seen() {
    check_in(
        JUDGED,
        |_, write| {
            with(write, |status| {
                status["metricResults"][0]["phase"] = json!("Successful");
                Some(())
            })
        },
        "S1-16",
    );
}

#[test]
fn a_run_that_goes_on_after_its_verdict_is_seen() {
    check_in(
        JUDGED,
        |cluster, write| {
            let name = fields::text(
                status(cluster),
                &["canary", "currentStepAnalysisRunStatus", "name"],
            );
            let target = ObjectKey::new(ANALYSIS_RUNS, NAMESPACE, name);
            let run = direct::get(cluster, &target)?;
            let over = run["status"]["phase"] == "Successful" && write.target.resource == ROLLOUTS;
            let mut patch = patch(
                cluster,
                (ANALYSIS_RUNS, name),
                json!({"status": {"phase": "Running"}}),
            )?;
            patch.verb = Verb::Patch;
            over.then_some(patch)
        },
        "S1-16",
    );
}

#[test]
fn a_dry_run_that_counts_is_seen() {
    check_in(
        TRIED,
        |_, write| {
            with(write, |status| {
                let over = status["phase"] == "Successful";
                status["phase"] = json!("Failed");
                over.then_some(())
            })
        },
        "S1-17",
    );
}

#[test]
fn a_success_without_data_is_seen() {
    check_in(
        SILENT,
        |_, write| {
            with(write, |status| {
                let result = &mut status["metricResults"][0];
                let first = result["error"] == 1;
                result["error"] = json!(0);
                result["consecutiveError"] = json!(0);
                for member in ["successful", "count", "consecutiveSuccess"] {
                    result[member] = json!(1);
                }
                last(status)?["phase"] = json!("Successful");
                first.then_some(())
            })
        },
        "S1-18",
    );
}

#[test]
fn a_success_while_no_server_answers_is_seen() {
    check_in(
        &SILENT.replace("says: nothing", "says: down"),
        |_, write| {
            with(write, |status| {
                let result = &mut status["metricResults"][0];
                let first = result["error"] == 1;
                result["error"] = json!(0);
                result["consecutiveError"] = json!(0);
                for member in ["successful", "count", "consecutiveSuccess"] {
                    result[member] = json!(1);
                }
                let measurement = last(status)?;
                measurement["phase"] = json!("Successful");
                measurement["value"] = json!("[1]");
                first.then_some(())
            })
        },
        "S1-19",
    );
}

#[test]
fn a_run_that_is_never_concluded_is_seen() {
    check_in(
        JUDGED,
        |_, write| {
            let over = write.body["status"]["phase"] == "Successful";
            let mut write = write.clone();
            write.body = json!({});
            (over && write.target.resource == ANALYSIS_RUNS).then_some(write)
        },
        "L-7",
    );
}

#[test]
fn a_success_by_a_job_that_still_runs_is_seen() {
    check_in(
        SMOKE,
        |_, write| {
            with(write, |status| {
                let result = &mut status["metricResults"][0];
                for member in ["successful", "count", "consecutiveSuccess"] {
                    result[member] = json!(1);
                }
                let measurement = last(status)?;
                let runs = measurement["phase"] == "Running";
                measurement["phase"] = json!("Successful");
                measurement["finishedAt"] = measurement["startedAt"].clone();
                runs.then_some(())
            })
        },
        "S1-18",
    );
}
