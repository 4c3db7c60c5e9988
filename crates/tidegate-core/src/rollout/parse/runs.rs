//! AnalysisRuns and Experiments: the Rollout's own, by name, and the names of others.

use std::sync::Arc;

use tidegate_api::rollout::Rollout;

use crate::rollout::desired::trials::{Trial, Trying};

/// Those that the Rollout controls.
pub(super) fn own<T: Trying>(rollout: &Rollout, all: &[Arc<T>]) -> Vec<Trial<T>> {
    let mut own: Vec<Trial<T>> = all
        .iter()
        .filter(|one| is_own(rollout, &***one))
        .map(Trial::new)
        .collect();
    own.sort_by(|first, second| first.name.cmp(&second.name));
    own
}

/// The names of all others.
pub(super) fn foreign<T: Trying>(rollout: &Rollout, all: &[Arc<T>]) -> Vec<String> {
    all.iter()
        .filter(|one| !is_own(rollout, &***one))
        .map(|one| one.metadata().name.clone())
        .collect()
}

fn is_own(rollout: &Rollout, one: &impl Trying) -> bool {
    let owner = one.metadata().controller();
    owner.is_some_and(|owner| owner.uid == rollout.metadata.uid)
}
