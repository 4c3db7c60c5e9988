//! Phase and message of a Rollout: what people and scripts wait for.

use tidegate_api::{
    labels,
    rollout::{BlueGreenStrategy, Rollout, RolloutSpec, RolloutStatus, RolloutStrategy},
};

use crate::rollout::{conditions, snapshot::Flag};

/// Everything is as it should be.
pub const HEALTHY: &str = "Healthy";
/// Something is wrong, and stays so until somebody acts.
pub const DEGRADED: &str = "Degraded";
/// On the way.
pub const PROGRESSING: &str = "Progressing";
/// Waits for somebody, or for a pause to end.
pub const PAUSED: &str = "Paused";

/// A phase and the sentence beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// `Healthy`, `Degraded`, `Progressing` or `Paused`; an old controller may have written others.
    pub name: String,
    /// Why; empty if healthy.
    pub message: String,
}

impl Phase {
    fn new(name: &str, message: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            message: message.into(),
        }
    }

    fn progressing(message: &str) -> Self {
        Self::new(PROGRESSING, message)
    }
}

/// The phase that follows from spec and status, as the controller writes it. Keeps STS-10.
pub fn calculated(spec: &RolloutSpec, status: &RolloutStatus) -> Phase {
    halted(spec, status)
        .or_else(|| restarting(spec, status))
        .or_else(|| awaiting_pods(spec, status))
        .or_else(|| awaiting_strategy(&spec.strategy, status))
        .unwrap_or_else(|| Phase::new(HEALTHY, ""))
}

/// The phase as a client shows it: changes that the controller has not seen yet come first.
/// Keeps STS-11.
pub fn shown(rollout: &Rollout) -> Phase {
    if !generation_is_observed(rollout) {
        return Phase::progressing("waiting for rollout spec update to be observed");
    }
    if is_unpausing(&rollout.status).is_set() {
        return Phase::progressing("waiting for rollout to unpause");
    }
    if !workload_is_observed(rollout) {
        return Phase::progressing(
            "waiting for rollout spec update to be observed for the reference workload",
        );
    }
    if rollout.status.phase.is_empty() {
        return calculated(&rollout.spec, &rollout.status);
    }
    Phase::new(&rollout.status.phase, rollout.status.message.clone())
}

/// Whether somebody has cleared the pauses and the controller has not acted upon it (ACT-07).
pub fn is_unpausing(status: &RolloutStatus) -> Flag {
    Flag::from(status.controller_pause && status.pause_conditions.is_empty())
}

/// Whether the referent's newest generation was acted upon. Upstream's clients mean to look at this and
/// never do, for what they ask is not on the wire (STS-11).
fn workload_is_observed(rollout: &Rollout) -> bool {
    let noted = rollout
        .metadata
        .annotations
        .get(labels::WORKLOAD_GENERATION);
    let generation = |text: &String| text.parse::<i64>().ok();
    let (Some(noted), Some(observed)) = (
        noted.and_then(generation),
        generation(&rollout.status.workload_observed_generation),
    ) else {
        return true;
    };
    rollout.spec.workload_ref.is_none() || noted == observed
}

/// Status of v0.9 and older held a hash here, so anything but a smaller number counts as observed.
fn generation_is_observed(rollout: &Rollout) -> bool {
    rollout
        .status
        .observed_generation
        .parse::<i64>()
        .map_or(true, |observed| observed >= rollout.metadata.generation)
}

fn halted(spec: &RolloutSpec, status: &RolloutStatus) -> Option<Phase> {
    for condition in &status.conditions {
        if condition.kind == conditions::Kind::InvalidSpec.as_str() {
            let message = format!("{}: {}", condition.kind, condition.message);
            return Some(Phase::new(DEGRADED, message));
        }
        if [conditions::ABORTED, conditions::TIMED_OUT].contains(&condition.reason.as_str()) {
            let message = format!("{}: {}", condition.reason, condition.message);
            return Some(Phase::new(DEGRADED, message));
        }
    }
    if spec.paused {
        return Some(Phase::new(PAUSED, "manually paused"));
    }
    status
        .pause_conditions
        .first()
        .map(|pause| Phase::new(PAUSED, pause.reason.clone()))
}

fn restarting(spec: &RolloutSpec, status: &RolloutStatus) -> Option<Phase> {
    let asked = spec.restart_at?;
    (status.restarted_at != Some(asked)).then(|| Phase::progressing("rollout is restarting"))
}

