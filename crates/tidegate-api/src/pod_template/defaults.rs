//! What Kubernetes fills into a pod template that leaves it open. An API server does this for the
//! templates of `ReplicaSets`, not for those of Rollouts; hence both are compared with it applied.

use serde_json::{Map, Value, json};

use super::image;
use crate::{quantity::Quantity, shape};

type Object = Map<String, Value>;

/// The permissions of files in volumes, 0644.
const FILE_MODE: i32 = 0o644;

/// The template with Kubernetes' defaults for pod templates (not all of those for pods: neither
/// requests that follow from limits, nor `enableServiceLinks`).
pub fn with_defaults(template: &Value) -> Value {
    let mut template = template.clone();
    if !template.is_object() {
        template = json!({});
    }
    let spec = match template.get_mut("spec") {
        Some(spec) if spec.is_object() => spec,
        _ => {
            template["spec"] = json!({});
            &mut template["spec"]
        }
    };
    if let Some(spec) = spec.as_object_mut() {
        fill_spec(spec);
    }
    template
}

fn fill_spec(spec: &mut Object) {
    text(spec, "dnsPolicy", "ClusterFirst");
    text(spec, "restartPolicy", "Always");
    absent(spec, "securityContext", json!({}));
    absent(spec, "terminationGracePeriodSeconds", json!(30));
    text(spec, "schedulerName", "default-scheduler");
    each(spec, "volumes", fill_volume);
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        each(spec, list, fill_container);
    }
    round(spec, "overhead");
    member(spec, "resources", fill_resources);
}

fn fill_container(container: &mut Object) {
    let name = container.get("image").and_then(Value::as_str);
    let policy = if image::is_latest(name.unwrap_or_default()) {
        "Always"
    } else {
        "IfNotPresent"
    };
    text(container, "imagePullPolicy", policy);
    text(container, "terminationMessagePath", "/dev/termination-log");
    text(container, "terminationMessagePolicy", "File");
    each(container, "ports", |port| text(port, "protocol", "TCP"));
    each(container, "env", |variable| {
        member(variable, "valueFrom", |source| {
            member(source, "fieldRef", fill_field);
            member(source, "fileKeyRef", |file| {
                absent(file, "optional", json!(false));
            });
        });
    });
    member(container, "resources", fill_resources);
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        member(container, probe, fill_probe);
    }
    member(container, "lifecycle", |lifecycle| {
        for hook in ["postStart", "preStop"] {
            member(lifecycle, hook, |hook| member(hook, "httpGet", fill_get));
        }
    });
}

fn fill_probe(probe: &mut Object) {
    number(probe, "timeoutSeconds", 1);
    number(probe, "periodSeconds", 10);
    number(probe, "successThreshold", 1);
    number(probe, "failureThreshold", 3);
    member(probe, "httpGet", fill_get);
    member(probe, "grpc", |grpc| absent(grpc, "service", json!("")));
}

fn fill_get(get: &mut Object) {
    text(get, "path", "/");
    text(get, "scheme", "HTTP");
}

fn fill_field(field: &mut Object) {
    text(field, "apiVersion", "v1");
}

fn fill_resources(resources: &mut Object) {
    round(resources, "limits");
    round(resources, "requests");
}

fn fill_volume(volume: &mut Object) {
    let has_source = shape::volume_sources()
        .any(|source| volume.get(source).is_some_and(|source| !source.is_null()));
    if !has_source {
        volume.insert("emptyDir".to_owned(), json!({}));
    }
    member(volume, "hostPath", |path| absent(path, "type", json!("")));
    member(volume, "secret", fill_mode);
    member(volume, "configMap", fill_mode);
    member(volume, "iscsi", |disk| {
        text(disk, "iscsiInterface", "default");
    });
    member(volume, "rbd", |disk| {
        text(disk, "pool", "rbd");
        text(disk, "user", "admin");
        text(disk, "keyring", "/etc/ceph/keyring");
    });
    member(volume, "downwardAPI", |source| {
        fill_mode(source);
        fill_downward_items(source);
    });
    member(volume, "azureDisk", |disk| {
        absent(disk, "cachingMode", json!("ReadWrite"));
        absent(disk, "fsType", json!("ext4"));
        absent(disk, "readOnly", json!(false));
        absent(disk, "kind", json!("Shared"));
    });
    member(volume, "projected", fill_projected);
    member(volume, "scaleIO", |disk| {
        text(disk, "storageMode", "ThinProvisioned");
        text(disk, "fsType", "xfs");
    });
    member(volume, "ephemeral", |source| {
        member(source, "volumeClaimTemplate", fill_claim);
    });
}

