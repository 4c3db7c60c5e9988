//! Istio: weights of the routes of `VirtualServices`, hashes of the subsets of a `DestinationRule`, and
//! routes of their own for some requests (TR-301 to TR-322).
//!
//! Writes are merge patches that replace a list of routes or of subsets as a whole, under the guard of
//! the version that was looked at: every element that is not ours goes back as it came (S0-16).

mod change;
mod destination_rule;
mod hidden;
mod managed;
mod rivals;
mod virtual_service;

use serde_json::{Map, Value};
use tidegate_api::rollout::{
    CanaryStrategy, IstioDestinationRule, IstioTrafficRouting, IstioVirtualService, Rollout,
    RolloutTrafficRouting,
};
use tidegate_core::{
    observed::{Finding, Objects, RouterHashes, RouterView},
    plan::{
        Class, DESTINATION_RULES, Event, Guard, ManagedRoutes, ObjectKey, Route, Sequence,
        VIRTUAL_SERVICES, Verb, Write,
    },
    rollout::events,
};

use self::{
    change::Change,
    destination_rule::Which,
    virtual_service::{Routes, Sides},
};
pub(super) use destination_rule::{clean, manager};

use super::{Absence, Router, Seen};

/// Where the Rollout names its objects.
const PATH: &str = "spec.strategy.canary.trafficRouting.istio";

/// The router.
pub(super) struct Istio;

/// Why Istio's objects do not take a split.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// A `VirtualService` is not there.
    #[error("VirtualService `{name}` not found")]
    NoVirtualService {
        /// Its name.
        name: String,
    },
    /// The `DestinationRule` is not there.
    #[error("DestinationRule `{name}` not found")]
    NoDestinationRule {
        /// Its name.
        name: String,
    },
    /// The `DestinationRule` lacks a subset.
    #[error(
        "DestinationRule `{rule}` has no subset `{subset}`: add it to spec.subsets, or name another one in \
         {PATH}.destinationRule"
    )]
    NoSubset {
        /// The rule.
        rule: String,
        /// The subset.
        subset: String,
    },
    /// The routes of a `VirtualService` are not those that the Rollout means.
    #[error("VirtualService `{name}`: {why}")]
    Routes {
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
}

impl Error {
    /// Keeps TR-322.
    pub(super) fn event(&self) -> Event {
        match self {
            Self::NoVirtualService { .. } => {
                Event::warning("VirtualServiceNotFound", self.to_string())
            }
            Self::NoDestinationRule { .. } => {
                Event::warning("DestinationRuleNotFound", self.to_string())
            }
            Self::NoSubset { .. } | Self::Routes { .. } => events::routing_error(self.to_string()),
        }
    }
}

