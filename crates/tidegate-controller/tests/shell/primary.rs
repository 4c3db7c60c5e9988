//! Istio in a primary cluster that a Secret names (TR-303): a second model cluster has Istio's objects, and
//! everything else is in the first.

use std::{fs::File, path::PathBuf, process::Stdio};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tidegate_sim::{
    cluster::{
        Call, DeletionOptions, Patch, Target,
        istio::VIRTUAL_SERVICES,
        kinds::{EVENTS, REPLICA_SETS, ROLLOUTS, SECRETS, SERVICES},
    },
    doors::net,
};

use crate::{
    wire::Wire,
    world::{Asked, NAMESPACE, OPERATOR, Running, World},
};

const ALONE: [&str; 1] = ["--leader-elect=false"];
const SECRET: &str = "argo-rollouts/mesh";
/// A credential of the primary cluster's.
const TOKEN: &str = "hunter2-of-the-mesh";

/// The Secret's data: a kubeconfig that leads over the wire.
fn data(wire: &Wire) -> Value {
    let kubeconfig = net::kubeconfig(wire.address, "default");
    let user = format!("user: {{token: {TOKEN}}}");
    let kubeconfig = kubeconfig.replace("user: {}", &user);
    json!({"prod": STANDARD.encode(kubeconfig)})
}

fn create_secret(home: &World, data: &Value) {
    let secret = json!({
        "metadata": {"name": "mesh", "labels": {"istio.argoproj.io/primary-cluster": "true"}},
        "data": data,
    });
    home.create(SECRETS, OPERATOR, secret);
}

fn mend_secret(home: &World, data: &Value) {
    home.door.with(|cluster, now| {
        let target = Target::new(SECRETS, OPERATOR, "mesh");
        let patch = Patch::Merge(json!({"data": data}));
        cluster
            .patch(&Call::new(now, "test"), &target, &patch)
            .unwrap();
    });
}

fn delete_secret(home: &World) {
    home.door.with(|cluster, now| {
        let target = Target::new(SECRETS, OPERATOR, "mesh");
        let options = DeletionOptions::default();
        cluster
            .delete(&Call::new(now, "test"), &target, &options)
            .unwrap();
    });
}

fn create_virtual_service(world: &World) {
    let host = |name: &str, weight: u32| json!({"destination": {"host": name}, "weight": weight});
    let route = json!({"route": [host("web", 100), host("web-canary", 0)]});
    let object = json!({
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "VirtualService",
        "metadata": {"name": "web"},
        "spec": {"hosts": ["web"], "http": [route]},
    });
    world.create(VIRTUAL_SERVICES, NAMESPACE, object);
}

/// A Rollout behind Istio that stops at a quarter, and its Services.
fn create_web(home: &World) {
    for name in ["web", "web-canary"] {
        let service = json!({"metadata": {"name": name},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}});
        home.create(SERVICES, NAMESPACE, service);
    }
    home.create_rollout("web");
    let canary = json!({
        "stableService": "web",
        "canaryService": "web-canary",
        "trafficRouting": {"istio": {"virtualService": {"name": "web"}}},
        "steps": [{"setWeight": 25}, {"pause": {}}, {"setWeight": 50}, {"pause": {"duration": "1s"}}],
    });
    let spec = json!({"spec": {"replicas": 4, "strategy": {"canary": canary}}});
    home.patch(ROLLOUTS, "web", spec);
}

fn update(home: &World) {
    let containers = json!([{"name": "web", "image": "web:2"}]);
    let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
    home.patch(ROLLOUTS, "web", patch);
}

/// As the command `promote` does.
fn promote(home: &World) {
    let patch = json!({"status": {"pauseConditions": null}});
    home.patch_status(ROLLOUTS, "web", patch);
}

async fn until_paused(home: &World) {
    let paused = |rollout: &Value| rollout["status"]["phase"] == "Paused";
    home.until(ROLLOUTS, "web", paused).await;
}

/// Waits until the new version is the stable one and has its traffic as that.
async fn until_updated(home: &World, primary: &World) {
    let updated = |rollout: &Value| {
        let status = &rollout["status"];
        status["phase"] == "Healthy" && status["stableRS"] == status["currentPodHash"]
    };
    home.until(ROLLOUTS, "web", updated).await;
    let back = |object: &Value| weights_of(object) == [100, 0];
    primary.until(VIRTUAL_SERVICES, "web", back).await;
}

