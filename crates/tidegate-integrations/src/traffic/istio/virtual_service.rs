//! The routes of a `VirtualService`: which ones are meant, and the weights of their destinations.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use tidegate_api::rollout::{IstioDestinationRule, IstioVirtualService};
use tidegate_core::plan::TrafficSplit;

/// Where routes stand in the spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Http,
    Tls,
    Tcp,
}

impl Protocol {
    const ALL: [Self; 3] = [Self::Http, Self::Tls, Self::Tcp];

    fn member(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tls => "tls",
            Self::Tcp => "tcp",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Tls => "TLS",
            Self::Tcp => "TCP",
        }
    }

    /// The field of the Rollout that picks among several.
    fn field(self) -> &'static str {
        match self {
            Self::Http => "routes",
            Self::Tls => "tlsRoutes",
            Self::Tcp => "tcpRoutes",
        }
    }
}

/// What tells the two versions apart.
pub(super) struct Sides<'a> {
    pub(super) stable_service: &'a str,
    pub(super) canary_service: &'a str,
    pub(super) rule: Option<&'a IstioDestinationRule>,
    /// The names of routes that steps may set.
    pub(super) managed: Vec<&'a str>,
}

/// All routes of a `VirtualService`; `None` where the spec has no list of that kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Routes {
    pub(super) http: Option<Vec<Value>>,
    tls: Option<Vec<Value>>,
    tcp: Option<Vec<Value>>,
}

impl Routes {
    pub(super) fn of(object: &Value) -> Self {
        let list = |protocol: Protocol| {
            let list = object.pointer(&format!("/spec/{}", protocol.member()));
            list.and_then(Value::as_array).cloned()
        };
        Self {
            http: list(Protocol::Http),
            tls: list(Protocol::Tls),
            tcp: list(Protocol::Tcp),
        }
    }

    fn list(&self, protocol: Protocol) -> Option<&Vec<Value>> {
        match protocol {
            Protocol::Http => self.http.as_ref(),
            Protocol::Tls => self.tls.as_ref(),
            Protocol::Tcp => self.tcp.as_ref(),
        }
    }

    fn list_mut(&mut self, protocol: Protocol) -> Option<&mut Vec<Value>> {
        match protocol {
            Protocol::Http => self.http.as_mut(),
            Protocol::Tls => self.tls.as_mut(),
            Protocol::Tcp => self.tcp.as_mut(),
        }
    }

    /// The lists that must be replaced to come to others.
    pub(super) fn differences(&self, next: &Self) -> Map<String, Value> {
        let changed = Protocol::ALL
            .into_iter()
            .filter(|protocol| self.list(*protocol) != next.list(*protocol));
        changed
            .filter_map(|protocol| {
                let list = next.list(protocol)?.clone();
                Some((protocol.member().to_owned(), Value::Array(list)))
            })
            .collect()
    }

    /// The first HTTP route whose weights follow the split.
    pub(super) fn weighted_http(
        &self,
        named: &IstioVirtualService,
        sides: &Sides<'_>,
    ) -> Option<&Value> {
        let routes = self.http.as_ref()?;
        let first = http(routes, named, sides).ok()?.first().copied()?;
        routes.get(first)
    }

    /// Sets the weights of every route that is meant; tells whether one changed. Keeps TR-305, TR-306,
    /// TR-311.
    pub(super) fn weigh(
        &mut self,
        named: &IstioVirtualService,
        sides: &Sides<'_>,
        split: &TrafficSplit,
    ) -> Result<bool, String> {
        let before = self.clone();
        for protocol in Protocol::ALL {
            let Some(routes) = self.list_mut(protocol) else {
                continue;
            };
            let mut places = places(protocol, routes, named, sides)?;
            if protocol == Protocol::Http {
                places.extend(mirrors(routes, sides));
            }
            for place in places {
                let Some(route) = routes.get_mut(place) else {
                    continue;
                };
                fits(route, sides)?;
                if let Some(destinations) = route.get_mut("route").and_then(Value::as_array_mut) {
                    *destinations = weighted(destinations, sides, split);
                }
            }
        }
        Ok(*self != before)
    }
}

/// Everything that keeps the weights of a `VirtualService` from being set, in upstream's words.
pub(super) fn faults(
    object: &Value,
    named: &IstioVirtualService,
    sides: &Sides<'_>,
) -> Vec<String> {
    let routes = Routes::of(object);
    let lists: Vec<(Protocol, &Vec<Value>)> = Protocol::ALL
        .into_iter()
        .filter_map(|protocol| Some((protocol, routes.list(protocol)?)))
        .collect();
    if lists.is_empty() {
        let words = "Unable to get any of the HTTP, TCP or TLS routes for the Istio VirtualService";
        return vec![words.to_owned()];
    }
    lists
        .into_iter()
        .filter_map(|(protocol, list)| {
            let why = fault(protocol, list, named, sides)?;
            let words = protocol.words();
            Some(format!(
                "Istio VirtualService has invalid {words} routes. Error: {why}"
            ))
        })
        .collect()
}