impl Router for Istio {
    fn member(&self) -> &'static str {
        "istio"
    }

    fn is_named(&self, routing: &RolloutTrafficRouting) -> bool {
        routing.istio.is_some()
    }

    fn reads(&self, rollout: &Rollout) -> Vec<ObjectKey> {
        let Some(parts) = Parts::of(rollout) else {
            return Vec::new();
        };
        let mut keys: Vec<ObjectKey> = Vec::new();
        for named in parts.virtual_services() {
            let key = parts.key(named);
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys.extend(parts.rule.map(|rule| rule_key(rollout, &rule.name)));
        keys
    }

    /// The subsets of a `DestinationRule` carry the hashes of one Rollout.
    fn claims(&self, rollout: &Rollout) -> Vec<ObjectKey> {
        let rule = Parts::of(rollout).and_then(|parts| parts.rule);
        rule.map(|rule| rule_key(rollout, &rule.name))
            .into_iter()
            .collect()
    }

    fn findings(&self, rollout: &Rollout, seen: &Seen<'_>) -> Vec<Finding> {
        let Some(parts) = Parts::of(rollout) else {
            return Vec::new();
        };
        if parts.istio.virtual_service.is_some() != parts.istio.virtual_services.is_empty() {
            let detail = "either VirtualService or VirtualServices must be configured";
            return vec![Finding {
                message: format!("{PATH}: Internal error: {detail}"),
            }];
        }
        let named = parts.virtual_services();
        let missing = named.iter().filter_map(|named| parts.missing(named, seen));
        let unfit = named.iter().flat_map(|named| parts.unfit(named, seen));
        let hidden = parts.rule.and_then(|rule| hidden::rule(rule, seen));
        let contested = parts
            .rule
            .and_then(|rule| rivals::finding(&parts, rule, seen));
        missing
            .chain(unfit)
            .chain(hidden)
            .chain(contested)
            .collect()
    }

    fn view(&self, rollout: &Rollout, objects: &Objects) -> RouterView {
        let Some((parts, named)) = Parts::of(rollout).and_then(|parts| Some((parts, parts.rule?)))
        else {
            return RouterView::default();
        };
        match parts.rule_of(named, objects) {
            Err(error) => RouterView {
                obstacle: Some(error.event()),
                ..RouterView::default()
            },
            Ok(rule) => RouterView {
                named: destination_rule::hashes(rule),
                hashes: Some(RouterHashes {
                    canary: destination_rule::hash(rule, &named.canary_subset_name).to_owned(),
                    stable: destination_rule::hash(rule, &named.stable_subset_name).to_owned(),
                }),
                ..RouterView::default()
            },
        }
    }

    /// The order within one pass. Keeps TR-003, TRF-20: routes that lead to the canary go before anything
    /// else, and are set once hashes and weights are right.
    fn render(&self, route: &Route, objects: &Objects) -> Result<Vec<Write>, super::Error> {
        let Some(parts) = Parts::of(&route.rollout) else {
            return Ok(Vec::new());
        };
        let mut services = parts.changes(route, objects)?;
        let rule = match parts.rule {
            Some(named) => Some((named, parts.rule_of(named, objects)?)),
            None => None,
        };
        let hashes = |which: Which| {
            rule.and_then(|(named, rule)| destination_rule::point(route, named, rule, which))
        };
        let mut writes: Vec<Write> = services
            .iter_mut()
            .filter_map(|one| one.removal(route))
            .collect();
        let rest = services.iter_mut().filter_map(|one| one.rest(route));
        match route.split.sequence {
            Sequence::HashFirst => {
                writes.extend(hashes(Which::Both));
                writes.extend(rest);
            }
            Sequence::WeightFirst => {
                // Who gets the canary's share must be the right version already.
                let mut stable = hashes(Which::Stable);
                let both = hashes(Which::Both)
                    .filter(|both| Some(&both.body) != stable.as_ref().map(|stable| &stable.body));
                if let (Some(first), Some(_)) = (&mut stable, &both) {
                    // One change, told once it is whole.
                    first.events.clear();
                }
                writes.extend(stable);
                writes.extend(rest);
                writes.extend(both);
            }
        }
        Ok(writes)
    }
}

/// The parts of a Rollout that this router reads.
#[derive(Clone, Copy)]
struct Parts<'a> {
    rollout: &'a Rollout,
    canary: &'a CanaryStrategy,
    routing: &'a RolloutTrafficRouting,
    istio: &'a IstioTrafficRouting,
    rule: Option<&'a IstioDestinationRule>,
}

impl<'a> Parts<'a> {
    fn of(rollout: &'a Rollout) -> Option<Self> {
        let canary = rollout.spec.strategy.canary.as_ref()?;
        let routing = canary.traffic_routing.as_ref()?;
        let istio = routing.istio.as_ref()?;
        Some(Self {
            rollout,
            canary,
            routing,
            istio,
            rule: istio.destination_rule.as_ref(),
        })
    }

