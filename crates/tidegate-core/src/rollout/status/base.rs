//! The status rebuilt from the snapshot, and moved on as the pass decided.

use tidegate_api::{
    analysis::phase,
    meta::LabelSelector,
    rollout::{CanaryStatus, RolloutAnalysisRunStatus, RolloutStatus},
};

use super::colours;
use crate::{
    analysis_run::is_completed,
    plan::Event,
    rollout::{
        conditions::{self, Kind},
        draft::{AbortChange, Clearing, CurrentRun, Draft, Outcome, Restart, Skip},
        duration, events,
        replica_math::is_dynamic,
        snapshot::{ReplicaSetView, RolloutSnapshot},
        steps::{PAUSE_CONDITION, Step},
    },
};

/// What is known without looking at the steps. What is not set here is cleared. Keeps STS-01, STS-02.
pub(super) fn rebuilt(snapshot: &RolloutSnapshot, draft: &Draft) -> RolloutStatus {
    let held = &snapshot.rollout.status;
    let mut status = RolloutStatus {
        current_pod_hash: snapshot.current_hash().to_owned(),
        current_step_hash: snapshot.step_hash.clone(),
        replicas: sum(snapshot, |replica_set| replica_set.created_replicas),
        updated_replicas: snapshot
            .new_replica_set()
            .map_or(0, |new| new.created_replicas),
        ready_replicas: sum(snapshot, |replica_set| replica_set.ready),
        available_replicas: sum(snapshot, |replica_set| replica_set.available),
        hpa_replicas: sum(snapshot, |replica_set| replica_set.created_replicas),
        selector: selector_text(snapshot.rollout.spec.selector.as_ref()),
        collision_count: held.collision_count,
        conditions: held.conditions.clone(),
        stable_rs: held.stable_rs.clone(),
        restarted_at: match draft.restart {
            Restart::Pending => held.restarted_at,
            Restart::Done => snapshot.rollout.spec.restart_at,
        },
        promote_full: snapshot.recorded.promote_full.is_set(),
        alb: held.alb.clone(),
        albs: held.albs.clone(),
        duration: held.duration.clone(),
        canary: CanaryStatus {
            current_step_analysis_run_status: draft.analysis.step.as_ref().map(run_status),
            current_background_analysis_run_status: draft
                .analysis
                .background
                .as_ref()
                .map(run_status),
            current_experiment: tried(draft),
            weights: draft.weights.clone(),
            stable_ping_pong: held.canary.stable_ping_pong.clone(),
            step_plugin_statuses: held.canary.step_plugin_statuses.clone(),
        },
        ..RolloutStatus::default()
    };
    colours::fill(snapshot, draft, &mut status);
    // A decision is only taken on a Rollout without findings.
    conditions::remove(&mut status, Kind::InvalidSpec);
    status
}

/// Step index, stable hash and whatever goes with them; the draft's pauses and abort follow.
pub(super) fn move_on(
    snapshot: &RolloutSnapshot,
    draft: &mut Draft,
    status: &mut RolloutStatus,
) -> Vec<Event> {
    match draft.outcome.clone() {
        Outcome::Restart(skip) => restart(snapshot, draft, status, skip),
        Outcome::Promote(why) => promote(snapshot, draft, status, &why),
        Outcome::Stay | Outcome::StepDone(_) | Outcome::SkipToEnd if draft.is_aborted(snapshot) => {
            let promoted = status.stable_rs == status.current_pod_hash;
            status.current_step_index = if promoted {
                last_index(snapshot)
            } else {
                first_index(snapshot)
            };
            Vec::new()
        }
        Outcome::Stay => {
            status.current_step_index = held_index(snapshot);
            Vec::new()
        }
        Outcome::SkipToEnd => {
            status.current_step_index = last_index(snapshot);
            Vec::new()
        }
        Outcome::StepDone(words) => {
            let number = held_index(snapshot).unwrap_or(0).saturating_add(1);
            status.current_step_index = Some(number);
            status.canary.current_step_analysis_run_status = None;
            draft.remove_pauses.push(PAUSE_CONDITION);
            if begins_with_a_pause(snapshot, number) && !begins_an_analysis(snapshot, draft) {
                draft.add_pauses.push(PAUSE_CONDITION);
            }
            let total = snapshot.canary.steps.len();
            vec![events::step_completed(number, total, &words)]
        }
    }
}

/// Whether a background analysis may begin with the next step: whoever sees the pause sees the analysis, too.
fn begins_an_analysis(snapshot: &RolloutSnapshot, draft: &Draft) -> bool {
    let canary = snapshot.rollout.spec.strategy.canary.as_ref();
    let background = canary.and_then(|canary| canary.analysis.as_ref());
    let asked = background.is_some_and(|background| !background.analysis.templates.is_empty());
    asked && draft.analysis.background.is_none()
}

/// Whether a step that is come to is a pause, which then begins in the same write. A pause after another
/// begins with a write of its own, because both go by one reason; so does one before which a dynamic
/// stable version has to shrink, which is told first.
fn begins_with_a_pause(snapshot: &RolloutSnapshot, index: i32) -> bool {
    let step = usize::try_from(index).ok();
    let step = step.and_then(|index| snapshot.canary.steps.get(index));
    let recorded = &snapshot.recorded;
    let free = recorded.pauses.is_empty() && !recorded.controller_pause.is_set();
    free && step.and_then(Step::pause).is_some() && !is_dynamic(snapshot)
}

