//! What a pass over an Experiment sees, and which changes lead to one; as in the shell.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::de::DeserializeOwned;
use tidegate_api::{experiment::Experiment, meta::ObjectMeta, rollout::Rollout};
use tidegate_core::{
    analysis_run::unreadable,
    experiment::{self, Observed, Owner, unreadable::stand_in},
    plan::{ObjectKey, ROLLOUTS},
};
use tidegate_integrations::traffic;

use super::{Caches, Shelf};
use crate::{
    cluster::{Locator, fields, kinds},
    controller::shelf::Entry,
};

impl Caches {
    /// What a decision on this Experiment may look at.
    pub(in super::super) fn observe_experiment(&self, experiment: &Arc<Experiment>) -> Observed {
        let namespace = experiment.metadata.namespace.as_str();
        let uid = &experiment.metadata.uid;
        let prefix = format!("{}-", experiment.metadata.name);
        let owner = self.owner_of(&experiment.metadata);
        let receivers = match &owner {
            Owner::Known(rollout) => traffic::receivers(rollout, &self.router_objects(rollout)),
            Owner::Nobody | Owner::Unreadable => BTreeSet::new(),
        };
        let runs = self.analysis_runs.entries(namespace).filter(|run| {
            fields::controller_uid(&run.value) == uid
                || fields::name(&run.value).starts_with(&prefix)
        });
        let runs = runs.map(|run| match run.read() {
            Ok(run) => Arc::clone(run),
            Err(broken) => {
                let (metadata, status) = (&broken.metadata, &broken.status);
                Arc::new(unreadable::stand_in(metadata, status, &broken.error))
            }
        });
        let set_names = experiment::set_names(experiment);
        let service_names = experiment::service_names(experiment);
        Observed {
            replica_sets: concerned(&self.replica_sets, experiment, &set_names),
            services: concerned(&self.services, experiment, &service_names),
            strangers: self.workloads.strangers(namespace, &prefix),
            analysis_templates: self.analysis_templates.by_name(namespace),
            cluster_analysis_templates: self.cluster_analysis_templates.by_name(""),
            analysis_runs: runs.collect(),
            experiment: Arc::clone(experiment),
            owner,
            receivers,
            ..Observed::default()
        }
    }

    /// Those that are a Rollout's steps, and whoever has a name that it might want.
    pub(super) fn experiments_of(&self, rollout: &Rollout) -> Vec<Arc<Experiment>> {
        let metadata = &rollout.metadata;
        let prefix = format!("{}-", metadata.name);
        let found = self.experiments.entries(&metadata.namespace);
        let found = found.filter(|entry| {
            fields::controller_uid(&entry.value) == metadata.uid
                || fields::name(&entry.value).starts_with(&prefix)
        });
        found
            .map(|entry| match entry.read() {
                Ok(experiment) => Arc::clone(experiment),
                Err(broken) => Arc::new(stand_in(&broken.metadata, &broken.status)),
            })
            .collect()
    }

    /// The Rollout whose step it is, if it is the very one that made it.
    fn owner_of(&self, experiment: &ObjectMeta) -> Owner {
        let Some(key) = experiment::rollout(experiment) else {
            return Owner::Nobody;
        };
        let uid = experiment.controller().map(|owner| &owner.uid);
        match self.rollouts.get(&key.namespace, &key.name) {
            Some(Ok(rollout)) if Some(&rollout.metadata.uid) == uid => {
                Owner::Known(Arc::clone(rollout))
            }
            Some(Err(broken)) if Some(&broken.metadata.uid) == uid => Owner::Unreadable,
            Some(_) | None => Owner::Nobody,
        }
    }

    /// The Experiments that are a Rollout's steps.
    pub(super) fn add_steps(&self, rollout: &Locator, dirty: &mut BTreeSet<Locator>) {
        let key = ObjectKey::new(ROLLOUTS, &rollout.namespace, &rollout.name);
        let names = self.experiments.0.get(&rollout.namespace);
        let steps = names.into_iter().flat_map(BTreeMap::iter);
        let steps = steps.filter(|(_, entry)| {
            let good = entry.good();
            good.and_then(|one| experiment::rollout(&one.metadata)) == Some(key.clone())
        });
        dirty.extend(
            steps.map(|(name, _)| Locator::new(kinds::EXPERIMENTS, &rollout.namespace, name)),
        );
    }
}

/// Its own, and whoever has a name that it might want.
fn concerned<T: DeserializeOwned>(
    shelf: &Shelf<T>,
    experiment: &Experiment,
    names: &BTreeSet<String>,
) -> Vec<Arc<T>> {
    let metadata = &experiment.metadata;
    shelf
        .entries(&metadata.namespace)
        .filter(|entry| {
            fields::controller_uid(&entry.value) == metadata.uid
                || names.contains(fields::name(&entry.value))
        })
        .filter_map(Entry::good)
        .cloned()
        .collect()
}
