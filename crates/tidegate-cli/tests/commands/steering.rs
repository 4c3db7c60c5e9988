//! Commands that change something: what they say, and what the cluster holds afterwards.

use serde_json::{Value, json};
use tidegate_sim::cluster::kinds;

use crate::bench::Bench;

#[tokio::test]
async fn abort_and_retry_take_several_names_and_write_the_status_alone() {
    let bench = Bench::start("abort").await;
    bench.rollout("a", &json!({}), json!({}));
    bench.rollout("b", &json!({}), json!({}));
    let generation = bench.get("a")["metadata"]["generation"].clone();
    let aborted = bench.run(&["abort", "a", "b"]).await.printed();
    assert_eq!(aborted, "rollout 'a' aborted\nrollout 'b' aborted\n");
    assert_eq!(bench.get("b")["status"]["abort"], true);
    let retried = bench.run(&["retry", "ro", "a"]).await.printed();
    assert_eq!(retried, "rollout 'a' retried\n");
    assert_eq!(bench.get("a")["status"]["abort"], false);
    assert_eq!(bench.get("b")["status"]["abort"], true);
    assert_eq!(bench.get("a")["metadata"]["generation"], generation);
}

/// Keeps ACT-06.
#[tokio::test]
async fn without_a_status_subresource_the_rollout_itself_is_patched() {
    let bench = Bench::start("no-status").await;
    bench.without_status_subresource();
    let template = json!({
        "metadata": {"labels": {"app": "a"}},
        "spec": {"containers": [{"name": "a", "image": "a:v2"}]},
    });
    let rollout = json!({
        "metadata": {"name": "a"},
        "spec": {
            "paused": true,
            "selector": {"matchLabels": {"app": "a"}},
            "template": template,
            "strategy": {"canary": {"steps": [{"setWeight": 25}, {"pause": {}}]}},
        },
        "status": {"currentStepIndex": 1, "controllerPause": true, "currentPodHash": "2",
            "stableRS": "1", "pauseConditions": [
            {"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:00Z"}]},
    });
    bench.create(kinds::ROLLOUTS, "prod", rollout);
    bench.run(&["abort", "a"]).await.printed();
    assert_eq!(bench.get("a")["status"]["abort"], true);
    bench.run(&["retry", "ro", "a"]).await.printed();
    assert_eq!(bench.get("a")["status"]["abort"], false);
    bench.run(&["promote", "a"]).await.printed();
    let promoted = bench.get("a");
    assert_eq!(promoted["status"]["pauseConditions"], Value::Null);
    assert_eq!(promoted["spec"]["paused"], false);
    bench.run(&["promote", "a", "--full"]).await.printed();
    assert_eq!(bench.get("a")["status"]["promoteFull"], true);
}

#[tokio::test]
async fn pause_is_taken_back_by_promote() {
    let bench = Bench::start("pause").await;
    bench.rollout(
        "a",
        &json!({}),
        json!({"currentStepIndex": 0, "controllerPause": true, "pauseConditions": [
        {"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:00Z"}]}),
    );
    assert_eq!(
        bench.run(&["pause", "a"]).await.printed(),
        "rollout 'a' paused\n"
    );
    assert_eq!(bench.get("a")["spec"]["paused"], true);
    assert_eq!(
        bench.run(&["promote", "a"]).await.printed(),
        "rollout 'a' promoted\n"
    );
    let rollout = bench.get("a");
    assert_eq!(rollout["spec"]["paused"], false);
    assert_eq!(rollout["status"]["pauseConditions"], Value::Null);
    assert_eq!(rollout["status"]["controllerPause"], true);
    assert_eq!(rollout["status"]["currentStepIndex"], 0);
}

/// Keeps ACT-11.
#[tokio::test]
async fn restart_writes_the_instant() {
    let bench = Bench::start("restart").await;
    bench.rollout("a", &json!({}), json!({}));
    let told = bench.run(&["restart", "a"]).await.printed();
    assert_eq!(told, "rollout 'a' restarts in 0s\n");
    let first = bench.get("a")["spec"]["restartAt"].clone();
    assert!(
        first.as_str().is_some_and(|at| at.ends_with('Z')),
        "{first}"
    );
    let told = bench.run(&["restart", "a", "--in", "1h"]).await.printed();
    assert_eq!(told, "rollout 'a' restarts in 1h\n");
    assert_ne!(bench.get("a")["spec"]["restartAt"], first);
    let refused = bench.run(&["restart", "a", "-i", "soon"]).await;
    assert!(
        refused.err.contains("give --in a duration"),
        "{}",
        refused.err
    );
}

#[tokio::test]
async fn promote_goes_past_a_step_that_does_not_pause() {
    let bench = Bench::start("promote").await;
    bench.rollout("a", &json!({}), json!({"currentStepIndex": 0}));
    bench.run(&["promote", "a"]).await.printed();
    assert_eq!(bench.get("a")["status"]["currentStepIndex"], 1);
    let left = bench.run(&["promote", "a", "--skip-current-step"]).await;
    assert_eq!(
        left.err,
        "Flag --skip-current-step has been deprecated, use without the flag instead ex: promote ROLLOUT_NAME\n"
    );
    assert_eq!(bench.get("a")["status"]["currentStepIndex"], 2);
    let left = bench.run(&["promote", "a", "-a"]).await;
    assert_eq!(
        left.err,
        "Flag --skip-all-steps has been deprecated, use --full instead\n"
    );
    assert_eq!(bench.get("a")["status"]["currentStepIndex"], 3);
    let left = bench.run(&["promote", "a", "-a", "-c"]).await;
    assert!(left.complained().ends_with(
        "Error: Cannot use skip-current-step and skip-all-steps flags at the same time\n"
    ));
}

