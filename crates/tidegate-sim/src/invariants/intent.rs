//! What people asked for: aborts, new versions, full promotions.

use serde_json::Value;

use super::{Deed, Picture};
use crate::{
    cluster::{fields, kinds},
    world::CONTROLLER,
};

fn is_status(deed: &Deed<'_>) -> bool {
    deed.change.object.kind == kinds::ROLLOUTS && deed.change.actor == CONTROLLER
}

/// S1-9: an abort is taken back for a new version, a full promotion, a version that is stable anyway or
/// within the rollback window; not otherwise.
pub(super) fn abort_is_sticky(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    if !is_status(deed) || !before.is_aborted() || after.is_aborted() {
        return None;
    }
    let excused = before.current != after.current
        || before.promotes_fully()
        || before.current == before.stable
        || before.is_within_the_window(&before.current, &before.stable)
        || step_hash(before) != step_hash(after);
    // An abort that nobody has dealt with came after whatever else was asked for.
    let new = before.status()["abortedAt"].is_null();
    let overruled = new && before.promotes_fully() && before.is_in_flight();
    (!excused || (overruled && before.current == after.current))
        .then(|| "S1-9: the abort is taken back".to_owned())
}

/// S1-9: the controller aborts for an analysis, an experiment or the progress deadline, and only an update.
pub(super) fn abort_has_its_reason(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    if !is_status(deed) || before.is_aborted() || !after.is_aborted() {
        return None;
    }
    let runs = deed.state.of(kinds::ANALYSIS_RUNS);
    let judged = runs.chain(deed.state.of(kinds::EXPERIMENTS)).any(|run| {
        let phase = fields::text(run, &["status", "phase"]);
        fields::controller_uid(run) == before.uid && ["Failed", "Error"].contains(&phase)
    });
    let late = *before.spec("progressDeadlineAbort") == true;
    if !judged && !late {
        return Some("S1-9: the controller aborts without a reason".to_owned());
    }
    (!before.is_in_flight()).then(|| "S1-21: the controller aborts what is no update".to_owned())
}

fn step_hash(picture: &Picture) -> &str {
    fields::text(picture.status(), &["currentStepHash"])
}

/// S1-10: a new version begins with nothing of the old one's state.
pub(super) fn new_version_begins_anew(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    if !is_status(deed) || before.current.is_empty() || before.current == after.current {
        return None;
    }
    let status = after.status();
    let step_run = &status["canary"]["currentStepAnalysisRunStatus"];
    let background = &status["canary"]["currentBackgroundAnalysisRunStatus"];
    let colours = &status["blueGreen"];
    let pre_run = &colours["prePromotionAnalysisRunStatus"];
    let post_run = &colours["postPromotionAnalysisRunStatus"];
    let grows = colours["scaleUpPreviewCheckPoint"] == true;
    let steps = i64::try_from(after.steps().len()).unwrap_or(i64::MAX);
    let left = [
        ("abort", status["abort"] == true),
        ("abortedAt", !status["abortedAt"].is_null()),
        ("pauseConditions", !after.pauses().is_empty()),
        ("controllerPause", status["controllerPause"] == true),
        ("promoteFull", status["promoteFull"] == true),
        (
            "currentStepIndex",
            after.step.is_some_and(|step| step != 0 && step != steps),
        ),
        ("currentStepAnalysisRunStatus", !step_run.is_null()),
        ("currentBackgroundAnalysisRunStatus", !background.is_null()),
        ("prePromotionAnalysisRunStatus", !pre_run.is_null()),
        ("postPromotionAnalysisRunStatus", !post_run.is_null()),
        ("scaleUpPreviewCheckPoint", grows),
        ("message", keeps_its_message(before, after)),
        (
            "currentExperiment",
            !fields::text(status, &["canary", "currentExperiment"]).is_empty(),
        ),
    ];
    let (name, _) = left.into_iter().find(|(_, stays)| *stays)?;
    Some(format!("S1-10: a new version begins with the old {name}"))
}

/// Whether the message still tells of a pause, a deadline or an abort of the version before.
fn keeps_its_message(before: &Picture, after: &Picture) -> bool {
    let text = |picture: &Picture, name: &str| fields::text(picture.status(), &[name]).to_owned();
    let told = ["Paused", "Degraded"].contains(&text(before, "phase").as_str());
    told && !after.user_paused
        && !is_refused(after)
        && !text(before, "message").is_empty()
        && text(before, "message") == text(after, "message")
}

/// S1-12: the step index never points behind the end of the steps. Of what is refused, it stays as it is.
pub(super) fn index_is_within_the_steps(deed: &Deed<'_>) -> Option<String> {
    let after = deed.after;
    let step = after.step?;
    let current = after.observes_its_spec() && !is_refused(after);
    let steps = i64::try_from(after.steps().len()).unwrap_or(i64::MAX);
    (is_status(deed) && current && !(0..=steps).contains(&step))
        .then(|| format!("S1-12: the step index is {step} of {steps}"))
}

fn is_refused(picture: &Picture) -> bool {
    fields::list(picture.status(), &["conditions"])
        .iter()
        .any(|condition| fields::text(condition, &["type"]) == "InvalidSpec")
}

/// S1-22: a full promotion is over once the version is stable.
pub(super) fn full_promotion_ends(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    let promoted = before.stable != after.stable && after.stable == after.current;
    (is_status(deed) && promoted && after.promotes_fully())
        .then(|| "S1-22: a full promotion goes on after its end".to_owned())
}

/// S1-21: the deadline passes only after as long without progress, and not while something is waited
/// for on purpose.
pub(super) fn deadline_is_kept(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    if !is_status(deed) || !timed_out(after) || timed_out(before) {
        return None;
    }
    if before.user_paused || !before.pauses().is_empty() {
        return Some("S1-21: the progress deadline passes while paused".to_owned());
    }
    let waits = before.step.and_then(|step| usize::try_from(step).ok());
    let waits = waits.and_then(|step| before.steps().get(step));
    let endless = ["analysis", "experiment", "pause"];
    if waits.is_some_and(|step| endless.iter().any(|kind| step.get(*kind).is_some())) {
        return Some("S1-21: the progress deadline passes in a step without one".to_owned());
    }
    let seconds = before
        .spec("progressDeadlineSeconds")
        .as_i64()
        .unwrap_or(600);
    let since = fields::text(progressing(before)?, &["lastUpdateTime"])
        .parse::<tidegate_api::meta::Time>()
        .ok()?;
    let waited = before.now.duration_since(since.timestamp()).as_secs();
    (waited < seconds)
        .then(|| format!("S1-21: the progress deadline of {seconds}s passes after {waited}s"))
}

fn progressing(picture: &Picture) -> Option<&Value> {
    fields::list(picture.status(), &["conditions"])
        .iter()
        .find(|condition| fields::text(condition, &["type"]) == "Progressing")
}

fn timed_out(picture: &Picture) -> bool {
    progressing(picture)
        .is_some_and(|condition| fields::text(condition, &["reason"]) == "ProgressDeadlineExceeded")
}
