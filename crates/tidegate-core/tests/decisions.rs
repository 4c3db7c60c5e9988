//! Decisions as data: one YAML file is one snapshot, the text beside it is the plan that follows.
//!
//! `<v1>`, `<v2>` and so on stand for the hash of the template with that image, and `<steps>` for the
//! hash of the steps, on both sides.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, sync::Arc};

use jiff::Timestamp;
use serde_json::{Value, json};
use tidegate_api::{
    analysis::{AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate},
    experiment::Experiment,
    labels, pod_template,
    rollout::Rollout,
    workload::{Pod, ReplicaSet, Service},
};
use tidegate_core::{
    observed::{Observed, RouterHashes, RouterView, Verification},
    plan::{Effect, Event, Guard, Plan, Route, Severity, Verb, Write},
    rollout::{self, RolloutSnapshot, pods, status},
    run::{Applied, Outcome, PlanRun, Step},
};

const NOW: &str = "2026-01-01T12:00:00Z";

/// Images whose hashes have names.
const VERSIONS: [&str; 4] = ["v1", "v2", "v3", "v4"];

fn decision(path: &Path) -> datatest_stable::Result<()> {
    let plan = Story::read(&fs::read_to_string(path)?)?.tell();
    let mut beside = insta::Settings::clone_current();
    let folder = path.parent().expect("decisions live in a folder");
    beside.set_snapshot_path(folder.canonicalize()?);
    beside.set_prepend_module_to_snapshot(false);
    beside.set_omit_expression(true);
    let name = path.file_stem().expect("a file has a name");
    beside.bind(|| insta::assert_snapshot!(name.to_string_lossy().as_ref(), plan));
    Ok(())
}

datatest_stable::harness! {
    { test = decision, root = "tests/decisions", pattern = r".*\.yaml$" },
}

struct Story {
    observed: Observed,
    pods: Result<Vec<Pod>, String>,
    names: BTreeMap<String, String>,
}

impl Story {
    fn read(text: &str) -> datatest_stable::Result<Self> {
        let draft: Value = serde_saphyr::from_str(text)?;
        let steps = &draft["canary"]["steps"];
        let steps: Vec<tidegate_api::rollout::CanaryStep> = if steps.is_null() {
            Vec::new()
        } else {
            serde_json::from_value(steps.clone())?
        };
        let mut names: BTreeMap<String, String> = VERSIONS
            .iter()
            .map(|version| (format!("<{version}>"), hash(version)))
            .collect();
        names.insert("<steps>".to_owned(), pod_template::step_hash(&steps));
        let mut filled = draft.to_string();
        for (name, hash) in &names {
            filled = filled.replace(name, hash);
        }
        let story: Value = serde_json::from_str(&filled)?;
        Ok(Self {
            observed: observed(&story)?,
            pods: pods(&story)?,
            names,
        })
    }

    fn tell(&self) -> String {
        let now: Timestamp = NOW.parse().expect("a time");
        let (mut snapshot, findings) = rollout::parse(&self.observed);
        let query = pods::wanted(&snapshot, &findings, now);
        if query.is_some() {
            pods::see(&mut snapshot, self.pods.clone(), now);
        }
        let plan = rollout::decide(&snapshot, &findings, now);
        let mut told = String::new();
        if let Some(query) = query {
            line(
                &mut told,
                format_args!(
                    "lists   pods of {} with {}",
                    query.namespace, query.selector
                ),
            );
        }
        told.push_str(&show(&plan, &snapshot));
        for (name, hash) in &self.names {
            told = told.replace(hash, name);
        }
        told
    }
}

fn template(image: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": "door"}},
        "spec": {"containers": [{"name": "main", "image": image}]},
    })
}

fn hash(version: &str) -> String {
    let template: pod_template::PodTemplate =
        serde_json::from_value(template(version)).expect("a template");
    pod_template::hash(template.value(), None)
}