#[tokio::test]
async fn a_full_promotion_is_asked_for_only_if_there_is_a_new_version() {
    let bench = Bench::start("full").await;
    bench.rollout(
        "a",
        &json!({"paused": true}),
        json!({"stableRS": "x", "currentPodHash": "y"}),
    );
    bench.rollout(
        "b",
        &json!({}),
        json!({"stableRS": "x", "currentPodHash": "x"}),
    );
    let full = bench.run(&["promote", "--full", "a"]).await.printed();
    assert_eq!(full, "rollout 'a' fully promoted\n");
    assert_eq!(bench.get("a")["status"]["promoteFull"], true);
    assert_eq!(bench.get("a")["spec"]["paused"], false);
    let full = bench.run(&["promote", "b", "--full=true"]).await.printed();
    assert_eq!(full, "rollout 'b' fully promoted\n");
    assert_eq!(bench.get("b")["status"]["promoteFull"], Value::Null);
}

#[tokio::test]
async fn undo_puts_back_the_template_without_the_hash_label() {
    let bench = Bench::start("undo").await;
    let rollout = bench.rollout("a", &json!({}), json!({}));
    let alone = bench.run(&["undo", "a"]).await.complained();
    assert_eq!(alone, "Error: no revision found for rollout \"a\"\n");
    bench.replica_set(&rollout, "v0", ("1", 0));
    bench.replica_set(&rollout, "v1", ("2", 3));
    bench.replica_set(&rollout, "v2", ("3", 1));
    let undone = bench.run(&["undo", "a"]).await.printed();
    assert_eq!(undone, "rollout 'a' undo\n");
    let template = bench.get("a")["spec"]["template"].clone();
    assert_eq!(
        template["spec"]["containers"][0]["image"],
        "reg.example/a:v1"
    );
    assert_eq!(template["metadata"]["labels"], json!({"app": "a"}));
    let skipped = bench.run(&["undo", "a", "--to-revision=2"]).await.printed();
    assert_eq!(
        skipped,
        "skipped rollback (current template already matches revision 2)"
    );
    let named = bench
        .run(&["undo", "a", "--to-revision", "1"])
        .await
        .printed();
    assert_eq!(named, "rollout 'a' undo\n");
    let containers = bench.get("a")["spec"]["template"]["spec"]["containers"].clone();
    assert_eq!(containers[0]["image"], "reg.example/a:v0");
    let unknown = bench
        .run(&["undo", "a", "--to-revision=9"])
        .await
        .complained();
    assert_eq!(
        unknown,
        "Error: unable to find specified revision 9 in history\n"
    );
}

#[tokio::test]
async fn two_images_set_at_once_both_stay() {
    let bench = Bench::start("images").await;
    let template = json!({
        "metadata": {"labels": {"app": "a"}},
        "spec": {
            "initContainers": [{"name": "init", "image": "i:1"}],
            "containers": [{"name": "web", "image": "w:1"}, {"name": "log", "image": "l:1"}],
        },
    });
    bench.rollout("a", &json!({"template": template}), json!({}));
    let (web, log) = tokio::join!(
        bench.run(&["set", "image", "a", "web=w:2"]),
        bench.run(&["set", "image", "a", "log=host:5000/l@sha256:0"]),
    );
    assert_eq!(web.printed(), "rollout \"a\" image updated\n");
    assert_eq!(log.printed(), "rollout \"a\" image updated\n");
    let pod = bench.get("a")["spec"]["template"]["spec"].clone();
    assert_eq!(pod["containers"][0]["image"], "w:2");
    assert_eq!(pod["containers"][1]["image"], "host:5000/l@sha256:0");
    bench.run(&["set", "image", "a", "*=all:3"]).await.printed();
    let pod = bench.get("a")["spec"]["template"]["spec"].clone();
    assert_eq!(pod["initContainers"][0]["image"], "all:3");
    assert_eq!(pod["containers"][1]["image"], "all:3");
    let missing = bench
        .run(&["set", "image", "a", "nope=x"])
        .await
        .complained();
    assert_eq!(missing, "Error: unable to find container named \"nope\"\n");
}

#[tokio::test]
async fn a_deployment_that_is_referred_to_gets_the_image() {
    let bench = Bench::start("reference").await;
    let deployment = json!({
        "metadata": {"name": "d"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "a"}},
            "template": {
                "metadata": {"labels": {"app": "a"}},
                "spec": {"containers": [{"name": "web", "image": "w:1"}]},
            },
        },
    });
    bench.create(kinds::DEPLOYMENTS, "prod", deployment);
    let reference = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"});
    bench.rollout(
        "a",
        &json!({"template": null, "workloadRef": reference}),
        json!({}),
    );
    let set = bench.run(&["set", "image", "a", "web=w:2"]).await.printed();
    assert_eq!(set, "deployment \"d\" image updated\n");
}
