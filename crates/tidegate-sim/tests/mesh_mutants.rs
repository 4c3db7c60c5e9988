//! What must hold behind Istio can be broken, and is seen to be: broken controllers, one for each.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_core::{
    plan::{
        Class, DESTINATION_RULES, Guard, ObjectKey, REPLICA_SETS, ROLLOUTS, Resource,
        VIRTUAL_SERVICES, Verb, Write,
    },
    reason::Reason,
};
use tidegate_sim::{
    cluster::{Cluster, fields, istio, kinds},
    doors::direct,
    faults::Tamper,
    scenario::{NAMESPACE, Scenario},
    trace::Keep,
    world::World,
};

/// Testers and a quarter of the traffic are with the new version until a person aborts it.
const STORY: &str = "
about: What broken controllers break behind Istio.
rollout:
  router: istio-subsets
  steps: [{ setWeight: 25 }, { setHeaderRoute: { name: testers, match: [{ headerName: X-Test, headerValue: { exact: beta } }] } }, { pause: {} }]
  canary:
    abortScaleDownDelaySeconds: 5
    trafficRouting:
      managedRoutes: [{ name: testers }]
      istio: { virtualService: { name: web, routes: [primary] }, destinationRule: { name: web, canarySubsetName: canary, stableSubsetName: stable } }
objects:
  - apiVersion: networking.istio.io/v1alpha3
    kind: VirtualService
    metadata: { name: foreign }
    spec: { http: [{ route: [{ destination: { host: web } }] }] }
story:
  - { when: Healthy, user: set image v2 }
  - { when: Paused 2, user: scale 5 }
  - { when: Paused 2, user: abort }
ends: Degraded v1
";

fn play(tamper: Option<Tamper>) -> Vec<String> {
    play_story(STORY, tamper)
}

