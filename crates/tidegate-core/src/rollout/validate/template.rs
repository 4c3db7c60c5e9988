//! The rules of Kubernetes for a pod template of a ReplicaSet, as far as they concern what people
//! get wrong in practice. Keeps VAL-03 in part: what is not checked here is refused by the API server
//! when the ReplicaSet or its pods are created.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tidegate_api::meta::LabelSelector;

use super::{
    field,
    labels::{
        check_key, check_labels, dns_label_faults, dns_subdomain_faults, items, selector_matches,
        sentences, string_map, text,
    },
    quantity,
};
use crate::observed::Finding;

/// What is wrong with the template, in the API server's order.
pub(crate) fn check(
    template: &Value,
    selector: Option<&LabelSelector>,
    path: &str,
) -> Vec<Finding> {
    let metadata = template.get("metadata");
    let labels = string_map(metadata.and_then(|metadata| metadata.get("labels")));
    let mut findings = Vec::new();
    let selects_all = selector.is_some_and(|selector| super::labels::selector_len(selector) == 0);
    if !selects_all && !selector_matches(selector, &labels) {
        let shown = metadata
            .and_then(|metadata| metadata.get("labels"))
            .unwrap_or(&Value::Null);
        findings.push(field::invalid_json(
            &format!("{path}.metadata.labels"),
            serde_json::to_string(shown),
            "`selector` does not match template `labels`",
        ));
    }
    findings.extend(check_labels(&labels, &format!("{path}.labels")));
    let annotations = string_map(metadata.and_then(|metadata| metadata.get("annotations")));
    for key in annotations.keys() {
        findings.extend(check_key(
            &key.to_lowercase(),
            &format!("{path}.annotations"),
        ));
    }
    let spec_path = format!("{path}.spec");
    let empty = Value::Null;
    let spec = template.get("spec").unwrap_or(&empty);
    findings.extend(check_pod_spec(spec, &spec_path));
    if !items(spec.get("ephemeralContainers")).is_empty() {
        findings.push(field::forbidden(
            &format!("{spec_path}.ephemeralContainers"),
            "ephemeral containers not allowed in pod template",
        ));
    }
    let restart = text(spec.get("restartPolicy"));
    if !restart.is_empty() && restart != "Always" {
        findings.push(field::unsupported(
            &format!("{spec_path}.restartPolicy"),
            restart,
            &["Always"],
        ));
    }
    if spec
        .get("activeDeadlineSeconds")
        .is_some_and(|deadline| !deadline.is_null())
    {
        findings.push(field::forbidden(
            &format!("{spec_path}.activeDeadlineSeconds"),
            "activeDeadlineSeconds in ReplicaSet is not Supported",
        ));
    }
    findings
}

fn check_pod_spec(spec: &Value, path: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let volumes: BTreeSet<&str> = items(spec.get("volumes"))
        .iter()
        .map(|volume| text(volume.get("name")))
        .collect();
    findings.extend(check_volumes(
        items(spec.get("volumes")),
        &format!("{path}.volumes"),
    ));
    let containers = items(spec.get("containers"));
    let containers_path = format!("{path}.containers");
    if containers.is_empty() {
        findings.push(field::required(&containers_path, ""));
    }
    findings.extend(check_containers(containers, &volumes, &containers_path));
    findings.extend(check_containers(
        items(spec.get("initContainers")),
        &volumes,
        &format!("{path}.initContainers"),
    ));
    let restart = text(spec.get("restartPolicy"));
    if !["", "Always", "Never", "OnFailure"].contains(&restart) {
        findings.push(field::unsupported(
            &format!("{path}.restartPolicy"),
            restart,
            &["Always", "Never", "OnFailure"],
        ));
    }
    let dns = text(spec.get("dnsPolicy"));
    let dns_policies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    if !dns.is_empty() && !dns_policies.contains(&dns) {
        findings.push(field::unsupported(
            &format!("{path}.dnsPolicy"),
            dns,
            &dns_policies,
        ));
    }
    findings.extend(check_labels(
        &string_map(spec.get("nodeSelector")),
        &format!("{path}.nodeSelector"),
    ));
    for member in ["serviceAccountName", "nodeName"] {
        let name = text(spec.get(member));
        if !name.is_empty() {
            let faults = dns_subdomain_faults(name);
            findings.extend(sentences(&format!("{path}.{member}"), name, &faults));
        }
    }
    for member in ["hostname", "subdomain"] {
        let name = text(spec.get(member));
        if !name.is_empty() {
            let faults = dns_label_faults(name);
            findings.extend(sentences(&format!("{path}.{member}"), name, &faults));
        }
    }
    findings
}

