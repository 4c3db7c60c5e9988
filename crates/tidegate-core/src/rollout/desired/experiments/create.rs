//! A new Experiment: its name, its labels, and the versions that it runs (EXP-40, EXP-41).

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidegate_api::{
    experiment::{Experiment, ExperimentAnalysisTemplateRef, ExperimentSpec, TemplateSpec},
    labels,
    meta::ObjectMeta,
    object::Object,
    pod_template::{self, PodTemplate},
    rollout::{
        RolloutExperimentStep, RolloutExperimentStepAnalysisTemplateRef, RolloutExperimentTemplate,
        TemplateService,
    },
};

use crate::{
    experiment::validate,
    plan::{Class, EXPERIMENTS, Event, Guard, ObjectKey, Verb, Write},
    reason::Reason,
    rollout::{
        desired::{
            analysis_runs::arguments::{self, Hashes},
            trials::{Begun, Name, free_name},
        },
        draft::{CurrentRun, Draft},
        snapshot::RolloutSnapshot,
    },
};

/// Begins the Experiment of a step.
///
/// # Errors
/// The field of the step that makes no Experiment, and why.
pub(super) fn experiment<'a>(
    snapshot: &'a RolloutSnapshot,
    draft: &Draft,
    (step, index): (&RolloutExperimentStep, i32),
) -> Result<Begun<'a, Experiment>, String> {
    let field = format!("spec.strategy.canary.steps[{index}].experiment");
    let spec = spec(snapshot, step).map_err(|error| format!("{field}.{error}"))?;
    let revision = draft
        .revision
        .or(snapshot.revision)
        .map(|revision| revision.to_string())
        .unwrap_or_default();
    let hash = snapshot.current_hash();
    let base = format!("{}{revision}-{index}", prefix(snapshot, hash));
    let known = (&*snapshot.experiments, &*snapshot.taken_experiment_names);
    let name = match free_name(known, (&base, '-'), |known| tries(known, &spec)) {
        Name::Free(name) => name,
        Name::Ours(known) => return Ok(Begun::Known(known)),
    };
    let metadata = ObjectMeta {
        name: name.clone(),
        namespace: snapshot.namespace.clone(),
        labels: experiment_labels(snapshot),
        annotations: BTreeMap::from([(labels::REVISION.to_owned(), revision)]),
        owner_references: vec![snapshot.rollout.controller_reference()],
        ..ObjectMeta::default()
    };
    let experiment = Experiment {
        metadata,
        spec,
        ..Experiment::default()
    };
    if let Some(finding) = validate::findings(&experiment).first() {
        // Nobody would carry it out, and the step would wait for ever.
        return Err(format!("{field}: {}", finding.message));
    }
    let mut body = experiment.to_json();
    if let Some(members) = body.as_object_mut() {
        members.remove("status");
    }
    let write = Write {
        verb: Verb::Create,
        target: ObjectKey::new(EXPERIMENTS, &snapshot.namespace, &name),
        guard: Guard::Absent,
        body,
        class: Class::Additive,
        events: vec![Event::normal(
            "ExperimentCreated",
            format!("Created Experiment '{name}'"),
        )],
        reason: Reason::StepAsks {
            number: index.saturating_add(1),
            words: "experiment".to_owned(),
        },
    };
    let current = CurrentRun {
        name,
        phase: String::new(),
        message: String::new(),
    };
    Ok(Begun::New(Box::new(write), current))
}

/// What the names of all Experiments of a version begin with.
fn prefix(snapshot: &RolloutSnapshot, hash: &str) -> String {
    format!("{}-{hash}-", snapshot.name)
}

/// Whether an Experiment was made for this step of this version, by its name. Upstream names it by the hash of
/// the template, which may not be the one that its ReplicaSet carries (RSI-02).
pub(super) fn is_of_step(snapshot: &RolloutSnapshot, name: &str, index: i32) -> bool {
    let hashes = [snapshot.current_hash(), &snapshot.template_hash];
    let mut rests = hashes
        .iter()
        .filter_map(|hash| name.strip_prefix(&prefix(snapshot, hash)));
    rests.any(|rest| rest.split('-').nth(1) == Some(&index.to_string()))
}

/// The Rollout's own, and the hash of the new version.
fn experiment_labels(snapshot: &RolloutSnapshot) -> BTreeMap<String, String> {
    let mut all = snapshot.rollout.metadata.labels.clone();
    let hash = snapshot.current_hash().to_owned();
    all.insert(labels::POD_TEMPLATE_HASH.to_owned(), hash);
    all
}

