//! The garbage collector: what has lost its owners goes, owners wait for what blocks them, and
//! namespaces take their content with them.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cluster::{
    Call, Cluster, DeletionOptions, Locator, Patch, Propagation, Target, What, fields,
    kinds::{NAMESPACES, Scope},
};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// The garbage collector.
#[derive(Clone, Debug, Default)]
pub(super) struct GarbageCollector {
    cursor: u64,
}

impl GarbageCollector {
    pub(super) fn step(&mut self, cluster: &mut Cluster, now: Timestamp) {
        let version = cluster.version();
        if self.cursor == version {
            return;
        }
        let dirty = self.read(cluster);
        self.cursor = version;
        let call = Call::new(now, "garbage-collector");
        for locator in dirty {
            if locator.kind == NAMESPACES {
                empty_namespace(cluster, &call, &locator);
            }
            finish(cluster, &call, &locator);
            collect(cluster, &call, &locator);
        }
    }

    /// The objects whose owners, dependents or deletion the changes since the last look concern.
    fn read(&self, cluster: &Cluster) -> BTreeSet<Locator> {
        let mut dirty = BTreeSet::new();
        let Ok(changes) = cluster.changes_since(self.cursor) else {
            for (kind, _) in cluster.kinds().iter() {
                dirty.extend(cluster.in_namespace(kind, None).map(|object| {
                    Locator::new(kind, fields::namespace(object), fields::name(object))
                }));
            }
            return dirty;
        };
        for change in changes {
            match change.what {
                What::Deleted => {
                    dirty.extend(cluster.dependents(fields::uid(&change.new)).cloned());
                    for owner in fields::owners(&change.new) {
                        let owner = cluster.get_by_uid(fields::text(owner, &["uid"]));
                        dirty.extend(owner.map(|(locator, _)| locator.clone()));
                    }
                    if !change.object.namespace.is_empty() {
                        dirty.insert(Locator::new(NAMESPACES, "", &change.object.namespace));
                    }
                }
                What::Added => {
                    if !fields::owners(&change.new).is_empty() {
                        dirty.insert(change.object.clone());
                    }
                }
                What::Modified => {
                    let owners = |object: &Arc<Value>| fields::owners(object).to_vec();
                    let moved = change
                        .old
                        .as_ref()
                        .is_some_and(|old| fields::owners(old) != fields::owners(&change.new));
                    if moved || fields::is_deleting(&change.new) {
                        dirty.insert(change.object.clone());
                        for owner in owners(&change.new) {
                            let owner = cluster.get_by_uid(fields::text(&owner, &["uid"]));
                            dirty.extend(owner.map(|(locator, _)| locator.clone()));
                        }
                    }
                }
            }
        }
        dirty
    }
}

fn target(locator: &Locator) -> Target<'_> {
    Target::new(locator.kind, &locator.namespace, &locator.name)
}

fn object(cluster: &Cluster, locator: &Locator) -> Option<Arc<Value>> {
    cluster
        .get(locator.kind, &locator.namespace, &locator.name)
        .cloned()
}

/// Deletes an object all of whose owners are gone; strikes single owners that are gone.
fn collect(cluster: &mut Cluster, call: &Call, locator: &Locator) {
    let Some(object) = object(cluster, locator) else {
        return;
    };
    let owners = fields::owners(&object);
    if owners.is_empty() || fields::is_deleting(&object) {
        return;
    }
    let lives = |owner: &&Value| {
        cluster
            .get_by_uid(fields::text(owner, &["uid"]))
            .is_some_and(|(owner, _)| {
                owner.namespace.is_empty() || owner.namespace == locator.namespace
            })
    };
    let living: Vec<Value> = owners.iter().filter(lives).cloned().collect();
    if living.is_empty() {
        let options = DeletionOptions {
            uid: Some(fields::uid(&object).to_owned()),
            ..DeletionOptions::default()
        };
        cluster
            .delete(call, &target(locator), &options)
            .expect("the object was read at this instant");
    } else if living.len() < owners.len() {
        patch(
            cluster,
            call,
            locator,
            json!({"metadata": {"ownerReferences": living}}),
        );
    }
}

