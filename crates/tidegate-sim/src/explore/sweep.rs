//! S2-7: wherever the controller is cut off, everything ends as if it had not been.
//!
//! A scenario is played undisturbed; then, for every single write of the controller, once more from
//! just before the pass of that write, with one thing going wrong at it.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context, bail};
use serde_json::Value;
use tidegate_api::meta::Time;

use crate::{
    cluster::{
        Cluster, What, fields, istio,
        kinds::{self, KindId},
    },
    faults::{Cut, Tamper},
    scenario::Scenario,
    trace::Keep,
    world::World,
};

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Writes of the undisturbed run.
    pub writes: usize,
    /// Runs with something going wrong.
    pub runs: usize,
}

/// Plays a scenario with each of these cuts at every write.
///
/// # Errors
/// With the trace of the first run that breaks an invariant or ends otherwise.
pub fn sweep(
    text: &str,
    cuts: &[Cut],
    read: impl Fn(&str) -> anyhow::Result<String>,
) -> anyhow::Result<Swept> {
    sweep_with(text, cuts, None, read)
}

/// The same with a broken controller, to show that the sweep sees it.
///
/// # Errors
/// With the trace of the first run that breaks an invariant or ends otherwise.
pub fn sweep_with(
    text: &str,
    cuts: &[Cut],
    tamper: Option<Tamper>,
    read: impl Fn(&str) -> anyhow::Result<String>,
) -> anyhow::Result<Swept> {
    let scenario = Arc::new(Scenario::read(text)?);
    let begin = |keep| -> anyhow::Result<World> {
        let mut world = World::new(&scenario, keep, &read)?;
        if let Some(tamper) = tamper {
            world.tamper(tamper);
        }
        Ok(world)
    };
    let mut undisturbed = begin(Keep::Nothing)?;
    undisturbed.keep_snapshots();
    check(&mut undisturbed).context("undisturbed")?;
    let expected = Ending::of(&undisturbed.cluster);
    let snapshots = undisturbed.take_snapshots();
    let mut runs = 0;
    for (place, (first, snapshot)) in snapshots.iter().enumerate() {
        let end = snapshots
            .get(place + 1)
            .map_or_else(|| undisturbed.writes(), |(next, _)| *next);
        for at in *first..end {
            for cut in cuts {
                let mut world = snapshot.clone();
                world.cut(at, *cut);
                runs += 1;
                if let Err(error) = same(&mut world, &expected) {
                    let trace = retell(begin(Keep::Lines)?, (at, *cut));
                    bail!("{cut:?} at write {at}: {error:#}\n\n{trace}");
                }
            }
        }
    }
    Ok(Swept {
        writes: undisturbed.writes(),
        runs,
    })
}

fn same(world: &mut World, expected: &Ending) -> anyhow::Result<()> {
    check(world)?;
    match expected.difference(&Ending::of(&world.cluster)) {
        Some(difference) => bail!("S2-7: it ends otherwise: {difference}"),
        None => Ok(()),
    }
}

fn check(world: &mut World) -> anyhow::Result<()> {
    world.run()?;
    if !world.violations().is_empty() {
        bail!("{}", world.violations().join("\n"));
    }
    Ok(())
}

/// The trace of a run from the beginning with one cut.
fn retell(mut world: World, (at, cut): (usize, Cut)) -> String {
    world.cut(at, cut);
    // What went wrong is told by whoever asks for the trace.
    let _known = world.run();
    world.trace().text()
}

/// The kinds whose objects are compared.
const COMPARED: [KindId; 7] = [
    kinds::ROLLOUTS,
    kinds::REPLICA_SETS,
    kinds::SERVICES,
    kinds::INGRESSES,
    istio::VIRTUAL_SERVICES,
    istio::DESTINATION_RULES,
    kinds::ANALYSIS_RUNS,
];

/// How a run ended, without what may differ: versions, uids, generations and instants.
#[derive(Debug, PartialEq)]
struct Ending {
    objects: BTreeMap<String, Value>,
    /// How often an object of each kind was created, which no crash may repeat.
    created: BTreeMap<KindId, usize>,
}

impl Ending {
    fn of(cluster: &Cluster) -> Self {
        let mut objects = BTreeMap::new();
        let mut created: BTreeMap<KindId, usize> = BTreeMap::new();
        for kind in COMPARED.into_iter().filter(|kind| cluster.serves(*kind)) {
            for object in cluster.in_namespace(kind, None) {
                let mut object = (**object).clone();
                let name = format!(
                    "{} {}",
                    fields::text(&object, &["kind"]),
                    fields::name(&object)
                );
                mask(&mut object);
                objects.insert(name, object);
            }
        }
        let changes = cluster
            .changes_since(0)
            .expect("the simulated cluster forgets nothing");
        for change in changes {
            let counts = change.what == What::Added && COMPARED.contains(&change.object.kind);
            if counts {
                *created.entry(change.object.kind).or_default() += 1;
            }
        }
        Self { objects, created }
    }

    fn difference(&self, other: &Self) -> Option<String> {
        if self.created != other.created {
            return Some(format!(
                "created {:?}, not {:?}",
                other.created, self.created
            ));
        }
        for (name, object) in &self.objects {
            match other.objects.get(name) {
                None => return Some(format!("{name} is missing")),
                Some(found) if found != object => {
                    return Some(format!("{name}{}", first_difference(object, found, "")));
                }
                Some(_) => {}
            }
        }
        let more = other
            .objects
            .keys()
            .find(|name| !self.objects.contains_key(*name));
        more.map(|name| format!("{name} is there"))
    }
}

/// Members that may differ.
const MASKED: [&str; 8] = [
    "uid",
    "resourceVersion",
    "generation",
    "observedGeneration",
    "creationTimestamp",
    "managedFields",
    "duration",
    "clusterIP",
];

fn mask(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !MASKED.contains(&name.as_str()));
            members.values_mut().for_each(mask);
        }
        Value::Array(list) => {
            list.iter_mut().for_each(mask);
            // Conditions stand in the order of their last change.
            list.sort_by(|first, second| {
                fields::text(first, &["type"]).cmp(fields::text(second, &["type"]))
            });
        }
        Value::String(text) => {
            if text.parse::<Time>().is_ok() {
                "an instant".clone_into(text);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn first_difference(expected: &Value, found: &Value, path: &str) -> String {
    if let (Some(before), Some(after)) = (expected.as_object(), found.as_object()) {
        for name in before.keys().chain(after.keys()) {
            let (one, other) = (&expected[name], &found[name]);
            if one != other {
                return first_difference(one, other, &format!("{path}.{name}"));
            }
        }
    }
    format!("{path} is {found}, not {expected}")
}
