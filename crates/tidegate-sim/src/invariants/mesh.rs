//! Where Istio sends the traffic of a Rollout, read by hand from `VirtualServices` and a
//! `DestinationRule`, and what must hold of those objects themselves.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use tidegate_api::labels::{MANAGED_BY_ROLLOUTS, POD_TEMPLATE_HASH};

use super::{Deed, State, drain};
use crate::{
    cluster::{Locator, What, fields, istio},
    world::CONTROLLER,
};

/// Where routes stand in the spec of a `VirtualService`.
const LISTS: [&str; 3] = ["http", "tls", "tcp"];

/// What Istio sends where.
#[derive(Clone, Debug, Default)]
pub(super) struct Mesh {
    /// The hash of each subset, as `host:subset`.
    pub(super) subsets: BTreeMap<String, String>,
    /// The receivers behind each route, and the share of each.
    pub(super) routes: Vec<Vec<(String, i64)>>,
    /// Receivers of routes of their own: the route's name, and who it leads to.
    pub(super) extras: Vec<(String, String)>,
}

impl Mesh {
    /// Reads it. `routing` is the Rollout's `trafficRouting`.
    pub(super) fn read(state: &State, namespace: &str, routing: &Value) -> Self {
        let mut mesh = Self::default();
        let rule = fields::text(routing, &["istio", "destinationRule", "name"]);
        let rule = Locator::new(istio::DESTINATION_RULES, namespace, rule);
        if let Some(rule) = state.get(&rule) {
            let host = fields::text(rule, &["spec", "host"]);
            for subset in fields::list(rule, &["spec", "subsets"]) {
                let name = fields::text(subset, &["name"]);
                let hash = fields::text(subset, &["labels", POD_TEMPLATE_HASH]);
                mesh.subsets
                    .insert(format!("{host}:{name}"), hash.to_owned());
            }
        }
        let managed = managed(routing);
        for place in named(namespace, routing) {
            let Some(object) = state.get(&place) else {
                continue;
            };
            for route in LISTS
                .iter()
                .flat_map(|list| fields::list(object, &["spec", list]))
            {
                mesh.add(route, &managed);
            }
        }
        mesh
    }

    fn add(&mut self, route: &Value, managed: &[&str]) {
        let name = fields::text(route, &["name"]);
        let receivers: Vec<(String, i64)> = fields::list(route, &["route"])
            .iter()
            .map(|to| {
                (
                    receiver(&to["destination"]),
                    fields::number(to, &["weight"]).unwrap_or(0),
                )
            })
            .collect();
        if managed.contains(&name) {
            if let Some(copy) = route.get("mirror") {
                self.extras.push((name.to_owned(), receiver(copy)));
            } else {
                let extras = receivers.into_iter().filter(|(_, weight)| *weight > 0);
                self.extras
                    .extend(extras.map(|(to, _)| (name.to_owned(), to)));
                return;
            }
        }
        self.routes.push(match receivers.as_slice() {
            // A single one needs no weight.
            [(only, _)] => vec![(only.clone(), 100)],
            _ => receivers,
        });
    }
}

fn receiver(destination: &Value) -> String {
    let host = fields::text(destination, &["host"]);
    let host = host.split_once('.').map_or(host, |(first, _)| first);
    match fields::text(destination, &["subset"]) {
        "" => host.to_owned(),
        subset => format!("{host}:{subset}"),
    }
}

fn managed(routing: &Value) -> Vec<&str> {
    let routes = fields::list(routing, &["managedRoutes"]).iter();
    routes.map(|route| fields::text(route, &["name"])).collect()
}

/// The `VirtualServices` that a Rollout names.
fn named(namespace: &str, routing: &Value) -> Vec<Locator> {
    let one = routing.pointer("/istio/virtualService").into_iter();
    let all = one.chain(fields::list(routing, &["istio", "virtualServices"]));
    all.map(|named| {
        let name = fields::text(named, &["name"]);
        let (name, namespace) = name.rsplit_once('.').unwrap_or((name, namespace));
        Locator::new(istio::VIRTUAL_SERVICES, namespace, name)
    })
    .collect()
}

