//! What a write changes of Istio's objects, in words.

use serde_json::Value;
use tidegate_api::labels::POD_TEMPLATE_HASH;

use crate::cluster::fields;

/// What changed of the routes of a `VirtualService` and the subsets of a `DestinationRule`.
pub(super) fn changes(target: &str, old: &Value, new: &Value) -> Vec<String> {
    let (before, after) = (routes(old), routes(new));
    let changed = after
        .iter()
        .filter(|route| !before.contains(route))
        .map(|(name, text)| format!("route {target} {name} to {text}"));
    let gone = before
        .iter()
        .filter(|(name, _)| !after.iter().any(|(other, _)| other == name))
        .map(|(name, _)| format!("no route {target} {name}"));
    let mut parts: Vec<String> = changed.chain(gone).collect();
    let known = subsets(old);
    let pointed = subsets(new)
        .into_iter()
        .filter(|subset| !known.contains(subset));
    parts.extend(pointed.map(|(name, hash)| {
        let hash = if hash.is_empty() {
            "every version"
        } else {
            hash
        };
        format!("point {target} {name} at {hash}")
    }));
    let now = subsets(new);
    let gone = known
        .iter()
        .filter(|(name, _)| !now.iter().any(|(other, _)| other == name));
    parts.extend(gone.map(|(name, _)| format!("no subset {target} {name}")));
    parts
}

fn routes(object: &Value) -> Vec<(String, String)> {
    let lists = ["http", "tls", "tcp"].into_iter();
    lists
        .flat_map(|list| {
            let routes = fields::list(object, &["spec", list]).iter().enumerate();
            routes.map(move |(place, route)| {
                let name = match fields::text(route, &["name"]) {
                    "" => format!("{list} {place}"),
                    name => name.to_owned(),
                };
                (name, receivers(route))
            })
        })
        .collect()
}

fn receivers(route: &Value) -> String {
    let to = |destination: &Value| match fields::text(destination, &["subset"]) {
        "" => fields::text(destination, &["host"]).to_owned(),
        subset => format!("{}:{subset}", fields::text(destination, &["host"])),
    };
    let all = fields::list(route, &["route"]).iter();
    let mut words: Vec<String> = all
        .map(|one| {
            let weight = fields::number(one, &["weight"]).unwrap_or(0);
            format!("{} {weight}", to(&one["destination"]))
        })
        .collect();
    if let Some(mirror) = route.get("mirror") {
        let percent = fields::number(route, &["mirrorPercentage", "value"]).unwrap_or(100);
        words.push(format!("copied {percent} % to {}", to(mirror)));
    }
    words.join(" ")
}

fn subsets(object: &Value) -> Vec<(&str, &str)> {
    let subsets = fields::list(object, &["spec", "subsets"]).iter();
    subsets
        .map(|subset| {
            let hash = fields::text(subset, &["labels", POD_TEMPLATE_HASH]);
            (fields::text(subset, &["name"]), hash)
        })
        .collect()
}
