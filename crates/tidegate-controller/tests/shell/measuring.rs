//! Runs whose servers answer, beside runs whose server hangs.

use axum::{Router, routing};
use serde_json::json;
use tidegate_sim::cluster::kinds::ANALYSIS_RUNS;
use tokio::{net::TcpListener, sync::mpsc};

use crate::world::{NAMESPACE, World};

/// A server that answers at `/good` and never at `/hangs`; it tells who was heard there.
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
    let web = json!({"url": format!("{url}/{name}"), "jsonPath": "{$.ok}", "timeoutSeconds": 600});
    let run = json!({
        "metadata": {"name": name},
        "spec": {"metrics": [{"name": "ok", "successCondition": "result", "provider": {"web": web}}]},
    });
    world.create(ANALYSIS_RUNS, NAMESPACE, run);
}

/// Fixes what a bound on passes at once makes of servers that hang: the others waited for them.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_delays_no_other_run() {
    let world = World::start().await;
    let flags = ["--leader-elect=false", "--analysis-threads=1"];
    let controller = world.controller("first", &flags).await;
    let (url, mut heard) = server().await;
    create_run(&world, "hangs", &url);
    heard.recv().await.unwrap();
    create_run(&world, "good", &url);
    let successful = |run: &serde_json::Value| run["status"]["phase"] == "Successful";
    world.until(ANALYSIS_RUNS, "good", successful).await;
    drop(controller);
}
