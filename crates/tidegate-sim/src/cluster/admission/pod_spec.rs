//! Defaults and checks of a pod's spec, wherever it stands.

use serde_json::{Map, Value, json};

use crate::cluster::{
    fields::{child_mut, list, set_default, text},
    refusal::Cause,
};

/// Fills in `template` of a workload's spec.
pub(super) fn fill_in_template(spec: &mut Map<String, Value>) {
    let template = child_mut(spec, "template");
    child_mut(template, "metadata");
    fill_in(child_mut(template, "spec"));
}

/// Fills in a pod's spec.
pub(super) fn fill_in(spec: &mut Map<String, Value>) {
    set_default(spec, "restartPolicy", "Always");
    set_default(spec, "dnsPolicy", "ClusterFirst");
    set_default(spec, "schedulerName", "default-scheduler");
    set_default(spec, "terminationGracePeriodSeconds", 30);
    set_default(spec, "securityContext", json!({}));
    for member in ["containers", "initContainers", "ephemeralContainers"] {
        let containers = spec.get_mut(member).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            if let Some(container) = container.as_object_mut() {
                fill_in_container(container);
            }
        }
    }
    if let Some(account) = spec.get("serviceAccountName").cloned() {
        set_default(spec, "serviceAccount", account);
    }
    let volumes = spec.get_mut("volumes").and_then(Value::as_array_mut);
    for volume in volumes.into_iter().flatten() {
        for (source, mode) in [
            ("configMap", 420),
            ("secret", 420),
            ("projected", 420),
            ("downwardAPI", 420),
        ] {
            if let Some(source) = volume.get_mut(source).and_then(Value::as_object_mut) {
                set_default(source, "defaultMode", mode);
            }
        }
        if let Some(source) = volume.get_mut("hostPath").and_then(Value::as_object_mut) {
            set_default(source, "type", "");
        }
    }
}

fn fill_in_container(container: &mut Map<String, Value>) {
    set_default(container, "terminationMessagePath", "/dev/termination-log");
    set_default(container, "terminationMessagePolicy", "File");
    set_default(container, "resources", json!({}));
    let image = container
        .get("image")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let policy = if is_latest(image) {
        "Always"
    } else {
        "IfNotPresent"
    };
    set_default(container, "imagePullPolicy", policy);
    let ports = container.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        if let Some(port) = port.as_object_mut() {
            set_default(port, "protocol", "TCP");
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(name).and_then(Value::as_object_mut) {
            for (member, value) in [
                ("timeoutSeconds", 1),
                ("periodSeconds", 10),
                ("successThreshold", 1),
                ("failureThreshold", 3),
            ] {
                set_default(probe, member, value);
            }
            if let Some(get) = probe.get_mut("httpGet").and_then(Value::as_object_mut) {
                set_default(get, "path", "/");
                set_default(get, "scheme", "HTTP");
            }
        }
    }
    for variable in container
        .get_mut("env")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(field) = variable
            .get_mut("valueFrom")
            .and_then(|from| from.get_mut("fieldRef"))
            .and_then(Value::as_object_mut)
        {
            set_default(field, "apiVersion", "v1");
        }
    }
}

/// Whether an image is pulled anew each time: no tag and no digest, or the tag `latest`.
fn is_latest(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or_default();
    !image.contains('@') && last.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

/// What is wrong with a pod's spec.
pub(super) fn check(spec: &Value, path: &str, causes: &mut Vec<Cause>) {
    let containers = list(spec, &["containers"]);
    if containers.is_empty() {
        causes.push(Cause::required(&format!("{path}.containers"), ""));
    }
    for (index, container) in containers.iter().enumerate() {
        for member in ["name", "image"] {
            if text(container, &[member]).is_empty() {
                causes.push(Cause::required(
                    &format!("{path}.containers[{index}].{member}"),
                    "",
                ));
            }
        }
        let name = text(container, &["name"]);
        if containers[..index]
            .iter()
            .any(|other| text(other, &["name"]) == name)
        {
            causes.push(Cause {
                field: format!("{path}.containers[{index}].name"),
                reason: "FieldValueDuplicate",
                message: format!("Duplicate value: \"{name}\""),
            });
        }
    }
}
