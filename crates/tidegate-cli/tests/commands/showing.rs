//! `get rollout`, `list rollouts`, `version`.

use serde_json::{Value, json};
use tidegate_cli::render::{self, Colour};
use tidegate_core::view::{
    Counts, Icon, Image, Info, Kind, Mark, Node, Purpose, RolloutView, Strategy, Tag,
};
use tidegate_sim::cluster::kinds;

use crate::bench::Bench;

fn paused() -> Value {
    json!({
        "observedGeneration": "1", "phase": "Paused", "message": "CanaryPauseStep",
        "stableRS": "v1", "currentPodHash": "v2", "currentStepIndex": 1,
        "replicas": 4, "updatedReplicas": 1, "readyReplicas": 4, "availableReplicas": 4,
    })
}

#[tokio::test]
async fn a_paused_canary_is_shown_with_its_family() {
    let bench = Bench::start("paused_canary").await;
    let rollout = bench.rollout("shop", &json!({}), paused());
    bench.replica_set(&rollout, "v1", ("1", 3));
    bench.replica_set(&rollout, "v2", ("2", 1));
    let run = json!({
        "metadata": {
            "name": "shop-v2-2-2",
            "annotations": {"rollout.argoproj.io/revision": "2"},
            "ownerReferences": [{
                "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "shop",
                "uid": rollout["metadata"]["uid"], "controller": true,
            }],
        },
        "spec": {"metrics": [{"name": "errors", "provider": {"job": {"spec": {"template": {}}}}}]},
    });
    bench.create(kinds::ANALYSIS_RUNS, "prod", run);
    // Somebody else's ReplicaSet is not shown.
    let other = bench.rollout("other", &json!({}), json!({}));
    bench.replica_set(&other, "v1", ("1", 1));
    bench.settle();
    for alias in ["rollout", "ro", "rollouts"] {
        let left = bench.run(&["get", alias, "shop", "--no-color"]).await;
        insta::assert_snapshot!("paused_canary", left.printed());
    }
}

#[tokio::test]
async fn rollouts_are_listed_in_columns() {
    let bench = Bench::start("list").await;
    let left = bench.run(&["list", "rollouts"]).await;
    assert_eq!(
        (left.out.as_str(), left.err.as_str()),
        ("", "No resources found.\n")
    );
    bench.rollout("shop", &json!({}), paused());
    let blue_green = json!({"strategy": {"blueGreen": {"activeService": "a"}}});
    bench.rollout("a-name-that-is-long", &blue_green, json!({}));
    bench.create(
        kinds::NAMESPACES,
        "",
        json!({"metadata": {"name": "empty"}}),
    );
    let listed = bench.run(&["list", "ro"]).await.printed();
    insta::assert_snapshot!("list", listed);
    let everywhere = bench.run(&["list", "rollouts", "-A", "-n=empty"]).await;
    insta::assert_snapshot!("list_everywhere", everywhere.printed());
    let one = bench
        .run(&["list", "rollout", "--name=shop"])
        .await
        .printed();
    assert_eq!(one.lines().count(), 2);
    let none = bench.run(&["list", "rollouts", "-n", "empty"]).await;
    assert_eq!(none.err, "No resources found.\n");
}

fn node(kind: Kind, name: &str, status: Option<(Icon, &str)>, info: Vec<Info>) -> Node {
    Node {
        kind,
        name: name.to_owned(),
        status: status.map(|(icon, text)| Mark {
            icon,
            text: text.to_owned(),
        }),
        age: "5m".to_owned(),
        info,
        children: Vec::new(),
    }
}

fn revision(name: &str, children: Vec<Node>) -> Node {
    Node {
        age: String::new(),
        children,
        ..node(Kind::Revision, name, None, vec![])
    }
}