/// Carries a foreground or orphaning deletion on, if the object is in one.
fn finish(cluster: &mut Cluster, call: &Call, locator: &Locator) {
    let Some(object) = object(cluster, locator) else {
        return;
    };
    if !fields::is_deleting(&object) {
        return;
    }
    let uid = fields::uid(&object);
    let dependents: Vec<Locator> = cluster.dependents(uid).cloned().collect();
    if fields::has_finalizer(&object, ORPHAN) {
        for dependent in &dependents {
            disown(cluster, call, (dependent, uid));
        }
        release(cluster, call, (locator, ORPHAN));
    } else if fields::has_finalizer(&object, FOREGROUND) {
        let blocking: Vec<Locator> = dependents
            .into_iter()
            .filter(|dependent| blocks(cluster, dependent, uid))
            .collect();
        if blocking.is_empty() {
            release(cluster, call, (locator, FOREGROUND));
        }
        for dependent in &blocking {
            let options = DeletionOptions {
                propagation: Propagation::Foreground,
                ..DeletionOptions::default()
            };
            let going =
                self::object(cluster, dependent).is_none_or(|found| fields::is_deleting(&found));
            if !going {
                cluster
                    .delete(call, &target(dependent), &options)
                    .expect("the dependent was read at this instant");
            }
        }
    }
}

fn blocks(cluster: &Cluster, dependent: &Locator, uid: &str) -> bool {
    object(cluster, dependent).is_some_and(|found| {
        fields::owners(&found).iter().any(|owner| {
            fields::text(owner, &["uid"]) == uid
                && owner.get("blockOwnerDeletion") == Some(&Value::Bool(true))
        })
    })
}

fn disown(cluster: &mut Cluster, call: &Call, (dependent, uid): (&Locator, &str)) {
    let Some(found) = object(cluster, dependent) else {
        return;
    };
    let owners: Vec<&Value> = fields::owners(&found)
        .iter()
        .filter(|owner| fields::text(owner, &["uid"]) != uid)
        .collect();
    let body = json!({"metadata": {"ownerReferences": owners}});
    patch(cluster, call, dependent, body);
}

fn release(cluster: &mut Cluster, call: &Call, (locator, finalizer): (&Locator, &str)) {
    let Some(found) = object(cluster, locator) else {
        return;
    };
    let left: Vec<&Value> = fields::finalizers(&found)
        .iter()
        .filter(|held| *held != finalizer)
        .collect();
    let body = json!({"metadata": {"finalizers": left}});
    patch(cluster, call, locator, body);
}

fn patch(cluster: &mut Cluster, call: &Call, locator: &Locator, body: Value) {
    // An object that breaks a newer rule cannot be written; it then stays as it is.
    let _refused = cluster
        .patch(call, &target(locator), &Patch::Merge(body))
        .err();
}

/// Deletes everything in a namespace that is going, then lets it go.
fn empty_namespace(cluster: &mut Cluster, call: &Call, locator: &Locator) {
    let Some(namespace) = object(cluster, locator) else {
        return;
    };
    if !fields::is_deleting(&namespace) {
        return;
    }
    let kinds: Vec<_> = cluster
        .kinds()
        .iter()
        .filter(|(_, kind)| kind.scope == Scope::Namespaced)
        .map(|(id, _)| id)
        .collect();
    let mut left = 0_usize;
    for kind in kinds {
        let names: Vec<Locator> = cluster
            .in_namespace(kind, Some(&locator.name))
            .map(|found| Locator::new(kind, &locator.name, fields::name(found)))
            .collect();
        for content in names {
            let going = object(cluster, &content).is_some_and(|found| fields::is_deleting(&found));
            if !going {
                cluster
                    .delete(call, &target(&content), &DeletionOptions::default())
                    .expect("the content was read at this instant");
            }
            left += usize::from(object(cluster, &content).is_some());
        }
    }
    if left == 0 {
        patch(
            cluster,
            call,
            locator,
            json!({"spec": {"finalizers": null}}),
        );
    }
}
