//! Passes as people meet them: what is recorded, told and waited for.

mod durations;
mod refused;
mod whole;

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde_json::{Value, json};
use tidegate_api::rollout::Rollout;

use super::*;
use crate::{
    plan::Effect,
    rollout::{
        draft::{AbortChange, Outcome, Rollback, Skip},
        pods::Pods,
        snapshot::{
            Canary, Flag, Given, Labels, Lifetime, ObservedSpec, Recorded, ReplicaSetView, Routing,
            UserPause,
        },
    },
    run::PlanRun,
};

const NOW: &str = "2026-01-01T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A Rollout `shop` with two pods and the steps setWeight and pause; `status` is what is recorded.
fn rollout(status: &Value) -> Rollout {
    serde_json::from_value(json!({
        "metadata": {"name": "shop", "namespace": "prod", "uid": "u", "resourceVersion": "7",
            "generation": 2},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "shop"}},
            "strategy": {"canary": {"steps": [{"setWeight": 50}, {"pause": {}}]}}},
        "status": status,
    }))
    .unwrap()
}

fn replica_set(hash: &str, pods: i32) -> ReplicaSetView {
    ReplicaSetView {
        name: format!("shop-{hash}"),
        uid: hash.to_owned(),
        resource_version: "1".to_owned(),
        hash: hash.to_owned(),
        revision: None,
        desired: None,
        scale_down_deadline: None,
        replicas: pods,
        min_ready_seconds: 0,
        selector: None,
        template: Arc::default(),
        created_replicas: pods,
        labeled: pods,
        ready: pods,
        available: pods,
        created: None,
        lifetime: Lifetime::Alive,
        observed: ObservedSpec::Current,
        annotations: BTreeMap::new(),
        failure: None,
        labels: Labels::Kept,
    }
}

/// The first ReplicaSet is the stable one, the last the new one.
fn snapshot(rollout: Rollout, replica_sets: Vec<ReplicaSetView>) -> RolloutSnapshot {
    let status = rollout.status.clone();
    let spec = &rollout.spec.strategy.canary;
    let steps = spec.iter().flat_map(|canary| &canary.steps);
    RolloutSnapshot {
        name: rollout.metadata.name.clone(),
        namespace: rollout.metadata.namespace.clone(),
        uid: rollout.metadata.uid.clone(),
        resource_version: rollout.metadata.resource_version.clone(),
        generation: rollout.metadata.generation,
        revision: Some(2),
        replicas: 2,
        replicas_given: Given::Yes,
        user_pause: UserPause::Running,
        min_ready_seconds: 0,
        revision_history_limit: 10,
        progress_deadline_seconds: 600,
        rollback_window: 0,
        canary: Canary {
            steps: steps.map(crate::rollout::steps::Step::from_wire).collect(),
            canary_service: String::new(),
            stable_service: String::new(),
            ping_pong: None,
            max_surge: 1,
            max_unavailable: 0,
            routing: Routing::ByReplicas,
            abort_scale_down_delay: None,
            scale_down_delay: None,
            scale_down_delay_revision_limit: None,
        },
        blue_green: None,
        workload: None,
        noted_generation: None,
        template: Arc::new(Value::Null),
        left_out: None,
        template_hash: replica_sets
            .last()
            .map_or_else(String::new, |last| last.hash.clone()),
        step_hash: "steps".to_owned(),
        new: replica_sets.len().checked_sub(1),
        stable: (!status.stable_rs.is_empty()).then_some(0),
        replica_sets,
        services: BTreeMap::new(),
        recorded: Recorded {
            stable: status.stable_rs.clone(),
            current: status.current_pod_hash.clone(),
            step_hash: status.current_step_hash.clone(),
            step_index: status.current_step_index,
            abort: Flag::from(status.abort),
            promote_full: Flag::from(status.promote_full),
            ..Recorded::default()
        },
        analysis_runs: Vec::new(),
        taken_run_names: Vec::new(),
        experiments: Vec::new(),
        taken_experiment_names: Vec::new(),
        templates: crate::rollout::desired::analysis_runs::Templates::default(),
        pods: Pods::NotListed,
        orphans: Vec::new(),
        routers: Vec::new(),
        leftovers: Vec::new(),
        verify_retry_seconds: 10,
        taken_names: Vec::new(),
        rollout: Arc::new(rollout),
    }
}

