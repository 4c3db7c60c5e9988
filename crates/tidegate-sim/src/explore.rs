//! Runs scenarios: as they stand, and with everything that can go wrong.

pub mod sweep;

use std::sync::Arc;

use anyhow::bail;

use crate::{scenario::Scenario, trace::Keep, world::World};

/// Plays a scenario twice, and both times it must be told in the same words and go through the same
/// states; its trace. `read` finds the manifests that it names.
///
/// # Errors
/// When the scenario cannot be played, or an invariant is broken: then the trace is in the error.
pub fn play(text: &str, read: impl Fn(&str) -> anyhow::Result<String>) -> anyhow::Result<String> {
    let scenario = Arc::new(Scenario::read(text)?);
    let tell = || -> anyhow::Result<(World, Vec<u64>)> {
        let mut world = World::new(&scenario, Keep::Lines, &read)?;
        world.keep_states();
        world.doubt_caches();
        world.run()?;
        let states = world.take_states();
        Ok((world, states))
    };
    let (world, states) = tell()?;
    let trace = world.trace().text();
    if !world.violations().is_empty() {
        bail!("{}\n\n{trace}", world.violations().join("\n"));
    }
    let (again, other) = tell()?;
    if again.trace().text() != trace || other != states {
        bail!(
            "the same story is told otherwise a second time\n\n{trace}\n\n{}",
            again.trace().text()
        );
    }
    Ok(format!("{}\n\n{trace}", scenario.about))
}
