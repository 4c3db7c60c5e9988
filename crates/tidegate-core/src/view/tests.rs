//! A Rollout with a family, as a person sees it.

use serde_json::json;

use super::*;

const NOW: &str = "2026-01-01T12:00:00Z";

fn rollout(status: &Value) -> Rollout {
    serde_json::from_value(json!({
        "metadata": {"name": "shop", "namespace": "prod", "uid": "r", "generation": 2,
            "creationTimestamp": "2025-12-30T12:00:00Z"},
        "spec": {"replicas": 4, "strategy": {"canary": {"steps":
            [{"setWeight": 25}, {"pause": {}}, {"setWeight": 60}]}}},
        "status": status,
    }))
    .unwrap()
}

fn replica_set(hash: &str, revision: i32, pods: i32) -> ReplicaSet {
    serde_json::from_value(json!({
        "metadata": {"name": format!("shop-{hash}"), "uid": hash,
            "labels": {"rollouts-pod-template-hash": hash},
            "annotations": {"rollout.argoproj.io/revision": revision.to_string()},
            "creationTimestamp": "2026-01-01T11:55:00Z",
            "ownerReferences": [{"uid": "r"}]},
        "spec": {"replicas": pods, "template":
            {"spec": {"containers": [{"name": "web", "image": format!("shop:{hash}")}]}}},
        "status": {"replicas": pods, "availableReplicas": pods},
    }))
    .unwrap()
}

fn pod(name: &str, owner: &str, status: &Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": name, "creationTimestamp": "2026-01-01T11:58:40Z",
            "ownerReferences": [{"uid": owner}]},
        "spec": {"containers": [{"name": "web"}], "initContainers": [{"name": "init"}]},
        "status": status,
    }))
    .unwrap()
}

fn paused() -> Value {
    json!({"observedGeneration": "2", "phase": "Paused", "message": "CanaryPauseStep",
        "stableRS": "old", "currentPodHash": "new", "currentStepIndex": 1,
        "replicas": 4, "updatedReplicas": 1, "readyReplicas": 4, "availableReplicas": 4})
}

/// The tree as lines: indentation, name, status, age, info.
fn lines(node: &Node, depth: usize, out: &mut Vec<String>) {
    let status = node.status.as_ref().map_or_else(String::new, |mark| {
        format!(" {} {}", mark.icon.as_str(), mark.text)
    });
    let info: Vec<String> = node.info.iter().map(ToString::to_string).collect();
    let line = format!(
        "{}{} {}{status} {} {}",
        "  ".repeat(depth),
        node.kind.icon(),
        node.name,
        node.age,
        info.join(",")
    );
    out.push(line.trim_end().to_owned());
    for child in &node.children {
        lines(child, depth + 1, out);
    }
}

#[test]
fn the_tree_goes_from_the_newest_revision_down() {
    let mut old = replica_set("old", 1, 3);
    let deadline = "2026-01-01T12:00:20Z".to_owned();
    old.metadata
        .annotations
        .insert("scale-down-deadline".to_owned(), deadline);
    let run = serde_json::from_value(json!({
        "metadata": {"name": "shop-new-2-1", "ownerReferences": [{"uid": "r"}],
            "annotations": {"rollout.argoproj.io/revision": "2"},
            "creationTimestamp": "2026-01-01T11:56:00Z"},
        "status": {"phase": "Running", "metricResults": [{"name": "m", "successful": 3, "error": 1,
            "measurements": [{"phase": "Successful", "startedAt": "2026-01-01T11:57:00Z",
                "metadata": {"job-name": "smoke.1"}}, {"phase": "Error"}]}]},
    }))
    .unwrap();
    let running = json!({"phase": "Running", "containerStatuses": [
        {"name": "web", "ready": true, "restartCount": 2, "state": {"running": {}}}]});
    let family = Family {
        replica_sets: &[old, replica_set("new", 2, 1)],
        pods: &[
            pod("shop-new-x", "new", &running),
            pod("stranger", "other", &running),
        ],
        analysis_runs: &[run],
    };
    let view = RolloutView::new(&rollout(&paused()), family, NOW.parse().unwrap());
    let mut shown = Vec::new();
    lines(&view.tree, 0, &mut shown);
    assert_eq!(
        shown,
        [
            "⟳ shop ॥ Paused 2d",
            "  # revision:2",
            "    ⧉ shop-new ✔ Healthy 5m canary",
            "      □ shop-new-x ✔ Running 80s ready:1/1,restarts:2",
            "    α shop-new-2-1 ◌ Running 4m ✔ 3,⚠ 1",
            "      ⊞ smoke.1 ✔ Successful 3m",
            "  # revision:1",
            "    ⧉ shop-old ✔ Healthy 5m stable,delay:20s",
        ]
    );
}

#[test]
fn the_header_tells_weights_and_images() {
    let family = Family {
        replica_sets: &[replica_set("old", 1, 3), replica_set("new", 2, 1)],
        ..Family::default()
    };
    let view = RolloutView::new(&rollout(&paused()), family, NOW.parse().unwrap());
    assert_eq!(
        view.strategy,
        Strategy::Canary {
            step: "1/3".to_owned(),
            set_weight: "25".to_owned(),
            actual_weight: "25".to_owned(),
        }
    );
    let images: Vec<String> = view
        .images
        .iter()
        .map(|image| format!("{} {:?}", image.name, image.tags))
        .collect();
    assert_eq!(images, ["shop:new [Canary]", "shop:old [Stable]"]);
}

#[test]
fn an_aborted_rollout_asks_for_no_weight() {
    let mut status = paused();
    status["abort"] = json!(true);
    let row = ListRow::new(&rollout(&status));
    assert_eq!(
        row.cells(),
        ["shop", "Canary", "Paused", "1/3", "0", "4/4", "4", "1", "4"]
    );
}

#[test]
fn pods_read_as_kubectl_prints_them() {
    let word = |status: Value| {
        let node = pod::views("o", &[pod("p", "o", &status)], NOW.parse().unwrap());
        let mark = node[0].status.clone().unwrap();
        format!("{} {}", mark.icon.as_str(), mark.text)
    };
    let container = |state: Value| json!({"phase": "Running", "containerStatuses": [{"name": "web", "state": state}]});
    let back_off = json!({"waiting": {"reason": "CrashLoopBackOff"}});
    assert_eq!(word(container(back_off)), "✖ CrashLoopBackOff");
    let killed = json!({"terminated": {"signal": 9, "exitCode": 137}});
    assert_eq!(word(container(killed)), "✖ Signal:9");
    assert_eq!(word(json!({"phase": "Pending"})), "◌ Pending");
    let init = json!({"phase": "Pending",
        "initContainerStatuses": [{"name": "init", "state": {"running": {}}}]});
    assert_eq!(word(init), "◌ Init:0/1");
    let failed = json!({"phase": "Pending", "initContainerStatuses":
        [{"name": "init", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]});
    assert_eq!(word(failed), "◌ Init:Error");
}
