//! Broken controllers that let traffic meet nobody, and are seen to.

use super::*;

#[test]
fn traffic_without_pods_is_seen() {
    check(
        |cluster, _| pauses(cluster).then(|| scale(cluster, "stableRS", 0))?,
        "S0-1",
    );
}

#[test]
fn weight_before_capacity_is_seen() {
    check(
        |cluster, _| pauses(cluster).then(|| weigh(cluster, "80"))?,
        "S0-2",
    );
}

#[test]
fn scaling_down_before_weight_is_seen() {
    check(
        |cluster, _| pauses(cluster).then(|| scale(cluster, "currentPodHash", 0))?,
        "S0-3",
    );
}

#[test]
fn a_selector_that_points_at_nothing_is_seen() {
    check(
        |cluster, _| pauses(cluster).then(|| point(cluster, "web-stable", "nobody"))?,
        "S0-4",
    );
}

#[test]
fn a_small_stable_version_is_seen() {
    check(
        |cluster, _| pauses(cluster).then(|| scale(cluster, "stableRS", 3))?,
        "S0-5",
    );
}

#[test]
fn traffic_that_rises_after_an_abort_is_seen() {
    check(
        |cluster, write| {
            // The canary Service has left the new version by then.
            let new = fields::text(status(cluster), &["currentPodHash"]);
            let aborted = status(cluster)["abort"] == true;
            (aborted && write.target.resource == INGRESSES)
                .then(|| point(cluster, "web-canary", new))?
        },
        "S0-11",
    );
}

#[test]
fn a_weight_that_is_none_is_seen() {
    check(
        |cluster, _| pauses(cluster).then(|| weigh(cluster, "101"))?,
        "S0-12",
    );
}

#[test]
fn a_weight_that_is_no_number_is_seen() {
    check(
        |cluster, _| pauses(cluster).then(|| weigh(cluster, "many"))?,
        "S0-12",
    );
}

#[test]
fn a_version_that_is_deleted_while_it_serves_is_seen() {
    check(
        |cluster, _| {
            let name = set_of(cluster, "currentPodHash");
            let write = patch(cluster, (REPLICA_SETS, &name), Value::Null)?;
            pauses(cluster).then_some(Write {
                verb: Verb::Delete,
                ..write
            })
        },
        "S0-3",
    );
}

#[test]
fn a_stable_version_that_shrinks_for_an_abort_of_nothing_is_seen() {
    let story = STORY.replace("set image v2", "abort");
    check_in(
        &story
            .replace("  - { at: 30s, user: abort }\n", "")
            .replace("Degraded", "Healthy"),
        |cluster, _| {
            let aborted = status(cluster)["abort"] == true;
            aborted.then(|| scale(cluster, "stableRS", 3))?
        },
        "S0-6",
    );
}

/// A canary without a router, to be written to while it pauses.
fn scaled() -> String {
    JUDGED.replace("ends:", "  - { when: Paused 1, user: scale 5 }\nends:")
}

#[test]
fn pods_that_go_before_others_came_are_seen() {
    check_in(
        &scaled(),
        |cluster, _| pauses(cluster).then(|| scale(cluster, "stableRS", 1))?,
        "S0-7",
    );
}

#[test]
fn more_pods_than_there_may_be_are_seen() {
    check_in(
        &scaled(),
        |cluster, _| pauses(cluster).then(|| scale(cluster, "stableRS", 9))?,
        "S0-8",
    );
}

#[test]
fn a_weight_that_only_one_of_two_routes_has_is_seen() {
    let second = "
objects:
  - apiVersion: networking.k8s.io/v1
    kind: Ingress
    metadata: { name: other }
    spec: { rules: [{ host: other.example, http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web-stable, port: { number: 80 } } } }] } }] }
story:";
    let routing =
        "router: nginx, canary: { trafficRouting: { nginx: { stableIngresses: [web, other] } } }";
    check_in(
        &STORY
            .replace("story:", second)
            .replace("router: nginx", routing),
        |cluster, write| {
            let weighs = write.target.name == "web-other-canary" && write.verb == Verb::Patch;
            weighs.then(|| patch(cluster, (INGRESSES, "web-other-canary"), json!({})))?
        },
        "S0-13",
    );
}

#[test]
fn traffic_that_moves_while_a_service_is_missing_is_seen() {
    let story = STORY.replace(
        "  - { at: 30s, user: abort }\n",
        "  - { at: 30s, user: { delete: Service web-canary } }\n",
    );
    check_in(
        &story,
        |cluster, write| {
            let there = cluster
                .get(kinds::SERVICES, NAMESPACE, "web-canary")
                .is_some();
            (!there && write.target.resource == ROLLOUTS)
                .then(|| scale(cluster, "currentPodHash", 0))?
        },
        "S0-17",
    );
}

#[test]
fn traffic_that_moves_while_an_ingress_is_missing_is_seen() {
    let story = STORY.replace(
        "  - { at: 30s, user: abort }\n",
        "  - { at: 30s, user: { delete: Ingress web } }\n",
    );
    check_in(
        &story,
        |cluster, write| {
            let there = cluster.get(kinds::INGRESSES, NAMESPACE, "web").is_some();
            (!there && write.target.resource == ROLLOUTS)
                .then(|| scale(cluster, "currentPodHash", 2))?
        },
        "S0-17",
    );
}

