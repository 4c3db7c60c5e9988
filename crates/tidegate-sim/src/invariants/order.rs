//! What a write was decided on: nothing older than what the same controller has written, and nothing
//! that is another object by now.

use jiff::SignedDuration;
use serde_json::Value;
use tidegate_core::plan::{ANALYSIS_RUNS, Class, Guard, ROLLOUTS, Verb};

use super::{Deed, Sent, State, memory::Memory, mesh};
use crate::cluster::{
    Locator, What, fields,
    kinds::{self, KindId},
};

/// How soon after a conflict the same object may be tried again, as long as nothing new was seen.
const SOON: SignedDuration = SignedDuration::from_millis(50);

/// S0-18: a controller that starts writes nothing before it has listed every kind.
pub(super) fn everything_was_listed(memory: &Memory, sent: &Sent<'_>) -> Option<String> {
    let started = memory.started.get(&sent.cause.process)?;
    let mut seen = sent.cause.sight.seen.iter();
    let is_early = seen.any(|(_, version)| version < started);
    let target = &sent.write.target;
    is_early.then(|| format!("S0-18: {target} is written before every kind was listed"))
}

/// Whether a pass over an AnalysisRun knows a write without its watch: Jobs are read where they are, and a status that
/// goes on from one that was written says so by its guard.
fn is_known_otherwise(sent: &Sent<'_>, (kind, version): (KindId, u64)) -> bool {
    if sent.about.resource != ANALYSIS_RUNS {
        return false;
    }
    let goes_on = match &sent.write.guard {
        Guard::Version {
            resource_version, ..
        } => *resource_version == version.to_string(),
        Guard::Absent => false,
    };
    kind == kinds::JOBS || sent.write.target.resource.kind == "Job" || goes_on
}

/// S2-3: a pass is decided on nothing older than what earlier passes of the same process wrote, as far as the
/// watches say: against one that has lost a write there are only the guards.
pub(super) fn own_writes_are_seen(memory: &Memory, sent: &Sent<'_>) -> Option<String> {
    let written = memory
        .written
        .get(&(sent.cause.process, sent.about.clone()))?;
    // What this very pass has written, it knows.
    let (kind, version) = written.iter().find(|(kind, version)| {
        let earlier = **version <= sent.cause.version;
        let unseen = sent.cause.knows(**kind) && sent.cause.claimed(**kind) < **version;
        earlier && unseen && !is_known_otherwise(sent, (**kind, **version))
    })?;
    let seen = sent.cause.claimed(*kind);
    let target = &sent.write.target;
    Some(format!(
        "S2-3: {target} is written on version {seen} of what the controller itself wrote at {version}"
    ))
}

/// S2-12: after a conflict the object is not tried again at once, unless there was news of its kind.
pub(super) fn conflicts_are_waited_for(memory: &Memory, sent: &Sent<'_>) -> Option<String> {
    let place = sent.place?;
    let key = (sent.cause.process, place.clone());
    let (since, seen) = memory.conflicts.get(&key)?;
    let waited = sent.now.duration_since(*since) >= SOON;
    let news = sent.cause.claimed(place.kind) > *seen;
    (!waited && !news).then(|| {
        format!(
            "S2-12: {} is tried again at once after a conflict",
            sent.write.target
        )
    })
}

/// S0-17: nothing is taken away, and no traffic moved, while a Service, an Ingress or an object of
/// Istio's that the Rollout names is known to be missing.
pub(super) fn unknown_means_hold(
    (memory, state): (&Memory, &State),
    sent: &Sent<'_>,
) -> Option<String> {
    let moves = match sent.write.class {
        Class::Traffic | Class::Destructive => true,
        Class::Additive | Class::Status | Class::Meta => false,
    };
    if !moves || sent.about.resource != ROLLOUTS {
        return None;
    }
    let (namespace, name) = (&sent.about.namespace, &sent.about.name);
    let rollout = state.get(&Locator::new(kinds::ROLLOUTS, namespace, name))?;
    let named = named_services(rollout)
        .map(|name| Locator::new(kinds::SERVICES, namespace, name))
        .chain(mesh::named_by(rollout))
        .chain(
            named_ingresses(rollout).map(|name| Locator::new(kinds::INGRESSES, namespace, name)),
        );
    let missing = named.filter(|place| !place.name.is_empty()).find(|place| {
        let known = memory.gone.get(place).copied().unwrap_or(0);
        state.get(place).is_none() && known <= sent.cause.saw_of(place)
    })?;
    Some(format!(
        "S0-17: {} is written while {} is missing",
        sent.write.target, missing.name
    ))
}

/// The Services that a Rollout names.
pub(super) fn named_services(rollout: &Value) -> impl Iterator<Item = &str> {
    let strategy = &rollout["spec"]["strategy"];
    let paths: [&[&str]; 6] = [
        &["canary", "stableService"],
        &["canary", "canaryService"],
        &["canary", "pingPong", "pingService"],
        &["canary", "pingPong", "pongService"],
        &["blueGreen", "activeService"],
        &["blueGreen", "previewService"],
    ];
    let names = paths
        .into_iter()
        .map(move |path| fields::text(strategy, path));
    names.filter(|name| !name.is_empty())
}

/// The Ingresses that a Rollout names.
fn named_ingresses(rollout: &Value) -> impl Iterator<Item = &str> {
    let nginx = &rollout["spec"]["strategy"]["canary"]["trafficRouting"]["nginx"];
    let several = fields::list(nginx, &["stableIngresses"]).iter();
    let one = fields::text(nginx, &["stableIngress"]);
    std::iter::once(one).chain(several.filter_map(Value::as_str))
}

/// S2-4: what is written is the very object that was looked at, not one that took its place.
pub(super) fn the_same_object(deed: &Deed<'_>) -> Option<String> {
    let cause = deed.cause?;
    let change = deed.change;
    let born = deed.memory.born.get(&change.object).copied().unwrap_or(0);
    let seen = cause.saw_of(&change.object);
    let is_new = match change.what {
        What::Added => false,
        What::Modified | What::Deleted => born > seen && born <= cause.version,
    };
    (is_new && cause.knows(change.object.kind)).then(|| {
        format!(
            "S2-4: {} was written, which came to be after what was looked at",
            change.object.name
        )
    })
}

/// S1-8: what a person wrote is not overwritten by somebody who has not seen it.
pub(super) fn users_are_heard(deed: &Deed<'_>) -> Option<String> {
    let cause = deed.cause?;
    let change = deed.change;
    let asked = deed.memory.asked.get(&change.object).copied()?;
    let seen = cause.saw_of(&change.object);
    (cause.knows(change.object.kind) && seen < asked).then(|| {
        format!(
            "S1-8: {} is written on version {seen}, which lacks what a person wrote at {asked}",
            change.object.name
        )
    })
}

/// Whether a write may meet a conflict: creates meet names that are taken.
pub(super) fn can_conflict(verb: Verb) -> bool {
    match verb {
        Verb::Patch | Verb::PatchStatus | Verb::Delete | Verb::Evict => true,
        Verb::Create => false,
    }
}
