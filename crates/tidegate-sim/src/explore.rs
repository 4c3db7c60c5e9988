//! Runs scenarios: as they stand, and with everything that can go wrong.

pub mod sweep;

use std::sync::Arc;

use anyhow::bail;

use crate::{scenario::Scenario, trace::Keep, world::World};

/// Plays a scenario; its trace. `read` finds the manifests that it names.
///
/// # Errors
/// When the scenario cannot be played, or an invariant is broken: then the trace is in the error.
pub fn play(text: &str, read: impl Fn(&str) -> anyhow::Result<String>) -> anyhow::Result<String> {
    let scenario = Arc::new(Scenario::read(text)?);
    let mut world = World::new(&scenario, Keep::Lines, read)?;
    world.run()?;
    let trace = world.trace().text();
    if !world.violations().is_empty() {
        bail!("{}\n\n{trace}", world.violations().join("\n"));
    }
    Ok(format!("{}\n\n{trace}", scenario.about))
}
