//! Real Jobs (ANA-46, ANA-47, MP-201 to MP-206): Kubernetes' own controller makes their pods and judges them, its
//! garbage collector takes them away.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tidegate_testbed::bench::Bench;

use crate::runs::{self, Case, RUNS};

const PODS: &str = "/api/v1/namespaces/production/pods";

fn jobs(namespace: &str) -> String {
    format!("/apis/batch/v1/namespaces/{namespace}/jobs")
}

/// A Job of one container that runs a shell's script, with more said about it.
fn job(script: &str, more: &Value) -> Value {
    let container = json!({"name": "smoke", "image": "tests:1", "command": ["sh", "-c", script]});
    let mut spec = json!({"backoffLimit": 0, "template": {"spec": {
        "restartPolicy": "Never", "containers": [container]}}});
    if let (Some(spec), Some(more)) = (spec.as_object_mut(), more.as_object()) {
        spec.extend(more.clone());
    }
    json!({"job": {"spec": spec}})
}

/// Waits until a run waits for a Job that is there; gives the Job.
async fn begun(bench: &Bench, run: &str, namespace: &str) -> Result<Value> {
    let uri = format!("{RUNS}/{run}");
    let name = |run: &Value| {
        let measurement = &run["status"]["metricResults"][0]["measurements"][0];
        measurement["metadata"]["job-name"]
            .as_str()
            .map(str::to_owned)
    };
    bench.until(&uri, "Job", |run| name(run).is_some()).await?;
    let name = name(&bench.get(&uri).await?).context("it has a Job")?;
    bench.get(&format!("{}/{name}", jobs(namespace))).await
}

/// Waits until nothing is left of a list.
async fn until_none(bench: &Bench, uri: &str, selector: &str) -> Result<()> {
    let uri = format!("{uri}?labelSelector={selector}");
    let is_empty = |list: &Value| list["items"].as_array().is_some_and(Vec::is_empty);
    bench.until(&uri, "end of all of them", is_empty).await
}

fn measurement(run: &Value) -> &Value {
    &run["status"]["metricResults"][0]["measurements"][0]
}

fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Jobs that come to an end by themselves.
fn by_themselves() -> Vec<Case> {
    let none = json!({});
    let missing = json!({"template": {"spec": {"restartPolicy": "Never", "containers": [
        {"name": "smoke", "image": "tests:does-not-exist"}]}}});
    let always = json!({"template": {"spec": {"restartPolicy": "Always", "containers": [
        {"name": "smoke", "image": "tests:1"}]}}});
    let case = |name, (script, more): (&str, &Value), phase, told| {
        Case::new(name, job(script, more), (phase, told))
    };
    vec![
        case("complete", ("sleep 1 && exit 0", &none), "Successful", ""),
        case("failed", ("exit 3", &none), "Failed", ""),
        case(
            "late",
            ("sleep 1h", &json!({"activeDeadlineSeconds": 1})),
            "Failed",
            "",
        ),
        case(
            "twice",
            (
                "exit 3",
                &json!({"backoffLimit": 1, "activeDeadlineSeconds": 60}),
            ),
            "Failed",
            "",
        ),
        case(
            "refused",
            ("exit 0", &always),
            "Error",
            "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"",
        ),
        case("no-image", ("", &missing), "Inconclusive", ""),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_measures_however_it_ends() -> Result<()> {
    let Some(bench) = Bench::start("counterparts-jobs").await? else {
        return Ok(());
    };
    let _controller = bench.controller(&[])?;
    let variable = ("ARGO_ROLLOUTS_ANALYSIS_JOB_NAMESPACE", "default".to_owned());
    let _away = bench.controller_of("away", &[variable])?;
    tokio::try_join!(
        end_by_themselves(&bench),
        terminated(&bench),
        deleted(&bench),
        evicted(&bench),
        elsewhere(&bench),
        one_after_another(&bench),
    )?;
    Ok(())
}

async fn end_by_themselves(bench: &Bench) -> Result<()> {
    runs::check(bench, "", &by_themselves()).await?;
    let run = bench.get(&format!("{RUNS}/no-image")).await?;
    let message = text(measurement(&run), "/message");
    let told = "container smoke has terminal error (ErrImagePull)";
    assert!(message.contains(told), "{message}");
    Ok(())
}

/// Somebody ends the run: its Job goes, with its pods.
async fn terminated(bench: &Bench) -> Result<()> {
    runs::create(
        bench,
        ("terminated", ""),
        &json!({"provider": job("sleep 1h", &json!({}))}),
    )
    .await?;
    let job = begun(bench, "terminated", "production").await?;
    let uri = format!("{RUNS}/terminated");
    assert_eq!(
        job["metadata"]["ownerReferences"][0]["uid"],
        bench.get(&uri).await?["metadata"]["uid"]
    );
    bench
        .patch(&uri, &json!({"spec": {"terminate": true}}))
        .await?;
    let run = runs::ended(bench, "terminated").await?;
    assert_eq!(run["status"]["phase"], "Inconclusive", "{run:#}");
    assert_eq!(measurement(&run)["phase"], "Inconclusive");
    assert_eq!(measurement(&run)["message"], "Metric Terminated");
    let selector = format!(
        "analysisrun.argoproj.io/uid={}",
        text(&run, "/metadata/uid")
    );
    until_none(bench, &jobs("production"), &selector).await?;
    until_none(bench, PODS, &selector).await
}

/// Somebody takes the Job away.
async fn deleted(bench: &Bench) -> Result<()> {
    runs::create(
        bench,
        ("deleted", ""),
        &json!({"provider": job("sleep 1h", &json!({}))}),
    )
    .await?;
    let job = begun(bench, "deleted", "production").await?;
    let name = text(&job, "/metadata/name");
    bench
        .delete(&format!(
            "{}/{name}?propagationPolicy=Background",
            jobs("production")
        ))
        .await?;
    let run = runs::ended(bench, "deleted").await?;
    assert_eq!(measurement(&run)["phase"], "Error");
    assert_eq!(
        measurement(&run)["message"],
        format!("job.batch \"{name}\" not found")
    );
    Ok(())
}

/// A pod is evicted: another one does its work, and the run counts the Job only.
async fn evicted(bench: &Bench) -> Result<()> {
    let provider = job("sleep 2 && exit 0", &json!({"backoffLimit": 1}));
    runs::create(bench, ("evicted", ""), &json!({"provider": provider})).await?;
    let job = begun(bench, "evicted", "production").await?;
    let list = format!(
        "{PODS}?labelSelector=job-name={}",
        text(&job, "/metadata/name")
    );
    let running = |list: &Value| list["items"][0]["status"]["phase"] == "Running";
    bench.until(&list, "running pod", running).await?;
    let pods = bench.get(&list).await?;
    let pod = text(&pods, "/items/0/metadata/name");
    let eviction =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}});
    bench
        .create(&format!("{PODS}/{pod}/eviction"), &eviction)
        .await?;
    let run = runs::ended(bench, "evicted").await?;
    assert_eq!(run["status"]["phase"], "Successful", "{run:#}");
    let job = bench
        .get(&format!(
            "{}/{}",
            jobs("production"),
            text(&job, "/metadata/name")
        ))
        .await?;
    assert_eq!(
        (&job["status"]["failed"], &job["status"]["succeeded"]),
        (&json!(1), &json!(1))
    );
    Ok(())
}

