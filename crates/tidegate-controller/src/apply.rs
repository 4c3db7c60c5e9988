//! The door: the only file that writes to the cluster. One write in, one guarded request out, and none
//! at all unless the fence is open.

use std::{sync::Arc, time::Duration};

use http::{Method, Request};
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_core::{
    contest,
    plan::{Guard, ObjectKey, Resource, Verb, Write},
    run::{Failure, Outcome, Unavailable},
};

use crate::{
    fence::Fence,
    path,
    server::{LONGEST_REQUEST, Refused, Server, Unanswered},
};

/// What becomes of a write while another controller leads, or may lead.
pub(crate) const FENCED: &str = "not sent, because this controller does not lead";

/// Where writes go through.
#[derive(Clone)]
pub(crate) struct Door {
    server: Server,
    fence: Fence,
}

impl Door {
    /// A door to this server, behind this fence.
    pub(crate) fn new(server: Server, fence: Fence) -> Self {
        Self { server, fence }
    }

    /// Sends a request if the fence is open when its turn comes. It is given up when the fence closes
    /// (S2-6).
    async fn pass(&self, verb: Verb, request: Request<Vec<u8>>) -> Result<String, Failure> {
        let _turn = self.server.turn().await;
        let Some(left) = self.fence.left() else {
            return Err(Failure::Unavailable(Unavailable::because(FENCED)));
        };
        let answer = self.server.send(request, left.min(LONGEST_REQUEST)).await;
        answer.map_err(|error| classify(verb, &error))
    }
}

/// What of an answer somebody looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Which version the object has now. Most writes want no more, and answers are long.
    Version,
    /// The whole object.
    Object,
}

/// Sends one write under its guard.
pub(crate) async fn send(door: &Door, write: &Write, wanted: Wanted) -> Outcome {
    let request = match request(write) {
        Ok(request) => request,
        Err(error) => return Outcome::Failed(Failure::Refused(error)),
    };
    match door.pass(write.verb, request).await {
        Ok(text) => done(&text, wanted),
        Err(failure) => Outcome::Failed(failure),
    }
}

