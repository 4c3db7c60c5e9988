//! The caches, and what a pass over one object reads from them. Reads only.

mod experiments;
mod rivals;
mod spawn;
mod unseen;

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;
use serde_json::Value;
use tidegate_api::{
    analysis::{AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate},
    experiment::Experiment,
    labels,
    meta::ObjectMeta,
    rollout::Rollout,
    workload::{Pod, ReplicaSet, Service},
};
use tidegate_core::{
    analysis_run::unreadable,
    freshness::Seen,
    observed::{Objects, Observed},
    plan::{
        ANALYSIS_RUNS, ANALYSIS_TEMPLATES, CLUSTER_ANALYSIS_TEMPLATES, DEPLOYMENTS,
        DESTINATION_RULES, EXPERIMENTS, INGRESSES, ObjectKey, PODS, REPLICA_SETS, ROLLOUTS,
        Resource, SERVICES, VIRTUAL_SERVICES,
    },
    rollout::{
        self,
        pods::Query,
        release::{self, Left},
    },
};
use tidegate_integrations::traffic::{self, Absence, Seen as SeenByRouters};

use self::spawn::{Spawn, instance_selector};
use crate::{
    args::Args,
    ask,
    cache::Held,
    jobs::Job,
    primary::Mesh,
    served::Served,
    server::Server,
    watch::{self, Broken, Cache, Cached, Change, Found, Named, Need, Scope},
    workloads::Workloads,
};

