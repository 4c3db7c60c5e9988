//! From wire objects to a snapshot of one Experiment.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tidegate_api::{
    analysis::{AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate},
    experiment::Experiment,
    labels,
    meta::ObjectMeta,
    workload::{ReplicaSet, Service},
};

use super::{
    analyses,
    snapshot::{ExperimentSnapshot, Owner, ServiceView, SetView, TemplateView},
    validate,
};
use crate::{
    observed::Finding,
    plan::ObjectKey,
    rollout::{
        desired::analysis_runs::{RunView, Templates},
        snapshot::Deadline,
    },
};

/// Everything a decision on one Experiment may look at, as it is on the wire. Lists are in no order.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The Experiment.
    pub experiment: Arc<Experiment>,
    /// The Rollout whose step it is.
    pub owner: Owner,
    /// Services to which that Rollout's routers send traffic now.
    pub receivers: BTreeSet<String>,
    /// ReplicaSets that it controls, and whichever has a name that it might want.
    pub replica_sets: Vec<Arc<ReplicaSet>>,
    /// Names of ReplicaSets that the caches do not hold otherwise and that it might want.
    pub strangers: Vec<String>,
    /// Services that it controls, and whichever has a name that it might want.
    pub services: Vec<Arc<Service>>,
    /// AnalysisRuns that it controls, and whichever has a name that it might want.
    pub analysis_runs: Vec<Arc<AnalysisRun>>,
    /// Names of AnalysisRuns of which the API server has said that they are not there.
    pub gone_runs: BTreeSet<String>,
    /// Analysis templates of which the API server has said that they are not there.
    pub gone_templates: BTreeSet<ObjectKey>,
    /// Analysis templates of its namespace.
    pub analysis_templates: BTreeMap<String, Arc<AnalysisTemplate>>,
    /// Analysis templates of the whole cluster.
    pub cluster_analysis_templates: BTreeMap<String, Arc<ClusterAnalysisTemplate>>,
}

/// Reads what was observed. The snapshot is always usable; findings say why it must not be acted upon.
pub fn parse(observed: &Observed) -> (ExperimentSnapshot, Vec<Finding>) {
    let experiment = &observed.experiment;
    let mut ambiguous = None;
    let templates = experiment
        .spec
        .templates
        .iter()
        .map(|spec| {
            let sets = observed.replica_sets.iter();
            let mut sets = sets.filter(|set| belongs(experiment, &set.metadata, &spec.name));
            let services = observed.services.iter();
            let mut services =
                services.filter(|service| belongs(experiment, &service.metadata, &spec.name));
            let view = TemplateView {
                spec: spec.clone(),
                set: sets.next().map(|set| set_view(set)),
                service: services.next().map(|service| ServiceView {
                    name: service.metadata.name.clone(),
                    guard: super::guard(&service.metadata),
                }),
            };
            if sets.next().is_some() || services.next().is_some() {
                ambiguous = Some(spec.name.clone());
            }
            view
        })
        .collect::<Vec<_>>();
    let mut runs: Vec<RunView> = observed
        .analysis_runs
        .iter()
        .filter(|run| is_own(experiment, &run.metadata))
        .map(RunView::new)
        .collect();
    runs.sort_by(|first, second| first.name.cmp(&second.name));
    let snapshot = ExperimentSnapshot {
        taken_sets: taken_sets(observed, &templates),
        taken_services: taken_services(observed, &templates),
        taken_runs: foreign_runs(observed),
        gone_runs: observed.gone_runs.clone(),
        analysis_templates: Templates::gather(
            experiment.spec.analyses.iter().map(analyses::reference),
            &observed.analysis_templates,
            &observed.cluster_analysis_templates,
        ),
        owner: observed.owner.clone(),
        receivers: observed.receivers.clone(),
        experiment: Arc::clone(experiment),
        templates,
        ambiguous,
        runs,
    };
    (snapshot, validate::findings(experiment))
}

pub(super) fn is_own(experiment: &Experiment, metadata: &ObjectMeta) -> bool {
    let uid = &experiment.metadata.uid;
    metadata.controller().is_some_and(|owner| owner.uid == *uid)
}

/// Whether an object is a version's. Keeps EXP-02.
fn belongs(experiment: &Experiment, metadata: &ObjectMeta, template: &str) -> bool {
    is_own(experiment, metadata)
        && metadata.annotation(labels::EXPERIMENT_NAME) == Some(&experiment.metadata.name)
        && metadata.annotation(labels::EXPERIMENT_TEMPLATE_NAME) == Some(template)
}

fn set_view(set: &ReplicaSet) -> SetView {
    let metadata = &set.metadata;
    SetView {
        name: metadata.name.clone(),
        guard: super::guard(metadata),
        labels: metadata.labels.clone(),
        replicas: set.spec.replicas.unwrap_or(1),
        created: set.status.replicas,
        ready: set.status.ready_replicas,
        available: set.status.available_replicas,
        deadline: Deadline::read(metadata),
        template: set.spec.template.shared(),
    }
}

fn taken_sets(observed: &Observed, templates: &[TemplateView]) -> BTreeSet<String> {
    let own = templates.iter().filter_map(|view| view.set.as_ref());
    let sets = observed.replica_sets.iter();
    let names = sets
        .map(|set| &set.metadata.name)
        .chain(&observed.strangers);
    all_but(own.map(|set| &set.name), names)
}

fn taken_services(observed: &Observed, templates: &[TemplateView]) -> BTreeSet<String> {
    let own = templates.iter().filter_map(|view| view.service.as_ref());
    let services = observed.services.iter();
    all_but(
        own.map(|service| &service.name),
        services.map(|service| &service.metadata.name),
    )
}

fn all_but<'a>(
    own: impl Iterator<Item = &'a String>,
    names: impl Iterator<Item = &'a String>,
) -> BTreeSet<String> {
    let own: BTreeSet<&String> = own.collect();
    names.filter(|name| !own.contains(name)).cloned().collect()
}

fn foreign_runs(observed: &Observed) -> Vec<String> {
    observed
        .analysis_runs
        .iter()
        .filter(|run| !is_own(&observed.experiment, &run.metadata))
        .map(|run| run.metadata.name.clone())
        .collect()
}
