//! NGINX ingress: beside each stable Ingress a canary Ingress of the same rules, whose annotations
//! carry the weight (TR-101 to TR-110).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tidegate_api::{
    object::Object,
    rollout::{CanaryStrategy, NginxTrafficRouting, Rollout, RolloutTrafficRouting},
};
use tidegate_core::{
    observed::{Finding, Objects},
    plan::{Class, Event, Guard, INGRESSES, ObjectKey, Route, Verb, Write},
};

use super::{
    Error, Router, Seen,
    ingress::{guard, key},
};

/// Where the canary's annotations stand unless the Rollout says otherwise.
const PREFIX: &str = "nginx.ingress.kubernetes.io";
/// What a canary Ingress is called, after the Rollout and the stable Ingress.
const SUFFIX: &str = "-canary";
/// The longest name that Kubernetes takes.
const LONGEST_NAME: usize = 253;
/// The only annotation of the stable Ingress that the canary needs, too.
const CLASS: &str = "kubernetes.io/ingress.class";

/// The router.
pub(super) struct Nginx;

impl Router for Nginx {
    fn member(&self) -> &'static str {
        "nginx"
    }

    fn is_named(&self, routing: &RolloutTrafficRouting) -> bool {
        routing.nginx.is_some()
    }

    fn reads(&self, rollout: &Rollout) -> Vec<ObjectKey> {
        let Some(parts) = Parts::of(rollout) else {
            return Vec::new();
        };
        parts
            .stable_names()
            .iter()
            .flat_map(|name| {
                [
                    key(rollout, name),
                    key(rollout, &canary_name(rollout, name)),
                ]
            })
            .collect()
    }

    fn findings(&self, rollout: &Rollout, seen: &Seen<'_>) -> Vec<Finding> {
        let Some(parts) = Parts::of(rollout) else {
            return Vec::new();
        };
        let path = "spec.strategy.canary.trafficRouting.nginx";
        let several = !parts.nginx.stable_ingresses.is_empty();
        let single = !parts.nginx.stable_ingress.is_empty();
        if several == single {
            let which = if several { "Both" } else { "Neither" };
            return vec![Finding {
                message: format!(
                    "{path}: Internal error: Either StableIngress or StableIngresses must be configured. {which} are configured."
                ),
            }];
        }
        let mut findings = Vec::new();
        for name in parts.stable_names() {
            findings.extend(parts.check(rollout, (name, path), seen.objects));
        }
        findings
    }

    fn render(&self, route: &Route, objects: &Objects) -> Result<Vec<Write>, Error> {
        let rollout = &*route.rollout;
        let Some(parts) = Parts::of(rollout) else {
            return Ok(Vec::new());
        };
        let mut writes = Vec::new();
        for name in parts.stable_names() {
            writes.extend(parts.render_one(route, name, objects)?);
        }
        Ok(writes)
    }
}

/// The parts of a Rollout that this router reads.
struct Parts<'a> {
    canary: &'a CanaryStrategy,
    nginx: &'a NginxTrafficRouting,
    max_weight: Option<i32>,
}

impl<'a> Parts<'a> {
    fn of(rollout: &'a Rollout) -> Option<Self> {
        let canary = rollout.spec.strategy.canary.as_ref()?;
        let routing = canary.traffic_routing.as_ref()?;
        Some(Self {
            canary,
            nginx: routing.nginx.as_ref()?,
            max_weight: routing.max_traffic_weight,
        })
    }

