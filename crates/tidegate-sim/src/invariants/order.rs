//! What a write was decided on: nothing older than what the same controller has written, and nothing
//! that is another object by now.

use jiff::SignedDuration;
use tidegate_core::plan::{Class, ROLLOUTS, Verb};

use super::{Deed, Sent, State, memory::Memory};
use crate::cluster::{Locator, What, fields, kinds};

/// How soon after a conflict the same object may be tried again, as long as nothing new was seen.
const SOON: SignedDuration = SignedDuration::from_millis(50);

/// S2-3: a pass is decided on nothing older than what earlier passes of the same process wrote.
pub(super) fn own_writes_are_seen(memory: &Memory, sent: &Sent<'_>) -> Option<String> {
    let written = memory
        .written
        .get(&(sent.cause.process, sent.about.clone()))?;
    // What this very pass has written, it knows.
    let (kind, version) = written.iter().find(|(kind, version)| {
        let earlier = **version <= sent.cause.version;
        earlier && sent.cause.knows(**kind) && sent.cause.saw(**kind) < **version
    })?;
    let seen = sent.cause.saw(*kind);
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
    let news = sent.cause.saw(place.kind) > *seen;
    (!waited && !news).then(|| {
        format!(
            "S2-12: {} is tried again at once after a conflict",
            sent.write.target
        )
    })
}

/// S0-17: nothing is taken away, and no traffic moved, while a Service that the Rollout names is known
/// to be missing.
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
    let canary = &rollout["spec"]["strategy"]["canary"];
    let names = ["stableService", "canaryService"].map(|member| fields::text(canary, &[member]));
    let missing = names
        .into_iter()
        .filter(|name| !name.is_empty())
        .find(|name| {
            let place = Locator::new(kinds::SERVICES, namespace, name);
            let known = memory.gone.get(&place).copied().unwrap_or(0);
            state.get(&place).is_none() && known <= sent.cause.saw(kinds::SERVICES)
        })?;
    Some(format!(
        "S0-17: {} is written while Service {missing} is missing",
        sent.write.target
    ))
}

/// S2-4: what is written is the very object that was looked at, not one that took its place.
pub(super) fn the_same_object(deed: &Deed<'_>) -> Option<String> {
    let cause = deed.cause?;
    let change = deed.change;
    let born = deed.memory.born.get(&change.object).copied().unwrap_or(0);
    let seen = cause.saw(change.object.kind);
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
    let seen = cause.saw(change.object.kind);
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
