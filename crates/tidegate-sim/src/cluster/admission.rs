//! What the API server adds to objects of the built-in kinds, and what it refuses in any object.

mod pod_spec;

use serde_json::{Map, Value, json};

use super::{
    fields::{self, child_mut, set_default, text},
    kinds::{self, KindId},
    refusal::Cause,
    selector::LabelSelector,
};

/// Fills in the defaults of a built-in kind.
pub(super) fn fill_in(kind: KindId, object: &mut Value) {
    if kind == kinds::PODS {
        pod_spec::fill_in(fields::map_mut(object, "spec"));
        set_default(fields::map_mut(object, "spec"), "enableServiceLinks", true);
        default_account(fields::map_mut(object, "spec"));
    } else if kind == kinds::REPLICA_SETS {
        let spec = fields::map_mut(object, "spec");
        set_default(spec, "replicas", 1);
        pod_spec::fill_in_template(spec);
    } else if kind == kinds::DEPLOYMENTS {
        deployment(fields::map_mut(object, "spec"));
    } else if kind == kinds::POD_TEMPLATES {
        if let Some(members) = object.as_object_mut() {
            pod_spec::fill_in_template(members);
        }
    } else if kind == kinds::JOBS {
        job(object);
    } else if kind == kinds::SERVICES {
        service(fields::map_mut(object, "spec"));
    } else if kind == kinds::INGRESSES {
        ingress(object);
    } else if kind == kinds::SECRETS {
        secret(object);
    } else if kind == kinds::EVENTS {
        set_default(fields::map_mut(object, "source"), "component", "");
    }
}

fn default_account(spec: &mut Map<String, Value>) {
    set_default(spec, "serviceAccountName", "default");
    let account = spec["serviceAccountName"].clone();
    set_default(spec, "serviceAccount", account);
    set_default(spec, "priority", 0);
    set_default(spec, "preemptionPolicy", "PreemptLowerPriority");
}

fn deployment(spec: &mut Map<String, Value>) {
    set_default(spec, "replicas", 1);
    set_default(spec, "revisionHistoryLimit", 10);
    set_default(spec, "progressDeadlineSeconds", 600);
    let strategy = child_mut(spec, "strategy");
    set_default(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        let rolling = child_mut(strategy, "rollingUpdate");
        set_default(rolling, "maxUnavailable", "25%");
        set_default(rolling, "maxSurge", "25%");
    }
    pod_spec::fill_in_template(spec);
}

fn job(object: &mut Value) {
    let uid = fields::uid(object).to_owned();
    let name = fields::name(object).to_owned();
    let spec = fields::map_mut(object, "spec");
    for (member, value) in [("completions", 1), ("parallelism", 1), ("backoffLimit", 6)] {
        set_default(spec, member, value);
    }
    set_default(spec, "completionMode", "NonIndexed");
    set_default(spec, "suspend", false);
    set_default(spec, "podReplacementPolicy", "TerminatingOrFailed");
    if spec.get("manualSelector") != Some(&Value::Bool(true)) && !uid.is_empty() {
        set_default(
            spec,
            "selector",
            json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}),
        );
        let metadata = child_mut(child_mut(spec, "template"), "metadata");
        let labels = child_mut(metadata, "labels");
        for prefix in ["batch.kubernetes.io/", ""] {
            set_default(labels, &format!("{prefix}controller-uid"), uid.as_str());
            set_default(labels, &format!("{prefix}job-name"), name.as_str());
        }
    }
    pod_spec::fill_in_template(spec);
}

fn service(spec: &mut Map<String, Value>) {
    set_default(spec, "type", "ClusterIP");
    set_default(spec, "sessionAffinity", "None");
    set_default(spec, "internalTrafficPolicy", "Cluster");
    set_default(spec, "ipFamilyPolicy", "SingleStack");
    set_default(spec, "ipFamilies", json!(["IPv4"]));
    for port in spec
        .get_mut("ports")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(port) = port.as_object_mut() {
            set_default(port, "protocol", "TCP");
            let number = port.get("port").cloned().unwrap_or_default();
            set_default(port, "targetPort", number);
        }
    }
}

/// Gives a Service its address unless it wants none.
pub(super) fn service_address(object: &mut Value, serial: u64) {
    let spec = fields::map_mut(object, "spec");
    if spec.get("type") == Some(&json!("ExternalName")) {
        return;
    }
    let address = format!("10.96.{}.{}", (serial / 254) % 256, serial % 254 + 1);
    set_default(spec, "clusterIP", address);
    let address = spec["clusterIP"].clone();
    set_default(spec, "clusterIPs", Value::Array(vec![address]));
}