    fn stable_names(&self) -> Vec<&'a str> {
        if self.nginx.stable_ingresses.is_empty() {
            vec![&self.nginx.stable_ingress]
        } else {
            self.nginx
                .stable_ingresses
                .iter()
                .map(String::as_str)
                .collect()
        }
    }

    fn check(
        &self,
        rollout: &Rollout,
        (name, path): (&str, &str),
        objects: &Objects,
    ) -> Option<Finding> {
        let several = !self.nginx.stable_ingresses.is_empty();
        let Some(ingress) = objects.get(&key(rollout, name)) else {
            // Upstream spells the field of the missing ones differently.
            let (field, value) = if several {
                let names = serde_json::to_string(&self.nginx.stable_ingresses);
                ("StableIngresses", names.unwrap_or_default())
            } else {
                ("stableIngress", format!("\"{name}\""))
            };
            let detail = format!("ingress.networking.k8s.io \"{name}\" not found");
            return Some(Finding::invalid(
                &format!("{path}.{field}"),
                &value,
                &detail,
            ));
        };
        if !self.rules(ingress).is_empty() {
            return None;
        }
        let field = if several {
            "stableIngresses"
        } else {
            "stableIngress"
        };
        let detail = format!(
            "ingress `{name}` has no rules using service {} backend",
            self.canary.stable_service
        );
        let value = format!("\"{name}\"");
        Some(Finding::invalid(
            &format!("{path}.{field}"),
            &value,
            &detail,
        ))
    }

    /// The stable Ingress' rules that send traffic to the stable Service, with the canary's in its
    /// place. Rules without paths and backends that are no Services stay out (TR-108, where upstream
    /// fails).
    fn rules(&self, stable: &Value) -> Vec<Value> {
        let rules = stable.pointer("/spec/rules").and_then(Value::as_array);
        let mut taken = Vec::new();
        for rule in rules.into_iter().flatten() {
            let mut rule = rule.clone();
            let mut uses = false;
            let paths = rule
                .pointer_mut("/http/paths")
                .and_then(Value::as_array_mut);
            for path in paths.into_iter().flatten() {
                if let Some(name) = path.pointer_mut("/backend/service/name")
                    && *name == self.canary.stable_service.as_str()
                {
                    *name = json!(self.canary.canary_service);
                    uses = true;
                }
            }
            if uses {
                taken.push(rule);
            }
        }
        taken
    }

    /// Keeps TR-105: later ones win.
    fn annotations(&self, stable: &Value, weight: i32) -> BTreeMap<String, String> {
        let prefix = if self.nginx.annotation_prefix.is_empty() {
            PREFIX
        } else {
            &self.nginx.annotation_prefix
        };
        let mut annotations = BTreeMap::new();
        let class = stable["metadata"]["annotations"][CLASS].as_str();
        if let Some(class) = class {
            annotations.insert(CLASS.to_owned(), class.to_owned());
        }
        for (name, value) in &self.nginx.additional_ingress_annotations {
            let name = if name.starts_with(prefix) {
                name.clone()
            } else {
                format!("{prefix}/{name}")
            };
            annotations.insert(name, value.clone());
        }
        annotations.extend(self.nginx.canary_ingress_annotations.clone());
        annotations.insert(format!("{prefix}/canary"), "true".to_owned());
        annotations.insert(format!("{prefix}/canary-weight"), weight.to_string());
        if let Some(total) = self.max_weight {
            annotations.insert(format!("{prefix}/canary-weight-total"), total.to_string());
        }
        annotations
    }

    fn render_one(
        &self,
        route: &Route,
        stable_name: &str,
        objects: &Objects,
    ) -> Result<Option<Write>, Error> {
        let rollout = &*route.rollout;
        let stable =
            objects
                .get(&key(rollout, stable_name))
                .ok_or_else(|| Error::StableIngressMissing {
                    name: stable_name.to_owned(),
                })?;
        let rules = self.rules(stable);
        if rules.is_empty() {
            return Err(Error::NoRule {
                ingress: stable_name.to_owned(),
                service: self.canary.stable_service.clone(),
            });
        }
        let name = canary_name(rollout, stable_name);
        let weight = route.split.canary.weight;
        let wanted = Wanted {
            annotations: self.annotations(stable, weight),
            spec: canary_spec(stable, rules),
        };
        match objects.get(&key(rollout, &name)) {
            None => Ok(Some(create(route, &name, &wanted))),
            Some(held) => patch(route, &name, wanted, held),
        }
    }
}

