//! Runs whose servers answer, beside runs whose server hangs, or whose verdict costs much.

use axum::{Router, routing};
use serde_json::{Value, json};
use tidegate_sim::cluster::kinds::ANALYSIS_RUNS;
use tokio::{net::TcpListener, sync::mpsc};

use crate::world::{NAMESPACE, World};

/// More than there are workers.
const MANY: usize = 60;
/// As much as one condition may cost.
const COSTLY: &str = "count(1..1900, count(1..1900, # > 0) > 0) > 0";
/// So many of them keep two threads busy for seconds.
const VERDICTS: usize = 8;

/// A server that answers at `/good` and never at `/hangs`; it tells of each request at which its test waits.
async fn server() -> (String, mpsc::UnboundedReceiver<()>) {
    let (heard, requests) = mpsc::unbounded_channel();
    let counts = heard.clone();
    let hangs = move || {
        // Nobody may wait for it any more.
        let _ = heard.send(());
        std::future::pending::<String>()
    };
    let costly = move || {
        let _ = counts.send(());
        async { r#"{"ok": true}"# }
    };
    let app = Router::new()
        .route("/good", routing::get(async || r#"{"ok": true}"#))
        .route("/costly", routing::get(costly))
        .route("/hangs", routing::get(hangs));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (format!("http://{address}"), requests)
}

/// A run with so many metrics of this condition.
fn create_run(world: &World, name: &str, url: &str, (metrics, condition): (usize, &str)) {
    let web = json!({"url": url, "jsonPath": "{$.ok}", "timeoutSeconds": 600});
    let metrics: Vec<Value> = (0..metrics)
        .map(|index| {
            json!({"name": format!("m{index}"), "successCondition": condition,
                "provider": {"web": web}})
        })
        .collect();
    let run = json!({"metadata": {"name": name}, "spec": {"metrics": metrics}});
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
        create_run(
            &world,
            &format!("hangs-{index}"),
            &format!("{url}/hangs"),
            (1, "result"),
        );
    }
    create_run(&world, "good", &format!("{url}/good"), (1, "result"));
    world.until(ANALYSIS_RUNS, "good", successful).await;
    for _ in 0..MANY {
        heard.recv().await.unwrap();
    }
    drop(controller);
}

/// Fixes what one thread makes of a condition that takes a second: nobody else was served meanwhile, and the Lease
/// was not renewed.
#[tokio::test(flavor = "multi_thread")]
async fn a_costly_verdict_delays_no_other_run() {
    let world = World::start().await;
    let controller = world.process("first", &["--leader-elect=false"]);
    let (url, mut heard) = server().await;
    create_run(
        &world,
        "costly",
        &format!("{url}/costly"),
        (VERDICTS, COSTLY),
    );
    for _ in 0..VERDICTS {
        heard.recv().await.unwrap();
    }
    create_run(&world, "good", &format!("{url}/good"), (1, "result"));
    world.until(ANALYSIS_RUNS, "good", successful).await;
    let costly = world.get(ANALYSIS_RUNS, "costly");
    assert_eq!(costly["status"]["phase"], Value::Null, "{costly:#}");
    drop(controller);
}
