//! The endpoints controllers: which addresses stand behind each Service.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cluster::{
    Call, Cluster, DeletionOptions, Locator, Target, fields,
    kinds::{ENDPOINT_SLICES, ENDPOINTS, KindId, PODS, SERVICES},
    selector::LabelSelector,
};

/// Keeps `Endpoints` and one `EndpointSlice` for each Service that selects pods.
#[derive(Clone, Debug, Default)]
pub(super) struct Endpoints {
    cursor: u64,
}

impl Endpoints {
    pub(super) fn step(&mut self, cluster: &mut Cluster, now: Timestamp) {
        let version = cluster.version();
        if self.cursor == version {
            return;
        }
        let dirty = self.read(cluster);
        self.cursor = version;
        let call = Call::new(now, "endpoint-controller");
        for locator in dirty {
            sync(cluster, &call, &locator);
        }
    }

    /// The Services that the changes since the last look concern.
    fn read(&self, cluster: &Cluster) -> BTreeSet<Locator> {
        let mut dirty = BTreeSet::new();
        let Ok(changes) = cluster.changes_since(self.cursor) else {
            let services = cluster.in_namespace(SERVICES, None);
            dirty.extend(services.map(|service| locator(service)));
            return dirty;
        };
        for change in changes {
            if change.object.kind == SERVICES {
                dirty.insert(change.object.clone());
            } else if change.object.kind == PODS {
                for service in cluster.in_namespace(SERVICES, Some(&change.object.namespace)) {
                    let selector = selector(service);
                    let concerned = |pod: &Arc<Value>| selector.matches(pod);
                    if !selector.is_empty()
                        && (concerned(&change.new) || change.old.as_ref().is_some_and(concerned))
                    {
                        dirty.insert(locator(service));
                    }
                }
            }
        }
        dirty
    }
}

fn locator(service: &Value) -> Locator {
    Locator::new(SERVICES, fields::namespace(service), fields::name(service))
}

fn selector(service: &Value) -> LabelSelector {
    LabelSelector::of_labels(fields::map(service, &["spec", "selector"]))
}

fn sync(cluster: &mut Cluster, call: &Call, locator: &Locator) {
    let (namespace, name) = (&*locator.namespace, &*locator.name);
    let Some(service) = cluster.get(SERVICES, namespace, name).cloned() else {
        if cluster.get(ENDPOINTS, namespace, name).is_some() {
            let target = Target::new(ENDPOINTS, namespace, name);
            cluster
                .delete(call, &target, &DeletionOptions::default())
                .expect("the endpoints were read at this instant");
        }
        return;
    };
    let selector = selector(&service);
    if selector.is_empty() {
        return;
    }
    let pods: Vec<Arc<Value>> = cluster
        .in_namespace(PODS, Some(namespace))
        .filter(|pod| {
            let phase = fields::text(pod, &["status", "phase"]);
            selector.matches(pod)
                && !fields::text(pod, &["status", "podIP"]).is_empty()
                && !["Succeeded", "Failed"].contains(&phase)
        })
        .cloned()
        .collect();
    write(cluster, call, (ENDPOINTS, endpoints(&service, &pods)));
    write(cluster, call, (ENDPOINT_SLICES, slice(&service, &pods)));
}

/// Creates or replaces an object whose content is known as a whole.
fn write(cluster: &mut Cluster, call: &Call, (kind, wanted): (KindId, Value)) {
    let namespace = fields::namespace(&wanted).to_owned();
    let name = fields::name(&wanted).to_owned();
    let result = if cluster.get(kind, &namespace, &name).is_some() {
        cluster.update(call, &Target::new(kind, &namespace, &name), wanted)
    } else {
        cluster.create(call, kind, &namespace, wanted)
    };
    // The namespace may be going; the Service then goes, too.
    let _refused = result.err();
}

fn is_ready(pod: &Value) -> bool {
    fields::condition(pod, "Ready") == "True"
}

/// Where a Service's port leads on a pod.
fn target_port(port: &Value, pod: Option<&Arc<Value>>) -> Value {
    let target = port
        .get("targetPort")
        .cloned()
        .unwrap_or_else(|| port["port"].clone());
    let Some(name) = target.as_str() else {
        return target;
    };
    pod.into_iter()
        .flat_map(|pod| fields::list(pod, &["spec", "containers"]))
        .flat_map(|container| fields::list(container, &["ports"]))
        .find(|port| fields::text(port, &["name"]) == name)
        .map_or(Value::Null, |port| port["containerPort"].clone())
}

fn ports(service: &Value, pods: &[Arc<Value>]) -> Vec<Value> {
    fields::list(service, &["spec", "ports"])
        .iter()
        .filter_map(|port| {
            let number = target_port(port, pods.first());
            let mut shown = json!({"port": number, "protocol": port["protocol"]});
            if let Some(name) = port.get("name") {
                shown["name"] = name.clone();
            }
            (!number.is_null()).then_some(shown)
        })
        .collect()
}

fn reference(pod: &Value) -> Value {
    json!({
        "kind": "Pod",
        "namespace": fields::namespace(pod),
        "name": fields::name(pod),
        "uid": fields::uid(pod),
    })
}

fn endpoints(service: &Value, pods: &[Arc<Value>]) -> Value {
    let addresses = |ready: &dyn Fn(&Value) -> bool| -> Vec<Value> {
        pods.iter()
            .filter(|pod| !fields::is_deleting(pod) && ready(pod))
            .map(|pod| {
                json!({
                    "ip": pod["status"]["podIP"],
                    "nodeName": pod["spec"]["nodeName"],
                    "targetRef": reference(pod),
                })
            })
            .collect()
    };
    let mut subset = serde_json::Map::new();
    for (member, list) in [
        ("addresses", addresses(&is_ready)),
        ("notReadyAddresses", addresses(&|pod| !is_ready(pod))),
    ] {
        if !list.is_empty() {
            subset.insert(member.to_owned(), Value::Array(list));
        }
    }
    let mut object = json!({
        "metadata": {
            "name": fields::name(service),
            "namespace": fields::namespace(service),
            "labels": fields::labels(service),
        },
    });
    if !subset.is_empty() {
        subset.insert("ports".to_owned(), Value::Array(ports(service, pods)));
        object["subsets"] = json!([subset]);
    }
    object
}

fn slice(service: &Value, pods: &[Arc<Value>]) -> Value {
    let endpoints: Vec<Value> = pods
        .iter()
        .map(|pod| {
            let going = fields::is_deleting(pod);
            json!({
                "addresses": [pod["status"]["podIP"]],
                "conditions": {
                    "ready": is_ready(pod) && !going,
                    "serving": is_ready(pod),
                    "terminating": going,
                },
                "nodeName": pod["spec"]["nodeName"],
                "targetRef": reference(pod),
            })
        })
        .collect();
    json!({
        "metadata": {
            "name": format!("{}-slice", fields::name(service)),
            "namespace": fields::namespace(service),
            "labels": {
                "kubernetes.io/service-name": fields::name(service),
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            },
            "ownerReferences": [{
                "apiVersion": "v1",
                "kind": "Service",
                "name": fields::name(service),
                "uid": fields::uid(service),
                "controller": true,
                "blockOwnerDeletion": true,
            }],
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": ports(service, pods),
    })
}