fn restart(
    snapshot: &RolloutSnapshot,
    draft: &mut Draft,
    status: &mut RolloutStatus,
    skip: Skip,
) -> Vec<Event> {
    clear_pauses_and_abort(draft);
    status.promote_full = false;
    status.canary.current_step_analysis_run_status = None;
    status.canary.current_background_analysis_run_status = None;
    status.canary.current_experiment = String::new();
    status.canary.step_plugin_statuses = Vec::new();
    status.blue_green.pre_promotion_analysis_run_status = None;
    status.blue_green.post_promotion_analysis_run_status = None;
    status.blue_green.scale_up_preview_check_point = false;
    status.current_step_index = first_index(snapshot);
    if status.current_step_index.is_none() || skip == Skip::No {
        return Vec::new();
    }
    status.current_step_index = last_index(snapshot);
    events::steps_skipped(skip).into_iter().collect()
}

fn promote(
    snapshot: &RolloutSnapshot,
    draft: &mut Draft,
    status: &mut RolloutStatus,
    why: &str,
) -> Vec<Event> {
    clear_pauses_and_abort(draft);
    status.promote_full = false;
    status.blue_green.scale_up_preview_check_point = false;
    status.current_step_index = last_index(snapshot);
    if status.stable_rs == status.current_pod_hash {
        return Vec::new();
    }
    if snapshot.blue_green.is_some() {
        // They speak of a canary before; a version that they name would never be scaled down.
        status.canary.weights = None;
    }
    let canary = snapshot.rollout.spec.strategy.canary.as_ref();
    if canary.is_some_and(|canary| canary.ping_pong.is_some()) {
        let next = if status.canary.stable_ping_pong == "ping" {
            "pong"
        } else {
            "ping"
        };
        next.clone_into(&mut status.canary.stable_ping_pong);
    }
    if let Some(duration) = &mut status.duration
        && duration.completion_status.is_none()
    {
        let kind = if snapshot.recorded.promote_full.is_set() {
            duration::FAST_PROMOTED
        } else {
            duration::PROMOTED
        };
        duration.completion_status = Some(kind.to_owned());
    }
    status.stable_rs.clone_from(&status.current_pod_hash);
    vec![events::completed(
        revision(snapshot, draft),
        &status.current_pod_hash,
        why,
    )]
}

fn clear_pauses_and_abort(draft: &mut Draft) {
    draft.pauses = Clearing::Clear;
    draft.abort = AbortChange::Remove;
}

/// The Rollout's revision as messages name it: as it is after this pass, 0 if there is none.
pub(super) fn revision(snapshot: &RolloutSnapshot, draft: &Draft) -> i64 {
    draft.revision.or(snapshot.revision).unwrap_or(0)
}

/// A count summed over all ReplicaSets.
pub(super) fn sum(snapshot: &RolloutSnapshot, count: impl Fn(&ReplicaSetView) -> i32) -> i32 {
    snapshot
        .replica_sets
        .iter()
        .fold(0, |total: i32, replica_set| {
            total.saturating_add(count(replica_set))
        })
}

fn held_index(snapshot: &RolloutSnapshot) -> Option<i32> {
    first_index(snapshot).map(|first| snapshot.recorded.step_index.unwrap_or(first))
}

fn first_index(snapshot: &RolloutSnapshot) -> Option<i32> {
    (!snapshot.canary.steps.is_empty()).then_some(0)
}

fn last_index(snapshot: &RolloutSnapshot) -> Option<i32> {
    first_index(snapshot)?;
    i32::try_from(snapshot.canary.steps.len()).ok()
}

/// The name of the step's Experiment, while the update may still go on by it. Keeps EXP-42.
///
/// Differs from upstream: one with a good end is remembered until its step is left. While somebody has
/// paused the Rollout, upstream begins another one as soon as one is over, again and again.
fn tried(draft: &Draft) -> String {
    let experiment = draft.experiment.as_ref();
    let experiment = experiment.filter(|experiment| {
        let waits = experiment.phase == phase::SUCCESSFUL && draft.outcome == Outcome::Stay;
        waits || !is_completed(&experiment.phase)
    });
    experiment.map_or_else(String::new, |experiment| experiment.name.clone())
}

pub(super) fn run_status(run: &CurrentRun) -> RolloutAnalysisRunStatus {
    RolloutAnalysisRunStatus {
        name: run.name.clone(),
        status: run.phase.clone(),
        message: run.message.clone(),
    }
}

/// A label selector as the scale subresource wants it (SCL-06).
pub(super) fn selector_text(selector: Option<&LabelSelector>) -> String {
    let mut terms: Vec<(String, String)> = Vec::new();
    if let Some(selector) = selector {
        for (key, value) in &selector.match_labels {
            terms.push((key.clone(), format!("{key}={value}")));
        }
        for requirement in &selector.match_expressions {
            let key = &requirement.key;
            let mut values = requirement.values.clone();
            values.sort();
            let list = values.join(",");
            let term = match requirement.operator.as_str() {
                "In" => format!("{key} in ({list})"),
                "NotIn" => format!("{key} notin ({list})"),
                "Exists" => key.clone(),
                "DoesNotExist" => format!("!{key}"),
                _ => return "<error>".to_owned(),
            };
            terms.push((key.clone(), term));
        }
    }
    if terms.is_empty() {
        return "<none>".to_owned();
    }
    terms.sort_by(|first, second| first.0.cmp(&second.0));
    let terms: Vec<String> = terms.into_iter().map(|(_, term)| term).collect();
    terms.join(",")
}