fn ingress(object: &mut Value) {
    set_default(fields::map_mut(object, "status"), "loadBalancer", json!({}));
}

fn secret(object: &mut Value) {
    let Some(members) = object.as_object_mut() else {
        return;
    };
    set_default(members, "type", "Opaque");
    if let Some(Value::Object(plain)) = members.remove("stringData") {
        let data = child_mut(members, "data");
        for (name, value) in plain {
            let encoded = base64(value.as_str().unwrap_or_default().as_bytes());
            data.insert(name, Value::String(encoded));
        }
    }
}

/// Standard base64 with padding, as `data` of a Secret holds it.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut three = [0_u8; 3];
        three[..chunk.len()].copy_from_slice(chunk);
        let sextets = [
            three[0] >> 2,
            (three[0] & 3) << 4 | three[1] >> 4,
            (three[1] & 15) << 2 | three[2] >> 6,
            three[2] & 63,
        ];
        for (place, sextet) in sextets.into_iter().enumerate() {
            let character = if place <= chunk.len() {
                ALPHABET[usize::from(sextet)]
            } else {
                b'='
            };
            text.push(char::from(character));
        }
    }
    text
}

/// The quality-of-service class of a pod by its containers' requests and limits.
pub(super) fn quality(pod: &Value) -> &'static str {
    let containers = fields::list(pod, &["spec", "containers"]);
    let resources =
        |container: &Value, which: &str| fields::map(container, &["resources", which]).clone();
    let nothing = containers
        .iter()
        .all(|c| resources(c, "requests").is_empty() && resources(c, "limits").is_empty());
    if nothing {
        return "BestEffort";
    }
    let guaranteed = containers.iter().all(|container| {
        let limits = resources(container, "limits");
        let requests = resources(container, "requests");
        let whole = ["cpu", "memory"]
            .iter()
            .all(|name| limits.contains_key(*name));
        whole && (requests.is_empty() || requests == limits)
    });
    if guaranteed {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

/// Everything that is wrong with an object, apart from what a schema says. `old` is what it replaces.
pub(super) fn check(kind: KindId, object: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    if old.is_none() {
        check_name(kind, fields::name(object), &mut causes);
    }
    check_metadata(object, old, &mut causes);
    if kind == kinds::REPLICA_SETS || kind == kinds::DEPLOYMENTS {
        check_workload(object, old, &mut causes);
    } else if kind == kinds::PODS {
        pod_spec::check(
            object.get("spec").unwrap_or(&Value::Null),
            "spec",
            &mut causes,
        );
    } else if kind == kinds::SERVICES {
        check_service(object, &mut causes);
    }
    causes
}

/// What a name may consist of.
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

fn check_name(kind: KindId, name: &str, causes: &mut Vec<Cause>) {
    if name.is_empty() {
        causes.push(Cause::required(
            "metadata.name",
            "name or generateName is required",
        ));
        return;
    }
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_label = |part: &str| {
        part.starts_with(lower)
            && part.ends_with(lower)
            && part.chars().all(|c| lower(c) || c == '-')
    };
    if kind == kinds::SERVICES {
        if !is_label(name) || !name.starts_with(|c: char| c.is_ascii_lowercase()) || name.len() > 63
        {
            causes.push(Cause::invalid("metadata.name", &json!(name), LABEL));
        }
    } else if (name.len() > 253 || !name.split('.').all(is_label)) && !is_free_form(kind, name) {
        causes.push(Cause::invalid("metadata.name", &json!(name), SUBDOMAIN));
    }
}

/// Roles and their bindings have names of URL path segments, such as `system:node`.
fn is_free_form(kind: KindId, name: &str) -> bool {
    let role = kinds::Kinds::standard()
        .iter()
        .find(|(id, _)| *id == kind)
        .is_some_and(|(_, kind)| kind.group == "rbac.authorization.k8s.io");
    role && !name.contains(['/', '%']) && ![".", ".."].contains(&name)
}

fn check_metadata(object: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    for member in ["labels", "annotations"] {
        if let Some(value) = fields::at(object, &["metadata", member]).filter(|v| !v.is_object()) {
            causes.push(Cause::invalid(
                &format!("metadata.{member}"),
                value,
                "must be an object",
            ));
        }
    }
    for member in ["ownerReferences", "finalizers"] {
        if let Some(value) = fields::at(object, &["metadata", member]).filter(|v| !v.is_array()) {
            causes.push(Cause::invalid(
                &format!("metadata.{member}"),
                value,
                "must be a list",
            ));
        }
    }
    let owners = fields::owners(object);
    let managers = owners
        .iter()
        .filter(|owner| owner.get("controller") == Some(&Value::Bool(true)))
        .count();
    if managers > 1 {
        causes.push(Cause::invalid(
            "metadata.ownerReferences",
            &json!(owners),
            "Only one reference can have Controller set to true",
        ));
    }
    for owner in owners {
        for member in ["apiVersion", "kind", "name", "uid"] {
            if text(owner, &[member]).is_empty() {
                let field = format!("metadata.ownerReferences.{member}");
                causes.push(Cause::invalid(&field, &json!(""), "must not be empty"));
            }
        }
    }
    let labels = fields::labels(object);
    if old.is_none_or(|old| fields::labels(old) != labels) {
        check_labels(labels, "metadata.labels", causes);
    }
    for (key, value) in fields::map(object, &["metadata", "annotations"]) {
        if !value.is_string() {
            causes.push(Cause::invalid(
                &format!("metadata.annotations.{key}"),
                value,
                "must be a string",
            ));
        }
    }
}

fn check_labels(labels: &Map<String, Value>, path: &str, causes: &mut Vec<Cause>) {
    for (key, value) in labels {
        let Some(value) = value.as_str() else {
            causes.push(Cause::invalid(path, value, "must be a string"));
            continue;
        };
        let edge = |c: char| c.is_ascii_alphanumeric();
        let fits = value.is_empty()
            || (value.len() <= 63
                && value.starts_with(edge)
                && value.ends_with(edge)
                && value.chars().all(|c| edge(c) || "-_.".contains(c)));
        if !fits {
            causes.push(Cause::invalid(
                path,
                &json!(value),
                "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
            ));
        }
        if key.is_empty() {
            causes.push(Cause::invalid(
                path,
                &json!(key),
                "name part must be non-empty",
            ));
        }
    }
}

fn check_workload(object: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let replicas = fields::number(object, &["spec", "replicas"]).unwrap_or(0);
    if replicas < 0 {
        causes.push(Cause::invalid(
            "spec.replicas",
            &json!(replicas),
            "must be greater than or equal to 0",
        ));
    }
    let spec = |object: &Value, name: &str| fields::at(object, &["spec", name]).cloned();
    let selector = spec(object, "selector").unwrap_or_default();
    let unchanged = |name: &str| old.is_some_and(|old| spec(old, name) == spec(object, name));
    if !unchanged("selector") {
        if old.is_some() {
            causes.push(Cause::invalid(
                "spec.selector",
                &selector,
                "field is immutable",
            ));
            return;
        }
        if LabelSelector::of_json(&selector).is_empty() {
            causes.push(Cause::required("spec.selector", ""));
            return;
        }
    }
    if unchanged("template") {
        return;
    }
    let labels = fields::map(object, &["spec", "template", "metadata", "labels"]);
    check_labels(labels, "spec.template.metadata.labels", causes);
    if !LabelSelector::of_json(&selector).matches_labels(labels) {
        causes.push(Cause::invalid(
            "spec.template.metadata.labels",
            &json!(labels),
            "`selector` does not match template `labels`",
        ));
    }
    let template = fields::at(object, &["spec", "template", "spec"]).unwrap_or(&Value::Null);
    pod_spec::check(template, "spec.template.spec", causes);
}

fn check_service(object: &Value, causes: &mut Vec<Cause>) {
    let kind = text(object, &["spec", "type"]);
    let ports = fields::list(object, &["spec", "ports"]);
    if ports.is_empty() && kind != "ExternalName" && text(object, &["spec", "clusterIP"]) != "None"
    {
        causes.push(Cause::required("spec.ports", ""));
    }
    for (index, port) in ports.iter().enumerate() {
        let number = fields::number(port, &["port"]).unwrap_or(0);
        if !(1..=65_535).contains(&number) {
            causes.push(Cause::invalid(
                &format!("spec.ports[{index}].port"),
                &json!(number),
                "must be between 1 and 65535, inclusive",
            ));
        }
        if ports.len() > 1 && text(port, &["name"]).is_empty() {
            causes.push(Cause::required(&format!("spec.ports[{index}].name"), ""));
        }
    }
    check_labels(
        fields::map(object, &["spec", "selector"]),
        "spec.selector",
        causes,
    );
}