fn weights(world: &World) -> Vec<Value> {
    weights_of(&world.get(VIRTUAL_SERVICES, "web"))
}

fn weights_of(object: &Value) -> Vec<Value> {
    let route = object["spec"]["http"][0]["route"].as_array().unwrap();
    route.iter().map(|one| one["weight"].clone()).collect()
}

fn sizes(home: &World) -> Vec<(String, u64)> {
    home.door.with(|cluster, _| {
        let all = cluster.in_namespace(REPLICA_SETS, Some(NAMESPACE));
        all.map(|set| {
            let name = set["metadata"]["name"].as_str().unwrap().to_owned();
            (name, set["spec"]["replicas"].as_u64().unwrap())
        })
        .collect()
    })
}

fn about_istio(asked: &Asked) -> bool {
    asked.path.contains("networking.istio.io")
}

/// An update of `web` waits at its first weight, by a controller that has just started.
async fn until_the_first_weight(home: &World, primary: &World) -> Running {
    create_virtual_service(primary);
    create_web(home);
    let controller = home.controller("first", &ALONE).await;
    home.until_healthy("web").await;
    update(home);
    until_paused(home).await;
    controller
}

fn asked_about_istio(world: &World) -> usize {
    let asked = world.asked();
    asked.iter().filter(|asked| about_istio(asked)).count()
}

/// Keeps TR-303. The controller may list the Secrets of its own namespace only.
#[tokio::test(flavor = "multi_thread")]
async fn istio_is_where_the_secret_says_and_everything_else_is_at_home() {
    let (home, primary) = (World::with_istio().await, World::with_istio().await);
    let wire = Wire::to(primary.address).await;
    home.refuse(&[("/api/v1/secrets", 403)]);
    create_secret(&home, &data(&wire));
    let controller = until_the_first_weight(&home, &primary).await;
    assert_eq!(weights(&primary), [75, 25]);
    promote(&home);
    until_updated(&home, &primary).await;
    controller.stop().await;
    let there = primary.asked();
    let writes = there.iter().filter(|asked| asked.is_write());
    assert_eq!(writes.count(), 4, "25, 50, 100 and back to 0");
    assert!(there.iter().all(about_istio), "{there:#?}");
    assert_eq!(asked_about_istio(&home), 0);
}

/// Keeps TR-303: what is known of the primary cluster holds until it is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_cluster_that_goes_away_holds_those_who_need_it_and_nobody_else() {
    let (home, primary) = (World::start().await, World::with_istio().await);
    let wire = Wire::to(primary.address).await;
    create_secret(&home, &data(&wire));
    let controller = until_the_first_weight(&home, &primary).await;
    let before = sizes(&home);
    wire.cut();
    promote(&home);
    let named = format!(
        "the primary cluster http://{} that Secret {SECRET} names cannot be reached: ",
        wire.address
    );
    home.until_any(EVENTS, |event| {
        let message = event["message"].as_str().unwrap_or_default();
        event["reason"] == "TrafficRoutingError"
            && message.starts_with(&named)
            && message.ends_with("put a kubeconfig with another address into the Secret")
    })
    .await;
    home.create_rollout("api");
    home.until_healthy("api").await;
    assert_eq!(weights(&primary), [75, 25]);
    let after = sizes(&home);
    for (name, size) in before {
        let now = after.iter().find(|(set, _)| *set == name).unwrap().1;
        assert!(now >= size, "{name} had {size} pods and has {now}");
    }
    wire.mend();
    until_updated(&home, &primary).await;
    controller.stop().await;
}

/// A primary cluster that is no use from the start on; what the Rollout says of it, and what it says when it is told again.
async fn check_trouble(trouble: impl Fn(&World, &Wire), end: impl Fn(&World, &Wire), why: &str) {
    let (home, primary) = (World::start().await, World::with_istio().await);
    let wire = Wire::to(primary.address).await;
    trouble(&primary, &wire);
    create_secret(&home, &data(&wire));
    create_virtual_service(&primary);
    create_web(&home);
    home.create_rollout("api");
    let controller = home.controller("first", &ALONE).await;
    home.until_healthy("api").await;
    let named = format!(
        "the primary cluster http://{} that Secret {SECRET} names {why}",
        wire.address
    );
    home.until(ROLLOUTS, "web", |rollout| {
        let conditions = rollout["status"]["conditions"].as_array();
        let mut conditions = conditions.into_iter().flatten();
        conditions.any(|condition| {
            let message = condition["message"].as_str().unwrap_or_default();
            condition["type"] == "InvalidSpec" && message.contains(&named)
        })
    })
    .await;
    end(&primary, &wire);
    home.until_healthy("web").await;
    controller.stop().await;
}

