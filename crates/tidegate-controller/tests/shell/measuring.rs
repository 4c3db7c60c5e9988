//! Runs whose servers answer, beside runs whose server hangs.

use axum::{Router, routing};
use serde_json::{Value, json};
use tidegate_sim::cluster::kinds::ANALYSIS_RUNS;
use tokio::{net::TcpListener, sync::mpsc};

use crate::world::{NAMESPACE, World};

/// More than there are workers.
const MANY: usize = 60;

/// A server that answers at `/good` and never at `/hangs`; it tells of each request at which its test waits.
async fn server() -> (String, mpsc::UnboundedReceiver<()>) {
    let (heard, requests) = mpsc::unbounded_channel();
    let hangs = move || {
        // Nobody may wait for it any more.
        let _ = heard.send(());
        std::future::pending::<String>()
    };
    let app = Router::new()
        .route("/good", routing::get(async || r#"{"ok": true}"#))
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
