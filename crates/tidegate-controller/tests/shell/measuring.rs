//! Runs whose servers answer, beside runs whose server hangs.

use axum::{Router, routing};
use serde_json::{Value, json};
use tidegate_sim::cluster::kinds::ANALYSIS_RUNS;
use tokio::{net::TcpListener, sync::mpsc};

use crate::world::{Asked, NAMESPACE, Running, World};

/// More than there are workers.
const MANY: usize = 60;

/// A server that answers at `/good` and `/told`, and never at `/hangs`; it tells of each request but those at `/good`.
async fn server() -> (String, mpsc::UnboundedReceiver<()>) {
    let (heard, requests) = mpsc::unbounded_channel();
    let told = heard.clone();
    let told = async move || {
        let _ = told.send(());
        r#"{"ok": true}"#
    };
    let hangs = move || {
        // Nobody may wait for it any more.
        let _ = heard.send(());
        std::future::pending::<String>()
    };
    let app = Router::new()
        .route("/good", routing::get(async || r#"{"ok": true}"#))
        .route("/told", routing::get(told))
        .route("/hangs", routing::get(hangs));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (format!("http://{address}"), requests)
}

fn create_run(world: &World, name: &str, url: &str) {
    let web = json!({"url": url, "jsonPath": "{$.ok}", "timeoutSeconds": 600});
    let run = json!({
        "metadata": {"name": name},
        "spec": {"metrics": [{"name": "m", "successCondition": "result", "provider": {"web": web}}]},
    });
    world.create(ANALYSIS_RUNS, NAMESPACE, run);
}

fn successful(run: &Value) -> bool {
    run["status"]["phase"] == "Successful"
}

/// Fixes what a bound on passes at once makes of servers that hang: the others waited for them.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_hang_delay_no_other_run() {
    let world = World::start().await;
    let flags = ["--leader-elect=false", "--analysis-threads=1"];
    let controller = world.controller("first", &flags).await;
    let (url, mut heard) = server().await;
    for index in 0..MANY {
        create_run(&world, &format!("hangs-{index}"), &format!("{url}/hangs"));
    }
    create_run(&world, "good", &format!("{url}/good"));
    world.until(ANALYSIS_RUNS, "good", successful).await;
    for _ in 0..MANY {
        heard.recv().await.unwrap();
    }
    drop(controller);
}

/// How often statuses of runs were written.
fn written(asked: &[Asked]) -> usize {
    let writes = asked
        .iter()
        .filter(|asked| asked.is_write() && asked.is_about("analysisruns"));
    writes.count()
}

/// A run that is to be measured so often, each second, and was so many times while no status arrives.
async fn measured_while_stuck(count: usize, times: usize) -> (World, Running) {
    let world = World::start().await;
    let flags = ["--leader-elect=false"];
    let controller = world.controller("first", &flags).await;
    let (url, mut heard) = server().await;
    world.stick(Some("analysisruns"));
    let web = json!({"url": format!("{url}/told"), "jsonPath": "{$.ok}"});
    let metric = json!({"name": "m", "successCondition": "result", "interval": "1s",
        "count": count, "provider": {"web": web}});
    let run = json!({"metadata": {"name": "run"}, "spec": {"metrics": [metric]}});
    world.create(ANALYSIS_RUNS, NAMESPACE, run);
    for _ in 0..times {
        heard.recv().await.unwrap();
    }
    (world, controller)
}

/// What comes while a status is on its way goes with the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_is_on_its_way_holds_up_no_measurement() {
    const COUNT: usize = 5;
    let (world, controller) = measured_while_stuck(COUNT, COUNT).await;
    assert_eq!(written(&world.asked()), 0, "the first is on its way");
    world.stick(None);
    world.until(ANALYSIS_RUNS, "run", successful).await;
    let run = world.get(ANALYSIS_RUNS, "run");
    let result = &run["status"]["metricResults"][0];
    assert_eq!(result["measurements"].as_array().map(Vec::len), Some(COUNT));
    // The last was heard, but it may have been read after the first status had arrived.
    world.until_asked(|asked| written(asked) >= 2).await;
    assert!(written(&world.asked()) <= 3, "{:#?}", world.asked());
    drop(controller);
}

/// It is changed by somebody else meanwhile: what was measured since is measured again, and nothing spins.
#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_does_not_arrive_takes_along_what_was_measured_since() {
    let (world, controller) = measured_while_stuck(20, 2).await;
    let change = json!({"metadata": {"annotations": {"somebody": "was here"}}});
    world.patch(ANALYSIS_RUNS, "run", change);
    world.stick(None);
    let measured = |run: &Value| {
        let results = &run["status"]["metricResults"];
        results[0]["count"].as_i64().is_some_and(|count| count >= 2)
    };
    world.until(ANALYSIS_RUNS, "run", measured).await;
    let conflicts = |asked: &[Asked]| asked.iter().filter(|asked| asked.code == 409).count();
    world.until_asked(|asked| conflicts(asked) >= 1).await;
    // A second one if the watch is late.
    assert!(conflicts(&world.asked()) <= 2, "{:#?}", world.asked());
    drop(controller);
}
