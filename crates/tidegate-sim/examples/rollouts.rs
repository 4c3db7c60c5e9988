//! How fast scenarios are: whole canaries behind NGINX, from the first version to the second, with
//! every invariant checked at every write. `cargo run --release -p tidegate-sim --example rollouts`.

use std::{io::Write as _, sync::Arc, time::Instant};

use anyhow::ensure;
use tidegate_sim::{scenario::Scenario, trace::Keep, world::World};

/// The allocator of the shipped programs that run the simulator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many rollouts are measured, unless the first argument says.
const ROLLOUTS: u32 = 2_000;

/// Five replicas, five weights, four pauses.
const STORY: &str = "
about: What is measured.
rollout:
  replicas: 5
  router: nginx
  steps: [{ setWeight: 5 }, { pause: { duration: 2m } }, { setWeight: 20 }, { pause: { duration: 5m } }, { setWeight: 50 }, { pause: { duration: 10m } }, { setWeight: 100 }]
story:
  - { when: Healthy, user: set image v2 }
ends: Healthy v2
";

fn main() -> anyhow::Result<()> {
    let rollouts = std::env::args().nth(1);
    let rollouts = rollouts.map_or(Ok(ROLLOUTS), |number| number.parse())?;
    let scenario = Arc::new(Scenario::read(STORY)?);
    let begun = Instant::now();
    let (mut writes, mut changes) = (0, 0);
    for _ in 0..rollouts {
        let mut world = World::new(&scenario, Keep::Nothing, |path| anyhow::bail!("no {path}"))?;
        world.run()?;
        ensure!(world.violations().is_empty(), "{:?}", world.violations());
        writes += world.writes();
        changes += world.cluster.version();
    }
    let seconds = begun.elapsed().as_secs_f64();
    let each = u64::from(rollouts);
    writeln!(
        std::io::stdout(),
        "{:.0} rollouts/s on one core with all invariants; {} writes of the controller and {} changes each",
        f64::from(rollouts) / seconds,
        u64::try_from(writes)? / each,
        changes / each,
    )?;
    Ok(())
}