fn observed(story: &Value) -> datatest_stable::Result<Observed> {
    let image = story["image"].as_str().unwrap_or("v2");
    let strategy = if story["blueGreen"].is_object() {
        json!({"blueGreen": story["blueGreen"]})
    } else {
        json!({"canary": story["canary"]})
    };
    let mut rollout = json!({
        "metadata": {
            "name": "door", "namespace": "town", "uid": "u-door", "resourceVersion": "9",
            "generation": 1,
            "annotations": {labels::REVISION: story["revision"].as_str().unwrap_or("2")},
        },
        "spec": {
            "selector": {"matchLabels": {"app": "door"}},
            "template": template(image),
            "strategy": strategy,
        },
        "status": story["status"],
    });
    if story.get("workload").is_some() {
        rollout["spec"]["template"] = json!({});
        rollout["spec"]["selector"] = Value::Null;
    }
    merge(&mut rollout["metadata"], &story["metadata"]);
    merge(&mut rollout["spec"], &story["spec"]);
    let rollout: Rollout = serde_json::from_value(rollout)?;
    let sets = story["replicaSets"].as_array().into_iter().flatten();
    let sets = sets
        .map(|set| Ok(Arc::new(serde_json::from_value(replica_set(set))?)))
        .collect::<datatest_stable::Result<Vec<Arc<ReplicaSet>>>>()?;
    let services = story["services"].as_object().into_iter().flatten();
    let services = services
        .map(|(name, hash)| Ok((name.clone(), Arc::new(service(name, hash)?))))
        .collect::<datatest_stable::Result<BTreeMap<_, _>>>()?;
    let runs = story["analysisRuns"].as_array().into_iter().flatten();
    let runs = runs
        .map(|run| Ok(Arc::new(serde_json::from_value(analysis_run(run))?)))
        .collect::<datatest_stable::Result<Vec<Arc<AnalysisRun>>>>()?;
    let experiments = story["experiments"].as_array().into_iter().flatten();
    let experiments = experiments
        .map(|one| Ok(Arc::new(serde_json::from_value(experiment(one))?)))
        .collect::<datatest_stable::Result<Vec<Arc<Experiment>>>>()?;
    Ok(Observed {
        rollout: Arc::new(rollout),
        workload: workload(story).map(Arc::new),
        replica_sets: sets,
        services,
        analysis_runs: runs,
        experiments,
        analysis_templates: templates(
            &story["templates"],
            serde_json::from_value::<AnalysisTemplate>,
        )?,
        cluster_analysis_templates: templates(
            &story["clusterTemplates"],
            serde_json::from_value::<ClusterAnalysisTemplate>,
        )?,
        routers: routers(&story["routers"]),
        verify_retry_seconds: story["verifyRetrySeconds"]
            .as_u64()
            .and_then(|seconds| u32::try_from(seconds).ok()),
        ..Observed::default()
    })
}

/// A Deployment from `{image, replicas, generation}`.
fn workload(story: &Value) -> Option<Value> {
    let workload = story.get("workload")?;
    Some(json!({
        "metadata": {
            "name": "door", "namespace": "town", "uid": "u-deployment", "resourceVersion": "4",
            "generation": workload["generation"].as_i64().unwrap_or(1),
        },
        "spec": {
            "replicas": workload["replicas"],
            "selector": {"matchLabels": {"app": "door"}},
            "template": template(workload["image"].as_str().unwrap_or("v2")),
        },
    }))
}

