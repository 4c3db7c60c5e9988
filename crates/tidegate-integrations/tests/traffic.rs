//! Routers as data: one YAML file is a split and the objects that the router sees, the text beside it
//! is what the router finds wrong, and what it writes.

#[path = "beside/told.rs"]
mod beside;

use std::{
    fmt::{self, Write as _},
    path::Path,
    sync::Arc,
};

use serde_json::{Value, json};
use tidegate_api::rollout::Rollout;
use tidegate_core::{
    observed::{Objects, RouterView},
    plan::{
        Backend, DESTINATION_RULES, Guard, INGRESSES, ManagedRoutes, ObjectKey, Route,
        RouteRequest, Sequence, TrafficSplit, VIRTUAL_SERVICES, Verb, Write,
    },
    reason::Reason,
};
use tidegate_integrations::traffic::{self, Absence, Seen};

#[expect(
    clippy::needless_pass_by_value,
    reason = "the harness hands the text over"
)]
fn rendering(path: &Path, text: String) -> datatest_stable::Result<()> {
    beside::compare(path, &tell(&serde_saphyr::from_str(&text)?)?)
}

datatest_stable::harness! {
    { test = rendering, root = "tests/traffic", pattern = r".*\.yaml$" },
}

/// `routing` is the Rollout's trafficRouting, `canary` what else its strategy says, `weight` the canary's,
/// `hashes` those of canary and stable version, `additional` experiments' Services with hash and weight,
/// `managed` and `sequence` what the split says of routes and order, `ingresses` and `objects` are what is
/// there, `absent: true` says that the cluster knows no Istio, or a text why it must not be seen, or
/// `out of reach` why another cluster that has it cannot be asked, `marked` whose marks
/// are cleaned away, `rivals` when other Rollouts with the same strategy were made, which was 2026-01-02 for this one.
fn tell(story: &Value) -> datatest_stable::Result<String> {
    let mut canary = json!({"canaryService": "door-new", "stableService": "door"});
    for (member, value) in story["canary"].as_object().into_iter().flatten() {
        canary[member] = value.clone();
    }
    canary["trafficRouting"] = story["routing"].clone();
    let rollout: Rollout = serde_json::from_value(json!({
        "metadata": {"name": "door", "namespace": "town", "uid": "u-door",
            "creationTimestamp": "2026-01-02T00:00:00Z"},
        "spec": {"strategy": {"canary": canary}},
        "status": story["status"],
    }))?;
    let reads = traffic::reads(&rollout);
    let objects = objects(story, &reads);
    let mut told = String::new();
    for key in &reads {
        let place = match key.namespace.as_str() {
            "town" => String::new(),
            other => format!(" in {other}"),
        };
        line(&mut told, format_args!("reads   {key}{place}"));
    }
    let absence = match &story["absent"] {
        Value::Bool(true) => Some(Absence::NotServed),
        Value::String(words) => Some(Absence::Forbidden(words.clone())),
        Value::Object(why) => why["out of reach"]
            .as_str()
            .map(|sentence| Absence::OutOfReach(sentence.to_owned())),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    };
    let kinds = [VIRTUAL_SERVICES, DESTINATION_RULES];
    let istio: Vec<_> = absence
        .iter()
        .flat_map(|absence| kinds.clone().map(|resource| (resource, absence.clone())))
        .collect();
    let rivals = rivals(story, &rollout)?;
    let seen = Seen {
        objects: &objects,
        absent: &istio,
        rivals: &rivals,
    };
    for finding in traffic::findings(&rollout, &seen) {
        line(&mut told, format_args!("finds   {}", finding.message));
    }
    for view in traffic::views(&rollout, &seen) {
        show_view(&view, &mut told);
    }
    if let Some(name) = story["marked"].as_str() {
        let rules: Vec<_> = objects.values().cloned().collect();
        let rules: Vec<_> = rules
            .into_iter()
            .filter(|rule| traffic::manager(rule) == Some(name))
            .collect();
        let named = (name == "door").then_some(&rollout);
        for write in traffic::leftovers(named, &rules) {
            show(&write, &mut told);
        }
        return Ok(told);
    }
    let route = route(rollout, story)?;
    let phrased = traffic::phrase(&route, &objects);
    // Fixes TR-317: what was looked at is still as it was, so a second look leads to the same.
    assert_eq!(phrased, traffic::phrase(&route, &objects));
    match phrased {
        Err(event) => line(
            &mut told,
            format_args!("fails   {}: {}", event.reason, event.message),
        ),
        Ok(writes) if writes.is_empty() => line(&mut told, format_args!("writes nothing")),
        Ok(writes) => writes.iter().for_each(|write| show(write, &mut told)),
    }
    Ok(told)
}

