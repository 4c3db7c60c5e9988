//! Roundings, and what they must never do.

use std::sync::Arc;

use serde_json::json;
use tidegate_api::{
    labels,
    pod_template::{self, PodTemplate},
};

use super::{basic::approximate, *};
use crate::observed::Observed;

#[track_caller]
fn check(replicas: i32, weight: i32, surge: i32, expected: (i32, i32)) {
    let counts = approximate(replicas, (weight, 100), surge);
    assert_eq!((counts.canary, counts.stable), expected);
}

#[test]
fn weights_are_rounded_to_the_closest_pods_and_ties_go_to_the_canary() {
    check(10, 20, 0, (2, 8));
    check(3, 50, 0, (2, 1));
    check(5, 50, 1, (3, 3));
    check(10, 0, 1, (0, 10));
    check(10, 100, 1, (10, 0));
}

#[test]
fn a_weight_between_the_edges_leaves_a_pod_on_either_side() {
    check(10, 1, 0, (1, 9));
    check(10, 99, 0, (9, 1));
    check(1, 5, 1, (1, 1));
}

#[test]
fn any_text_is_a_percentage_and_two_nothings_become_one_unavailable() {
    let text = |text: &str| IntOrString::String(text.to_owned());
    assert_eq!(
        fenceposts(Some(&text("2")), Some(&IntOrString::Int(0)), 10),
        (1, 0)
    );
    assert_eq!(
        fenceposts(Some(&IntOrString::Int(0)), Some(&text("5%")), 10),
        (0, 1)
    );
    assert_eq!(fenceposts(None, None, 10), (3, 2));
    assert_eq!(fenceposts(Some(&text("a")), None, 10), (0, 0));
}

/// Replicas, weight, surge and unavailable.
type Asked<'a> = (i32, i32, &'a str, &'a str);
/// How many pods a ReplicaSet wants, and how many of its pods are available.
type Pods = (i32, i32);

/// The counts of canary and stable version, decided from the ReplicaSets as they are: those of the
/// stable, the new, and an older version.
#[track_caller]
fn fits(asked: Asked<'_>, [stable, canary, old]: [Pods; 3], expected: (i32, i32)) {
    let counts = counts(&snapshot(asked, [stable, canary, old]), None);
    assert_eq!((counts.canary, counts.stable), expected);
}

fn snapshot((replicas, weight, surge, unavailable): Asked<'_>, pods: [Pods; 3]) -> RolloutSnapshot {
    let template = json!({"metadata": {"labels": {"app": "door"}}, "spec": {"containers": [{"name": "main", "image": "v2"}]}});
    let parsed: PodTemplate = serde_json::from_value(template.clone()).unwrap();
    let new = pod_template::hash(parsed.value(), None);
    let bound = |text: &str| {
        text.parse::<i32>()
            .map_or_else(|_| json!(text), |number| json!(number))
    };
    let steps = json!([{"setWeight": weight}]);
    let rollout = json!({
        "metadata": {"name": "door", "namespace": "town", "uid": "u-door", "generation": 1},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "door"}},
            "template": template,
            "strategy": {"canary": {"maxSurge": bound(surge), "maxUnavailable": bound(unavailable), "steps": steps}},
        },
        "status": {"stableRS": "stable", "currentPodHash": new, "currentStepIndex": 0, "abort": weight == 0},
    });
    let sets = ["stable", &new, "old"].into_iter().zip(pods);
    let sets = sets.map(|(hash, (wanted, available))| {
        let set = json!({
            "metadata": {
                "name": format!("door-{hash}"), "namespace": "town", "uid": format!("u-{hash}"),
                "labels": {"app": "door", labels::POD_TEMPLATE_HASH: hash},
                "ownerReferences": [{
                    "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "door",
                    "uid": "u-door", "controller": true,
                }],
            },
            "spec": {"replicas": wanted, "template": {"metadata": {"labels": {"app": hash}}}},
            "status": {"replicas": wanted, "availableReplicas": available},
        });
        Arc::new(serde_json::from_value(set).unwrap())
    });
    let observed = Observed {
        rollout: Arc::new(serde_json::from_value(rollout).unwrap()),
        replica_sets: sets.collect(),
        ..Observed::default()
    };
    crate::rollout::parse(&observed).0
}

const NONE: Pods = (0, 0);

/// Keeps CAN-16.
#[test]
fn worked_examples_of_surge_and_unavailable() {
    fits((10, 20, "2", "0"), [(10, 10), NONE, NONE], (2, 10));
    fits((10, 20, "20%", "0"), [(10, 10), (2, 2), NONE], (2, 8));
    fits((10, 30, "0", "2"), [(10, 10), NONE, NONE], (0, 8));
    fits((10, 50, "2", "1"), [(10, 10), NONE, NONE], (2, 9));
}

/// Keeps CAN-17 and CAN-10: older versions go first, stable pods come first.
#[test]
fn worked_examples_of_older_versions() {
    fits((10, 30, "1", "0"), [(1, 1), NONE, (3, 3)], (1, 7));
    fits((10, 30, "0", "1"), [(8, 6), (4, 2), (3, 3)], (4, 8));
    fits((10, 30, "0", "3"), [(8, 5), (4, 4), NONE], (3, 7));
}

/// Keeps CAN-18 and CAN-13: pods beyond the wish are on their way out, and do not count.
#[test]
fn worked_examples_of_pods_that_are_leaving_or_ill() {
    fits((10, 100, "3", "0"), [(7, 8), (6, 3), NONE], (6, 7));
    fits((10, 100, "1", "0"), [(10, 2), (10, 8), NONE], (9, 2));
    fits((4, 100, "1", "0"), [(4, 1), NONE, NONE], (1, 4));
}

/// Keeps CAN-19, CAN-11, CAN-12 and CAN-15.
#[test]
fn worked_examples_of_few_pods_and_of_an_abort() {
    fits((3, 99, "0", "2"), [(3, 3), NONE, NONE], (0, 1));
    fits((3, 99, "0", "2"), [(1, 1), NONE, NONE], (2, 1));
    fits((4, 0, "1", "0"), [NONE, (4, 4), NONE], (4, 1));
    fits((4, 0, "1", "0"), [(1, 0), (4, 4), NONE], (4, 1));
    fits((4, 0, "1", "0"), [(1, 1), (4, 4), NONE], (3, 1));
    fits((1, 51, "0", "1"), [(1, 1), NONE, NONE], (0, 0));
    fits((1, 51, "0", "1"), [NONE, NONE, NONE], (1, 0));
}
