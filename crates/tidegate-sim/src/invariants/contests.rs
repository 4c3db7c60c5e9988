//! S2-11: what somebody takes back each time is written ever more seldom, and no stage rests on it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tidegate_core::{
    plan::{ObjectKey, Plan, Verb},
    run::Outcome,
};

use super::{Deed, Sent};
use crate::{
    cluster::{fields, kinds},
    digest::Digest,
};

/// The longest that a rewrite must wait.
const LONGEST: SignedDuration = SignedDuration::from_mins(5);
/// How long a field that was taken back more than once must stand before a stage may rest on it.
const STANDS: SignedDuration = SignedDuration::from_secs(30);
/// Who takes nothing back for so long has given up.
const QUIET: SignedDuration = SignedDuration::from_mins(10);

/// Which process, on whose behalf, and to what.
type Key = (u32, ObjectKey, ObjectKey);

/// The last patch of each object, as far as its process knows that it committed.
#[derive(Clone, Debug, Default)]
pub(super) struct Contests {
    last: BTreeMap<Key, Patch>,
    stages: BTreeMap<(u32, ObjectKey), String>,
}

#[derive(Clone, Debug)]
struct Patch {
    body: Value,
    at: Timestamp,
    again: u32,
}

impl Patch {
    fn wait(&self) -> SignedDuration {
        match self.again {
            0 => SignedDuration::ZERO,
            again => SignedDuration::from_secs(1 << (again - 1).min(10)).min(LONGEST),
        }
    }
}

impl Contests {
    /// A pass was decided: another version or an abort may say everything once more.
    pub(super) fn decided(&mut self, process: u32, about: &ObjectKey, plan: &Plan) {
        let Some(status) = &plan.status else { return };
        let stage = format!("{} {}", status.current_pod_hash, status.abort);
        let key = (process, about.clone());
        if self.stages.get(&key).is_some_and(|known| *known != stage) {
            self.last
                .retain(|(one, owner, _), _| *one != process || owner != about);
        }
        self.stages.insert(key, stage);
    }

    /// Takes in what a process learns of a write; tells if it came too soon.
    pub(super) fn learn(&mut self, sent: &Sent<'_>, outcome: &Outcome) -> Option<String> {
        let write = sent.write;
        if write.verb != Verb::Patch || matches!(outcome, Outcome::Failed(_)) {
            return None;
        }
        let key = (sent.cause.process, sent.about.clone(), write.target.clone());
        let fresh = Patch {
            body: write.body.clone(),
            at: sent.now,
            again: 0,
        };
        let known = self.last.insert(key.clone(), fresh)?;
        let waited = sent.now.duration_since(known.at);
        if known.body != write.body || waited > known.wait() + QUIET {
            return None;
        }
        let again = known.again + 1;
        self.last.entry(key).and_modify(|patch| patch.again = again);
        (waited < known.wait()).then(|| {
            format!(
                "S2-11: {} is written again after {} ms, for the {again}th time",
                write.target,
                waited.as_millis()
            )
        })
    }

    pub(super) fn forget_process(&mut self, process: u32) {
        self.last.retain(|(one, _, _), _| *one != process);
        self.stages.retain(|(one, _), _| *one != process);
    }

    pub(super) fn digest(&self, digest: &mut Digest) {
        for ((_, _, target), patch) in self.last.iter().filter(|(_, patch)| patch.again > 0) {
            digest.text(&target.name);
            digest.number(u64::from(patch.again));
            digest.instant(patch.at);
        }
    }
}

/// No step ends, and no version becomes stable or active, just after a field was written that somebody
/// takes back each time.
pub(super) fn no_stage_rests_on_them(deed: &Deed<'_>) -> Option<String> {
    let (process, change) = (deed.cause?.process, deed.change);
    let old = change.old.as_deref()?;
    if change.object.kind != kinds::ROLLOUTS || !ends_a_stage(&old["status"], &change.new["status"])
    {
        return None;
    }
    let mut all = deed.memory.contests.last.iter();
    let ((_, _, target), _) = all.find(|((one, about, _), patch)| {
        let is_its = *one == process && *about.name == *change.object.name;
        is_its && patch.again > 1 && change.at < patch.at + patch.wait().max(STANDS)
    })?;
    Some(format!("S2-11: a stage rests on {target}"))
}

fn ends_a_stage(old: &Value, new: &Value) -> bool {
    let index = |status: &Value| fields::number(status, &["currentStepIndex"]).unwrap_or(0);
    let same = old["currentPodHash"] == new["currentPodHash"] && old["abort"] == new["abort"];
    let moved = index(old) < index(new)
        || old["stableRS"] != new["stableRS"]
        || old["blueGreen"]["activeSelector"] != new["blueGreen"]["activeSelector"];
    same && moved
}
