//! AWS load balancers: an annotation of the Ingress carries the weights, for the AWS Load Balancer
//! Controller to act upon (TR-201 to TR-206).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};
use tidegate_api::rollout::{
    AlbTrafficRouting, CanaryStrategy, Rollout, RolloutTrafficRouting, StickinessConfig,
};
use tidegate_core::{
    observed::{Finding, Objects},
    plan::{Class, Event, ObjectKey, Route, Verb, Write},
};

use super::{
    Error, Router, Seen,
    ingress::{guard, has_rule, key},
};

/// Where the annotations stand unless the Rollout says otherwise.
const PREFIX: &str = "alb.ingress.kubernetes.io";
/// Which annotations of an Ingress belong to which Rollout (TR-204).
const MANAGED: &str = "rollouts.argoproj.io/managed-alb-annotations";
/// The weights of an action add up to this.
const WHOLE: i32 = 100;
/// What AWS takes for the duration of stickiness, in seconds.
const STICKY_SECONDS: std::ops::RangeInclusive<i64> = 1..=604_800;

/// The router.
pub(super) struct Alb;

impl Router for Alb {
    fn member(&self) -> &'static str {
        "alb"
    }

    fn is_named(&self, routing: &RolloutTrafficRouting) -> bool {
        routing.alb.is_some()
    }

    fn reads(&self, rollout: &Rollout) -> Vec<ObjectKey> {
        let parts = Parts::of(rollout);
        let names = parts.iter().flat_map(Parts::names);
        names.map(|name| key(rollout, name)).collect()
    }

    fn findings(&self, rollout: &Rollout, seen: &Seen<'_>) -> Vec<Finding> {
        let Some(parts) = Parts::of(rollout) else {
            return Vec::new();
        };
        let path = "spec.strategy.canary.trafficRouting.alb";
        let several = !parts.alb.ingresses.is_empty();
        let single = !parts.alb.ingress.is_empty();
        if several == single {
            let which = if several { "Both" } else { "Neither" };
            return vec![Finding {
                message: format!(
                    "{path}: Internal error: Either Ingress or Ingresses must be configured. {which} are configured."
                ),
            }];
        }
        let names = parts.names().into_iter();
        names
            .filter_map(|name| parts.check(rollout, (name, path), seen.objects))
            .chain(parts.header_route())
            .collect()
    }

    /// Differs from upstream, which stops at the first of several Ingresses that is as it should be
    /// (TR-206): each of them gets what it lacks.
    fn render(&self, route: &Route, objects: &Objects) -> Result<Vec<Write>, Error> {
        let Some(parts) = Parts::of(&route.rollout) else {
            return Ok(Vec::new());
        };
        let mut writes = Vec::new();
        for name in parts.names() {
            writes.extend(parts.render_one(route, name, objects)?);
        }
        Ok(writes)
    }
}

/// The parts of a Rollout that this router reads.
struct Parts<'a> {
    rollout: &'a Rollout,
    canary: &'a CanaryStrategy,
    alb: &'a AlbTrafficRouting,
}

impl<'a> Parts<'a> {
    fn of(rollout: &'a Rollout) -> Option<Self> {
        let canary = rollout.spec.strategy.canary.as_ref()?;
        let alb = canary.traffic_routing.as_ref()?.alb.as_ref()?;
        Some(Self {
            rollout,
            canary,
            alb,
        })
    }

