//! The objects of one kind that the controller has seen.

use std::{cell::OnceCell, collections::BTreeMap, sync::Arc};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tidegate_api::meta::ObjectMeta;

use crate::cluster::{Change, Locator, What};

/// An object that cannot be read as what it should be.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    /// Its metadata.
    pub(super) metadata: ObjectMeta,
    /// Its status, raw.
    pub(super) status: Value,
    /// Which field, and what is wrong with it.
    pub(super) error: String,
}

/// An object that is read when it is first looked at.
#[derive(Clone, Debug)]
pub(super) struct Entry<T> {
    /// As it came.
    pub(super) value: Arc<Value>,
    read: OnceCell<Result<Arc<T>, Arc<Broken>>>,
}

impl<T: DeserializeOwned> Entry<T> {
    fn new(value: &Arc<Value>) -> Self {
        Self {
            value: Arc::clone(value),
            read: OnceCell::new(),
        }
    }

    /// The object, or what is wrong with it.
    pub(super) fn read(&self) -> &Result<Arc<T>, Arc<Broken>> {
        self.read.get_or_init(|| {
            if let Ok(read) = T::deserialize(&*self.value) {
                return Ok(Arc::new(read));
            }
            // Once more, to learn which field it is.
            serde_path_to_error::deserialize(&*self.value)
                .map(Arc::new)
                .map_err(|error| {
                    let metadata = self.value.get("metadata").cloned().unwrap_or_default();
                    Arc::new(Broken {
                        metadata: serde_json::from_value(metadata).unwrap_or_default(),
                        status: self.value.get("status").cloned().unwrap_or_default(),
                        error: format!("{}: {}", error.path(), error.inner()),
                    })
                })
        })
    }

    /// The object, if nothing is wrong with it.
    pub(super) fn good(&self) -> Option<&Arc<T>> {
        self.read().as_ref().ok()
    }
}

/// An object after a change; `None` if it is gone.
pub(super) fn after(change: &Change) -> Option<&Arc<Value>> {
    match change.what {
        What::Added | What::Modified => Some(&change.new),
        What::Deleted => None,
    }
}

/// The objects of one kind, by namespace and name.
#[derive(Clone, Debug)]
pub(super) struct Shelf<T>(pub(super) BTreeMap<Arc<str>, BTreeMap<Arc<str>, Entry<T>>>);

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: DeserializeOwned> Shelf<T> {
    /// Takes in an object as it is now; without a value it is gone.
    pub(super) fn set(&mut self, object: &Locator, value: Option<&Arc<Value>>) {
        let names = self.0.entry(Arc::clone(&object.namespace)).or_default();
        match value {
            Some(value) => {
                names.insert(Arc::clone(&object.name), Entry::new(value));
            }
            None => {
                names.remove(&object.name);
            }
        }
    }

    /// The object of this name, or what is wrong with it.
    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<&Result<Arc<T>, Arc<Broken>>> {
        self.0.get(namespace)?.get(name).map(Entry::read)
    }

    /// Every object as it came.
    pub(super) fn every_raw(&self) -> impl Iterator<Item = &Arc<Value>> {
        let all = self.0.values().flat_map(BTreeMap::values);
        all.map(|entry| &entry.value)
    }

    /// The object of this name as it came.
    pub(super) fn raw(&self, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        Some(&self.0.get(namespace)?.get(name)?.value)
    }

    /// All objects of a namespace as they came.
    pub(super) fn all_raw(&self, namespace: &str) -> impl Iterator<Item = &Arc<Value>> {
        self.entries(namespace).map(|entry| &entry.value)
    }

    /// All objects of a namespace.
    pub(super) fn entries(&self, namespace: &str) -> impl Iterator<Item = &Entry<T>> {
        self.0.get(namespace).into_iter().flat_map(BTreeMap::values)
    }

    /// All objects of a namespace that can be read, by name.
    pub(super) fn by_name(&self, namespace: &str) -> BTreeMap<String, Arc<T>> {
        self.0
            .get(namespace)
            .into_iter()
            .flatten()
            .filter_map(|(name, entry)| Some((name.to_string(), Arc::clone(entry.good()?))))
            .collect()
    }
}
