//! Who leads (OPS-04, OPS-06, S2-6, L-10).

use jiff::Timestamp;
use serde_json::{Value, json};
use tidegate_sim::cluster::kinds::{LEASES, ROLLOUTS};

use crate::world::{Asked, ELECTION, OPERATOR, World};

const LOCK: &str = "argo-rollouts-controller-lock";

fn holder(lease: &Value) -> &str {
    lease["spec"]["holderIdentity"].as_str().unwrap_or_default()
}

/// Writes of a controller to anything but the Lease.
fn works(asked: &Asked, who: &str) -> bool {
    asked.who == who && asked.is_write() && !asked.is_about("leases")
}

fn micro_time() -> String {
    Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%S.%6fZ")
        .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_controllers_one_works_and_lets_go_when_it_is_stopped() {
    let world = World::start().await;
    let first = world.controller("first", &ELECTION).await;
    let lease = world
        .until(LEASES, LOCK, |lease| !holder(lease).is_empty())
        .await;
    let spec = &lease["spec"];
    assert_eq!(spec["leaseDurationSeconds"], 2);
    assert_eq!(spec["leaseTransitions"], 0);
    let (leader, time) = (
        holder(&lease).to_owned(),
        spec["renewTime"].as_str().unwrap(),
    );
    assert_eq!(time.len(), "2026-01-01T00:00:00.000000Z".len());
    let second = world.controller("second", &ELECTION).await;
    world.create_rollout("web");
    world.until_healthy("web").await;
    assert!(second.metrics().await[STATUS].abs() < 0.5);
    assert!(first.metrics().await[STATUS] > 0.5);
    assert_eq!(second.health().await, "ok");
    first.stop().await;
    let end = last_word(&world);
    let early = |asked: &Asked| asked.who == "second" && asked.is_write() && asked.at < end;
    assert!(!world.asked().iter().any(early));
    let lease = world
        .until(LEASES, LOCK, |lease| {
            !holder(lease).is_empty() && holder(lease) != leader
        })
        .await;
    assert_eq!(lease["spec"]["leaseTransitions"], 1);
    world.create_rollout("api");
    world.until_healthy("api").await;
    assert!(world.asked().iter().any(|asked| works(asked, "second")));
    second.stop().await;
    assert_eq!(holder(&world.get(LEASES, LOCK)), "");
    assert_eq!(world.get(LEASES, LOCK)["spec"]["leaseDurationSeconds"], 1);
}

const STATUS: &str = "leader_election_master_status{name=\"argo-rollouts-controller-lock\"}";

/// When the first controller wrote for the last time.
fn last_word(world: &World) -> std::time::Instant {
    let all = world.asked();
    let writes = all
        .iter()
        .filter(|asked| asked.who == "first" && asked.is_write());
    writes.map(|asked| asked.at).max().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_killed_is_followed_when_its_lease_has_expired() {
    let world = World::start().await;
    let first = world.process("first", &ELECTION);
    let lease = world
        .until(LEASES, LOCK, |lease| !holder(lease).is_empty())
        .await;
    let leader = holder(&lease).to_owned();
    let second = world.controller("second", &ELECTION).await;
    first.signal("KILL");
    assert!(!first.ended().await.success());
    world.create_rollout("web");
    world.until_healthy("web").await;
    assert_ne!(holder(&world.get(LEASES, LOCK)), leader);
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_slept_through_its_lease_writes_nothing_and_ends() {
    let world = World::start().await;
    let first = world.process("first", &ELECTION);
    world.create_rollout("web");
    world.until_healthy("web").await;
    first.signal("STOP");
    let second = world.controller("second", &ELECTION).await;
    world.patch(ROLLOUTS, "web", json!({"spec": {"replicas": 3}}));
    let scaled = |rollout: &Value| rollout["status"]["availableReplicas"] == 3;
    world.until(ROLLOUTS, "web", scaled).await;
    // There is something to do for whoever wakes up now.
    world.patch(ROLLOUTS, "web", json!({"spec": {"replicas": 2}}));
    let before = world.asked().len();
    first.signal("CONT");
    assert!(first.ended().await.success());
    let late = world.asked().split_off(before);
    assert!(!late.iter().any(|asked| works(asked, "first")), "{late:#?}");
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_lease_is_taken_away_ends() {
    let world = World::start().await;
    let first = world.controller("first", &ELECTION).await;
    world
        .until(LEASES, LOCK, |lease| !holder(lease).is_empty())
        .await;
    let taken = json!({"spec": {"holderIdentity": "other_1", "renewTime": micro_time()}});
    world.patch(LEASES, LOCK, taken);
    first.ended().await;
    assert_eq!(holder(&world.get(LEASES, LOCK)), "other_1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_of_another_implementation_is_respected_until_it_is_let_go() {
    let world = World::start().await;
    // As client-go writes it.
    let held = json!({
        "metadata": {"name": LOCK},
        "spec": {
            "holderIdentity": "argo-rollouts-5d8_9f1c7e1a-0000-4000-8000-000000000000",
            "leaseDurationSeconds": 3600,
            "acquireTime": micro_time(),
            "renewTime": micro_time(),
            "leaseTransitions": 4,
        },
    });
    world.create(LEASES, OPERATOR, held);
    world.create_rollout("web");
    let controller = world.controller("first", &ELECTION).await;
    let looks = |asked: &&Asked| asked.is_about("leases");
    world
        .until_asked(|all| all.iter().filter(looks).count() > 5)
        .await;
    let all = world.asked();
    assert!(!all.iter().any(Asked::is_write), "{all:#?}");
    let let_go = json!({"spec": {"holderIdentity": "", "leaseDurationSeconds": 1}});
    world.patch(LEASES, LOCK, let_go);
    world.until_healthy("web").await;
    assert_eq!(world.get(LEASES, LOCK)["spec"]["leaseTransitions"], 5);
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_do_not_wait_for_each_other() {
    let world = World::start().await;
    let plain = world.controller("plain", &ELECTION).await;
    let flags = [&ELECTION[..], &["--instance-id=blue"]].concat();
    let blue = world.controller("blue", &flags).await;
    for lock in [LOCK, "argo-rollouts-controller-lock-blue"] {
        world
            .until(LEASES, lock, |lease| !holder(lease).is_empty())
            .await;
    }
    plain.stop().await;
    blue.stop().await;
}
