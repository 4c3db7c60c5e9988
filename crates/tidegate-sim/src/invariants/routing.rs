//! Where the traffic goes, put together from what really stands in the cluster: Ingresses, their
//! annotations and backends, Istio's routes and subsets, and the selectors of the Services that they
//! lead to.

use std::collections::BTreeMap;

use serde_json::Value;
use tidegate_api::labels;

use super::{State, mesh::Mesh};
use crate::cluster::{fields, kinds};

/// What a router sends where.
#[derive(Clone, Debug)]
pub(crate) struct Routing {
    /// The sum of all weights.
    pub(crate) total: i64,
    /// The weight that each canary Ingress carries, as text.
    pub(crate) weights: Vec<String>,
    pub(crate) dynamic: bool,
    /// The hash that each Service and each subset selects; empty where it does not tell versions apart.
    pub(crate) selectors: BTreeMap<String, String>,
    /// The Services or subsets behind each host and path or route, and the share of each.
    routes: Vec<Vec<(String, i64)>>,
    /// Services or subsets behind routes of their own, each after the route's name.
    pub(super) extras: Vec<(String, String)>,
}

/// A host, a path, and the Service behind them.
type Rule<'a> = (&'a str, &'a str, &'a str);

impl Routing {
    /// Reads it. `canary` is `spec.strategy.canary`, `routing` its `trafficRouting`.
    pub(super) fn read(state: &State, namespace: &str, routing: &Value, canary: &Value) -> Self {
        let mut total = fields::number(routing, &["maxTrafficWeight"]).unwrap_or(100);
        let (mut weights, mut plain, mut alternatives) = (Vec::new(), Vec::new(), Vec::new());
        for ingress in state.of(kinds::INGRESSES) {
            if fields::namespace(ingress) != namespace {
                continue;
            }
            let annotations = fields::map(ingress, &["metadata", "annotations"]);
            let note = |suffix: &str| {
                annotations
                    .iter()
                    .find(|(key, _)| key.ends_with(suffix))
                    .and_then(|(_, value)| value.as_str())
            };
            if note("/canary") != Some("true") {
                plain.extend(rules(ingress));
                continue;
            }
            let weight = note("/canary-weight").unwrap_or("0");
            if let Some(sum) = note("/canary-weight-total") {
                total = sum.parse().unwrap_or(total);
            }
            weights.push(weight.to_owned());
            let weight = weight.parse().unwrap_or(0);
            alternatives.extend(rules(ingress).map(|rule| (rule, weight)));
        }
        let mesh = Mesh::read(state, namespace, routing);
        let ingresses = plain
            .into_iter()
            .map(|rule| route(rule, &alternatives, total));
        Self {
            total,
            weights,
            dynamic: canary["dynamicStableScale"] == true,
            selectors: selectors(state, namespace)
                .into_iter()
                .chain(mesh.subsets)
                .collect(),
            routes: ingresses.chain(mesh.routes).collect(),
            extras: mesh.extras,
        }
    }

    /// The share of a hash on the route on which it has the largest one.
    pub(super) fn declared(&self, hash: &str) -> i64 {
        self.shares(hash).max().unwrap_or(0)
    }

    /// The share of a hash on each route that leads to more than one Service.
    pub(super) fn split(&self, hash: &str) -> impl Iterator<Item = i64> {
        self.routes
            .iter()
            .filter(|route| route.len() > 1)
            .map(move |route| self.share(route, hash))
    }

    /// The share of a Service on the route on which it has the largest one.
    pub(super) fn share_of_service(&self, service: &str) -> i64 {
        let shares = self.routes.iter().flatten();
        shares
            .filter(|(name, _)| name == service)
            .map(|(_, share)| *share)
            .max()
            .unwrap_or(0)
    }

    /// The hashes that Services tell apart.
    pub(super) fn hashes(&self) -> impl Iterator<Item = &str> {
        let mut hashes: Vec<&str> = self.selectors.values().map(String::as_str).collect();
        hashes.retain(|hash| !hash.is_empty());
        hashes.sort_unstable();
        hashes.dedup();
        hashes.into_iter()
    }

    fn shares(&self, hash: &str) -> impl Iterator<Item = i64> {
        self.routes.iter().map(move |route| self.share(route, hash))
    }

    fn share(&self, route: &[(String, i64)], hash: &str) -> i64 {
        let leads = |service: &String| {
            !hash.is_empty() && self.selectors.get(service).is_some_and(|one| one == hash)
        };
        route
            .iter()
            .filter(|(service, _)| leads(service))
            .map(|(_, share)| share)
            .sum()
    }
}

/// One route: its own Service, and the one of the canary Ingress with the same host and path.
fn route(
    (host, path, service): Rule<'_>,
    alternatives: &[(Rule<'_>, i64)],
    total: i64,
) -> Vec<(String, i64)> {
    let other = alternatives
        .iter()
        .find(|((other, at, _), _)| *other == host && *at == path);
    match other {
        None => vec![(service.to_owned(), total)],
        Some(((_, _, canary), weight)) => vec![
            (service.to_owned(), total - weight),
            ((*canary).to_owned(), *weight),
        ],
    }
}

fn rules(ingress: &Value) -> impl Iterator<Item = Rule<'_>> {
    let rules = fields::list(ingress, &["spec", "rules"]);
    rules.iter().flat_map(|rule| {
        let host = fields::text(rule, &["host"]);
        let paths = fields::list(rule, &["http", "paths"]);
        paths.iter().map(move |path| {
            let service = fields::text(path, &["backend", "service", "name"]);
            (host, fields::text(path, &["path"]), service)
        })
    })
}

fn selectors(state: &State, namespace: &str) -> BTreeMap<String, String> {
    let path = ["spec", "selector", labels::POD_TEMPLATE_HASH];
    state
        .of(kinds::SERVICES)
        .filter(|service| fields::namespace(service) == namespace)
        .map(|service| {
            let hash = fields::text(service, &path);
            (fields::name(service).to_owned(), hash.to_owned())
        })
        .collect()
}