fn fault(
    protocol: Protocol,
    routes: &[Value],
    named: &IstioVirtualService,
    sides: &Sides<'_>,
) -> Option<String> {
    match places(protocol, routes, named, sides) {
        Err(why) => Some(why),
        Ok(places) => places
            .into_iter()
            .filter_map(|place| routes.get(place))
            .find_map(|route| fits(route, sides).err()),
    }
}

/// Which routes are meant.
fn places(
    protocol: Protocol,
    routes: &[Value],
    named: &IstioVirtualService,
    sides: &Sides<'_>,
) -> Result<Vec<usize>, String> {
    match protocol {
        Protocol::Http => http(routes, named, sides),
        Protocol::Tls => {
            let wanted = named.tls_routes.iter();
            let wanted = wanted.map(|route| (route.port, Some(route.sni_hosts.as_slice())));
            by_match(protocol, routes, &wanted.collect::<Vec<_>>())
        }
        Protocol::Tcp => {
            let wanted = named.tcp_routes.iter().map(|route| (route.port, None));
            by_match(protocol, routes, &wanted.collect::<Vec<_>>())
        }
    }
}

/// By name; without names the only one that is no managed route. Keeps TR-305.
///
/// Differs from upstream: the only one may have a name although a managed route stands beside it, where
/// upstream then sets no weight at all.
fn http(
    routes: &[Value],
    named: &IstioVirtualService,
    sides: &Sides<'_>,
) -> Result<Vec<usize>, String> {
    if named.routes.is_empty() {
        if routes.len() == 1 {
            return Ok(vec![0]);
        }
        let own: Vec<usize> = (0..routes.len())
            .filter(|place| {
                !routes
                    .get(*place)
                    .is_some_and(|route| is_managed(route, sides))
            })
            .collect();
        return if own.len() == 1 || routes.is_empty() {
            Ok(own)
        } else {
            Err(omitted(Protocol::Http))
        };
    }
    let place_of = |name: &String| {
        routes
            .iter()
            .position(|route| name_of(route) == name)
            .ok_or_else(|| {
                format!("HTTP Route '{name}' is not found in the defined Virtual Service.")
            })
    };
    named.routes.iter().map(place_of).collect()
}

fn omitted(protocol: Protocol) -> String {
    let (member, field) = (protocol.member(), protocol.field());
    format!(
        "spec.{member}[] should be set in VirtualService and it must have exactly one route when omitting \
         spec.strategy.canary.trafficRouting.istio.virtualService.{field}"
    )
}

/// By port, and for TLS by hosts; without any the only one. Keeps TR-306.
fn by_match(
    protocol: Protocol,
    routes: &[Value],
    wanted: &[(i64, Option<&[String]>)],
) -> Result<Vec<usize>, String> {
    if wanted.is_empty() {
        return if routes.len() == 1 {
            Ok(vec![0])
        } else {
            Err(omitted(protocol))
        };
    }
    let mut places = Vec::new();
    for (port, hosts) in wanted {
        let before = places.len();
        let fitting = routes
            .iter()
            .enumerate()
            .filter(|(_, route)| matches(route, *port, *hosts));
        places.extend(fitting.map(|(place, _)| place));
        if places.len() == before {
            return Err(format!(
                "No matching {} routes found in the defined Virtual Service.",
                protocol.words()
            ));
        }
    }
    Ok(places)
}

