//! How long one decision takes: a canary behind a router in the middle of its steps, with ten ReplicaSets.
//! `cargo bench --package tidegate-core`.

use std::{hint::black_box, io::Write as _, time::Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use tidegate_core::{
    observed::Observed,
    rollout::{self, RolloutSnapshot},
};

/// Versions in the cluster, the newest of which is on its way.
const VERSIONS: u32 = 10;
/// Decisions of one sample: enough that the clock's steps do not count.
const ROUND: u32 = 1_000;
/// Samples; the median is told.
const SAMPLES: usize = 51;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let now: Timestamp = "2026-01-01T12:00:00Z".parse()?;
    let observed = observed()?;
    let (snapshot, findings) = rollout::parse(&observed);
    if !findings.is_empty() || snapshot.replica_sets.len() != 10 {
        return Err(format!("not what is measured: {findings:?}").into());
    }
    let plan = rollout::decide(&snapshot, &findings, now);
    let decide = median(|| {
        black_box(rollout::decide(black_box(&snapshot), &findings, now));
    });
    let both = median(|| {
        let (snapshot, findings): (RolloutSnapshot, _) = rollout::parse(black_box(&observed));
        black_box(rollout::decide(&snapshot, &findings, now));
    });
    writeln!(
        std::io::stdout(),
        "decide: {decide:.1} us; parse and decide: {both:.1} us ({} effects, {VERSIONS} ReplicaSets)",
        plan.effects.len()
    )?;
    Ok(())
}

/// The median time of one call, in microseconds.
#[expect(clippy::disallowed_methods, reason = "time is what is measured here")]
fn median(mut call: impl FnMut()) -> f64 {
    let mut samples: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..ROUND {
                call();
            }
            begun.elapsed().as_secs_f64() * 1e6 / f64::from(ROUND)
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    samples[SAMPLES / 2]
}

fn template(version: u32) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{
        "name": "web", "image": format!("registry.example.com/web:{version}"),
        "ports": [{"containerPort": 8080}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}}}]}})
}

fn hash(version: u32) -> String {
    tidegate_api::pod_template::hash(&template(version), None)
}

/// Old versions without pods, a stable one, and a new one with a fifth of the traffic.
fn replica_set(version: u32) -> Value {
    let hash = hash(version);
    let pods = match VERSIONS - version {
        0 => 1,
        1 => 5,
        _ => 0,
    };
    let mut template = template(version);
    template["metadata"]["labels"]["rollouts-pod-template-hash"] = json!(hash);
    json!({
        "metadata": {"name": format!("web-{hash}"), "namespace": "shop", "uid": format!("u-{version}"),
            "resourceVersion": "7", "generation": 1,
            "creationTimestamp": format!("2026-01-01T{version:02}:00:00Z"),
            "labels": {"app": "web", "rollouts-pod-template-hash": hash},
            "annotations": {"rollout.argoproj.io/revision": version.to_string(),
                "rollout.argoproj.io/desired-replicas": "5"},
            "ownerReferences": [{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web",
                "uid": "u", "controller": true}]},
        "spec": {"replicas": pods, "template": template,
            "selector": {"matchLabels": {"app": "web", "rollouts-pod-template-hash": hash}}},
        "status": {"replicas": pods, "readyReplicas": pods, "availableReplicas": pods, "observedGeneration": 1},
    })
}

fn service(name: &str, version: u32) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop", "uid": name, "resourceVersion": "3",
            "annotations": {"argo-rollouts.argoproj.io/managed-by-rollouts": "web"}},
        "spec": {"selector": {"app": "web", "rollouts-pod-template-hash": hash(version)}}})
}

fn observed() -> Result<Observed, serde_json::Error> {
    let steps =
        json!([{"setWeight": 20}, {"pause": {"duration": "5m"}}, {"setWeight": 50}, {"pause": {}}]);
    let (stable, new) = (hash(VERSIONS - 1), hash(VERSIONS));
    let rollout = json!({
        "metadata": {"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "9", "generation": 12,
            "annotations": {"rollout.argoproj.io/revision": VERSIONS.to_string()}},
        "spec": {"replicas": 5, "selector": {"matchLabels": {"app": "web"}}, "template": template(VERSIONS),
            "strategy": {"canary": {"canaryService": "web-canary", "stableService": "web-stable",
                "trafficRouting": {"nginx": {"stableIngress": "web"}}, "steps": steps}}},
        "status": {"stableRS": stable, "currentPodHash": new, "currentStepIndex": 2,
            "currentStepHash": step_hash(&steps)?, "observedGeneration": "12", "phase": "Progressing",
            "replicas": 6, "updatedReplicas": 1, "readyReplicas": 6, "availableReplicas": 6,
            "canary": {"weights": {
                "canary": {"weight": 20, "podTemplateHash": new, "serviceName": "web-canary"},
                "stable": {"weight": 80, "podTemplateHash": stable, "serviceName": "web-stable"}}},
            "conditions": [{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated",
                "message": "", "lastUpdateTime": "2026-01-01T11:59:00Z",
                "lastTransitionTime": "2026-01-01T11:59:00Z"}]},
    });
    let mut observed = Observed {
        rollout: std::sync::Arc::new(serde_json::from_value(rollout)?),
        ..Observed::default()
    };
    for version in 1..=VERSIONS {
        let replica_set = serde_json::from_value(replica_set(version))?;
        observed.replica_sets.push(std::sync::Arc::new(replica_set));
    }
    for (name, version) in [("web-stable", VERSIONS - 1), ("web-canary", VERSIONS)] {
        let service = serde_json::from_value(service(name, version))?;
        observed
            .services
            .insert(name.to_owned(), std::sync::Arc::new(service));
    }
    Ok(observed)
}

fn step_hash(steps: &Value) -> Result<String, serde_json::Error> {
    let steps: Vec<tidegate_api::rollout::CanaryStep> = serde_json::from_value(steps.clone())?;
    Ok(tidegate_api::pod_template::step_hash(&steps))
}
