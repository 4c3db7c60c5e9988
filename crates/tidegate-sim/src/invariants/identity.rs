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

/// S1-14: for one place of an update there is one AnalysisRun and one Experiment under way, and its name
/// says which place that is.
pub(super) fn one_attempt_at_a_time(deed: &Deed<'_>) -> Option<String> {
    let change = deed.change;
    let (kind, one) = (change.object.kind, &*change.new);
    let created = change.what == What::Added && change.actor == CONTROLLER;
    let separator = match kind {
        kinds::ANALYSIS_RUNS => '.',
        kinds::EXPERIMENTS => '-',
        _ => return None,
    };
    if !created || fields::controller_uid(one) != deed.after.uid {
        return None;
    }
    let (name, slot) = (fields::name(one), slot(one, deed.after.name()));
    let counted = |rest: &str| rest.strip_prefix(separator)?.parse::<u32>().ok();
    let fits = |rest: &str| rest.is_empty() || counted(rest).is_some();
    if !name.strip_prefix(slot.as_str()).is_some_and(fits) {
        return Some(format!("S1-14: {name} is made for {slot}"));
    }
    let mut others = deed.state.of(kind).filter(|other| {
        fields::controller_uid(other) == deed.after.uid
            && fields::name(other) != name
            && self::slot(other, deed.after.name()) == slot
            && is_under_way(other)
    });
    let other = fields::name(others.next()?);
    Some(format!("S1-14: {name} is made beside {other}"))
}

/// What the name of an AnalysisRun or Experiment begins with that is made for this place.
fn slot(object: &Value, rollout: &str) -> String {
    let revision = fields::text(object, &["metadata", "annotations", labels::REVISION]);
    let version = format!("{rollout}-{}-{revision}", hash_of(object));
    let label = |name: &str| fields::text(object, &["metadata", "labels", name]).to_owned();
    match label(labels::ROLLOUT_TYPE).as_str() {
        labels::ROLLOUT_TYPE_STEP => format!("{version}-{}", label(labels::STEP_INDEX)),
        labels::ROLLOUT_TYPE_BACKGROUND => version,
        labels::ROLLOUT_TYPE_PRE_PROMOTION => format!("{version}-pre"),
        labels::ROLLOUT_TYPE_POST_PROMOTION => format!("{version}-post"),
        _ => format!("{version}-{}", slot_of_step(object, rollout)),
    }
}

/// The step of an Experiment, which only its name says: after the Rollout's, the hash and the revision.
pub(super) fn slot_of_step<'a>(object: &'a Value, rollout: &str) -> &'a str {
    let prefix = format!("{rollout}-{}-", hash_of(object));
    let rest = fields::name(object).strip_prefix(&prefix);
    rest.and_then(|rest| rest.split('-').nth(1))
        .unwrap_or_default()
}

pub(super) fn is_under_way(object: &Value) -> bool {
    let phase = fields::text(object, &["status", "phase"]);
    let is_over = ["Successful", "Failed", "Error", "Inconclusive"].contains(&phase);
    !is_over && object["spec"]["terminate"] != true && !fields::is_deleting(object)
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

/// S1-13: a version that becomes the new one has a higher revision than all others, also if it was there
/// before.
pub(super) fn revisions_rise(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    let ours = deed.change.object.kind == kinds::ROLLOUTS && deed.change.actor == CONTROLLER;
    if !ours || before.current.is_empty() || before.current == after.current {
        return None;
    }
    let sets = deed.state.of(kinds::REPLICA_SETS);
    let own = sets.filter(|set| fields::controller_uid(set) == after.uid);
    let (same, others): (Vec<_>, Vec<_>) = own.partition(|set| hash_of(set) == after.current);
    let number = same.iter().map(|set| revision(set)).max()?;
    let other = others.into_iter().find(|set| revision(set) >= number)?;
    let (name, known) = (fields::name(other), revision(other));
    Some(format!(
        "S1-13: the new version has revision {number}, {name} has {known}"
    ))
}

fn revision(set: &Value) -> i64 {
    fields::text(set, &["metadata", "annotations", labels::REVISION])
        .parse()
        .unwrap_or(0)
}
