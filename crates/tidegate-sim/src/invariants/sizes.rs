//! Sizes of ReplicaSets where no router splits the traffic, and of a stable one that nothing is to be
//! done to.

use serde_json::Value;

use super::{Deed, Picture, identity};
use crate::{
    cluster::{fields, kinds},
    world::CONTROLLER,
};

/// S0-6: an abort without an update under way takes no pod of the stable version.
pub(super) fn abort_of_nothing(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    let nothing = before.is_aborted() && !before.is_in_flight() && !before.stable.is_empty();
    let (was, is) = (before.set(&before.stable), after.set(&before.stable));
    let ours = deed.change.actor == CONTROLLER;
    (ours && nothing && is.want < was.want && is.want < after.replicas).then(|| {
        format!(
            "S0-6: the stable ReplicaSet goes from {} to {} for an abort of nothing",
            was.want, is.want
        )
    })
}

/// S0-7: without a router, a ReplicaSet is not made smaller than what is left elsewhere allows. Pods
/// that are not available go first, and cost nothing.
pub(super) fn max_unavailable(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    let (_, unavailable) = allowance(after)?;
    if !is_resize(deed) {
        return None;
    }
    let was = |hash: &String| deed.capacity_before(hash);
    let total: i64 = before.sets.keys().map(was).sum();
    let lost: i64 = before
        .sets
        .keys()
        .map(|hash| was(hash) - was(hash).min(after.set(hash).want))
        .sum();
    let least = after.replicas - unavailable;
    (lost > 0 && total - lost < least)
        .then(|| format!("S0-7: {lost} of {total} available pods go, and {least} must stay"))
}

/// S0-8: without a router, no ReplicaSet is made larger than all of them together may be.
pub(super) fn max_surge(deed: &Deed<'_>) -> Option<String> {
    let (surge, _) = allowance(deed.after)?;
    if !is_resize(deed) {
        return None;
    }
    let sum = |picture: &Picture| picture.sets.values().map(|set| set.want).sum::<i64>();
    let (was, is) = (sum(deed.before), sum(deed.after));
    let most = deed.after.replicas + surge;
    (is > was && is > most)
        .then(|| format!("S0-8: {is} pods are asked for, and {most} are the most"))
}

fn is_resize(deed: &Deed<'_>) -> bool {
    deed.change.actor == CONTROLLER && deed.change.object.kind == kinds::REPLICA_SETS
}

/// How many pods more and fewer there may be; `None` if something else than pods splits the traffic.
fn allowance(picture: &Picture) -> Option<(i64, i64)> {
    let canary = picture.canary()?;
    if picture.routing.is_some() {
        return None;
    }
    let read = |name: &str| canary.get(name).filter(|given| !given.is_null());
    let default = Value::from("25%");
    let pods = |name, rounds| {
        let given = read(name).unwrap_or(&default);
        portion(given, picture.replicas, rounds)
    };
    let surge = pods("maxSurge", Rounds::Up);
    let unavailable = pods("maxUnavailable", Rounds::Down);
    // Something must be allowed, or nothing would ever move.
    let unavailable = if surge == 0 && unavailable == 0 {
        1
    } else {
        unavailable
    };
    Some((surge, unavailable))
}

#[derive(Clone, Copy)]
enum Rounds {
    Up,
    Down,
}

fn portion(given: &Value, replicas: i64, rounds: Rounds) -> i64 {
    if let Some(number) = given.as_i64() {
        return number;
    }
    let text = given.as_str().unwrap_or_default();
    let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
    match rounds {
        Rounds::Up => (replicas * percent + 99) / 100,
        Rounds::Down => replicas * percent / 100,
    }
}

/// S1-23: the pods of an aborted version never become more.
pub(super) fn aborted_stays_small(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    let aborted = before.is_aborted() && after.is_aborted() && after.is_in_flight();
    // Whoever promotes fully what was aborted wants it to grow.
    let asked = before.promotes_fully() || after.promotes_fully();
    if !aborted || asked || !is_resize(deed) || before.current != after.current {
        return None;
    }
    if deed.is_blind_to_the_rollout() {
        return None;
    }
    let (was, is) = (
        before.set(&before.current).want,
        after.set(&after.current).want,
    );
    (is > was).then(|| format!("S1-23: the aborted ReplicaSet goes from {was} to {is}"))
}

/// S1-23: a status never loses what an update depends on.
pub(super) fn status_keeps_its_fields(deed: &Deed<'_>) -> Option<String> {
    if deed.change.object.kind != kinds::ROLLOUTS || deed.change.actor != CONTROLLER {
        return None;
    }
    let (before, after) = (deed.before.status(), deed.after.status());
    [
        "stableRS",
        "currentPodHash",
        "observedGeneration",
        "selector",
    ]
    .into_iter()
    .find(|name| {
        !fields::text(before, &[name]).is_empty() && fields::text(after, &[name]).is_empty()
    })
    .map(|name| format!("S1-23: status.{name} is lost"))
    .or_else(|| loses_a_run(deed))
}

/// Where a status names what an update is judged by.
const JUDGES: [&[&str]; 5] = [
    &["canary", "currentStepAnalysisRunStatus", "name"],
    &["canary", "currentBackgroundAnalysisRunStatus", "name"],
    &["canary", "currentExperiment"],
    &["blueGreen", "prePromotionAnalysisRunStatus", "name"],
    &["blueGreen", "postPromotionAnalysisRunStatus", "name"],
];

/// S1-23: what an update is judged by is not forgotten before it is over, as long as nothing has changed
/// but the count.
fn loses_a_run(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    let same = before.current == after.current
        && before.stable == after.stable
        && before.step == after.step
        && after.is_in_flight()
        && ![before, after]
            .iter()
            .any(|one| one.is_aborted() || one.promotes_fully());
    let (was, is) = (before.status(), after.status());
    let lost = JUDGES.into_iter().filter(|_| same).find(|path| {
        let name = fields::text(was, path);
        !name.is_empty() && fields::text(is, path).is_empty() && is_under_way(deed, name)
    })?;
    Some(format!("S1-23: status.{} is lost", lost[..2].join(".")))
}

/// Whether an AnalysisRun or Experiment of this name has no verdict yet, and nobody has ended it.
fn is_under_way(deed: &Deed<'_>, name: &str) -> bool {
    let runs = deed.state.of(kinds::ANALYSIS_RUNS);
    let mut runs = runs.chain(deed.state.of(kinds::EXPERIMENTS));
    runs.any(|run| {
        fields::name(run) == name
            && fields::controller_uid(run) == deed.after.uid
            && identity::is_under_way(run)
    })
}
