//! A canary behind NGINX on a real control plane, steered with our command line, with the controller
//! killed in the middle.

use anyhow::Result;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tidegate_testbed::{
    Options,
    bench::{Bench, Controller},
};

const ROLLOUT: &str = "/apis/argoproj.io/v1alpha1/namespaces/production/rollouts/shop";

fn image(version: u32) -> String {
    format!("registry.example.com/shop:{version}")
}

/// Services, an Ingress and a Rollout with short pauses.
async fn create(bench: &Bench, steps: &Value) -> Result<()> {
    let labels = json!({"app": "shop"});
    for name in ["shop-stable", "shop-canary"] {
        bench
            .create(
                "/api/v1/namespaces/production/services",
                &json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
                    "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]}}),
            )
            .await?;
    }
    let backend = json!({"service": {"name": "shop-stable", "port": {"number": 80}}});
    bench
        .create(
            "/apis/networking.k8s.io/v1/namespaces/production/ingresses",
            &json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "shop"},
                "spec": {"ingressClassName": "nginx", "rules": [{"host": "shop.example.com",
                    "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]}}),
        )
        .await?;
    bench
        .create(
            "/apis/argoproj.io/v1alpha1/namespaces/production/rollouts",
            &json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "shop"},
                "spec": {
                    "replicas": 3,
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": {"containers": [
                        {"name": "shop", "image": image(1), "ports": [{"containerPort": 8080}]}]}},
                    "strategy": {"canary": {
                        "canaryService": "shop-canary",
                        "stableService": "shop-stable",
                        "trafficRouting": {"nginx": {"stableIngress": "shop"}},
                        "scaleDownDelaySeconds": 1,
                        "abortScaleDownDelaySeconds": 1,
                        "steps": steps,
                    }},
                }}),
        )
        .await?;
    until_phase(bench, "Healthy").await
}

/// Waits until the controller has seen the newest spec and says so.
async fn until_phase(bench: &Bench, phase: &str) -> Result<()> {
    bench
        .until(ROLLOUT, phase, |rollout| {
            let status = &rollout["status"];
            let generation = rollout["metadata"]["generation"].to_string();
            let unpausing = status["controllerPause"] == true
                && status["pauseConditions"]
                    .as_array()
                    .is_none_or(Vec::is_empty);
            status["observedGeneration"] == generation && status["phase"] == phase && !unpausing
        })
        .await
}

async fn until_paused_at(bench: &Bench, index: u32) -> Result<()> {
    bench
        .until(ROLLOUT, &format!("pause at step {index}"), |rollout| {
            let status = &rollout["status"];
            status["phase"] == "Paused" && status["currentStepIndex"] == index
        })
        .await
}

async fn command(bench: &Bench, arguments: &[&str]) -> Result<String> {
    let mut all = arguments.to_vec();
    all.extend(["-n", "production"]);
    bench.tidegate(&all).await
}

async fn set_image(bench: &Bench, version: u32) -> Result<()> {
    let image = format!("shop={}", image(version));
    command(bench, &["set", "image", "shop", &image]).await?;
    Ok(())
}

async fn weight(bench: &Bench) -> Result<String> {
    let canary = bench
        .get("/apis/networking.k8s.io/v1/namespaces/production/ingresses/shop-shop-canary")
        .await?;
    let weight = &canary["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-weight"];
    Ok(weight.as_str().unwrap_or_default().to_owned())
}

