//! What a Rollout names and no cache holds: it may have been applied together with the Rollout, and come
//! a moment later, for each kind comes over a watch of its own.

use tidegate_api::rollout::Rollout;
use tidegate_core::plan::{DESTINATION_RULES, INGRESSES, ObjectKey, SERVICES, VIRTUAL_SERVICES};

use super::Caches;
use crate::watch::{Cache, Cached, Found};

impl Caches {
    /// Services and what routers read, which are watched whatever their labels: what is there will be in
    /// the caches.
    pub(crate) fn unseen(&self, rollout: &Rollout) -> Vec<ObjectKey> {
        let named = rollout.references();
        named.into_iter().filter(|key| self.lacks(key)).collect()
    }

    fn lacks(&self, key: &ObjectKey) -> bool {
        if key.resource == SERVICES {
            is_unseen(&self.services, key)
        } else if key.resource == INGRESSES {
            is_unseen(&self.ingresses, key)
        } else if key.resource == VIRTUAL_SERVICES {
            is_unseen(&self.virtual_services, key)
        } else if key.resource == DESTINATION_RULES {
            is_unseen(&self.destination_rules, key)
        } else {
            false
        }
    }
}

/// One that is there and cannot be read will not be seen either; nor will one of a kind that is not served.
fn is_unseen<T: Cached>(cache: &Cache<T>, key: &ObjectKey) -> bool {
    let found = cache.get(&key.namespace, &key.name);
    matches!(found, Found::Absent) && cache.absence().is_none()
}
