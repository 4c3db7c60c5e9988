//! Every invariant can be broken, and is seen to be: broken controllers, one for each.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_core::{
    plan::{
        Guard, INGRESSES, ObjectKey, REPLICA_SETS, ROLLOUTS, Resource, SECRETS, SERVICES, Verb,
        Write,
    },
    reason::Reason,
};
use tidegate_sim::{
    cluster::{Cluster, fields, kinds},
    doors::direct,
    explore::sweep::sweep_with,
    faults::{Cut, Tamper},
    scenario::{NAMESPACE, Scenario},
    trace::Keep,
    world::World,
};

/// A canary of four that pauses at 25 % until a person aborts it.
const STORY: &str = "
about: What broken controllers break.
rollout: { router: nginx, steps: [{ setWeight: 25 }, { pause: {} }, { setWeight: 50 }, { pause: {} }] }
story:
  - { when: Healthy, user: set image v2 }
  - { at: 30s, user: abort }
ends: Degraded v1
";

/// An update that an analysis judges, after a pause that ends by itself.
const JUDGED: &str = "
about: What broken controllers break of an analysis.
rollout: { steps: [{ setWeight: 25 }, { pause: { duration: 30s } }, { analysis: { templates: [{ templateName: good }] } }, { setWeight: 50 }] }
objects:
  - apiVersion: argoproj.io/v1alpha1
    kind: AnalysisTemplate
    metadata: { name: good }
    spec: { metrics: [{ name: success, interval: 10s, count: 3, successCondition: 'result[0] >= 0.99', provider: { prometheus: { address: 'http://prometheus:9090', query: up } } }] }
story:
  - { metrics: { says: 1 } }
  - { when: Healthy, user: set image v2 }
ends: Healthy v2
";

/// A preview that waits for a person, who goes on and later comes back.
const COLOURS: &str = "
about: What broken controllers break of two colours.
rollout: { blueGreen: { autoPromotionEnabled: false, scaleDownDelaySeconds: 60 } }
story:
  - { when: Healthy, user: set image v2 }
  - { when: Paused, user: scale 5 }
  - { after: 10s, user: promote }
ends: Healthy v2
";

#[track_caller]
fn check(tamper: Tamper, expected: &str) {
    check_in(STORY, tamper, expected);
}

#[track_caller]
fn check_in(story: &str, tamper: Tamper, expected: &str) {
    let broken = play(story, Some(tamper));
    assert!(
        broken.iter().any(|one| one.starts_with(expected)),
        "{expected} was not seen: {broken:?}"
    );
}

fn play(story: &str, tamper: Option<Tamper>) -> Vec<String> {
    let scenario = Arc::new(Scenario::read(story).expect("the story can be read"));
    let mut world = World::new(&scenario, Keep::Lines, |path| anyhow::bail!("no {path}"))
        .expect("the story can begin");
    if let Some(tamper) = tamper {
        world.tamper(tamper);
    }
    // A broken controller may never come to rest; what it broke on the way counts.
    let _restless = world.run();
    world.violations().to_vec()
}

/// A guarded patch of an object as it stands.
fn patch(cluster: &Cluster, (resource, name): (Resource, &str), body: Value) -> Option<Write> {
    let target = ObjectKey::new(resource, NAMESPACE, name);
    let object = direct::get(cluster, &target)?;
    Some(Write {
        verb: if body.get("status").is_some() {
            Verb::PatchStatus
        } else {
            Verb::Patch
        },
        guard: Guard::Version {
            uid: fields::uid(object).to_owned(),
            resource_version: fields::version(object).to_owned(),
        },
        target,
        body,
        class: tidegate_core::plan::Class::Traffic,
        events: Vec::new(),
        reason: Reason::Because("it is broken".to_owned()),
    })
}

fn status(cluster: &Cluster) -> &Value {
    let rollout = cluster.get(kinds::ROLLOUTS, NAMESPACE, "web");
    &rollout.expect("the story has a Rollout")["status"]
}

/// The update stands at its pause, with a quarter of the traffic.
fn pauses(cluster: &Cluster) -> bool {
    let status = status(cluster);
    status["currentStepIndex"] == 1 && !fields::list(status, &["pauseConditions"]).is_empty()
}

/// The name of the ReplicaSet of the new or of the stable version.
fn set_of(cluster: &Cluster, member: &str) -> String {
    format!("web-{}", fields::text(status(cluster), &[member]))
}