fn spec(
    snapshot: &RolloutSnapshot,
    step: &RolloutExperimentStep,
) -> Result<ExperimentSpec, String> {
    let templates = step.templates.iter().enumerate();
    let templates = templates.map(|(place, asked)| {
        template(snapshot, asked).map_err(|error| format!("templates[{place}].{error}"))
    });
    let analyses = step.analyses.iter().enumerate();
    let analyses = analyses.map(|(place, asked)| {
        analysis(snapshot, asked).map_err(|error| format!("analyses[{place}].{error}"))
    });
    Ok(ExperimentSpec {
        templates: templates.collect::<Result<_, String>>()?,
        duration: step.duration.clone(),
        progress_deadline_seconds: snapshot.rollout.spec.progress_deadline_seconds,
        analyses: analyses.collect::<Result<_, String>>()?,
        scale_down_delay_seconds: step.scale_down_delay_seconds,
        dry_run: step.dry_run.clone(),
        analysis_run_metadata: step.analysis_run_metadata.clone(),
        ..ExperimentSpec::default()
    })
}

/// A version as its ReplicaSet runs it, with what the step adds.
fn template(
    snapshot: &RolloutSnapshot,
    asked: &RolloutExperimentTemplate,
) -> Result<TemplateSpec, String> {
    let set = match asked.spec_ref.as_str() {
        "canary" => snapshot.new_replica_set(),
        "stable" => snapshot.stable_replica_set(),
        other => return Err(format!("specRef: \"{other}\" is neither canary nor stable")),
    };
    let set = set.ok_or_else(|| format!("specRef: there is no {} version", asked.spec_ref))?;
    let mut pods = Value::clone(&set.template);
    let mut selector = asked.selector.clone().or_else(|| set.selector.clone());
    let metadata = &asked.metadata;
    add(&mut pods, "labels", &metadata.labels);
    add(&mut pods, "annotations", &metadata.annotations);
    if let Some(selector) = &mut selector {
        selector.match_labels.extend(metadata.labels.clone());
    }
    let service = asked.service.clone();
    Ok(TemplateSpec {
        name: asked.name.clone(),
        replicas: asked.replicas,
        min_ready_seconds: set.min_ready_seconds,
        selector,
        template: PodTemplate::new(pods),
        service: service.or_else(|| asked.weight.map(|_| TemplateService::default())),
    })
}

fn add(pods: &mut Value, member: &str, extra: &BTreeMap<String, String>) {
    if extra.is_empty() {
        return;
    }
    let metadata = as_object(&mut pods["metadata"]);
    let map = as_object(&mut metadata[member]);
    for (key, value) in extra {
        map[key] = json!(value);
    }
}

fn as_object(value: &mut Value) -> &mut Value {
    if !value.is_object() {
        *value = json!({});
    }
    value
}

/// Arguments are resolved now, as those of an AnalysisRun are (ANA-07).
fn analysis(
    snapshot: &RolloutSnapshot,
    asked: &RolloutExperimentStepAnalysisTemplateRef,
) -> Result<ExperimentAnalysisTemplateRef, String> {
    let hashes = Hashes {
        latest: snapshot.current_hash(),
        stable: &snapshot.recorded.stable,
    };
    let args = arguments::of_rollout(&asked.args, hashes, &snapshot.rollout)?;
    Ok(ExperimentAnalysisTemplateRef {
        name: asked.name.clone(),
        template_name: asked.template_name.clone(),
        cluster_scope: asked.cluster_scope,
        args,
        required_for_completion: asked.required_for_completion,
    })
}

/// Whether an Experiment tries what is asked for.
///
/// Differs from upstream: one that is ending is not taken up again, for its end would say nothing about
/// this attempt (S1-4).
fn tries(experiment: &Experiment, spec: &ExperimentSpec) -> bool {
    let held = &experiment.spec;
    let pods = |spec: &ExperimentSpec| -> Vec<PodTemplate> {
        let templates = spec.templates.iter();
        templates.map(|one| one.template.clone()).collect()
    };
    let without_pods = |spec: &ExperimentSpec| {
        let mut spec = spec.clone();
        for one in &mut spec.templates {
            one.template = PodTemplate::default();
        }
        spec
    };
    let (live, wanted) = (pods(held), pods(spec));
    !held.terminate
        && without_pods(held) == without_pods(spec)
        && live.len() == wanted.len()
        && live
            .iter()
            .zip(&wanted)
            .all(|(live, wanted)| pod_template::equal_ignoring_hash(live.value(), wanted.value()))
}
