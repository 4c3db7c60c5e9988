//! Where Istio's objects are: in the controller's own cluster, or in the primary cluster of a mesh of several, which
//! a Secret names (TR-303). All reads and writes of them go there, everything else stays in the own cluster.
//!
//! Differs from upstream: a Secret that comes or changes is followed without a restart; and where the cluster that
//! it names cannot be used, Rollouts that need it wait and say why, where upstream writes to its own cluster instead.

mod kubeconfig;
mod remote;
mod seek;

use std::sync::Arc;

use tidegate_core::{
    plan::{Event, Resource, VIRTUAL_SERVICES, Write},
    rollout::events,
    run::{Failure, Outcome, Unavailable},
};
use tidegate_integrations::traffic::Absence;
use tokio::sync::watch;

pub(crate) use self::{
    remote::Remote,
    seek::{Where, seek},
};
use crate::{
    apply::{self, Wanted},
    cluster::Cluster,
    observe::Caches,
    route::Queues,
    server::Server,
    watch::{self as cache, Cache, Cached, Change, Need, Scope},
};

/// What is said before anybody knows which cluster it is.
const UNKNOWN: &str = "it is not known yet in which cluster Istio's objects are";

/// Where Istio's objects are.
pub(crate) struct Mesh {
    own: Cluster,
    places: watch::Sender<Place>,
}

/// A place, and the how-manieth it is: versions of two clusters have nothing to do with each other.
#[derive(Clone)]
struct Place {
    number: u64,
    at: At,
}

#[derive(Clone)]
enum At {
    /// Nobody has looked yet.
    Unknown,
    /// In the controller's own cluster.
    Own,
    /// In another one.
    Primary(Box<Cluster>, Arc<Remote>),
    /// In one that cannot be used; why, and what to do.
    Nowhere(String),
}

/// Whether objects of this kind are Istio's.
pub(crate) fn is_of_mesh(resource: &Resource) -> bool {
    resource.group == VIRTUAL_SERVICES.group
}

impl Mesh {
    pub(crate) fn new(own: Cluster) -> Arc<Self> {
        Arc::new(Self {
            own,
            places: watch::Sender::new(Place {
                number: 0,
                at: At::Unknown,
            }),
        })
    }

    /// How often the place has changed.
    pub(crate) fn number(&self) -> u64 {
        self.places.borrow().number
    }

    fn move_to(&self, at: At) {
        self.places.send_modify(|place| {
            place.number += 1;
            place.at = at;
        });
    }

    /// Where Istio's objects are read; a sentence if there is no such place.
    pub(crate) fn server(&self) -> Result<Server, String> {
        match &self.places.borrow().at {
            At::Unknown => Err(UNKNOWN.to_owned()),
            At::Own => Ok(self.own.server.clone()),
            At::Primary(cluster, _) => Ok(cluster.server.clone()),
            At::Nowhere(sentence) => Err(sentence.clone()),
        }
    }

    /// Sends a write about an object of Istio's.
    pub(crate) async fn send(&self, write: &Write) -> Outcome {
        let at = self.places.borrow().at.clone();
        let unavailable = |why| Outcome::Failed(Failure::Unavailable(Unavailable::because(why)));
        match at {
            At::Unknown => unavailable(UNKNOWN.to_owned()),
            At::Nowhere(sentence) => unavailable(sentence),
            At::Own => apply::send(&self.own.door, write, Wanted::Version).await,
            At::Primary(cluster, remote) => {
                match apply::send(&cluster.door, write, Wanted::Version).await {
                    Outcome::Failed(Failure::Refused(why)) => {
                        let resource = &write.target.resource;
                        Outcome::Failed(Failure::Refused(remote.refusal(resource, &why)))
                    }
                    outcome @ (Outcome::Done(_) | Outcome::Failed(_)) => outcome,
                }
            }
        }
    }