    fn virtual_services(&self) -> Vec<&'a IstioVirtualService> {
        if self.istio.virtual_services.is_empty() {
            self.istio.virtual_service.iter().collect()
        } else {
            self.istio.virtual_services.iter().collect()
        }
    }

    /// Keeps TR-302: `name`, or `name.namespace`, or the same with the cluster's domain after it.
    fn key(&self, named: &IstioVirtualService) -> ObjectKey {
        let name = named.name.strip_suffix(".cluster.local");
        let name = name.unwrap_or(&named.name);
        let own = self.rollout.metadata.namespace.as_str();
        let (name, namespace) = name.rsplit_once('.').unwrap_or((name, own));
        let namespace = if namespace.is_empty() { own } else { namespace };
        ObjectKey::new(VIRTUAL_SERVICES, namespace, name)
    }

    /// The Services of the stable version and of the canary; those of ping-pong only where there are no
    /// others (TR-012).
    fn services(&self) -> (&'a str, &'a str) {
        let (stable, canary) = (&self.canary.stable_service, &self.canary.canary_service);
        match &self.canary.ping_pong {
            Some(both) if stable.is_empty() && canary.is_empty() => {
                if self.rollout.status.canary.stable_ping_pong == "ping" {
                    (&both.ping_service, &both.pong_service)
                } else {
                    (&both.pong_service, &both.ping_service)
                }
            }
            Some(_) | None => (stable, canary),
        }
    }

    fn sides<'s>(&self, (stable, canary): (&'s str, &'s str)) -> Sides<'s>
    where
        'a: 's,
    {
        Sides {
            stable_service: stable,
            canary_service: canary,
            rule: self.rule,
            managed: self.managed(),
        }
    }

    fn managed(&self) -> Vec<&'a str> {
        let routes = self.routing.managed_routes.iter();
        routes.map(|route| route.name.as_str()).collect()
    }

    /// The names of all routes that steps may have set.
    fn removable(&self) -> Vec<&'a str> {
        let mut names = self.managed();
        for step in &self.canary.steps {
            let header = step.set_header_route.as_ref();
            names.extend(header.map(|route| route.name.as_str()));
            let mirror = step.set_mirror_route.as_ref();
            names.extend(mirror.map(|route| route.name.as_str()));
        }
        names
    }

    fn field(&self) -> &'static str {
        if self.istio.virtual_services.is_empty() {
            "virtualService.name"
        } else {
            "virtualServices.name"
        }
    }

    fn invalid(&self, name: &str, detail: &str) -> Finding {
        let value = Value::from(name).to_string();
        Finding::invalid(&format!("{PATH}.{}", self.field()), &value, detail)
    }

    fn missing(&self, named: &IstioVirtualService, seen: &Seen<'_>) -> Option<Finding> {
        let key = self.key(named);
        if seen.objects.contains_key(&key) {
            return None;
        }
        let detail = match seen.absence(&VIRTUAL_SERVICES) {
            Some(Absence::NotServed) => {
                "the server could not find the requested resource: this cluster serves no \
                 virtualservices.networking.istio.io in the version that is asked for: install Istio, \
                 name another version with the controller's flag --istio-api-version, or take istio out \
                 of trafficRouting"
                    .to_owned()
            }
            Some(Absence::Forbidden(words)) => hidden::sentence(&VIRTUAL_SERVICES, words),
            Some(Absence::OutOfReach(sentence)) => sentence.clone(),
            None => {
                let name = Value::from(key.name.as_str());
                format!("virtualservices.networking.istio.io {name} not found")
            }
        };
        Some(self.invalid(&key.name, &detail))
    }

    /// Keeps VAL-33.
    fn unfit(&self, named: &IstioVirtualService, seen: &Seen<'_>) -> Vec<Finding> {
        let key = self.key(named);
        let Some(object) = seen.objects.get(&key) else {
            return Vec::new();
        };
        let sides = self.sides(self.services());
        virtual_service::faults(object, named, &sides)
            .iter()
            .map(|fault| self.invalid(&key.name, fault))
            .collect()
    }

    fn rule_of<'o>(
        &self,
        named: &IstioDestinationRule,
        objects: &'o Objects,
    ) -> Result<&'o Value, Error> {
        let Some(rule) = objects.get(&rule_key(self.rollout, &named.name)) else {
            return Err(Error::NoDestinationRule {
                name: named.name.clone(),
            });
        };
        for subset in [&named.canary_subset_name, &named.stable_subset_name] {
            if !destination_rule::has(rule, subset) {
                return Err(Error::NoSubset {
                    rule: named.name.clone(),
                    subset: subset.clone(),
                });
            }
        }
        Ok(rule)
    }

    /// What each `VirtualService` should be like.
    fn changes<'o>(&self, route: &Route, objects: &'o Objects) -> Result<Vec<Change<'o>>, Error> {
        let split = &route.split;
        let services = (
            pick(&split.stable.service, self.services().0),
            pick(&split.canary.service, self.services().1),
        );
        let mut changes: Vec<Change<'o>> = Vec::new();
        for named in self.virtual_services() {
            let key = self.key(named);
            let Some(object) = objects.get(&key) else {
                return Err(Error::NoVirtualService { name: key.name });
            };
            let refuse = |why: String| Error::Routes {
                name: key.name.clone(),
                why,
            };
            let before = changes.iter().rev().find(|change| change.key == key);
            let found = before.map_or_else(|| Routes::of(object), |before| before.wanted.clone());
            let sides = self.sides(services);
            let mut told = Vec::new();
            let cleared = match split.managed_routes {
                ManagedRoutes::Remove => managed::without(&found, &self.removable()),
                ManagedRoutes::Keep => found.clone(),
            };
            let mut wanted = cleared.clone();
            if wanted.weigh(named, &sides, split).map_err(refuse)? {
                let weight = split.canary.weight;
                let message = format!(
                    "VirtualService `{}` set to desiredWeight '{weight}'",
                    key.name
                );
                told.push(updated(message));
            }
            let host = self
                .rule
                .and_then(|rule| objects.get(&rule_key(self.rollout, &rule.name)));
            let target = managed::Target {
                host: host
                    .and_then(|rule| rule.pointer("/spec/host")?.as_str())
                    .unwrap_or(services.1),
                subset: self.rule.map(|rule| rule.canary_subset_name.as_str()),
            };
            let set = managed::set(&mut wanted, (named, &sides), &target, &split.routes);
            told.extend(
                set.map_err(refuse)?
                    .into_iter()
                    .map(|what| updated(format!("VirtualService `{}` {what}", key.name))),
            );
            changes.push(Change {
                key,
                object,
                found,
                cleared,
                wanted,
                told,
            });
        }
        Ok(changes)
    }
}