fn awaiting_pods(spec: &RolloutSpec, status: &RolloutStatus) -> Option<Phase> {
    if status.updated_replicas < spec.replicas.unwrap_or(1) {
        return Some(Phase::progressing("more replicas need to be updated"));
    }
    (status.available_replicas < status.updated_replicas)
        .then(|| Phase::progressing("updated replicas are still becoming available"))
}

fn awaiting_strategy(strategy: &RolloutStrategy, status: &RolloutStatus) -> Option<Phase> {
    let promoted = !status.stable_rs.is_empty() && status.stable_rs == status.current_pod_hash;
    if let Some(blue_green) = &strategy.blue_green {
        let active = &status.blue_green.active_selector;
        if active.is_empty() || *active != status.current_pod_hash {
            return Some(Phase::progressing("active service cutover pending"));
        }
        if promoted {
            return None;
        }
        return Some(Phase::progressing(
            if awaits_post_promotion(blue_green, status) {
                "waiting for analysis to complete"
            } else {
                "waiting for post-promotion verification to complete"
            },
        ));
    }
    let canary = strategy.canary.as_ref()?;
    // With routers the old pods stay for the scale-down delay, so only a basic canary waits for them.
    if canary.traffic_routing.is_none() && status.replicas > status.updated_replicas {
        return Some(Phase::progressing("old replicas are pending termination"));
    }
    (!promoted).then(|| Phase::progressing("waiting for all steps to complete"))
}