/// Everything of Istio's that a Rollout names.
pub(super) fn named_by(rollout: &Value) -> impl Iterator<Item = Locator> {
    let namespace = fields::namespace(rollout);
    let routing = &rollout["spec"]["strategy"]["canary"]["trafficRouting"];
    let rule = fields::text(routing, &["istio", "destinationRule", "name"]);
    let rule = Locator::new(istio::DESTINATION_RULES, namespace, rule);
    named(namespace, routing).into_iter().chain([rule])
}

/// S2-1: whether a Rollout names a `VirtualService` or a `DestinationRule`, or has left its marks there.
pub(super) fn is_ours(state: &State, (namespace, name): (&str, &str), object: &Locator) -> bool {
    let marks = |rule: &Value| {
        fields::text(rule, &["metadata", "annotations", MANAGED_BY_ROLLOUTS]) == name
    };
    if object.kind == istio::DESTINATION_RULES && state.get(object).is_some_and(|rule| marks(rule))
    {
        return true;
    }
    let rollout = Locator::new(crate::cluster::kinds::ROLLOUTS, namespace, name);
    let Some(rollout) = state.get(&rollout) else {
        return false;
    };
    let routing = &rollout["spec"]["strategy"]["canary"]["trafficRouting"];
    let rule = fields::text(routing, &["istio", "destinationRule", "name"]);
    named(namespace, routing).contains(object)
        || *object == Locator::new(istio::DESTINATION_RULES, namespace, rule)
}

/// S0-12: the weights of each route that splits traffic are whole numbers and all of the traffic.
pub(super) fn weights_are_well_formed(deed: &Deed<'_>) -> Option<String> {
    let object = &deed.change.new;
    if deed.change.object.kind != istio::VIRTUAL_SERVICES || deed.change.what == What::Deleted {
        return None;
    }
    let routes = LISTS
        .iter()
        .flat_map(|list| fields::list(object, &["spec", list]));
    routes
        .filter(|route| fields::list(route, &["route"]).len() > 1)
        .find_map(|route| {
            let weights: Vec<Option<i64>> = fields::list(route, &["route"])
                .iter()
                .map(|to| to.get("weight").map_or(Some(0), Value::as_i64))
                .collect();
            let whole = weights
                .iter()
                .all(|weight| weight.is_some_and(|weight| (0..=100).contains(&weight)));
            let sum: i64 = weights.iter().flatten().sum();
            (!whole || sum != 100).then(|| {
                let (name, route) = (fields::name(object), fields::text(route, &["name"]));
                format!("S0-12: VirtualService {name} has weights {weights:?} on {route}")
            })
        })
}

/// S0-15: a route of its own never leads to a version without pods.
pub(super) fn extra_routes_lead_to_pods(deed: &Deed<'_>) -> Option<String> {
    let lost = |picture: &super::Picture| -> Vec<String> {
        let Some(routing) = &picture.routing else {
            return Vec::new();
        };
        let extras = routing.extras.iter().filter(|(_, to)| {
            let hash = routing.selectors.get(to).map_or("", String::as_str);
            let set = picture.set(hash);
            !hash.is_empty() && set.available.min(set.want) == 0
        });
        extras
            .map(|(name, to)| format!("route {name} leads to {to}"))
            .collect()
    };
    let before = lost(deed.before);
    let after = lost(deed.after);
    let new = after.iter().find(|one| !before.contains(one))?;
    Some(format!("S0-15: {new}, which has no pods"))
}

/// S0-16: of a `VirtualService` or a `DestinationRule` only what is ours changes.
///
/// Destinations and subsets of experiments are ours as well. Allowed, as upstream does it: destinations of
/// nobody's are taken out of a weighted route.
pub(super) fn only_managed_fields_change(deed: &Deed<'_>) -> Option<String> {
    let change = deed.change;
    if change.actor != CONTROLLER || change.what != What::Modified {
        return None;
    }
    let routing = &deed.after.object()["spec"]["strategy"]["canary"]["trafficRouting"];
    let old = change.old.as_deref()?;
    let tried = drain::services(deed.state, &deed.after.uid);
    let outlived = outlived_subsets(old, routing);
    let rest = |object: &Value| {
        if change.object.kind == istio::VIRTUAL_SERVICES {
            let mut rest = without_routes_and_weights(object, routing);
            drop_destinations(&mut rest, &tried);
            Some(rest)
        } else if change.object.kind == istio::DESTINATION_RULES {
            let mut rest = without_hashes(object);
            drop_subsets(&mut rest, |name| {
                tried.contains(name) || outlived.contains(name)
            });
            Some(rest)
        } else {
            None
        }
    };
    let (mut before, after) = (rest(old)?, rest(&change.new)?);
    forget_guests(&mut before, &after);
    (before != after).then(|| format!("S0-16: {} changes in what is not ours", change.object.name))
}

