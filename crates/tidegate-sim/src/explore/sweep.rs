//! S2-7: wherever the controller is cut off, everything ends as if it had not been.
//!
//! A scenario is played undisturbed; then, for every single write of the controller, once more from
//! just before the pass of that write, with one thing going wrong at it.

mod losses;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use anyhow::{Context, bail};
use serde_json::Value;
use tidegate_api::{labels, meta::Time};

use self::losses::changed;
pub use self::losses::{Found, Losses};
use crate::{
    cluster::{
        Cluster, What, fields, istio,
        kinds::{self, KindId},
    },
    faults::{Broken, Cut},
    scenario::Scenario,
    trace::Keep,
    world::{People, Ran, World},
};

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Writes of the undisturbed run.
    pub writes: usize,
    /// Runs with something going wrong at a write.
    pub cuts: usize,
    /// Runs with a watch that lags behind.
    pub lags: usize,
    /// Runs with a watch that loses a change.
    pub losses: usize,
    /// Runs that were played to their end; all others came to a state from where another had gone on.
    pub whole: usize,
}

/// What goes wrong in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Something, at the write of this number.
    Cut(usize, Cut),
    /// From this look for work on, the watch of this kind lags behind by up to so many changes.
    Lag(u64, KindId, usize),
    /// From this look for work on, the watch of this kind loses its next change; when it is found.
    Loss(u64, KindId, Found),
    /// Every write is delivered twice.
    Twice,
}

/// What is tried.
#[derive(Clone, Copy, Debug)]
pub struct Faults<'a> {
    /// At every write.
    pub cuts: &'a [Cut],
    /// By how many changes each kind's watch lags behind, from each pass that writes on.
    pub lags: &'a [usize],
    /// Whether the watch of each kind loses a change, at one of those passes.
    pub losses: Losses,
}

/// Plays a scenario with each of these faults at every write.
///
/// # Errors
/// With the trace of the first run that breaks an invariant or ends otherwise.
pub fn sweep(
    text: &str,
    faults: &Faults<'_>,
    read: impl Fn(&str) -> anyhow::Result<String>,
) -> anyhow::Result<Swept> {
    sweep_with(text, faults, Broken::default(), read)
}

/// The same with a broken controller, to show that the sweep sees it.
///
/// # Errors
/// With the trace of the first run that breaks an invariant or ends otherwise.
pub fn sweep_with(
    text: &str,
    faults: &Faults<'_>,
    broken: Broken,
    read: impl Fn(&str) -> anyhow::Result<String>,
) -> anyhow::Result<Swept> {
    let scenario = Arc::new(Scenario::read(text)?);
    let begin = |keep| -> anyhow::Result<World> {
        let mut world = World::new(&scenario, keep, &read)?;
        world.break_controller(broken);
        Ok(world)
    };
    let mut undisturbed = begin(Keep::Nothing)?;
    undisturbed.keep_states();
    undisturbed.keep_snapshots();
    check(&mut undisturbed, &BTreeSet::new()).context("undisturbed")?;
    let snapshots = undisturbed.take_snapshots();
    let mut sweep = Sweep {
        expected: Ending::of(&undisturbed.cluster),
        known: undisturbed.take_states().into_iter().collect(),
        swept: Swept {
            writes: undisturbed.writes(),
            cuts: 0,
            lags: 0,
            losses: 0,
            whole: 0,
        },
    };
    let mut twice = begin(Keep::Nothing)?;
    twice.deliver_twice();
    if let Err(error) = sweep.try_out(&mut twice, Pace::Same) {
        let trace = retell(begin(Keep::Lines)?, Fault::Twice);
        bail!("everything delivered twice: {error:#}\n\n{trace}");
    }
    let mut lost = faults
        .losses
        .by_place((&snapshots, &undisturbed), &scenario);
    for (place, (first, snapshot)) in snapshots.iter().enumerate() {
        let next = snapshots.get(place + 1);
        let end = next.map_or_else(|| undisturbed.writes(), |(next, _)| *next);
        let later = next.map_or(&undisturbed, |(_, next)| next);
        let mut tried = faults.at((*first..end, snapshot), later);
        tried.extend(lost.remove(&place).unwrap_or_default());
        for fault in tried {
            if let Err((fault, people, error)) = sweep.try_in_turn(snapshot, fault) {
                let mut world = begin(Keep::Lines)?;
                world.let_people(people);
                let trace = retell(world, fault);
                bail!("{fault:?}, people {people:?}: {error:#}\n\n{trace}");
            }
            match fault {
                Fault::Cut(..) => sweep.swept.cuts += 1,
                Fault::Lag(..) => sweep.swept.lags += 1,
                Fault::Loss(..) => sweep.swept.losses += 1,
                Fault::Twice => {}
            }
        }
    }
    Ok(sweep.swept)
}

impl Faults<'_> {
    /// What can go wrong from the pass of these writes on; `later` is the world before the next one. A
    /// lag that begins before the same change as another is the same.
    fn at(&self, (writes, before): (Range<usize>, &World), later: &World) -> Vec<Fault> {
        let look = before.looks();
        let cuts = self.cuts.iter();
        let cuts = cuts.flat_map(|cut| writes.clone().map(move |at| Fault::Cut(at, *cut)));
        let kinds = changed(before, later);
        let lags = kinds.into_iter().flat_map(|kind| {
            let lags = self.lags.iter();
            lags.map(move |lag| Fault::Lag(look, kind, *lag))
        });
        cuts.chain(lags).collect()
    }
}

