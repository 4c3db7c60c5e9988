//! What is known of the cluster: one cache per kind, trimmed of what no decision reads, and held as packed
//! text where there are many objects: read, an object takes more than ten times the room. Each cache knows up to which version
//! it is complete, so that a pass can tell whether it sees its own writes.

mod packed;
mod trimmed;
mod versions;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};
use tidegate_api::meta::ObjectMeta;
use tidegate_core::{consistency::Expected, plan::ObjectKey};
use tidegate_integrations::traffic::Absence;
use tokio::sync::watch;

use self::{packed::Packed, trimmed::trimmed};
use crate::{
    place,
    wire::{self, Unreadable},
};

/// How the objects of a kind are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// Ready: few, and looked at often.
    Read,
    /// As packed JSON text: many, and looked at one at a time.
    Text,
}

/// An object that a cache holds.
pub(crate) trait Cached: Sized + Send + Sync + 'static {
    /// How many there are and how often they are looked at.
    const HELD: Held = Held::Text;
    /// Its metadata.
    fn metadata(&self) -> &ObjectMeta;
    /// Reads it from its JSON text; an error names the field.
    fn read(text: &str) -> Result<Self, String>;
    /// The objects whose changes concern it.
    fn references(&self) -> Vec<ObjectKey> {
        Vec::new()
    }
}

/// Reads a typed object from JSON text; the error names the path of the field that does not fit.
pub(crate) fn read_typed<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| place::named(text, &error))
}

/// What every object has.
#[derive(Deserialize)]
pub(crate) struct Named {
    pub(crate) metadata: ObjectMeta,
}

/// Namespace and name.
type Key = (String, String);

/// One kind's objects.
#[derive(Debug)]
pub(crate) struct Cache<T> {
    objects: Mutex<Objects<T>>,
    synced: watch::Sender<bool>,
    absent: watch::Sender<Option<Absence>>,
    fault: watch::Sender<Option<String>>,
    /// An object whose last change by this very process its watch has lost.
    lost: watch::Sender<Option<Key>>,
}

#[derive(Debug)]
struct Objects<T> {
    by_name: BTreeMap<Key, Entry<T>>,
    by_owner: BTreeMap<String, BTreeSet<Key>>,
    by_reference: BTreeMap<ObjectKey, BTreeSet<Key>>,
    version: Option<u64>,
    expected: Expected,
}

#[derive(Debug)]
struct Entry<T> {
    /// The uid of its controller; empty if nobody controls it.
    owner: String,
    /// Its version; 0 if that is no number.
    version: u64,
    references: Box<[ObjectKey]>,
    form: Form<T>,
}

#[derive(Debug)]
enum Form<T> {
    Read(Arc<T>),
    Text(Packed),
    /// It cannot be read: what is known of it, and why.
    Broken(Arc<Broken>),
}

/// An object that cannot be read as what it claims to be.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    /// Its metadata.
    pub(crate) metadata: ObjectMeta,
    /// Its status, raw.
    pub(crate) status: Value,
    /// Which field, and what is wrong with it.
    pub(crate) error: String,
}

/// What a cache says of an object.
#[derive(Clone, Debug)]
pub(crate) enum Found<T> {
    /// Here it is.
    Good(Arc<T>),
    /// It exists but cannot be read.
    Broken(Arc<Broken>),
    /// It does not exist.
    Absent,
}

