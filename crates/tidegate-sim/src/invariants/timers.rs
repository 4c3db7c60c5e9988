//! L-5: what is due at an instant happens then.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tidegate_api::{labels, meta::Time};

use super::{State, picture::hash_of};
use crate::cluster::{fields, kinds};

/// The progress deadline of a Rollout that does not name one, in seconds.
const PROGRESS_DEADLINE: i64 = 600;

/// What should have happened to a Rollout that nobody halts.
pub(super) fn overdue(
    state: &State,
    rollout: &Value,
    is_late: &dyn Fn(Timestamp) -> bool,
) -> Vec<String> {
    let late = |due: &Timestamp| is_late(*due);
    let refused = fields::condition(rollout, "InvalidSpec") == "True";
    let pause = step_pause(rollout).filter(late);
    let preview = preview_pause(state, rollout).filter(late);
    let progress = progress(state, rollout).filter(|due| late(due) && !refused);
    let restart = restart(state, rollout).filter(|due| late(due) && !refused);
    let told = [
        pause.map(|due| format!("L-5: a pause that was over at {due} still holds")),
        preview.map(|due| format!("L-5: a preview that was over at {due} still waits")),
        progress.map(|due| format!("L-5: the progress deadline passed at {due}, untold")),
        restart.map(|due| format!("L-5: no pod is restarted, which was asked for at {due}")),
        deadline_of_a_set(state, rollout, is_late),
    ];
    told.into_iter().flatten().collect()
}

/// The instant in a member of an object.
fn instant(object: &Value, path: &[&str]) -> Option<Timestamp> {
    let time = fields::text(object, path).parse::<Time>().ok()?;
    Some(time.timestamp())
}

/// The only pause of a Rollout, if it has this reason, and since when it holds.
fn pause(rollout: &Value, reason: &str) -> Option<Timestamp> {
    let [pause] = fields::list(rollout, &["status", "pauseConditions"]) else {
        return None;
    };
    instant(pause, &["startTime"]).filter(|_| pause["reason"] == reason)
}