/// Pods from `{of, hour, ready, labels, …}`, numbered in their order, or what came instead.
fn pods(story: &Value) -> datatest_stable::Result<Result<Vec<Pod>, String>> {
    if let Some(why) = story["pods"].as_str() {
        return Ok(Err(why.to_owned()));
    }
    let pods = story["pods"].as_array().into_iter().flatten();
    let pods = pods.enumerate().map(|(number, pod)| {
        let of = pod["of"].as_str().unwrap_or_default();
        let hour = pod["hour"].as_i64().unwrap_or(3);
        let mut object = json!({
            "metadata": {
                "name": format!("door-{}-{number}", hash(of)), "namespace": "town",
                "uid": format!("u-pod-{number}"), "resourceVersion": "4",
                "creationTimestamp": format!("2026-01-01T{hour:02}:00:00Z"),
                "labels": {"app": "door", labels::POD_TEMPLATE_HASH: hash(of)},
                "ownerReferences": [{
                    "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("door-{}", hash(of)),
                    "uid": format!("u-{of}"), "controller": true,
                }],
            },
            "status": {"conditions": [{
                "type": "Ready", "status": pod["ready"].as_str().unwrap_or("True"),
                "lastTransitionTime": format!("2026-01-01T{hour:02}:00:00Z"),
            }]},
        });
        merge(&mut object["metadata"], &pod["metadata"]);
        serde_json::from_value(object).map_err(Into::into)
    });
    pods.collect::<datatest_stable::Result<Vec<Pod>>>().map(Ok)
}

/// Templates from specs by name.
fn templates<T>(
    specs: &Value,
    read: impl Fn(Value) -> serde_json::Result<T>,
) -> datatest_stable::Result<BTreeMap<String, Arc<T>>> {
    let specs = specs.as_object().into_iter().flatten();
    specs
        .map(|(name, spec)| {
            let template = json!({"metadata": {"name": name}, "spec": spec});
            Ok((name.clone(), Arc::new(read(template)?)))
        })
        .collect()
}

/// Routers from `{canary: hash, stable: hash, verified: true | false, fails: why, lacks: why}`.
fn routers(routers: &Value) -> Vec<RouterView> {
    let routers = routers.as_array().into_iter().flatten();
    routers
        .map(|router| {
            let text = |member: &str| router[member].as_str().map(str::to_owned);
            RouterView {
                named: text("canary").into_iter().chain(text("stable")).collect(),
                hashes: text("canary").map(|canary| RouterHashes {
                    canary,
                    stable: text("stable").unwrap_or_default(),
                }),
                obstacle: text("lacks").map(|why| Event::warning("DestinationRuleNotFound", why)),
                verification: match (router["verified"].as_bool(), text("fails")) {
                    (_, Some(why)) => Verification::Failed(why),
                    (Some(true), None) => Verification::Verified,
                    (Some(false), None) => Verification::NotYet("targets say 0".to_owned()),
                    (None, None) => Verification::NotSupported,
                },
            }
        })
        .collect()
}

/// An AnalysisRun from `{name, of, phase, step, …}`.
fn analysis_run(run: &Value) -> Value {
    let of = run["of"].as_str().unwrap_or("v2");
    let hour = run["hour"].as_i64().unwrap_or(3);
    let name = run["name"].as_str().unwrap_or_default();
    let mut object = json!({
        "metadata": {
            "name": name, "namespace": "town", "uid": format!("u-{name}"),
            "resourceVersion": "6", "creationTimestamp": format!("2026-01-01T{hour:02}:00:00Z"),
            "labels": {labels::POD_TEMPLATE_HASH: hash(of)},
            "ownerReferences": [{
                "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "door",
                "uid": "u-door", "controller": true,
            }],
        },
        "spec": {"metrics": []},
        "status": {"phase": run["phase"], "message": run["message"]},
    });
    if let Some(step) = run["step"].as_i64() {
        object["metadata"]["labels"][labels::STEP_INDEX] = json!(step.to_string());
    }
    merge(&mut object["metadata"], &run["metadata"]);
    merge(&mut object["spec"], &run["spec"]);
    object
}

