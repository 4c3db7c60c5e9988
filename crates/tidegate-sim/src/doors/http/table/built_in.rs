//! The columns of the built-in kinds.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Heading, age};
use crate::cluster::{
    fields::{at, is_deleting, list, map, name, number, text},
    kinds::{self, KindId},
};

/// A kind's headings, and how many of the last of them are shown with `-o wide` only.
type Columns = (KindId, &'static [&'static str], usize);

const COLUMNS: [Columns; 17] = [
    (
        kinds::PODS,
        &[
            "Name",
            "Ready",
            "Status",
            "Restarts",
            "Age",
            "IP",
            "Node",
            "Nominated Node",
            "Readiness Gates",
        ],
        4,
    ),
    (
        kinds::REPLICA_SETS,
        &[
            "Name",
            "Desired",
            "Current",
            "Ready",
            "Age",
            "Containers",
            "Images",
            "Selector",
        ],
        3,
    ),
    (
        kinds::DEPLOYMENTS,
        &[
            "Name",
            "Ready",
            "Up-to-date",
            "Available",
            "Age",
            "Containers",
            "Images",
            "Selector",
        ],
        3,
    ),
    (
        kinds::SERVICES,
        &[
            "Name",
            "Type",
            "Cluster-IP",
            "External-IP",
            "Port(s)",
            "Age",
            "Selector",
        ],
        1,
    ),
    (kinds::ENDPOINTS, &["Name", "Endpoints", "Age"], 0),
    (
        kinds::ENDPOINT_SLICES,
        &["Name", "AddressType", "Ports", "Endpoints", "Age"],
        0,
    ),
    (
        kinds::INGRESSES,
        &["Name", "Class", "Hosts", "Address", "Ports", "Age"],
        0,
    ),
    (
        kinds::EVENTS,
        &[
            "Last Seen",
            "Type",
            "Reason",
            "Object",
            "Subobject",
            "Source",
            "Message",
            "First Seen",
            "Count",
            "Name",
        ],
        3,
    ),
    (kinds::NAMESPACES, &["Name", "Status", "Age"], 0),
    (
        kinds::NODES,
        &["Name", "Status", "Roles", "Age", "Version"],
        0,
    ),
    (kinds::CONFIG_MAPS, &["Name", "Data", "Age"], 0),
    (kinds::SECRETS, &["Name", "Type", "Data", "Age"], 0),
    (kinds::SERVICE_ACCOUNTS, &["Name", "Secrets", "Age"], 0),
    (
        kinds::JOBS,
        &["Name", "Status", "Completions", "Duration", "Age"],
        0,
    ),
    (kinds::LEASES, &["Name", "Holder", "Age"], 0),
    (kinds::DEFINITIONS, &["Name", "Created At"], 0),
    (
        kinds::AUTOSCALERS,
        &["Name", "Reference", "MinPods", "MaxPods", "Replicas", "Age"],
        0,
    ),
];

fn columns(kind: KindId) -> (&'static [&'static str], usize) {
    COLUMNS
        .iter()
        .find(|(id, _, _)| *id == kind)
        .map_or((&["Name", "Age"], 0), |(_, names, wide)| (names, *wide))
}

pub(super) fn headings(kind: KindId) -> Vec<Heading> {
    let (names, wide) = columns(kind);
    names
        .iter()
        .enumerate()
        .map(|(place, name)| {
            // Events hide two in the middle: subobject and source.
            let hidden =
                place >= names.len() - wide || (kind == kinds::EVENTS && [4, 5].contains(&place));
            Heading::new(name, i64::from(hidden))
        })
        .collect()
}

pub(super) fn cells(kind: KindId, object: &Value, now: Timestamp) -> Vec<Value> {
    let age = json!(age(text(object, &["metadata", "creationTimestamp"]), now));
    let name = json!(name(object));
    match kind {
        kinds::PODS => pod(object, name, age),
        kinds::REPLICA_SETS | kinds::DEPLOYMENTS => workload(kind, object, name, age),
        kinds::SERVICES => service(object, name, age),
        kinds::ENDPOINTS => vec![name, json!(endpoints(object)), age],
        kinds::ENDPOINT_SLICES => slice(object, name, age),
        kinds::INGRESSES => ingress(object, name, age),
        kinds::EVENTS => event(object, name, now),
        kinds::NAMESPACES => vec![
            name,
            at(object, &["status", "phase"])
                .cloned()
                .unwrap_or_default(),
            age,
        ],
        kinds::NODES => node(object, name, age),
        kinds::CONFIG_MAPS => {
            let count = map(object, &["data"]).len() + map(object, &["binaryData"]).len();
            vec![name, json!(count), age]
        }
        kinds::SECRETS => vec![
            name,
            json!(text(object, &["type"])),
            json!(map(object, &["data"]).len()),
            age,
        ],
        kinds::SERVICE_ACCOUNTS => vec![name, json!(list(object, &["secrets"]).len()), age],
        kinds::JOBS => job(object, name, age),
        kinds::LEASES => vec![name, json!(text(object, &["spec", "holderIdentity"])), age],
        kinds::DEFINITIONS => vec![
            name,
            json!(text(object, &["metadata", "creationTimestamp"])),
        ],
        kinds::AUTOSCALERS => autoscaler(object, name, age),
        _ => vec![name, age],
    }
}

