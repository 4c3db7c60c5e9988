//! Routers as data: one YAML file is a split and the objects that the router sees, the text beside it
//! is what the router finds wrong, and what it writes.

use std::{
    fmt::{self, Write as _},
    path::Path,
    sync::Arc,
};

use serde_json::{Value, json};
use tidegate_api::rollout::Rollout;
use tidegate_core::{
    observed::Objects,
    plan::{
        Backend, Guard, INGRESSES, ManagedRoutes, ObjectKey, Route, Sequence, TrafficSplit, Verb,
        Write,
    },
    reason::Reason,
};
use tidegate_integrations::traffic;

#[expect(
    clippy::needless_pass_by_value,
    reason = "the harness hands the text over"
)]
fn rendering(path: &Path, text: String) -> datatest_stable::Result<()> {
    let told = tell(&serde_saphyr::from_str(&text)?)?;
    let mut beside = insta::Settings::clone_current();
    let folder = path.parent().expect("renderings live in a folder");
    beside.set_snapshot_path(folder.canonicalize()?);
    beside.set_prepend_module_to_snapshot(false);
    beside.set_omit_expression(true);
    let name = path.file_stem().expect("a file has a name");
    beside.bind(|| insta::assert_snapshot!(name.to_string_lossy().as_ref(), told));
    Ok(())
}

datatest_stable::harness! {
    { test = rendering, root = "tests/traffic", pattern = r".*\.yaml$" },
}

/// `routing` is the Rollout's trafficRouting, `weight` the canary's, `ingresses` are the objects.
fn tell(story: &Value) -> datatest_stable::Result<String> {
    let rollout: Rollout = serde_json::from_value(json!({
        "metadata": {"name": "door", "namespace": "town", "uid": "u-door"},
        "spec": {"strategy": {"canary": {
            "canaryService": "door-new",
            "stableService": "door",
            "trafficRouting": story["routing"],
        }}},
    }))?;
    let reads = traffic::reads(&rollout);
    let objects = objects(story, &reads);
    let mut told = String::new();
    for key in &reads {
        line(&mut told, format_args!("reads   {key}"));
    }
    for finding in traffic::findings(&rollout, &objects) {
        line(&mut told, format_args!("finds   {}", finding.message));
    }
    let weight = story["weight"].as_i64().unwrap_or_default();
    let route = route(rollout, i32::try_from(weight)?);
    match traffic::phrase(&route, &objects) {
        Err(why) => line(&mut told, format_args!("fails   {why}")),
        Ok(writes) if writes.is_empty() => line(&mut told, format_args!("writes nothing")),
        Ok(writes) => writes.iter().for_each(|write| show(write, &mut told)),
    }
    Ok(told)
}

/// Only what the router reads is there for it.
fn objects(story: &Value, reads: &[ObjectKey]) -> Objects {
    let ingresses = story["ingresses"].as_array().into_iter().flatten();
    ingresses
        .map(|ingress| {
            let name = ingress["metadata"]["name"].as_str().unwrap_or_default();
            let mut object = ingress.clone();
            object["metadata"]["uid"] = json!(format!("u-{name}"));
            object["metadata"]["resourceVersion"] = json!("7");
            (ObjectKey::new(INGRESSES, "town", name), Arc::new(object))
        })
        .filter(|(key, _)| reads.contains(key))
        .collect()
}

fn route(rollout: Rollout, weight: i32) -> Route {
    let backend = |weight, service: &str| Backend {
        weight,
        hash: String::new(),
        service: service.to_owned(),
    };
    Route {
        rollout: Arc::new(rollout),
        split: TrafficSplit {
            canary: backend(weight, "door-new"),
            stable: backend(100 - weight, "door"),
            additional: Vec::new(),
            max_weight: 100,
            managed_routes: ManagedRoutes::Keep,
            sequence: Sequence::HashFirst,
        },
        events: Vec::new(),
        reason: Reason::StepAsks {
            number: 1,
            words: format!("setWeight: {weight}"),
        },
    }
}

fn show(write: &Write, told: &mut String) {
    let guard = match &write.guard {
        Guard::Absent => "absent".to_owned(),
        Guard::Version {
            uid,
            resource_version,
        } => format!("{uid}@{resource_version}"),
    };
    let verb = match write.verb {
        Verb::Create => "create",
        Verb::Patch => "patch ",
        Verb::PatchStatus => "status",
        Verb::Delete => "delete",
    };
    let body = serde_json::to_string_pretty(&write.body).expect("JSON");
    let body = body.replace('\n', "\n        ");
    let (target, reason) = (&write.target, &write.reason);
    line(
        told,
        format_args!("{verb}  {target} [{guard}] because {reason}\n        {body}"),
    );
    for event in &write.events {
        let (reason, message) = (&event.reason, &event.message);
        line(told, format_args!("tells   {reason}: {message}"));
    }
}

fn line(told: &mut String, arguments: fmt::Arguments<'_>) {
    told.write_fmt(arguments)
        .expect("a String takes everything");
    told.push('\n');
}