/// One change, told to whoever maps it to keys.
pub(crate) enum Change<'a> {
    /// It is there, new or changed.
    Present(&'a ObjectMeta),
    /// It is gone.
    Gone(&'a ObjectMeta),
}

impl<T: Cached> Cache<T> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            objects: Mutex::new(Objects {
                by_name: BTreeMap::new(),
                by_owner: BTreeMap::new(),
                by_reference: BTreeMap::new(),
                version: None,
                expected: Expected::default(),
            }),
            synced: watch::Sender::new(false),
            absent: watch::Sender::new(None),
            fault: watch::Sender::new(None),
            lost: watch::Sender::new(None),
        })
    }

    fn with<R>(&self, look: impl FnOnce(&mut Objects<T>) -> R) -> R {
        let mut objects = self
            .objects
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        look(&mut objects)
    }

    /// One object.
    pub(crate) fn get(&self, namespace: &str, name: &str) -> Found<T> {
        let key = (namespace.to_owned(), name.to_owned());
        let form = self.with(|objects| objects.by_name.get(&key).map(|entry| entry.form.clone()));
        match form {
            Some(Form::Broken(broken)) => Found::Broken(broken),
            Some(form) => form.good().map_or(Found::Absent, Found::Good),
            None => Found::Absent,
        }
    }

    /// All readable objects of a namespace, by name.
    pub(crate) fn in_namespace(&self, namespace: &str) -> Vec<Arc<T>> {
        self.named(namespace, "")
    }

    /// All readable objects that this uid controls.
    pub(crate) fn controlled_by(&self, uid: &str) -> Vec<Arc<T>> {
        self.owned(uid, |_| true)
    }

    /// All readable objects of a namespace that nobody controls.
    pub(crate) fn orphans(&self, namespace: &str) -> Vec<Arc<T>> {
        self.owned("", |(of, _)| of == namespace)
    }

    fn owned(&self, uid: &str, counts: impl Fn(&Key) -> bool) -> Vec<Arc<T>> {
        let forms: Vec<Form<T>> = self.with(|objects| {
            let keys = objects.by_owner.get(uid).into_iter().flatten();
            keys.filter(|key| counts(key))
                .filter_map(|key| objects.by_name.get(key))
                .map(|entry| entry.form.clone())
                .collect()
        });
        forms.into_iter().filter_map(Form::good).collect()
    }

    /// All readable objects of a namespace whose names begin so.
    pub(crate) fn named(&self, namespace: &str, prefix: &str) -> Vec<Arc<T>> {
        let forms = self.forms(namespace, prefix);
        forms.into_iter().filter_map(Form::good).collect()
    }

    /// All readable objects of a namespace that are named after a parent as ReplicaSets are: a dash and
    /// one more word.
    pub(crate) fn named_after(&self, namespace: &str, parent: &str) -> Vec<Arc<T>> {
        let prefix = format!("{parent}-");
        let first = (namespace.to_owned(), prefix.clone());
        let forms: Vec<Form<T>> = self.with(|objects| {
            objects
                .by_name
                .range(first..)
                .map_while(|((of, name), entry)| {
                    let rest = name.strip_prefix(&prefix).filter(|_| of == namespace)?;
                    Some((rest, entry))
                })
                .filter(|(rest, _)| !rest.contains('-'))
                .map(|(_, entry)| entry.form.clone())
                .collect()
        });
        forms.into_iter().filter_map(Form::good).collect()
    }

    /// All objects of a namespace that cannot be read and whose names begin so.
    pub(crate) fn broken(&self, namespace: &str, prefix: &str) -> Vec<Arc<Broken>> {
        self.forms(namespace, prefix)
            .into_iter()
            .filter_map(|form| match form {
                Form::Broken(broken) => Some(broken),
                Form::Read(_) | Form::Text(_) => None,
            })
            .collect()
    }

    fn forms(&self, namespace: &str, prefix: &str) -> Vec<Form<T>> {
        let first = (namespace.to_owned(), prefix.to_owned());
        self.with(|objects| {
            objects
                .by_name
                .range(first..)
                .take_while(|((of, name), _)| of == namespace && name.starts_with(prefix))
                .map(|(_, entry)| entry.form.clone())
                .collect()
        })
    }

    /// Looks at every readable object, one after the other: never at more than one at once.
    pub(crate) fn each(&self, mut look: impl FnMut(&T)) {
        for (namespace, name) in self.keys() {
            if let Found::Good(object) = self.get(&namespace, &name) {
                look(&object);
            }
        }
    }

    /// Nothing will be listed: the cache is complete as it is.
    pub(crate) fn mark_synced(&self) {
        self.synced.send_replace(true);
    }

    /// The cluster serves the kind.
    pub(crate) fn mark_served(&self) {
        self.absent.send_if_modified(|held| held.take().is_some());
    }

    /// Tells whenever it changes whether the kind can be seen.
    pub(crate) fn absences(&self) -> watch::Receiver<Option<Absence>> {
        self.absent.subscribe()
    }

    /// What is known came from another cluster: its versions mean nothing any more, and what was seen there
    /// stands only until the kind has been listed again.
    pub(crate) fn start_over(&self, why: &str) {
        self.with(|objects| objects.version = None);
        self.mark_absent(Absence::OutOfReach(why.to_owned()));
    }

    /// Nothing can be seen of the kind; whether that is news.
    pub(crate) fn mark_absent(&self, why: Absence) -> bool {
        self.absent.send_if_modified(|held| {
            let is_news = held.as_ref() != Some(&why);
            *held = Some(why);
            is_news
        })
    }

    /// Why nothing can be seen of the kind, if that is so.
    pub(crate) fn absence(&self) -> Option<Absence> {
        self.absent.borrow().clone()
    }

    /// Why the last list did not come about.
    pub(crate) fn note_fault(&self, why: String) {
        self.fault.send_replace(Some(why));
    }

    /// Why there is no list yet, as far as anybody knows.
    pub(crate) fn fault(&self) -> Option<String> {
        self.fault.borrow().clone()
    }

    /// The namespace and name of every object.
    pub(crate) fn keys(&self) -> Vec<Key> {
        self.with(|objects| objects.by_name.keys().cloned().collect())
    }

    /// The namespace and name of every object of a namespace.
    pub(crate) fn keys_in(&self, namespace: &str) -> Vec<Key> {
        let first = (namespace.to_owned(), String::new());
        self.with(|objects| {
            objects
                .by_name
                .range(first..)
                .map(|(key, _)| key)
                .take_while(|(of, _)| of == namespace)
                .cloned()
                .collect()
        })
    }

    /// The namespace and name of every object that refers to this one.
    pub(crate) fn referring_to(&self, key: &ObjectKey) -> Vec<Key> {
        self.with(|objects| {
            let keys = objects.by_reference.get(key).into_iter().flatten();
            keys.cloned().collect()
        })
    }

    /// Whether there was a complete list.
    pub(crate) fn is_synced(&self) -> bool {
        *self.synced.borrow()
    }

    /// Waits for the first complete list.
    pub(crate) async fn synced(&self) {
        let mut synced = self.synced.subscribe();
        // The sender lives in this very cache, so waiting cannot fail.
        let _ = synced.wait_for(|synced| *synced).await;
    }

    /// Takes an object in; gives its metadata, for whoever tells of it.
    pub(crate) fn put(&self, raw: &RawValue) -> ObjectMeta {
        let (metadata, entry) = Entry::read(raw);
        let key = (metadata.namespace.clone(), metadata.name.clone());
        self.with(|objects| objects.insert(key, entry));
        metadata
    }

    /// Takes in an object that a test has written down.
    #[cfg(test)]
    pub(crate) fn put_json(&self, object: &Value) {
        self.put(&serde_json::value::to_raw_value(object).expect("it is JSON"));
    }

    /// An object is gone.
    pub(crate) fn take(&self, metadata: &ObjectMeta, tell: &dyn Fn(Change<'_>)) {
        let key = (metadata.namespace.clone(), metadata.name.clone());
        let version = version(metadata);
        self.with(|objects| {
            objects.expected.told(&key, version);
            objects.remove(&key)
        });
        self.complete(&metadata.resource_version);
        tell(Change::Gone(metadata));
    }

    /// Everything that a new list does not name is gone.
    pub(crate) fn keep_only(&self, listed: &BTreeSet<Key>, tell: &dyn Fn(Change<'_>)) {
        let gone: Vec<Form<T>> = self.with(|objects| {
            let gone: Vec<Key> = objects
                .by_name
                .keys()
                .filter(|key| !listed.contains(*key))
                .cloned()
                .collect();
            gone.iter()
                .filter_map(|key| objects.remove(key))
                .map(|entry| entry.form)
                .collect()
        });
        for form in gone {
            if let Form::Broken(broken) = &form {
                tell(Change::Gone(&broken.metadata));
            } else if let Some(object) = form.good() {
                tell(Change::Gone(object.metadata()));
            }
        }
    }
}

impl<T> Objects<T> {
    fn insert(&mut self, key: Key, entry: Entry<T>) {
        self.expected.told(&key, entry.version);
        self.remove(&key);
        let owned = self.by_owner.entry(entry.owner.clone()).or_default();
        owned.insert(key.clone());
        for reference in &entry.references {
            let referring = self.by_reference.entry(reference.clone()).or_default();
            referring.insert(key.clone());
        }
        self.by_name.insert(key, entry);
    }

    fn remove(&mut self, key: &Key) -> Option<Entry<T>> {
        let entry = self.by_name.remove(key)?;
        forget(&mut self.by_owner, &entry.owner, key);
        for reference in &entry.references {
            forget(&mut self.by_reference, reference, key);
        }
        Some(entry)
    }
}

fn forget<I: Ord>(index: &mut BTreeMap<I, BTreeSet<Key>>, at: &I, key: &Key) {
    if let Some(keys) = index.get_mut(at) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(at);
        }
    }
}