fn rivals(story: &Value, rollout: &Rollout) -> datatest_stable::Result<Vec<Arc<Rollout>>> {
    let named = story["rivals"].as_object().into_iter().flatten();
    let rivals = named.map(|(name, since)| {
        let mut rival = serde_json::to_value(rollout)?;
        rival["metadata"] = json!({"name": name, "namespace": "town", "uid": name,
            "creationTimestamp": since});
        Ok(Arc::new(serde_json::from_value(rival)?))
    });
    rivals.collect()
}

/// Only what the router reads is there for it.
fn objects(story: &Value, reads: &[ObjectKey]) -> Objects {
    let all = [&story["ingresses"], &story["objects"]].into_iter();
    all.filter_map(Value::as_array)
        .flatten()
        .map(|given| {
            let name = given["metadata"]["name"].as_str().unwrap_or_default();
            let namespace = given["metadata"]["namespace"].as_str().unwrap_or("town");
            let resource = match given["kind"].as_str() {
                Some("VirtualService") => VIRTUAL_SERVICES,
                Some("DestinationRule") => DESTINATION_RULES,
                _ => INGRESSES,
            };
            let mut object = given.clone();
            object["metadata"]["namespace"] = json!(namespace);
            object["metadata"]["uid"] = json!(format!("u-{name}"));
            object["metadata"]["resourceVersion"] = json!("7");
            (ObjectKey::new(resource, namespace, name), Arc::new(object))
        })
        .filter(|(key, _)| reads.contains(key))
        .collect()
}

fn show_view(view: &RouterView, told: &mut String) {
    if let Some(event) = &view.obstacle {
        line(
            told,
            format_args!("cannot  {}: {}", event.reason, event.message),
        );
    }
    if let Some(hashes) = &view.hashes {
        line(
            told,
            format_args!("holds   canary {}, stable {}", hashes.canary, hashes.stable),
        );
    }
    if !view.named.is_empty() {
        line(told, format_args!("names   {}", view.named.join(", ")));
    }
}

fn route(rollout: Rollout, story: &Value) -> datatest_stable::Result<Route> {
    let weight = i32::try_from(story["weight"].as_i64().unwrap_or_default())?;
    let canary = rollout.spec.strategy.canary.clone().unwrap_or_default();
    let backend = |weight, role: &str, service: &str| Backend {
        weight,
        hash: story["hashes"][role]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        service: service.to_owned(),
    };
    let additional = story["additional"].as_array().into_iter().flatten();
    let additional: Vec<Backend> = additional
        .map(|one| Backend {
            weight: one["weight"]
                .as_i64()
                .and_then(|weight| i32::try_from(weight).ok())
                .unwrap_or(0),
            hash: one["hash"].as_str().unwrap_or_default().to_owned(),
            service: one["service"].as_str().unwrap_or_default().to_owned(),
        })
        .collect();
    let steps = canary.steps.iter();
    let requests = steps.filter_map(|step| {
        let header = step.set_header_route.clone().map(RouteRequest::Header);
        header.or_else(|| step.set_mirror_route.clone().map(RouteRequest::Mirror))
    });
    let removes = story["managed"] == "Remove";
    Ok(Route {
        split: TrafficSplit {
            canary: backend(weight, "canary", &canary.canary_service),
            stable: backend(100 - weight, "stable", &canary.stable_service),
            additional,
            max_weight: 100,
            managed_routes: if removes {
                ManagedRoutes::Remove
            } else {
                ManagedRoutes::Keep
            },
            routes: if removes {
                Vec::new()
            } else {
                requests.collect()
            },
            sequence: if story["sequence"] == "WeightFirst" {
                Sequence::WeightFirst
            } else {
                Sequence::HashFirst
            },
        },
        rollout: Arc::new(rollout),
        events: Vec::new(),
        reason: Reason::StepAsks {
            number: 1,
            words: format!("setWeight: {weight}"),
        },
    })
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
        Verb::Evict => "evict",
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