/// Halfway: one pod of each version, at `index`, nothing unusual.
fn midway(index: i32, more: &Value) -> Value {
    let mut status = json!({
        "observedGeneration": "2", "stableRS": "old", "currentPodHash": "new",
        "currentStepHash": "steps", "currentStepIndex": index,
        "replicas": 2, "updatedReplicas": 1, "readyReplicas": 2, "availableReplicas": 2,
        "conditions": [{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated",
            "message": "ReplicaSet \"shop-new\" is progressing.",
            "lastUpdateTime": "2026-01-01T11:59:00Z",
            "lastTransitionTime": "2026-01-01T11:50:00Z"}],
    });
    for (name, value) in more.as_object().unwrap() {
        status[name] = value.clone();
    }
    status
}

fn halfway(index: i32, more: &Value) -> RolloutSnapshot {
    snapshot(
        rollout(&midway(index, more)),
        vec![replica_set("old", 1), replica_set("new", 1)],
    )
}

fn told(next: &Next) -> Vec<&str> {
    next.events
        .iter()
        .map(|event| event.message.as_str())
        .collect()
}

fn reason_of(status: &RolloutStatus, kind: Kind) -> (&str, &str) {
    conditions::get(status, kind).map_or(("", ""), |condition| {
        (condition.status.as_str(), condition.reason.as_str())
    })
}

#[test]
fn a_new_rollout_begins_at_its_first_step() {
    let first = rollout(
        &json!({"conditions": [{"type": "Progressing", "status": "True",
        "reason": "NewReplicaSetCreated"}]}),
    );
    let snapshot = snapshot(first, vec![replica_set("new", 0)]);
    let draft = Draft {
        outcome: Outcome::Restart(Skip::No),
        ..Draft::default()
    };
    let next = next(&snapshot, &draft, now());
    assert_eq!(next.status.current_step_index, Some(0));
    assert_eq!(next.status.observed_generation, "2");
    assert_eq!(next.status.selector, "app=shop");
    assert_eq!(next.status.message, "more replicas need to be updated");
    assert_eq!(
        told(&next),
        ["Rollout not completed, started update to revision 2 (new)"]
    );
    let duration = next.status.duration.unwrap();
    assert_eq!(duration.rollout_started_at, Some(now().into()), "DUR-01");
}

#[test]
fn a_completed_step_moves_on_and_tells_so() {
    let snapshot = halfway(0, &json!({}));
    let draft = Draft {
        outcome: Outcome::StepDone("setWeight: 50".to_owned()),
        ..Draft::default()
    };
    let next = next(&snapshot, &draft, now());
    assert_eq!(next.status.current_step_index, Some(1));
    assert!(told(&next).contains(&"Rollout step 1/2 completed (setWeight: 50)"));
}

#[test]
fn a_pause_keeps_its_start_and_is_told_once() {
    let draft = Draft {
        add_pauses: vec!["CanaryPauseStep"],
        ..Draft::default()
    };
    let first = next(&halfway(1, &json!({})), &draft, now());
    assert!(first.status.controller_pause);
    assert_eq!(
        told(&first).last(),
        Some(&"Rollout is paused (CanaryPauseStep)")
    );
    assert_eq!((first.status.phase.as_str(), first.wake), ("Paused", None));

    let recorded = serde_json::to_value(&*first.status).unwrap();
    let held = snapshot(
        rollout(&recorded),
        vec![replica_set("old", 1), replica_set("new", 1)],
    );
    let later = now()
        .checked_add(jiff::SignedDuration::from_secs(60))
        .unwrap();
    let again = next(&held, &draft, later);
    assert_eq!(again.status, first.status, "no write without a change");
    assert!(again.events.is_empty());
}

#[test]
fn a_pause_is_noted_before_anything_else_and_without_events() {
    let paused = json!({"controllerPause": true, "pauseConditions":
        [{"reason": "CanaryPauseStep", "startTime": "2026-01-01T11:59:00Z"}]});
    let noted = pauses_noted(&halfway(1, &paused), &Draft::default(), now()).unwrap();
    let status = &noted.status;
    assert_eq!(
        reason_of(status, Kind::Progressing),
        ("Unknown", "RolloutPaused")
    );
    assert_eq!(reason_of(status, Kind::Paused), ("True", "RolloutPaused"));
    assert!(noted.events.is_empty());
    assert!(pauses_noted(&halfway(1, &json!({})), &Draft::default(), now()).is_none());
}

#[test]
fn nothing_is_noted_while_the_generation_is_unseen() {
    let paused = json!({"observedGeneration": "1", "pauseConditions":
        [{"reason": "CanaryPauseStep", "startTime": "2026-01-01T11:59:00Z"}]});
    assert!(pauses_noted(&halfway(1, &paused), &Draft::default(), now()).is_none());
}

