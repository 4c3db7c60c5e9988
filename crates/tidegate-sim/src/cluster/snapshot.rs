//! Lists in pages, each page of the same version.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{
    Cluster, Query, What, fields,
    kinds::KindId,
    refusal::{Reason, Refusal},
};

/// Which page of a list is wanted.
#[derive(Clone, Debug, Default)]
pub struct PageRequest {
    /// The most objects of a page; 0 for no limit.
    pub limit: usize,
    /// The token of the page before; empty for the first page.
    pub token: String,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page {
    /// The version that the list shows.
    pub version: u64,
    /// The objects by namespace and name.
    pub objects: Vec<Arc<Value>>,
    /// The token of the next page; empty at the end.
    pub token: String,
    /// How many objects come after this page, if that is known.
    pub remaining: Option<usize>,
}

impl Cluster {
    /// A page of the objects that a query means. Every page of a list shows the version of the first.
    ///
    /// # Errors
    /// 400 for a token that is none; 410 for one whose version is forgotten.
    pub fn page(
        &self,
        kind: KindId,
        query: &Query,
        request: &PageRequest,
    ) -> Result<Page, Refusal> {
        if request.token.is_empty() {
            let objects = self.list(kind, query).cloned().collect();
            return Ok(cut(objects, self.version(), query, request.limit));
        }
        let (version, after) = read_token(&request.token)
            .ok_or_else(|| Refusal::bad_request("continue key is not valid: invalid format"))?;
        let objects = self
            .objects_at(kind, version)?
            .into_iter()
            .filter(|(key, object)| *key > after && query.matches(object))
            .map(|(_, object)| object)
            .collect();
        Ok(cut(objects, version, query, request.limit))
    }

    /// All objects of a kind as they were at a version.
    fn objects_at(&self, kind: KindId, version: u64) -> Result<BTreeMap<Key, Arc<Value>>, Refusal> {
        let changes = self.changes_since(version).map_err(|_| {
            Refusal::new(
                Reason::Expired,
                "The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.",
            )
        })?;
        let mut objects: BTreeMap<Key, Arc<Value>> = self
            .in_namespace(kind, None)
            .map(|object| (key(object), Arc::clone(object)))
            .collect();
        for change in changes
            .iter()
            .rev()
            .filter(|change| change.object.kind == kind)
        {
            let key = key(&change.new);
            match (change.what, &change.old) {
                (What::Added, _) | (_, None) => {
                    objects.remove(&key);
                }
                (What::Modified | What::Deleted, Some(old)) => {
                    objects.insert(key, Arc::clone(old));
                }
            }
        }
        Ok(objects)
    }
}

/// Namespace and name.
type Key = (String, String);

fn key(object: &Value) -> Key {
    (
        fields::namespace(object).to_owned(),
        fields::name(object).to_owned(),
    )
}

fn cut(mut objects: Vec<Arc<Value>>, version: u64, query: &Query, limit: usize) -> Page {
    let mut token = String::new();
    let mut remaining = None;
    if limit > 0 && objects.len() > limit {
        if query.labels.is_empty() && query.fields.is_empty() {
            remaining = Some(objects.len() - limit);
        }
        objects.truncate(limit);
        if let Some(last) = objects.last() {
            let (namespace, name) = key(last);
            token = format!("{version}.{namespace}.{name}");
        }
    }
    Page {
        version,
        objects,
        token,
        remaining,
    }
}

/// The version and the last object of the page before. Namespaces have no dots.
fn read_token(token: &str) -> Option<(u64, Key)> {
    let (version, rest) = token.split_once('.')?;
    let (namespace, name) = rest.split_once('.')?;
    Some((
        version.parse().ok()?,
        (namespace.to_owned(), name.to_owned()),
    ))
}
