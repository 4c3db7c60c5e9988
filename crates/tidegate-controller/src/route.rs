//! Which objects a change concerns: from one watched change to the keys that must be looked at.

use std::sync::Arc;

use tidegate_api::{labels, meta::ObjectMeta};
use tidegate_core::{
    plan::{
        ANALYSIS_RUNS, ANALYSIS_TEMPLATES, CLUSTER_ANALYSIS_TEMPLATES, DEPLOYMENTS,
        DESTINATION_RULES, EXPERIMENTS, INGRESSES, JOBS, ObjectKey, POD_TEMPLATES, REPLICA_SETS,
        ROLLOUTS, Resource, SERVICES, VIRTUAL_SERVICES,
    },
    rollout::release::Left,
};

use crate::{
    jobs,
    metrics::Page,
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
    pub(crate) experiments: Arc<Queue<Name>>,
    pub(crate) services: Arc<Queue<Name>>,
}

impl Queues {
    pub(crate) fn new() -> Self {
        Self {
            rollouts: Arc::new(Queue::new()),
            analysis_runs: Arc::new(Queue::new()),
            experiments: Arc::new(Queue::new()),
            services: Arc::new(Queue::new()),
        }
    }

    pub(crate) fn close(&self) {
        self.rollouts.close();
        self.analysis_runs.close();
        self.experiments.close();
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
            self.add_steps(caches, metadata);
        } else if *resource == EXPERIMENTS {
            self.experiments.add(name(metadata));
            self.add_owner(metadata);
        } else if *resource == REPLICA_SETS {
            self.add_owner(metadata);
            self.add_readers(caches, resource, metadata);
        } else if *resource == DEPLOYMENTS || *resource == POD_TEMPLATES {
            self.add_readers(caches, resource, metadata);
        } else if *resource == ANALYSIS_RUNS {
            self.analysis_runs.add(name(metadata));
            self.add_owner(metadata);
        } else if *resource == JOBS {
            if let Some(run) = jobs::run_of(metadata) {
                self.analysis_runs.add(run);
            }
        } else if *resource == SERVICES {
            self.add_left(caches, metadata);
            self.add_owner(metadata);
            self.add_readers(caches, resource, metadata);
        } else if *resource == INGRESSES || *resource == VIRTUAL_SERVICES {
            self.add_readers(caches, resource, metadata);
        } else if *resource == DESTINATION_RULES {
            self.add_readers(caches, resource, metadata);
            // Whoever marked it may be gone, or name it no longer (TR-321).
            let manager = metadata.annotations.get(labels::MANAGED_BY_ROLLOUTS);
            if let Some(manager) = manager.filter(|manager| !manager.is_empty()) {
                self.rollouts
                    .add((metadata.namespace.clone(), manager.clone()));
            }
        } else if *resource == ANALYSIS_TEMPLATES {
            for name in caches.rollouts.keys_in(&metadata.namespace) {
                self.rollouts.add(name);
            }
        } else if *resource == CLUSTER_ANALYSIS_TEMPLATES {
            for key in caches.rollouts.keys() {
                self.rollouts.add(key);
            }
        }
    }

    /// The Rollout or Experiment that controls the object (QUE-06).
    fn add_owner(&self, metadata: &ObjectMeta) {
        let Some(owner) = metadata.controller() else {
            return;
        };
        let name = (metadata.namespace.clone(), owner.name.clone());
        if owner.kind == ROLLOUTS.kind {
            self.rollouts.add(name);
        } else if owner.kind == EXPERIMENTS.kind {
            self.experiments.add(name);
        }
    }

    /// The Experiments that are a Rollout's steps: their pods stay while it may send them traffic.
    fn add_steps(&self, caches: &Caches, rollout: &ObjectMeta) {
        let key = ObjectKey::new(ROLLOUTS, &rollout.namespace, &rollout.name);
        for name in caches.experiments.referring_to(&key) {
            self.experiments.add(name);
        }
    }

    /// Rollouts that name an object, in `spec.workloadRef` as well (WLR-03); those of any namespace may name a `VirtualService` (TR-302).
    fn add_readers(&self, caches: &Caches, resource: &Resource, metadata: &ObjectMeta) {
        let key = ObjectKey::new(resource.clone(), &metadata.namespace, &metadata.name);
        for name in caches.rollouts.referring_to(&key) {
            self.rollouts.add(name);
        }
    }

    /// The Services that a Rollout manages and may name no more (QUE-05, QUE-08).
    fn add_managed(&self, caches: &Caches, rollout: &ObjectMeta) {
        let key = ObjectKey::new(ROLLOUTS, &rollout.namespace, &rollout.name);
        for (namespace, name) in caches.services.referring_to(&key) {
            if let Found::Good(service) = caches.services.get(&namespace, &name) {
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

    /// Tells how the queues are, under the names that they have in upstream (OB-311).
    pub(crate) fn tell_metrics(&self, page: &mut Page) {
        self.rollouts.tell_metrics("Rollouts", page);
        self.analysis_runs.tell_metrics("AnalysisRuns", page);
        self.experiments.tell_metrics("Experiments", page);
        self.services.tell_metrics("Services", page);
    }
}

fn name(metadata: &ObjectMeta) -> Name {
    (metadata.namespace.clone(), metadata.name.clone())
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use serde_json::{Value, json};
    use tidegate_api::rollout::Rollout;

    use super::*;

    /// Which Rollouts a change of an object leads to.
    fn woken(caches: &Caches, resource: &Resource, metadata: &Value) -> Vec<String> {
        let queues = Queues::new();
        let metadata: ObjectMeta = serde_json::from_value(metadata.clone()).unwrap();
        queues.tell(caches, resource, &Change::Present(&metadata));
        let mut names = Vec::new();
        while let Some(Some((_, name))) = queues.rollouts.next().now_or_never() {
            names.push(name);
        }
        names
    }

    fn owned_by(owner: &Value) -> Value {
        let mut owner = owner.clone();
        owner["controller"] = json!(true);
        json!({"name": "x", "namespace": "shop", "ownerReferences": [owner]})
    }

    /// Keeps QUE-06: kind and name tell, whatever uid and group.
    #[test]
    fn a_change_of_what_a_rollout_owns_wakes_it() {
        let caches = Caches::new();
        for resource in [REPLICA_SETS, ANALYSIS_RUNS] {
            let own = owned_by(&json!({"kind": "Rollout", "name": "web", "uid": "of old"}));
            assert_eq!(woken(&caches, &resource, &own), ["web"]);
            let other = owned_by(&json!({"kind": "Deployment", "name": "web"}));
            assert_eq!(woken(&caches, &resource, &other), Vec::<String>::new());
            let nobody = json!({"name": "x", "namespace": "shop"});
            assert_eq!(woken(&caches, &resource, &nobody), Vec::<String>::new());
        }
    }

    fn names(queue: &Queue<Name>) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(Some((_, name))) = queue.next().now_or_never() {
            names.push(name);
        }
        names
    }

    /// Keeps EXP-18, but for its filters: a pass that finds nothing new writes nothing.
    #[test]
    fn a_change_of_what_an_experiment_owns_wakes_it() {
        let caches = Caches::new();
        for resource in [REPLICA_SETS, ANALYSIS_RUNS, SERVICES] {
            let queues = Queues::new();
            let own = owned_by(&json!({"kind": "Experiment", "name": "try", "uid": "of old"}));
            let metadata: ObjectMeta = serde_json::from_value(own.clone()).unwrap();
            queues.tell(&caches, &resource, &Change::Gone(&metadata));
            assert_eq!(names(&queues.experiments), ["try"]);
            assert_eq!(names(&queues.rollouts), Vec::<String>::new());
        }
    }

    /// Keeps QUE-07; and a Rollout that moves traffic wakes the Experiments that wait for it.
    #[test]
    fn an_experiment_and_the_rollout_whose_step_it_is_wake_each_other() {
        let (caches, queues) = (Caches::new(), Queues::new());
        let mut step = owned_by(&json!({"kind": "Rollout", "name": "web", "uid": "web"}));
        step["name"] = json!("web-step");
        caches.experiments.put_json(&json!({"metadata": step}));
        let alone = json!({"metadata": {"name": "alone", "namespace": "shop"}});
        caches.experiments.put_json(&alone);
        let metadata: ObjectMeta = serde_json::from_value(step.clone()).unwrap();
        queues.tell(&caches, &EXPERIMENTS, &Change::Present(&metadata));
        assert_eq!(names(&queues.experiments), ["web-step"]);
        assert_eq!(names(&queues.rollouts), ["web"]);
        queues
            .experiments
            .done(&("shop".to_owned(), "web-step".to_owned()), None);
        let rollout = serde_json::from_value::<Rollout>(naming("web")).unwrap();
        queues.tell(&caches, &ROLLOUTS, &Change::Present(&rollout.metadata));
        assert_eq!(names(&queues.experiments), ["web-step"]);
    }

    /// A Rollout that names an object of each kind.
    fn naming(name: &str) -> Value {
        json!({
            "metadata": {"name": name, "namespace": "shop", "uid": name},
            "spec": {"strategy": {"canary": {
                "canaryService": format!("{name}-service"),
                "trafficRouting": {
                    "nginx": {"stableIngress": format!("{name}-ingress")},
                    "istio": {
                        "virtualService": {"name": format!("{name}-virtual")},
                        "destinationRule": {"name": format!("{name}-rule"),
                            "canarySubsetName": "c", "stableSubsetName": "s"},
                    },
                },
            }}},
        })
    }

    /// Keeps QUE-08, QUE-10 and TR-110, whatever the class of an Ingress.
    #[test]
    fn a_change_of_what_a_rollout_names_wakes_it() {
        let caches = Caches::new();
        for name in ["api", "web"] {
            caches.rollouts.put_json(&naming(name));
        }
        for (resource, name) in [
            (SERVICES, "service"),
            (INGRESSES, "ingress"),
            (VIRTUAL_SERVICES, "virtual"),
            (DESTINATION_RULES, "rule"),
        ] {
            let object = |owner: &str, namespace: &str| json!({"name": format!("{owner}-{name}"), "namespace": namespace});
            assert_eq!(woken(&caches, &resource, &object("web", "shop")), ["web"]);
            let elsewhere = woken(&caches, &resource, &object("web", "other"));
            assert_eq!(elsewhere, Vec::<String>::new());
            let unnamed = woken(&caches, &resource, &object("no", "shop"));
            assert_eq!(unnamed, Vec::<String>::new());
        }
    }

    /// Keeps QUE-10: whoever has marked it may name it no longer.
    #[test]
    fn a_destination_rule_wakes_whoever_marked_it() {
        let marked = json!({"name": "rule", "namespace": "shop",
            "annotations": {labels::MANAGED_BY_ROLLOUTS: "gone"}});
        assert_eq!(woken(&Caches::new(), &DESTINATION_RULES, &marked), ["gone"]);
    }

    /// Keeps QUE-05: a Rollout that changes may leave Services behind.
    #[test]
    fn a_change_of_a_rollout_leads_to_it_and_to_services_that_it_left() {
        let (caches, queues) = (Caches::new(), Queues::new());
        for name in ["web-service", "web-earlier"] {
            caches.services.put_json(
                &json!({"metadata": {"name": name, "namespace": "shop", "uid": name,
                "annotations": {labels::MANAGED_BY_ROLLOUTS: "web"}}}),
            );
        }
        caches.rollouts.put_json(&naming("web"));
        let rollout = serde_json::from_value::<Rollout>(naming("web")).unwrap();
        queues.tell(&caches, &ROLLOUTS, &Change::Present(&rollout.metadata));
        let of = |name: &str| Some(Some(("shop".to_owned(), name.to_owned())));
        assert_eq!(queues.rollouts.next().now_or_never(), of("web"));
        assert_eq!(queues.services.next().now_or_never(), of("web-earlier"));
        assert_eq!(queues.services.next().now_or_never(), None);
    }
}
