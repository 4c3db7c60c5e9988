//! What steps are, and what becomes of a run when one fails.

use super::{Failure, Step};
use crate::plan::{Class, PODS, Verb, Write};

/// What a failed write means for the rest of the run.
pub(super) enum Fate {
    /// Nothing else is done.
    Ends,
    /// The others are done; this one is tried again by a later pass.
    SetAside,
    /// The others are done, and nothing is missing.
    Skipped,
    /// Only what leaves nobody worse off is done.
    Waits,
}

/// Whether a step moves traffic or takes something away, so that what was observed must still hold.
pub(super) fn needs_a_look(step: &Step) -> bool {
    matches!(step, Step::Write(write) if matches!(write.class, Class::Traffic | Class::Destructive))
}

pub(super) fn moves_traffic(step: &Step) -> bool {
    match step {
        Step::Route(_) => true,
        Step::Look(_) => false,
        Step::Write(write) => write.class == Class::Traffic,
    }
}

/// One pod never blocks others (S1-24): what goes wrong with it alone is left to a later pass. An
/// eviction that may have happened ends the run, for nothing may be scaled down beside it.
pub(super) fn fate(write: &Write, failure: &Failure) -> Fate {
    if write.target.resource != PODS {
        return if matches!(failure, Failure::Contested(_)) {
            Fate::Waits
        } else {
            Fate::Ends
        };
    }
    match (failure, write.verb) {
        (Failure::NotFound | Failure::Protected(_), _) => Fate::Skipped,
        (Failure::Conflict | Failure::Unknown(_), Verb::Evict)
        | (Failure::AlreadyExists | Failure::Unavailable(_) | Failure::Inexpressible(_), _) => {
            Fate::Ends
        }
        (Failure::Refused(_) | Failure::Contested(_), _)
        | (
            Failure::Conflict | Failure::Unknown(_),
            Verb::Create | Verb::Patch | Verb::PatchStatus | Verb::Delete,
        ) => Fate::SetAside,
    }
}
