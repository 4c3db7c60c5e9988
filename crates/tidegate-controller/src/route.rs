//! Which objects a change concerns: from one watched change to the keys that must be looked at.

use std::sync::Arc;

use tidegate_api::{labels, meta::ObjectMeta, rollout::Rollout};
use tidegate_core::{
    plan::{
        ANALYSIS_RUNS, ANALYSIS_TEMPLATES, CLUSTER_ANALYSIS_TEMPLATES, DEPLOYMENTS,
        DESTINATION_RULES, INGRESSES, ObjectKey, POD_TEMPLATES, REPLICA_SETS, ROLLOUTS, Resource,
        SERVICES, VIRTUAL_SERVICES,
    },
    rollout::{
        release::{self, Left},
        workload,
    },
};
use tidegate_integrations::traffic;

use crate::{
    observe::Caches,
    reconcile::Name,
    wake::Queue,
    watch::{Change, Found},
};

/// The queues, by kind.
#[derive(Clone, Debug)]
pub(crate) struct Queues {
    pub(crate) rollouts: Arc<Queue<Name>>,
    pub(crate) analysis_runs: Arc<Queue<Name>>,
    pub(crate) services: Arc<Queue<Name>>,
}

impl Queues {
    pub(crate) fn new() -> Self {
        Self {
            rollouts: Arc::new(Queue::new()),
            analysis_runs: Arc::new(Queue::new()),
            services: Arc::new(Queue::new()),
        }
    }

    pub(crate) fn close(&self) {
        self.rollouts.close();
        self.analysis_runs.close();
        self.services.close();
    }

    /// Adds every key that a change of this kind concerns.
    pub(crate) fn tell(&self, caches: &Caches, resource: &Resource, change: &Change<'_>) {
        let metadata = match change {
            Change::Present(metadata) | Change::Gone(metadata) => *metadata,
        };
        if *resource == ROLLOUTS {
            self.rollouts.add(name(metadata));
            self.add_managed(caches, metadata);
        } else if *resource == REPLICA_SETS {
            self.add_owner(metadata);
            self.add_referring(caches, resource, metadata);
        } else if *resource == DEPLOYMENTS || *resource == POD_TEMPLATES {
            self.add_referring(caches, resource, metadata);
        } else if *resource == ANALYSIS_RUNS {
            self.analysis_runs.add(name(metadata));
            self.add_owner(metadata);
        } else if *resource == SERVICES {
            self.add_left(caches, metadata);
            self.add_matching(caches, metadata, |rollout| {
                tidegate_core::rollout::service_names(rollout).contains(&metadata.name)
            });
        } else if *resource == INGRESSES {
            let key = ObjectKey::new(INGRESSES, &metadata.namespace, &metadata.name);
            self.add_matching(caches, metadata, |rollout| {
                traffic::reads(rollout).contains(&key)
            });
        } else if *resource == VIRTUAL_SERVICES {
            self.add_readers(caches, metadata);
        } else if *resource == DESTINATION_RULES {
            let key = ObjectKey::new(DESTINATION_RULES, &metadata.namespace, &metadata.name);
            self.add_matching(caches, metadata, |rollout| {
                traffic::reads(rollout).contains(&key)
            });
            // Whoever marked it may be gone, or name it no longer (TR-321).
            let manager = metadata.annotations.get(labels::MANAGED_BY_ROLLOUTS);
            if let Some(manager) = manager.filter(|manager| !manager.is_empty()) {
                self.rollouts
                    .add((metadata.namespace.clone(), manager.clone()));
            }
        } else if *resource == ANALYSIS_TEMPLATES {
            self.add_matching(caches, metadata, |_| true);
        } else if *resource == CLUSTER_ANALYSIS_TEMPLATES {
            for key in caches.rollouts.keys() {
                self.rollouts.add(key);
            }
        }
    }

    /// The Rollout that controls the object (QUE-06).
    fn add_owner(&self, metadata: &ObjectMeta) {
        if let Some(owner) = metadata.controller()
            && owner.kind == ROLLOUTS.kind
        {
            self.rollouts
                .add((metadata.namespace.clone(), owner.name.clone()));
        }
    }

    /// Rollouts of any namespace may name a `VirtualService` (TR-302).
    fn add_readers(&self, caches: &Caches, metadata: &ObjectMeta) {
        let key = ObjectKey::new(VIRTUAL_SERVICES, &metadata.namespace, &metadata.name);
        for (namespace, name) in caches.rollouts.keys() {
            if let Found::Good(rollout) = caches.rollouts.get(&namespace, &name)
                && traffic::reads(&rollout).contains(&key)
            {
                self.rollouts.add((namespace, name));
            }
        }
    }

    /// The Services that a Rollout manages and may name no more (QUE-05, QUE-08).
    fn add_managed(&self, caches: &Caches, rollout: &ObjectMeta) {
        for service in caches.services.in_namespace(&rollout.namespace) {
            if release::manager(&service.metadata) == Some(&rollout.name) {
                self.add_left(caches, &service.metadata);
            }
        }
    }

    fn add_left(&self, caches: &Caches, service: &ObjectMeta) {
        match caches.is_left(service) {
            Left::Perhaps => self.services.add(name(service)),
            Left::No => {}
        }
    }

    /// The Rollouts whose `spec.workloadRef` names the object (WLR-03).
    fn add_referring(&self, caches: &Caches, resource: &Resource, metadata: &ObjectMeta) {
        let key = ObjectKey::new(resource.clone(), &metadata.namespace, &metadata.name);
        self.add_matching(caches, metadata, |rollout| {
            workload::referent(rollout).as_ref() == Some(&key)
        });
    }

    fn add_matching(
        &self,
        caches: &Caches,
        metadata: &ObjectMeta,
        concerns: impl Fn(&Rollout) -> bool,
    ) {
        for rollout in caches.rollouts.in_namespace(&metadata.namespace) {
            if concerns(&rollout) {
                self.rollouts.add(name(&rollout.metadata));
            }
        }
    }
}

fn name(metadata: &ObjectMeta) -> Name {
    (metadata.namespace.clone(), metadata.name.clone())
}
