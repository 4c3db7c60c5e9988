//! Up to which version each kind was seen.

use super::{
    Caches, DESTINATION_RULES, INGRESSES, Resource, Seen, VIRTUAL_SERVICES, istio, kinds, plan,
};

impl Seen for Caches {
    fn version(&self, resource: &Resource) -> Option<u64> {
        let kind = [
            (plan::ROLLOUTS, kinds::ROLLOUTS),
            (plan::REPLICA_SETS, kinds::REPLICA_SETS),
            (plan::SERVICES, kinds::SERVICES),
            (INGRESSES, kinds::INGRESSES),
            (VIRTUAL_SERVICES, istio::VIRTUAL_SERVICES),
            (DESTINATION_RULES, istio::DESTINATION_RULES),
            (plan::ANALYSIS_RUNS, kinds::ANALYSIS_RUNS),
            (plan::EXPERIMENTS, kinds::EXPERIMENTS),
            (plan::DEPLOYMENTS, kinds::DEPLOYMENTS),
        ]
        .into_iter()
        .find(|(known, _)| known == resource);
        match kind {
            Some((_, kind)) => self
                .cursors
                .iter()
                .chain(self.workloads.cursors())
                .find(|cursor| cursor.kind == kind)
                .map(|cursor| cursor.version),
            // What is not watched cannot lag.
            None => Some(u64::MAX),
        }
    }
}