/// Jobs run in a namespace of their own, where nothing owns them (MP-203).
async fn elsewhere(bench: &Bench) -> Result<()> {
    let provider = job("sleep 1 && exit 0", &json!({}));
    runs::create(bench, ("elsewhere", "away"), &json!({"provider": provider})).await?;
    let job = begun(bench, "elsewhere", "default").await?;
    assert_eq!(job["metadata"]["ownerReferences"], Value::Null);
    assert_eq!(
        text(
            &job,
            "/metadata/annotations/analysisrun.argoproj.io~1namespace"
        ),
        "production"
    );
    let run = runs::ended(bench, "elsewhere").await?;
    assert_eq!(run["status"]["phase"], "Successful", "{run:#}");
    assert_eq!(measurement(&run)["metadata"]["job-namespace"], "default");
    Ok(())
}

/// One measurement after another, each with a Job of its own; few are kept, and none when the run is gone.
async fn one_after_another(bench: &Bench) -> Result<()> {
    let metric = json!({"name": "measured", "count": 3, "interval": "1s", "provider": job("exit 0", &json!({}))});
    let retention = json!([{"metricName": "measured", "limit": 2}]);
    let run = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisRun",
        "metadata": {"name": "three"}, "spec": {"metrics": [metric], "measurementRetention": retention}});
    let run = bench.create(RUNS, &run).await?;
    let uid = text(&run, "/metadata/uid").to_owned();
    let run = runs::ended(bench, "three").await?;
    assert_eq!(
        run["status"]["metricResults"][0]["successful"], 3,
        "{run:#}"
    );
    let selector = format!("analysisrun.argoproj.io/uid={uid}");
    let list = format!("{}?labelSelector={selector}", jobs("production"));
    let names = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array();
        items
            .into_iter()
            .flatten()
            .map(|job| text(job, "/metadata/name").to_owned())
            .collect()
    };
    let kept = ["2", "3"].map(|number| format!("{uid}.measured.{number}"));
    bench
        .until(&list, "two Jobs that are kept", |list| names(list) == kept)
        .await?;
    bench
        .delete(&format!("{RUNS}/three?propagationPolicy=Background"))
        .await?;
    until_none(bench, &jobs("production"), &selector).await?;
    until_none(bench, PODS, &selector).await
}
