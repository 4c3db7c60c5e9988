//! Steps and pauses: nothing is skipped that nobody asked to skip.

use jiff::SignedDuration;
use serde_json::Value;
use tidegate_api::{labels, meta::Time};

use super::{
    Deed, Picture, evidence::is_of_this_attempt, identity::slot_of_step, picture::hash_of,
};
use crate::{
    cluster::{fields, kinds},
    world::CONTROLLER,
};

/// A step index that the controller has moved: from where to where.
fn moved(deed: &Deed<'_>) -> Option<(i64, i64)> {
    if deed.change.object.kind != kinds::ROLLOUTS || deed.change.actor != CONTROLLER {
        return None;
    }
    let (from, to) = (deed.before.step?, deed.after.step?);
    (from != to).then_some((from, to))
}

/// S1-1: the step index goes on by one; or to the start, for a new template, new steps, an abort or a
/// retry; or to the end, for what is stable already or is promoted fully.
pub(super) fn step_index_law(deed: &Deed<'_>) -> Option<String> {
    let (from, to) = moved(deed)?;
    let (before, after) = (deed.before, deed.after);
    let end = i64::try_from(after.steps().len()).unwrap_or(i64::MAX);
    let step_hash =
        |picture: &Picture| fields::text(picture.status(), &["currentStepHash"]).to_owned();
    let renewed = before.current != after.current || step_hash(before) != step_hash(after);
    let allowed = (to == from + 1 && to <= end)
        || (to == 0 && (renewed || after.is_aborted()))
        || (to == end
            && (after.current == after.stable
                || before.promotes_fully()
                || after.is_within_the_window(&after.current, &before.stable)));
    (!allowed).then(|| format!("S1-1: the step index goes from {from} to {to}"))
}

/// S1-11: who goes back to the stable version in the middle of an update has no step left to take.
pub(super) fn back_to_stable_skips_the_steps(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    let ours = deed.change.object.kind == kinds::ROLLOUTS && deed.change.actor == CONTROLLER;
    let returns = before.current != after.current && after.current == after.stable;
    let (step, steps) = (after.step?, after.steps().len());
    let left = i64::try_from(steps).is_ok_and(|steps| step < steps);
    (ours && returns && !before.stable.is_empty() && left)
        .then(|| format!("S1-11: step {step} is to be taken by what is stable already"))
}

/// S1-2: a step is left only when what it asks for is so.
pub(super) fn step_is_done(deed: &Deed<'_>) -> Option<String> {
    let (from, to) = moved(deed)?;
    let (before, after) = (deed.before, deed.after);
    if to != from + 1 || before.promotes_fully() || before.current != after.current {
        return None;
    }
    // The first version, and what is stable already, have nothing to prove.
    let proven = before.stable.is_empty() || before.current == before.stable;
    let end = i64::try_from(after.steps().len()).unwrap_or(i64::MAX);
    if to == end && proven && after.current == after.stable {
        return None;
    }
    let step = before.steps().get(usize::try_from(from).ok()?)?;
    // A pause alone ends its step, whatever stands beside it (CAN-24).
    let lacks = if let Some(pause) = step.get("pause") {
        pause_lacks(before, pause)
    } else if let Some(weight) = fields::number(step, &["setWeight"]) {
        weight_lacks(before, weight)
    } else if let Some(scale) = step.get("setCanaryScale") {
        scale_lacks(before, scale)
    } else if step.get("analysis").is_some() {
        analysis_lacks(deed, from)
    } else if step.get("experiment").is_some() {
        experiment_lacks(deed, from)
    } else if let Some(route) = step.get("setHeaderRoute") {
        route_lacks(before, route)
    } else if let Some(route) = step.get("setMirrorRoute") {
        route_lacks(before, route)
    } else {
        None
    };
    lacks.map(|lacks| format!("S1-2: step {from} is left: {lacks}"))
}

fn weight_lacks(picture: &Picture, weight: i64) -> Option<String> {
    let new = picture.set(&picture.current);
    let enough = picture.enough(new.want);
    let Some(routing) = &picture.routing else {
        let lacks = new.available < enough;
        let none = weight > 0 && picture.replicas > 0 && new.want == 0;
        return (lacks || none).then(|| format!("{} of {enough} pods", new.available));
    };
    let asked = weight.min(routing.total);
    if let Some(declared) = routing
        .split(&picture.current)
        .find(|declared| *declared != asked)
    {
        return Some(format!("the weight is {declared}, not {asked}"));
    }
    let mut split = routing.split(&picture.current);
    if asked > 0 && split.next().is_none() {
        return Some("nothing splits the traffic".to_owned());
    }
    (new.available < enough).then(|| format!("{} of {enough} pods", new.available))
}

