//! A ReplicaSet that the API server does not take.

use super::*;

const NAME: &str = "shop-b";
const QUOTA: &str = "exceeded quota";

fn refused(rollout: &Rollout, why: &str) -> Option<RolloutStatus> {
    replica_set_refused(rollout, (NAME, why), now())
}

/// Everything is well with the version before; `generation` is the one that was observed.
fn healthy(generation: &str) -> Value {
    json!({
        "observedGeneration": generation, "phase": "Healthy", "currentPodHash": "a", "stableRS": "a",
        "currentStepIndex": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2,
        "conditions": [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable",
            "lastTransitionTime": "2026-01-01T11:00:00Z"}],
    })
}

fn shown(rollout: &Rollout, status: RolloutStatus) -> (String, String) {
    let mut after = rollout.clone();
    after.status = status;
    let phase = phase::shown(&after);
    (phase.name, phase.message)
}

/// Fixes RSI-09: clients do not take the version before for the one that is asked for.
#[test]
fn a_change_that_is_refused_does_not_count_as_observed() {
    let rollout = rollout(&healthy("1"));
    let status = refused(&rollout, QUOTA).unwrap();
    assert_eq!(status.observed_generation, "1");
    assert_eq!(status.duration, None);
    let noted = conditions::get(&status, Kind::Progressing).unwrap();
    assert_eq!(noted.reason, conditions::REPLICA_SET_CREATE_ERROR);
    let (name, message) = shown(&rollout, status);
    assert_eq!(name, phase::PROGRESSING);
    assert_eq!(message, "waiting for rollout spec update to be observed");
}

/// Fixes RSI-09: nor is it healthy where the ReplicaSet of a generation that was observed is to be made anew.
#[test]
fn what_cannot_be_made_anew_is_not_healthy() {
    let rollout = rollout(&healthy("2"));
    let status = refused(&rollout, QUOTA).unwrap();
    let (name, message) = shown(&rollout, status);
    assert_eq!(name, phase::PROGRESSING);
    assert_eq!(
        message,
        "ReplicaSetCreateError: Failed to create new replica set \"shop-b\": exceeded quota"
    );
}

/// Fixes RSI-09: a pause is still shown as one.
#[test]
fn a_refusal_hides_no_pause() {
    let mut rollout = rollout(&healthy("2"));
    rollout.spec.paused = true;
    assert_eq!(refused(&rollout, QUOTA).unwrap().phase, phase::PAUSED);
}

/// Fixes RSI-09: nothing is written for another try that is refused alike.
#[test]
fn a_refusal_is_noted_once() {
    let mut rollout = rollout(&healthy("1"));
    rollout.status = refused(&rollout, QUOTA).unwrap();
    assert_eq!(refused(&rollout, QUOTA), None);
    let since = |status: &RolloutStatus| {
        let noted = conditions::get(status, Kind::Progressing).unwrap();
        (noted.message.clone(), noted.last_transition_time)
    };
    let later = now() + jiff::SignedDuration::from_secs(60);
    let other = replica_set_refused(&rollout, (NAME, "no such namespace"), later).unwrap();
    let (message, transition) = since(&other);
    assert!(message.ends_with("no such namespace"), "{message}");
    assert_eq!(transition, since(&rollout.status).1);
}

/// Fixes RSI-09: the time for which it was refused counts for no deadline.
#[test]
fn a_replica_set_that_is_found_after_a_refusal_begins_anew() {
    let mut rollout = rollout(&healthy("1"));
    assert_eq!(replica_set_found(&rollout, NAME, now()), None);
    rollout.status = refused(&rollout, QUOTA).unwrap();
    let later = now() + jiff::SignedDuration::from_secs(3600);
    let status = replica_set_found(&rollout, NAME, later).unwrap();
    let noted = conditions::get(&status, Kind::Progressing).unwrap();
    assert_eq!(noted.reason, conditions::FOUND_NEW_REPLICA_SET);
    assert!(!progress::is_timed_out(&rollout.spec, &status, later));
}
