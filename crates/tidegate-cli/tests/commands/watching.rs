//! Commands that stay until something has happened.

use serde_json::{Value, json};

use crate::bench::{Bench, Heard};

fn progressing(message: &str) -> Value {
    json!({"observedGeneration": "1", "phase": "Progressing", "message": message})
}

fn healthy() -> Value {
    json!({"observedGeneration": "1", "phase": "Healthy", "message": null})
}

fn degraded() -> Value {
    json!({"observedGeneration": "1", "phase": "Degraded", "message": "RolloutAborted: by hand"})
}

#[tokio::test]
async fn status_tells_each_phase_once_and_ends_when_healthy() {
    let bench = Bench::start("status").await;
    bench.rollout("a", &json!({}), progressing("first"));
    let out = Heard::new();
    let changes = async {
        out.says("first\n").await;
        // A change that nobody needs to hear of.
        bench.status("a", json!({"replicas": 1}));
        bench.status("a", progressing("second"));
        out.says("second\n").await;
        bench.status("a", healthy());
    };
    let (left, ()) = tokio::join!(bench.run_onto(&out, &["status", "a"]), changes);
    assert_eq!(
        left.printed(),
        "Progressing - first\nProgressing - second\nHealthy\n"
    );
}

#[tokio::test]
async fn status_fails_when_the_rollout_ends_degraded() {
    let bench = Bench::start("degraded").await;
    bench.rollout("a", &json!({}), progressing("on the way"));
    let out = Heard::new();
    let changes = async {
        out.says("on the way").await;
        bench.status("a", degraded());
    };
    let (left, ()) = tokio::join!(bench.run_onto(&out, &["status", "a"]), changes);
    assert!(left.out.ends_with("Degraded - RolloutAborted: by hand\n"));
    let message =
        "Error: The rollout is in a degraded state with message: RolloutAborted: by hand\n";
    assert_eq!(left.complained(), message);
    for once in ["--watch=false", "-w=false", "-w=0"] {
        let left = bench.run(&["status", "a", once]).await;
        assert_eq!(left.out, "Degraded\n");
        assert_eq!(left.complained(), message);
    }
}

#[tokio::test]
async fn status_gives_up_in_time_but_looks_once_without_complaint() {
    let bench = Bench::start("patience").await;
    bench.rollout("a", &json!({}), progressing("slow"));
    let left = bench.run(&["status", "a", "-t", "200ms"]).await;
    assert_eq!(left.out, "Progressing - slow\n");
    assert_eq!(
        left.complained(),
        "Error: Rollout status watch exceeded timeout\n"
    );
    let left = bench.run(&["status", "a", "--watch=false"]).await;
    assert_eq!(left.printed(), "Progressing - slow\n");
}

#[tokio::test]
async fn get_redraws_in_place_until_its_time_is_over() {
    let bench = Bench::start("redraw").await;
    bench.rollout("a", &json!({}), progressing("first"));
    let out = Heard::new();
    let changes = async {
        out.says("first").await;
        bench.status("a", progressing("second"));
    };
    let arguments = [
        "get",
        "rollout",
        "a",
        "-w",
        "--no-color",
        "--timeout-seconds",
        "2",
    ];
    let (left, ()) = tokio::join!(bench.run_onto(&out, &arguments), changes);
    let drawn = left.printed();
    let frames: Vec<&str> = drawn.split("\u{1b}[H").skip(1).collect();
    assert!(frames.len() >= 2, "{drawn}");
    assert!(frames[0].contains("first") && !frames[0].contains("second"));
    let last = frames[frames.len() - 1];
    assert!(
        last.contains("second") && last.ends_with("\u{1b}[J"),
        "{last}"
    );
}

#[tokio::test]
async fn what_is_watched_and_then_deleted_ends_the_watch() {
    let bench = Bench::start("deleted").await;
    bench.rollout("a", &json!({}), progressing("first"));
    let out = Heard::new();
    let changes = async {
        out.says("first").await;
        bench.delete("a");
    };
    let arguments = ["get", "ro", "a", "--watch", "--no-color"];
    let (left, ()) = tokio::join!(bench.run_onto(&out, &arguments), changes);
    assert_eq!(
        left.complained(),
        "Error: rollout.argoproj.io \"a\" not found\n"
    );
}

#[tokio::test]
async fn list_goes_on_with_rows_that_change() {
    let bench = Bench::start("rows").await;
    bench.rollout("a", &json!({}), progressing("first"));
    let out = Heard::new();
    let changes = async {
        out.says("Progressing").await;
        bench.status("a", progressing("no column shows this"));
        bench.status("a", healthy());
        out.says("Healthy").await;
    };
    tokio::select! {
        left = bench.run_onto(&out, &["list", "rollouts", "--watch"]) => {
            panic!("it ended: {}", left.err);
        }
        () = changes => {}
    }
    insta::assert_snapshot!("changing_rows", out.text());
}