#[test]
fn an_abort_clears_pauses_keeps_its_instant_and_says_why() {
    let paused = json!({"controllerPause": true, "pauseConditions":
        [{"reason": "CanaryPauseStep", "startTime": "2026-01-01T11:59:00Z"}]});
    let draft = Draft {
        abort: AbortChange::Add("the analysis failed".to_owned()),
        ..Draft::default()
    };
    let first = next(&halfway(1, &paused), &draft, now());
    let status = &first.status;
    assert_eq!((status.current_step_index, status.abort), (Some(0), true));
    assert!(status.pause_conditions.is_empty() && !status.controller_pause);
    assert_eq!(
        told(&first).len(),
        2,
        "the abort and RolloutNotCompleted: {:?}",
        told(&first)
    );
    let message = "Rollout aborted update to revision 2: the analysis failed";
    assert_eq!(told(&first).first(), Some(&message));
    assert_eq!(status.message, format!("RolloutAborted: {message}"));

    let recorded = serde_json::to_value(&**status).unwrap();
    let held = snapshot(
        rollout(&recorded),
        vec![replica_set("old", 1), replica_set("new", 1)],
    );
    let later = now()
        .checked_add(jiff::SignedDuration::from_secs(60))
        .unwrap();
    let again = next(&held, &Draft::default(), later);
    assert_eq!(again.status, first.status, "STS-17");
}

#[test]
fn a_retry_is_noted_and_starts_the_clock_again() {
    let aborted = json!({
        "duration": {"rolloutStartedAt": "2026-01-01T11:00:00Z",
            "finishedAt": "2026-01-01T11:30:00Z", "completionStatus": "Aborted"},
        "conditions": [{"type": "Progressing", "status": "False", "reason": "RolloutAborted"}]});
    let noted = pauses_noted(&halfway(0, &aborted), &Draft::default(), now()).unwrap();
    assert_eq!(
        reason_of(&noted.status, Kind::Progressing),
        ("Unknown", "RolloutRetry")
    );
    let duration = noted.status.duration.unwrap();
    assert_eq!(duration.rollout_started_at, Some(now().into()));
    assert_eq!(duration.completion_status, None);
}

#[test]
fn promotion_names_its_reason_and_is_healthy_once_the_pods_are_there() {
    let status = midway(
        2,
        &json!({"duration": {"rolloutStartedAt": "2026-01-01T11:00:00Z"}}),
    );
    let held = snapshot(
        rollout(&status),
        vec![replica_set("old", 0), replica_set("new", 2)],
    );
    let draft = Draft {
        outcome: Outcome::Promote("Completed all 2 canary steps".to_owned()),
        ..Draft::default()
    };
    let next = next(&held, &draft, now());
    assert_eq!(next.status.stable_rs, "new");
    assert_eq!(
        told(&next),
        ["Rollout completed update to revision 2 (new): Completed all 2 canary steps"]
    );
    assert_eq!(next.status.phase, "Healthy");
    let reason = reason_of(&next.status, Kind::Progressing);
    assert_eq!(reason, ("True", "NewReplicaSetAvailable"));
    let duration = next.status.duration.unwrap();
    assert_eq!(duration.completion_status.as_deref(), Some("Promoted"));
    assert_eq!(duration.finished_at, Some(now().into()));
}

#[test]
fn going_back_to_the_stable_template_skips_the_steps() {
    let status = midway(
        1,
        &json!({"duration": {"rolloutStartedAt": "2026-01-01T11:00:00Z"}}),
    );
    let mut back = snapshot(
        rollout(&status),
        vec![replica_set("old", 1), replica_set("new", 1)],
    );
    back.new = Some(0);
    let draft = Draft {
        outcome: Outcome::Restart(Skip::ToStable),
        rollback: Rollback::Fast,
        ..Draft::default()
    };
    let next = next(&back, &draft, now());
    assert_eq!(next.status.current_step_index, Some(2));
    assert_eq!(told(&next), ["Rollback to stable ReplicaSets"]);
    let duration = next.status.duration.unwrap();
    assert_eq!(
        duration.completion_status.as_deref(),
        Some("FastRolledBack")
    );
}

#[test]
fn a_pass_that_only_scales_hands_the_signal_to_resume_on() {
    let unpausing = json!({"controllerPause": true});
    let next = scaled_only(&halfway(1, &unpausing), &Draft::default(), now());
    assert!(next.status.controller_pause, "ACT-07");
    assert_eq!(next.status.current_step_index, Some(1));
}

