//! What an update goes on by: analyses of this very attempt, and pods.

use serde_json::Value;
use tidegate_api::labels;

use super::{Deed, memory::judges};
use crate::{
    cluster::{Locator, fields, kinds},
    world::CONTROLLER,
};

/// How a write of the controller brings the new version forward, if it does.
fn forward(deed: &Deed<'_>) -> Option<&'static str> {
    let (before, after) = (deed.before, deed.after);
    let skipped = before.promotes_fully() || after.promotes_fully();
    if deed.change.actor != CONTROLLER || skipped || before.current != after.current {
        return None;
    }
    if !after.is_in_flight() && !before.is_in_flight() {
        return None;
    }
    if after.stable != before.stable && !before.stable.is_empty() {
        return Some("the version is promoted");
    }
    if after.step > before.step && before.step.is_some() {
        return Some("the step index goes on");
    }
    let active = |picture: &super::Picture| Some(picture.colours.as_ref()?.active.clone());
    let (was, is) = (active(before), active(after));
    if was.is_some() && was != is && is.as_ref() == Some(&after.current) {
        return Some("users are switched to it");
    }
    (after.declared(&after.current) > before.declared(&before.current))
        .then_some("its weight rises")
}

/// The AnalysisRuns and Experiments that the update waits for or is watched by, and of which the controller
/// could know that they have this phase.
fn known_runs<'a>(deed: &'a Deed<'_>, phases: &'a [&str]) -> impl Iterator<Item = &'a Value> + 'a {
    let status = deed.before.status();
    let (canary, colours) = (&status["canary"], &status["blueGreen"]);
    let current = [
        fields::text(canary, &["currentStepAnalysisRunStatus", "name"]),
        fields::text(canary, &["currentBackgroundAnalysisRunStatus", "name"]),
        fields::text(canary, &["currentExperiment"]),
        fields::text(colours, &["prePromotionAnalysisRunStatus", "name"]),
        fields::text(colours, &["postPromotionAnalysisRunStatus", "name"]),
    ];
    let step = deed.before.step.unwrap_or(0).to_string();
    let runs = deed.state.of(kinds::ANALYSIS_RUNS);
    let runs = runs.chain(deed.state.of(kinds::EXPERIMENTS));
    runs.map(|run| &**run).filter(move |run| {
        let phase = fields::text(run, &["status", "phase"]);
        let of_step = fields::text(run, &["metadata", "labels", labels::STEP_INDEX]);
        phases.contains(&phase)
            && current.contains(&fields::name(run))
            && judges(run, (&deed.before.uid, &deed.before.current))
            && (of_step.is_empty() || of_step == step)
            && run["spec"]["terminate"] != true
            && !deed.memory.spent.contains(fields::uid(run))
            && was_known(deed, run)
    })
}

fn was_known(deed: &Deed<'_>, run: &Value) -> bool {
    let kind = if fields::text(run, &["kind"]) == "Experiment" {
        kinds::EXPERIMENTS
    } else {
        kinds::ANALYSIS_RUNS
    };
    let place = Locator::new(kind, fields::namespace(run), fields::name(run));
    let verdict = deed.memory.verdicts.get(&place).copied().unwrap_or(0);
    deed.cause
        .is_some_and(|cause| cause.saw_of(&place) >= verdict)
}

/// S1-5: an analysis that failed ends the update: nothing goes forward any more.
pub(super) fn failed_analysis_stops(deed: &Deed<'_>) -> Option<String> {
    let what = forward(deed)?;
    let run = known_runs(deed, &["Failed", "Error"]).next()?;
    Some(format!(
        "S1-5: {what} although {} is {}",
        fields::name(run),
        fields::text(run, &["status", "phase"])
    ))
}

/// S1-6: an analysis without a verdict makes the update wait for a person. `controllerPause` without a
/// pause is that person's word.
pub(super) fn inconclusive_analysis_waits(deed: &Deed<'_>) -> Option<String> {
    let what = forward(deed)?;
    let before = deed.before;
    let resumed = before.status()["controllerPause"] == true && before.pauses().is_empty();
    let run = known_runs(deed, &["Inconclusive"]).next()?;
    (!resumed).then(|| {
        format!(
            "S1-6: {what} although {} is Inconclusive",
            fields::name(run)
        )
    })
}

/// S1-3: a version becomes the stable one with all its steps behind it, or because somebody asked, or
/// as one that was stable before within its window.
pub(super) fn promotion_has_its_reason(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    let promoted = deed.change.actor == CONTROLLER
        && !before.stable.is_empty()
        && before.stable != after.stable
        && before.canary().is_some();
    if !promoted {
        return None;
    }
    let steps = i64::try_from(after.steps().len()).unwrap_or(i64::MAX);
    let asked =
        before.promotes_fully() || before.is_within_the_window(&after.stable, &before.stable);
    let through = before.step.is_none_or(|step| step == steps) && before.current == after.stable;
    if !asked && !through {
        let step = before.step.unwrap_or(0);
        return Some(format!(
            "S1-3: a version is promoted at step {step} of {steps}"
        ));
    }
    let set = before.set(&after.stable);
    let least = before.enough(before.replicas);
    (deed.capacity(&after.stable) < least).then(|| {
        format!(
            "S1-22: a version is promoted with {} of {least} pods",
            set.available
        )
    })
}

/// S1-3: a blue-green version becomes the stable one once users are on it and `postPromotionAnalysis`
/// was successful, or because somebody asked, or as one that was stable not long ago.
pub(super) fn colours_were_judged(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    let users = before.colours.as_ref()?;
    let promoted = deed.change.actor == CONTROLLER
        && !before.stable.is_empty()
        && before.stable != after.stable;
    if !promoted || before.promotes_fully() {
        return None;
    }
    if users.active != after.stable {
        return Some("S1-3: a version is promoted, and users are not on it".to_owned());
    }
    let known = before.set(&after.stable).deadline.is_some()
        || before.is_within_the_window(&after.stable, &before.stable);
    let analysis = after.blue_green("postPromotionAnalysis");
    let asked = !fields::list(analysis, &["templates"]).is_empty();
    let judged = was_judged(deed, (&after.stable, labels::ROLLOUT_TYPE_POST_PROMOTION));
    (asked && !known && !judged)
        .then(|| "S1-3: a version is promoted: no postPromotionAnalysis was successful".to_owned())
}

/// Whether an AnalysisRun of this type was successful for a version in the present attempt.
pub(super) fn was_judged(deed: &Deed<'_>, (hash, kind): (&str, &str)) -> bool {
    let label = ["metadata", "labels", labels::ROLLOUT_TYPE];
    deed.state.of(kinds::ANALYSIS_RUNS).any(|run| {
        judges(run, (&deed.after.uid, hash))
            && fields::text(run, &label) == kind
            && run["status"]["phase"] == "Successful"
            && is_of_this_attempt(deed, run)
    })
}

/// S1-4: whether an AnalysisRun or Experiment is of the present attempt.
pub(super) fn is_of_this_attempt(deed: &Deed<'_>, run: &Value) -> bool {
    !deed.memory.spent.contains(fields::uid(run))
}