/// Whether all matches of a route together are about this one port, and exactly these hosts.
fn matches(route: &Value, port: i64, hosts: Option<&[String]>) -> bool {
    let all = || {
        route
            .get("match")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let ports: BTreeSet<i64> = all()
        .map(|one| one.get("port").and_then(Value::as_i64).unwrap_or(0))
        .collect();
    if ports.len() > 1 || ports.first().copied().unwrap_or(0) != port {
        return false;
    }
    let Some(hosts) = hosts else {
        return true;
    };
    let found: BTreeSet<&str> = all()
        .filter_map(|one| one.get("sniHosts")?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    found.len() == hosts.len() && hosts.iter().all(|host| found.contains(host.as_str()))
}

/// Managed mirror routes carry a copy of the weights.
fn mirrors(routes: &[Value], sides: &Sides<'_>) -> Vec<usize> {
    let is_mirror = |route: &Value| route.get("mirror").is_some() && is_managed(route, sides);
    let all = routes.iter().enumerate();
    all.filter(|(_, route)| is_mirror(route))
        .map(|(place, _)| place)
        .collect()
}

fn is_managed(route: &Value, sides: &Sides<'_>) -> bool {
    let name = name_of(route);
    !name.is_empty() && sides.managed.contains(&name)
}

pub(super) fn name_of(route: &Value) -> &str {
    route
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn host_of(destination: &Value) -> &str {
    let host = destination
        .pointer("/destination/host")
        .and_then(Value::as_str);
    let host = host.unwrap_or_default();
    host.split_once('.').map_or(host, |(first, _)| first)
}

fn subset_of(destination: &Value) -> &str {
    let subset = destination
        .pointer("/destination/subset")
        .and_then(Value::as_str);
    subset.unwrap_or_default()
}

fn weight_of(destination: &Value) -> i64 {
    destination
        .get("weight")
        .and_then(Value::as_i64)
        .unwrap_or(0)
}

/// Whether a route leads to both versions. Keeps TR-313.
fn fits(route: &Value, sides: &Sides<'_>) -> Result<(), String> {
    let destinations = route.get("route").and_then(Value::as_array);
    let destinations = destinations.map_or(&[][..], Vec::as_slice);
    let leads = |to: &str, of: fn(&Value) -> &str| {
        !to.is_empty() && destinations.iter().any(|destination| of(destination) == to)
    };
    let missing = match sides.rule {
        Some(rule) => [
            (
                "Canary DestinationRule subset",
                rule.canary_subset_name.as_str(),
            ),
            (
                "Stable DestinationRule subset",
                rule.stable_subset_name.as_str(),
            ),
        ]
        .into_iter()
        .find(|(_, subset)| !leads(subset, subset_of)),
        None => [
            ("Canary Service", sides.canary_service),
            ("Stable Service", sides.stable_service),
        ]
        .into_iter()
        .find(|(_, service)| !leads(service, host_of)),
    };
    match missing {
        Some((what, name)) => Err(format!("{what} '{name}' not found in route")),
        None => Ok(()),
    }
}

/// Who a destination leads to.
enum Side {
    Canary,
    Stable,
    /// An experiment's Service, by name.
    Additional(usize),
    /// A subset that keeps its weight.
    Kept,
    Nobody,
}

fn side(destination: &Value, sides: &Sides<'_>, split: &TrafficSplit) -> Side {
    let (host, subset) = (host_of(destination), subset_of(destination));
    let is_subset = |name: &str| !subset.is_empty() && subset == name;
    let rule = sides.rule;
    if host == sides.canary_service || rule.is_some_and(|rule| is_subset(&rule.canary_subset_name))
    {
        return Side::Canary;
    }
    if host == sides.stable_service || rule.is_some_and(|rule| is_subset(&rule.stable_subset_name))
    {
        return Side::Stable;
    }
    let mut additional = split.additional.iter();
    // One that has nothing any more goes as those do that are over.
    if let Some(place) =
        additional.position(|backend| backend.service == host && backend.weight != 0)
    {
        return Side::Additional(place);
    }
    let kept = rule.is_some_and(|rule| {
        rule.additional_subset_names
            .iter()
            .any(|name| is_subset(name))
    });
    if kept { Side::Kept } else { Side::Nobody }
}

/// The destinations of a route with the split's weights. Destinations of nobody with a weight go, as
/// those of experiments that are over do. Keeps TR-308 to TR-310.
fn weighted(destinations: &[Value], sides: &Sides<'_>, split: &TrafficSplit) -> Vec<Value> {
    let canary = i64::from(split.canary.weight);
    let additional: i64 = split
        .additional
        .iter()
        .map(|backend| i64::from(backend.weight))
        .sum();
    let kept: i64 = destinations
        .iter()
        .filter(|destination| {
            let rule = sides.rule;
            let subset = subset_of(destination);
            !subset.is_empty()
                && rule.is_some_and(|rule| {
                    rule.additional_subset_names
                        .iter()
                        .any(|name| name == subset)
                })
        })
        .map(weight_of)
        .sum();
    let stable = (i64::from(split.max_weight) - canary - additional - kept).max(0);
    let mut there = BTreeSet::new();
    let mut next = Vec::new();
    for destination in destinations {
        let wanted = if host_of(destination).is_empty() {
            None
        } else {
            match side(destination, sides, split) {
                Side::Canary => Some(canary),
                Side::Stable => Some(stable),
                Side::Additional(place) => {
                    there.insert(place);
                    split
                        .additional
                        .get(place)
                        .map(|backend| i64::from(backend.weight))
                }
                Side::Nobody if weight_of(destination) != 0 => continue,
                Side::Kept | Side::Nobody => None,
            }
        };
        let mut destination = destination.clone();
        if let Some(weight) = wanted.filter(|weight| *weight != weight_of(&destination))
            && let Some(members) = destination.as_object_mut()
        {
            members.insert("weight".to_owned(), json!(weight));
        }
        next.push(destination);
    }
    let mut new: Vec<_> = split
        .additional
        .iter()
        .enumerate()
        .filter(|(place, backend)| !there.contains(place) && backend.weight != 0)
        .map(|(_, backend)| backend)
        .collect();
    new.sort_by(|first, second| first.service.cmp(&second.service));
    next.extend(new.into_iter().map(
        |backend| json!({"destination": {"host": backend.service}, "weight": backend.weight}),
    ));
    next
}
