//! Routers.

use tidegate_api::rollout::Rollout;
use tidegate_core::{
    observed::{Finding, Objects},
    plan::{ObjectKey, Route, Write},
};

/// What the routers of a Rollout read.
pub fn reads(_rollout: &Rollout) -> Vec<ObjectKey> {
    Vec::new()
}

/// What is wrong with the objects that the routers read.
pub fn findings(_rollout: &Rollout, _objects: &Objects) -> Vec<Finding> {
    Vec::new()
}

/// The writes that are still missing.
///
/// # Errors
/// A sentence for the user.
pub fn phrase(_route: &Route, _objects: &Objects) -> Result<Vec<Write>, String> {
    Ok(Vec::new())
}
