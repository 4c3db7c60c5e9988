//! The analyses of an Experiment: when their runs begin and end, and what is said of them (EXP-11 to
//! EXP-13, EXP-17).

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::json;
use tidegate_api::{
    analysis::{AnalysisRunSpec, Argument, phase},
    experiment::{
        Experiment, ExperimentAnalysisRunStatus, ExperimentAnalysisTemplateRef, ExperimentStatus,
    },
    labels,
    meta::Time,
    object::Object,
    rollout::{AnalysisTemplateRef, RolloutAnalysis},
};
use tidegate_gocompat::duration;

use super::{Decision, Observed, Part, assess, parse::is_own, snapshot::ExperimentSnapshot};
use crate::{
    analysis_run::{args, is_completed},
    plan::{ANALYSIS_RUNS, Class, Effect, Event, Guard, ObjectKey, Verb, Write},
    reason::Reason,
    rollout::{
        desired::{
            analysis_runs::{RunView, cancel, measures, templates},
            trials::{Name, free_name},
        },
        snapshot::Lifetime,
    },
};

/// AnalysisRuns that the status names and that were not seen.
pub(super) fn missing(observed: &Observed) -> Vec<ObjectKey> {
    let experiment = &observed.experiment;
    let namespace = &experiment.metadata.namespace;
    let is_known = |name: &String| {
        let mut runs = observed.analysis_runs.iter();
        runs.any(|run| run.metadata.name == *name && is_own(experiment, &run.metadata))
            || observed.gone_runs.contains(name)
    };
    experiment
        .status
        .analysis_runs
        .iter()
        .filter(|run| !run.analysis_run.is_empty() && !is_completed(&run.phase))
        .map(|run| &run.analysis_run)
        .filter(|name| !is_known(name))
        .map(|name| ObjectKey::new(ANALYSIS_RUNS, namespace, name))
        .collect()
}

/// Brings one analysis on its way, and says in the next status where it is.
pub(super) fn reconcile(
    snapshot: &ExperimentSnapshot,
    analysis: &ExperimentAnalysisTemplateRef,
    (decision, next): (&mut Decision, &mut ExperimentStatus),
) {
    let experiment = &snapshot.experiment;
    let before = assess::analysis(&experiment.status, &analysis.name)
        .cloned()
        .unwrap_or_else(|| ExperimentAnalysisRunStatus {
            name: analysis.name.clone(),
            ..ExperimentAnalysisRunStatus::default()
        });
    let mut status = before.clone();
    if experiment.status.available_at.is_none() {
        verify(snapshot, analysis, &mut status);
    } else if before.analysis_run.is_empty() {
        if !assess::is_terminating(&experiment.spec, &experiment.status) {
            begin(snapshot, analysis, decision, &mut status);
        }
    } else if !is_completed(&before.phase) {
        follow(snapshot, decision, &mut status);
    }
    if let Some(event) = told(&before, &status) {
        decision.owner_events.push(event.clone());
        decision.plan.events.push(event);
    }
    set(next, status);
}

pub(super) fn set(next: &mut ExperimentStatus, status: ExperimentAnalysisRunStatus) {
    let known = next.analysis_runs.iter_mut();
    match known.into_iter().find(|known| known.name == status.name) {
        Some(known) => *known = status,
        None => next.analysis_runs.push(status),
    }
}

/// Before all pods are there, only the template is looked for. Keeps EXP-11.
fn verify(
    snapshot: &ExperimentSnapshot,
    analysis: &ExperimentAnalysisTemplateRef,
    status: &mut ExperimentAnalysisRunStatus,
) {
    let fault = snapshot
        .analysis_templates
        .fault(std::slice::from_ref(&reference(analysis)));
    let Some(fault) = fault else { return };
    let (kind, resource) = if analysis.cluster_scope == Some(true) {
        ("ClusterAnalysisTemplate", "clusteranalysistemplate")
    } else {
        ("AnalysisTemplate", "analysistemplate")
    };
    let why = if fault.name == analysis.template_name && !snapshot.knows(analysis) {
        format!("{resource}.argoproj.io \"{}\" not found", fault.name)
    } else {
        fault.sentence
    };
    phase::ERROR.clone_into(&mut status.phase);
    status.message = format!(
        "{kind} verification failed for analysis '{}': {why}",
        analysis.name
    );
}

