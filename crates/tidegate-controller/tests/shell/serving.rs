//! What operators see, and how the controller treats the API server (OPS-05, OPS-15, DUR-04, S0-18, S2-12).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tidegate_sim::cluster::kinds::{EVENTS, ROLLOUTS};

use crate::world::{Asked, NAMESPACE, Running, World};

const ALONE: [&str; 1] = ["--leader-elect=false"];

fn value(metrics: &BTreeMap<String, f64>, series: &str) -> f64 {
    let found = metrics.get(series).copied();
    found.unwrap_or_else(|| panic!("no {series} in {:#?}", metrics.keys()))
}

/// Waits until a series is at least so much.
async fn until_at_least(controller: &Running, series: &str, least: f64) {
    while controller
        .metrics()
        .await
        .get(series)
        .copied()
        .unwrap_or(0.0)
        < least
    {
        tokio::task::yield_now().await;
    }
}

const PASSES: &str = "rollout_reconcile_count{namespace=\"shop\",name=\"web\"}";

#[tokio::test(flavor = "multi_thread")]
async fn metrics_have_upstreams_names_labels_and_types() {
    let world = World::start().await;
    let controller = world.controller("first", &ALONE).await;
    world.create_rollout("web");
    world.until_healthy("web").await;
    let after = "rollout_duration_seconds_count{status=\"Promoted\"}";
    until_at_least(&controller, after, 1.0).await;
    let metrics = controller.metrics().await;
    let of = "namespace=\"shop\",name=\"web\"";
    for (series, expected) in [
        (format!("rollout_info{{{of},strategy=\"canary\",traffic_router=\"\",phase=\"Completed\"}}"), 1.0),
        (format!("rollout_info_replicas_available{{{of}}}"), 1.0),
        (format!("rollout_info_replicas_desired{{{of}}}"), 1.0),
        (format!("rollout_info_replicas_unavailable{{{of}}}"), 0.0),
        (format!("rollout_info_replicas_updated{{{of}}}"), 1.0),
        (format!("rollout_phase{{{of},strategy=\"canary\",phase=\"Completed\"}}"), 1.0),
        (format!("rollout_phase{{{of},strategy=\"canary\",phase=\"Abort\"}}"), 0.0),
        (format!("rollout_events_total{{{of},type=\"Normal\",reason=\"RolloutCompleted\"}}"), 1.0),
        ("rollout_manual_pause_duration_seconds_bucket{status=\"Promoted\",le=\"0\"}".to_owned(), 1.0),
        ("rollout_duration_seconds_bucket{status=\"Promoted\",le=\"28800\"}".to_owned(), 1.0),
        ("rollout_progression_duration_seconds_bucket{status=\"Promoted\",le=\"+Inf\"}".to_owned(), 1.0),
        (format!("argo_rollouts_controller_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1.0),
        ("controller_clientset_k8s_request_total{kind=\"replicasets\",namespace=\"shop\",name=\"N/A\",verb=\"Create\",status_code=\"201\"}".to_owned(), 1.0),
        ("workqueue_depth{name=\"Rollouts\"}".to_owned(), 0.0),
    ] {
        let difference = value(&metrics, &series) - expected;
        assert!(difference.abs() < 1e-9, "{series} differs by {difference}");
    }
    assert!(value(&metrics, PASSES) >= 1.0);
    assert!(value(&metrics, "process_resident_memory_bytes") > 1e6);
    let text = controller.scrape().await;
    for line in [
        "# TYPE rollout_info gauge",
        "# TYPE rollout_reconcile histogram",
        "# TYPE rollout_events_total counter",
        "# TYPE controller_clientset_k8s_request_total counter",
        "# TYPE rollout_duration_seconds histogram",
        "# TYPE workqueue_adds_total counter",
        "# TYPE process_cpu_seconds_total counter",
        "# TYPE build_info gauge",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} in {text}");
    }
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_server_gets_the_time_that_it_asks_for() {
    let world = World::start().await;
    let controller = world.controller("first", &ALONE).await;
    world.be_busy(3, 1);
    world.create_rollout("web");
    world.until_healthy("web").await;
    let all = world.asked();
    let writes = all
        .iter()
        .filter(|asked| asked.is_write() && !asked.is_about("events"));
    let writes: Vec<&Asked> = writes.collect();
    let refused = writes
        .iter()
        .filter(|asked| asked.code.as_u16() == 429)
        .count();
    assert_eq!(refused, 3);
    for pair in writes.windows(2) {
        if pair[0].code.as_u16() == 429 {
            let waited = pair[1].at.duration_since(pair[0].at);
            assert!(waited.as_millis() >= 990, "{waited:?} after {:?}", pair[0]);
        }
    }
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_writes_nothing_where_nothing_is_to_be_done() {
    let world = World::start().await;
    let first = world.controller("first", &ALONE).await;
    for name in ["web", "api"] {
        world.create_rollout(name);
        world.until_healthy(name).await;
    }
    first.stop().await;
    let version = world.door.with(|cluster, _| cluster.version());
    let second = world.controller("second", &ALONE).await;
    until_at_least(&second, PASSES, 1.0).await;
    until_at_least(&second, &PASSES.replace("web", "api"), 1.0).await;
    // Each kind is listed once and watched once; no object is asked for by its name. A Secret of Istio's
    // is looked for now and then.
    world
        .until_asked(|all| of_second(all).len() == 2 * kinds(all))
        .await;
    second.stop().await;
    let asked = world.asked();
    assert!(
        !of_second(&asked).iter().any(|asked| asked.is_write()),
        "{asked:#?}"
    );
    assert_eq!(of_second(&asked).len(), 2 * kinds(&asked), "{asked:#?}");
    assert_eq!(world.door.with(|cluster, _| cluster.version()), version);
}

fn of_second(all: &[Asked]) -> Vec<&Asked> {
    all.iter()
        .filter(|asked| asked.who == "second" && !asked.is_about("secrets"))
        .collect()
}

/// How many kinds the second controller looks at.
fn kinds(all: &[Asked]) -> usize {
    let paths = of_second(all).into_iter().map(|asked| &asked.path);
    paths.collect::<BTreeSet<_>>().len()
}

/// Keeps EVT-01 as far as the shell has a part in it: the component, and one count for each event.
#[tokio::test(flavor = "multi_thread")]
async fn events_are_upstreams_component_s_and_are_counted_by_reason() {
    let world = World::start().await;
    let controller = world.controller("first", &ALONE).await;
    world.create_rollout("web");
    world
        .until_any(EVENTS, |event| event["reason"] == "RolloutCompleted")
        .await;
    world.until_healthy("web").await;
    let metrics = controller.metrics().await;
    let of = "rollout_events_total{namespace=\"shop\",name=\"web\",type=\"Normal\",reason=";
    for reason in [
        "RolloutAddedToInformer",
        "RolloutUpdated",
        "NewReplicaSetCreated",
        "RolloutNotCompleted",
        "ScalingReplicaSet",
        "RolloutCompleted",
    ] {
        let is_ours = |event: &Value| {
            event["reason"] == reason && event["source"]["component"] == "rollouts-controller"
        };
        world.until_any(EVENTS, is_ours).await;
        let count = value(&metrics, &format!("{of}\"{reason}\"}}"));
        assert!(
            (count - 1.0).abs() < 1e-9,
            "{reason} is counted {count} times"
        );
    }
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_that_is_deleted_has_a_last_event_and_no_gauges() {
    let world = World::start().await;
    let controller = world.controller("first", &ALONE).await;
    world.create_rollout("web");
    world.until_healthy("web").await;
    world.delete(ROLLOUTS, "web");
    world
        .until_any(EVENTS, |event| event["reason"] == "RolloutDeleted")
        .await;
    let gauge = "rollout_info_replicas_desired{namespace=\"shop\",name=\"web\"}";
    assert!(!controller.metrics().await.contains_key(gauge));
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_named_namespace_is_looked_at() {
    let world = World::start().await;
    let flags = ["--leader-elect=false", "--namespaced"];
    let controller = world.controller("first", &flags).await;
    world.create_rollout("web");
    world.until_healthy("web").await;
    let strange = |asked: &Asked| !asked.path.contains(&format!("/namespaces/{NAMESPACE}/"));
    let asked = world.asked();
    assert!(!asked.iter().any(strange), "{asked:#?}");
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_analysis_alone_nobody_touches_rollouts() {
    let world = World::start().await;
    let flags = ["--leader-elect=false", "--controllers=analysis"];
    let controller = world.controller("first", &flags).await;
    world.create_rollout("web");
    let run = json!({
        "metadata": {"name": "run"},
        "spec": {"metrics": [{"name": "m", "provider": {"web": {"url": "http://nowhere"}}}]},
    });
    world.create(tidegate_sim::cluster::kinds::ANALYSIS_RUNS, NAMESPACE, run);
    world
        .until(tidegate_sim::cluster::kinds::ANALYSIS_RUNS, "run", |run| {
            run["status"]["phase"].is_string()
        })
        .await;
    controller.stop().await;
    let asked = world.asked();
    assert!(
        !asked.iter().any(|asked| asked.is_about("rollouts")),
        "{asked:#?}"
    );
}