/// An Experiment from `{name, of, phase, message, templates, …}`, a template being `{name, weight's hash,
/// available, status}`.
fn experiment(one: &Value) -> Value {
    let of = one["of"].as_str().unwrap_or("v2");
    let hour = one["hour"].as_i64().unwrap_or(3);
    let name = one["name"].as_str().unwrap_or_default();
    let templates = one["templates"].as_array().into_iter().flatten();
    let templates: Vec<Value> = templates
        .map(|template| {
            let pods = template["available"].as_i64().unwrap_or(1);
            json!({
                "name": template["name"], "replicas": pods, "availableReplicas": pods,
                "status": template["status"].as_str().unwrap_or("Running"),
                "serviceName": template["service"],
                "podTemplateHash": template["hash"],
            })
        })
        .collect();
    let mut object = json!({
        "metadata": {
            "name": name, "namespace": "town", "uid": format!("u-{name}"),
            "resourceVersion": "7", "creationTimestamp": format!("2026-01-01T{hour:02}:00:00Z"),
            "labels": {labels::POD_TEMPLATE_HASH: hash(of)},
            "ownerReferences": [{
                "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "door",
                "uid": "u-door", "controller": true,
            }],
        },
        "spec": {"templates": []},
        "status": {
            "phase": one["phase"], "message": one["message"], "templateStatuses": templates,
        },
    });
    merge(&mut object["metadata"], &one["metadata"]);
    merge(&mut object["spec"], &one["spec"]);
    object
}

/// A ReplicaSet from `{of, revision, replicas, available, …}`: what is left out follows from these.
fn replica_set(set: &Value) -> Value {
    let of = set["of"].as_str().unwrap_or_default();
    let replicas = set["replicas"].as_i64().unwrap_or(0);
    let revision = set["revision"].as_i64().unwrap_or(1);
    let available = set["available"].as_i64().unwrap_or(replicas);
    let name = set["name"]
        .as_str()
        .map_or_else(|| format!("door-{}", hash(of)), str::to_owned);
    let mut object = json!({
        "metadata": {
            "name": name, "namespace": "town", "uid": format!("u-{of}"), "resourceVersion": "5",
            "creationTimestamp": format!("2026-01-01T0{revision}:00:00Z"),
            "labels": {"app": "door", labels::POD_TEMPLATE_HASH: hash(of)},
            "annotations": {
                labels::REVISION: revision.to_string(),
                labels::DESIRED_REPLICAS: set["desired"].as_str().unwrap_or("10"),
            },
            "ownerReferences": [{
                "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "door",
                "uid": "u-door", "controller": true,
            }],
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "door", labels::POD_TEMPLATE_HASH: hash(of)}},
            "template": template(of),
        },
        "status": {
            "replicas": set["created"].as_i64().unwrap_or(replicas),
            "fullyLabeledReplicas": set["labeled"].as_i64().unwrap_or(replicas),
            "readyReplicas": available,
            "availableReplicas": available,
        },
    });
    merge(&mut object["metadata"], &set["metadata"]);
    merge(&mut object["spec"]["template"], &set["template"]);
    object
}

fn service(name: &str, hash: &Value) -> datatest_stable::Result<Service> {
    let mut service = json!({
        "metadata": {
            "name": name, "namespace": "town", "uid": format!("u-{name}"), "resourceVersion": "3",
        },
        "spec": {"selector": {"app": "door"}},
    });
    if !hash.is_null() {
        service["spec"]["selector"][labels::POD_TEMPLATE_HASH] = hash.clone();
        service["metadata"]["annotations"] = json!({labels::MANAGED_BY_ROLLOUTS: "door"});
    }
    Ok(serde_json::from_value(service)?)
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        if !patch.is_null() {
            *target = patch.clone();
        }
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, member) in members {
        if member.is_null() {
            if let Some(target) = target.as_object_mut() {
                target.remove(key);
            }
        } else {
            merge(&mut target[key], member);
        }
    }
}

