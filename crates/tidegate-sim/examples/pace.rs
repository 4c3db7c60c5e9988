//! How fast the model cluster is: canaries of five replicas in five steps, without a controller.
//! `cargo run --release -p tidegate-sim --example pace`.

use std::{io::Write as _, time::Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tidegate_sim::{
    actors::{Actors, EndpointsWrites, Settings, kubelet::Timing},
    cluster::{Call, Cluster, Patch, Target, kinds},
};

/// Simulations mostly make and drop small JSON values.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many rollouts are measured.
const ROLLOUTS: u32 = 300;

fn main() -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut writes = 0;
    for _ in 0..ROLLOUTS {
        writes += one_rollout()?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    writeln!(
        std::io::stdout(),
        "{:.0} rollouts/s, {:.1} us/write, {} writes each",
        f64::from(ROLLOUTS) / seconds,
        seconds * 1e6 / f64::from(u32::try_from(writes)?),
        writes / u64::from(ROLLOUTS),
    )?;
    Ok(())
}

/// A Rollout's two ReplicaSets trade places in five steps, its status written after each.
fn one_rollout() -> anyhow::Result<u64> {
    let mut now: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    let mut cluster = Cluster::new(now);
    let mut actors = Actors::new(&Settings {
        timing: Timing::default(),
        endpoints: EndpointsWrites::Omitted,
    });
    let call = Call::new(now, "pace");
    let template = json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "web:1", "ports": [{"containerPort": 80}]}]},
    });
    let rollout = json!({
        "metadata": {"name": "web"},
        "spec": {"replicas": 5, "selector": {"matchLabels": {"app": "web"}}, "template": template, "strategy": {"canary": {}}},
    });
    cluster.create(&call, kinds::ROLLOUTS, "default", rollout)?;
    for (name, replicas) in [("web-a", 5), ("web-b", 0)] {
        let set = json!({
            "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template},
        });
        cluster.create(&call, kinds::REPLICA_SETS, "default", set)?;
    }
    for step in 0..=5 {
        for (name, replicas) in [("web-b", step), ("web-a", 5 - step)] {
            patch(
                &mut cluster,
                now,
                (name, json!({"spec": {"replicas": replicas}})),
            )?;
        }
        let status =
            json!({"status": {"currentStepIndex": step, "replicas": 5, "phase": "Progressing"}});
        let target = Target::new(kinds::ROLLOUTS, "default", "web").status();
        cluster.patch(&Call::new(now, "pace"), &target, &Patch::Merge(status))?;
        while let Some(next) = actors.step(&mut cluster, now) {
            now = next;
        }
        now += SignedDuration::from_secs(60);
    }
    Ok(cluster.version())
}

fn patch(cluster: &mut Cluster, now: Timestamp, (name, body): (&str, Value)) -> anyhow::Result<()> {
    let target = Target::new(kinds::REPLICA_SETS, "default", name);
    cluster.patch(&Call::new(now, "pace"), &target, &Patch::Merge(body))?;
    Ok(())
}
