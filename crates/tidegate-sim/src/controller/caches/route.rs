//! Which objects a change concerns, as the shell routes it.

use std::{collections::BTreeSet, sync::Arc};

use tidegate_api::{labels, meta::ObjectMeta, rollout::Rollout, workload::Service};
use tidegate_core::{
    plan::{DESTINATION_RULES, INGRESSES, ObjectKey, VIRTUAL_SERVICES},
    rollout::{
        self,
        release::{self, Left},
    },
};
use tidegate_integrations::traffic;

use super::{Caches, Change, Entry, Locator, What, fields, istio, kinds, owners, workloads};

impl Caches {
    /// Takes in which objects a change concerns.
    pub(super) fn route(&self, change: &Change, dirty: &mut BTreeSet<Locator>) {
        let object = &change.object;
        let kind = object.kind;
        if kind == kinds::ROLLOUTS {
            dirty.insert(object.clone());
            self.add_managed(object, dirty);
            self.add_steps(object, dirty);
        } else if kind == kinds::REPLICA_SETS {
            dirty.extend(owners::owner(change));
        } else if kind == kinds::ANALYSIS_RUNS || kind == kinds::EXPERIMENTS {
            dirty.insert(object.clone());
            dirty.extend(owners::owner(change));
        } else if kind == kinds::JOBS {
            dirty.extend(owners::measured(change));
        } else if kind == kinds::SERVICES {
            if self.left(object).is_some() {
                dirty.insert(object.clone());
            }
            dirty.extend(owners::owner(change));
            self.add_matching(object, dirty, |rollout| {
                rollout::service_names(rollout).contains(&*object.name)
            });
        } else if kind == kinds::INGRESSES {
            let key = ObjectKey::new(INGRESSES, &object.namespace, &object.name);
            self.add_matching(object, dirty, |rollout| {
                traffic::reads(rollout).contains(&key)
            });
        } else if kind == istio::VIRTUAL_SERVICES {
            self.add_readers(object, dirty);
        } else if kind == istio::DESTINATION_RULES {
            let key = ObjectKey::new(DESTINATION_RULES, &object.namespace, &object.name);
            self.add_matching(object, dirty, |rollout| {
                traffic::reads(rollout).contains(&key)
            });
            let manager = traffic::manager(&change.new);
            dirty
                .extend(manager.map(|name| Locator::new(kinds::ROLLOUTS, &object.namespace, name)));
        } else if kind == kinds::ANALYSIS_TEMPLATES {
            self.add_matching(object, dirty, |_| true);
        } else if kind == kinds::CLUSTER_ANALYSIS_TEMPLATES {
            for (namespace, names) in &self.rollouts.0 {
                let all = names
                    .keys()
                    .map(|name| Locator::new(kinds::ROLLOUTS, namespace, name));
                dirty.extend(all);
            }
        }
    }

    /// Rollouts of any namespace may name a `VirtualService`.
    fn add_readers(&self, object: &Locator, dirty: &mut BTreeSet<Locator>) {
        let key = ObjectKey::new(VIRTUAL_SERVICES, &object.namespace, &object.name);
        for (namespace, names) in &self.rollouts.0 {
            let readers = names
                .iter()
                .filter(|(_, entry)| {
                    let reads = entry.good().map(|rollout| traffic::reads(rollout));
                    reads.is_some_and(|reads| reads.contains(&key))
                })
                .map(|(name, _)| Locator::new(kinds::ROLLOUTS, namespace, name));
            dirty.extend(readers);
        }
    }

    /// The Services that a Rollout manages and may name no more.
    fn add_managed(&self, rollout: &Locator, dirty: &mut BTreeSet<Locator>) {
        let managed = self.services.entries(&rollout.namespace).filter(|service| {
            let path = ["metadata", "annotations", labels::MANAGED_BY_ROLLOUTS];
            fields::text(&service.value, &path) == &*rollout.name
        });
        for service in managed {
            let (namespace, name) = (&rollout.namespace, fields::name(&service.value));
            let object = Locator::new(kinds::SERVICES, namespace, name);
            if self.left(&object).is_some() {
                dirty.insert(object);
            }
        }
    }

    /// A Service that its Rollout may have left, and that Rollout's name.
    pub(in crate::controller) fn left(&self, service: &Locator) -> Option<(Arc<Service>, String)> {
        let found = self.services.get(&service.namespace, &service.name)?;
        let found = found.as_ref().ok()?;
        let manager = release::manager(&found.metadata)?;
        let known = self.rollouts.get(&service.namespace, manager);
        let known = known.and_then(|known| known.as_ref().ok());
        match release::is_left(&found.metadata, known.map(|known| &**known)) {
            Left::Perhaps => Some((Arc::clone(found), manager.to_owned())),
            Left::No => None,
        }
    }

    fn add_matching(
        &self,
        object: &Locator,
        dirty: &mut BTreeSet<Locator>,
        concerns: impl Fn(&Rollout) -> bool,
    ) {
        let rollouts = self.rollouts.entries(&object.namespace);
        let concerned = rollouts
            .filter_map(Entry::good)
            .filter(|rollout| concerns(rollout))
            .map(|rollout| {
                Locator::new(kinds::ROLLOUTS, &object.namespace, &rollout.metadata.name)
            });
        dirty.extend(concerned);
    }

    /// The Rollouts whose `spec.workloadRef` names the object.
    pub(super) fn add_referring(&self, object: &Locator, dirty: &mut BTreeSet<Locator>) {
        self.add_matching(object, dirty, |rollout| {
            workloads::referent(rollout).as_ref() == Some(object)
        });
    }
}

/// A Rollout that is gone.
pub(super) fn farewell(change: &Change) -> Option<ObjectMeta> {
    let rollout = change.object.kind == kinds::ROLLOUTS;
    match change.what {
        What::Deleted if rollout => serde_json::from_value(change.new["metadata"].clone()).ok(),
        What::Deleted | What::Added | What::Modified => None,
    }
}