pub(super) fn reference(analysis: &ExperimentAnalysisTemplateRef) -> AnalysisTemplateRef {
    AnalysisTemplateRef {
        template_name: analysis.template_name.clone(),
        cluster_scope: analysis.cluster_scope,
    }
}

impl ExperimentSnapshot {
    /// Whether the template that an analysis names is there.
    fn knows(&self, analysis: &ExperimentAnalysisTemplateRef) -> bool {
        self.analysis_templates.has(&reference(analysis))
    }
}

/// Begins the run of an analysis. Keeps EXP-11.
///
/// Differs from upstream: a run that was begun, but not noted before the controller died, is taken up even if it
/// is over by then; its verdict would be lost otherwise.
fn begin(
    snapshot: &ExperimentSnapshot,
    analysis: &ExperimentAnalysisTemplateRef,
    decision: &mut Decision,
    status: &mut ExperimentAnalysisRunStatus,
) {
    let spec = match run_spec(snapshot, analysis) {
        Ok(spec) => spec,
        Err(why) => {
            phase::ERROR.clone_into(&mut status.phase);
            status.message = not_created(&analysis.name, &why);
            return;
        }
    };
    let base = format!("{}-{}", snapshot.experiment.metadata.name, analysis.name);
    phase::PENDING.clone_into(&mut status.phase);
    if let Some(run) = begun(snapshot, &base) {
        status.analysis_run.clone_from(&run.name);
        return;
    }
    let name = free_name(
        (&*snapshot.runs, &*snapshot.taken_runs),
        (&base, '.'),
        |run| measures(run, &spec),
    );
    status.analysis_run = match name {
        Name::Ours(run) => run.name.clone(),
        Name::Free(name) => {
            let part = Part::Analysis(analysis.name.clone());
            decision.add(&part, create(&snapshot.experiment, &name, &spec));
            name
        }
    };
}

/// The run that this attempt at the Experiment has begun for an analysis; names count up from a base, and
/// names of other analyses may begin with it.
fn begun<'a>(snapshot: &'a ExperimentSnapshot, base: &str) -> Option<&'a RunView> {
    let since = snapshot.experiment.status.available_at?.to_string();
    let mut runs = snapshot.runs.iter();
    runs.find(|run| {
        let counts_up = |rest: &str| {
            let number = rest.strip_prefix('.');
            rest.is_empty() || number.is_some_and(|number| number.parse::<u32>().is_ok())
        };
        let rest = run.name.strip_prefix(base);
        let note = run
            .object
            .metadata
            .annotation(labels::EXPERIMENT_AVAILABLE_AT);
        rest.is_some_and(counts_up) && run.lifetime == Lifetime::Alive && note == Some(&since)
    })
}

/// Why the run of an analysis does not begin.
pub(super) fn not_created(analysis: &str, why: &str) -> String {
    format!("Failed to create AnalysisRun for analysis '{analysis}': {why}")
}

fn run_spec(
    snapshot: &ExperimentSnapshot,
    analysis: &ExperimentAnalysisTemplateRef,
) -> Result<AnalysisRunSpec, String> {
    let given = arguments(snapshot, &analysis.args)?;
    let found = snapshot
        .analysis_templates
        .resolve(&[reference(analysis)])?;
    let found: Vec<_> = found.into_iter().map(|template| template.spec).collect();
    let spec = &snapshot.experiment.spec;
    let rules = RolloutAnalysis {
        dry_run: spec.dry_run.clone(),
        measurement_retention: spec.measurement_retention.clone(),
        ..RolloutAnalysis::default()
    };
    templates::run_spec(&found, &rules, &given)
}

/// The arguments with what they say of the Experiment. Keeps EXP-12, and fixes it: what comes from
/// elsewhere still does.
fn arguments(snapshot: &ExperimentSnapshot, given: &[Argument]) -> Result<Vec<Argument>, String> {
    let facts = facts(snapshot)?;
    given
        .iter()
        .map(|argument| {
            let value = argument.value.as_deref();
            let value = value.map(|value| args::replace(value, |name| facts.get(name).cloned()));
            Ok(Argument {
                value: value.transpose()?,
                ..argument.clone()
            })
        })
        .collect()
}

