//! Every change that ever was, in order: what watches are served from and what invariants look at.

use std::{borrow::Cow, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;

use super::kinds::KindId;

/// Who sends a request: `controller`, `user`, `kubelet`, or a client's user agent.
pub type Actor = Cow<'static, str>;

/// Names one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Locator {
    /// Its kind.
    pub kind: KindId,
    /// Its namespace; empty for kinds of the whole cluster.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl Locator {
    /// The object of this kind, namespace and name.
    pub fn new(kind: KindId, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

/// What a change did to its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It is new.
    Added,
    /// It is different.
    Modified,
    /// It is gone.
    Deleted,
}

/// With which verb the change was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// POST of an object.
    Create,
    /// PUT.
    Update,
    /// PATCH of any type.
    Patch,
    /// DELETE, or an eviction.
    Delete,
}

/// Which part of an object a request is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// The object itself.
    #[default]
    Whole,
    /// `…/status`.
    Status,
    /// `…/scale`.
    Scale,
}

/// One committed change.
#[derive(Clone, Debug)]
pub struct Change {
    /// The resource version that it made; each change makes the next one.
    pub version: u64,
    /// Whose.
    pub object: Locator,
    /// What happened.
    pub what: What,
    /// The object before; `None` for a new one.
    pub old: Option<Arc<Value>>,
    /// The object after; for a deletion its last state with the version of the deletion.
    pub new: Arc<Value>,
    /// When, on the cluster's clock.
    pub at: Timestamp,
    /// Who asked for it.
    pub actor: Actor,
    /// How.
    pub verb: Verb,
    /// Of which part.
    pub part: Part,
}

/// The changes since a version that is still remembered.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    /// Changes up to this version are forgotten.
    floor: u64,
    changes: Vec<Change>,
}

impl Log {
    /// The version of the last change.
    pub(super) fn version(&self) -> u64 {
        self.floor + u64::try_from(self.changes.len()).expect("a log fits into memory")
    }

    pub(super) fn floor(&self) -> u64 {
        self.floor
    }

    pub(super) fn push(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// The changes after a version; `None` if some of them are forgotten.
    pub(super) fn since(&self, version: u64) -> Option<&[Change]> {
        let skipped = version.checked_sub(self.floor)?;
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        Some(self.changes.get(skipped..).unwrap_or_default())
    }

    /// Forgets all but the last changes.
    pub(super) fn compact(&mut self, keep: usize) {
        let forgotten = self.changes.len().saturating_sub(keep);
        self.changes.drain(..forgotten);
        self.floor += u64::try_from(forgotten).expect("a log fits into memory");
    }
}
