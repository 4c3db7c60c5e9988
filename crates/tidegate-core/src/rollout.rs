//! Rollouts: from what was observed to what is to be done. [`decide`] is the table of contents; it
//! holds the branches, and the files beneath hold the arithmetic.

mod blue_green;
mod canary;
pub mod conditions;
pub mod desired;
pub mod draft;
pub mod duration;
pub mod events;
mod parse;
mod pass;
pub mod phase;
pub mod pods;
pub mod progress;
mod promotion;
pub mod release;
pub mod replica_math;
pub mod restart;
mod revision;
mod rollback;
mod scale_down;
pub mod snapshot;
pub mod status;
pub mod steps;
pub mod traffic;
pub mod unreadable;
pub mod validate;
pub mod workload;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tidegate_api::{
    rollout::{Rollout, RolloutStatus},
    workload::Service,
};

pub use parse::parse;
pub use snapshot::RolloutSnapshot;

use crate::{
    freshness::Outrun,
    observed::Finding,
    plan::{Class, Effect, Event, Guard, ObjectKey, Plan, REPLICA_SETS, ROLLOUTS, Verb, Write},
    reason::Reason,
    rollout::{
        desired::weight,
        draft::{Outcome, Skip},
        snapshot::Given,
    },
    run::{Applied, Failure, Told},
};

/// Decides one pass. Total: whatever was observed, there is a plan, if only to say why nothing is done.
pub fn decide(snapshot: &RolloutSnapshot, findings: &[Finding], now: Timestamp) -> Plan {
    if snapshot.rollout.metadata.deletion_timestamp.is_some() {
        return Plan::default();
    }
    if findings.is_empty()
        && let Some(plan) = revision::adopt(snapshot).or_else(|| revision::let_go(snapshot))
    {
        // The next pass sees what is its own then.
        return plan;
    }
    let mut plan = if let Some(finding) = findings.first() {
        invalid(snapshot, finding, now)
    } else if snapshot.new.is_none() {
        create(snapshot, now)
    } else if snapshot.replicas_given == Given::No {
        pass::single(give_replicas(snapshot))
    } else if let Some(status) = found(snapshot, now) {
        Plan {
            status: Some(Box::new(status)),
            ..Plan::default()
        }
    } else if let Some(next) = status::pauses_noted(snapshot, &pass::begin(snapshot, now), now) {
        pass::status_only(next)
    } else {
        carry_on(snapshot, now)
    };
    if findings.is_empty() {
        let leftovers = snapshot.leftovers.iter().cloned();
        plan.effects.extend(leftovers.map(Effect::Write));
    }
    if findings.is_empty() && snapshot.new.is_some() {
        workload::scale_down(snapshot, &mut plan);
    }
    if !plan.effects.is_empty() {
        plan.look = pass::look(snapshot, now);
    }
    welcome(snapshot, &mut plan);
    plan
}

/// The strategy's own pass, or only sizes if the count changed (SCL-01).
fn carry_on(snapshot: &RolloutSnapshot, now: Timestamp) -> Plan {
    match (&snapshot.blue_green, is_scaling_event(snapshot)) {
        (Some(_), true) => blue_green::scale_only(snapshot, now),
        (Some(colours), false) => blue_green::pass(snapshot, colours, now),
        (None, true) => canary::scale_only(snapshot, now),
        (None, false) => canary::pass(snapshot, now),
    }
}

/// The Rollout itself, if it must be read live before its plan is carried out: what it takes over may have
/// lost its owner to a deletion that keeps it, of which the caches know nothing yet. Keeps RSI-01.
pub fn to_look_at_again(snapshot: &RolloutSnapshot, findings: &[Finding]) -> Option<ObjectKey> {
    let adopts = findings.is_empty()
        && !snapshot.orphans.is_empty()
        && snapshot.rollout.metadata.deletion_timestamp.is_none();
    adopts.then(|| ObjectKey::new(ROLLOUTS, &snapshot.namespace, &snapshot.name))
}

/// Whether the Rollout that is there now is the one that was observed, and stays.
pub fn stays(snapshot: &RolloutSnapshot, live: &Value) -> bool {
    let metadata = &live["metadata"];
    metadata["uid"] == snapshot.uid.as_str() && metadata["deletionTimestamp"].is_null()
}

