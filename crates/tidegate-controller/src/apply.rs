//! The door: the only file that writes to the cluster. One write in, one guarded request out.

use std::sync::Arc;

use http::{Method, Request};
use kube::Client;
use serde_json::{Value, json};
use tidegate_core::{
    plan::{Guard, ObjectKey, Resource, Verb, Write},
    run::{Failure, Outcome},
};

/// The REST path of a kind, in a namespace unless that is empty.
pub(crate) fn path(resource: &Resource, namespace: &str) -> String {
    let root = if resource.group.is_empty() {
        format!("/api/{}", resource.version)
    } else {
        format!("/apis/{}/{}", resource.group, resource.version)
    };
    if namespace.is_empty() {
        format!("{root}/{}", resource.plural)
    } else {
        format!("{root}/namespaces/{namespace}/{}", resource.plural)
    }
}

/// The REST path of one object.
pub(crate) fn object_path(key: &ObjectKey) -> String {
    format!("{}/{}", path(&key.resource, &key.namespace), key.name)
}

/// Sends one write under its guard.
pub(crate) async fn send(client: &Client, write: &Write) -> Outcome {
    let request = match request(write) {
        Ok(request) => request,
        Err(error) => return Outcome::Failed(Failure::Refused(error.to_string())),
    };
    match client.request::<Value>(request).await {
        Ok(object) => Outcome::Done(Arc::new(object)),
        Err(error) => Outcome::Failed(classify(write.verb, &error)),
    }
}

/// Sends an event object, or one more count of an earlier one. Events hold nothing back: a failure is
/// the caller's to log.
pub(crate) async fn send_event(client: &Client, event: EventWrite) -> Result<(), kube::Error> {
    let events = Resource::new("", "v1", "Event", "events");
    let request = match event {
        EventWrite::Create { namespace, body } => Request::builder()
            .method(Method::POST)
            .uri(path(&events, &namespace))
            .header("content-type", "application/json")
            .body(body.to_string().into_bytes()),
        EventWrite::Count {
            namespace,
            name,
            body,
        } => Request::builder()
            .method(Method::PATCH)
            .uri(format!("{}/{name}", path(&events, &namespace)))
            .header("content-type", "application/merge-patch+json")
            .body(body.to_string().into_bytes()),
    };
    let request = request.map_err(kube::Error::HttpError)?;
    client.request::<Value>(request).await.map(drop)
}

/// How an event is written.
#[derive(Debug)]
pub(crate) enum EventWrite {
    /// The first of its kind.
    Create {
        /// Where.
        namespace: String,
        /// The event.
        body: Value,
    },
    /// The same again.
    Count {
        /// Where.
        namespace: String,
        /// The event that was made first.
        name: String,
        /// Count and time.
        body: Value,
    },
}

fn request(write: &Write) -> Result<Request<Vec<u8>>, http::Error> {
    let (method, uri, content_type, body) = match write.verb {
        Verb::Create => (
            Method::POST,
            path(&write.target.resource, &write.target.namespace),
            "application/json",
            write.body.clone(),
        ),
        Verb::Patch => (
            Method::PATCH,
            object_path(&write.target),
            "application/merge-patch+json",
            guarded(&write.body, &write.guard),
        ),
        Verb::PatchStatus => (
            Method::PATCH,
            format!("{}/status", object_path(&write.target)),
            "application/merge-patch+json",
            guarded(&write.body, &write.guard),
        ),
        Verb::Delete => (
            Method::DELETE,
            object_path(&write.target),
            "application/json",
            preconditions(&write.guard),
        ),
        Verb::Evict => (
            Method::POST,
            format!("{}/eviction", object_path(&write.target)),
            "application/json",
            eviction(&write.target, &write.guard),
        ),
    };
    Request::builder()
        .method(method)
        .uri(uri)
        .header("content-type", content_type)
        .body(body.to_string().into_bytes())
}