/// Who learns of each change.
pub(crate) type Tell = Arc<dyn Fn(&Resource, Change<'_>) + Send + Sync>;

/// An object that only routers read.
#[derive(Debug)]
pub(crate) struct RawObject {
    metadata: ObjectMeta,
    pub(crate) value: Arc<Value>,
}

impl Cached for RawObject {
    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn read(text: &str) -> Result<Self, String> {
        let Named { metadata } = watch::read_typed(text)?;
        let value = watch::read_typed(text)?;
        Ok(Self {
            metadata,
            value: Arc::new(value),
        })
    }

    /// The Rollout that has left its marks.
    fn references(&self) -> Vec<ObjectKey> {
        traffic::manager(&self.value)
            .map(|rollout| ObjectKey::new(ROLLOUTS, &self.metadata.namespace, rollout))
            .into_iter()
            .collect()
    }
}

impl Cached for Rollout {
    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn read(text: &str) -> Result<Self, String> {
        watch::read_typed(text)
    }

    fn references(&self) -> Vec<ObjectKey> {
        let namespace = &self.metadata.namespace;
        rollout::service_names(self)
            .into_iter()
            .map(|name| ObjectKey::new(SERVICES, namespace, &name))
            .chain(traffic::reads(self))
            .chain(rollout::workload::referent(self))
            .collect()
    }
}

/// Types that are read whole.
macro_rules! cached {
    ($held:expr, $($kind:ty),+) => {
        $(impl Cached for $kind {
            const HELD: Held = $held;

            fn metadata(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn read(text: &str) -> Result<Self, String> {
                watch::read_typed(text)
            }
        })+
    };
}

impl Cached for Service {
    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn read(text: &str) -> Result<Self, String> {
        watch::read_typed(text)
    }

    /// The Rollout that manages it.
    fn references(&self) -> Vec<ObjectKey> {
        release::manager(&self.metadata)
            .map(|rollout| ObjectKey::new(ROLLOUTS, &self.metadata.namespace, rollout))
            .into_iter()
            .collect()
    }
}

cached!(Held::Text, ReplicaSet, AnalysisRun);
cached!(Held::Read, AnalysisTemplate, ClusterAnalysisTemplate);

/// Everything that is watched.
#[derive(Clone, Debug)]
pub(crate) struct Caches {
    pub(crate) rollouts: Arc<Cache<Rollout>>,
    pub(crate) replica_sets: Arc<Cache<ReplicaSet>>,
    pub(crate) services: Arc<Cache<Service>>,
    pub(crate) ingresses: Arc<Cache<RawObject>>,
    pub(crate) virtual_services: Arc<Cache<RawObject>>,
    pub(crate) destination_rules: Arc<Cache<RawObject>>,
    pub(crate) analysis_runs: Arc<Cache<AnalysisRun>>,
    pub(crate) experiments: Arc<Cache<Experiment>>,
    pub(crate) analysis_templates: Arc<Cache<AnalysisTemplate>>,
    pub(crate) cluster_analysis_templates: Arc<Cache<ClusterAnalysisTemplate>>,
    pub(crate) jobs: Arc<Cache<Job>>,
    pub(crate) workloads: Workloads,
}

impl Caches {
    pub(crate) fn new() -> Self {
        Self {
            rollouts: Cache::new(),
            replica_sets: Cache::new(),
            services: Cache::new(),
            ingresses: Cache::new(),
            virtual_services: Cache::new(),
            destination_rules: Cache::new(),
            analysis_runs: Cache::new(),
            experiments: Cache::new(),
            analysis_templates: Cache::new(),
            cluster_analysis_templates: Cache::new(),
            jobs: Cache::new(),
            workloads: Workloads::new(),
        }
    }

    /// Starts to follow every kind; `tell` learns of each change.
    pub(crate) fn follow(
        &self,
        (server, mesh): (&Server, &Arc<Mesh>),
        args: &Args,
        tell: &Tell,
    ) -> Vec<tokio::task::JoinHandle<()>> {
        let namespace = if args.namespaced {
            server.client.default_namespace().to_owned()
        } else {
            String::new()
        };
        let own = instance_selector(&args.instance_id);
        let spawn = Spawn {
            server,
            namespace: &namespace,
            served: Served::new(args),
            tell,
        };
        let mut tasks = vec![
            spawn.follow(&self.analysis_runs, ANALYSIS_RUNS, &own),
            spawn.follow(&self.analysis_templates, ANALYSIS_TEMPLATES, &own),
        ];
        if args.only_analysis() {
            self.do_without_rollouts();
        } else {
            tasks.extend([
                spawn.follow(&self.rollouts, ROLLOUTS, &own),
                spawn.follow(&self.experiments, EXPERIMENTS, &own),
                spawn.follow(&self.replica_sets, REPLICA_SETS, labels::POD_TEMPLATE_HASH),
                spawn.follow(&self.services, SERVICES, ""),
                spawn.follow(&self.ingresses, INGRESSES, ""),
                spawn.follow_mesh(&self.virtual_services, VIRTUAL_SERVICES, mesh),
                spawn.follow_mesh(&self.destination_rules, DESTINATION_RULES, mesh),
            ]);
            tasks.extend(self.workloads.follow(server, &namespace, tell));
        }
        if args.namespaced {
            // Cluster-scoped templates are out of reach there (OPS-07): lookups find nothing.
            self.cluster_analysis_templates.mark_synced();
        } else {
            tasks.push(spawn.follow(
                &self.cluster_analysis_templates,
                CLUSTER_ANALYSIS_TEMPLATES,
                &own,
            ));
        }
        tasks
    }

    /// This process has written an object, which makes this version of it: the watch must tell of it.
    pub(crate) fn expect(&self, key: &ObjectKey, version: &str) {
        let (resource, name) = (&key.resource, (key.namespace.clone(), key.name.clone()));
        if *resource == ROLLOUTS {
            self.rollouts.expect(name, version);
        } else if *resource == REPLICA_SETS {
            self.replica_sets.expect(name, version);
        } else if *resource == SERVICES {
            self.services.expect(name, version);
        } else if *resource == INGRESSES {
            self.ingresses.expect(name, version);
        } else if *resource == VIRTUAL_SERVICES {
            self.virtual_services.expect(name, version);
        } else if *resource == DESTINATION_RULES {
            self.destination_rules.expect(name, version);
        } else if *resource == ANALYSIS_RUNS {
            self.analysis_runs.expect(name, version);
        } else if *resource == EXPERIMENTS {
            self.experiments.expect(name, version);
        } else if *resource == DEPLOYMENTS {
            self.workloads.expect(key, version);
        }
    }

    /// Nobody works on Rollouts: what only they need is not looked at.
    fn do_without_rollouts(&self) {
        self.rollouts.mark_synced();
        self.experiments.mark_synced();
        self.replica_sets.mark_synced();
        self.services.mark_synced();
        self.ingresses.mark_synced();
        self.virtual_services.mark_synced();
        self.destination_rules.mark_synced();
    }

    /// Waits until every cache is complete.
    pub(crate) async fn synced(&self) {
        self.rollouts.synced().await;
        self.experiments.synced().await;
        self.replica_sets.synced().await;
        self.services.synced().await;
        self.ingresses.synced().await;
        self.virtual_services.synced().await;
        self.destination_rules.synced().await;
        self.analysis_runs.synced().await;
        self.analysis_templates.synced().await;
        self.cluster_analysis_templates.synced().await;
    }

    /// What a decision on this Rollout may look at.
    pub(crate) fn observe(&self, rollout: &Arc<Rollout>) -> Observed {
        let namespace = &rollout.metadata.namespace;
        let router_objects = self.router_objects(rollout);
        let services = self.services_of(rollout);
        let rivals = self.rivals_of(rollout, &services);
        let seen = SeenByRouters {
            objects: &router_objects,
            absent: &self.absent(),
            rivals: &rivals,
        };
        Observed {
            workload: self.workloads.referent(rollout),
            workload_unlisted: None,
            replica_sets: self.replica_sets_of(rollout),
            strangers: self.strangers(namespace, &format!("{}-", rollout.metadata.name)),
            services,
            analysis_runs: self.analysis_runs_of(rollout),
            experiments: self.experiments_of(rollout),
            analysis_templates: by_name(self.analysis_templates.in_namespace(namespace)),
            cluster_analysis_templates: by_name(self.cluster_analysis_templates.in_namespace("")),
            router_findings: traffic::findings(rollout, &seen),
            routers: traffic::views(rollout, &seen),
            rivals,
            leftovers: traffic::leftovers(
                Some(rollout),
                &self.rules_of(namespace, &rollout.metadata.name),
            ),
            verify_retry_seconds: None,
            router_objects,
            rollout: Arc::clone(rollout),
        }
    }

    /// Whether a Service may be one that its Rollout has left.
    pub(crate) fn is_left(&self, service: &ObjectMeta) -> Left {
        let manager = release::manager(service).unwrap_or_default();
        match self.rollouts.get(&service.namespace, manager) {
            Found::Good(rollout) => release::is_left(service, Some(&rollout)),
            Found::Broken(_) | Found::Absent => release::is_left(service, None),
        }
    }

    /// Its own, those that nobody owns, and whoever has a name that it might want.
    fn replica_sets_of(&self, rollout: &Rollout) -> Vec<Arc<ReplicaSet>> {
        let mut found = self.replica_sets.controlled_by(&rollout.metadata.uid);
        found.extend(self.replica_sets.orphans(&rollout.metadata.namespace));
        let (namespace, name) = (&rollout.metadata.namespace, &rollout.metadata.name);
        for candidate in self.replica_sets.named_after(namespace, name) {
            if !found
                .iter()
                .any(|known| known.metadata.uid == candidate.metadata.uid)
            {
                found.push(candidate);
            }
        }
        found
    }

    /// ReplicaSets without the hash label whose names begin so; known only once one of them was in the way.
    fn strangers(&self, namespace: &str, prefix: &str) -> Vec<String> {
        let named = self.workloads.named(&REPLICA_SETS, namespace, prefix);
        named
            .into_iter()
            .filter(|metadata| !metadata.labels.contains_key(labels::POD_TEMPLATE_HASH))
            .map(|metadata| metadata.name)
            .collect()
    }

    /// Its own, and whoever has a name that it might want.
    fn analysis_runs_of(&self, rollout: &Rollout) -> Vec<Arc<AnalysisRun>> {
        let mut found = self.analysis_runs.controlled_by(&rollout.metadata.uid);
        let prefix = format!("{}-", rollout.metadata.name);
        let named = self
            .analysis_runs
            .named(&rollout.metadata.namespace, &prefix);
        found.extend(named.into_iter().filter(|run| {
            let owner = run.metadata.controller();
            owner.is_none_or(|owner| owner.uid != rollout.metadata.uid)
        }));
        let broken = self
            .analysis_runs
            .broken(&rollout.metadata.namespace, &prefix);
        found.extend(broken.into_iter().map(|broken| {
            let Broken {
                metadata,
                status,
                error,
            } = &*broken;
            Arc::new(unreadable::stand_in(metadata, status, error))
        }));
        found
    }

    fn services_of(&self, rollout: &Rollout) -> BTreeMap<String, Arc<Service>> {
        rollout::service_names(rollout)
            .into_iter()
            .filter_map(
                |name| match self.services.get(&rollout.metadata.namespace, &name) {
                    Found::Good(service) => Some((name, service)),
                    Found::Broken(_) | Found::Absent => None,
                },
            )
            .collect()
    }

    fn router_objects(&self, rollout: &Rollout) -> Objects {
        traffic::reads(rollout)
            .into_iter()
            .filter_map(|key| {
                let object = self.raw(&key)?;
                Some((key, object))
            })
            .collect()
    }

    fn raw(&self, key: &ObjectKey) -> Option<Arc<Value>> {
        let cache = if key.resource == INGRESSES {
            &self.ingresses
        } else if key.resource == VIRTUAL_SERVICES {
            &self.virtual_services
        } else if key.resource == DESTINATION_RULES {
            &self.destination_rules
        } else {
            return None;
        };
        match cache.get(&key.namespace, &key.name) {
            Found::Good(object) => Some(Arc::clone(&object.value)),
            Found::Broken(_) | Found::Absent => None,
        }
    }

    /// The kinds that the cluster does not serve.
    fn absent(&self) -> Vec<(Resource, Absence)> {
        [
            (&self.virtual_services, VIRTUAL_SERVICES),
            (&self.destination_rules, DESTINATION_RULES),
        ]
        .into_iter()
        .filter_map(|(cache, resource)| Some((resource, cache.absence()?)))
        .collect()
    }

    /// The `DestinationRules` that carry the marks of a Rollout of this name.
    pub(crate) fn rules_of(&self, namespace: &str, rollout: &str) -> Vec<Arc<Value>> {
        let owner = ObjectKey::new(ROLLOUTS, namespace, rollout);
        self.destination_rules
            .referring_to(&owner)
            .into_iter()
            .filter_map(|(namespace, name)| {
                self.raw(&ObjectKey::new(DESTINATION_RULES, &namespace, &name))
            })
            .collect()
    }
}

/// Pods, listed live: there are too many of them to be watched (AVL-03).
///
/// # Errors
/// What the connection or the server says.
pub(crate) async fn pods(server: &Server, query: &Query) -> Result<Vec<Pod>, String> {
    let path = ask::list_path(&PODS, &query.namespace, &query.selector);
    let answer = ask::text(server, path).await;
    let text = answer.map_err(|error| error.to_string())?;
    serde_json::from_str(&text)
        .map(|list: PodList| list.items)
        .map_err(|error| error.to_string())
}

#[derive(Deserialize)]
struct PodList {
    #[serde(default)]
    items: Vec<Pod>,
}

impl Seen for Caches {
    fn version(&self, resource: &Resource) -> Option<u64> {
        if *resource == ROLLOUTS {
            self.rollouts.version()
        } else if *resource == REPLICA_SETS {
            self.replica_sets.version()
        } else if *resource == SERVICES {
            self.services.version()
        } else if *resource == INGRESSES {
            self.ingresses.version()
        } else if *resource == VIRTUAL_SERVICES {
            self.virtual_services.version()
        } else if *resource == DESTINATION_RULES {
            self.destination_rules.version()
        } else if *resource == ANALYSIS_RUNS {
            self.analysis_runs.version()
        } else if *resource == EXPERIMENTS {
            self.experiments.version()
        } else if *resource == DEPLOYMENTS {
            self.workloads.version(resource)
        } else {
            // What is not watched cannot lag.
            Some(u64::MAX)
        }
    }
}

fn by_name<T: Cached>(objects: Vec<Arc<T>>) -> BTreeMap<String, Arc<T>> {
    objects
        .into_iter()
        .map(|object| (object.metadata().name.clone(), object))
        .collect()
}