impl<T: Cached> Entry<T> {
    fn read(raw: &RawValue) -> (ObjectMeta, Self) {
        let text = trimmed(raw).unwrap_or_else(|_| raw.get().to_owned());
        let object = match T::read(&text) {
            Ok(object) => object,
            Err(error) => return Self::unreadable(wire::outline(raw, error)),
        };
        let metadata = object.metadata().clone();
        let entry = Self {
            owner: owner(&metadata),
            version: version(&metadata),
            references: object.references().into(),
            form: match T::HELD {
                Held::Read => Form::Read(Arc::new(object)),
                Held::Text => Form::Text(Packed::new(&text)),
            },
        };
        (metadata, entry)
    }

    /// The others are told of as they are; this one only by its error.
    fn unreadable(unreadable: Unreadable) -> (ObjectMeta, Self) {
        let Unreadable {
            metadata,
            status,
            error,
        } = unreadable;
        tracing::error!(namespace = %metadata.namespace, name = %metadata.name, %error, "this object cannot be read");
        let broken = Broken {
            metadata: metadata.clone(),
            status,
            error,
        };
        let entry = Self {
            owner: owner(&metadata),
            version: version(&metadata),
            references: Box::default(),
            form: Form::Broken(Arc::new(broken)),
        };
        (metadata, entry)
    }
}