/// The one that the split names, or the one that the Rollout does.
fn pick<'a>(split: &'a str, own: &'a str) -> &'a str {
    if split.is_empty() { own } else { split }
}

fn updated(message: String) -> Event {
    Event::normal("Updated VirtualService", message)
}

fn rule_key(rollout: &Rollout, name: &str) -> ObjectKey {
    ObjectKey::new(DESTINATION_RULES, &rollout.metadata.namespace, name)
}

/// Whether the Rollout names this `DestinationRule`.
pub(super) fn is_named(rollout: &Rollout, rule: &Value) -> bool {
    let name = rule.pointer("/metadata/name").and_then(Value::as_str);
    is_named_by(rollout, name.unwrap_or_default())
}

fn is_named_by(rollout: &Rollout, rule: &str) -> bool {
    let named = Parts::of(rollout).and_then(|parts| parts.rule);
    named.is_some_and(|named| named.name == rule)
}

/// A patch of exactly the object that was looked at.
fn guarded(
    target: ObjectKey,
    held: &Value,
    body: Value,
    (events, route): (Vec<Event>, &Route),
) -> Write {
    Write {
        verb: Verb::Patch,
        target,
        guard: guard(held),
        body,
        class: Class::Traffic,
        events,
        reason: route.reason.clone(),
    }
}

fn guard(held: &Value) -> Guard {
    let text = |pointer: &str| {
        let value = held.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    Guard::Version {
        uid: text("/metadata/uid"),
        resource_version: text("/metadata/resourceVersion"),
    }
}

fn object(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let members = members.into_iter();
    Value::Object(
        members
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<Map<_, _>>(),
    )
}