async fn stable_image(bench: &Bench) -> Result<String> {
    let rollout = bench.get(ROLLOUT).await?;
    let stable = rollout["status"]["stableRS"].as_str().unwrap_or_default();
    let set = bench
        .get(&format!(
            "/apis/apps/v1/namespaces/production/replicasets/shop-{stable}"
        ))
        .await?;
    let image = &set["spec"]["template"]["spec"]["containers"][0]["image"];
    Ok(image.as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_does_on_a_real_control_plane_what_it_says() -> Result<()> {
    let Some(bench) = Bench::start("commands").await? else {
        return Ok(());
    };
    let _controller = bench.controller(&[])?;
    let steps = json!([{"setWeight": 20}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}]);
    create(&bench, &steps).await?;

    set_image(&bench, 2).await?;
    until_paused_at(&bench, 1).await?;
    assert_eq!(weight(&bench).await?, "20");
    command(&bench, &["promote", "shop"]).await?;
    until_paused_at(&bench, 3).await?;
    assert_eq!(weight(&bench).await?, "50");

    command(&bench, &["abort", "shop"]).await?;
    until_phase(&bench, "Degraded").await?;
    assert_eq!(weight(&bench).await?, "0");
    assert_eq!(stable_image(&bench).await?, image(1));

    command(&bench, &["retry", "rollout", "shop"]).await?;
    until_paused_at(&bench, 1).await?;
    command(&bench, &["promote", "shop", "--full"]).await?;
    until_phase(&bench, "Healthy").await?;
    assert_eq!(stable_image(&bench).await?, image(2));

    set_image(&bench, 3).await?;
    until_paused_at(&bench, 1).await?;
    command(&bench, &["promote", "shop", "--full"]).await?;
    until_phase(&bench, "Healthy").await?;
    assert_eq!(stable_image(&bench).await?, image(3));

    let said = command(&bench, &["undo", "shop"]).await?;
    assert_eq!(said, "rollout 'shop' undo\n");
    until_paused_at(&bench, 1).await?;
    command(&bench, &["promote", "shop", "--full"]).await?;
    until_phase(&bench, "Healthy").await?;
    assert_eq!(stable_image(&bench).await?, image(2));

    command(&bench, &["undo", "shop", "--to-revision", "1"]).await?;
    until_paused_at(&bench, 1).await?;
    command(&bench, &["promote", "shop", "--full"]).await?;
    until_phase(&bench, "Healthy").await?;
    assert_eq!(stable_image(&bench).await?, image(1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_is_killed_goes_on_where_it_was() -> Result<()> {
    let Some(bench) = Bench::start("killed").await? else {
        return Ok(());
    };
    let mut controller = bench.controller(&[])?;
    let steps = json!([
        {"setWeight": 20}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}, {"setWeight": 80}, {"pause": {}}
    ]);
    create(&bench, &steps).await?;
    set_image(&bench, 2).await?;
    for (index, percent) in [(1, "20"), (3, "50"), (5, "80")] {
        until_paused_at(&bench, index).await?;
        controller = restart(&bench, controller, index).await?;
        // It comes back to the same step, and moves on only when it is told to.
        let rollout = bench.get(ROLLOUT).await?;
        let status = &rollout["status"];
        assert_eq!(
            (&status["phase"], &status["currentStepIndex"]),
            (&json!("Paused"), &json!(index))
        );
        assert_eq!(weight(&bench).await?, percent);
        command(&bench, &["promote", "shop"]).await?;
    }
    until_phase(&bench, "Healthy").await?;
    assert_eq!(stable_image(&bench).await?, image(2));
    assert_eq!(sets(&bench).await?.len(), 2);
    drop(controller);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_is_killed_while_pods_start_goes_on_where_it_was() -> Result<()> {
    // Long enough for a killed controller to be followed while pods still start.
    let slow = |options: &mut Options| options.timing.start = SignedDuration::from_secs(5);
    let Some(bench) = Bench::start_with("killed-scaling", slow).await? else {
        return Ok(());
    };
    let controller = bench.controller(&[])?;
    let steps = json!([{"setWeight": 50}, {"pause": {}}]);
    create(&bench, &steps).await?;
    set_image(&bench, 2).await?;
    bench
        .until(SETS, "new pods that start", |list| {
            let sets = list["items"].as_array().into_iter().flatten();
            let mut new = sets.filter(|set| set_image_of(set) == image(2));
            new.any(|set| {
                number(&set["status"]["replicas"]) > number(&set["status"]["availableReplicas"])
            })
        })
        .await?;
    let controller = restart(&bench, controller, 0).await?;
    until_paused_at(&bench, 1).await?;
    assert_eq!(weight(&bench).await?, "50");
    // Nothing was begun anew.
    let new: Vec<Value> = sets(&bench).await?;
    let counts: Vec<i64> = new
        .iter()
        .map(|set| number(&set["spec"]["replicas"]))
        .collect();
    assert_eq!(counts.iter().sum::<i64>(), 5, "{counts:?}");
    assert_eq!(new.len(), 2);
    command(&bench, &["promote", "shop"]).await?;
    until_phase(&bench, "Healthy").await?;
    assert_eq!(stable_image(&bench).await?, image(2));
    drop(controller);
    Ok(())
}

const SETS: &str = "/apis/apps/v1/namespaces/production/replicasets";
const LEASE: &str =
    "/apis/coordination.k8s.io/v1/namespaces/default/leases/argo-rollouts-controller-lock";

async fn sets(bench: &Bench) -> Result<Vec<Value>> {
    let list = bench.get(SETS).await?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

fn set_image_of(set: &Value) -> String {
    let image = &set["spec"]["template"]["spec"]["containers"][0]["image"];
    image.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

/// Kills the controller and starts another; waits until that one leads and has looked at everything
/// that was there before: at another Rollout, which came last, it has.
async fn restart(bench: &Bench, controller: Controller, sign: u32) -> Result<Controller> {
    let before = bench.get(LEASE).await?["spec"]["holderIdentity"].take();
    controller.kill()?;
    let next = bench.controller(&[])?;
    bench
        .until(LEASE, "new holder", |lease| {
            let holder = &lease["spec"]["holderIdentity"];
            holder.is_string() && *holder != before && *holder != ""
        })
        .await?;
    let name = format!("sign-{sign}");
    let rollouts = "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts";
    let labels = json!({"app": name});
    let rollout = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": name},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}},
        "strategy": {"canary": {}},
    }});
    bench.create(rollouts, &rollout).await?;
    bench
        .until(&format!("{rollouts}/{name}"), "sign of life", |rollout| {
            rollout["status"]["observedGeneration"].is_string()
        })
        .await?;
    Ok(next)
}