fn awaits_post_promotion(blue_green: &BlueGreenStrategy, status: &RolloutStatus) -> bool {
    blue_green.post_promotion_analysis.is_some()
        && status
            .blue_green
            .post_promotion_analysis_run_status
            .as_ref()
            .is_none_or(|run| {
                !["Successful", "Failed", "Error", "Inconclusive"].contains(&run.status.as_str())
            })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn rollout(value: Value) -> Rollout {
        serde_json::from_value(value).unwrap()
    }

    fn phase(value: Value) -> (String, String) {
        let rollout = rollout(value);
        let phase = shown(&rollout);
        (phase.name, phase.message)
    }

    /// Keeps STS-11.
    #[test]
    fn an_unseen_generation_hides_the_recorded_phase() {
        let (name, message) = phase(json!({
            "metadata": {"generation": 3},
            "status": {"observedGeneration": "2", "phase": "Healthy"}}));
        assert_eq!(name, PROGRESSING);
        assert_eq!(message, "waiting for rollout spec update to be observed");
    }

    /// Keeps STS-11.
    #[test]
    fn cleared_pauses_show_as_unpausing() {
        let (_, message) = phase(json!({"status": {"controllerPause": true, "phase": "Paused"}}));
        assert_eq!(message, "waiting for rollout to unpause");
    }

    /// Fixes STS-11.
    #[test]
    fn an_unseen_generation_of_the_referent_hides_the_recorded_phase() {
        let noted = |generation: &str| {
            phase(json!({
                "metadata": {"annotations": {labels::WORKLOAD_GENERATION: generation}},
                "spec": {"workloadRef": {"kind": "Deployment", "name": "web"}},
                "status": {"workloadObservedGeneration": "2", "phase": "Healthy"}}))
        };
        assert_eq!(noted("2").0, HEALTHY);
        assert_eq!(
            noted("3").1,
            "waiting for rollout spec update to be observed for the reference workload"
        );
    }

    /// Keeps STS-10.
    #[test]
    fn an_abort_degrades_even_if_somebody_also_paused() {
        let (name, message) = phase(json!({
            "spec": {"paused": true},
            "status": {"conditions": [{"type": "Progressing", "status": "False",
                "reason": "RolloutAborted", "message": "m"}]}}));
        assert_eq!(
            (name.as_str(), message.as_str()),
            (DEGRADED, "RolloutAborted: m")
        );
    }

    /// Keeps STS-10.
    #[test]
    fn only_a_basic_canary_waits_for_old_pods_to_go() {
        let status = json!({"replicas": 3, "updatedReplicas": 2, "availableReplicas": 3,
            "stableRS": "a", "currentPodHash": "a"});
        let basic = json!({"spec": {"replicas": 2, "strategy": {"canary": {}}}, "status": status});
        assert_eq!(phase(basic).1, "old replicas are pending termination");
        let routed = json!({"spec": {"replicas": 2,
            "strategy": {"canary": {"trafficRouting": {}}}}, "status": status});
        assert_eq!(phase(routed).0, HEALTHY);
    }

    /// Keeps STS-11: what is no number is a hash of old, and somebody may have written a larger one.
    #[test]
    fn only_a_smaller_number_is_an_unseen_generation() {
        let seen = |observed: &str| {
            phase(json!({
                "metadata": {"generation": 3},
                "status": {"observedGeneration": observed, "phase": "Healthy"}}))
            .0
        };
        assert_eq!(
            ["2", "3", "4", "6b9b86fbd5", ""]
                .map(seen)
                .map(|name| name == HEALTHY),
            [false, true, true, true, true]
        );
    }

    /// What a controller writes for a Rollout of two pods, of which everything that hinders is taken away
    /// bit by bit.
    fn written(strategy: &Value, hindrances: &[(&str, Value)]) -> Vec<String> {
        let mut draft = json!({"spec": {"replicas": 2, "strategy": strategy}, "status": {
            "replicas": 3, "updatedReplicas": 1, "availableReplicas": 0, "stableRS": "a",
            "currentPodHash": "b"}});
        let mut told = Vec::new();
        for (pointer, value) in hindrances {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            draft.pointer_mut(parent).unwrap()[name] = value.clone();
            let rollout = rollout(draft.clone());
            let phase = calculated(&rollout.spec, &rollout.status);
            told.push(format!("{}: {}", phase.name, phase.message));
        }
        told
    }

    /// What comes before the strategies, from what weighs most.
    fn in_the_way() -> Vec<(&'static str, Value)> {
        let invalid = json!({"type": "InvalidSpec", "reason": "InvalidSpec", "message": "i"});
        let late =
            json!({"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "d"});
        vec![
            ("/spec/paused", json!(true)),
            (
                "/status/pauseConditions",
                json!([{"reason": "CanaryPauseStep"}, {"reason": "other"}]),
            ),
            ("/spec/restartAt", json!("2026-01-01T00:00:00Z")),
            ("/status/conditions", json!([invalid, late])),
            ("/status/conditions", json!([late])),
            ("/status/conditions", json!([])),
            ("/spec/paused", json!(false)),
            ("/status/pauseConditions", json!([])),
            ("/status/restartedAt", json!("2026-01-01T00:00:00Z")),
            ("/status/updatedReplicas", json!(2)),
            ("/status/availableReplicas", json!(2)),
        ]
    }

    /// Keeps STS-10.
    #[test]
    fn what_weighs_more_is_told_first() {
        let mut hindrances = in_the_way();
        hindrances.push(("/status/replicas", json!(2)));
        hindrances.push(("/status/stableRS", json!("b")));
        let told = written(&json!({"canary": {}}), &hindrances);
        assert_eq!(
            told[3..],
            [
                "Degraded: InvalidSpec: i",
                "Degraded: ProgressDeadlineExceeded: d",
                "Paused: manually paused",
                "Paused: CanaryPauseStep",
                "Progressing: rollout is restarting",
                "Progressing: more replicas need to be updated",
                "Progressing: updated replicas are still becoming available",
                "Progressing: old replicas are pending termination",
                "Progressing: waiting for all steps to complete",
                "Healthy: ",
            ]
        );
    }

    /// Keeps STS-10.
    #[test]
    fn blue_green_says_what_it_waits_for_after_the_pods() {
        let mut hindrances = in_the_way();
        let run = |phase: &str| json!({"name": "r", "status": phase});
        let last = [
            ("/status/blueGreen", json!({"activeSelector": "a"})),
            ("/status/blueGreen", json!({"activeSelector": "b"})),
            (
                "/status/blueGreen/postPromotionAnalysisRunStatus",
                run("Running"),
            ),
            (
                "/status/blueGreen/postPromotionAnalysisRunStatus",
                run("Successful"),
            ),
            ("/status/stableRS", json!("b")),
        ];
        hindrances.extend(last);
        let strategy = json!({"blueGreen": {"activeService": "s", "postPromotionAnalysis": {}}});
        let told = written(&strategy, &hindrances);
        assert_eq!(
            told[10..],
            [
                "Progressing: active service cutover pending",
                "Progressing: active service cutover pending",
                "Progressing: waiting for analysis to complete",
                "Progressing: waiting for analysis to complete",
                "Progressing: waiting for post-promotion verification to complete",
                "Healthy: ",
            ]
        );
    }
}
