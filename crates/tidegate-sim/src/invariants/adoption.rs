//! ReplicaSets that nobody owns any more.

use tidegate_core::plan::{Guard, ObjectKey, REPLICA_SETS, Verb, Write};

use super::State;
use crate::cluster::{Locator, fields, kinds};

/// S0-20: what a deletion has left without an owner is not taken over for the owner that is going or gone. A
/// guard of another version than the newest is refused, and does no harm.
pub(super) fn for_the_living(state: &State, about: &ObjectKey, write: &Write) -> Option<String> {
    let target = &write.target;
    let owners = write
        .body
        .pointer("/metadata/ownerReferences")?
        .as_array()?;
    let set = Locator::new(kinds::REPLICA_SETS, &target.namespace, &target.name);
    let newest = fields::version(state.get(&set)?);
    let commits = match &write.guard {
        Guard::Version {
            resource_version, ..
        } => newest == resource_version.as_str(),
        Guard::Absent => true,
    };
    if target.resource != REPLICA_SETS || write.verb != Verb::Patch || !commits {
        return None;
    }
    let rollout = Locator::new(kinds::ROLLOUTS, &about.namespace, &about.name);
    let living = state
        .get(&rollout)
        .filter(|rollout| !fields::is_deleting(rollout));
    let uid = living.map_or("", |living| fields::uid(living));
    owners
        .iter()
        .any(|owner| owner["controller"] == true && fields::text(owner, &["uid"]) != uid)
        .then(|| format!("S0-20: {target} is taken over for {about}, which is going"))
}
