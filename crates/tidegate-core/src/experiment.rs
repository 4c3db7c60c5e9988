//! Experiments: versions side by side for a while, each with a ReplicaSet and perhaps a Service, and
//! analyses that watch them (EXP-01 to EXP-18).
//!
//! The way is that of a Rollout: [`parse`] makes a snapshot of what was observed, [`decide`] a plan and
//! the status that follows from it, [`write()`] the patch that is sent once the plan was carried out.

mod analyses;
pub mod assess;
mod conditions;
mod failure;
mod lookup;
mod parse;
mod replica_set;
mod services;
mod snapshot;
mod templates;
pub mod unreadable;
pub mod validate;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tidegate_api::{
    analysis::phase,
    document,
    experiment::{Experiment, ExperimentStatus},
};

pub use failure::after_failure;
pub use lookup::{missing, rollout, service_names, set_names};
pub use parse::{Observed, parse};
pub use replica_set::collision_name;
pub use snapshot::{ExperimentSnapshot, Owner};
pub use templates::desired_replicas;

use crate::{
    observed::Finding,
    plan::{Class, EXPERIMENTS, Effect, Event, Guard, ObjectKey, Plan, Severity, Verb, Write},
    reason::Reason,
    run::Applied,
};

/// How long until an Experiment looks again whether its traffic is gone, if nobody tells.
const UNTIL_TRAFFIC_IS_GONE: SignedDuration = SignedDuration::from_secs(10);

/// What one pass over an Experiment asks for.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// What is to be done, when to look again, and what is told once the status stands; its status is
    /// never given, because it would be a Rollout's.
    pub plan: Plan,
    /// The status as it will be once everything is done; `None` leaves it untouched.
    pub status: Option<Box<ExperimentStatus>>,
    /// What the Rollout is told whose step this is (EXP-17).
    pub owner_events: Vec<Event>,
    /// What each write is for, so that its failure can be told.
    pub(crate) parts: BTreeMap<ObjectKey, Part>,
}

/// What a write is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A version, by its name.
    Template(String),
    /// An analysis, by its name.
    Analysis(String),
}

/// Decides one pass. Total: whatever was observed, there is a decision.
pub fn decide(snapshot: &ExperimentSnapshot, findings: &[Finding], now: Timestamp) -> Decision {
    if snapshot.experiment.metadata.deletion_timestamp.is_some() {
        return Decision::default();
    }
    if let Some(finding) = findings.first() {
        return invalid(&snapshot.experiment, finding, now);
    }
    if let Some(template) = &snapshot.ambiguous {
        let message = format!("several objects match the single template {template}");
        let mut decision = Decision::default();
        decision.plan.retry = Some(Reason::Because(message));
        return decision;
    }
    let mut decision = Decision::default();
    let mut next = snapshot.experiment.status.clone();
    for view in &snapshot.templates {
        templates::reconcile(snapshot, view, now, (&mut decision, &mut next));
    }
    for analysis in &snapshot.experiment.spec.analyses {
        analyses::reconcile(snapshot, analysis, (&mut decision, &mut next));
    }
    conclude(&snapshot.experiment, next, now, &mut decision);
    decision
}

/// The status says what is wrong; nothing else is touched. Keeps EXP-01.
fn invalid(experiment: &Experiment, finding: &Finding, now: Timestamp) -> Decision {
    let mut next = experiment.status.clone();
    conditions::set_invalid(&mut next, &finding.message, now);
    let mut decision = Decision {
        status: Some(Box::new(next)),
        ..Decision::default()
    };
    decision.plan.reasons.push(Reason::Invalid {
        message: finding.message.clone(),
    });
    decision
}

/// Phase, conditions, the event that tells of the phase, and when to look again. Keeps EXP-09 and EXP-14.
fn conclude(
    experiment: &Experiment,
    mut next: ExperimentStatus,
    now: Timestamp,
    decision: &mut Decision,
) {
    assess::settle(&experiment.spec, &mut next, now);
    conditions::follow(experiment, &mut next, now);
    let before = &experiment.status.phase;
    if next.phase != *before {
        decision.plan.events.push(transition(before, &next.phase));
    }
    let after = Experiment {
        status: next.clone(),
        ..experiment.clone()
    };
    for (at, reason) in assess::wakes(&after, now) {
        decision.plan.wake_at(at, reason);
    }
    decision.status = Some(Box::new(next));
}

/// Keeps EXP-16.
fn transition(before: &str, after: &str) -> Event {
    let message = format!("Experiment transitioned from {before} -> {after}");
    told(after, format!("Experiment{after}"), message)
}

/// An event about a phase: a warning if that is not a good one.
fn told(phase: &str, reason: String, message: String) -> Event {
    let is_bad = [phase::FAILED, phase::ERROR, phase::INCONCLUSIVE].contains(&phase);
    Event {
        severity: if is_bad {
            Severity::Warning
        } else {
            Severity::Normal
        },
        reason: reason.into(),
        message,
    }
}

/// The write that brings the recorded status to the decision's, if anything differs and everything was
/// done. Experiments have no status subresource: the patch goes to the object, and touches its status only.
pub fn write(
    snapshot: &ExperimentSnapshot,
    decision: &Decision,
    applied: &Applied,
) -> Option<Write> {
    let next = decision
        .status
        .as_deref()
        .filter(|_| applied.is_complete())?;
    write_status(&snapshot.experiment, next)
}

fn write_status(experiment: &Experiment, next: &ExperimentStatus) -> Option<Write> {
    let before = serde_json::to_value(&experiment.status).ok()?;
    let after = serde_json::to_value(next).ok()?;
    let differences = document::merge_patch(&before, &after)?;
    Some(Write {
        verb: Verb::Patch,
        target: key(experiment),
        guard: guard(&experiment.metadata),
        body: json!({ "status": differences }),
        class: Class::Status,
        events: Vec::new(),
        reason: Reason::Because("the status follows what was decided".to_owned()),
    })
}

fn key(experiment: &Experiment) -> ObjectKey {
    let metadata = &experiment.metadata;
    ObjectKey::new(EXPERIMENTS, &metadata.namespace, &metadata.name)
}

fn guard(metadata: &tidegate_api::meta::ObjectMeta) -> Guard {
    Guard::Version {
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
    }
}

impl Decision {
    fn add(&mut self, part: &Part, write: Write) {
        self.parts.insert(write.target.clone(), part.clone());
        self.plan.effects.push(Effect::Write(write));
    }
}

#[cfg(test)]
mod tests;
