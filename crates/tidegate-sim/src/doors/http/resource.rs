//! Requests about objects: which verb, on what, answered how.

use std::sync::Arc;

use axum::response::Response;
use serde_json::{Value, json};

use super::{
    Door, Incoming,
    answer::{deleted, respond},
    event_view,
    query::propagation,
    route::{Place, View},
    table::{self, Form},
    watch,
};
use crate::cluster::{
    Call, Cluster, Conflicts, Deletion, DeletionOptions, Patch, Target, fields,
    kinds::{self, Kind},
    refusal::{Reason, Refusal},
};

/// Answers a request about objects.
pub(super) fn answer(
    door: &Arc<Door>,
    incoming: &Incoming,
    place: &Place,
) -> Result<Response, Refusal> {
    let request = Request {
        door,
        incoming,
        place,
    };
    match (incoming.method.as_str(), &place.name) {
        ("GET" | "HEAD", _) if incoming.parameters.is_on("watch") => {
            watch::open(door, incoming, place)
        }
        ("GET" | "HEAD", None) => request.list(),
        ("GET" | "HEAD", Some(name)) => request.get(name),
        ("POST", None) => request.create(),
        ("POST", Some(name)) => request.create_part(name),
        ("PUT", Some(name)) => request.update(name),
        ("PATCH", Some(name)) => request.patch(name),
        ("DELETE", Some(name)) => request.delete(name),
        ("DELETE", None) => request.delete_all(),
        _ => Err(Refusal::new(
            Reason::MethodNotAllowed,
            "the server does not allow this method on the requested resource",
        )),
    }
}

struct Request<'a> {
    door: &'a Arc<Door>,
    incoming: &'a Incoming,
    place: &'a Place,
}