/// The note on a ReplicaSet that says when it may go.
fn deadline_of(write: &Write) -> Option<&Value> {
    let deadline = &write.body["metadata"]["annotations"]["scale-down-deadline"];
    Some(deadline).filter(|deadline| deadline.is_string())
}

/// Takes the pods away at once that are to be kept for a while.
fn goes_early(cluster: &Cluster, write: &Write) -> Option<Write> {
    let none = json!({"spec": {"replicas": 0}});
    deadline_of(write)?;
    patch(cluster, (REPLICA_SETS, &write.target.name), none)
}

/// An update behind a router that is through.
fn promoted() -> String {
    STORY
        .replace("{ setWeight: 25 }, { pause: {} }, ", "")
        .replace(", { pause: {} }]", "]")
        .replace("  - { at: 30s, user: abort }\n", "")
        .replace("Degraded v1", "Healthy v2")
}

#[test]
fn an_old_version_that_goes_early_is_seen() {
    assert_eq!(play(&promoted(), Broken::default()), Vec::<String>::new());
    check_in(&promoted(), goes_early, "S0-10");
}

#[test]
fn an_aborted_version_that_goes_early_is_seen() {
    check(goes_early, "S0-10");
}

#[test]
fn an_aborted_version_that_is_not_kept_is_seen() {
    let routing = "router: nginx, canary: { abortScaleDownDelaySeconds: 0 }";
    check_in(
        &STORY.replace("router: nginx", routing),
        |cluster, write| {
            let aborted = status(cluster)["abort"] == true;
            let ingress = cluster.get(kinds::INGRESSES, NAMESPACE, "web-web-canary")?;
            let notes = &ingress["metadata"]["annotations"];
            let idle = notes["nginx.ingress.kubernetes.io/canary-weight"] == "0";
            (aborted && idle && write.target.resource == ROLLOUTS)
                .then(|| scale(cluster, "currentPodHash", 0))?
        },
        "S0-10",
    );
}

#[test]
fn an_old_version_with_too_little_time_is_seen() {
    check_in(
        &promoted(),
        |_, write| {
            deadline_of(write)?;
            let mut changed = write.clone();
            let soon = json!("2026-01-01T00:00:01Z");
            changed.body["metadata"]["annotations"]["scale-down-deadline"] = soon;
            Some(changed)
        },
        "S0-10",
    );
}

/// The preview of the story with two colours waits for somebody.
fn previews(cluster: &Cluster) -> bool {
    !fields::list(status(cluster), &["pauseConditions"]).is_empty()
}

/// The second version of the story with two colours has users.
fn is_switched(cluster: &Cluster) -> bool {
    let status = status(cluster);
    let active = &status["blueGreen"]["activeSelector"];
    *active == status["currentPodHash"] && *active == status["stableRS"]
}

#[test]
fn a_switch_without_pods_is_seen() {
    check_in(
        COLOURS,
        |cluster, write| {
            let scales = write.target.resource == REPLICA_SETS && write.verb == Verb::Patch;
            let new = fields::text(status(cluster), &["currentPodHash"]);
            let begun = status(cluster)["stableRS"] != new;
            (scales && begun).then(|| point(cluster, "web-active", new))?
        },
        "S0-9: users are switched to",
    );
}

#[test]
fn a_switch_that_nobody_asked_for_is_seen() {
    check_in(
        COLOURS,
        |cluster, _| {
            let new = fields::text(status(cluster), &["currentPodHash"]);
            let whole = status(cluster)["updatedReplicas"] == 4;
            (previews(cluster) && whole).then(|| point(cluster, "web-active", new))?
        },
        "S0-9",
    );
}

#[test]
fn an_old_colour_that_goes_early_is_seen() {
    check_in(
        COLOURS,
        |cluster, write| {
            let marks = write.body["metadata"]["annotations"]
                .get("scale-down-deadline")
                .is_some();
            let body = json!({"spec": {"replicas": 0}});
            let name = write.target.name.clone();
            (marks && is_switched(cluster)).then(|| patch(cluster, (REPLICA_SETS, &name), body))?
        },
        "S0-10",
    );
}

#[test]
fn an_old_colour_with_too_little_time_is_seen() {
    check_in(
        COLOURS,
        |_, write| {
            let mut changed = write.clone();
            let notes = changed.body["metadata"]["annotations"].as_object_mut()?;
            let deadline = notes
                .get_mut("scale-down-deadline")
                .filter(|one| one.is_string())?;
            *deadline = json!("2026-01-01T00:00:01Z");
            Some(changed)
        },
        "S0-10",
    );
}

#[test]
fn a_small_active_version_is_seen() {
    check_in(
        COLOURS,
        |cluster, _| previews(cluster).then(|| scale(cluster, "stableRS", 3))?,
        "S0-10",
    );
}
