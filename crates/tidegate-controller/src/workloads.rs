//! The objects that `spec.workloadRef` names. Few clusters have such Rollouts, so each kind is listed and
//! watched only once a Rollout refers to one; until its cache is complete, passes over that Rollout wait.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde_json::Value;
use tidegate_api::{meta::ObjectMeta, rollout::Rollout};
use tidegate_core::{
    plan::{DEPLOYMENTS, ObjectKey, POD_TEMPLATES, REPLICA_SETS, Resource},
    rollout::workload,
};
use tokio::{sync::watch, time::Instant};

use crate::{
    observe::RawObject,
    server::Server,
    watch::{self as cache, Cache, Cached, Change, Found, Need, Scope},
};

/// The kinds that can be referred to.
const KINDS: [Resource; 3] = [DEPLOYMENTS, REPLICA_SETS, POD_TEMPLATES];

/// One cache per kind.
#[derive(Clone, Debug)]
pub(crate) struct Workloads(Arc<[Lazy]>);

/// A kind that is followed once somebody wants it.
#[derive(Debug)]
struct Lazy {
    resource: Resource,
    cache: Arc<Cache<RawObject>>,
    wanted: watch::Sender<bool>,
    since: OnceLock<Instant>,
}

/// For how long a kind may be listed for the first time before its Rollouts say that something is wrong; as
/// upstream (WLR-04).
const PATIENCE: Duration = Duration::from_mins(1);

/// Whether what a Rollout refers to can be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It can: what is not found is not there.
    Yes,
    /// The list of its kind is not complete yet.
    NotYet,
    /// Its kind cannot be listed, for this reason.
    Never(String),
}

impl Lazy {
    fn want(&self) {
        self.since.get_or_init(Instant::now);
        self.wanted
            .send_if_modified(|wanted| !std::mem::replace(wanted, true));
    }
}

impl Workloads {
    pub(crate) fn new() -> Self {
        let lazy = |resource| Lazy {
            resource,
            cache: Cache::new(),
            wanted: watch::Sender::new(false),
            since: OnceLock::new(),
        };
        Self(KINDS.into_iter().map(lazy).collect())
    }

    /// A task per kind, which follows it from when it is first wanted.
    pub(crate) fn follow(
        &self,
        server: &Server,
        namespace: &str,
        tell: &crate::observe::Tell,
    ) -> Vec<tokio::task::JoinHandle<()>> {
        let follow = |place: usize| {
            let (all, server, tell) = (self.clone(), server.clone(), Arc::clone(tell));
            let namespace = namespace.to_owned();
            tokio::spawn(async move {
                let Some(lazy) = all.0.get(place) else {
                    return;
                };
                let mut wanted = lazy.wanted.subscribe();
                // The sender lives as long as the caches, so waiting cannot fail.
                let _ = wanted.wait_for(|wanted| *wanted).await;
                let scope = Scope {
                    resource: lazy.resource.clone(),
                    namespace,
                    labels: String::new(),
                    need: Need::Always,
                };
                let tell = |change: Change<'_>| tell(&lazy.resource, change);
                cache::follow(server, scope, Arc::clone(&lazy.cache), tell).await;
            })
        };
        (0..self.0.len()).map(follow).collect()
    }

    /// Whether the referent of a Rollout can be looked up; if not, its kind is followed from now on.
    pub(crate) fn know(&self, rollout: &Rollout) -> Known {
        let Some(lazy) = workload::referent(rollout).and_then(|key| self.of(&key.resource)) else {
            return Known::Yes;
        };
        lazy.want();
        let waited = lazy.since.get().map_or(Duration::ZERO, Instant::elapsed);
        if lazy.cache.is_synced() {
            Known::Yes
        } else if waited < PATIENCE {
            Known::NotYet
        } else {
            Known::Never(
                lazy.cache
                    .fault()
                    .unwrap_or_else(|| "no answer so far".to_owned()),
            )
        }
    }

    /// Follows a kind from now on, because something of it is in the way (RSI-08).
    pub(crate) fn want(&self, resource: &Resource) {
        if let Some(lazy) = self.of(resource) {
            lazy.want();
        }
    }

    /// The objects of a kind whose names begin so, as far as the kind is followed.
    pub(crate) fn named(
        &self,
        resource: &Resource,
        namespace: &str,
        prefix: &str,
    ) -> Vec<ObjectMeta> {
        let found = self
            .of(resource)
            .map(|lazy| lazy.cache.named(namespace, prefix));
        let objects = found.into_iter().flatten();
        objects.map(|object| object.metadata().clone()).collect()
    }

    /// What a Rollout refers to, if it is there.
    pub(crate) fn referent(&self, rollout: &Rollout) -> Option<Arc<Value>> {
        let ObjectKey {
            resource,
            namespace,
            name,
        } = workload::referent(rollout)?;
        match self.of(&resource)?.cache.get(&namespace, &name) {
            Found::Good(object) => Some(Arc::clone(&object.value)),
            Found::Broken(_) | Found::Absent => None,
        }
    }

    /// Up to which version the cache of a kind is complete; `None` if nothing of it is written or read.
    pub(crate) fn version(&self, resource: &Resource) -> Option<u64> {
        self.of(resource).and_then(|lazy| lazy.cache.version())
    }

    /// This process has written an object, which makes this version of it.
    pub(crate) fn expect(&self, key: &ObjectKey, version: &str) {
        if let Some(lazy) = self.of(&key.resource) {
            let name = (key.namespace.clone(), key.name.clone());
            lazy.cache.expect(name, version);
        }
    }

    fn of(&self, resource: &Resource) -> Option<&Lazy> {
        self.0.iter().find(|lazy| lazy.resource == *resource)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Fixes WLR-04: a kind that cannot be listed is waited for no longer than upstream does.
    #[tokio::test(start_paused = true)]
    async fn a_kind_that_cannot_be_listed_is_told_after_a_while() {
        let workloads = Workloads::new();
        let reference = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
        let rollout = json!({"metadata": {}, "spec": {"workloadRef": reference}});
        let rollout: Rollout = serde_json::from_value(rollout).unwrap();
        assert_eq!(workloads.know(&rollout), Known::NotYet);
        let cache = &workloads.of(&DEPLOYMENTS).unwrap().cache;
        cache.note_fault("deployments.apps is forbidden".to_owned());
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(workloads.know(&rollout), Known::NotYet);
        tokio::time::advance(Duration::from_secs(2)).await;
        let why = "deployments.apps is forbidden".to_owned();
        assert_eq!(workloads.know(&rollout), Known::Never(why));
        cache.mark_synced();
        assert_eq!(workloads.know(&rollout), Known::Yes);
    }
}
