//! The objects that `spec.workloadRef` names, followed once a Rollout refers to one of their kind; as in
//! the shell.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use tidegate_api::{labels, rollout::Rollout};
use tidegate_core::{
    plan::{DEPLOYMENTS, POD_TEMPLATES},
    rollout::workload,
};

use super::{
    caches::Losing,
    shelf::{self, Shelf},
};
use crate::{
    cluster::{
        Change, Cluster, Locator, fields,
        kinds::{self, KindId},
    },
    doors::direct::Cursor,
};

/// What is followed so far, by kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Workloads(BTreeMap<KindId, (Cursor, Shelf<Value>)>);

/// Whether what a Rollout refers to can be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It can: what is not found is not there.
    Yes,
    /// Its kind has only now been listed.
    NotYet,
}

/// The object that a Rollout refers to.
pub(super) fn referent(rollout: &Rollout) -> Option<Locator> {
    let key = workload::referent(rollout)?;
    let kind = if key.resource == DEPLOYMENTS {
        kinds::DEPLOYMENTS
    } else if key.resource == POD_TEMPLATES {
        kinds::POD_TEMPLATES
    } else {
        kinds::REPLICA_SETS
    };
    Some(Locator::new(kind, &key.namespace, &key.name))
}

impl Workloads {
    /// Lists a kind that a Rollout is the first to refer to.
    pub(super) fn know(&mut self, rollout: &Rollout, cluster: &Cluster) -> Known {
        let Some(Locator { kind, .. }) = referent(rollout) else {
            return Known::Yes;
        };
        if self.0.contains_key(&kind) {
            return Known::Yes;
        }
        self.want(kind, cluster);
        Known::NotYet
    }

    /// Follows a kind from now on.
    pub(super) fn want(&mut self, kind: KindId, cluster: &Cluster) {
        if self.0.contains_key(&kind) {
            return;
        }
        let mut objects = Shelf::default();
        for value in cluster.in_namespace(kind, None) {
            let object = Locator::new(kind, fields::namespace(value), fields::name(value));
            objects.set(&object, Some(value));
        }
        let cursor = Cursor::new(kind, cluster.version());
        self.0.insert(kind, (cursor, objects));
    }

    /// ReplicaSets without the hash label whose names begin so, as far as they are followed.
    pub(super) fn strangers(&self, namespace: &str, prefix: &str) -> Vec<String> {
        let followed = self.0.get(&kinds::REPLICA_SETS);
        let all = followed.map(|(_, shelf)| shelf.all_raw(namespace));
        all.into_iter()
            .flatten()
            .filter(|set| !fields::labels(set).contains_key(labels::POD_TEMPLATE_HASH))
            .map(|set| fields::name(set).to_owned())
            .filter(|name| name.starts_with(prefix))
            .collect()
    }

    /// Takes in what has changed of the kinds that are not held back.
    pub(super) fn follow<'c>(
        &mut self,
        cluster: &'c Cluster,
        held_back: &BTreeMap<KindId, u64>,
        losing: &mut Losing,
    ) -> Vec<&'c Change> {
        let mut all = Vec::new();
        for (cursor, objects) in self.0.values_mut() {
            let changes = cursor
                .take(cluster, held_back.get(&cursor.kind).copied())
                .expect("the simulated cluster forgets nothing");
            let changes = changes.filter(|change| !losing.loses(change));
            for change in changes {
                objects.set(&change.object, shelf::after(change));
                all.push(change);
            }
        }
        all
    }

    /// The objects of a kind that is followed for the sake of those that refer to it, and its watch. Of
    /// ReplicaSets there is another one, which counts.
    pub(super) fn of(&self, kind: KindId) -> Option<(&Cursor, &Shelf<Value>)> {
        let found = self.0.get(&kind).filter(|_| kind != kinds::REPLICA_SETS)?;
        Some((&found.0, &found.1))
    }

    /// The watch of such a kind has come to this version.
    pub(super) fn reach(&mut self, kind: KindId, version: u64) {
        if let Some((cursor, _)) = self.0.get_mut(&kind) {
            cursor.version = version;
        }
    }

    /// Takes in an object of such a kind as it is now.
    pub(super) fn set(&mut self, object: &Locator, value: Option<&Arc<Value>>) {
        let kind = Some(object.kind).filter(|kind| *kind != kinds::REPLICA_SETS);
        if let Some((_, objects)) = kind.and_then(|kind| self.0.get_mut(&kind)) {
            objects.set(object, value);
        }
    }

    /// What a Rollout refers to, if it is there.
    pub(super) fn get(&self, rollout: &Rollout) -> Option<Arc<Value>> {
        let Locator {
            kind,
            namespace,
            name,
        } = referent(rollout)?;
        let (_, objects) = self.0.get(&kind)?;
        objects.raw(&namespace, &name).cloned()
    }

    /// Up to where each kind was followed. ReplicaSets have another watch, which counts.
    pub(super) fn cursors(&self) -> impl Iterator<Item = &Cursor> {
        let cursors = self.0.values().map(|(cursor, _)| cursor);
        cursors.filter(|cursor| cursor.kind != kinds::REPLICA_SETS)
    }
}
