//! Is somebody taking our writes back? Then they are repeated ever more seldom, and no stage of an update
//! rests on the field (S2-11).

mod fighter;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

pub use fighter::OURS;
use fighter::fighter;

use crate::{
    plan::{Class, Event, ObjectKey, PODS, Plan, REPLICA_SETS, Route, Verb, Write},
    run::{Outcome, Step},
};

/// How long the second rewrite waits; each further one waits twice as long. The first goes at once: it
/// repairs what drifted, or what somebody changed by mistake.
const FIRST: SignedDuration = SignedDuration::from_secs(1);
/// The longest wait: as long as tools that reconcile with a repository commonly take.
const LONGEST: SignedDuration = SignedDuration::from_mins(5);
/// How long a field must stand after a rewrite before anything rests on it: tools that heal by themselves
/// come sooner.
const STANDS: SignedDuration = SignedDuration::from_secs(30);
/// Who leaves a field alone for so much longer than the last wait has given up.
const QUIET: SignedDuration = SignedDuration::from_mins(10);
/// So many patches of one object are remembered; nobody writes more that have no field in common.
const MOST: usize = 8;

/// A write that somebody takes back each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contested {
    /// The object.
    pub target: ObjectKey,
    /// When the field may be written again, or relied upon.
    pub until: Timestamp,
}

/// What is known of a write that would be the same once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// When it may be sent.
    pub at: Timestamp,
    /// How long it waits after the last one.
    pub delay: SignedDuration,
    /// When the last one committed.
    pub since: Timestamp,
    /// Whether this is news: users are told once for each wait.
    pub news: bool,
}

/// A patch that has committed, and how often it had to be repeated.
#[derive(Clone, Debug)]
struct Patch {
    target: ObjectKey,
    /// As text, which is a tenth of the size.
    body: Box<str>,
    at: Timestamp,
    rewrites: u32,
    /// For how many rewrites users were told.
    told: u32,
}

/// The patches of one owner's passes.
#[derive(Clone, Debug, Default)]
struct Owner {
    stage: String,
    patches: Vec<Patch>,
}

/// What this process has written, by owner and object. Another process begins anew.
#[derive(Clone, Debug, Default)]
pub struct Contests {
    owners: BTreeMap<ObjectKey, Owner>,
    /// When what is over was last forgotten.
    swept: Option<Timestamp>,
}

impl Contests {
    /// A pass over `owner` is about to be carried out. Another version, or an abort, says another word, and
    /// says it at once: nobody waits for users to be brought back.
    pub fn begin(&mut self, owner: &ObjectKey, plan: &Plan) {
        let (Some(status), Some(known)) = (&plan.status, self.owners.get_mut(owner)) else {
            return;
        };
        let stage = format!("{} {}", status.current_pod_hash, status.abort);
        if known.stage != stage {
            if !known.stage.is_empty() {
                known.patches.clear();
            }
            known.stage = stage;
        }
    }

    /// What is known of a write if it was taken back more than once. `None` for all others, which may go.
    pub fn turn(&mut self, owner: &ObjectKey, write: &Write, now: Timestamp) -> Option<Turn> {
        if write.verb != Verb::Patch {
            return None;
        }
        let mut patches = self.owners.get_mut(owner)?.patches.iter_mut();
        let known = patches.find(|known| known.says(write))?;
        if known.rewrites == 0 || known.is_over(now) {
            return None;
        }
        let news = known.rewrites > known.told;
        known.told = known.rewrites;
        Some(Turn {
            at: later(known.at, known.delay()),
            delay: known.delay(),
            since: known.at,
            news,
        })
    }

    /// Notes a write that has committed; nothing is known of one whose answer was lost.
    pub fn record(
        &mut self,
        owner: &ObjectKey,
        (write, outcome): (&Write, &Outcome),
        now: Timestamp,
    ) {
        if write.verb != Verb::Patch || matches!(outcome, Outcome::Failed(_)) {
            return;
        }
        self.sweep(now);
        let patches = &mut self.owners.entry(owner.clone()).or_default().patches;
        patches.retain(|known| !known.is_over(now));
        if let Some(known) = patches.iter_mut().find(|known| known.says(write)) {
            known.rewrites = known.rewrites.saturating_add(1);
            known.at = now;
            known.body = write.body.to_string().into();
            return;
        }
        // What says otherwise ends an earlier word: weights go up and down.
        patches.retain(|known| known.target != write.target || !clash(&known.value(), &write.body));
        let of_target = |known: &Patch| known.target == write.target;
        if patches.iter().filter(|known| of_target(known)).count() == MOST
            && let Some(oldest) = patches.iter().position(of_target)
        {
            patches.remove(oldest);
        }
        patches.push(Patch {
            target: write.target.clone(),
            body: write.body.to_string().into(),
            at: now,
            rewrites: 0,
            told: 0,
        });
    }