impl<T> Clone for Form<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Read(object) => Self::Read(Arc::clone(object)),
            Self::Text(packed) => Self::Text(packed.clone()),
            Self::Broken(broken) => Self::Broken(Arc::clone(broken)),
        }
    }
}

impl<T: Cached> Form<T> {
    fn good(self) -> Option<Arc<T>> {
        match self {
            Self::Read(object) => Some(object),
            Self::Text(packed) => {
                let object = T::read(&packed.text()).expect("it was read before it was put away");
                Some(Arc::new(object))
            }
            Self::Broken(_) => None,
        }
    }
}

/// The version as a number; 0 if it is none.
fn version(metadata: &ObjectMeta) -> u64 {
    metadata.resource_version.parse().unwrap_or_default()
}

/// The uid of the controller; empty if nobody controls it.
fn owner(metadata: &ObjectMeta) -> String {
    metadata
        .controller()
        .map(|owner| owner.uid.clone())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidegate_api::{labels::LAST_APPLIED, rollout::Rollout};
    use tidegate_core::plan::SERVICES;

    use super::*;

    fn rollout(name: &str, service: &str) -> Box<RawValue> {
        let rollout = json!({
            "metadata": {
                "name": name, "namespace": "shop", "uid": name, "resourceVersion": "7",
                "managedFields": [{"manager": "kubectl"}],
                "annotations": {LAST_APPLIED: "{}", "team": "a"},
            },
            "spec": {"strategy": {"canary": {"canaryService": service}}},
        });
        serde_json::value::to_raw_value(&rollout).unwrap()
    }

    fn named(cache: &Cache<Rollout>, service: &str) -> Vec<String> {
        let key = ObjectKey::new(SERVICES, "shop", service);
        let found = cache.referring_to(&key);
        found.into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn an_object_comes_out_as_it_went_in_but_for_what_nobody_reads() {
        let cache = Cache::<Rollout>::new();
        cache.put(&rollout("web", "web-canary"));
        let Found::Good(found) = cache.get("shop", "web") else {
            panic!("it can be read");
        };
        let annotations: Vec<&String> = found.metadata.annotations.keys().collect();
        assert_eq!(annotations, ["team"]);
        let mut expected: Rollout = read_typed(rollout("web", "web-canary").get()).unwrap();
        expected.metadata.annotations.remove(LAST_APPLIED);
        assert_eq!(*found, expected);
        let text = trimmed(&rollout("web", "web-canary")).unwrap();
        assert!(!text.contains("kubectl"), "{text}");
    }

    #[test]
    fn who_refers_to_an_object_is_found_without_looking_at_all() {
        let cache = Cache::<Rollout>::new();
        cache.put(&rollout("web", "a"));
        cache.put(&rollout("api", "a"));
        assert_eq!(named(&cache, "a"), ["api", "web"]);
        cache.put(&rollout("web", "b"));
        assert_eq!(
            (named(&cache, "a"), named(&cache, "b")),
            (vec!["api".to_owned()], vec!["web".to_owned()])
        );
        let mut gone = Vec::new();
        let listed = BTreeSet::from([("shop".to_owned(), "web".to_owned())]);
        let told = std::cell::RefCell::new(&mut gone);
        cache.keep_only(&listed, &|change| {
            if let Change::Gone(metadata) = change {
                told.borrow_mut().push(metadata.name.clone());
            }
        });
        assert_eq!(gone, ["api"]);
        assert_eq!(named(&cache, "a"), Vec::<String>::new());
    }

    #[test]
    fn a_list_that_is_not_complete_makes_no_promise() {
        let cache = Cache::<Rollout>::new();
        cache.put(&rollout("web", "a"));
        assert_eq!(cache.version(), None);
        cache.complete("7");
        assert_eq!(cache.version(), Some(7));
        cache.complete("5");
        assert_eq!(cache.version(), Some(7));
    }

    #[tokio::test]
    async fn a_cache_claims_nothing_beyond_an_own_write_that_its_watch_has_lost() {
        let cache = Cache::<Rollout>::new();
        cache.put(&rollout("web", "a"));
        cache.listed("7");
        let web = || ("shop".to_owned(), "web".to_owned());
        cache.expect(web(), "9");
        cache.complete("8");
        assert_eq!(
            (cache.version(), cache.lost.borrow().clone()),
            (Some(8), None)
        );
        cache.complete("12");
        assert_eq!(cache.version(), Some(8));
        assert_eq!(cache.loses().await, web());
        cache.listed("12");
        assert_eq!(
            (cache.version(), cache.lost.borrow().clone()),
            (Some(12), None)
        );
        // The same, where the answer comes after the watch has gone on.
        cache.expect(web(), "11");
        assert_eq!((cache.version(), cache.loses().await), (Some(10), web()));
    }
}