/// What arguments may name.
fn facts(snapshot: &ExperimentSnapshot) -> Result<BTreeMap<String, String>, String> {
    let experiment = &snapshot.experiment;
    let mut facts = BTreeMap::new();
    if let Some(begun) = experiment.status.available_at {
        facts.insert("experiment.availableAt".to_owned(), begun.to_string());
        let text = &experiment.spec.duration;
        if !text.is_empty() {
            let length = duration::parse(text).map_err(|error| error.to_string())?;
            let length = SignedDuration::from_nanos(length.nanoseconds());
            let end = begun.timestamp().checked_add(length);
            let end = end.map_err(|error| error.to_string())?;
            let name = "experiment.finishedAt".to_owned();
            facts.insert(name, Time::new(end).to_string());
        }
    }
    for view in &snapshot.templates {
        let Some(set) = &view.set else { continue };
        let name = &view.spec.name;
        facts.insert(
            format!("templates.{name}.podTemplateHash"),
            set.hash().to_owned(),
        );
        facts.insert(
            format!("templates.{name}.replicaset.name"),
            set.name.clone(),
        );
    }
    Ok(facts)
}

fn create(experiment: &Experiment, name: &str, spec: &AnalysisRunSpec) -> Write {
    let metadata = &experiment.metadata;
    let extra = &experiment.spec.analysis_run_metadata;
    let mut run_labels = BTreeMap::new();
    let instance = metadata.label(labels::INSTANCE_ID);
    if !instance.is_empty() {
        run_labels.insert(labels::INSTANCE_ID.to_owned(), instance.to_owned());
    }
    run_labels.extend(extra.labels.clone());
    let mut annotations = extra.annotations.clone();
    if let Some(since) = experiment.status.available_at {
        annotations.insert(
            labels::EXPERIMENT_AVAILABLE_AT.to_owned(),
            since.to_string(),
        );
    }
    let body = json!({
        "apiVersion": ANALYSIS_RUNS.api_version(),
        "kind": ANALYSIS_RUNS.kind,
        "metadata": {
            "name": name,
            "namespace": metadata.namespace,
            "labels": run_labels,
            "annotations": annotations,
            "ownerReferences": [experiment.controller_reference()],
        },
        "spec": spec,
    });
    Write {
        verb: Verb::Create,
        target: ObjectKey::new(ANALYSIS_RUNS, &metadata.namespace, name),
        guard: Guard::Absent,
        body,
        class: Class::Additive,
        events: Vec::new(),
        reason: Reason::Because("all pods of the experiment are there".to_owned()),
    }
}

/// Takes over what a run says; ends it with the Experiment. Keeps EXP-13.
///
/// Differs from upstream: while an Experiment is ending that has no verdict yet, its runs are still
/// followed. One that waits for a run which it ends itself would never come to a verdict (EXP-15).
fn follow(
    snapshot: &ExperimentSnapshot,
    decision: &mut Decision,
    status: &mut ExperimentAnalysisRunStatus,
) {
    let experiment = &snapshot.experiment;
    let mut runs = snapshot.runs.iter();
    let Some(run) = runs.find(|run| run.name == status.analysis_run) else {
        if snapshot.gone_runs.contains(&status.analysis_run) {
            phase::ERROR.clone_into(&mut status.phase);
            let name = &status.analysis_run;
            status.message = format!("analysisruns.argoproj.io \"{name}\" not found");
        }
        return;
    };
    if assess::is_terminating(&experiment.spec, &experiment.status) {
        end(run, &status.name, decision);
        if assess::is_finished(&experiment.status) || !is_completed(&run.phase) {
            return;
        }
    }
    if !run.phase.is_empty() {
        status.phase.clone_from(&run.phase);
        status.message.clone_from(&run.object.status.message);
    }
}

fn end(run: &RunView, analysis: &str, decision: &mut Decision) {
    let Some(Effect::Write(mut write)) = cancel(run) else {
        return;
    };
    let message = format!("Terminating {analysis} ({})", run.name);
    write
        .events
        .push(Event::normal("AnalysisRunTerminating", message));
    decision.add(&Part::Analysis(analysis.to_owned()), write);
}

/// Tells of another phase, the Rollout as well. Differs from upstream, which tells that always as a
/// warning, also of a good end (EXP-17).
pub(super) fn told(
    before: &ExperimentAnalysisRunStatus,
    after: &ExperimentAnalysisRunStatus,
) -> Option<Event> {
    if before.phase == after.phase || after.phase.is_empty() {
        return None;
    }
    let (name, from, to) = (&after.name, &before.phase, &after.phase);
    let mut message = format!("AnalysisRun '{name}' transitioned from {from} -> {to}");
    if !after.message.is_empty() {
        message = format!("{message}: {}", after.message);
    }
    Some(super::told(to, format!("AnalysisRun{to}"), message))
}
