//! The model cluster: a deterministic, single-threaded Kubernetes API in memory.
//!
//! Every operation takes the cluster's time as an argument; the same operations in the same order
//! give the same objects, uids and versions. Nothing here waits or runs on its own: controllers and
//! kubelets are [`crate::actors`].

mod admission;
mod definitions;
pub mod fields;
pub mod istio;
pub mod kinds;
mod log;
mod patch;
pub mod refusal;
mod schema;
pub mod selector;
mod snapshot;
mod verbs;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use self::{
    kinds::{KindId, Kinds},
    log::Log,
    refusal::Refusal,
    selector::{FieldSelector, LabelSelector},
};
use crate::digest::Digest;

pub use self::{
    log::{Actor, Change, Locator, Part, Verb, What},
    patch::{Conflicts, Patch},
    snapshot::{Page, PageRequest},
    verbs::{Deletion, DeletionOptions, Propagation, Validation},
};

/// What every request says besides its content.
#[derive(Clone, Debug)]
pub struct Call {
    /// The cluster's time.
    pub now: Timestamp,
    /// Who asks.
    pub actor: Actor,
    /// Whether the change is to stay.
    pub mode: Mode,
    /// What happens to unknown fields of custom resources.
    pub validation: Validation,
}

impl Call {
    /// A call that commits.
    pub fn new(now: Timestamp, actor: impl Into<Actor>) -> Self {
        Self {
            now,
            actor: actor.into(),
            mode: Mode::Commit,
            validation: Validation::Ignore,
        }
    }
}

/// Whether a change is to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It stays.
    Commit,
    /// `dryRun=All`: everything is checked, nothing is stored.
    DryRun,
}

/// Names an object, or a part of it, in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// Its kind.
    pub kind: KindId,
    /// Its namespace; empty for kinds of the whole cluster.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Which part.
    pub part: Part,
}

impl<'a> Target<'a> {
    /// The object as a whole.
    pub fn new(kind: KindId, namespace: &'a str, name: &'a str) -> Self {
        Self {
            kind,
            namespace,
            name,
            part: Part::Whole,
        }
    }

    /// Its `…/status`.
    #[must_use]
    pub fn status(self) -> Self {
        Self {
            part: Part::Status,
            ..self
        }
    }

    /// Its `…/scale`.
    #[must_use]
    pub fn scale(self) -> Self {
        Self {
            part: Part::Scale,
            ..self
        }
    }
}

/// Which objects of a kind a list or a watch is about.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// One namespace; `None` for all of them.
    pub namespace: Option<String>,
    /// By labels.
    pub labels: LabelSelector,
    /// By fields.
    pub fields: FieldSelector,
}

impl Query {
    /// Everything in a namespace.
    pub fn namespace(namespace: &str) -> Self {
        Self {
            namespace: Some(namespace.to_owned()),
            ..Self::default()
        }
    }

    /// Whether an object of the asked-for kind is meant.
    pub fn matches(&self, object: &Value) -> bool {
        self.namespace
            .as_deref()
            .is_none_or(|namespace| fields::namespace(object) == namespace)
            && self.labels.matches(object)
            && self.fields.matches(object)
    }
}

/// Objects of one kind by namespace and name.
type Shelf = BTreeMap<Arc<str>, BTreeMap<Arc<str>, Arc<Value>>>;

/// A cluster's whole state. A clone is a snapshot that shares its objects.
#[derive(Clone, Debug)]
pub struct Cluster {
    kinds: Arc<Kinds>,
    shelves: Vec<Shelf>,
    log: Log,
    /// Where the object of a uid is.
    uids: BTreeMap<Arc<str>, Locator>,
    /// Which objects name this uid as an owner.
    dependents: BTreeMap<Arc<str>, BTreeSet<Locator>>,
    /// How often an object of this place was created: its uid follows from that, and from nothing that
    /// happens elsewhere.
    births: BTreeMap<Locator, u64>,
    /// How many names were generated from a kind, a namespace and a beginning.
    generated: BTreeMap<Locator, u64>,
    /// Counts addresses.
    serial: u64,
}

impl Cluster {
    /// A cluster with the namespaces `default` and `kube-system` and nothing else.
    ///
    /// # Panics
    /// Never: an empty cluster takes a namespace.
    pub fn new(now: Timestamp) -> Self {
        let kinds = Kinds::standard();
        let mut cluster = Self {
            shelves: vec![Shelf::new(); kinds.len()],
            kinds,
            log: Log::default(),
            uids: BTreeMap::new(),
            dependents: BTreeMap::new(),
            births: BTreeMap::new(),
            generated: BTreeMap::new(),
            serial: 0,
        };
        let call = Call::new(now, "cluster");
        for name in ["default", "kube-system"] {
            cluster
                .create(
                    &call,
                    kinds::NAMESPACES,
                    "",
                    json!({"metadata": {"name": name}}),
                )
                .expect("an empty cluster takes a namespace");
        }
        cluster
    }

    /// The kinds that are served.
    pub fn kinds(&self) -> &Arc<Kinds> {
        &self.kinds
    }

    /// The version of the last change.
    pub fn version(&self) -> u64 {
        self.log.version()
    }

    /// Versions below this one are forgotten: watches from there get 410.
    pub fn oldest_version(&self) -> u64 {
        self.log.floor()
    }

    /// Forgets all but the last changes.
    pub fn compact(&mut self, keep: usize) {
        self.log.compact(keep);
    }

    /// The changes of all kinds after a version, oldest first.
    ///
    /// # Errors
    /// 410 when some of them are forgotten.
    pub fn changes_since(&self, version: u64) -> Result<&[Change], Refusal> {
        self.log.since(version).ok_or_else(|| {
            Refusal::new(
                refusal::Reason::Expired,
                format!("too old resource version: {version} ({})", self.log.floor()),
            )
        })
    }