fn fill_projected(source: &mut Object) {
    fill_mode(source);
    each(source, "sources", |source| {
        member(source, "downwardAPI", fill_downward_items);
        member(source, "serviceAccountToken", |token| {
            absent(token, "expirationSeconds", json!(3600));
        });
    });
}

fn fill_downward_items(source: &mut Object) {
    each(source, "items", |item| member(item, "fieldRef", fill_field));
}

fn fill_mode(source: &mut Object) {
    absent(source, "defaultMode", json!(FILE_MODE));
}

/// The claim's spec is filled in even where it is not given.
fn fill_claim(claim: &mut Object) {
    absent(claim, "spec", json!({}));
    member(claim, "spec", |spec| {
        absent(spec, "volumeMode", json!("Filesystem"));
        member(spec, "resources", fill_resources);
    });
}

/// Changes a member that is an object.
fn member(object: &mut Object, name: &str, change: impl FnOnce(&mut Object)) {
    if let Some(member) = object.get_mut(name).and_then(Value::as_object_mut) {
        change(member);
    }
}

/// Changes every item of a list; null items are empty objects.
fn each(object: &mut Object, name: &str, change: impl Fn(&mut Object)) {
    let items = object.get_mut(name).and_then(Value::as_array_mut);
    for item in items.into_iter().flatten() {
        if item.is_null() {
            *item = json!({});
        }
        if let Some(item) = item.as_object_mut() {
            change(item);
        }
    }
}

/// Sets a member that Go holds by pointer unless it is given, be it with a zero value.
fn absent(object: &mut Object, name: &str, default: Value) {
    if object.get(name).is_none_or(Value::is_null) {
        object.insert(name.to_owned(), default);
    }
}

/// Sets a text unless there is one.
fn text(object: &mut Object, name: &str, default: &str) {
    let given = object.get(name).and_then(Value::as_str);
    if given.unwrap_or_default().is_empty() {
        object.insert(name.to_owned(), json!(default));
    }
}

/// Sets a number unless there is one that is not 0.
fn number(object: &mut Object, name: &str, default: i32) {
    let given = object.get(name).and_then(Value::as_i64);
    if given.unwrap_or_default() == 0 {
        object.insert(name.to_owned(), json!(default));
    }
}

/// Rounds quantities up to thousandths.
fn round(object: &mut Object, name: &str) {
    member(object, name, |quantities| {
        for quantity in quantities.values_mut() {
            let text = match quantity {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => continue,
            };
            if let Ok(parsed) = Quantity::parse(&text) {
                *quantity = Value::String(parsed.rounded_up_to_thousandths().to_string());
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_template_gets_what_every_pod_needs() {
        assert_eq!(
            with_defaults(&json!({})),
            json!({"spec": {
                "dnsPolicy": "ClusterFirst",
                "restartPolicy": "Always",
                "schedulerName": "default-scheduler",
                "securityContext": {},
                "terminationGracePeriodSeconds": 30,
            }})
        );
    }

    #[test]
    fn a_volume_without_a_source_is_an_empty_directory() {
        let template =
            json!({"spec": {"volumes": [{"name": "a"}, {"secret": {"defaultMode": 0}}]}});
        let filled = with_defaults(&template);
        assert_eq!(
            filled["spec"]["volumes"],
            json!([{"name": "a", "emptyDir": {}}, {"secret": {"defaultMode": 0}}])
        );
    }

    #[test]
    fn zero_thresholds_of_probes_are_taken_for_unset() {
        let template = json!({"spec": {"containers": [{"livenessProbe": {"periodSeconds": 0}}]}});
        let filled = with_defaults(&template);
        assert_eq!(
            filled["spec"]["containers"][0]["livenessProbe"],
            json!({"periodSeconds": 10, "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3})
        );
    }
}
