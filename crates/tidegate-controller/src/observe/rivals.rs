//! Other Rollouts that want what a Rollout names, and that can serve one of them alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tidegate_api::{rollout::Rollout, workload::Service};
use tidegate_core::{
    plan::{ObjectKey, SERVICES},
    rollout,
};
use tidegate_integrations::traffic;

use super::Caches;
use crate::watch::Found;

impl Caches {
    /// Other Rollouts that name a Service which is not this one's yet, or what a router cannot share.
    pub(super) fn rivals_of(
        &self,
        rollout: &Rollout,
        services: &BTreeMap<String, Arc<Service>>,
    ) -> Vec<Arc<Rollout>> {
        let own = &rollout.metadata;
        let services = services.values().map(|service| &**service);
        let names: BTreeSet<(String, String)> = rollout::unclaimed_services(rollout, services)
            .iter()
            .map(|service| ObjectKey::new(SERVICES, &own.namespace, service))
            .chain(traffic::claims(rollout))
            .flat_map(|key| self.rollouts.referring_to(&key))
            .filter(|(namespace, name)| *name != own.name || *namespace != own.namespace)
            .collect();
        names
            .into_iter()
            .filter_map(
                |(namespace, name)| match self.rollouts.get(&namespace, &name) {
                    Found::Good(other) => Some(other),
                    Found::Broken(_) | Found::Absent => None,
                },
            )
            .collect()
    }
}