fn check_volumes(volumes: &[Value], path: &str) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for (index, volume) in volumes.iter().enumerate() {
        let name_path = format!("{path}[{index}].name");
        let name = text(volume.get("name"));
        if name.is_empty() {
            findings.push(field::required(&name_path, ""));
        } else {
            findings.extend(sentences(&name_path, name, &dns_label_faults(name)));
        }
        if !name.is_empty() && !seen.insert(name) {
            findings.push(field::duplicate(&name_path, name));
        }
    }
    findings
}

fn check_containers(containers: &[Value], volumes: &BTreeSet<&str>, path: &str) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for (index, container) in containers.iter().enumerate() {
        let path = format!("{path}[{index}]");
        findings.extend(check_container(container, volumes, &path));
        let name = text(container.get("name"));
        if !seen.insert(name) {
            findings.push(field::duplicate(&format!("{path}.name"), name));
        }
        for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
            findings.extend(check_probe(
                container.get(probe),
                &format!("{path}.{probe}"),
            ));
        }
    }
    findings
}

fn check_container(container: &Value, volumes: &BTreeSet<&str>, path: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let name_path = format!("{path}.name");
    let name = text(container.get("name"));
    if name.is_empty() {
        findings.push(field::required(&name_path, ""));
    } else {
        findings.extend(sentences(&name_path, name, &dns_label_faults(name)));
    }
    let image = text(container.get("image"));
    if image.is_empty() {
        findings.push(field::required(&format!("{path}.image"), ""));
    }
    findings.extend(check_ports(
        items(container.get("ports")),
        &format!("{path}.ports"),
    ));
    findings.extend(check_env(
        items(container.get("env")),
        &format!("{path}.env"),
    ));
    findings.extend(check_mounts(
        items(container.get("volumeMounts")),
        volumes,
        &format!("{path}.volumeMounts"),
    ));
    let pull = text(container.get("imagePullPolicy"));
    let pull_policies = ["Always", "IfNotPresent", "Never"];
    if !pull.is_empty() && !pull_policies.contains(&pull) {
        findings.push(field::unsupported(
            &format!("{path}.imagePullPolicy"),
            pull,
            &pull_policies,
        ));
    }
    findings.extend(check_resources(
        container.get("resources"),
        &format!("{path}.resources"),
    ));
    findings
}

fn check_ports(ports: &[Value], path: &str) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let name_path = format!("{path}.name");
        let name = text(port.get("name"));
        if !name.is_empty() {
            let faults = port_name_faults(name);
            if !faults.is_empty() {
                findings.extend(sentences(&name_path, name, &faults));
            } else if !seen.insert(name) {
                findings.push(field::duplicate(&name_path, name));
            }
        }
        let number = port.get("containerPort").and_then(Value::as_i64);
        match number.unwrap_or_default() {
            0 => findings.push(field::required(&format!("{path}.containerPort"), "")),
            number => findings.extend(port_number(number, &format!("{path}.containerPort"))),
        }
        if let Some(host) = port
            .get("hostPort")
            .and_then(Value::as_i64)
            .filter(|port| *port != 0)
        {
            findings.extend(port_number(host, &format!("{path}.hostPort")));
        }
        let protocol = text(port.get("protocol"));
        let protocols = ["SCTP", "TCP", "UDP"];
        if !protocol.is_empty() && !protocols.contains(&protocol) {
            findings.push(field::unsupported(
                &format!("{path}.protocol"),
                protocol,
                &protocols,
            ));
        }
    }
    findings
}

fn port_number(number: i64, path: &str) -> Option<Finding> {
    (!(1..=65_535).contains(&number))
        .then(|| field::invalid_plain(path, number, "must be between 1 and 65535, inclusive"))
}

