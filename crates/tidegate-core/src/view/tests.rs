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
        experiments: &[],
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
    assert_eq!(images, ["shop:new [Tag(Canary)]", "shop:old [Tag(Stable)]"]);
}

/// Keeps CLI-104: an Experiment stands between ReplicaSets and AnalysisRuns, with what belongs to it.
#[test]
fn an_experiment_hangs_under_its_revision() {
    let mut base = replica_set("old", 0, 1);
    base.metadata.name = "shop-new-2-1-base".to_owned();
    base.metadata.uid = "b".to_owned();
    base.metadata.owner_references[0].uid = "e".to_owned();
    let template = "experiment.argoproj.io/template-name".to_owned();
    base.metadata.annotations = [(template, "base".to_owned())].into();
    let experiment = serde_json::from_value(json!({
        "metadata": {"name": "shop-new-2-1", "uid": "e", "ownerReferences": [{"uid": "r"}],
            "annotations": {"rollout.argoproj.io/revision": "2"},
            "creationTimestamp": "2026-01-01T11:57:00Z"},
        "status": {"phase": "Running"},
    }))
    .unwrap();
    let run = |name: &str, owner: &str| {
        serde_json::from_value(json!({
            "metadata": {"name": name, "ownerReferences": [{"uid": owner}],
                "annotations": {"rollout.argoproj.io/revision": "2"},
                "creationTimestamp": "2026-01-01T11:59:00Z"},
            "status": {"phase": "Successful"},
        }))
        .unwrap()
    };
    let family = Family {
        replica_sets: &[replica_set("new", 2, 1), base, replica_set("old", 1, 3)],
        analysis_runs: &[run("shop-new-2", "r"), run("shop-new-2-1-bells", "e")],
        experiments: &[experiment],
        pods: &[],
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
            "    Σ shop-new-2-1 ◌ Running 3m",
            "      ⧉ shop-new-2-1-base ✔ Healthy 5m",
            "      α shop-new-2-1-bells ✔ Successful 60s",
            "    α shop-new-2 ✔ Successful 60s",
            "  # revision:1",
            "    ⧉ shop-old ✔ Healthy 5m stable",
        ]
    );
    let old = view.images.last().unwrap();
    let tags: Vec<String> = old.tags.iter().map(ToString::to_string).collect();
    assert_eq!(tags, ["stable", "Σ:base"]);
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

fn experiment(more: &Value) -> Experiment {
    let mut whole = json!({
        "metadata": {"name": "try", "namespace": "prod", "uid": "e",
            "annotations": {"rollout.argoproj.io/revision": "2"},
            "creationTimestamp": "2026-01-01T11:58:00Z", "ownerReferences": [{"uid": "r"}]},
        "spec": {"duration": "10m"},
        "status": {"phase": "Running", "availableAt": "2026-01-01T11:59:00Z"},
    });
    for (member, value) in more.as_object().unwrap() {
        whole["status"][member] = value.clone();
    }
    serde_json::from_value(whole).unwrap()
}

fn version(name: &str, image: &str) -> ReplicaSet {
    let mut set = replica_set(image, 0, 1);
    set.metadata.name = format!("try-{name}");
    set.metadata.uid = format!("try-{name}");
    set.metadata.owner_references[0].uid = "e".to_owned();
    let note = ("experiment.argoproj.io/template-name", name);
    set.metadata.annotations = [(note.0.to_owned(), note.1.to_owned())].into();
    set
}

/// Keeps CLI-112.
#[test]
fn an_experiment_has_its_versions_and_its_runs_below_it() {
    let run = serde_json::from_value(json!({
        "metadata": {"name": "try-good", "ownerReferences": [{"uid": "e"}],
            "creationTimestamp": "2026-01-01T11:59:00Z"},
        "status": {"phase": "Failed", "metricResults": [{"name": "m", "failed": 1}]},
    }))
    .unwrap();
    let family = Family {
        replica_sets: &[
            replica_set("new", 2, 1),
            version("b", "v2"),
            version("a", "v2"),
        ],
        pods: &[pod("try-a-x", "try-a", &json!({"phase": "Pending"}))],
        analysis_runs: &[run],
        experiments: &[experiment(&json!({}))],
    };
    let now = NOW.parse().unwrap();
    let view = ExperimentView::new(&family.experiments[0], family, now);
    let tags = view.images.iter().flat_map(|image| &image.tags);
    let tags: Vec<String> = tags.map(ToString::to_string).collect();
    assert_eq!(
        (view.images.len(), tags),
        (1, vec!["Σ:a".to_owned(), "Σ:b".to_owned()])
    );
    let below = [
        "Σ try ◌ Running 2m",
        "  ⧉ try-a ✔ Healthy 5m",
        "    □ try-a-x ◌ Pending 80s ready:0/1",
        "  ⧉ try-b ✔ Healthy 5m",
        "  α try-good ✖ Failed 60s ✖ 1",
    ];
    let mut shown = Vec::new();
    lines(&view.tree, 0, &mut shown);
    let shown: Vec<&str> = shown.iter().map(|line| line.trim_end()).collect();
    assert_eq!(shown, below);
}

/// Keeps CLI-203.
#[test]
fn a_row_tells_what_is_left_of_the_duration() {
    let now = NOW.parse().unwrap();
    let row = |more: &Value| ExperimentRow::new(&experiment(more), now).cells();
    assert_eq!(row(&json!({})), ["try", "Running", "10m", "9m", "2m"]);
    let over = json!({"phase": "Successful"});
    assert_eq!(row(&over), ["try", "Successful", "10m", "-", "2m"]);
    let waits = json!({"phase": "Pending", "availableAt": null});
    assert_eq!(row(&waits), ["try", "Pending", "10m", "-", "2m"]);
    let mut endless = experiment(&json!({}));
    endless.spec.duration.clear();
    let cells = ExperimentRow::new(&endless, now).cells();
    assert_eq!(cells, ["try", "Running", "-", "-", "2m"]);
}
