//! Which groups, versions and resources there are, in both forms that clients ask for.

use serde_json::{Value, json};

use crate::cluster::kinds::{self, Kind, KindId, Kinds, Scope, StatusWrites};

/// Which half of aggregated discovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// `/api`.
    Core,
    /// `/apis`.
    Groups,
}

const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// A subresource: its name, the group, version and kind of its objects, and its verbs.
struct Sub {
    name: &'static str,
    group: &'static str,
    version: String,
    kind: String,
    verbs: &'static [&'static str],
}

fn subresources(id: KindId, kind: &Kind) -> Vec<Sub> {
    let mut subs = Vec::new();
    let writable: &[&str] = &["get", "patch", "update"];
    if kind.status == StatusWrites::Apart {
        subs.push(Sub {
            name: "status",
            group: "",
            version: String::new(),
            kind: kind.kind.clone(),
            verbs: writable,
        });
    }
    if kind.scale.is_some() {
        subs.push(Sub {
            name: "scale",
            group: "autoscaling",
            version: "v1".to_owned(),
            kind: "Scale".to_owned(),
            verbs: writable,
        });
    }
    if id == kinds::PODS {
        subs.push(Sub {
            name: "eviction",
            group: "policy",
            version: "v1".to_owned(),
            kind: "Eviction".to_owned(),
            verbs: &["create"],
        });
        subs.push(Sub {
            name: "binding",
            group: "",
            version: String::new(),
            kind: "Binding".to_owned(),
            verbs: &["create"],
        });
    }
    subs
}

/// Every group with its versions: ours, the built-in ones, and the second address of events.
fn group_versions(kinds: &Kinds) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for (_, kind) in kinds.iter() {
        let pair = (kind.group.clone(), kind.version.clone());
        if !found.contains(&pair) {
            found.push(pair);
        }
    }
    found.push(("events.k8s.io".to_owned(), "v1".to_owned()));
    // The core group first, then as the table has them; ours last, so that no short name of ours
    // hides a built-in one.
    found.sort_by_key(|(group, _)| (!group.is_empty(), group == "argoproj.io"));
    found
}

fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

/// `/apis`.
pub(super) fn groups(kinds: &Kinds) -> Value {
    let mut names: Vec<String> = Vec::new();
    for (group, _) in group_versions(kinds) {
        if !group.is_empty() && !names.contains(&group) {
            names.push(group);
        }
    }
    let groups: Vec<Value> = names.iter().map(|name| group_entry(kinds, name)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`.
pub(super) fn group(kinds: &Kinds, name: &str) -> Value {
    let mut entry = group_entry(kinds, name);
    entry["kind"] = json!("APIGroup");
    entry["apiVersion"] = json!("v1");
    entry
}

fn group_entry(kinds: &Kinds, name: &str) -> Value {
    let versions: Vec<Value> = group_versions(kinds)
        .into_iter()
        .filter(|(group, _)| group == name)
        .map(|(group, version)| json!({"groupVersion": api_version(&group, &version), "version": version}))
        .collect();
    json!({"name": name, "versions": versions, "preferredVersion": versions.first()})
}

/// The kinds under a group and version; the second address of events shows events.
fn kinds_of<'a>(
    kinds: &'a Kinds,
    group: &'a str,
    version: &'a str,
) -> impl Iterator<Item = (KindId, &'a Kind)> {
    kinds
        .iter()
        .filter(move |(id, kind)| {
            (kind.group == group && kind.version == version)
                || (group == "events.k8s.io" && *id == kinds::EVENTS)
        })
        .map(|(id, kind)| (id, &**kind))
}

/// `/api/v1` or `/apis/GROUP/VERSION`.
pub(super) fn resources(kinds: &Kinds, group: &str, version: &str) -> Value {
    let mut resources = Vec::new();
    for (id, kind) in kinds_of(kinds, group, version) {
        let namespaced = kind.scope == Scope::Namespaced;
        let mut resource = json!({
            "name": kind.plural,
            "singularName": kind.singular,
            "namespaced": namespaced,
            "kind": kind.kind,
            "verbs": VERBS,
        });
        if !kind.short_names.is_empty() {
            resource["shortNames"] = json!(kind.short_names);
        }
        if !kind.categories.is_empty() {
            resource["categories"] = json!(kind.categories);
        }
        resources.push(resource);
        for sub in subresources(id, kind) {
            let mut resource = json!({
                "name": format!("{}/{}", kind.plural, sub.name),
                "singularName": "",
                "namespaced": namespaced,
                "kind": sub.kind,
                "verbs": sub.verbs,
            });
            if !sub.group.is_empty() {
                resource["group"] = json!(sub.group);
                resource["version"] = json!(sub.version);
            }
            resources.push(resource);
        }
    }
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": api_version(group, version),
        "resources": resources,
    })
}

/// Everything at once, as newer clients ask for.
pub(super) fn aggregated(kinds: &Kinds, part: Part) -> Value {
    let mut items: Vec<Value> = Vec::new();
    for (group, version) in group_versions(kinds) {
        let wanted = match part {
            Part::Core => group.is_empty(),
            Part::Groups => !group.is_empty(),
        };
        if !wanted {
            continue;
        }
        let resources: Vec<Value> = kinds_of(kinds, &group, &version)
            .map(|(id, kind)| aggregated_resource((&group, &version), id, kind))
            .collect();
        let entry = json!({"version": version, "resources": resources, "freshness": "Current"});
        match items
            .iter_mut()
            .find(|item| item["metadata"]["name"] == group)
        {
            Some(item) => {
                if let Some(versions) = item["versions"].as_array_mut() {
                    versions.push(entry);
                }
            }
            None => items.push(json!({"metadata": {"name": group}, "versions": [entry]})),
        }
    }
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    })
}

fn aggregated_resource((group, version): (&str, &str), id: KindId, kind: &Kind) -> Value {
    let response = |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    let subs: Vec<Value> = subresources(id, kind)
        .iter()
        .map(|sub| {
            let (group, version) = if sub.version.is_empty() {
                (group, version)
            } else {
                (sub.group, sub.version.as_str())
            };
            json!({
                "subresource": sub.name,
                "responseKind": response(group, version, &sub.kind),
                "verbs": sub.verbs,
            })
        })
        .collect();
    let scope = match kind.scope {
        Scope::Namespaced => "Namespaced",
        Scope::Cluster => "Cluster",
    };
    let mut resource = json!({
        "resource": kind.plural,
        "responseKind": response(group, version, &kind.kind),
        "scope": scope,
        "singularResource": kind.singular,
        "verbs": VERBS,
    });
    for (member, list) in [
        ("shortNames", &kind.short_names),
        ("categories", &kind.categories),
    ] {
        if !list.is_empty() {
            resource[member] = json!(list);
        }
    }
    if !subs.is_empty() {
        resource["subresources"] = json!(subs);
    }
    resource
}
