//! What users are told of writes that cannot be done.

use jiff::Timestamp;
use tidegate_api::{
    analysis::phase,
    experiment::{Experiment, ExperimentAnalysisRunStatus, ExperimentStatus, TemplateStatus},
    meta::Time,
};

use super::{Decision, Part, analyses, assess, conditions, snapshot::ExperimentSnapshot};
use crate::{
    freshness::Outrun,
    plan::{Event, REPLICA_SETS, SERVICES, Verb, Write},
    rollout::events,
    run::{Applied, Failure, Told},
};

/// A write that is refused makes its version or its analysis an error, and with it the Experiment (EXP-04,
/// EXP-07, EXP-11). `None` for all other failures: they are tried again.
pub fn after_failure(
    snapshot: &ExperimentSnapshot,
    decision: &Decision,
    (applied, outrun): (&Applied, Option<Outrun>),
    now: Timestamp,
) -> Option<Told> {
    let (write, failure) = applied.failure()?;
    let write = write.as_ref()?;
    match failure {
        Failure::Refused(why) => Some(refused(snapshot, decision, (write, why), now)),
        Failure::AlreadyExists if outrun.is_some_and(Outrun::is_lasting) => Some(Told {
            unseen: Some(write.target.resource.clone()),
            ..Told::by_event(events::refused(
                write,
                &events::name_is_taken(&write.target),
            ))
        }),
        Failure::Conflict
        | Failure::AlreadyExists
        | Failure::NotFound
        | Failure::Protected(_)
        | Failure::Unavailable(_)
        | Failure::Unknown(_)
        | Failure::Inexpressible(_)
        | Failure::Contested(_) => None,
    }
}

fn refused(
    snapshot: &ExperimentSnapshot,
    decision: &Decision,
    (write, why): (&Write, &str),
    now: Timestamp,
) -> Told {
    let experiment = &snapshot.experiment;
    let mut next = experiment.status.clone();
    let mut told = Vec::new();
    let mut owner_events = Vec::new();
    match decision.parts.get(&write.target) {
        Some(Part::Template(name)) => {
            told.extend(of_a_replica_set(write, why));
            let message = sentence(name, write, why);
            told.extend(fail_template(&mut next, name, (message, now)));
        }
        Some(Part::Analysis(name)) => {
            let message = match write.verb {
                Verb::Create => analyses::not_created(name, why),
                Verb::Patch | Verb::PatchStatus | Verb::Delete | Verb::Evict => why.to_owned(),
            };
            owner_events.extend(fail_analysis(&mut next, name, message));
            told.extend(owner_events.clone());
        }
        None => return Told::by_event(events::refused(write, why)),
    }
    if assess::is_finished(&experiment.status) {
        return Told::by_event(events::refused(write, why));
    }
    settle(experiment, &mut next, &mut told, now);
    Told {
        write: super::write_status(experiment, &next),
        events: told,
        owner_events,
        ..Told::default()
    }
}

fn settle(
    experiment: &Experiment,
    next: &mut ExperimentStatus,
    told: &mut Vec<Event>,
    now: Timestamp,
) {
    assess::settle(&experiment.spec, next, now);
    conditions::follow(experiment, next, now);
    let before = &experiment.status.phase;
    if next.phase != *before {
        told.push(super::transition(before, &next.phase));
    }
}

fn of_a_replica_set(write: &Write, why: &str) -> Option<Event> {
    if write.target.resource != REPLICA_SETS {
        return None;
    }
    let name = &write.target.name;
    Some(match write.verb {
        Verb::Create => events::replica_set_create_error(name, why),
        Verb::Patch | Verb::PatchStatus | Verb::Delete | Verb::Evict => {
            let message = format!("Failed to scale {name}: {why}");
            Event::warning("ReplicaSetUpdateError", message)
        }
    })
}

fn sentence(template: &str, write: &Write, why: &str) -> String {
    let name = &write.target.name;
    match (write.target.resource == SERVICES, write.verb) {
        (true, Verb::Create) => {
            format!("Failed to create Service {name} for template '{template}': {why}")
        }
        (true, _) => format!("Failed to delete Service for template '{template}': {why}"),
        (false, Verb::Create) => {
            format!("Failed to create ReplicaSet for template '{template}': {why}")
        }
        (false, _) => {
            let size = write.body.pointer("/spec/replicas");
            let size = size.map_or_else(|| "0".to_owned(), ToString::to_string);
            format!(
                "Unable to scale ReplicaSet for template '{template}' to desired replica count \
                 '{size}': {why}"
            )
        }
    }
}

fn fail_template(
    next: &mut ExperimentStatus,
    name: &str,
    (message, now): (String, Timestamp),
) -> Option<Event> {
    if assess::template(next, name).is_none() {
        next.template_statuses.push(TemplateStatus {
            name: name.to_owned(),
            last_transition_time: Some(Time::new(now)),
            ..TemplateStatus::default()
        });
    }
    let mut known = next.template_statuses.iter_mut();
    let place = known.find(|known| known.name == name)?;
    if assess::is_final(&place.status) {
        return None;
    }
    let from = std::mem::replace(&mut place.status, phase::ERROR.to_owned());
    let told = format!("Template '{name}' transitioned from {from} -> Error: {message}");
    place.message = message;
    Some(Event::warning("TemplateError", told))
}

fn fail_analysis(next: &mut ExperimentStatus, name: &str, message: String) -> Option<Event> {
    let known = assess::analysis(next, name).cloned();
    let before = known.unwrap_or_else(|| ExperimentAnalysisRunStatus {
        name: name.to_owned(),
        ..ExperimentAnalysisRunStatus::default()
    });
    let after = ExperimentAnalysisRunStatus {
        phase: phase::ERROR.to_owned(),
        message,
        ..before.clone()
    };
    let told = analyses::told(&before, &after);
    analyses::set(next, after);
    told
}
