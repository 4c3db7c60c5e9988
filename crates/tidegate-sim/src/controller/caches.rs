//! What the controller has seen of the cluster: one watch per kind, each at its own place in the log.

mod experiments;
mod owners;
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
    freshness::Seen,
    observed::{Objects, Observed},
    plan::{self, DESTINATION_RULES, INGRESSES, ObjectKey, Resource, VIRTUAL_SERVICES},
    rollout::{
        self,
        release::{self, Left},
    },
};
use tidegate_integrations::traffic::{self, Absence, Seen as SeenByRouters};

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
                self.put(change);
                self.route(change, &mut dirty);
                gone.extend(farewell(change));
            }
            self.cursors[place] = cursor;
        }
        for change in self.workloads.follow(cluster, held_back) {
            self.add_referring(&change.object, &mut dirty);
        }
        News { dirty, gone }
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

    /// The Rollouts whose `spec.workloadRef` names the object.
    fn add_referring(&self, object: &Locator, dirty: &mut BTreeSet<Locator>) {
        self.add_matching(object, dirty, |rollout| {
            workloads::referent(rollout).as_ref() == Some(object)
        });
    }

    /// The version up to which each kind has been seen.
    pub(super) fn versions(&self) -> Vec<(KindId, u64)> {
        let cursors = self.cursors.iter().chain(self.workloads.cursors());
        cursors
            .map(|cursor| (cursor.kind, cursor.version))
            .collect()
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

    /// Which objects a change concerns, as the shell routes it.
    fn route(&self, change: &Change, dirty: &mut BTreeSet<Locator>) {
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
    pub(super) fn left(&self, service: &Locator) -> Option<(Arc<Service>, String)> {
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

/// A Rollout that is gone.
fn farewell(change: &Change) -> Option<ObjectMeta> {
    let rollout = change.object.kind == kinds::ROLLOUTS;
    match change.what {
        What::Deleted if rollout => serde_json::from_value(change.new["metadata"].clone()).ok(),
        What::Deleted | What::Added | What::Modified => None,
    }
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