    /// What users are told of a write that has not reached the primary cluster. Other clusters' troubles are
    /// everybody's; this one's are those of the Rollouts that need it.
    pub(crate) fn told(&self, write: &Write, outcome: &Outcome) -> Option<Event> {
        if !is_of_mesh(&write.target.resource) {
            return None;
        }
        let why = match outcome {
            Outcome::Done(_) => return None,
            Outcome::Failed(failure) => failure.unanswered()?,
        };
        match &self.places.borrow().at {
            _ if why == apply::FENCED => None,
            At::Unknown | At::Own => None,
            At::Primary(_, remote) => Some(events::routing_error(remote.unreachable(why))),
            At::Nowhere(sentence) => Some(events::routing_error(sentence)),
        }
    }

    /// Keeps a cache of a kind of Istio's for as long as the task lives, wherever its objects are.
    pub(crate) async fn follow<T: Cached>(
        self: Arc<Self>,
        scope: Scope,
        cache: Arc<Cache<T>>,
        tell: impl Fn(Change<'_>) + Send + Sync,
    ) {
        let mut places = self.places.subscribe();
        loop {
            let Place { number, at } = places.borrow_and_update().clone();
            if number > 1 {
                cache.start_over(&format!(
                    "it has been said anew in which cluster {}.{} are: they are being listed there",
                    scope.resource.plural, scope.resource.group
                ));
            }
            let follow = |server, need| {
                let scope = Scope {
                    need,
                    ..scope.clone()
                };
                cache::follow(server, scope, Arc::clone(&cache), &tell)
            };
            let followed = async {
                match at {
                    At::Unknown => {}
                    At::Own => follow(self.own.server.clone(), Need::IfServed).await,
                    At::Primary(cluster, remote) => {
                        follow(cluster.server, Need::Elsewhere(remote)).await;
                    }
                    At::Nowhere(sentence) => {
                        cache.mark_absent(Absence::OutOfReach(sentence));
                        cache.mark_synced();
                    }
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = followed => {}
                // The sender lives as long as this task, so waiting cannot fail.
                _ = places.changed() => {}
            }
        }
    }
}

/// Looks at all Rollouts whenever it changes whether a kind of Istio's can be seen.
pub(crate) async fn wake<T: Cached>(cache: Arc<Cache<T>>, caches: Caches, queues: Queues) {
    let mut absences = cache.absences();
    while absences.changed().await.is_ok() {
        for key in caches.rollouts.keys() {
            queues.rollouts.add(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::{Client, Config};
    use serde_json::json;
    use tidegate_core::{
        plan::{Class, Guard, ObjectKey, Verb},
        reason::Reason,
    };

    use super::*;
    use crate::{fence::Fence, metrics::Metrics};

    /// What comes of a write, and what is told of it, where nobody listens at the primary cluster's address.
    async fn written(fence: &Fence) -> (Outcome, Option<Event>) {
        let address = "http://127.0.0.1:9";
        let client = Client::try_from(Config::new(address.parse().unwrap())).unwrap();
        let server = Server::new(client, None, Arc::new(Metrics::default()));
        let cluster = Cluster::new(server, fence);
        let mesh = Mesh::new(cluster.clone());
        let remote = Remote::new("mesh/primary", &address.parse().unwrap());
        mesh.move_to(At::Primary(Box::new(cluster), Arc::new(remote)));
        let write = Write {
            verb: Verb::Patch,
            target: ObjectKey::new(VIRTUAL_SERVICES, "shop", "web"),
            guard: Guard::Absent,
            body: json!({}),
            class: Class::Traffic,
            events: Vec::new(),
            reason: Reason::FollowsRollout,
        };
        let outcome = mesh.send(&write).await;
        let told = mesh.told(&write, &outcome);
        (outcome, told)
    }

    #[tokio::test]
    async fn who_does_not_lead_writes_nothing_to_the_primary_cluster_and_tells_nothing() {
        let (outcome, told) = written(&Fence::closed()).await;
        let Outcome::Failed(failure) = outcome else {
            panic!("it must not arrive");
        };
        assert_eq!(
            failure,
            Failure::Unavailable(Unavailable::because(apply::FENCED))
        );
        assert_eq!(told, None);
    }

    #[tokio::test]
    async fn a_write_that_does_not_arrive_is_told() {
        let (_, told) = written(&Fence::open()).await;
        let message = told.unwrap().message;
        let named = "the primary cluster http://127.0.0.1:9 that Secret mesh/primary names cannot be reached: ";
        assert!(message.starts_with(named), "{message}");
    }
}
