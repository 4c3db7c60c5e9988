//! Routes of their own for some requests: header routes and mirror routes (TR-314 to TR-316).

use serde_json::{Map, Value, json};
use tidegate_api::rollout::{
    IstioVirtualService, RouteMatch, SetHeaderRoute, SetMirrorRoute, StringMatch,
};
use tidegate_core::plan::RouteRequest;

use super::{
    object,
    virtual_service::{Routes, Sides, name_of},
};

/// Where such routes lead to.
pub(super) struct Target<'a> {
    pub(super) host: &'a str,
    pub(super) subset: Option<&'a str>,
}

/// The routes without those of these names. Keeps TR-316, and fixes it: nothing is written unless one of
/// them is there.
pub(super) fn without(routes: &Routes, names: &[&str]) -> Routes {
    let mut routes = routes.clone();
    if let Some(http) = &mut routes.http {
        http.retain(|route| !names.contains(&name_of(route)) || name_of(route).is_empty());
    }
    routes
}

/// Sets what is asked for, in the order of `managedRoutes`; tells in words what changed. Keeps TR-314 and
/// TR-315.
pub(super) fn set(
    routes: &mut Routes,
    (named, sides): (&IstioVirtualService, &Sides<'_>),
    target: &Target<'_>,
    requests: &[RouteRequest],
) -> Result<Vec<String>, String> {
    let mut told = Vec::new();
    if requests.is_empty() {
        return Ok(told);
    }
    let weighted = routes.weighted_http(named, sides);
    let weighted = weighted
        .and_then(|route| route.get("route"))
        .cloned()
        .unwrap_or_else(|| json!([]));
    let Some(http) = &mut routes.http else {
        return Err("spec.http not found: header and mirror routes need an HTTP route".to_owned());
    };
    for request in requests {
        let (wanted, words) = match request {
            RouteRequest::Header(route) => (header(route, target, &weighted), "set headerRoute"),
            RouteRequest::Mirror(route) => (mirror(route, target, &weighted), "set mirrorRoute"),
        };
        let name = request.name();
        let held: Vec<&Value> = http.iter().filter(|route| name_of(route) == name).collect();
        if held.len() <= 1 && held.first().copied() == wanted.as_ref() {
            continue;
        }
        http.retain(|route| name_of(route) != name);
        http.splice(0..0, wanted);
        told.push(format!("{words} '{name}'"));
    }
    let rank = |route: &Value| {
        let place = sides
            .managed
            .iter()
            .position(|name| *name == name_of(route));
        place.unwrap_or(sides.managed.len())
    };
    // The sort is stable: all others stay in their order behind them.
    http.sort_by_key(rank);
    Ok(told)
}

fn destination(target: &Target<'_>, weighted: &Value) -> Value {
    let mut destination = object([("host", json!(target.host))]);
    if let Some(number) = weighted.pointer("/0/destination/port/number") {
        destination["port"] = json!({ "number": number });
    }
    if let Some(subset) = target.subset.filter(|subset| !subset.is_empty()) {
        destination["subset"] = json!(subset);
    }
    destination
}

/// The header route, or nothing if it is to go.
fn header(route: &SetHeaderRoute, target: &Target<'_>, weighted: &Value) -> Option<Value> {
    let matches: Vec<Value> = route
        .matches
        .iter()
        .map(|one| {
            let value = one.header_value.as_ref().map_or_else(|| json!({}), text);
            let mut headers = Map::new();
            headers.insert(one.header_name.clone(), value);
            json!({ "headers": headers })
        })
        .collect();
    (!matches.is_empty()).then(|| {
        json!({
            "name": route.name,
            "match": matches,
            "route": [{"destination": destination(target, weighted), "weight": 100}],
        })
    })
}

/// The mirror route, or nothing if it is to go: its requests are split as all others are, and copied.
fn mirror(route: &SetMirrorRoute, target: &Target<'_>, weighted: &Value) -> Option<Value> {
    let matches: Vec<Value> = route.matches.iter().map(requests).collect();
    (!matches.is_empty()).then(|| {
        json!({
            "name": route.name,
            "match": matches,
            "route": weighted,
            "mirror": destination(target, weighted),
            "mirrorPercentage": {"value": route.percentage.unwrap_or(100)},
        })
    })
}

fn requests(one: &RouteMatch) -> Value {
    let mut members = Map::new();
    if let Some(method) = &one.method {
        members.insert("method".to_owned(), text(method));
    }
    if let Some(path) = &one.path {
        members.insert("uri".to_owned(), text(path));
    }
    if !one.headers.is_empty() {
        let headers = one
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), text(value)));
        members.insert("headers".to_owned(), Value::Object(headers.collect()));
    }
    Value::Object(members)
}

fn text(one: &StringMatch) -> Value {
    let given = [
        ("exact", &one.exact),
        ("regex", &one.regex),
        ("prefix", &one.prefix),
    ];
    let given = given.into_iter().filter(|(_, value)| !value.is_empty());
    object(given.map(|(kind, value)| (kind, json!(value))))
}
