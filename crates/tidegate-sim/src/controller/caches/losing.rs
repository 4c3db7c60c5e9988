//! A watch that loses a change and goes on as if nothing had been, and the check that finds it: by the same
//! function as in the shell, on the model's list (L-6).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;
use tidegate_core::consistency::{Comparison, Key, Missed, Patience};

use super::{
    Caches, Change, Cluster, KindId, Locator, News, What, farewell, fields, followed, is_watched,
    istio, kinds,
    shelf::{self, Shelf},
};
use crate::cluster::{Part, Verb};

/// Up to where each kind has been seen.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// As the watches say.
    pub seen: Vec<(KindId, u64)>,
    /// The object and version of a change that was lost and not found yet.
    pub blind: Option<(Locator, u64)>,
}

/// What becomes of a change on its way.
#[derive(Clone, Debug, Default)]
pub(in crate::controller) enum Losing {
    /// It arrives.
    #[default]
    Nothing,
    /// The next one of this kind does not.
    Next(KindId),
    /// This one of this object has not.
    Lost(Locator, u64),
}

impl Losing {
    /// Whether this change is lost. A later one of the same object heals what was.
    pub(in crate::controller) fn loses(&mut self, change: &Change) -> bool {
        match self {
            Self::Next(kind) if *kind == change.object.kind && is_seen(change) => {
                *self = Self::Lost(change.object.clone(), change.version);
                true
            }
            // ReplicaSets may be watched twice: the other watch loses nothing.
            Self::Lost(object, version) if *object == change.object => {
                if change.version > *version {
                    *self = Self::Nothing;
                }
                false
            }
            Self::Nothing | Self::Next(_) | Self::Lost(..) => false,
        }
    }

    /// The object and version of what was lost.
    pub(super) fn lost(&self) -> Option<(Locator, u64)> {
        match self {
            Self::Lost(object, version) => Some((object.clone(), *version)),
            Self::Nothing | Self::Next(_) => None,
        }
    }
}

/// Whether a watch would tell of the change.
fn is_seen(change: &Change) -> bool {
    is_watched(change.object.kind, &change.new)
}

impl Caches {
    /// The next change of this kind does not arrive.
    pub(in crate::controller) fn lose_next(&mut self, kind: KindId) {
        self.losing = Losing::Next(kind);
    }

    /// Whether a change was lost and is not known of.
    pub(in crate::controller) fn have_lost(&self) -> bool {
        self.losing.lost().is_some()
    }

    /// Whether something was lost, or is to be.
    pub(in crate::controller) fn are_losing(&self) -> bool {
        match self.losing {
            Losing::Nothing => false,
            Losing::Next(_) | Losing::Lost(..) => true,
        }
    }

    /// The controller has written an object, which makes this version of it.
    pub(in crate::controller) fn expect(&mut self, object: &Locator, version: u64) {
        if !followed().any(|kind| kind == object.kind) {
            return;
        }
        let key = (object.namespace.to_string(), object.name.to_string());
        let held = self.held(object.kind).get(&key).copied();
        let expected = self.expected.entry(object.kind).or_default();
        expected.written(key, version, held);
    }

    /// A watch has told of a change.
    pub(super) fn told(&mut self, change: &Change) {
        if let Some(expected) = self.expected.get_mut(&change.object.kind) {
            expected.told(&key(&change.new), change.version);
        }
    }

    /// Lists those kinds anew whose watches have lost what this very controller has written.
    pub(super) fn list_what_was_lost(&mut self, cluster: &Cluster, news: &mut News) {
        let lost = self.expected.iter().filter(|(kind, expected)| {
            let claimed = self.claimed(**kind).unwrap_or_default();
            expected.lost(claimed).is_some()
        });
        let lost: Vec<KindId> = lost.map(|(kind, _)| *kind).collect();
        for kind in lost {
            let more = self.list_anew(kind, cluster);
            news.dirty.extend(more.dirty);
            news.gone.extend(more.gone);
        }
    }

    /// Up to which version the watch of a kind has come.
    fn claimed(&self, kind: KindId) -> Option<u64> {
        let mut cursors = self.cursors.iter().chain(self.workloads.cursors());
        Some(cursors.find(|cursor| cursor.kind == kind)?.version)
    }

    /// What a check finds now, kind by kind.
    pub(in crate::controller) fn missed(&self, cluster: &Cluster) -> Vec<(KindId, Missed)> {
        let kinds = followed().filter(|kind| cluster.serves(*kind));
        kinds
            .filter_map(|kind| Some((kind, self.missed_of(kind, cluster)?)))
            .collect()
    }

