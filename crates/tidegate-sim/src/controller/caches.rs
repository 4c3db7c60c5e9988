//! What the controller has seen of the cluster: one watch per kind, each at its own place in the log.

mod experiments;
mod losing;
mod owners;
mod route;
mod seen;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;
use tidegate_api::{
    analysis::{AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate},
    experiment::Experiment,
    labels,
    meta::ObjectMeta,
    rollout::Rollout,
    workload::{ReplicaSet, Service},
};
use tidegate_core::{
    analysis_run::unreadable,
    consistency::Expected,
    freshness::Seen,
    observed::{Objects, Observed},
    plan::{self, DESTINATION_RULES, INGRESSES, Resource, VIRTUAL_SERVICES},
    rollout,
};
use tidegate_integrations::traffic::{self, Absence, Seen as SeenByRouters};

pub(super) use self::losing::Losing;
pub use self::losing::Sight;
use self::route::farewell;
use super::{
    shelf::{self, Entry, Shelf},
    workloads::{self, Known, Workloads},
};
use crate::{
    cluster::{
        Change, Cluster, Locator, What, fields, istio,
        kinds::{self, KindId},
    },
    doors::direct::Cursor,
};

/// The kinds that are watched from the start.
const WATCHED: [KindId; 11] = [
    kinds::ROLLOUTS,
    kinds::REPLICA_SETS,
    kinds::SERVICES,
    kinds::INGRESSES,
    istio::VIRTUAL_SERVICES,
    istio::DESTINATION_RULES,
    kinds::ANALYSIS_RUNS,
    kinds::EXPERIMENTS,
    kinds::ANALYSIS_TEMPLATES,
    kinds::CLUSTER_ANALYSIS_TEMPLATES,
    kinds::JOBS,
];

/// Those, and the kinds that are watched once a Rollout refers to one of them.
pub fn followed() -> impl Iterator<Item = KindId> {
    let referents = [kinds::DEPLOYMENTS, kinds::POD_TEMPLATES];
    WATCHED.into_iter().chain(referents)
}

/// What has changed.
#[derive(Debug)]
pub(super) struct News {
    /// Which objects are to be looked at for it.
    pub(super) dirty: BTreeSet<Locator>,
    /// Rollouts that are gone.
    pub(super) gone: Vec<ObjectMeta>,
}

/// The kinds that are looked at one by one.
const DECIDED: [KindId; 4] = [
    kinds::ROLLOUTS,
    kinds::ANALYSIS_RUNS,
    kinds::EXPERIMENTS,
    kinds::SERVICES,
];

/// Everything that is watched.
#[derive(Clone, Debug, Default)]
pub(super) struct Caches {
    cursors: Vec<Cursor>,
    pub(super) rollouts: Shelf<Rollout>,
    replica_sets: Shelf<ReplicaSet>,
    services: Shelf<Service>,
    ingresses: Shelf<Value>,
    virtual_services: Shelf<Value>,
    destination_rules: Shelf<Value>,
    /// Kinds that the cluster does not serve.
    absent: Vec<(Resource, Absence)>,
    pub(super) analysis_runs: Shelf<AnalysisRun>,
    pub(super) experiments: Shelf<Experiment>,
    analysis_templates: Shelf<AnalysisTemplate>,
    cluster_analysis_templates: Shelf<ClusterAnalysisTemplate>,
    jobs: Shelf<Value>,
    workloads: Workloads,
    losing: Losing,
    /// Own writes that watches have yet to tell of; as in the shell.
    expected: BTreeMap<KindId, Expected>,
}

impl Caches {
    /// Lists everything, as a controller that starts does. Tells which objects are to be looked at.
    pub(super) fn list(cluster: &Cluster) -> (Self, BTreeSet<Locator>) {
        let mut caches = Self {
            absent: absent(cluster),
            cursors: WATCHED
                .iter()
                .map(|kind| Cursor::new(*kind, cluster.version()))
                .collect(),
            ..Self::default()
        };
        let mut dirty = BTreeSet::new();
        for kind in WATCHED {
            if !cluster.serves(kind) {
                continue;
            }
            for value in cluster.in_namespace(kind, None) {
                let object = Locator::new(kind, fields::namespace(value), fields::name(value));
                if is_watched(kind, value) {
                    caches.set(&object, Some(value));
                    if DECIDED.contains(&kind) {
                        dirty.insert(object);
                    } else if kind == istio::DESTINATION_RULES {
                        // As the shell: whoever marked it may be gone (TR-321).
                        let manager = traffic::manager(value);
                        dirty.extend(manager.map(|name| {
                            Locator::new(kinds::ROLLOUTS, fields::namespace(value), name)
                        }));
                    }
                }
            }
        }
        (caches, dirty)
    }