impl<'a> Request<'a> {
    fn namespace(&self) -> &'a str {
        self.place.namespace.as_deref().unwrap_or_default()
    }

    fn target<'b>(&self, name: &'b str) -> Result<Target<'b>, Refusal>
    where
        'a: 'b,
    {
        let target = Target::new(self.place.kind, self.namespace(), name);
        match self.place.part.as_str() {
            "" | "finalize" => Ok(target),
            "status" => Ok(target.status()),
            "scale" => Ok(target.scale()),
            _ => Err(no_such_part()),
        }
    }

    fn call(&self, cluster_now: jiff::Timestamp) -> Result<Call, Refusal> {
        let manager = self.incoming.parameters.get("fieldManager");
        let actor = if manager.is_empty() {
            let agent = self
                .incoming
                .agent
                .split(['/', ' '])
                .next()
                .unwrap_or_default();
            agent.to_owned()
        } else {
            manager.to_owned()
        };
        Ok(Call {
            now: cluster_now,
            actor: actor.into(),
            mode: self.incoming.parameters.mode()?,
            validation: self.incoming.parameters.validation(),
        })
    }

    /// Carries out a change with the cluster's time.
    fn change<R>(
        &self,
        act: impl FnOnce(&mut Cluster, &Call) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        self.door.with(|cluster, now| {
            let call = self.call(now)?;
            act(cluster, &call)
        })
    }

    fn body(&self) -> Result<Value, Refusal> {
        let body = parse(&self.incoming.body, &self.incoming.content_type)?;
        Ok(match self.place.view {
            View::Stored => body,
            View::NewEvents => event_view::stored(&body),
        })
    }

    fn form(&self) -> Form {
        Form::accepted(
            &self.incoming.accept,
            self.incoming.parameters.get("includeObject"),
        )
    }

    /// An object in the version and form that was asked for.
    fn show(&self, code: u16, object: &Arc<Value>) -> Response {
        let viewed = viewed(self.place.view, object);
        let form = if self.place.part.is_empty() {
            self.form()
        } else {
            Form::Whole
        };
        let body = match form {
            Form::Whole => return respond(code, &viewed),
            Form::Table(include) => {
                let kind = self.place.kind;
                let kinds = Arc::clone(self.door.lock().kinds());
                table::of(
                    &table::Rows {
                        id: kind,
                        kind: kinds.get(kind),
                        now: self.door.now(),
                        include,
                    },
                    &[viewed],
                )
            }
            Form::Metadata => table::metadata_only(&viewed),
        };
        respond(code, &body)
    }

    fn get(&self, name: &str) -> Result<Response, Refusal> {
        let target = self.target(name)?;
        let (found, kind) = {
            let cluster = self.door.lock();
            let kind = Arc::clone(cluster.kinds().get(self.place.kind));
            if self.place.part == "scale" {
                return Ok(respond(200, &cluster.scale(&target)?));
            }
            (
                cluster.get(target.kind, target.namespace, name).cloned(),
                kind,
            )
        };
        let object = found.ok_or_else(|| Refusal::not_found(&kind, name))?;
        Ok(self.show(200, &object))
    }

    fn list(&self) -> Result<Response, Refusal> {
        let parameters = &self.incoming.parameters;
        let (page, kind, now) = {
            let cluster = self.door.lock();
            let kind = Arc::clone(cluster.kinds().get(self.place.kind));
            let query =
                parameters.query((self.place.kind, &kind), self.place.namespace.as_deref())?;
            let page = cluster.page(self.place.kind, &query, &parameters.page())?;
            (page, kind, self.door.now())
        };
        let mut metadata = json!({"resourceVersion": page.version.to_string()});
        if !page.token.is_empty() {
            metadata["continue"] = json!(page.token);
        }
        if let Some(remaining) = page.remaining {
            metadata["remainingItemCount"] = json!(remaining);
        }
        let objects: Vec<Arc<Value>> = page
            .objects
            .iter()
            .map(|object| viewed(self.place.view, object))
            .collect();
        let body = match self.form() {
            Form::Table(include) => {
                let rows = table::Rows {
                    id: self.place.kind,
                    kind: &kind,
                    now,
                    include,
                };
                let mut table = table::of(&rows, &objects);
                table["metadata"] = metadata;
                table
            }
            Form::Metadata => json!({
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata,
                "items": objects.iter().map(|object| table::metadata_only(object)).collect::<Vec<_>>(),
            }),
            Form::Whole => json!({
                "kind": format!("{}List", kind.kind),
                "apiVersion": shown_version(&kind, self.place.view),
                "metadata": metadata,
                "items": objects.iter().map(|object| &**object).collect::<Vec<&Value>>(),
            }),
        };
        Ok(respond(200, &body))
    }

    fn create(&self) -> Result<Response, Refusal> {
        let body = self.body()?;
        if self.place.namespace.is_none() && self.kind().scope == kinds::Scope::Namespaced {
            return Err(Refusal::bad_request(
                "an empty namespace may not be set during creation",
            ));
        }
        let object = self.change(|cluster, call| {
            cluster.create(call, self.place.kind, self.namespace(), body)
        })?;
        Ok(self.show(201, &object))
    }

    /// `pods/eviction` and `pods/binding`.
    fn create_part(&self, name: &str) -> Result<Response, Refusal> {
        let body = self.body()?;
        let target = Target::new(self.place.kind, self.namespace(), name);
        match self.place.part.as_str() {
            "eviction" if target.kind == kinds::PODS => {
                let options = deletion_options(&body["deleteOptions"], DeletionOptions::default());
                let pod = (target.namespace, target.name);
                self.change(|cluster, call| cluster.evict(call, pod, &options))?;
            }
            "binding" if target.kind == kinds::PODS => {
                let node = fields::text(&body, &["target", "name"]);
                let patch = Patch::Merge(json!({"spec": {"nodeName": node}}));
                self.change(|cluster, call| cluster.patch(call, &target, &patch))?;
            }
            _ => return Err(no_such_part()),
        }
        Ok(respond(
            201,
            &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
        ))
    }

    fn update(&self, name: &str) -> Result<Response, Refusal> {
        let body = self.body()?;
        let target = self.target(name)?;
        let object = self.change(|cluster, call| cluster.update(call, &target, body))?;
        self.after_write(&target, &object)
    }

    fn patch(&self, name: &str) -> Result<Response, Refusal> {
        let target = self.target(name)?;
        let body = self.body()?;
        let content_type = self
            .incoming
            .content_type
            .split(';')
            .next()
            .unwrap_or_default();
        let patch = match content_type {
            "application/merge-patch+json" => Patch::Merge(body),
            "application/json-patch+json" => Patch::Json(body),
            "application/strategic-merge-patch+json" => Patch::Strategic(body),
            "application/apply-patch+yaml" => self.apply(body)?,
            other => {
                return Err(Refusal::new(
                    Reason::UnsupportedMediaType,
                    format!(
                        "the body of the request was in an unknown format ({other}) - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml"
                    ),
                ));
            }
        };
        let fresh = self
            .door
            .lock()
            .get(target.kind, target.namespace, name)
            .is_none();
        let object = self.change(|cluster, call| cluster.patch(call, &target, &patch))?;
        if fresh {
            return Ok(self.show(201, &object));
        }
        self.after_write(&target, &object)
    }

    fn apply(&self, body: Value) -> Result<Patch, Refusal> {
        let manager = self.incoming.parameters.get("fieldManager");
        if manager.is_empty() {
            return Err(Refusal::bad_request(
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
            ));
        }
        let conflicts = if self.incoming.parameters.is_on("force") {
            Conflicts::TakeOver
        } else {
            Conflicts::Refuse
        };
        Ok(Patch::Apply {
            body,
            manager: manager.to_owned(),
            conflicts,
        })
    }

    /// A written scale is answered with the scale, everything else with the object.
    fn after_write(&self, target: &Target<'_>, object: &Arc<Value>) -> Result<Response, Refusal> {
        if self.place.part == "scale" {
            return Ok(respond(200, &self.door.lock().scale(target)?));
        }
        Ok(self.show(200, object))
    }

    fn options(&self) -> Result<DeletionOptions, Refusal> {
        let options = self.incoming.parameters.deletion();
        if self.incoming.body.is_empty() {
            return Ok(options);
        }
        let body = parse(&self.incoming.body, &self.incoming.content_type)?;
        Ok(deletion_options(&body, options))
    }

    fn delete(&self, name: &str) -> Result<Response, Refusal> {
        let target = self.target(name)?;
        let options = self.options()?;
        let deletion = self.change(|cluster, call| cluster.delete(call, &target, &options))?;
        Ok(match deletion {
            Deletion::Gone(object) => {
                let kind = self.kind();
                respond(200, &deleted(&object, (&kind.group, &kind.plural)))
            }
            Deletion::Begun(object) => respond(200, &object),
        })
    }

    fn delete_all(&self) -> Result<Response, Refusal> {
        let options = self.options()?;
        let kind = self.kind();
        let query = self
            .incoming
            .parameters
            .query((self.place.kind, &kind), self.place.namespace.as_deref())?;
        let items = self.change(|cluster, call| {
            let doomed: Vec<Arc<Value>> = cluster.list(self.place.kind, &query).cloned().collect();
            for object in &doomed {
                let target = Target::new(
                    self.place.kind,
                    fields::namespace(object),
                    fields::name(object),
                );
                cluster.delete(call, &target, &options)?;
            }
            Ok(doomed)
        })?;
        Ok(respond(
            200,
            &json!({
                "kind": format!("{}List", kind.kind),
                "apiVersion": shown_version(&kind, self.place.view),
                "metadata": {},
                "items": items.iter().map(|object| &**object).collect::<Vec<&Value>>(),
            }),
        ))
    }

    fn kind(&self) -> Arc<Kind> {
        Arc::clone(self.door.lock().kinds().get(self.place.kind))
    }
}

