//! Watches that lose a change and go on as if nothing had been (L-6).

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use tidegate_sim::cluster::{
    Part,
    kinds::{REPLICA_SETS, ROLLOUTS, SERVICES},
};

use crate::world::{Asked, NAMESPACE, World};

const RUNS_ALONE: &str = "--leader-elect=false";
/// In place of nine minutes.
const OFTEN: Duration = Duration::from_millis(500);

async fn begin(check_every: Duration) -> World {
    let mut world = World::start().await;
    world.check_every = Some(check_every);
    world
}

/// Lists of whole objects of a kind: one at the start, and one for each time that it is listed anew.
fn lists(asked: &[Asked], plural: &str) -> usize {
    let lists = asked.iter().filter(|asked| {
        asked.path.ends_with(&format!("/{plural}"))
            && asked.query.starts_with("limit=")
            && !asked.is_check()
    });
    lists.count()
}

fn checks(asked: &[Asked], plural: &str) -> usize {
    let checks = asked.iter().filter(|asked| asked.is_check());
    checks
        .filter(|asked| asked.path.ends_with(&format!("/{plural}")))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_lost_is_found_without_a_restart() {
    let world = begin(OFTEN).await;
    world.create_rollout("web");
    let controller = world.controller("first", &[RUNS_ALONE]).await;
    world.until_healthy("web").await;
    world.door.lose_next(ROLLOUTS, Part::Whole);
    world.patch(ROLLOUTS, "web", json!({"spec": {"replicas": 2}}));
    let scaled = |rollout: &Value| rollout["status"]["availableReplicas"] == 2;
    world.until(ROLLOUTS, "web", scaled).await;
    assert_eq!(lists(&world.asked(), "rollouts"), 2);
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_arrival_that_is_lost_is_found() {
    let world = begin(OFTEN).await;
    let controller = world.controller("first", &[RUNS_ALONE]).await;
    world
        .until_asked(|asked| checks(asked, "rollouts") > 0)
        .await;
    world.door.lose_next(ROLLOUTS, Part::Whole);
    world.create_rollout("web");
    world.until_healthy("web").await;
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_is_lost_is_found() {
    let world = begin(OFTEN).await;
    let service = json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}});
    world.create(SERVICES, NAMESPACE, service);
    world.create_rollout("web");
    let named = json!({"spec": {"strategy": {"canary": {"stableService": "web"}}}});
    world.patch(ROLLOUTS, "web", named);
    let controller = world.controller("first", &[RUNS_ALONE]).await;
    world.until_healthy("web").await;
    world.door.lose_next(SERVICES, Part::Whole);
    world.delete(SERVICES, "web");
    let told = |rollout: &Value| rollout["status"].to_string().contains("InvalidSpec");
    world.until(ROLLOUTS, "web", told).await;
    controller.stop().await;
}

/// What the controller has written itself it misses as soon as its watch goes on, without any check.
#[tokio::test(flavor = "multi_thread")]
async fn an_own_write_that_is_lost_is_missed_at_once() {
    let world = World::start().await;
    world.create_rollout("web");
    let controller = world.controller("first", &[RUNS_ALONE]).await;
    world.until_healthy("web").await;
    // The person's change arrives; what the controller then notes on the Rollout does not.
    world.door.lose_next(ROLLOUTS, Part::Status);
    world.patch(ROLLOUTS, "web", json!({"spec": {"replicas": 2}}));
    world.until_asked(|all| lists(all, "rollouts") == 2).await;
    let scaled = |rollout: &Value| rollout["status"]["availableReplicas"] == 2;
    world.until(ROLLOUTS, "web", scaled).await;
    assert!(!world.asked().iter().any(Asked::is_check));
    controller.stop().await;
}

/// A whole update goes on beside checks, and none takes what changes meanwhile for a fault. At rest they only look.
#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_it_is_checked_is_not_listed_anew() {
    let world = begin(Duration::from_millis(20)).await;
    world.create_rollout("web");
    let controller = world.controller("first", &[RUNS_ALONE]).await;
    world.until_healthy("web").await;
    let template = json!({"metadata": {"annotations": {"round": "2"}}});
    world.patch(ROLLOUTS, "web", json!({"spec": {"template": template}}));
    let updated = |rollout: &Value| {
        rollout["status"]["phase"] == "Healthy" && rollout["status"]["observedGeneration"] == "2"
    };
    world.until(ROLLOUTS, "web", updated).await;
    let old_is_gone = |set: &Value| {
        set["metadata"]["annotations"]["rollout.argoproj.io/revision"] == "1"
            && set["status"]["replicas"] == 0
    };
    world.until_any(REPLICA_SETS, old_is_gone).await;
    // Events come after what they tell of.
    let writes = |asked: &[Asked]| {
        let writes = asked.iter().filter(|asked| asked.is_write());
        writes.filter(|asked| !asked.is_about("events")).count()
    };
    let kinds = ["rollouts", "replicasets", "services", "ingresses"];
    // Each kind is checked at its own pace.
    let more_checks = async || {
        let before = world.asked();
        let more = |asked: &[Asked]| {
            let mut kinds = kinds.iter();
            kinds.all(|plural| checks(asked, plural) > checks(&before, plural) + 10)
        };
        world.until_asked(more).await;
    };
    more_checks().await;
    let written = writes(&world.asked());
    more_checks().await;
    let asked = world.asked();
    for plural in kinds {
        assert_eq!(lists(&asked, plural), 1, "{plural}");
    }
    assert_eq!(writes(&asked), written);
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_to_be_checked_loses_nothing_by_it() {
    for code in [404, 403, 406, 410, 500] {
        let world = begin(OFTEN).await;
        world.refuse_checks(StatusCode::from_u16(code).unwrap());
        world.create_rollout("web");
        let controller = world.controller("first", &[RUNS_ALONE]).await;
        world.until_healthy("web").await;
        world
            .until_asked(|asked| checks(asked, "rollouts") > 2)
            .await;
        world.patch(ROLLOUTS, "web", json!({"spec": {"replicas": 2}}));
        let scaled = |rollout: &Value| rollout["status"]["availableReplicas"] == 2;
        world.until(ROLLOUTS, "web", scaled).await;
        let asked = world.asked();
        assert_eq!(lists(&asked, "rollouts"), 1, "{code}");
        controller.stop().await;
    }
}