fn count(object: &Value, path: &[&str]) -> i64 {
    number(object, path).unwrap_or(0)
}

fn or_none(text: &str) -> Value {
    json!(if text.is_empty() { "<none>" } else { text })
}

fn pod(pod: &Value, name: Value, age: Value) -> Vec<Value> {
    let statuses = list(pod, &["status", "containerStatuses"]);
    let containers = list(pod, &["spec", "containers"]).len();
    let ready = statuses
        .iter()
        .filter(|status| status["ready"] == true)
        .count();
    let restarts: i64 = statuses
        .iter()
        .map(|status| count(status, &["restartCount"]))
        .sum();
    let gates = list(pod, &["spec", "readinessGates"]);
    let met = gates
        .iter()
        .filter(|gate| {
            crate::cluster::fields::condition(pod, text(gate, &["conditionType"])) == "True"
        })
        .count();
    let gates = if gates.is_empty() {
        "<none>".to_owned()
    } else {
        format!("{met}/{}", gates.len())
    };
    vec![
        name,
        json!(format!("{ready}/{containers}")),
        json!(pod_status(pod)),
        json!(restarts.to_string()),
        age,
        or_none(text(pod, &["status", "podIP"])),
        or_none(text(pod, &["spec", "nodeName"])),
        json!("<none>"),
        json!(gates),
    ]
}

/// The word in the column STATUS: what a container waits for, or the phase.
fn pod_status(pod: &Value) -> String {
    if is_deleting(pod) {
        return "Terminating".to_owned();
    }
    for status in list(pod, &["status", "containerStatuses"]) {
        for state in ["waiting", "terminated"] {
            let reason = text(status, &["state", state, "reason"]);
            if !reason.is_empty() {
                return reason.to_owned();
            }
        }
    }
    match text(pod, &["status", "reason"]) {
        "" => text(pod, &["status", "phase"]).to_owned(),
        reason => reason.to_owned(),
    }
}

fn workload(kind: KindId, object: &Value, name: Value, age: Value) -> Vec<Value> {
    let spec = ["spec", "template", "spec", "containers"];
    let joined = |member: &str| {
        let values: Vec<&str> = list(object, &spec)
            .iter()
            .map(|c| text(c, &[member]))
            .collect();
        json!(values.join(","))
    };
    let selector: Vec<String> = map(object, &["spec", "selector", "matchLabels"])
        .iter()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let desired = count(object, &["spec", "replicas"]);
    let ready = count(object, &["status", "readyReplicas"]);
    let mut cells = vec![name];
    if kind == kinds::REPLICA_SETS {
        cells.extend([
            json!(desired),
            json!(count(object, &["status", "replicas"])),
            json!(ready),
        ]);
    } else {
        cells.extend([
            json!(format!("{ready}/{desired}")),
            json!(count(object, &["status", "updatedReplicas"])),
            json!(count(object, &["status", "availableReplicas"])),
        ]);
    }
    cells.extend([
        age,
        joined("name"),
        joined("image"),
        json!(selector.join(",")),
    ]);
    cells
}

fn service(service: &Value, name: Value, age: Value) -> Vec<Value> {
    let ports: Vec<String> = list(service, &["spec", "ports"])
        .iter()
        .map(|port| {
            let node = match number(port, &["nodePort"]) {
                Some(node) => format!(":{node}"),
                None => String::new(),
            };
            format!(
                "{}{node}/{}",
                count(port, &["port"]),
                text(port, &["protocol"])
            )
        })
        .collect();
    let selector: Vec<String> = map(service, &["spec", "selector"])
        .iter()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    vec![
        name,
        json!(text(service, &["spec", "type"])),
        or_none(text(service, &["spec", "clusterIP"])),
        json!("<none>"),
        or_none(&ports.join(",")),
        age,
        or_none(&selector.join(",")),
    ]
}