/// An object in the API version that was asked for.
pub(super) fn viewed(view: View, object: &Arc<Value>) -> Arc<Value> {
    match view {
        View::Stored => Arc::clone(object),
        View::NewEvents => Arc::new(event_view::shown(object)),
    }
}

fn shown_version(kind: &Kind, view: View) -> String {
    match view {
        View::Stored => kind.api_version(),
        View::NewEvents => "events.k8s.io/v1".to_owned(),
    }
}

fn no_such_part() -> Refusal {
    Refusal::new(
        Reason::NotFound,
        "the server could not find the requested resource",
    )
}

/// What a `DeleteOptions` body says, over what the parameters said.
fn deletion_options(body: &Value, mut options: DeletionOptions) -> DeletionOptions {
    let precondition = |name: &str| {
        let text = fields::text(body, &["preconditions", name]);
        (!text.is_empty()).then(|| text.to_owned())
    };
    options.uid = precondition("uid");
    options.version = precondition("resourceVersion");
    let word = fields::text(body, &["propagationPolicy"]);
    if !word.is_empty() {
        options.propagation = propagation(word);
    } else if body.get("orphanDependents") == Some(&Value::Bool(true)) {
        options.propagation = propagation("Orphan");
    }
    if let Some(seconds) = fields::number(body, &["gracePeriodSeconds"]) {
        options.grace_seconds = Some(seconds);
    }
    options
}

/// A body of JSON or YAML.
fn parse(body: &[u8], content_type: &str) -> Result<Value, Refusal> {
    if content_type.contains("protobuf") || content_type.contains("cbor") {
        return Err(Refusal::new(
            Reason::UnsupportedMediaType,
            "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml",
        ));
    }
    if body.is_empty() {
        return Ok(json!({}));
    }
    let error = match serde_json::from_slice(body) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    if content_type.contains("yaml")
        && let Ok(text) = std::str::from_utf8(body)
    {
        return serde_saphyr::from_str(text)
            .map_err(|error| Refusal::bad_request(format!("error parsing YAML: {error}")));
    }
    Err(Refusal::bad_request(format!(
        "the object provided is unrecognized (must be of type JSON): {error}"
    )))
}
