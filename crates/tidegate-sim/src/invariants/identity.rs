//! Which ReplicaSet belongs to which template.

use serde_json::Value;
use tidegate_api::{labels, pod_template};

use super::{Deed, picture::hash_of};
use crate::{
    cluster::{What, fields, kinds},
    world::CONTROLLER,
};

/// S1-13: a template has one ReplicaSet: none is created for a hash or a template that has one, and each
/// new one has a higher revision than all others.
pub(super) fn one_replica_set_per_template(deed: &Deed<'_>) -> Option<String> {
    let change = deed.change;
    let created = match change.what {
        What::Added => change.object.kind == kinds::REPLICA_SETS && change.actor == CONTROLLER,
        What::Modified | What::Deleted => false,
    };
    let set = &*change.new;
    if !created || fields::controller_uid(set) != deed.after.uid {
        return None;
    }
    let name = fields::name(set);
    let mut others = deed.state.of(kinds::REPLICA_SETS).filter(|other| {
        fields::controller_uid(other) == deed.after.uid && fields::name(other) != name
    });
    others.find_map(|other| {
        let known = fields::name(other);
        if hash_of(other) == hash_of(set) {
            return Some(format!(
                "S1-13: {name} is created beside {known} of the same hash"
            ));
        }
        let template = |set: &Value| set["spec"]["template"].clone();
        if pod_template::equal_ignoring_hash(&template(other), &template(set)) {
            return Some(format!(
                "S1-13: {name} is created beside {known} of the same template"
            ));
        }
        let (before, now) = (revision(other), revision(set));
        (now <= before).then(|| format!("S1-13: {name} has revision {now}, {known} has {before}"))
    })
}

/// S2-9: a name that is taken counts as a collision only if what has it is not ours with this template.
pub(super) fn collisions_are_real(deed: &Deed<'_>) -> Option<String> {
    let change = deed.change;
    if change.object.kind != kinds::ROLLOUTS || change.actor != CONTROLLER {
        return None;
    }
    let count = |object: &Value| fields::number(object, &["status", "collisionCount"]).unwrap_or(0);
    let before = change.old.as_deref().map_or(0, count);
    let template = &change.new["spec"]["template"];
    if count(&change.new) <= before || template.is_null() {
        return None;
    }
    let own = deed.state.of(kinds::REPLICA_SETS).find(|set| {
        fields::controller_uid(set) == deed.after.uid
            && pod_template::equal_ignoring_hash(&set["spec"]["template"], template)
    })?;
    Some(format!(
        "S2-9: a collision is counted, and {} is its own",
        fields::name(own)
    ))
}

fn revision(set: &Value) -> i64 {
    fields::text(set, &["metadata", "annotations", labels::REVISION])
        .parse()
        .unwrap_or(0)
}
