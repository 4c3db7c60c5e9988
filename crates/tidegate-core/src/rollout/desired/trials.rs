//! What tries out an update and comes to a verdict, an AnalysisRun or an Experiment, as far as a Rollout
//! looks at it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tidegate_api::{
    analysis::{AnalysisRun, phase},
    experiment::Experiment,
    labels,
    meta::ObjectMeta,
};

use crate::{
    analysis_run::is_completed,
    plan::{ANALYSIS_RUNS, Class, EXPERIMENTS, Effect, Guard, ObjectKey, Resource, Verb, Write},
    reason::Reason,
    rollout::{
        draft::{AbortChange, CurrentRun, Draft},
        snapshot::{Flag, Lifetime},
    },
};

/// A kind of object that comes to a verdict.
pub trait Trying {
    /// The kind.
    const RESOURCE: Resource;
    /// Its metadata.
    fn metadata(&self) -> &ObjectMeta;
    /// Its phase; empty while it is new.
    fn phase(&self) -> &str;
    /// What it says of its phase.
    fn message(&self) -> &str;
    /// `spec.terminate`.
    fn is_terminating(&self) -> Flag;
}

impl Trying for AnalysisRun {
    const RESOURCE: Resource = ANALYSIS_RUNS;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn phase(&self) -> &str {
        &self.status.phase
    }

    fn message(&self) -> &str {
        &self.status.message
    }

    fn is_terminating(&self) -> Flag {
        Flag::from(self.spec.terminate)
    }
}

impl Trying for Experiment {
    const RESOURCE: Resource = EXPERIMENTS;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn phase(&self) -> &str {
        &self.status.phase
    }

    fn message(&self) -> &str {
        &self.status.message
    }

    fn is_terminating(&self) -> Flag {
        Flag::from(self.spec.terminate)
    }
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Trial<T> {
    /// Its name.
    pub name: String,
    /// The wire object.
    pub object: Arc<T>,
    /// The hash of the version that it is about, if it says so.
    pub hash: Option<String>,
    /// Its phase; empty while it is new.
    pub phase: String,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// `spec.terminate`.
    pub terminating: Flag,
    /// Whether it is being deleted.
    pub lifetime: Lifetime,
}

impl<T: Trying> Trial<T> {
    /// What a Rollout sees of it.
    pub fn new(object: &Arc<T>) -> Self {
        let metadata = object.metadata();
        Self {
            name: metadata.name.clone(),
            hash: metadata.labels.get(labels::POD_TEMPLATE_HASH).cloned(),
            phase: object.phase().to_owned(),
            created: metadata.creation_timestamp.map(Timestamp::from),
            terminating: object.is_terminating(),
            lifetime: if metadata.deletion_timestamp.is_some() {
                Lifetime::Deleting
            } else {
                Lifetime::Alive
            },
            object: Arc::clone(object),
        }
    }

    /// As a Rollout's status names it.
    pub(crate) fn current(&self) -> CurrentRun {
        CurrentRun {
            name: self.name.clone(),
            phase: self.phase.clone(),
            message: self.object.message().to_owned(),
        }
    }

    /// What the verdict does to the update: without one it pauses for `pause`, a bad one aborts it with a
    /// sentence that begins with `begin`. Keeps ANA-14 and EXP-42.
    pub(crate) fn judge(&self, pause: &'static str, begin: &str, draft: &mut Draft) {
        match self.phase.as_str() {
            phase::INCONCLUSIVE => draft.add_pauses.push(pause),
            phase::ERROR | phase::FAILED => {
                let why = self.object.message();
                draft.abort = AbortChange::Add(if why.is_empty() {
                    begin.to_owned()
                } else {
                    format!("{begin}: {why}")
                });
            }
            _ => {}
        }
    }

    /// Ends it if it has no verdict yet.
    pub(crate) fn end(&self, why: &str) -> Option<Effect> {
        let goes = self.lifetime == Lifetime::Deleting;
        if goes || self.terminating.is_set() || is_completed(&self.phase) {
            return None;
        }
        let body = json!({"spec": {"terminate": true}});
        Some(self.write((Verb::Patch, body), Reason::Because(why.to_owned())))
    }

    /// A write to this very object, as it was seen.
    pub(crate) fn write(&self, (verb, body): (Verb, Value), reason: Reason) -> Effect {
        let metadata = self.object.metadata();
        Effect::Write(Write {
            verb,
            target: ObjectKey::new(T::RESOURCE, &metadata.namespace, &metadata.name),
            guard: Guard::Version {
                uid: metadata.uid.clone(),
                resource_version: metadata.resource_version.clone(),
            },
            body,
            class: Class::Meta,
            events: Vec::new(),
            reason,
        })
    }
}

/// What is to be followed from now on.
pub(crate) enum Begun<'a, T> {
    /// One that is created.
    New(Box<Write>, CurrentRun),
    /// One that is already there: an earlier pass created it, and the note of it was lost.
    Known(&'a Trial<T>),
}

/// A name for a new one.
pub(crate) enum Name<'a, T> {
    /// Nobody has it.
    Free(String),
    /// One has it that is there for this very purpose.
    Ours(&'a Trial<T>),
}

/// The first name that nobody has, `base` or `base` with `mark` and a number, or the one that is already
/// there for this very purpose: one of the owner's, that tries the same, not over and not being deleted.
/// Keeps ANA-03 and EXP-41. `own` are the owner's, `taken` the names of others.
///
/// Differs from upstream: one that is being deleted is not taken up again.
pub(crate) fn free_name<'a, T>(
    (own, taken): (&'a [Trial<T>], &[String]),
    (base, mark): (&str, char),
    tries_the_same: impl Fn(&T) -> bool,
) -> Name<'a, T> {
    let mut name = base.to_owned();
    let mut collisions = 0_u32;
    let is_ours = |one: &Trial<T>| {
        let is_open = !is_completed(&one.phase) && one.lifetime == Lifetime::Alive;
        is_open && tries_the_same(&one.object)
    };
    loop {
        match own.iter().find(|one| one.name == name) {
            Some(one) if is_ours(one) => return Name::Ours(one),
            None if !taken.contains(&name) => return Name::Free(name),
            Some(_) | None => {
                collisions += 1;
                name = format!("{base}{mark}{collisions}");
            }
        }
    }
}