fn scale_lacks(picture: &Picture, scale: &Value) -> Option<String> {
    let percent =
        fields::number(scale, &["weight"]).map(|weight| (picture.replicas * weight + 99) / 100);
    let target = fields::number(scale, &["replicas"]).or(percent)?;
    let available = picture.set(&picture.current).available;
    (available < target).then(|| format!("{available} of {target} pods"))
}

/// A route of its own is there, or gone if the step has nothing to match.
fn route_lacks(picture: &Picture, route: &Value) -> Option<String> {
    let name = fields::text(route, &["name"]);
    let asked = !fields::list(route, &["match"]).is_empty();
    let mut extras = picture.routing.iter().flat_map(|routing| &routing.extras);
    let there = extras.any(|(known, _)| known == name);
    let state = if there { "there" } else { "missing" };
    // One that would lead to nobody comes with the first pods.
    let waits = asked && picture.set(&picture.current).available == 0;
    (asked != there && !waits).then(|| format!("route {name} is {state}"))
}

fn pause_lacks(before: &Picture, pause: &Value) -> Option<String> {
    let stands = before
        .pauses()
        .iter()
        .find(|pause| pause["reason"] == "CanaryPauseStep");
    // Without it, a person has taken it away, and `controllerPause` says that there was one.
    let Some(stands) = stands else {
        let there_was = before.status()["controllerPause"] == true;
        return (!there_was).then(|| "it never paused".to_owned());
    };
    let length = match &pause["duration"] {
        Value::Null => return Some("nobody has ended the pause".to_owned()),
        Value::Number(seconds) => seconds.as_i64().unwrap_or(0),
        Value::String(text) => seconds(text),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => 0,
    };
    let since = fields::text(stands, &["startTime"]).parse::<Time>().ok()?;
    let passed = before.now.duration_since(since.timestamp());
    (passed < SignedDuration::from_secs(length))
        .then(|| format!("{}s of a pause of {length}s", passed.as_secs()))
}

/// A duration as users write it, in whole seconds.
fn seconds(text: &str) -> i64 {
    text.parse().unwrap_or_else(|_| {
        text.parse::<SignedDuration>()
            .map_or(0, |duration| duration.as_secs())
    })
}

fn analysis_lacks(deed: &Deed<'_>, step: i64) -> Option<String> {
    let number = step.to_string();
    let good = deed.state.of(kinds::ANALYSIS_RUNS).any(|run| {
        fields::controller_uid(run) == deed.before.uid
            && hash_of(run) == deed.before.current
            && fields::text(run, &["metadata", "labels", labels::STEP_INDEX]) == number
            && run["status"]["phase"] == "Successful"
            && is_of_this_attempt(deed, run)
    });
    (!good).then(|| "no AnalysisRun of it was successful".to_owned())
}

fn experiment_lacks(deed: &Deed<'_>, step: i64) -> Option<String> {
    let good = deed.state.of(kinds::EXPERIMENTS).any(|one| {
        fields::controller_uid(one) == deed.before.uid
            && hash_of(one) == deed.before.current
            && slot_of_step(one, deed.before.name()) == step.to_string()
            && one["status"]["phase"] == "Successful"
            && is_of_this_attempt(deed, one)
    });
    (!good).then(|| "no Experiment of it was successful".to_owned())
}

/// The weight that the steps before the current one have set.
fn weight_reached(picture: &Picture) -> i64 {
    let steps = picture.steps();
    let done = picture.step.and_then(|step| usize::try_from(step).ok());
    let done = steps.get(..done.unwrap_or(0)).unwrap_or_default();
    done.iter()
        .rev()
        .find_map(|step| fields::number(step, &["setWeight"]))
        .unwrap_or(0)
}

/// S1-7: while paused, nothing moves towards the new version.
pub(super) fn pause_means_pause(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    if deed.change.actor != CONTROLLER || before.promotes_fully() || after.promotes_fully() {
        return None;
    }
    // A pause that is over goes in the same write as the step.
    let pauses = !before.pauses().is_empty() && !after.pauses().is_empty();
    if !pauses && !before.user_paused {
        return None;
    }
    if before.current != after.current {
        return None;
    }
    let (was, is) = (
        before.declared(&before.current),
        after.declared(&after.current),
    );
    // A person may have torn down what the steps so far had set up; that may be put back.
    let reached = weight_reached(before);
    if is > was && is > reached && after.is_in_flight() {
        return Some(format!("S1-7: weight goes from {was} to {is} while paused"));
    }
    if after.step > before.step && before.step.is_some() && after.is_in_flight() {
        return Some("S1-7: the step index goes on while paused".to_owned());
    }
    let promoted = !before.stable.is_empty() && before.stable != after.stable;
    promoted.then(|| "S1-7: a version is promoted while paused".to_owned())
}
