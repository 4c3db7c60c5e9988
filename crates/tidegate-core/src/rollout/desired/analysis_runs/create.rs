//! A new AnalysisRun: its name, its labels, and what it measures (ANA-01 to ANA-08).

use std::collections::BTreeMap;

use serde_json::json;
use tidegate_api::{
    analysis::{AnalysisRun, AnalysisRunSpec},
    labels,
    object::Object,
    rollout::RolloutAnalysis,
};

use super::{Place, arguments, templates};
use crate::{
    plan::{ANALYSIS_RUNS, Class, Guard, ObjectKey, Verb, Write},
    reason::Reason,
    rollout::{
        desired::trials::{Begun, Name, free_name},
        draft::{CurrentRun, Draft},
        snapshot::RolloutSnapshot,
    },
};

/// Begins a run for an analysis.
///
/// # Errors
/// Why the templates and the arguments make no run.
pub(super) fn run<'a>(
    snapshot: &'a RolloutSnapshot,
    draft: &Draft,
    analysis: &RolloutAnalysis,
    place: Place,
) -> Result<Begun<'a, AnalysisRun>, String> {
    let spec = spec(snapshot, analysis).map_err(|error| format!("{}: {error}", place.field()))?;
    let revision = draft
        .revision
        .or(snapshot.revision)
        .map(|revision| revision.to_string())
        .unwrap_or_default();
    let base = base_name(snapshot, &revision, place);
    let known = (&*snapshot.analysis_runs, &*snapshot.taken_run_names);
    let name = match free_name(known, (&base, '.'), |run| measures(run, &spec)) {
        Name::Free(name) => name,
        Name::Ours(run) => return Ok(Begun::Known(run)),
    };
    let mut annotations = BTreeMap::from([(labels::REVISION.to_owned(), revision)]);
    if let Some(metadata) = &analysis.analysis_run_metadata {
        annotations.extend(metadata.annotations.clone());
    }
    let body = json!({
        "apiVersion": ANALYSIS_RUNS.api_version(),
        "kind": ANALYSIS_RUNS.kind,
        "metadata": {
            "name": name,
            "namespace": snapshot.namespace,
            "labels": run_labels(snapshot, analysis, place),
            "annotations": annotations,
            "ownerReferences": [snapshot.rollout.controller_reference()],
        },
        "spec": spec,
    });
    let write = Write {
        verb: Verb::Create,
        target: ObjectKey::new(ANALYSIS_RUNS, &snapshot.namespace, &name),
        guard: Guard::Absent,
        body,
        class: Class::Additive,
        events: Vec::new(),
        reason: match place {
            Place::Step(index) => Reason::StepAsks {
                number: index.saturating_add(1),
                words: "analysis".to_owned(),
            },
            Place::Background => Reason::Because("the update is analysed all along".to_owned()),
            Place::BeforePromotion => Reason::Because("the preview is analysed".to_owned()),
            Place::AfterPromotion => Reason::Because("the active version is analysed".to_owned()),
        },
    };
    let current = CurrentRun {
        name,
        phase: String::new(),
        message: String::new(),
    };
    Ok(Begun::New(Box::new(write), current))
}

fn spec(snapshot: &RolloutSnapshot, analysis: &RolloutAnalysis) -> Result<AnalysisRunSpec, String> {
    let hashes = arguments::Hashes {
        latest: snapshot.current_hash(),
        stable: &snapshot.recorded.stable,
    };
    let given = arguments::of_rollout(&analysis.args, hashes, &snapshot.rollout)?;
    let found = snapshot.templates.resolve(&analysis.templates)?;
    let found: Vec<_> = found.into_iter().map(|template| template.spec).collect();
    templates::run_spec(&found, analysis, &given)
}

fn base_name(snapshot: &RolloutSnapshot, revision: &str, place: Place) -> String {
    let base = format!("{}-{}-{revision}", snapshot.name, snapshot.current_hash());
    match place {
        Place::Step(index) => format!("{base}-{index}"),
        Place::Background => base,
        Place::BeforePromotion => format!("{base}-pre"),
        Place::AfterPromotion => format!("{base}-post"),
    }
}

/// Later entries win: the kind of run, the instance, what the user adds, the Rollout's selector.
fn run_labels(
    snapshot: &RolloutSnapshot,
    analysis: &RolloutAnalysis,
    place: Place,
) -> BTreeMap<String, String> {
    let rollout = &snapshot.rollout;
    let mut all = BTreeMap::from([
        (
            labels::POD_TEMPLATE_HASH.to_owned(),
            snapshot.current_hash().to_owned(),
        ),
        (
            labels::ROLLOUT_TYPE.to_owned(),
            place.type_label().to_owned(),
        ),
    ]);
    if let Place::Step(index) = place {
        all.insert(labels::STEP_INDEX.to_owned(), index.to_string());
    }
    let instance = rollout.metadata.label(labels::INSTANCE_ID);
    if !instance.is_empty() {
        all.insert(labels::INSTANCE_ID.to_owned(), instance.to_owned());
    }
    if let Some(metadata) = &analysis.analysis_run_metadata {
        all.extend(metadata.labels.clone());
    }
    if let Some(selector) = &rollout.spec.selector {
        all.extend(selector.match_labels.clone());
    }
    all
}

/// Whether a run measures what is asked for.
pub(crate) fn measures(run: &AnalysisRun, spec: &AnalysisRunSpec) -> bool {
    let held = &run.spec;
    held.metrics == spec.metrics
        && held.args == spec.args
        && held.dry_run == spec.dry_run
        && held.measurement_retention == spec.measurement_retention
}
