//! A new AnalysisRun: its name, its labels, and what it measures (ANA-01 to ANA-08).

use std::{collections::BTreeMap, slice};

use serde_json::json;
use tidegate_api::{analysis::AnalysisRunSpec, labels, object::Object, rollout::RolloutAnalysis};

use super::{Place, RunView, arguments, templates};
use crate::{
    analysis_run::is_completed,
    plan::{ANALYSIS_RUNS, Class, Guard, ObjectKey, Verb, Write},
    reason::Reason,
    rollout::{
        draft::{CurrentRun, Draft},
        snapshot::{Lifetime, RolloutSnapshot},
    },
};

/// What is to be followed from now on.
pub(super) enum Begun<'a> {
    /// A run that is created.
    New(Box<Write>, CurrentRun),
    /// One that is already there: an earlier pass created it, and the note of it was lost.
    Known(&'a RunView),
}

/// Begins a run for an analysis.
///
/// # Errors
/// Why the templates and the arguments make no run.
pub(super) fn run<'a>(
    snapshot: &'a RolloutSnapshot,
    draft: &Draft,
    analysis: &RolloutAnalysis,
    place: Place,
) -> Result<Begun<'a>, String> {
    let spec = spec(snapshot, analysis).map_err(|error| format!("{}: {error}", place.field()))?;
    let revision = draft
        .revision
        .or(snapshot.revision)
        .map(|revision| revision.to_string())
        .unwrap_or_default();
    let base = base_name(snapshot, &revision, place);
    let name = match free_name(snapshot, &base, &spec) {
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
    let mut given = Vec::new();
    for argument in &analysis.args {
        let read = arguments::given(slice::from_ref(argument), hashes, &snapshot.rollout);
        given.extend(read.map_err(|error| {
            format!(
                "args.{}.valueFrom.fieldRef.fieldPath: {error}; name a field that is there",
                argument.name
            )
        })?);
    }
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

enum Name<'a> {
    Free(String),
    Ours(&'a RunView),
}

/// The first name that nobody has, or the run that is already there for this very purpose: one of the
/// Rollout's, measuring the same, and not over. Keeps ANA-03.
fn free_name<'a>(snapshot: &'a RolloutSnapshot, base: &str, spec: &AnalysisRunSpec) -> Name<'a> {
    let mut name = base.to_owned();
    let mut collisions = 0_u32;
    loop {
        let ours = snapshot.analysis_runs.iter().find(|run| run.name == name);
        match ours {
            Some(run) if is_same(run, spec) => return Name::Ours(run),
            None if !snapshot.taken_run_names.contains(&name) => return Name::Free(name),
            Some(_) | None => {
                collisions += 1;
                name = format!("{base}.{collisions}");
            }
        }
    }
}

/// Differs from upstream: a run that is being deleted is not taken up again.
fn is_same(run: &RunView, spec: &AnalysisRunSpec) -> bool {
    let held = &run.run.spec;
    !is_completed(&run.phase)
        && run.lifetime == Lifetime::Alive
        && held.metrics == spec.metrics
        && held.args == spec.args
        && held.dry_run == spec.dry_run
        && held.measurement_retention == spec.measurement_retention
}