fn scale(cluster: &Cluster, member: &str, replicas: i32) -> Option<Write> {
    let name = set_of(cluster, member);
    patch(
        cluster,
        (REPLICA_SETS, &name),
        json!({"spec": {"replicas": replicas}}),
    )
}

fn weigh(cluster: &Cluster, weight: &str) -> Option<Write> {
    let key = "nginx.ingress.kubernetes.io/canary-weight";
    let body = json!({"metadata": {"annotations": {key: weight}}});
    patch(cluster, (INGRESSES, "web-web-canary"), body)
}

fn point(cluster: &Cluster, service: &str, hash: &str) -> Option<Write> {
    let body = json!({"spec": {"selector": {"rollouts-pod-template-hash": hash}}});
    patch(cluster, (SERVICES, service), body)
}

fn note(cluster: &Cluster, status: &Value) -> Option<Write> {
    patch(cluster, (ROLLOUTS, "web"), json!({ "status": status }))
}

#[test]
fn an_unbroken_controller_breaks_nothing() {
    assert_eq!(play(STORY, None), Vec::<String>::new());
    assert_eq!(play(JUDGED, None), Vec::<String>::new());
    assert_eq!(play(COLOURS, None), Vec::<String>::new());
}

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
fn traffic_that_stays_after_an_abort_is_seen() {
    check(
        |cluster, write| {
            let aborted = status(cluster)["abort"] == true;
            let routes = [SERVICES, INGRESSES].contains(&write.target.resource);
            (aborted && routes).then(|| patch(cluster, (SERVICES, "web-stable"), json!({})))?
        },
        "L-2",
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
fn a_canary_that_leads_to_the_wrong_service_is_seen() {
    check(
        |cluster, write| {
            let weighs = write.target.resource == INGRESSES && write.verb == Verb::Patch;
            let service = json!({"name": "web-stable", "port": {"number": 80}});
            let path = json!({"path": "/", "pathType": "Prefix", "backend": {"service": service}});
            let rule = json!({"host": "web.example", "http": {"paths": [path]}});
            let body = json!({"spec": {"rules": [rule]}});
            weighs.then(|| patch(cluster, (INGRESSES, "web-web-canary"), body))?
        },
        "S1-2",
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
fn a_weight_that_rises_while_paused_is_seen() {
    check(
        |cluster, _| pauses(cluster).then(|| weigh(cluster, "26"))?,
        "S1-7",
    );
}

#[test]
fn a_step_index_that_leaps_is_seen() {
    check(
        |cluster, _| pauses(cluster).then(|| note(cluster, &json!({"currentStepIndex": 3})))?,
        "S1-1",
    );
}

#[test]
fn a_step_index_that_goes_back_is_seen() {
    check_in(
        JUDGED,
        |cluster, _| pauses(cluster).then(|| note(cluster, &json!({"currentStepIndex": 0})))?,
        "S1-1",
    );
}

#[test]
fn a_step_index_past_the_end_is_seen() {
    check_in(
        JUDGED,
        |cluster, write| {
            let ended = status(cluster)["currentStepIndex"] == 4;
            (ended && write.verb == Verb::PatchStatus)
                .then(|| note(cluster, &json!({"currentStepIndex": 5})))?
        },
        "S1-1",
    );
}

#[test]
fn a_timed_pause_that_ends_early_is_seen() {
    // Something to write for while it pauses.
    let story = JUDGED.replace("ends:", "  - { when: Paused 1, user: scale 8 }\nends:");
    check_in(
        &story,
        |cluster, _| pauses(cluster).then(|| note(cluster, &json!({"currentStepIndex": 2})))?,
        "S1-2: step 1 is left: 1s of a pause of 30s",
    );
}

#[test]
fn an_analysis_that_nobody_waited_for_is_seen() {
    check_in(
        JUDGED,
        |cluster, write| {
            let measures = status(cluster)["currentStepIndex"] == 2;
            (measures && write.target.resource == ROLLOUTS)
                .then(|| note(cluster, &json!({"currentStepIndex": 3})))?
        },
        "S1-2: step 2 is left: no AnalysisRun",
    );
}

#[test]
fn a_weight_without_its_pods_is_seen() {
    check_in(
        JUDGED,
        |cluster, write| {
            let begun = status(cluster)["currentStepIndex"] == 0;
            let scales = write.target.resource == REPLICA_SETS && write.verb == Verb::Patch;
            (begun && !scales && write.verb == Verb::PatchStatus)
                .then(|| note(cluster, &json!({"currentStepIndex": 1})))?
        },
        "S1-2: step 0 is left",
    );
}

#[test]
fn a_pause_that_nobody_ended_is_seen() {
    check(
        |cluster, _| pauses(cluster).then(|| note(cluster, &json!({"currentStepIndex": 2})))?,
        "S1-2",
    );
}

#[test]
fn a_weight_that_is_not_declared_is_seen() {
    check(
        |cluster, write| {
            let begun = status(cluster)["currentStepIndex"] == 0;
            let weighs = write.target.resource == INGRESSES && write.verb == Verb::Patch;
            (begun && weighs).then(|| weigh(cluster, "24"))?
        },
        "S1-2",
    );
}

#[test]
fn a_promotion_while_paused_is_seen() {
    check(
        |cluster, _| {
            let new = status(cluster)["currentPodHash"].clone();
            pauses(cluster).then(|| note(cluster, &json!({ "stableRS": new })))?
        },
        "S1-7",
    );
}

#[test]
fn a_write_to_what_is_not_ours_is_seen() {
    check(
        |cluster, write| {
            pauses(cluster).then(|| Write {
                target: ObjectKey::new(SECRETS, NAMESPACE, "somebody-elses"),
                ..write.clone()
            })
        },
        "S2-1",
    );
}

#[test]
fn a_write_without_a_guard_is_seen() {
    check(
        |_, write| {
            (write.verb == Verb::Patch).then(|| Write {
                guard: Guard::Absent,
                ..write.clone()
            })
        },
        "S2-2",
    );
}

#[test]
fn a_write_that_changes_nothing_is_seen() {
    check(
        |cluster, _| {
            pauses(cluster).then(|| patch(cluster, (SERVICES, "web-stable"), json!({})))?
        },
        "H-1",
    );
}

#[test]
fn a_controller_that_spins_is_seen() {
    check(
        |cluster, write| {
            let version = cluster.version().to_string();
            (write.target.resource == ROLLOUTS && pauses(cluster))
                .then(|| note(cluster, &json!({ "message": version })))?
        },
        "H-4",
    );
}

#[test]
fn an_end_that_is_not_the_storys_is_seen() {
    let story = STORY.replace("ends: Degraded v1", "ends: Healthy v2");
    let broken = play(&story, None);
    assert!(
        broken.iter().any(|one| one.starts_with("L-1")),
        "{broken:?}"
    );
}

#[test]
fn an_update_that_never_ends_is_seen() {
    check_in(
        JUDGED,
        |cluster, write| {
            let promotes = write.body["status"].get("stableRS").is_some();
            let second = !fields::text(status(cluster), &["stableRS"]).is_empty();
            (promotes && second).then(|| note(cluster, &json!({})))?
        },
        "L-1: it ends Progressing v1",
    );
}

#[test]
fn a_controller_that_claims_to_be_done_is_seen() {
    check_in(
        JUDGED,
        |cluster, write| {
            let scales = write.target.resource == REPLICA_SETS && write.verb == Verb::Patch;
            let begun = status(cluster)["currentStepIndex"] == 4;
            (scales && begun).then(|| note(cluster, &json!({"phase": "Healthy"})))?
        },
        "L-1: it is Healthy",
    );
}

#[test]
fn a_crash_that_makes_a_difference_is_seen() {
    // What it writes depends on when the write before was, and so on when it died.
    let tamper: Tamper = |cluster, write| {
        let last = cluster.changes_since(0).ok()?.last()?.at;
        let mut changed = write.clone();
        let points = write.target.resource == SERVICES && write.verb == Verb::Patch;
        changed.body["metadata"]["annotations"]["since"] = json!(last.as_millisecond().to_string());
        points.then_some(changed)
    };
    let read = |path: &str| -> anyhow::Result<String> { anyhow::bail!("no {path}") };
    let cuts = [Cut::CrashBefore, Cut::CrashAfter];
    let equal = sweep_with(STORY, &cuts, None, read).expect("a good controller ends as it should");
    assert_eq!(equal.runs, equal.writes * cuts.len());
    let error = sweep_with(STORY, &cuts, Some(tamper), read).expect_err("it ends otherwise");
    assert!(format!("{error:#}").contains("S2-7"), "{error:#}");
}
