//! PUT and PATCH.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    super::{
        Call, Cluster, Draft, Locator, Mode, Part, Patch, Target, Verb, What, fields,
        kinds::{self, Generation, Kind, KindId, Nature, StatusWrites},
        patch::{self, apply::Application},
        refusal::{Cause, Reason, Refusal},
    },
    admit, drop_status, instant, name_kind,
};

/// An update on its way.
struct Pending {
    kind: KindId,
    part: Part,
    verb: Verb,
    old: Arc<Value>,
    proposed: Value,
}

impl Cluster {
    /// Replaces an object or its status; returns it as stored. A body that changes nothing makes no
    /// new version.
    ///
    /// # Errors
    /// 404, 409 when the body's version or uid is not the stored one, 422 when it breaks a rule.
    pub fn update(
        &mut self,
        call: &Call,
        target: &Target<'_>,
        body: Value,
    ) -> Result<Arc<Value>, Refusal> {
        let kind = Arc::clone(self.kinds.get(target.kind));
        let old = self.stored(target)?;
        check_part(&kind, target.part)?;
        if target.part == Part::Scale {
            return self.write_scale(call, target, &body);
        }
        let mut body = body;
        name_kind(&kind, &mut body)?;
        if kind.is_custom() && fields::version(&body).is_empty() {
            let cause = Cause::invalid(
                "metadata.resourceVersion",
                &json!(0),
                "must be specified for an update",
            );
            return Err(Refusal::invalid(&kind, target.name, &[cause]));
        }
        if !fields::name(&body).is_empty() && fields::name(&body) != target.name {
            return Err(Refusal::bad_request(format!(
                "the name of the object ({}) does not match the name on the URL ({})",
                fields::name(&body),
                target.name
            )));
        }
        self.finish_update(
            call,
            Pending {
                kind: target.kind,
                part: target.part,
                verb: Verb::Update,
                old,
                proposed: body,
            },
        )
    }

    /// Changes part of an object; returns it as stored. A patch that changes nothing makes no new
    /// version. An apply creates what does not exist.
    ///
    /// # Errors
    /// 404, 409 when the patch names a version or uid that is not the stored one, 415 for a strategic
    /// merge patch of a custom resource, 422 when the result breaks a rule.
    pub fn patch(
        &mut self,
        call: &Call,
        target: &Target<'_>,
        patch: &Patch,
    ) -> Result<Arc<Value>, Refusal> {
        let kind = Arc::clone(self.kinds.get(target.kind));
        check_part(&kind, target.part)?;
        if let Patch::Apply {
            body,
            manager,
            conflicts,
        } = patch
        {
            let time = instant(call.now);
            let mut body = body.clone();
            if let Nature::Custom(schema) = &kind.nature {
                // Else a list that the server has filled in differs from the very list applied.
                schema.fill_in(&mut body);
            }
            let application = Application {
                kind: &kind,
                body: &body,
                manager,
                conflicts: *conflicts,
                time: &time,
            };
            return self.apply(call, target, &application);
        }
        let old = self.stored(target)?;
        if target.part == Part::Scale {
            let scale = self.scale(target)?;
            let scale = patch::patched(&kind, target.name, &scale, patch)?;
            return self.write_scale(call, target, &scale);
        }
        let proposed = patch::patched(&kind, target.name, &old, patch)?;
        self.finish_update(
            call,
            Pending {
                kind: target.kind,
                part: target.part,
                verb: Verb::Patch,
                old,
                proposed,
            },
        )
    }

    fn apply(
        &mut self,
        call: &Call,
        target: &Target<'_>,
        application: &Application<'_>,
    ) -> Result<Arc<Value>, Refusal> {
        if target.part == Part::Scale {
            return Err(Refusal::bad_request(
                "server-side apply of a scale is not supported",
            ));
        }
        let Some(old) = self
            .get(target.kind, target.namespace, target.name)
            .cloned()
        else {
            if target.part == Part::Status {
                return Err(Refusal::not_found(application.kind, target.name));
            }
            let mut object = application.merged_into(&Value::Null)?;
            fields::map_mut(&mut object, "metadata").insert("name".to_owned(), json!(target.name));
            return self.create(call, target.kind, target.namespace, object);
        };
        let proposed = application.merged_into(&old)?;
        self.finish_update(
            call,
            Pending {
                kind: target.kind,
                part: target.part,
                verb: Verb::Patch,
                old,
                proposed,
            },
        )
    }

