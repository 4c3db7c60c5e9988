//! What a pass over an Experiment reads from the caches.

use std::sync::Arc;

use tidegate_api::{experiment::Experiment, meta::ObjectMeta, rollout::Rollout};
use tidegate_core::{
    analysis_run::unreadable,
    experiment::{self, Observed, Owner, unreadable::stand_in},
    plan::ObjectKey,
};
use tidegate_integrations::traffic;

use super::{Caches, by_name};
use crate::watch::{self, Cached, Found};

impl Cached for Experiment {
    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn read(text: &str) -> Result<Self, String> {
        watch::read_typed(text)
    }

    /// The Rollout whose step it is.
    fn references(&self) -> Vec<ObjectKey> {
        experiment::rollout(&self.metadata).into_iter().collect()
    }
}

impl Caches {
    /// What a decision on this Experiment may look at.
    pub(crate) fn observe_experiment(&self, experiment: &Arc<Experiment>) -> Observed {
        let metadata = &experiment.metadata;
        let (namespace, uid) = (&metadata.namespace, &metadata.uid);
        let owner = self.owner_of(metadata);
        let receivers = match &owner {
            Owner::Known(rollout) => traffic::receivers(rollout, &self.router_objects(rollout)),
            Owner::Nobody | Owner::Unreadable => std::collections::BTreeSet::new(),
        };
        let prefix = format!("{}-", metadata.name);
        let mut runs = self.analysis_runs.controlled_by(uid);
        runs.extend(others(self.analysis_runs.named(namespace, &prefix), uid));
        let broken = self.analysis_runs.broken(namespace, &prefix);
        runs.extend(broken.iter().map(|broken| {
            let (metadata, status) = (&broken.metadata, &broken.status);
            Arc::new(unreadable::stand_in(metadata, status, &broken.error))
        }));
        let mut replica_sets = self.replica_sets.controlled_by(uid);
        let named = experiment::set_names(experiment);
        let named = named
            .iter()
            .filter_map(|name| good(self.replica_sets.get(namespace, name)));
        replica_sets.extend(others(named, uid));
        let mut services = self.services.controlled_by(uid);
        let named = experiment::service_names(experiment);
        let named = named
            .iter()
            .filter_map(|name| good(self.services.get(namespace, name)));
        services.extend(others(named, uid));
        Observed {
            strangers: self.strangers(namespace, &prefix),
            analysis_templates: by_name(self.analysis_templates.in_namespace(namespace)),
            cluster_analysis_templates: by_name(self.cluster_analysis_templates.in_namespace("")),
            experiment: Arc::clone(experiment),
            analysis_runs: runs,
            owner,
            receivers,
            replica_sets,
            services,
            ..Observed::default()
        }
    }

    /// Those that are a Rollout's steps, and whoever has a name that it might want.
    pub(super) fn experiments_of(&self, rollout: &Rollout) -> Vec<Arc<Experiment>> {
        let (namespace, uid) = (&rollout.metadata.namespace, &rollout.metadata.uid);
        let prefix = format!("{}-", rollout.metadata.name);
        let mut found = self.experiments.controlled_by(uid);
        found.extend(others(self.experiments.named(namespace, &prefix), uid));
        let broken = self.experiments.broken(namespace, &prefix);
        let broken = broken.iter();
        found.extend(broken.map(|broken| Arc::new(stand_in(&broken.metadata, &broken.status))));
        found
    }

    /// The Rollout whose step it is, if it is the very one that made it.
    fn owner_of(&self, experiment: &ObjectMeta) -> Owner {
        let Some(key) = experiment::rollout(experiment) else {
            return Owner::Nobody;
        };
        let uid = experiment.controller().map(|owner| &owner.uid);
        match self.rollouts.get(&key.namespace, &key.name) {
            Found::Good(rollout) if Some(&rollout.metadata.uid) == uid => Owner::Known(rollout),
            Found::Broken(broken) if Some(&broken.metadata.uid) == uid => Owner::Unreadable,
            Found::Good(_) | Found::Broken(_) | Found::Absent => Owner::Nobody,
        }
    }
}

fn good<T>(found: Found<T>) -> Option<Arc<T>> {
    match found {
        Found::Good(object) => Some(object),
        Found::Broken(_) | Found::Absent => None,
    }
}

/// Those that somebody else controls, or nobody.
fn others<'a, T: Cached>(
    found: impl IntoIterator<Item = Arc<T>> + 'a,
    uid: &'a str,
) -> impl Iterator<Item = Arc<T>> + 'a {
    found.into_iter().filter(move |object| {
        let owner = object.metadata().controller();
        owner.is_none_or(|owner| owner.uid != *uid)
    })
}