#[test]
fn an_update_without_progress_is_looked_at_when_its_deadline_has_passed() {
    let first = next(&halfway(0, &json!({})), &Draft::default(), now());
    let wake = first.wake.unwrap();
    assert_eq!(wake.at, "2026-01-01T12:09:01Z".parse().unwrap(), "PDL-03");
    let late = next(&halfway(0, &json!({})), &Draft::default(), wake.at);
    assert_eq!(late.wake, None);
    assert_eq!(
        late.status.message,
        "ProgressDeadlineExceeded: ReplicaSet \"shop-new\" has timed out progressing."
    );
}

#[test]
fn a_deadline_can_abort() {
    let mut stuck = rollout(&midway(0, &json!({})));
    stuck.spec.progress_deadline_abort = true;
    let held = snapshot(stuck, vec![replica_set("old", 1), replica_set("new", 1)]);
    let next = next(
        &held,
        &Draft::default(),
        "2026-01-01T13:00:00Z".parse().unwrap(),
    );
    assert!(next.status.abort, "PDL-04");
    let sentence = "ReplicaSet \"shop-new\" has timed out progressing.";
    assert_eq!(told(&next)[0], sentence);
    assert_eq!(
        told(&next)[1],
        format!("Rollout aborted update to revision 2: {sentence}")
    );
}

#[test]
fn an_invalid_manifest_is_said_once_and_anew_when_the_reason_changes() {
    let finding = |text: &str| Finding {
        message: text.to_owned(),
    };
    let mut held = rollout(&midway(0, &json!({})));
    let status = invalid(&held, &finding("a: b"), now()).unwrap();
    assert_eq!(
        status.message,
        "InvalidSpec: The Rollout \"shop\" is invalid: a: b"
    );
    assert_eq!(status.stable_rs, "old", "everything else stays");
    held.status = status;
    assert_eq!(invalid(&held, &finding("a: b"), now()), None, "STS-12");
    let status = invalid(&held, &finding("c: d"), now()).unwrap();
    assert!(status.message.ends_with("c: d"));
}

#[test]
fn a_mended_manifest_loses_its_condition() {
    let broken = json!({"conditions": [{"type": "InvalidSpec", "status": "True",
        "reason": "InvalidSpec", "message": "m"}]});
    let next = next(&halfway(0, &broken), &Draft::default(), now());
    assert!(conditions::get(&next.status, Kind::InvalidSpec).is_none());
}

/// Keeps QUE-18.
#[test]
fn only_differences_are_written_and_what_is_gone_becomes_null() {
    let held = halfway(1, &json!({"message": "m", "controllerPause": true}));
    let mut status = held.rollout.status.clone();
    status.message = String::new();
    status.updated_replicas = 0;
    status.current_step_index = Some(2);
    let plan = Plan {
        status: Some(Box::new(status)),
        ..Plan::default()
    };
    let write = write(&held, &plan, &PlanRun::new(&plan).finish()).unwrap();
    assert_eq!(
        write.body,
        json!({"status": {"message": null, "updatedReplicas": null, "currentStepIndex": 2}})
    );
    let version = Guard::Version {
        uid: "u".to_owned(),
        resource_version: "7".to_owned(),
    };
    assert_eq!(write.guard, version);
}

/// Keeps QUE-18.
#[test]
fn nothing_is_written_without_a_change_or_after_an_incomplete_run() {
    let held = halfway(1, &json!({}));
    let mut plan = Plan {
        status: Some(Box::new(held.rollout.status.clone())),
        ..Plan::default()
    };
    assert_eq!(write(&held, &plan, &PlanRun::new(&plan).finish()), None);
    plan.status.as_mut().unwrap().message = "other".to_owned();
    let some_write = write(&held, &plan, &PlanRun::new(&plan).finish()).unwrap();
    plan.effects.push(Effect::Write(some_write));
    assert_eq!(write(&held, &plan, &PlanRun::new(&plan).finish()), None);
}

#[test]
fn selectors_read_as_the_scale_subresource_wants_them() {
    let text = |value: Value| {
        let selector = serde_json::from_value(value).unwrap();
        base::selector_text(Some(&selector))
    };
    let full = json!({"matchLabels": {"b": "1"}, "matchExpressions": [
        {"key": "a", "operator": "In", "values": ["y", "x"]},
        {"key": "c", "operator": "DoesNotExist"}]});
    assert_eq!(text(full), "a in (x,y),b=1,!c");
    assert_eq!(text(json!({})), "<none>");
}