/// Keeps TR-104.
fn canary_spec(stable: &Value, rules: Vec<Value>) -> Value {
    let mut spec = Map::new();
    for member in ["ingressClassName", "tls"] {
        if let Some(value) = stable.pointer(&format!("/spec/{member}")) {
            spec.insert(member.to_owned(), value.clone());
        }
    }
    spec.insert("rules".to_owned(), Value::Array(rules));
    Value::Object(spec)
}

/// What a canary Ingress should be like.
struct Wanted {
    annotations: BTreeMap<String, String>,
    spec: Value,
}

fn create(route: &Route, name: &str, wanted: &Wanted) -> Write {
    let rollout = &*route.rollout;
    let weight = route.split.canary.weight;
    let message = format!("Creating canary ingress `{name}` with weight `{weight}`");
    Write {
        verb: Verb::Create,
        target: key(rollout, name),
        guard: Guard::Absent,
        body: json!({
            "apiVersion": INGRESSES.api_version(),
            "kind": INGRESSES.kind,
            "metadata": {
                "name": name,
                "namespace": rollout.metadata.namespace,
                "annotations": wanted.annotations,
                "ownerReferences": [rollout.controller_reference()],
            },
            "spec": wanted.spec,
        }),
        class: Class::Traffic,
        events: vec![Event::normal("CreatingCanaryIngress", message)],
        reason: route.reason.clone(),
    }
}

/// Keeps TR-106 and TR-107, but leaves foreign labels alone. Annotations of others stay.
fn patch(route: &Route, name: &str, wanted: Wanted, held: &Value) -> Result<Option<Write>, Error> {
    let rollout = &*route.rollout;
    if !is_controlled_by(held, &rollout.metadata.uid) {
        return Err(Error::ForeignIngress {
            name: name.to_owned(),
        });
    }
    let mut annotations = Map::new();
    for (key, value) in wanted.annotations {
        if held["metadata"]["annotations"][&key] != value.as_str() {
            annotations.insert(key, json!(value));
        }
    }
    let mut body = Map::new();
    if !annotations.is_empty() {
        body.insert("metadata".to_owned(), json!({"annotations": annotations}));
    }
    if let Some(spec) = differences(&held["spec"], &wanted.spec) {
        body.insert("spec".to_owned(), spec);
    }
    if body.is_empty() {
        return Ok(None);
    }
    let weight = route.split.canary.weight;
    let message = format!("Updating Ingress `{name}` to desiredWeight '{weight}'");
    Ok(Some(Write {
        verb: Verb::Patch,
        target: key(rollout, name),
        guard: guard(held),
        body: Value::Object(body),
        class: Class::Traffic,
        events: vec![Event::normal("PatchingCanaryIngress", message)],
        reason: route.reason.clone(),
    }))
}

/// The members of a spec that must change; those that are not wanted any more go.
fn differences(held: &Value, wanted: &Value) -> Option<Value> {
    let mut patch = Map::new();
    let empty = Map::new();
    let (held, wanted) = (
        held.as_object().unwrap_or(&empty),
        wanted.as_object().unwrap_or(&empty),
    );
    for (name, value) in wanted {
        if held.get(name) != Some(value) {
            patch.insert(name.clone(), value.clone());
        }
    }
    for name in held.keys().filter(|name| !wanted.contains_key(*name)) {
        patch.insert(name.clone(), Value::Null);
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

fn is_controlled_by(object: &Value, uid: &str) -> bool {
    object["metadata"]["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|owner| owner["controller"] == true && owner["uid"] == uid)
}

/// Keeps TR-103.
fn canary_name(rollout: &Rollout, stable: &str) -> String {
    let mut prefix = format!("{}-{stable}", rollout.metadata.name);
    let mut end = prefix.len().min(LONGEST_NAME - SUFFIX.len());
    while !prefix.is_char_boundary(end) {
        end -= 1;
    }
    prefix.truncate(end);
    prefix + SUFFIX
}