/// The part of an answer that says its version.
#[derive(Deserialize)]
struct Versioned {
    #[serde(default)]
    metadata: Version,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Version {
    resource_version: Option<String>,
}

/// It committed; what the object is now decides nothing if it cannot be read.
fn done(text: &str, wanted: Wanted) -> Outcome {
    let object = match wanted {
        Wanted::Object => serde_json::from_str(text),
        Wanted::Version => serde_json::from_str(text).map(|Versioned { metadata }| match metadata
            .resource_version
        {
            Some(version) => json!({"metadata": {"resourceVersion": version}}),
            None => json!({}),
        }),
    };
    match object {
        Ok(object) => Outcome::Done(Arc::new(object)),
        Err(error) => Outcome::Failed(Failure::Unknown(error.to_string())),
    }
}

/// Sends an event object, or one more count of an earlier one. Events hold nothing back: a failure is
/// the caller's to log.
pub(crate) async fn send_event(door: &Door, event: EventWrite) -> Result<(), Failure> {
    let events = Resource::new("", "v1", "Event", "events");
    let request = match event {
        EventWrite::Create { namespace, body } => Request::builder()
            .method(Method::POST)
            .uri(path::of_kind(&events, &namespace))
            .header("content-type", "application/json")
            .body(body.to_string().into_bytes()),
        EventWrite::Count {
            namespace,
            name,
            body,
        } => Request::builder()
            .method(Method::PATCH)
            .uri(format!("{}/{name}", path::of_kind(&events, &namespace)))
            .header("content-type", "application/merge-patch+json")
            .body(body.to_string().into_bytes()),
    };
    let request = request.map_err(|error| Failure::Refused(error.to_string()))?;
    door.pass(Verb::Create, request).await.map(drop)
}

/// Writes the Lease by which controllers find their leader. It asks no fence, for it is what opens it;
/// and it waits for no turn, for nothing else may be sent without it. An update is a PUT of the whole
/// Lease as it was read, which commits only on that very version: it is the form that roles made
/// for Argo Rollouts allow.
pub(crate) async fn send_lease(door: &Door, lease: LeaseWrite<'_>, limit: Duration) -> Outcome {
    let (method, uri, body) = match lease {
        LeaseWrite::Create(key, body) => {
            let all = path::of_kind(&key.resource, &key.namespace);
            (Method::POST, Ok(all), body)
        }
        LeaseWrite::Update(key, body) => (Method::PUT, path::of_object(key), body),
    };
    let request = uri.map_err(|error| error.to_string()).and_then(|uri| {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", "application/json");
        let request = request.body(body.to_string().into_bytes());
        request.map_err(|error| error.to_string())
    });
    let request = match request {
        Ok(request) => request,
        Err(error) => return Outcome::Failed(Failure::Refused(error)),
    };
    match door.server.send(request, limit).await {
        Ok(text) => done(&text, Wanted::Object),
        Err(error) => Outcome::Failed(classify(Verb::Create, &error)),
    }
}

/// How the Lease is written.
#[derive(Debug)]
pub(crate) enum LeaseWrite<'a> {
    /// There is none yet.
    Create(&'a ObjectKey, Value),
    /// Exactly the one that was read, changed; its `resourceVersion` is the guard.
    Update(&'a ObjectKey, Value),
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

fn request(write: &Write) -> Result<Request<Vec<u8>>, String> {
    let object_path = || path::of_object(&write.target).map_err(|error| error.to_string());
    let (method, uri, content_type, body) = match write.verb {
        Verb::Create => (
            Method::POST,
            path::of_kind(&write.target.resource, &write.target.namespace),
            "application/json",
            write.body.clone(),
        ),
        Verb::Patch => (
            Method::PATCH,
            object_path()?,
            "application/merge-patch+json",
            guarded(&write.body, &write.guard),
        ),
        Verb::PatchStatus => (
            Method::PATCH,
            format!("{}/status", object_path()?),
            "application/merge-patch+json",
            guarded(&write.body, &write.guard),
        ),
        Verb::Delete => (
            Method::DELETE,
            object_path()?,
            "application/json",
            preconditions(&write.guard),
        ),
        Verb::Evict => (
            Method::POST,
            format!("{}/eviction", object_path()?),
            "application/json",
            eviction(&write.target, &write.guard),
        ),
    };
    Request::builder()
        .method(method)
        .uri(uri)
        .header("content-type", content_type)
        .header("user-agent", contest::OURS)
        .body(body.to_string().into_bytes())
        .map_err(|error| error.to_string())
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

/// What the lack of an answer says about the write.
fn classify(verb: Verb, error: &Unanswered) -> Failure {
    match error {
        Unanswered::Refused(refused) => classify_refusal(verb, refused),
        Unanswered::Unaskable(text) => Failure::Refused(text.clone()),
        Unanswered::NeverSent(text) => Failure::Unavailable(Unavailable::because(text)),
        Unanswered::Lost(_) | Unanswered::Silent(_) => Failure::Unknown(error.to_string()),
    }
}

fn classify_refusal(verb: Verb, refused: &Refused) -> Failure {
    let text = refused.message.clone();
    match (refused.code, refused.reason.as_str()) {
        (409, "AlreadyExists") => Failure::AlreadyExists,
        (409, _) => Failure::Conflict,
        (404, _) => Failure::NotFound,
        (429, _) if verb == Verb::Evict => Failure::Protected(text),
        (429 | 503, _) => Failure::Unavailable(Unavailable {
            message: text,
            retry_after: refused.retry_after,
        }),
        (500 | 502 | 504, _) => Failure::Unknown(text),
        _ => Failure::Refused(text),
    }
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
    fn a_write_to_a_name_that_is_none_is_refused() {
        let mut write = write(Verb::Delete, PODS, Value::Null);
        write.target.name = "..".to_owned();
        assert_eq!(
            request(&write).unwrap_err(),
            "invalid resource name \"..\": [may not be '..']"
        );
    }

    /// Keeps QUE-18; differs from QUE-19, which has no guard.
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

    /// Keeps QUE-19 but for the guard.
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

    /// Keeps QUE-19 but for the guard.
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