    fn missed_of(&self, kind: KindId, cluster: &Cluster) -> Option<Missed> {
        let complete = self.claimed(kind)?;
        let held = self.held(kind);
        let mut comparison = Comparison::new(held.clone(), complete);
        for object in listed(cluster, kind) {
            comparison.list(key(object), version(object));
        }
        let mut doubts = comparison.end(cluster.version());
        doubts.look(complete, |key| held.get(key).copied(), Patience::Lasts)
    }

    /// Lists a kind anew of which something was missed. Everything of it is told of, as in the shell.
    pub(in crate::controller) fn list_anew(&mut self, kind: KindId, cluster: &Cluster) -> News {
        let mut news = News {
            dirty: BTreeSet::new(),
            gone: Vec::new(),
        };
        let mut old: BTreeMap<Key, Arc<Value>> = self.objects(kind);
        let mut changes = Vec::new();
        for object in listed(cluster, kind) {
            old.remove(&key(object));
            changes.push(told(kind, What::Modified, object, cluster));
        }
        let gone = old.values();
        changes.extend(gone.map(|object| told(kind, What::Deleted, object, cluster)));
        for change in &changes {
            self.put(change);
            self.workloads.set(&change.object, shelf::after(change));
            self.route(change, &mut news.dirty);
            self.add_referring(&change.object, &mut news.dirty);
            news.gone.extend(farewell(change));
        }
        let version = cluster.version();
        let mut cursors = self.cursors.iter_mut();
        if let Some(cursor) = cursors.find(|one| one.kind == kind) {
            cursor.version = version;
        } else {
            self.workloads.reach(kind, version);
        }
        if let Some(expected) = self.expected.get_mut(&kind) {
            expected.listed(version);
        }
        if self
            .losing
            .lost()
            .is_some_and(|(lost, _)| lost.kind == kind)
        {
            self.losing = Losing::Nothing;
        }
        news
    }

    fn held(&self, kind: KindId) -> BTreeMap<Key, u64> {
        let objects = self.objects(kind).into_iter();
        objects
            .map(|(key, object)| (key, version(&object)))
            .collect()
    }

    /// Every object of a kind that is held.
    fn objects(&self, kind: KindId) -> BTreeMap<Key, Arc<Value>> {
        if kind == kinds::ROLLOUTS {
            all(&self.rollouts)
        } else if kind == kinds::REPLICA_SETS {
            all(&self.replica_sets)
        } else if kind == kinds::SERVICES {
            all(&self.services)
        } else if kind == kinds::INGRESSES {
            all(&self.ingresses)
        } else if kind == istio::VIRTUAL_SERVICES {
            all(&self.virtual_services)
        } else if kind == istio::DESTINATION_RULES {
            all(&self.destination_rules)
        } else if kind == kinds::ANALYSIS_RUNS {
            all(&self.analysis_runs)
        } else if kind == kinds::EXPERIMENTS {
            all(&self.experiments)
        } else if kind == kinds::ANALYSIS_TEMPLATES {
            all(&self.analysis_templates)
        } else if kind == kinds::CLUSTER_ANALYSIS_TEMPLATES {
            all(&self.cluster_analysis_templates)
        } else if kind == kinds::JOBS {
            all(&self.jobs)
        } else {
            let found = self.workloads.of(kind);
            found.map(|(_, shelf)| all(shelf)).unwrap_or_default()
        }
    }
}

fn all<T: serde::de::DeserializeOwned>(shelf: &Shelf<T>) -> BTreeMap<Key, Arc<Value>> {
    let objects = shelf.every_raw();
    objects
        .map(|object| (key(object), Arc::clone(object)))
        .collect()
}

fn listed(cluster: &Cluster, kind: KindId) -> impl Iterator<Item = &Arc<Value>> {
    let all = cluster.in_namespace(kind, None);
    all.filter(move |object| is_watched(kind, object))
}

fn key(object: &Value) -> Key {
    let (namespace, name) = (fields::namespace(object), fields::name(object));
    (namespace.to_owned(), name.to_owned())
}

fn version(object: &Value) -> u64 {
    fields::version(object).parse().unwrap_or_default()
}

/// What a list tells of an object.
fn told(kind: KindId, what: What, object: &Arc<Value>, cluster: &Cluster) -> Change {
    Change {
        version: cluster.version(),
        object: Locator::new(kind, fields::namespace(object), fields::name(object)),
        what,
        old: Some(Arc::clone(object)),
        new: Arc::clone(object),
        at: jiff::Timestamp::UNIX_EPOCH,
        actor: "".into(),
        verb: Verb::Update,
        part: Part::Whole,
    }
}
