//! A real Prometheus (MP-101 to MP-108): every kind of result, what it says about bad queries, and a run that
//! goes on while it hangs or is started anew.

use anyhow::Result;
use serde_json::{Value, json};
use tidegate_testbed::{
    bench::Bench,
    prometheus::{PASSWORD, Prometheus, Traffic, USER},
};

use crate::runs::{self, Case, RUNS};

/// The longest that the run below may be measured after Prometheus is back: its interval after an error is ten
/// seconds (ANA-22).
const MEASUREMENTS: u32 = 4;

async fn metadata(bench: &Bench, run: &str) -> Result<Value> {
    let mut run = bench.get(&format!("{RUNS}/{run}")).await?;
    Ok(run["status"]["metricResults"][0].take())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_result_is_judged_and_every_mistake_is_told() -> Result<()> {
    let Some(bench) = Bench::start("counterparts-prometheus").await? else {
        return Ok(());
    };
    let traffic = Traffic::start("shop", 0).await?;
    let prometheus = Prometheus::start(bench.folder(), &traffic).await?;
    let _controller = bench.controller(&[])?;
    let asks = |mut asks: Value| {
        asks["address"] = json!(prometheus.url());
        json!({"prometheus": asks})
    };
    let cases = Case::read(include_str!("prometheus.yaml"), asks)?;
    runs::check(&bench, "", &cases).await?;
    let warned = metadata(&bench, "warned").await?;
    assert_eq!(
        warned["metadata"]["ResolvedPrometheusQuery"],
        "quantile(2, vector(1))"
    );
    let warnings = &warned["measurements"][0]["metadata"]["warnings"];
    assert_eq!(
        warnings,
        "\"PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)\""
    );

    prometheus.lock()?;
    let shows = |name, password: &str, comes_to| {
        let basic = json!({"username": USER, "password": password});
        let asked = asks(json!({"query": "vector(1)", "authentication": {"basicAuth": basic}}));
        Case::new(name, asked, comes_to)
    };
    let refused = ("Error", "client_error: client error: 401: Unauthorized");
    let cases = [
        shows("right-password", PASSWORD, ("Successful", "[1]")),
        shows("wrong-password", "another", refused),
        Case::new("no-password", asks(json!({"query": "vector(1)"})), refused),
    ];
    runs::check(&bench, "", &cases).await?;

    prometheus.signal("STOP")?;
    let hangs = asks(json!({"query": "vector(1)", "timeout": 1}));
    let told = "no whole answer within 1 s; a longer timeout can be given in the metric";
    let case = Case::new("hangs", hangs, ("Error", told));
    runs::check(&bench, "", &[case]).await?;
    prometheus.signal("CONT")
}

/// Measurements that are over, in error or not.
fn counts(run: &Value) -> (u64, u64) {
    let result = &run["status"]["metricResults"][0];
    let count = |name: &str| result[name].as_u64().unwrap_or_default();
    (count("successful"), count("error"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_when_prometheus_is_started_anew() -> Result<()> {
    let Some(bench) = Bench::start("counterparts-restart").await? else {
        return Ok(());
    };
    let traffic = Traffic::start("shop", 0).await?;
    let mut prometheus = Prometheus::start(bench.folder(), &traffic).await?;
    let _controller = bench.controller(&[])?;
    let query = "sum(rate(http_requests_total{status=\"200\"}[1m])) > 0";
    let metric = json!({
        "provider": {"prometheus": {"address": prometheus.url(), "query": query}},
        "successCondition": "result[0] > 0",
        "interval": "1s",
        "count": MEASUREMENTS,
        "consecutiveErrorLimit": 4,
    });
    runs::create(&bench, ("goes-on", ""), &metric).await?;
    let uri = format!("{RUNS}/goes-on");
    bench
        .until(&uri, "first measurement", |run| counts(run).0 > 0)
        .await?;
    prometheus.stop();
    bench
        .until(&uri, "measurement in error", |run| counts(run).1 > 0)
        .await?;
    prometheus.go_on().await?;
    let run = runs::ended(&bench, "goes-on").await?;
    assert_eq!(run["status"]["phase"], "Successful", "{run:#}");
    let measurements = run["status"]["metricResults"][0]["measurements"].as_array();
    let told = measurements
        .into_iter()
        .flatten()
        .find_map(|one| one["message"].as_str());
    let told = told.unwrap_or_default();
    assert!(told.contains("cannot be reached: "), "{told}");
    assert!(
        told.contains(
            "check that provider.prometheus.address leads to a Prometheus server that is up"
        ),
        "{told}"
    );
    Ok(())
}