    /// An object; `None` if there is none.
    pub fn get(&self, kind: KindId, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        self.shelves[kind.place()].get(namespace)?.get(name)
    }

    /// An object by uid; `None` if there is none.
    pub fn get_by_uid(&self, uid: &str) -> Option<(&Locator, &Arc<Value>)> {
        let locator = self.uids.get(uid)?;
        let object = self.get(locator.kind, &locator.namespace, &locator.name)?;
        Some((locator, object))
    }

    /// The objects of a kind that a query means, by namespace and name.
    pub fn list<'a>(
        &'a self,
        kind: KindId,
        query: &'a Query,
    ) -> impl Iterator<Item = &'a Arc<Value>> {
        self.in_namespace(kind, query.namespace.as_deref())
            .filter(|object| query.labels.matches(object) && query.fields.matches(object))
    }

    /// All objects of a kind, in one namespace or (with `None`) in all of them, by namespace and name.
    pub fn in_namespace<'a>(
        &'a self,
        kind: KindId,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = &'a Arc<Value>> + use<'a> {
        let namespaces = &self.shelves[kind.place()];
        let (one, all) = match namespace {
            Some(namespace) => (namespaces.get(namespace), None),
            None => (None, Some(namespaces)),
        };
        one.into_iter()
            .chain(all.into_iter().flat_map(BTreeMap::values))
            .flat_map(BTreeMap::values)
    }

    /// The objects of a kind that name this uid as an owner, by namespace and name.
    pub fn owned<'a>(
        &'a self,
        kind: KindId,
        uid: &str,
    ) -> impl Iterator<Item = &'a Arc<Value>> + use<'a> {
        self.dependents
            .get(uid)
            .into_iter()
            .flatten()
            .filter(move |locator| locator.kind == kind)
            .filter_map(|locator| self.get(locator.kind, &locator.namespace, &locator.name))
    }

    /// Every object that names this uid as an owner.
    pub fn dependents(&self, uid: &str) -> impl Iterator<Item = &Locator> {
        self.dependents.get(uid).into_iter().flatten()
    }

    /// The next number of the cluster's counter of addresses.
    pub(crate) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// The uid of the next object of this place.
    fn uid_of_next(&self, place: &Locator) -> String {
        let mut digest = place_digest(place);
        digest.number(self.births.get(place).copied().unwrap_or(0));
        let number = digest.finish() & 0xffff_ffff_ffff;
        format!("00000000-0000-4000-8000-{number:012x}")
    }

    /// A number for the next name that begins like this one; it follows from nothing that happens
    /// elsewhere.
    fn number_of_name(&mut self, beginning: Locator) -> u64 {
        // Small, for what is made of it is multiplied.
        let first = place_digest(&beginning).finish() % 1_000_000;
        let count = self.generated.entry(beginning).or_default();
        *count += 1;
        first + *count
    }

    /// Stores a change under the next version and tells the log. Returns the object as stored.
    fn commit(&mut self, call: &Call, draft: Draft) -> Arc<Value> {
        let Draft {
            object,
            what,
            old,
            mut new,
            verb,
            part,
        } = draft;
        let version = self.log.version() + 1;
        fields::map_mut(&mut new, "metadata").insert(
            "resourceVersion".to_owned(),
            Value::String(version.to_string()),
        );
        let new = Arc::new(new);
        self.index(
            &object,
            old.as_deref(),
            (what != What::Deleted).then_some(&*new),
        );
        if what == What::Added {
            *self.births.entry(object.clone()).or_default() += 1;
        }
        let namespaces = &mut self.shelves[object.kind.place()];
        match what {
            What::Added | What::Modified => {
                namespaces
                    .entry(Arc::clone(&object.namespace))
                    .or_default()
                    .insert(Arc::clone(&object.name), Arc::clone(&new));
            }
            What::Deleted => {
                if let Some(objects) = namespaces.get_mut(&object.namespace) {
                    objects.remove(&object.name);
                }
            }
        }
        self.log.push(Change {
            version,
            object,
            what,
            old,
            new: Arc::clone(&new),
            at: call.now,
            actor: call.actor.clone(),
            verb,
            part,
        });
        new
    }

    fn index(&mut self, object: &Locator, old: Option<&Value>, new: Option<&Value>) {
        let owners_before = old.map_or(&[][..], fields::owners);
        let owners_now = new.map_or(&[][..], fields::owners);
        if owners_before != owners_now {
            for owner in owners_before {
                let uid = fields::text(owner, &["uid"]);
                if let Some(dependents) = self.dependents.get_mut(uid) {
                    dependents.remove(object);
                    if dependents.is_empty() {
                        self.dependents.remove(uid);
                    }
                }
            }
            for owner in owners_now {
                let uid = fields::text(owner, &["uid"]);
                self.dependents
                    .entry(uid.into())
                    .or_default()
                    .insert(object.clone());
            }
        }
        match (old, new) {
            (None, Some(new)) => {
                self.uids.insert(fields::uid(new).into(), object.clone());
            }
            (Some(old), None) => {
                self.uids.remove(fields::uid(old));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
}

fn place_digest(place: &Locator) -> Digest {
    let mut digest = Digest::new(0);
    digest.number(place.kind.number());
    digest.text(&place.namespace);
    digest.text(&place.name);
    digest
}

/// A change that is about to be committed.
struct Draft {
    object: Locator,
    what: What,
    old: Option<Arc<Value>>,
    new: Value,
    verb: Verb,
    part: Part,
}