fn endpoints(object: &Value) -> String {
    let mut found: Vec<String> = Vec::new();
    for subset in list(object, &["subsets"]) {
        for port in list(subset, &["ports"]) {
            for address in list(subset, &["addresses"]) {
                found.push(format!(
                    "{}:{}",
                    text(address, &["ip"]),
                    count(port, &["port"])
                ));
            }
        }
    }
    let more = found.len().saturating_sub(3);
    found.truncate(3);
    match (found.is_empty(), more) {
        (true, _) => "<none>".to_owned(),
        (false, 0) => found.join(","),
        (false, more) => format!("{} + {more} more...", found.join(",")),
    }
}

fn slice(object: &Value, name: Value, age: Value) -> Vec<Value> {
    let ports: Vec<String> = list(object, &["ports"])
        .iter()
        .map(|port| count(port, &["port"]).to_string())
        .collect();
    let addresses: Vec<&str> = list(object, &["endpoints"])
        .iter()
        .flat_map(|endpoint| list(endpoint, &["addresses"]))
        .filter_map(Value::as_str)
        .collect();
    vec![
        name,
        json!(text(object, &["addressType"])),
        or_none(&ports.join(",")),
        or_none(&addresses.join(",")),
        age,
    ]
}

fn ingress(object: &Value, name: Value, age: Value) -> Vec<Value> {
    let mut hosts: Vec<&str> = list(object, &["spec", "rules"])
        .iter()
        .map(|rule| text(rule, &["host"]))
        .filter(|host| !host.is_empty())
        .collect();
    if hosts.is_empty() {
        hosts.push("*");
    }
    let ports = if list(object, &["spec", "tls"]).is_empty() {
        "80"
    } else {
        "80, 443"
    };
    vec![
        name,
        or_none(text(object, &["spec", "ingressClassName"])),
        json!(hosts.join(",")),
        json!(""),
        json!(ports),
        age,
    ]
}

fn event(event: &Value, name: Value, now: Timestamp) -> Vec<Value> {
    // The second address of events calls some members differently.
    let first = |paths: &[&[&str]]| {
        let found = paths
            .iter()
            .map(|path| text(event, path))
            .find(|text| !text.is_empty());
        found.unwrap_or_default().to_owned()
    };
    let kind = first(&[&["involvedObject", "kind"], &["regarding", "kind"]]).to_ascii_lowercase();
    let of = first(&[&["involvedObject", "name"], &["regarding", "name"]]);
    let created: &[&str] = &["metadata", "creationTimestamp"];
    let last = first(&[
        &["lastTimestamp"],
        &["deprecatedLastTimestamp"],
        &["eventTime"],
        created,
    ]);
    let begun = first(&[
        &["firstTimestamp"],
        &["deprecatedFirstTimestamp"],
        &["eventTime"],
        created,
    ]);
    vec![
        json!(age(&last, now)),
        json!(text(event, &["type"])),
        json!(text(event, &["reason"])),
        json!(format!("{kind}/{of}")),
        json!(first(&[
            &["involvedObject", "fieldPath"],
            &["regarding", "fieldPath"]
        ])),
        json!(first(&[
            &["source", "component"],
            &["reportingComponent"],
            &["reportingController"]
        ])),
        json!(first(&[&["message"], &["note"]]).trim()),
        json!(age(&begun, now)),
        json!(
            number(event, &["count"])
                .or_else(|| number(event, &["deprecatedCount"]))
                .unwrap_or(1)
        ),
        name,
    ]
}

fn node(node: &Value, name: Value, age: Value) -> Vec<Value> {
    let ready = match crate::cluster::fields::condition(node, "Ready") {
        "True" => "Ready",
        "" => "Unknown",
        _ => "NotReady",
    };
    let version = text(node, &["status", "nodeInfo", "kubeletVersion"]);
    vec![name, json!(ready), json!("<none>"), age, json!(version)]
}

fn job(job: &Value, name: Value, age: Value) -> Vec<Value> {
    let done = count(job, &["status", "succeeded"]);
    let wanted = number(job, &["spec", "completions"]).unwrap_or(1);
    let status = match (
        crate::cluster::fields::condition(job, "Complete"),
        crate::cluster::fields::condition(job, "Failed"),
    ) {
        ("True", _) => "Complete",
        (_, "True") => "Failed",
        _ => "Running",
    };
    vec![
        name,
        json!(status),
        json!(format!("{done}/{wanted}")),
        json!(""),
        age,
    ]
}

fn autoscaler(object: &Value, name: Value, age: Value) -> Vec<Value> {
    let reference = ["spec", "scaleTargetRef"];
    let kind = text(object, &[reference[0], reference[1], "kind"]);
    let target = text(object, &[reference[0], reference[1], "name"]);
    vec![
        name,
        json!(format!("{kind}/{target}")),
        json!(number(object, &["spec", "minReplicas"]).unwrap_or(1)),
        json!(count(object, &["spec", "maxReplicas"])),
        json!(count(object, &["status", "currentReplicas"])),
        age,
    ]
}