    /// Takes in what has changed of the kinds that are not held back.
    pub(super) fn follow(&mut self, cluster: &Cluster, held_back: &BTreeMap<KindId, u64>) -> News {
        let mut dirty = BTreeSet::new();
        self.absent = absent(cluster);
        let mut gone = Vec::new();
        for place in 0..self.cursors.len() {
            let mut cursor = self.cursors[place];
            if cursor.version == cluster.version() {
                continue;
            }
            let up_to = held_back.get(&cursor.kind).copied();
            let changes = cursor
                .take(cluster, up_to)
                .expect("the simulated cluster forgets nothing");
            for change in changes {
                if self.losing.loses(change) {
                    continue;
                }
                self.told(change);
                self.put(change);
                self.route(change, &mut dirty);
                gone.extend(farewell(change));
            }
            self.cursors[place] = cursor;
        }
        let losing = &mut self.losing;
        for change in self.workloads.follow(cluster, held_back, losing) {
            self.add_referring(&change.object, &mut dirty);
            self.told(change);
        }
        let mut news = News { dirty, gone };
        self.list_what_was_lost(cluster, &mut news);
        news
    }

    /// As if ReplicaSets had not been listed yet.
    pub(super) fn unlist_replica_sets(&mut self) {
        let mut cursors = self.cursors.iter_mut();
        if let Some(cursor) = cursors.find(|one| one.kind == kinds::REPLICA_SETS) {
            cursor.version = 0;
        }
        self.replica_sets = Shelf::default();
    }

    /// Whether what a Rollout refers to can be looked up; if not, it can be at the next pass.
    pub(super) fn know(&mut self, rollout: &Rollout, cluster: &Cluster) -> Known {
        self.workloads.know(rollout, cluster)
    }

    /// Something that is no Rollout's is in the way.
    pub(super) fn follow_all_replica_sets(&mut self, cluster: &Cluster) {
        self.workloads.want(kinds::REPLICA_SETS, cluster);
    }

    /// Other Rollouts that name a Service which is not this one's yet, or what a router cannot share.
    fn rivals_of(
        &self,
        rollout: &Rollout,
        services: &BTreeMap<String, Arc<Service>>,
    ) -> Vec<Arc<Rollout>> {
        let services = services.values().map(|service| &**service);
        let unclaimed = rollout::unclaimed_services(rollout, services);
        let claims = traffic::claims(rollout);
        if unclaimed.is_empty() && claims.is_empty() {
            return Vec::new();
        }
        self.rollouts
            .entries(&rollout.metadata.namespace)
            .filter_map(Entry::good)
            .filter(|other| {
                let claimed = traffic::claims(other);
                other.metadata.uid != rollout.metadata.uid
                    && (!rollout::service_names(other).is_disjoint(&unclaimed)
                        || claimed.iter().any(|key| claims.contains(key)))
            })
            .cloned()
            .collect()
    }

    /// The version up to which each kind has been seen.
    pub(super) fn sight(&self) -> Sight {
        let cursors = self.cursors.iter().chain(self.workloads.cursors());
        Sight {
            seen: cursors
                .map(|cursor| (cursor.kind, cursor.version))
                .collect(),
            blind: self.losing.lost(),
        }
    }

    /// Whether every change was taken in.
    pub(super) fn is_complete(&self, cluster: &Cluster) -> bool {
        let newest = cluster.version();
        let mut cursors = self.cursors.iter().chain(self.workloads.cursors());
        cursors.all(|cursor| cursor.version == newest)
    }

    fn put(&mut self, change: &Change) {
        if is_watched(change.object.kind, &change.new) {
            self.set(&change.object, shelf::after(change));
        }
    }