    /// The field that was rewritten more than once and has not stood for long enough yet: the one that is
    /// in doubt for longest.
    pub fn doubt(&self, owner: &ObjectKey, now: Timestamp) -> Option<Contested> {
        let patches = self.owners.get(owner)?.patches.iter();
        // One pod blocks no other (S1-24).
        patches
            .filter(|patch| patch.rewrites > 1 && patch.target.resource != PODS)
            .map(|patch| (patch, later(patch.at, patch.delay().max(STANDS))))
            .filter(|(_, until)| now < *until)
            .max_by_key(|(_, until)| *until)
            .map(|(patch, until)| Contested {
                target: patch.target.clone(),
                until,
            })
    }

    /// The owners whose writes are taken back now, the objects, how often they were rewritten and when: what
    /// the next looks depend on.
    pub fn open(&self) -> impl Iterator<Item = (&ObjectKey, &ObjectKey, u32, Timestamp)> {
        self.owners.iter().flat_map(|(owner, known)| {
            let patches = known.patches.iter().filter(|patch| patch.rewrites > 0);
            patches.map(move |patch| (owner, &patch.target, patch.rewrites, patch.at))
        })
    }

    /// Forgets an owner that is gone.
    pub fn forget(&mut self, owner: &ObjectKey) {
        self.owners.remove(owner);
    }

    /// Forgets, now and then, what is over: most owners are never fought.
    fn sweep(&mut self, now: Timestamp) {
        if self.swept.is_some_and(|swept| now < later(swept, QUIET)) {
            return;
        }
        self.swept = Some(now);
        for owner in self.owners.values_mut() {
            owner.patches.retain(|patch| !patch.is_over(now));
        }
        self.owners.retain(|_, owner| !owner.patches.is_empty());
    }
}

impl Patch {
    fn value(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// Whether a write is this one once more.
    fn says(&self, write: &Write) -> bool {
        self.target == write.target && is_same(&self.value(), &write.body)
    }

    /// How long the next rewrite waits after this one.
    fn delay(&self) -> SignedDuration {
        let Some(doublings) = self.rewrites.checked_sub(1) else {
            return SignedDuration::ZERO;
        };
        FIRST
            .saturating_mul(2_i32.saturating_pow(doublings.min(10)))
            .min(LONGEST)
    }

    /// Whether nobody has taken it back for so long that the next who does is another one.
    fn is_over(&self, now: Timestamp) -> bool {
        now > later(self.at, self.delay().saturating_add(QUIET))
    }
}

fn later(at: Timestamp, delay: SignedDuration) -> Timestamp {
    at.checked_add(delay).unwrap_or(Timestamp::MAX)
}

/// Whether two patches say the same. Instants count as the same: a deadline that is set again is a later
/// one.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, value)| other.get(name).is_some_and(|it| is_same(value, it)))
        }
        (Value::String(one), Value::String(other)) => {
            one == other || (is_instant(one) && is_instant(other))
        }
        (one, other) => one == other,
    }
}

fn is_instant(text: &str) -> bool {
    text.parse::<Timestamp>().is_ok()
}

/// Whether two patches give one field different values.
fn clash(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => one
            .iter()
            .any(|(name, value)| other.get(name).is_some_and(|it| clash(value, it))),
        (one, other) => !is_same(one, other),
    }
}

/// What may still be done after a write that waits, so that who is served is not worse off for it: pods may
/// come, and traffic may leave the new version.
pub(crate) fn goes_on(waits: &Write, step: &Step) -> bool {
    let (grows, retreats) = match waits.class {
        Class::Traffic => (true, true),
        Class::Additive => (true, false),
        Class::Destructive | Class::Status | Class::Meta => (false, false),
    };
    match step {
        Step::Write(write) => {
            grows && write.class == Class::Additive && write.target.resource == REPLICA_SETS
        }
        Step::Route(route) => retreats && is_retreat(route),
        Step::Look(_) => true,
    }
}

/// Whether a split gives the new version less than what is recorded.
fn is_retreat(route: &Route) -> bool {
    let recorded = route.rollout.status.canary.weights.as_ref();
    recorded.is_some_and(|weights| route.split.canary.weight < weights.canary.weight)
}

/// Tells of somebody who takes a write back; `live` is the object as it is now, if it could be read.
pub fn told(write: &Write, live: Option<&Value>, turn: &Turn) -> Event {
    let name = live.and_then(|live| fighter(live, &write.body, turn.since));
    let who = name.as_deref().unwrap_or("somebody");
    let (fields, target) = (fighter::words(&write.body, live), &write.target);
    let delay = turn.delay.as_secs();
    Event::warning(
        "FieldContested",
        format!(
            "{who} takes back {fields} of {target} each time it is written; it is written again no sooner \
             than {delay}s after the last time, and no step ends meanwhile. Have it left to the Rollout \
             there, as with ignoreDifferences in Argo CD"
        ),
    )
}

#[cfg(test)]
mod tests;