impl Fault {
    /// Whether it takes its time.
    fn pace(self) -> Pace {
        match self {
            Self::Cut(_, Cut::Throttled | Cut::Overlap) | Self::Lag(..) | Self::Loss(..) => {
                Pace::Slower
            }
            Self::Cut(..) | Self::Twice => Pace::Same,
        }
    }

    /// Lets it happen.
    fn strike(self, world: &mut World) {
        match self {
            Self::Cut(at, cut) => world.cut(at, cut),
            Self::Lag(look, kind, lag) => world.hold_back(look, kind, lag),
            Self::Loss(look, kind, found) => world.lose(look, kind, found.after()),
            Self::Twice => world.deliver_twice(),
        }
    }
}

/// How fast the controller is while something goes wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    Same,
    /// It does everything later: then a run that it ends has measured more often, or less.
    Slower,
}

/// A sweep under way.
struct Sweep {
    expected: Ending,
    /// The states that a run went on from, and ended as it should.
    known: BTreeSet<u64>,
    swept: Swept,
}

impl Sweep {
    /// Lets a fault strike. Where the story ends otherwise because it went on meanwhile, it must end as it
    /// should if people wait until the trouble is over; promises hold either way. A change that is lost for
    /// minutes may be more than people can make up for, such as a deadline: then it must if it is found soon.
    fn try_in_turn(&mut self, before: &World, fault: Fault) -> Result<(), Failed> {
        let mut result = self.try_with(before, fault, People::GoOn);
        let mut turns = vec![(fault, People::Wait)];
        if let Fault::Loss(look, kind, Found::Late) = fault {
            let soon = Fault::Loss(look, kind, Found::Soon);
            turns.push((soon, People::GoOn));
            turns.push((soon, People::Wait));
        }
        for (fault, people) in turns {
            match result {
                Err((_, Strayed::Perhaps)) => result = self.try_with(before, fault, people),
                Err((failed, Strayed::No)) => return Err(failed),
                Ok(()) => return Ok(()),
            }
        }
        result.map_err(|(failed, _)| failed)
    }

    fn try_with(
        &mut self,
        before: &World,
        fault: Fault,
        people: People,
    ) -> Result<(), (Failed, Strayed)> {
        let mut world = before.clone();
        world.let_people(people);
        fault.strike(&mut world);
        let Err(error) = self.try_out(&mut world, fault.pace()) else {
            return Ok(());
        };
        let mut broken = world.violations().iter();
        let went_on = world.went_on_in_trouble() || matches!(fault, Fault::Loss(..));
        let strayed = if went_on && broken.all(|broken| is_of_the_end(broken)) {
            Strayed::Perhaps
        } else {
            Strayed::No
        };
        Err(((fault, people, error), strayed))
    }

    fn try_out(&mut self, world: &mut World, pace: Pace) -> anyhow::Result<()> {
        world.keep_states();
        match check(world, &self.known)? {
            Ran::IntoTheKnown => {}
            Ran::ToItsEnd => {
                self.swept.whole += 1;
                let ending = Ending::of(&world.cluster);
                if let Some(difference) = self.expected.difference(&ending, pace) {
                    bail!("S2-7: it ends otherwise: {difference}");
                }
            }
        }
        self.known.extend(world.take_states());
        Ok(())
    }
}

/// What went wrong, with whom, and how it was told.
type Failed = (Fault, People, anyhow::Error);

/// Whether a story may have become another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strayed {
    Perhaps,
    No,
}

/// Whether something is broken that only says how the story should have ended.
fn is_of_the_end(broken: &str) -> bool {
    broken.starts_with("L-1: it ends ")
}

fn check(world: &mut World, known: &BTreeSet<u64>) -> anyhow::Result<Ran> {
    let ran = world.run_unless(known)?;
    if !world.violations().is_empty() {
        bail!("{}", world.violations().join("\n"));
    }
    Ok(ran)
}

/// The trace of a run from the beginning with one fault.
fn retell(mut world: World, fault: Fault) -> String {
    fault.strike(&mut world);
    // What went wrong is told by whoever asks for the trace.
    let _known = world.run();
    world.trace().text()
}

/// The kinds whose objects are compared.
const COMPARED: [KindId; 8] = [
    kinds::ROLLOUTS,
    kinds::REPLICA_SETS,
    kinds::SERVICES,
    kinds::INGRESSES,
    istio::VIRTUAL_SERVICES,
    istio::DESTINATION_RULES,
    kinds::ANALYSIS_RUNS,
    kinds::EXPERIMENTS,
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

    fn difference(&self, other: &Self, pace: Pace) -> Option<String> {
        if self.created != other.created {
            return Some(format!(
                "created {:?}, not {:?}",
                other.created, self.created
            ));
        }
        for (name, object) in &self.objects {
            match other.objects.get(name) {
                None => return Some(format!("{name} is missing")),
                Some(found)
                    if pace == Pace::Slower
                        && object["kind"] == "AnalysisRun"
                        && found["spec"]["metrics"] == object["spec"]["metrics"] => {}
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
const MASKED: [&str; 10] = [
    "uid",
    "resourceVersion",
    "generation",
    "observedGeneration",
    "workloadObservedGeneration",
    labels::WORKLOAD_GENERATION,
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
