//! What the checks must remember, because the cluster's state does not tell it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;
use tidegate_core::plan::ObjectKey;

use super::{Cause, contests::Contests, flaps::Flaps, lease::Leases, picture::hash_of};
use crate::{
    actors::keeper,
    cluster::{
        Change, Locator, What, fields,
        kinds::{self, KindId},
    },
    digest::Digest,
    world::CONTROLLER,
};

/// As whom people write.
const USER: &str = "user";

/// Everything that is remembered.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// The version that made each object that was ever there.
    pub(super) born: BTreeMap<Locator, u64>,
    /// The version at which each object that is there no more went.
    pub(super) gone: BTreeMap<Locator, u64>,
    /// The last write of a person to each object.
    pub(super) asked: BTreeMap<Locator, u64>,
    /// Since when nobody has looked at what a person wrote to a Rollout.
    pub(super) unheard: BTreeMap<Locator, (u64, Timestamp)>,
    /// The version at which each AnalysisRun and Experiment came to its verdict.
    pub(super) verdicts: BTreeMap<Locator, u64>,
    /// The uids of AnalysisRuns and Experiments that judge nothing any more: they were there before the
    /// present attempt at the update began.
    pub(super) spent: BTreeSet<String>,
    /// The cluster's version when each process started.
    pub(super) started: BTreeMap<u32, u64>,
    /// The newest version of each kind that passes of a process over an object wrote and know of.
    pub(super) written: BTreeMap<(u32, ObjectKey), BTreeMap<KindId, u64>>,
    /// The objects over which a process met a conflict: when, and up to which version it had seen them.
    pub(super) conflicts: BTreeMap<(u32, Locator), (Timestamp, u64)>,
    pub(super) flaps: Flaps,
    pub(super) contests: Contests,
    /// Who may write.
    pub(super) leases: Leases,
}

impl Memory {
    /// Takes in a change before it is checked.
    pub(super) fn before(&mut self, change: &Change) {
        let object = &change.object;
        match change.what {
            What::Added => {
                self.born.insert(object.clone(), change.version);
                self.gone.remove(object);
            }
            What::Modified => {}
            What::Deleted => {
                self.gone.insert(object.clone(), change.version);
            }
        }
        if [kinds::ANALYSIS_RUNS, kinds::EXPERIMENTS].contains(&object.kind)
            && is_verdict(&change.new)
            && !change.old.as_deref().is_some_and(is_verdict)
        {
            self.verdicts.insert(object.clone(), change.version);
        }
    }

    /// Takes in a change after it was checked; `runs` are the AnalysisRuns and
    /// Experiments that there are.
    pub(super) fn after<'a>(&mut self, change: &Change, runs: impl Iterator<Item = &'a Value>) {
        let object = &change.object;
        if change.actor == USER {
            self.asked.insert(object.clone(), change.version);
            self.flaps.forget();
            if object.kind == kinds::ROLLOUTS {
                self.unheard
                    .insert(object.clone(), (change.version, change.at));
            }
        }
        if change.actor == keeper::ACTOR {
            self.flaps.forget();
        }
        if object.kind == kinds::ROLLOUTS && is_another_stage(change) {
            self.flaps.forget();
        }
        if object.kind == kinds::ROLLOUTS && begins_anew(change) {
            let uid = fields::uid(&change.new);
            let old = runs.filter(|run| fields::controller_uid(run) == uid);
            self.spent
                .extend(old.map(|run| fields::uid(run).to_owned()));
        }
    }

    /// A pass over an object begins.
    pub(super) fn look(&mut self, about: &Locator, cause: &Cause) {
        let heard = self
            .unheard
            .get(about)
            .is_some_and(|(version, _)| cause.saw_of(about) >= *version);
        if heard {
            self.unheard.remove(about);
        }
    }

    /// A process has died: nobody goes on from what it knew.
    pub(super) fn forget_process(&mut self, process: u32) {
        self.started.remove(&process);
        self.written.retain(|(one, _), _| *one != process);
        self.conflicts.retain(|(one, _), _| *one != process);
        self.contests.forget_process(process);
    }

    /// What the future depends on. Versions are left out: once every cache is complete, all of them lie
    /// behind.
    pub(super) fn digest(&self, digest: &mut Digest) {
        for uid in &self.spent {
            digest.text(uid);
        }
        for (object, (_, since)) in &self.unheard {
            digest.text(&object.name);
            digest.instant(*since);
        }
        for object in self.verdicts.keys() {
            digest.text(&object.name);
        }
        self.flaps.digest(digest);
        self.contests.digest(digest);
    }
}

/// Whether an AnalysisRun or Experiment has come to its end.
fn is_verdict(run: &Value) -> bool {
    let phase = fields::text(run, &["status", "phase"]);
    ["Successful", "Failed", "Error", "Inconclusive"].contains(&phase)
}

/// Whether an update has come to another stage: what was right before may be wrong now.
fn is_another_stage(change: &Change) -> bool {
    let Some(old) = &change.old else {
        return true;
    };
    ["currentStepIndex", "currentPodHash", "stableRS", "abort"]
        .into_iter()
        .any(|name| old["status"][name] != change.new["status"][name])
}

/// Whether a change begins an attempt at an update: another version, or a retry.
fn begins_anew(change: &Change) -> bool {
    let Some(old) = &change.old else {
        return false;
    };
    let text = |object: &Value, name: &str| fields::text(object, &["status", name]).to_owned();
    let renewed = text(old, "currentPodHash") != text(&change.new, "currentPodHash");
    let retried = old["status"]["abort"] == true && change.new["status"]["abort"] != true;
    renewed || (retried && change.actor != CONTROLLER)
}

/// Whether an AnalysisRun or Experiment judges the version of a Rollout.
pub(super) fn judges(run: &Value, (rollout, hash): (&str, &str)) -> bool {
    fields::controller_uid(run) == rollout && hash_of(run) == hash
}