/// The Services that a Rollout names.
pub fn service_names(rollout: &Rollout) -> BTreeSet<String> {
    let strategy = &rollout.spec.strategy;
    let canary = strategy.canary.iter().flat_map(|canary| {
        let ping_pong = canary
            .ping_pong
            .iter()
            .flat_map(|services| [&services.ping_service, &services.pong_service]);
        [&canary.canary_service, &canary.stable_service]
            .into_iter()
            .chain(ping_pong)
    });
    let blue_green = strategy
        .blue_green
        .iter()
        .flat_map(|colours| [&colours.active_service, &colours.preview_service]);
    canary
        .chain(blue_green)
        .filter(|name| !name.is_empty())
        .cloned()
        .collect()
}

/// The Services that a Rollout names and that are not its own yet: others may want them, too (S2-14).
pub fn unclaimed_services<'a>(
    rollout: &Rollout,
    services: impl IntoIterator<Item = &'a Service>,
) -> BTreeSet<String> {
    let own = Some(rollout.metadata.name.as_str());
    services
        .into_iter()
        .filter(|service| release::manager(&service.metadata) != own)
        .map(|service| service.metadata.name.clone())
        .collect()
}

/// Some failures are for the user to mend: a write that is refused (RSI-09, TRF-26), a name that stays
/// taken, a router that cannot be written. `None` for all others: they are tried again.
pub fn after_failure(
    snapshot: &RolloutSnapshot,
    applied: &Applied,
    outrun: Option<Outrun>,
    now: Timestamp,
) -> Option<Told> {
    let (write, failure) = applied.failure()?;
    match (failure, write) {
        (Failure::Refused(why), Some(write)) => Some(refused(snapshot, write, why, now)),
        (Failure::AlreadyExists, Some(write)) if outrun.is_some_and(Outrun::is_lasting) => {
            let why = events::name_is_taken(&write.target);
            Some(Told {
                unseen: Some(write.target.resource.clone()),
                ..refused(snapshot, write, &why, now)
            })
        }
        (Failure::Inexpressible(event), None) => Some(Told::by_event(event.clone())),
        (Failure::Refused(why), None) => Some(Told::by_event(events::routing_error(why.clone()))),
        (Failure::Inexpressible(_), Some(_))
        | (
            Failure::Conflict
            | Failure::AlreadyExists
            | Failure::NotFound
            | Failure::Protected(_)
            | Failure::Unavailable(_)
            | Failure::Unknown(_)
            | Failure::Contested(_),
            _,
        ) => None,
    }
}

/// What is told if the write of a status fails. One that is refused leaves no other trace: the update waits
/// until it can be noted down.
pub fn told_of_status(write: &Write, failure: &Failure) -> Vec<Event> {
    let refusal = failure.refusal();
    refusal
        .map(|why| events::refused(write, why))
        .into_iter()
        .collect()
}

/// What a pass tells of single pods that the API server does not let it write (S1-24).
pub fn told_of_pods(applied: &Applied) -> Vec<Event> {
    let set_aside = applied.set_aside().iter();
    set_aside
        .filter_map(|(write, failure)| Some(events::pod_refused(write, failure.refusal()?)))
        .collect()
}

/// A write that the API server does not take. A ReplicaSet that cannot be created has a condition of
/// its own; all others are told by an event.
fn refused(snapshot: &RolloutSnapshot, write: &Write, why: &str, now: Timestamp) -> Told {
    let name = new_name(snapshot);
    let target = &write.target;
    if target.resource != REPLICA_SETS || target.name != name || snapshot.new.is_some() {
        return Told::by_event(events::refused(write, why));
    }
    let next = status::replica_set_refused(&snapshot.rollout, (&name, why), now);
    Told {
        write: next.and_then(|next| status::write_status(&snapshot.rollout, &next, None)),
        events: vec![events::replica_set_create_error(&name, why)],
        ..Told::default()
    }
}

fn new_name(snapshot: &RolloutSnapshot) -> String {
    format!("{}-{}", snapshot.name, snapshot.template_hash)
}

/// The status says what is wrong; nothing else is touched (S0-19).
fn invalid(snapshot: &RolloutSnapshot, finding: &Finding, now: Timestamp) -> Plan {
    let reason = Reason::Invalid {
        message: finding.message.clone(),
    };
    let mut plan = Plan {
        status: status::invalid(&snapshot.rollout, finding, now).map(Box::new),
        reasons: vec![reason.clone()],
        ..Plan::default()
    };
    // What is missing may come without anything else changing (VAL-31).
    let again = now.checked_add(SignedDuration::from_secs(20));
    plan.wake_at(again.unwrap_or(Timestamp::MAX), reason);
    plan
}