fn show(plan: &Plan, snapshot: &RolloutSnapshot) -> String {
    let mut text = String::new();
    for effect in &plan.effects {
        match effect {
            Effect::Write(write) => show_write(write, &mut text),
            Effect::Route(route) => show_route(route, &mut text),
        }
    }
    if let Some(write) = status::write(snapshot, plan, &carry_out(plan)) {
        show_write(&write, &mut text);
    }
    show_events(&plan.events, &mut text);
    for reason in &plan.reasons {
        line(&mut text, format_args!("waits   {reason}"));
    }
    if let Some(wake) = &plan.wake {
        line(
            &mut text,
            format_args!("wakes   {} because {}", wake.at, wake.reason),
        );
    }
    if let Some(reason) = &plan.retry {
        line(&mut text, format_args!("retries because {reason}"));
    }
    text
}

fn show_write(write: &Write, text: &mut String) {
    let verb = match write.verb {
        Verb::Create => "create ",
        Verb::Patch => "patch  ",
        Verb::PatchStatus => "status ",
        Verb::Delete => "delete ",
        Verb::Evict => "evict  ",
    };
    let guard = match &write.guard {
        Guard::Absent => "absent".to_owned(),
        Guard::Version {
            uid,
            resource_version,
        } => format!("{uid}@{resource_version}"),
    };
    line(
        text,
        format_args!("{verb} {} [{guard}] because {}", write.target, write.reason),
    );
    match write.verb {
        Verb::Delete | Verb::Evict => {}
        Verb::Patch => line(text, format_args!("        {}", write.body)),
        Verb::PatchStatus => show_status(&write.body["status"], text),
        Verb::Create => {
            let body = serde_json::to_string_pretty(&write.body).expect("JSON");
            for body_line in body.lines() {
                line(text, format_args!("        {body_line}"));
            }
        }
    }
    show_events(&write.events, text);
}

fn show_status(status: &Value, text: &mut String) {
    for (key, member) in status.as_object().into_iter().flatten() {
        if key != "conditions" {
            line(text, format_args!("        {key}: {member}"));
            continue;
        }
        for condition in member.as_array().into_iter().flatten() {
            let part = |name: &str| condition[name].as_str().unwrap_or_default().to_owned();
            line(
                text,
                format_args!(
                    "        {} is {}: {}, {} ({})",
                    part("type"),
                    part("status"),
                    part("reason"),
                    part("message"),
                    part("lastTransitionTime"),
                ),
            );
        }
    }
}

fn show_route(route: &Route, text: &mut String) {
    let split = &route.split;
    line(
        text,
        format_args!(
            "route   canary {} ({}), stable {} ({}), of {}, {:?}, {:?}, because {}",
            split.canary.weight,
            split.canary.hash,
            split.stable.weight,
            split.stable.hash,
            split.max_weight,
            split.managed_routes,
            split.sequence,
            route.reason
        ),
    );
    for backend in &split.additional {
        line(
            text,
            format_args!(
                "        and {} to {} ({})",
                backend.weight, backend.service, backend.hash
            ),
        );
    }
    for request in &split.routes {
        line(text, format_args!("        with route {}", request.name()));
    }
    show_events(&route.events, text);
}

fn show_events(events: &[Event], text: &mut String) {
    for event in events {
        let severity = match event.severity {
            Severity::Normal => "",
            Severity::Warning => "warning ",
        };
        line(
            text,
            format_args!("tells   {severity}{}: {}", event.reason, event.message),
        );
    }
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments)
        .expect("a String takes everything");
    text.push('\n');
}

/// As if every effect were done.
fn carry_out(plan: &Plan) -> Applied {
    let mut run = PlanRun::new(plan);
    while let Some(step) = run.next_step() {
        match step {
            Step::Write(_) => run.record(Outcome::Done(Arc::new(Value::Null))),
            Step::Route(_) => run.expand(Ok(Vec::new())),
            Step::Look(_) => {
                let version = plan.look.as_ref().map(|look| look.version.clone());
                let same = json!({"metadata": {"resourceVersion": version}});
                assert_eq!(run.looked(Ok(same)), None);
            }
        }
    }
    run.finish()
}