fn play_story(story: &str, tamper: Option<Tamper>) -> Vec<String> {
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

#[track_caller]
fn check(tamper: Tamper, expected: &str) {
    let broken = play(Some(tamper));
    assert!(
        broken.iter().any(|one| one.starts_with(expected)),
        "{expected} was not seen: {broken:?}"
    );
}

/// The update stands at its pause.
fn pauses(cluster: &Cluster) -> bool {
    let rollout = cluster.get(kinds::ROLLOUTS, NAMESPACE, "web");
    let status = &rollout.expect("the story has a Rollout")["status"];
    status["currentStepIndex"] == 2 && !fields::list(status, &["pauseConditions"]).is_empty()
}

/// A guarded change of an object as it stands, while the update pauses.
fn change(
    cluster: &Cluster,
    (resource, name): (Resource, &str),
    edit: fn(&mut Value),
) -> Option<Write> {
    if !pauses(cluster) {
        return None;
    }
    let target = ObjectKey::new(resource, NAMESPACE, name);
    let object = direct::get(cluster, &target)?;
    let mut body = json!({"spec": object["spec"]});
    edit(&mut body);
    Some(Write {
        verb: Verb::Patch,
        guard: Guard::Version {
            uid: fields::uid(object).to_owned(),
            resource_version: fields::version(object).to_owned(),
        },
        target,
        body,
        class: Class::Traffic,
        events: Vec::new(),
        reason: Reason::Because("it is broken".to_owned()),
    })
}

#[test]
fn an_unbroken_controller_breaks_nothing() {
    assert_eq!(play(None), Vec::<String>::new());
}

#[test]
fn weights_that_are_more_than_all_are_seen() {
    check(
        |cluster, _| {
            change(cluster, (VIRTUAL_SERVICES, "web"), |body| {
                body["spec"]["http"][1]["route"][1]["weight"] = json!(40);
            })
        },
        "S0-12",
    );
}

#[test]
fn weight_on_a_subset_without_enough_pods_is_seen() {
    check(
        |cluster, _| {
            change(cluster, (VIRTUAL_SERVICES, "web"), |body| {
                body["spec"]["http"][1]["route"][0]["weight"] = json!(0);
                body["spec"]["http"][1]["route"][1]["weight"] = json!(100);
            })
        },
        "S0-2",
    );
}

#[test]
fn a_subset_with_weight_that_is_pointed_at_too_few_pods_is_seen() {
    check(
        |cluster, _| {
            change(cluster, (DESTINATION_RULES, "web"), |body| {
                let canary = body["spec"]["subsets"][1]["labels"].clone();
                body["spec"]["subsets"][0]["labels"] = canary;
            })
        },
        "S0-4",
    );
}

#[test]
fn testers_without_pods_are_seen() {
    check(
        |cluster, _| {
            let rollout = cluster.get(kinds::ROLLOUTS, NAMESPACE, "web")?;
            let hash = fields::text(&rollout["status"], &["currentPodHash"]);
            let name = format!("web-{hash}");
            change(cluster, (REPLICA_SETS, &name), |body| {
                *body = json!({"spec": {"replicas": 0}});
            })
        },
        "S0-15",
    );
}

#[test]
fn a_field_of_the_users_that_goes_is_seen() {
    check(
        |cluster, _| {
            change(cluster, (VIRTUAL_SERVICES, "web"), |body| {
                body["spec"]["http"][1]["timeout"] = Value::Null;
                body["spec"]["http"][1]
                    .as_object_mut()
                    .expect("a route")
                    .remove("timeout");
            })
        },
        "S0-16",
    );
    check(
        |cluster, _| {
            change(cluster, (DESTINATION_RULES, "web"), |body| {
                body["spec"]["subsets"][0]["trafficPolicy"] = json!({});
            })
        },
        "S0-16",
    );
}

#[test]
fn a_virtual_service_that_nobody_named_is_seen() {
    check(
        |cluster, _| {
            change(cluster, (VIRTUAL_SERVICES, "foreign"), |body| {
                body["spec"]["http"][0]["route"][0]["weight"] = json!(100);
            })
        },
        "S2-1",
    );
}

#[test]
fn weights_that_go_to_and_fro_are_seen() {
    check(
        |cluster, _| {
            change(cluster, (VIRTUAL_SERVICES, "web"), |body| {
                let to = &mut body["spec"]["http"][1]["route"];
                let weight = if to[1]["weight"] == 25 { 20 } else { 25 };
                to[0]["weight"] = json!(100 - weight);
                to[1]["weight"] = json!(weight);
            })
        },
        "S2-10: its weights",
    );
}

#[test]
fn subsets_that_go_to_and_fro_are_seen() {
    check(
        |cluster, _| {
            change(cluster, (DESTINATION_RULES, "web"), |body| {
                let subsets = &mut body["spec"]["subsets"];
                let labels = subsets[0]["labels"].clone();
                subsets[0]["labels"] = subsets[1]["labels"].clone();
                subsets[1]["labels"] = labels;
            })
        },
        "S2-10: its subsets",
    );
}

#[test]
fn a_step_that_leaves_without_its_route_is_seen() {
    check(
        |cluster, write| {
            let rollout = cluster.get(kinds::ROLLOUTS, NAMESPACE, "web")?;
            let begun = rollout["status"]["currentStepIndex"] == 1;
            let adds = write.target.resource == VIRTUAL_SERVICES;
            (begun && adds).then(|| Write {
                verb: Verb::PatchStatus,
                target: ObjectKey::new(ROLLOUTS, NAMESPACE, "web"),
                guard: Guard::Version {
                    uid: fields::uid(rollout).to_owned(),
                    resource_version: fields::version(rollout).to_owned(),
                },
                body: json!({"status": {"currentStepIndex": 2}}),
                ..write.clone()
            })
        },
        "S1-2: step 1 is left: route testers is missing",
    );
}

#[test]
fn pods_that_go_while_the_routes_are_missing_are_seen() {
    let story = STORY.replace("user: scale 5", "user: { delete: VirtualService web }");
    let broken = play_story(
        &story,
        Some(|cluster, write| {
            let service = cluster.get(istio::VIRTUAL_SERVICES, NAMESPACE, "web");
            let rollout = cluster.get(kinds::ROLLOUTS, NAMESPACE, "web")?;
            let new = fields::text(&rollout["status"], &["currentPodHash"]);
            let name = format!("web-{new}");
            let set = cluster.get(kinds::REPLICA_SETS, NAMESPACE, &name)?;
            let missing = service.is_none() && write.target.resource == ROLLOUTS;
            missing.then(|| Write {
                verb: Verb::Patch,
                target: ObjectKey::new(REPLICA_SETS, NAMESPACE, &name),
                guard: Guard::Version {
                    uid: fields::uid(set).to_owned(),
                    resource_version: fields::version(set).to_owned(),
                },
                body: json!({"spec": {"replicas": 2}}),
                class: Class::Destructive,
                ..write.clone()
            })
        }),
    );
    let seen = |one: &String| one.starts_with("S0-17") && one.ends_with("while web is missing");
    assert!(broken.iter().any(seen), "{broken:?}");
}