    /// The stored object of a target.
    pub(super) fn stored(&self, target: &Target<'_>) -> Result<Arc<Value>, Refusal> {
        self.get(target.kind, target.namespace, target.name)
            .cloned()
            .ok_or_else(|| Refusal::not_found(self.kinds.get(target.kind), target.name))
    }

    /// Replaces an object's status; for controllers that know it as a whole.
    ///
    /// # Errors
    /// 404 when the object does not exist or has no status apart.
    pub fn replace_status(
        &mut self,
        call: &Call,
        target: &Target<'_>,
        status: Value,
    ) -> Result<Arc<Value>, Refusal> {
        let kind = Arc::clone(self.kinds.get(target.kind));
        check_part(&kind, Part::Status)?;
        let old = self.stored(target)?;
        let mut proposed: serde_json::Map<String, Value> = old
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, _)| *name != "status")
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        proposed.insert("status".to_owned(), status);
        self.finish_update(
            call,
            Pending {
                kind: target.kind,
                part: Part::Status,
                verb: Verb::Update,
                old,
                proposed: Value::Object(proposed),
            },
        )
    }

    /// Replaces the whole object by a proposal that was made from it.
    pub(super) fn replace(
        &mut self,
        call: &Call,
        target: &Target<'_>,
        (old, proposed): (Arc<Value>, Value),
    ) -> Result<Arc<Value>, Refusal> {
        self.finish_update(
            call,
            Pending {
                kind: target.kind,
                part: Part::Whole,
                verb: Verb::Update,
                old,
                proposed,
            },
        )
    }

    fn finish_update(&mut self, call: &Call, pending: Pending) -> Result<Arc<Value>, Refusal> {
        let kind = Arc::clone(self.kinds.get(pending.kind));
        let Pending {
            kind: id,
            part,
            verb,
            old,
            mut proposed,
        } = pending;
        check_guard(&kind, &old, &proposed)?;
        keep_metadata(&old, &mut proposed);
        keep_other_part(&kind, part, &old, &mut proposed);
        // A status of a built-in kind has neither defaults nor checks.
        if part != Part::Status || kind.is_custom() {
            admit((id, &kind), &mut proposed, Some(&old), call.validation)?;
        }
        check_finalizers(&kind, &old, &proposed)?;
        if proposed == *old {
            return Ok(old);
        }
        if raises_generation(&kind, &old, &proposed) {
            let generation = fields::number(&old, &["metadata", "generation"]).unwrap_or(0);
            fields::map_mut(&mut proposed, "metadata")
                .insert("generation".to_owned(), json!(generation + 1));
        }
        if call.mode == Mode::DryRun {
            return Ok(Arc::new(proposed));
        }
        if id == kinds::DEFINITIONS {
            let kinds = Arc::make_mut(&mut self.kinds);
            kinds.define(&proposed).map_err(Refusal::bad_request)?;
            let served = kinds.len();
            self.shelves.resize_with(served, Default::default);
        }
        let what = if is_released(id, &proposed) {
            What::Deleted
        } else {
            What::Modified
        };
        let object = Locator::new(id, fields::namespace(&old), fields::name(&old));
        Ok(self.commit(
            call,
            Draft {
                object,
                what,
                old: Some(old),
                new: proposed,
                verb,
                part,
            },
        ))
    }
}

/// Whether the kind has the part.
fn check_part(kind: &Kind, part: Part) -> Result<(), Refusal> {
    let there = match part {
        Part::Whole => true,
        Part::Status => kind.status == StatusWrites::Apart,
        Part::Scale => kind.scale.is_some(),
    };
    if there {
        Ok(())
    } else {
        Err(Refusal::new(
            Reason::NotFound,
            "the server could not find the requested resource",
        ))
    }
}

/// The version and uid that a body names must be the stored ones.
fn check_guard(kind: &Kind, old: &Value, proposed: &Value) -> Result<(), Refusal> {
    let name = fields::name(old);
    let uid = fields::uid(proposed);
    if !uid.is_empty() && uid != fields::uid(old) {
        return Err(Refusal::conflict(
            kind,
            name,
            &format!(
                "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                fields::uid(old)
            ),
        ));
    }
    let version = fields::version(proposed);
    if !version.is_empty() && version != fields::version(old) {
        return Err(Refusal::modified(kind, name));
    }
    Ok(())
}