fn port_name_faults(name: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |holds: bool, sentence: &str| {
        if holds {
            faults.push(sentence.to_owned());
        }
    };
    let bytes = name.as_bytes();
    fault(name.len() > 15, "must be no more than 15 characters");
    fault(
        !bytes
            .iter()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-'),
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
    );
    fault(
        !bytes.iter().any(u8::is_ascii_lowercase),
        "must contain at least one letter (a-z)",
    );
    fault(name.contains("--"), "must not contain consecutive hyphens");
    fault(
        name.starts_with('-') || name.ends_with('-'),
        "must not begin or end with a hyphen",
    );
    faults
}

fn check_env(variables: &[Value], path: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, variable) in variables.iter().enumerate() {
        let name_path = format!("{path}[{index}].name");
        let name = text(variable.get("name"));
        if name.is_empty() {
            findings.push(field::required(&name_path, ""));
        } else {
            findings.extend(sentences(&name_path, name, &variable_name_faults(name)));
        }
    }
    findings
}

fn variable_name_faults(name: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let bytes = name.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    if bytes.first().is_some_and(u8::is_ascii_digit) || !bytes.iter().all(inner) {
        faults.push(
            "a valid environment variable name must consist of alphabetic characters, digits, '_', \
             '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME', \
              or 'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')"
                .to_owned(),
        );
    }
    match name {
        "." | ".." => faults.push(format!("must not be '{name}'")),
        dotted if dotted.starts_with("..") => faults.push("must not start with '..'".to_owned()),
        _ => {}
    }
    faults
}

fn check_mounts(mounts: &[Value], volumes: &BTreeSet<&str>, path: &str) -> Vec<Finding> {
    let mut places = BTreeSet::new();
    let mut findings = Vec::new();
    for (index, mount) in mounts.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let name = text(mount.get("name"));
        if name.is_empty() {
            findings.push(field::required(&format!("{path}.name"), ""));
        }
        if !volumes.contains(name) {
            findings.push(field::not_found(&format!("{path}.name"), name));
        }
        let place = text(mount.get("mountPath"));
        if place.is_empty() {
            findings.push(field::required(&format!("{path}.mountPath"), ""));
        }
        if !places.insert(place) {
            findings.push(field::invalid_text(
                &format!("{path}.mountPath"),
                place,
                "must be unique",
            ));
        }
    }
    findings
}

fn check_resources(resources: Option<&Value>, path: &str) -> Vec<Finding> {
    let Some(resources) = resources else {
        return Vec::new();
    };
    let limits = quantities(resources.get("limits"));
    let requests = quantities(resources.get("requests"));
    let mut findings = Vec::new();
    for (name, limit) in &limits {
        findings.extend(check_quantity(limit, &format!("{path}.limits[{name}]")));
    }
    for (name, request) in &requests {
        findings.extend(check_quantity(request, &format!("{path}.requests[{name}]")));
        let limit = limits.get(name);
        if let Some(limit) = limit.filter(|limit| quantity::exceeds(request, limit)) {
            findings.push(field::invalid_text(
                &format!("{path}.requests"),
                request,
                &format!("must be less than or equal to {name} limit of {limit}"),
            ));
        }
    }
    findings
}

fn check_quantity(amount: &str, path: &str) -> Option<Finding> {
    quantity::is_negative(amount)
        .then(|| field::invalid_text(path, amount, "must be greater than or equal to 0"))
}

fn quantities(list: Option<&Value>) -> BTreeMap<String, String> {
    list.and_then(Value::as_object)
        .map(|object| {
            object
                .iter()
                .map(|(name, amount)| {
                    let amount = amount
                        .as_str()
                        .map_or_else(|| amount.to_string(), str::to_owned);
                    (name.clone(), amount)
                })
                .collect()
        })
        .unwrap_or_default()
}

fn check_probe(probe: Option<&Value>, path: &str) -> Vec<Finding> {
    let Some(probe) = probe.filter(|probe| !probe.is_null()) else {
        return Vec::new();
    };
    let handlers = ["exec", "httpGet", "tcpSocket", "grpc"];
    let given = handlers
        .iter()
        .filter(|handler| probe.get(**handler).is_some_and(|value| !value.is_null()))
        .count();
    let mut findings = Vec::new();
    if given == 0 {
        findings.push(field::required(path, "must specify a handler type"));
    }
    for member in [
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ] {
        let value = probe
            .get(member)
            .and_then(Value::as_i64)
            .unwrap_or_default();
        findings.extend(field::non_negative(&format!("{path}.{member}"), value));
    }
    findings
}