/// Keeps TR-303: the controller works for everybody else, and goes on by itself once it can.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_cluster_that_is_no_use_at_the_start_holds_those_who_need_it() {
    let refuse = |code: u16| move |primary: &World, _: &Wire| primary.refuse(&[("/", code)]);
    let accept = |primary: &World, _: &Wire| primary.refuse(&[]);
    let unknown = "does not accept the credentials in it (Unauthorized): put a kubeconfig";
    let forbidden =
        "refuses: Forbidden: let the user of that kubeconfig get, list, watch and patch";
    tokio::join!(
        check_trouble(refuse(401), accept, unknown),
        check_trouble(refuse(403), accept, forbidden),
        check_trouble(
            |_, wire| wire.cut(),
            |_, wire| wire.mend(),
            "cannot be reached"
        ),
    );
}

/// Differs from upstream, whose controller would go on in its own cluster. Nothing of the Secret is logged.
#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_that_is_broken_is_told_and_one_that_is_mended_is_followed() {
    let (home, primary) = (World::with_istio().await, World::with_istio().await);
    let wire = Wire::to(primary.address).await;
    let broken = format!("users: [{{name: u, user: {{token: {TOKEN}}}");
    create_secret(&home, &json!({"prod": STANDARD.encode(broken)}));
    create_virtual_service(&home);
    create_virtual_service(&primary);
    create_web(&home);
    home.create_rollout("api");
    let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("broken-kubeconfig.log");
    let file = File::create(&log).unwrap();
    let flags = [ALONE[0], "--loglevel=debug"];
    let controller = home.process_in("first", (&flags, &[]), Stdio::from(file));
    home.until_healthy("api").await;
    let why = format!(
        "Secret {SECRET} names no primary cluster that can be used: its key prod: it is no kubeconfig in YAML: \
         correct it, or take the label istio.argoproj.io/primary-cluster off"
    );
    let told = |rollout: &Value| rollout["status"].to_string().contains(&why);
    home.until(ROLLOUTS, "web", told).await;
    mend_secret(&home, &data(&wire));
    home.until_healthy("web").await;
    drop(controller);
    assert_eq!(asked_about_istio(&home), 0);
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains(&why), "{log}");
    for secret in [TOKEN, &STANDARD.encode(TOKEN)] {
        assert!(!log.contains(secret), "{log}");
    }
}

/// Differs from upstream, which needs a restart. Versions of the one cluster are no versions of the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_comes_later_leads_to_the_primary_cluster() {
    let (home, primary) = (World::with_istio().await, World::with_istio().await);
    let wire = Wire::to(primary.address).await;
    for number in 0..500 {
        let object = json!({"metadata": {"name": format!("old-{number}")}});
        home.create(SECRETS, OPERATOR, object);
    }
    create_virtual_service(&home);
    let controller = until_the_first_weight(&home, &primary).await;
    assert_eq!(weights(&home), [75, 25]);
    create_secret(&home, &data(&wire));
    primary
        .until(VIRTUAL_SERVICES, "web", |object| {
            object["spec"]["http"][0]["route"][1]["weight"] == 25
        })
        .await;
    let earlier = asked_about_istio(&home);
    promote(&home);
    until_updated(&home, &primary).await;
    assert_eq!(weights(&home), [75, 25]);
    // It goes: nothing is written anywhere until somebody means it.
    delete_secret(&home);
    home.until_any(EVENTS, |event| {
        let message = event["message"].as_str().unwrap_or_default();
        message.starts_with(&format!(
            "Secret {SECRET}, which named the primary cluster, is gone"
        ))
    })
    .await;
    controller.stop().await;
    assert_eq!(earlier, asked_about_istio(&home));
}