    fn set(&mut self, object: &Locator, value: Option<&Arc<Value>>) {
        let kind = object.kind;
        if kind == kinds::ROLLOUTS {
            self.rollouts.set(object, value);
        } else if kind == kinds::REPLICA_SETS {
            self.replica_sets.set(object, value);
        } else if kind == kinds::SERVICES {
            self.services.set(object, value);
        } else if kind == kinds::INGRESSES {
            self.ingresses.set(object, value);
        } else if kind == istio::VIRTUAL_SERVICES {
            self.virtual_services.set(object, value);
        } else if kind == istio::DESTINATION_RULES {
            self.destination_rules.set(object, value);
        } else if kind == kinds::ANALYSIS_RUNS {
            self.analysis_runs.set(object, value);
        } else if kind == kinds::EXPERIMENTS {
            self.experiments.set(object, value);
        } else if kind == kinds::ANALYSIS_TEMPLATES {
            self.analysis_templates.set(object, value);
        } else if kind == kinds::CLUSTER_ANALYSIS_TEMPLATES {
            self.cluster_analysis_templates.set(object, value);
        } else if kind == kinds::JOBS {
            self.jobs.set(object, value);
        }
    }

    /// What a decision on this Rollout may look at.
    pub(super) fn observe(&self, rollout: &Arc<Rollout>) -> Observed {
        let namespace = rollout.metadata.namespace.as_str();
        let router_objects = self.router_objects(rollout);
        let services = rollout::service_names(rollout)
            .into_iter()
            .filter_map(|name| {
                let found = self.services.get(namespace, &name)?.as_ref().ok()?;
                Some((name, Arc::clone(found)))
            })
            .collect();
        let rivals = self.rivals_of(rollout, &services);
        let seen = SeenByRouters {
            objects: &router_objects,
            absent: &self.absent,
            rivals: &rivals,
        };
        Observed {
            workload: self.workloads.get(rollout),
            workload_unlisted: None,
            replica_sets: self.replica_sets_of(rollout),
            strangers: self
                .workloads
                .strangers(namespace, &format!("{}-", rollout.metadata.name)),
            services,
            analysis_runs: self
                .analysis_runs
                .entries(namespace)
                .filter(|run| fields::controller_uid(&run.value) == rollout.metadata.uid)
                .map(|run| match run.read() {
                    Ok(run) => Arc::clone(run),
                    Err(broken) => Arc::new(unreadable::stand_in(
                        &broken.metadata,
                        &broken.status,
                        &broken.error,
                    )),
                })
                .collect(),
            experiments: self.experiments_of(rollout),
            analysis_templates: self.analysis_templates.by_name(namespace),
            cluster_analysis_templates: self.cluster_analysis_templates.by_name(""),
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

    /// Its own, those that nobody owns, and whoever has a name that it might want.
    fn replica_sets_of(&self, rollout: &Rollout) -> Vec<Arc<ReplicaSet>> {
        let prefix = format!("{}-", rollout.metadata.name);
        self.replica_sets
            .entries(&rollout.metadata.namespace)
            .filter(|set| {
                let owner = fields::controller_uid(&set.value);
                owner.is_empty()
                    || owner == rollout.metadata.uid
                    || fields::name(&set.value).starts_with(&prefix)
            })
            .filter_map(|set| set.good().cloned())
            .collect()
    }

    fn router_objects(&self, rollout: &Rollout) -> Objects {
        traffic::reads(rollout)
            .into_iter()
            .filter_map(|key| {
                let objects = if key.resource == INGRESSES {
                    &self.ingresses
                } else if key.resource == VIRTUAL_SERVICES {
                    &self.virtual_services
                } else if key.resource == DESTINATION_RULES {
                    &self.destination_rules
                } else {
                    return None;
                };
                let names = objects.0.get(key.namespace.as_str())?;
                let object = Arc::clone(&names.get(key.name.as_str())?.value);
                Some((key, object))
            })
            .collect()
    }
}

fn absent(cluster: &Cluster) -> Vec<(Resource, Absence)> {
    [
        (istio::VIRTUAL_SERVICES, VIRTUAL_SERVICES),
        (istio::DESTINATION_RULES, DESTINATION_RULES),
    ]
    .into_iter()
    .filter(|(kind, _)| !cluster.serves(*kind))
    .map(|(_, resource)| (resource, Absence::NotServed))
    .collect()
}

/// ReplicaSets without the hash label and Jobs without a run are nobody's business here, as in the shell.
fn is_watched(kind: KindId, object: &Value) -> bool {
    let label = if kind == kinds::REPLICA_SETS {
        labels::POD_TEMPLATE_HASH
    } else if kind == kinds::JOBS {
        labels::ANALYSIS_RUN_UID
    } else {
        return true;
    };
    fields::labels(object).contains_key(label)
}
