//! The cluster as plain calls: how the simulator carries out what the core asks for, without text on
//! the way.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_core::{
    plan::{Guard, ObjectKey, Resource, Verb, Write},
    run::{Failure, Outcome},
};

use crate::cluster::{
    Call, Change, Cluster, DeletionOptions, Patch, Target,
    kinds::KindId,
    refusal::{Reason, Refusal},
};

/// The kind of a resource as the core names it.
pub fn kind_of(cluster: &Cluster, resource: &Resource) -> Option<KindId> {
    cluster
        .kinds()
        .of_path(&resource.group, &resource.version, &resource.plural)
}

/// The object of a key, if there is one.
pub fn get<'a>(cluster: &'a Cluster, key: &ObjectKey) -> Option<&'a Arc<Value>> {
    let kind = kind_of(cluster, &key.resource)?;
    cluster.get(kind, &key.namespace, &key.name)
}

/// Carries out one write under its guard, as the shell's door does with a request.
pub fn send(cluster: &mut Cluster, call: &Call, write: &Write) -> Outcome {
    let Some(kind) = kind_of(cluster, &write.target.resource) else {
        return Outcome::Failed(Failure::NotFound);
    };
    let key = &write.target;
    let target = Target::new(kind, &key.namespace, &key.name);
    let result = match write.verb {
        Verb::Create => cluster.create(call, kind, &key.namespace, write.body.clone()),
        Verb::Patch => cluster.patch(call, &target, &guarded(write)),
        Verb::PatchStatus => cluster.patch(call, &target.status(), &guarded(write)),
        Verb::Delete => {
            let options = preconditions(&write.guard);
            cluster
                .delete(call, &target, &options)
                .map(|_| Arc::new(Value::Null))
        }
        Verb::Evict => {
            let options = preconditions(&write.guard);
            cluster
                .evict(call, (&key.namespace, &key.name), &options)
                .map(|_| Arc::new(Value::Null))
        }
    };
    match result {
        Ok(object) => Outcome::Done(object),
        Err(refusal) => Outcome::Failed(classify(&refusal)),
    }
}

/// A merge patch that commits only on the very object that was looked at.
fn guarded(write: &Write) -> Patch {
    let mut patch = write.body.clone();
    match &write.guard {
        Guard::Absent => {}
        Guard::Version {
            uid,
            resource_version,
        } => {
            let metadata = crate::cluster::fields::map_mut(&mut patch, "metadata");
            metadata.insert("uid".to_owned(), json!(uid));
            metadata.insert("resourceVersion".to_owned(), json!(resource_version));
        }
    }
    Patch::Merge(patch)
}

fn preconditions(guard: &Guard) -> DeletionOptions {
    match guard {
        Guard::Absent => DeletionOptions::default(),
        Guard::Version {
            uid,
            resource_version,
        } => DeletionOptions {
            uid: Some(uid.clone()),
            version: Some(resource_version.clone()),
            ..DeletionOptions::default()
        },
    }
}

/// What a refusal says about the write.
pub fn classify(refusal: &Refusal) -> Failure {
    match refusal.reason {
        Reason::AlreadyExists => Failure::AlreadyExists,
        Reason::Conflict => Failure::Conflict,
        Reason::NotFound => Failure::NotFound,
        Reason::TooManyRequests => Failure::Protected(refusal.message.clone()),
        Reason::InternalError => Failure::Unknown(refusal.message.clone()),
        Reason::BadRequest
        | Reason::Forbidden
        | Reason::MethodNotAllowed
        | Reason::Expired
        | Reason::TooLarge
        | Reason::UnsupportedMediaType
        | Reason::Invalid => Failure::Refused(refusal.message.clone()),
    }
}

/// A watch of one kind: a place in the cluster's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The kind.
    pub kind: KindId,
    /// The version up to which changes were taken.
    pub version: u64,
}

impl Cursor {
    /// A watch from a version on; 0 for all that ever was.
    pub fn new(kind: KindId, version: u64) -> Self {
        Self { kind, version }
    }

    /// The changes since the last call, oldest first, up to a version (`None` for all there are): a
    /// cache that lags behind takes fewer.
    ///
    /// # Errors
    /// 410 when some of them are forgotten.
    pub fn take<'a>(
        &mut self,
        cluster: &'a Cluster,
        up_to: Option<u64>,
    ) -> Result<impl Iterator<Item = &'a Change> + use<'a>, Refusal> {
        let end = up_to.unwrap_or(u64::MAX).min(cluster.version());
        let changes = cluster.changes_since(self.version)?;
        let kind = self.kind;
        self.version = self.version.max(end);
        Ok(changes
            .iter()
            .take_while(move |change| change.version <= end)
            .filter(move |change| change.object.kind == kind))
    }
}