/// Puts back what only the server changes.
fn keep_metadata(old: &Value, proposed: &mut Value) {
    let before = fields::map(old, &["metadata"]);
    let metadata = fields::map_mut(proposed, "metadata");
    for member in [
        "name",
        "generateName",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "selfLink",
    ] {
        match before.get(member) {
            Some(value) if metadata.get(member) == Some(value) => {}
            Some(value) => {
                metadata.insert(member.to_owned(), value.clone());
            }
            None => {
                metadata.remove(member);
            }
        }
    }
    if let (None, Some(managers)) = (metadata.get("managedFields"), before.get("managedFields")) {
        metadata.insert("managedFields".to_owned(), managers.clone());
    }
    for member in [
        "labels",
        "annotations",
        "finalizers",
        "ownerReferences",
        "managedFields",
    ] {
        let empty = metadata.get(member).is_some_and(|value| {
            value.is_null()
                || value.as_array().is_some_and(Vec::is_empty)
                || value.as_object().is_some_and(serde_json::Map::is_empty)
        });
        if empty {
            metadata.remove(member);
        }
    }
}

/// A write of one part leaves the other as it is.
fn keep_other_part(kind: &Kind, part: Part, old: &Value, proposed: &mut Value) {
    match (part, kind.status) {
        (Part::Whole | Part::Scale, StatusWrites::Apart) => {
            if proposed.get("status") == old.get("status") {
                return;
            }
            if let Some(members) = proposed.as_object_mut() {
                drop_status(kind, members);
                if let Some(status) = old.get("status") {
                    members.insert("status".to_owned(), status.clone());
                }
            }
        }
        (Part::Status, StatusWrites::Apart) => {
            // Custom resources keep everything but the status; built-in kinds let metadata pass.
            let passes = |name: &str| name == "status" || (name == "metadata" && !kind.is_custom());
            let (Some(members), Some(before)) = (proposed.as_object_mut(), old.as_object()) else {
                return;
            };
            members.retain(|name, value| {
                if passes(name) {
                    !value.is_null()
                } else {
                    before.contains_key(name)
                }
            });
            for (name, value) in before {
                if !passes(name) && members.get(name) != Some(value) {
                    members.insert(name.clone(), value.clone());
                }
            }
        }
        (Part::Whole | Part::Scale | Part::Status, StatusWrites::Together) => {}
    }
}

fn raises_generation(kind: &Kind, old: &Value, proposed: &Value) -> bool {
    match kind.generation {
        Generation::None => false,
        Generation::Spec => old.get("spec") != proposed.get("spec"),
        Generation::AllButMetadata => {
            // A status that is written apart does not count.
            let ignored = |name: &str| {
                name == "metadata" || (name == "status" && kind.status == StatusWrites::Apart)
            };
            let members = |object: &Value| -> usize {
                object.as_object().map_or(0, |members| {
                    members.keys().filter(|name| !ignored(name)).count()
                })
            };
            members(old) != members(proposed)
                || proposed.as_object().is_some_and(|proposed| {
                    proposed
                        .iter()
                        .any(|(name, value)| !ignored(name) && old.get(name) != Some(value))
                })
        }
    }
}

/// Once an object is going, nobody new may hold it back.
fn check_finalizers(kind: &Kind, old: &Value, proposed: &Value) -> Result<(), Refusal> {
    if !fields::is_deleting(old) {
        return Ok(());
    }
    let added: Vec<String> = fields::finalizers(proposed)
        .iter()
        .filter(|finalizer| !fields::finalizers(old).contains(finalizer))
        .map(Value::to_string)
        .collect();
    if added.is_empty() {
        return Ok(());
    }
    let cause = Cause {
        field: "metadata.finalizers".to_owned(),
        reason: "FieldValueForbidden",
        message: format!(
            "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers [{}]",
            added.join(", ")
        ),
    };
    Err(Refusal::invalid(kind, fields::name(old), &[cause]))
}

/// Whether an object that was going has nothing left that holds it.
fn is_released(id: KindId, object: &Value) -> bool {
    let grace = fields::number(object, &["metadata", "deletionGracePeriodSeconds"]).unwrap_or(0);
    let held_by_namespace =
        id == kinds::NAMESPACES && !fields::list(object, &["spec", "finalizers"]).is_empty();
    fields::is_deleting(object)
        && fields::finalizers(object).is_empty()
        && grace == 0
        && !held_by_namespace
}