    fn names(&self) -> Vec<&'a str> {
        if self.alb.ingresses.is_empty() {
            return vec![&self.alb.ingress];
        }
        self.alb.ingresses.iter().map(String::as_str).collect()
    }

    /// The Service in the Ingress' rules that stands for the action.
    fn action_service(&self) -> &'a str {
        if self.alb.root_service.is_empty() {
            &self.canary.stable_service
        } else {
            &self.alb.root_service
        }
    }

    /// The stable Service and the canary's. Ping and pong go before the other two (TR-012).
    fn services(&self) -> (&'a str, &'a str) {
        let Some(services) = &self.canary.ping_pong else {
            return (&self.canary.stable_service, &self.canary.canary_service);
        };
        let pair = (&*services.ping_service, &*services.pong_service);
        if self.rollout.status.canary.stable_ping_pong == "ping" {
            pair
        } else {
            (pair.1, pair.0)
        }
    }

    /// Keeps VAL-32.
    fn check(
        &self,
        rollout: &Rollout,
        (name, path): (&str, &str),
        objects: &Objects,
    ) -> Option<Finding> {
        let several = !self.alb.ingresses.is_empty();
        let field = if several { "ingresses" } else { "ingress" };
        let path = format!("{path}.{field}");
        let quoted = format!("\"{name}\"");
        let Some(ingress) = objects.get(&key(rollout, name)) else {
            let value = if several {
                serde_json::to_string(&self.alb.ingresses).unwrap_or_default()
            } else {
                quoted
            };
            let detail = format!("ingress.networking.k8s.io \"{name}\" not found");
            return Some(Finding::invalid(&path, &value, &detail));
        };
        let service = self.action_service();
        if has_rule(ingress, service) {
            return None;
        }
        let detail = format!("ingress `{name}` has no rules using service {service} backend");
        Some(Finding::invalid(&path, &quoted, &detail))
    }

    /// A step that asks for a route of its own is not carried out yet: the Rollout is left alone rather than
    /// moved on without it.
    fn header_route(&self) -> Option<Finding> {
        let step = self
            .canary
            .steps
            .iter()
            .position(|step| step.set_header_route.is_some())?;
        Some(Finding {
            message: format!(
                "spec.strategy.canary.steps[{step}].setHeaderRoute: Forbidden: not supported yet with \
                 trafficRouting.alb: remove the step"
            ),
        })
    }

    fn render_one(
        &self,
        route: &Route,
        name: &str,
        objects: &Objects,
    ) -> Result<Option<Write>, Error> {
        let ingress =
            objects
                .get(&key(self.rollout, name))
                .ok_or_else(|| Error::IngressMissing {
                    name: name.to_owned(),
                })?;
        let service = self.action_service();
        if !has_rule(ingress, service) {
            return Err(Error::NoAction {
                service: service.to_owned(),
            });
        }
        let prefix = if self.alb.annotation_prefix.is_empty() {
            PREFIX
        } else {
            &self.alb.annotation_prefix
        };
        let action = format!("{prefix}/actions.{service}");
        let wanted = [
            (MANAGED.to_owned(), self.managed(ingress, name, &action)?),
            (action, self.forward(route)?),
        ];
        let held = &ingress["metadata"]["annotations"];
        let annotations: Map<String, Value> = wanted
            .into_iter()
            .filter(|(key, value)| held[key] != value.as_str())
            .map(|(key, value)| (key, json!(value)))
            .collect();
        if annotations.is_empty() {
            return Ok(None);
        }
        let weight = route.split.canary.weight;
        let message = format!("Updating Ingress `{name}` to desiredWeight '{weight}'");
        Ok(Some(Write {
            verb: Verb::Patch,
            target: key(self.rollout, name),
            guard: guard(ingress),
            body: json!({"metadata": {"annotations": annotations}}),
            class: Class::Traffic,
            events: vec![Event::normal("PatchingALBIngress", message)],
            reason: route.reason.clone(),
        }))
    }

    /// The record of who owns which annotation, with this one in it. Keeps TR-204.
    fn managed(&self, ingress: &Value, name: &str, action: &str) -> Result<String, Error> {
        let held = ingress["metadata"]["annotations"][MANAGED].as_str();
        let unreadable = |why: serde_json::Error| Error::Record {
            ingress: name.to_owned(),
            why: why.to_string(),
        };
        let mut record: BTreeMap<String, Option<Vec<String>>> = match held {
            Some(text) if !text.is_empty() => serde_json::from_str(text).map_err(unreadable)?,
            Some(_) | None => BTreeMap::new(),
        };
        let own = record.entry(self.rollout.metadata.name.clone());
        let own = own.or_default().get_or_insert_default();
        if !own.iter().any(|key| key == action) {
            own.push(action.to_owned());
        }
        serde_json::to_string(&record).map_err(unreadable)
    }

    /// What the load balancer is told, as upstream writes it. Keeps TR-202 and TR-203.
    fn forward(&self, route: &Route) -> Result<String, Error> {
        let (stable, canary) = self.services();
        let split = &route.split;
        let additional = split.additional.iter();
        let others: i32 = additional.clone().map(|backend| backend.weight).sum();
        let group = |service: &str, weight: i32| TargetGroup {
            service_name: service.to_owned(),
            service_port: self.alb.service_port.to_string(),
            weight,
        };
        let mut groups = vec![group(canary, split.canary.weight)];
        groups.extend(additional.map(|backend| group(&backend.service, backend.weight)));
        groups.push(group(stable, WHOLE - split.canary.weight - others));
        let action = Action {
            kind: "forward",
            forward_config: ForwardConfig {
                target_groups: groups,
                target_group_stickiness_config: stickiness(self.alb.stickiness_config.as_ref())?,
            },
        };
        serde_json::to_string(&action).map_err(|why| Error::Record {
            ingress: self.alb.ingress.clone(),
            why: why.to_string(),
        })
    }
}

fn stickiness(config: Option<&StickinessConfig>) -> Result<Option<Stickiness>, Error> {
    match config.filter(|config| config.enabled) {
        None => Ok(None),
        Some(config) if STICKY_SECONDS.contains(&config.duration_seconds) => Ok(Some(Stickiness {
            enabled: true,
            duration_seconds: config.duration_seconds,
        })),
        Some(_) => Err(Error::Stickiness),
    }
}

/// What an action annotation holds, in the order in which upstream writes it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Action {
    #[serde(rename = "Type")]
    kind: &'static str,
    forward_config: ForwardConfig,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ForwardConfig {
    target_groups: Vec<TargetGroup>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_group_stickiness_config: Option<Stickiness>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TargetGroup {
    #[serde(skip_serializing_if = "String::is_empty")]
    service_name: String,
    service_port: String,
    weight: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Stickiness {
    enabled: bool,
    duration_seconds: i64,
}