/// Subsets that carry a hash and are neither the Rollout's two nor kept ones: of experiments of before.
fn outlived_subsets(rule: &Value, routing: &Value) -> BTreeSet<String> {
    let named = &routing["istio"]["destinationRule"];
    let mut kept: Vec<&str> = ["canarySubsetName", "stableSubsetName"]
        .into_iter()
        .map(|member| fields::text(named, &[member]))
        .collect();
    let listed = fields::list(named, &["additionalSubsetNames"]).iter();
    kept.extend(listed.filter_map(Value::as_str));
    let subsets = fields::list(rule, &["spec", "subsets"]).iter();
    subsets
        .filter(|subset| !fields::text(subset, &["labels", POD_TEMPLATE_HASH]).is_empty())
        .map(|subset| fields::text(subset, &["name"]))
        .filter(|name| !kept.contains(name))
        .map(str::to_owned)
        .collect()
}

fn drop_subsets(rule: &mut Value, goes: impl Fn(&str) -> bool) {
    let subsets = rule["spec"].get_mut("subsets");
    if let Some(subsets) = subsets.and_then(Value::as_array_mut) {
        subsets.retain(|subset| !goes(fields::text(subset, &["name"])));
    }
}

/// Takes out the destinations that are a Service of an experiment's and nothing else.
fn drop_destinations(object: &mut Value, tried: &BTreeSet<String>) {
    for list in LISTS {
        let routes = object["spec"].get_mut(list).and_then(Value::as_array_mut);
        let all = routes.into_iter().flatten();
        for to in all.filter_map(|route| route.get_mut("route")?.as_array_mut()) {
            to.retain(|one| {
                let host = fields::text(one, &["destination", "host"]);
                !tried.contains(host) || *one != json!({"destination": {"host": host}})
            });
        }
    }
}

fn forget_guests(before: &mut Value, after: &Value) {
    for list in LISTS {
        let routes = before["spec"].get_mut(list).and_then(Value::as_array_mut);
        for (route, now) in routes
            .into_iter()
            .flatten()
            .zip(fields::list(after, &["spec", list]))
        {
            if let Some(to) = route.get_mut("route").and_then(Value::as_array_mut) {
                to.retain(|one| fields::list(now, &["route"]).contains(one));
            }
        }
    }
}

fn unversioned(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for member in ["resourceVersion", "generation", "managedFields"] {
            metadata.remove(member);
        }
    }
    object
}

fn without_routes_and_weights(object: &Value, routing: &Value) -> Value {
    let mut object = unversioned(object);
    let managed = managed(routing);
    for list in LISTS {
        let Some(routes) = object["spec"].get_mut(list).and_then(Value::as_array_mut) else {
            continue;
        };
        routes.retain(|route| !managed.contains(&fields::text(route, &["name"])));
        let all = routes
            .iter_mut()
            .filter_map(|route| route.get_mut("route")?.as_array_mut());
        for to in all.flatten().filter_map(Value::as_object_mut) {
            to.remove("weight");
        }
    }
    object
}

fn without_hashes(object: &Value) -> Value {
    let mut object = unversioned(object);
    let nothing = Map::new();
    let annotations = object["metadata"]["annotations"]
        .as_object()
        .unwrap_or(&nothing);
    let mut kept = annotations.clone();
    kept.remove(MANAGED_BY_ROLLOUTS);
    object["metadata"]["annotations"] = Value::Object(kept);
    let subsets = object["spec"]
        .get_mut("subsets")
        .and_then(Value::as_array_mut);
    for subset in subsets.into_iter().flatten() {
        let mut kept = fields::map(subset, &["labels"]).clone();
        kept.remove(POD_TEMPLATE_HASH);
        subset["labels"] = Value::Object(kept);
    }
    object
}