/// A merge patch that commits only on the very object that was looked at.
fn guarded(patch: &Value, guard: &Guard) -> Value {
    let mut patch = patch.clone();
    match guard {
        Guard::Absent => {}
        Guard::Version {
            uid,
            resource_version,
        } => {
            if let Some(members) = patch.as_object_mut() {
                let metadata = members.entry("metadata").or_insert_with(|| json!({}));
                if let Some(metadata) = metadata.as_object_mut() {
                    metadata.insert("uid".to_owned(), json!(uid));
                    metadata.insert("resourceVersion".to_owned(), json!(resource_version));
                }
            }
        }
    }
    patch
}

fn preconditions(guard: &Guard) -> Value {
    match guard {
        Guard::Absent => json!({"kind": "DeleteOptions", "apiVersion": "v1"}),
        Guard::Version {
            uid,
            resource_version,
        } => json!({
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid, "resourceVersion": resource_version},
        }),
    }
}

/// Asks for a pod to go, unless a disruption budget keeps it.
fn eviction(pod: &ObjectKey, guard: &Guard) -> Value {
    json!({
        "kind": "Eviction",
        "apiVersion": "policy/v1",
        "metadata": {"name": pod.name, "namespace": pod.namespace},
        "deleteOptions": preconditions(guard),
    })
}

/// What an error says about the write.
fn classify(verb: Verb, error: &kube::Error) -> Failure {
    let kube::Error::Api(status) = error else {
        let text = chain(error);
        return if never_sent(&text) {
            Failure::Unavailable(text)
        } else {
            Failure::Unknown(text)
        };
    };
    let text = status.message.clone();
    match (status.code, status.reason.as_str()) {
        (409, "AlreadyExists") => Failure::AlreadyExists,
        (409, _) => Failure::Conflict,
        (404, _) => Failure::NotFound,
        (429, _) if verb == Verb::Evict => Failure::Protected(text),
        (429 | 503, _) => Failure::Unavailable(text),
        (500 | 502 | 504, _) => Failure::Unknown(text),
        _ => Failure::Refused(text),
    }
}

/// An error and everything that caused it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let more = next.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = next.source();
    }
    text
}

/// A connection that was never made carried no request.
fn never_sent(text: &str) -> bool {
    text.contains("Connect") || text.contains("connect error") || text.contains("refused")
}

#[cfg(test)]
mod tests {
    use tidegate_core::{
        plan::{Class, PODS, REPLICA_SETS, ROLLOUTS},
        reason::Reason,
    };

    use super::*;

    fn write(verb: Verb, resource: Resource, body: Value) -> Write {
        Write {
            verb,
            target: ObjectKey::new(resource, "shop", "web"),
            guard: Guard::Version {
                uid: "u-1".to_owned(),
                resource_version: "42".to_owned(),
            },
            body,
            class: Class::Additive,
            events: Vec::new(),
            reason: Reason::FollowsRollout,
        }
    }

    fn body(request: &Request<Vec<u8>>) -> Value {
        serde_json::from_slice(request.body()).unwrap()
    }

    #[test]
    fn a_status_patch_goes_to_the_subresource_with_its_guard() {
        let request = request(&write(
            Verb::PatchStatus,
            ROLLOUTS,
            json!({"status": {"phase": "Healthy"}}),
        ))
        .unwrap();
        assert_eq!(
            request.uri().path(),
            "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/web/status"
        );
        assert_eq!(
            body(&request),
            json!({"metadata": {"uid": "u-1", "resourceVersion": "42"}, "status": {"phase": "Healthy"}})
        );
    }

    #[test]
    fn an_eviction_names_the_pod_that_was_looked_at() {
        let request = request(&write(Verb::Evict, PODS, Value::Null)).unwrap();
        assert_eq!(request.method(), Method::POST);
        assert_eq!(
            request.uri().path(),
            "/api/v1/namespaces/shop/pods/web/eviction"
        );
        assert_eq!(
            body(&request)["deleteOptions"]["preconditions"],
            json!({"uid": "u-1", "resourceVersion": "42"})
        );
    }

    #[test]
    fn a_delete_names_the_object_that_was_looked_at() {
        let request = request(&write(Verb::Delete, REPLICA_SETS, Value::Null)).unwrap();
        assert_eq!(request.method(), Method::DELETE);
        assert_eq!(
            body(&request)["preconditions"],
            json!({"uid": "u-1", "resourceVersion": "42"})
        );
    }
}