/// A tree with something of everything.
fn whole_tree() -> Node {
    let mut run = node(
        Kind::AnalysisRun,
        "shop-2-1",
        Some((Icon::Progressing, "Running")),
        vec![Info::Count(Icon::Ok, 3), Info::Count(Icon::Bad, 1)],
    );
    run.children = vec![
        node(
            Kind::Job,
            "job-1",
            Some((Icon::Unknown, "Inconclusive")),
            vec![],
        ),
        node(Kind::Job, "job-2", Some((Icon::Waiting, "Pending")), vec![]),
    ];
    let mut canary = node(
        Kind::ReplicaSet,
        "shop-canary",
        Some((Icon::Neutral, "ScaledDown")),
        vec![
            Info::Tag(Tag::Canary),
            Info::Tag(Tag::Pong),
            Info::Text("delay:20s".to_owned()),
        ],
    );
    canary.children = vec![node(
        Kind::Pod,
        "shop-canary-1",
        Some((Icon::Warning, "ImagePullBackOff")),
        vec![Info::Text("ready:0/1".to_owned())],
    )];
    let experiment = node(
        Kind::Experiment,
        "shop-2-0",
        Some((Icon::Waiting, "Pending")),
        vec![],
    );
    let stable = node(
        Kind::ReplicaSet,
        "shop-stable",
        Some((Icon::Ok, "Healthy")),
        vec![Info::Tag(Tag::Stable)],
    );
    let mut tree = node(
        Kind::Rollout,
        "shop",
        Some((Icon::Paused, "Paused")),
        vec![],
    );
    tree.children = vec![
        revision("revision:2", vec![canary, experiment, run]),
        revision("revision:1", vec![stable]),
    ];
    tree
}

/// A view with something of everything.
fn everything() -> RolloutView {
    RolloutView {
        name: "shop".to_owned(),
        namespace: "prod".to_owned(),
        status: Mark {
            icon: Icon::Bad,
            text: "Degraded".to_owned(),
        },
        message: String::new(),
        strategy: Strategy::BlueGreen,
        images: vec![Image {
            name: "shop:1".to_owned(),
            tags: vec![
                Purpose::Tag(Tag::Active),
                Purpose::Tag(Tag::Stable),
                Purpose::Template("base".to_owned()),
            ],
        }],
        replicas: Counts {
            desired: 1,
            current: 2,
            updated: 1,
            ready: 2,
            available: 2,
        },
        tree: whole_tree(),
    }
}

#[test]
fn every_cell_of_a_coloured_tree_is_wrapped_as_upstream_wraps_it() {
    let picture = render::rollout(&everything(), Colour::On);
    insta::assert_snapshot!("colours", picture.replace('\u{1b}', "ESC"));
}

#[test]
fn colours_do_not_move_columns() {
    let mut plain = String::new();
    let mut escaped = false;
    for character in render::rollout(&everything(), Colour::On).chars() {
        match (escaped, character) {
            (false, '\u{1b}') => escaped = true,
            (true, 'm') => escaped = false,
            (true, _) => {}
            (false, character) => plain.push(character),
        }
    }
    assert_eq!(plain, render::rollout(&everything(), Colour::Off));
}

#[tokio::test]
async fn the_version_is_told() {
    let bench = Bench::start("version").await;
    let short = bench.run(&["version", "--short"]).await.printed();
    assert_eq!(
        short,
        concat!("kubectl-argo-rollouts: v", env!("CARGO_PKG_VERSION"), "\n")
    );
    let long = bench.run(&["version"]).await.printed();
    assert!(
        long.starts_with(&short) && long.contains("\n  Platform: "),
        "{long}"
    );
}

#[tokio::test]
async fn a_rollout_that_is_too_deep_hides_no_other() {
    let bench = Bench::start("too_deep").await;
    bench.rollout("shop", &json!({}), paused());
    let deep = (0..200).fold(json!(1), |inner, _| json!({ "a": inner }));
    let routing = json!({"plugins": {"org/router": deep}});
    let strategy = json!({"strategy": {"canary": {"trafficRouting": routing}}});
    bench.rollout("deep", &strategy, json!({}));
    let left = bench.run(&["list", "rollouts"]).await;
    assert!(left.out.contains("shop"), "{}", left.out);
    let sentence = "rollout deep cannot be read: \
        spec.strategy.canary.trafficRouting.plugins.org/router: nested more than 128 levels deep\n";
    assert_eq!(left.err, sentence);
    let left = bench.run(&["get", "rollout", "shop", "--no-color"]).await;
    assert_eq!(left.err, "");
    for asked in [
        ["get", "rollout", "deep"],
        ["status", "deep", "--watch=false"],
    ] {
        let left = bench.run(&asked).await;
        assert_eq!(left.err, format!("Error: {sentence}"));
    }
}