/// When the pause of the current step is over, if it ends by itself.
fn step_pause(rollout: &Value) -> Option<Timestamp> {
    let since = pause(rollout, "CanaryPauseStep")?;
    let length = match current_step(rollout)?.get("pause")?.get("duration")? {
        Value::Number(seconds) => SignedDuration::from_secs(seconds.as_i64()?),
        Value::String(text) => text.parse().ok()?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    since.checked_add(length).ok()
}

/// When a preview that has its pods becomes active by itself.
fn preview_pause(state: &State, rollout: &Value) -> Option<Timestamp> {
    let strategy = &rollout["spec"]["strategy"]["blueGreen"];
    let since = pause(rollout, "BlueGreenPause")?;
    let seconds = fields::number(strategy, &["autoPromotionSeconds"])?;
    let by_hand = strategy["autoPromotionEnabled"] == false;
    let current = fields::text(rollout, &["status", "currentPodHash"]);
    let mut new = sets(state, rollout).filter(|set| hash_of(set) == current);
    let aborted = rollout["status"]["abort"] == true;
    if by_hand || aborted || seconds <= 0 || !new.all(|set| is_whole(set)) {
        return None;
    }
    since.checked_add(SignedDuration::from_secs(seconds)).ok()
}

/// When an update that does not get on counts as stuck.
fn progress(state: &State, rollout: &Value) -> Option<Timestamp> {
    let status = &rollout["status"];
    let [stable, current] = used(rollout);
    let paused = !fields::list(status, &["pauseConditions"]).is_empty()
        || fields::condition(rollout, "Paused") == "True";
    if stable.is_empty() || stable == current || paused || status["abort"] == true {
        return None;
    }
    let endless = ["analysis", "experiment", "pause"];
    let step = current_step(rollout);
    let takes_its_time =
        step.is_some_and(|step| endless.iter().any(|kind| step.get(*kind).is_some()));
    let waits = sets(state, rollout).any(|set| {
        !used(rollout).contains(&hash_of(set)) && !fields::text(set, &DEADLINE).is_empty()
    });
    if takes_its_time || waits {
        return None;
    }
    let mut conditions = fields::list(status, &["conditions"]).iter();
    let last = conditions.find(|one| one["type"] == "Progressing")?;
    let told = [
        "ProgressDeadlineExceeded",
        "RolloutAborted",
        "RolloutPaused",
    ];
    if told.contains(&fields::text(last, &["reason"])) {
        return None;
    }
    let seconds = fields::number(rollout, &["spec", "progressDeadlineSeconds"]);
    let seconds = SignedDuration::from_secs(seconds.unwrap_or(PROGRESS_DEADLINE));
    instant(last, &["lastUpdateTime"])?
        .checked_add(seconds)
        .ok()
}

/// When pods are to be restarted, if all of them could be and none was. Where the last pods of two
/// versions share the traffic, none may go, nor where a disruption budget keeps them.
fn restart(state: &State, rollout: &Value) -> Option<Timestamp> {
    let asked = instant(rollout, &["spec", "restartAt"])?;
    let [stable, current] = used(rollout);
    let shares = !rollout["spec"]["strategy"]["canary"]["trafficRouting"].is_null();
    let done = rollout["status"]["restartedAt"] == rollout["spec"]["restartAt"];
    let kept = state.of(kinds::DISRUPTION_BUDGETS).next().is_some();
    if done
        || kept
        || (shares && stable != current)
        || !sets(state, rollout).all(|set| is_whole(set))
    {
        return None;
    }
    let begun = sets(state, rollout).any(|set| {
        let mut pods = state.of(kinds::PODS);
        pods.any(|pod| {
            let created = instant(pod, &["metadata", "creationTimestamp"]);
            fields::controller_uid(pod) == fields::uid(set)
                && (fields::is_deleting(pod) || created.is_none_or(|created| created >= asked))
        })
    });
    (!begun).then_some(asked)
}

/// Where a ReplicaSet says when it may go.
const DEADLINE: [&str; 3] = ["metadata", "annotations", labels::SCALE_DOWN_DEADLINE];

/// A ReplicaSet that nothing uses, or whose update was aborted, and whose deadline has passed has no
/// pods any more.
fn deadline_of_a_set(
    state: &State,
    rollout: &Value,
    is_late: &dyn Fn(Timestamp) -> bool,
) -> Option<String> {
    let status = &rollout["status"];
    let [stable, current] = used(rollout);
    let inconclusive = fields::list(status, &["pauseConditions"])
        .iter()
        .any(|pause| pause["reason"] == "InconclusiveAnalysisRun");
    if inconclusive || stable.is_empty() {
        return None;
    }
    let aborted = status["abort"] == true;
    let mut sets = sets(state, rollout).filter(|set| {
        let hash = hash_of(set);
        hash != stable
            && (hash != current || aborted)
            && fields::number(set, &["spec", "replicas"]).unwrap_or(0) > 0
    });
    sets.find_map(|set| {
        let due = instant(set, &DEADLINE)?;
        is_late(due).then(|| format!("L-5: {} is there after its deadline", fields::name(set)))
    })
}

/// The hashes of the stable and of the new version.
fn used(rollout: &Value) -> [&str; 2] {
    ["stableRS", "currentPodHash"].map(|member| fields::text(rollout, &["status", member]))
}

fn current_step(rollout: &Value) -> Option<&Value> {
    let step = fields::number(rollout, &["status", "currentStepIndex"])?;
    let steps = fields::list(rollout, &["spec", "strategy", "canary", "steps"]);
    steps.get(usize::try_from(step).ok()?)
}

fn sets<'a>(state: &'a State, rollout: &'a Value) -> impl Iterator<Item = &'a Arc<Value>> {
    let all = state.of(kinds::REPLICA_SETS);
    all.filter(move |set| fields::controller_uid(set) == fields::uid(rollout))
}

/// Whether all pods that are asked for are available.
fn is_whole(set: &Value) -> bool {
    let asked = fields::number(set, &["spec", "replicas"]).unwrap_or(1);
    fields::number(set, &["status", "availableReplicas"]).unwrap_or(0) == asked
}
