//! DELETE: at once, after a grace period, or once nobody holds the object any more.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    super::{
        Call, Cluster, Draft, Locator, Mode, Part, Target, Verb, What, fields,
        kinds::{self, Generation, Kind, KindId},
        refusal::Refusal,
    },
    instant,
};

/// What becomes of the objects that a deleted one owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// They go after it.
    #[default]
    Background,
    /// They go before it, as far as they block it.
    Foreground,
    /// They stay and lose the owner.
    Orphan,
}

/// What a deletion demands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeletionOptions {
    /// Only this very object.
    pub uid: Option<String>,
    /// Only in this version.
    pub version: Option<String>,
    /// What becomes of its dependents.
    pub propagation: Propagation,
    /// How long a pod may take; `None` for what its spec says.
    pub grace_seconds: Option<i64>,
}

/// What came of a deletion.
#[derive(Clone, Debug)]
pub enum Deletion {
    /// The object is gone; this is its last state.
    Gone(Arc<Value>),
    /// It is marked and goes once nobody holds it.
    Begun(Arc<Value>),
}

impl Deletion {
    /// The object in either case.
    pub fn object(&self) -> &Arc<Value> {
        match self {
            Self::Gone(object) | Self::Begun(object) => object,
        }
    }
}

/// The finalizer of a foreground deletion.
const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of a deletion that leaves its dependents.
const ORPHAN: &str = "orphan";
/// How long a pod may take if its spec does not say.
const POD_GRACE_SECONDS: i64 = 30;

impl Cluster {
    /// Deletes an object, or begins to.
    ///
    /// # Errors
    /// 404; 409 when a precondition does not hold.
    pub fn delete(
        &mut self,
        call: &Call,
        target: &Target<'_>,
        options: &DeletionOptions,
    ) -> Result<Deletion, Refusal> {
        let kind = Arc::clone(self.kinds.get(target.kind));
        let old = self.stored(target)?;
        check_preconditions(&kind, &old, options)?;
        let mut object = (*old).clone();
        let grace = grace(target.kind, &old, options);
        let holders = holders(target.kind, &old, options);
        let held = !holders.is_empty()
            || (target.kind == kinds::NAMESPACES
                && !fields::list(&old, &["spec", "finalizers"]).is_empty());
        if !held && grace == 0 {
            return Ok(Deletion::Gone(match call.mode {
                Mode::Commit => self.remove(call, target, (old, object)),
                Mode::DryRun => Arc::new(object),
            }));
        }
        mark(&kind, &mut object, (call, grace));
        let metadata = fields::map_mut(&mut object, "metadata");
        if holders.is_empty() {
            metadata.remove("finalizers");
        } else {
            metadata.insert("finalizers".to_owned(), Value::Array(holders));
        }
        if target.kind == kinds::NAMESPACES {
            object["status"]["phase"] = json!("Terminating");
        }
        if object == *old || call.mode == Mode::DryRun {
            return Ok(Deletion::Begun(Arc::new(object)));
        }
        let draft = Draft {
            object: Locator::new(target.kind, target.namespace, target.name),
            what: What::Modified,
            old: Some(old),
            new: object,
            verb: Verb::Delete,
            part: Part::Whole,
        };
        Ok(Deletion::Begun(self.commit(call, draft)))
    }

    fn remove(
        &mut self,
        call: &Call,
        target: &Target<'_>,
        (old, new): (Arc<Value>, Value),
    ) -> Arc<Value> {
        self.commit(
            call,
            Draft {
                object: Locator::new(target.kind, target.namespace, target.name),
                what: What::Deleted,
                old: Some(old),
                new,
                verb: Verb::Delete,
                part: Part::Whole,
            },
        )
    }
}

fn check_preconditions(kind: &Kind, old: &Value, options: &DeletionOptions) -> Result<(), Refusal> {
    let name = fields::name(old);
    if let Some(uid) = &options.uid
        && uid != fields::uid(old)
    {
        return Err(Refusal::conflict(
            kind,
            name,
            &format!(
                "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                fields::uid(old)
            ),
        ));
    }
    if let Some(version) = &options.version
        && version != fields::version(old)
    {
        return Err(Refusal::conflict(
            kind,
            name,
            &format!(
                "Precondition failed: ResourceVersion in precondition: {version}, ResourceVersion in object meta: {}",
                fields::version(old)
            ),
        ));
    }
    Ok(())
}

/// How many seconds the object may take to end. Only pods on a node that have not ended take any.
fn grace(kind: KindId, old: &Value, options: &DeletionOptions) -> i64 {
    let ended = ["Succeeded", "Failed"].contains(&fields::text(old, &["status", "phase"]));
    if kind != kinds::PODS || ended || fields::text(old, &["spec", "nodeName"]).is_empty() {
        return 0;
    }
    let asked = options
        .grace_seconds
        .or_else(|| fields::number(old, &["spec", "terminationGracePeriodSeconds"]))
        .unwrap_or(POD_GRACE_SECONDS)
        .max(0);
    // A second request can only shorten what the first one granted.
    match fields::number(old, &["metadata", "deletionGracePeriodSeconds"]) {
        Some(granted) if fields::is_deleting(old) => asked.min(granted),
        Some(_) | None => asked,
    }
}

/// The finalizers that the object has from now on.
fn holders(kind: KindId, old: &Value, options: &DeletionOptions) -> Vec<Value> {
    let mut holders: Vec<Value> = fields::finalizers(old).to_vec();
    if kind == kinds::NAMESPACES {
        return holders;
    }
    let (wanted, unwanted): (Option<&str>, &[&str]) = match options.propagation {
        Propagation::Background => (None, &[FOREGROUND, ORPHAN]),
        Propagation::Foreground => (Some(FOREGROUND), &[ORPHAN]),
        Propagation::Orphan => (Some(ORPHAN), &[FOREGROUND]),
    };
    if !fields::is_deleting(old) {
        holders.retain(|holder| !unwanted.iter().any(|unwanted| holder == unwanted));
        if let Some(wanted) = wanted
            && !holders.iter().any(|holder| holder == wanted)
        {
            holders.push(json!(wanted));
        }
    }
    holders
}

/// Notes that the deletion has begun; raises the generation as a change of the spec would.
fn mark(kind: &Kind, object: &mut Value, (call, grace): (&Call, i64)) {
    let marked = fields::is_deleting(object);
    let granted = fields::number(object, &["metadata", "deletionGracePeriodSeconds"]);
    let generation = fields::number(object, &["metadata", "generation"]).unwrap_or(0);
    let metadata = fields::map_mut(object, "metadata");
    if marked && granted == Some(grace) {
        return;
    }
    let end = call
        .now
        .checked_add(SignedDuration::from_secs(grace))
        .unwrap_or(call.now);
    metadata.insert("deletionTimestamp".to_owned(), Value::String(instant(end)));
    metadata.insert("deletionGracePeriodSeconds".to_owned(), json!(grace));
    if !marked && kind.generation != Generation::None {
        metadata.insert("generation".to_owned(), json!(generation + 1));
    }
}