/// The note about progress that every Rollout has; it is missing where the write after the creation
/// of its ReplicaSet was lost (RSI-10), and another one where a ReplicaSet was refused.
fn found(snapshot: &RolloutSnapshot, now: Timestamp) -> Option<RolloutStatus> {
    let new = snapshot.new_replica_set()?;
    status::replica_set_found(&snapshot.rollout, &new.name, now)
}

/// A ReplicaSet for a template that has none; the pass ends with it (RSI-07, RSI-10). If its name is
/// taken by something else, the hash gets another seed (RSI-08).
fn create(snapshot: &RolloutSnapshot, now: Timestamp) -> Plan {
    let write = revision::new_replica_set(snapshot);
    let number = revision::next_number(snapshot);
    let name = write.target.name.clone();
    if snapshot.taken_names.contains(&name) {
        let mut next = snapshot.rollout.status.clone();
        next.collision_count = Some(next.collision_count.unwrap_or(0).saturating_add(1));
        return Plan {
            status: Some(Box::new(next)),
            reasons: vec![Reason::Because(format!(
                "{name} belongs to something else: another name is taken"
            ))],
            ..Plan::default()
        };
    }
    let mut plan = Plan {
        effects: revision::mend(snapshot).into_iter().collect(),
        ..Plan::default()
    };
    plan.effects.push(Effect::Write(write));
    plan.effects.extend(revision::note(snapshot, number));
    let created = events::replica_set_created(&name, number);
    // The stable version follows a changed count before an update begins (S0-5).
    let begins = snapshot.stable.is_some()
        && snapshot.template_or_steps_changed()
        && !is_scaling_event(snapshot);
    if !begins || snapshot.blue_green.is_some() {
        let status = status::replica_set_created(&snapshot.rollout, &name, now);
        plan.status = Some(Box::new(status));
        plan.events.push(created);
        return plan;
    }
    // A canary begins in the same write; upstream notes the creation with one of its own first. A
    // blue-green update begins in the one that tells of its preview.
    let mut draft = pass::begin(snapshot, now);
    draft.outcome = Outcome::Restart(Skip::No);
    draft.revision = Some(number);
    draft.created = Some(name);
    draft.events.push(created);
    let handed_over = weight::handed_over(snapshot);
    let told = handed_over.map(|(weights, told)| {
        draft.weights = Some(weights);
        told
    });
    let mut plan = pass::finish(plan, status::next(snapshot, &draft, now));
    plan.events.extend(told);
    plan
}

/// Autoscalers need a number (QUE-17).
fn give_replicas(snapshot: &RolloutSnapshot) -> Effect {
    Effect::Write(Write {
        verb: Verb::Patch,
        target: ObjectKey::new(ROLLOUTS, &snapshot.namespace, &snapshot.name),
        guard: Guard::Version {
            uid: snapshot.uid.clone(),
            resource_version: snapshot.resource_version.clone(),
        },
        body: json!({"spec": {"replicas": snapshot.replicas}}),
        class: Class::Meta,
        events: Vec::new(),
        reason: Reason::Default,
    })
}

/// Whether `spec.replicas` changed since the new or the stable ReplicaSet was last scaled. Keeps SCL-02.
fn is_scaling_event(snapshot: &RolloutSnapshot) -> bool {
    [snapshot.new_replica_set(), snapshot.stable_replica_set()]
        .into_iter()
        .flatten()
        .filter(|set| set.replicas > 0)
        .any(|set| {
            set.desired
                .is_some_and(|desired| desired != snapshot.replicas)
        })
}

/// The first event of a new Rollout. Differs from upstream: a controller that starts does not tell it
/// of every Rollout again (QUE-05).
fn welcome(snapshot: &RolloutSnapshot, plan: &mut Plan) {
    let status = &snapshot.rollout.status;
    if !status.observed_generation.is_empty() || !status.conditions.is_empty() {
        return;
    }
    let event = Event::normal(
        "RolloutAddedToInformer",
        format!(
            "Rollout resource added to informer: {}/{}",
            snapshot.namespace, snapshot.name
        ),
    );
    match plan.effects.first_mut() {
        Some(Effect::Write(write)) => write.events.insert(0, event),
        Some(Effect::Route(route)) => route.events.insert(0, event),
        None => plan.events.insert(0, event),
    }
}
