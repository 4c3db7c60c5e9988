//! Following a kind: which objects of it, and whether it must be there.

use super::{
    Arc, CLUSTER_ANALYSIS_TEMPLATES, Cache, Cached, Mesh, Need, Resource, Scope, Served, Server,
    Tell, labels, watch,
};

/// Starts to follow kinds.
pub(super) struct Spawn<'a> {
    pub(super) server: &'a Server,
    pub(super) namespace: &'a str,
    pub(super) served: Served,
    pub(super) tell: &'a Tell,
}

impl Spawn<'_> {
    pub(super) fn follow<T: Cached>(
        &self,
        cache: &Arc<Cache<T>>,
        resource: Resource,
        labels: &str,
    ) -> tokio::task::JoinHandle<()> {
        let scope = Scope {
            namespace: if resource == CLUSTER_ANALYSIS_TEMPLATES {
                String::new()
            } else {
                self.namespace.to_owned()
            },
            labels: labels.to_owned(),
            need: Need::Always,
            resource: self.served.resource(&resource),
        };
        let tell = Arc::clone(self.tell);
        let of = resource;
        tokio::spawn(watch::follow(
            self.server.clone(),
            scope,
            Arc::clone(cache),
            move |change| tell(&of, change),
        ))
    }

    /// The same for a kind of Istio's, which is wherever Istio is, or nowhere.
    pub(super) fn follow_mesh<T: Cached>(
        &self,
        cache: &Arc<Cache<T>>,
        resource: Resource,
        mesh: &Arc<Mesh>,
    ) -> tokio::task::JoinHandle<()> {
        let scope = Scope {
            namespace: self.namespace.to_owned(),
            labels: String::new(),
            need: Need::IfServed,
            resource: self.served.resource(&resource),
        };
        let tell = Arc::clone(self.tell);
        let of = resource;
        let follow = Arc::clone(mesh).follow(scope, Arc::clone(cache), move |change| {
            tell(&of, change);
        });
        tokio::spawn(follow)
    }
}

/// Which objects belong to this instance of the controller (QUE-02).
pub(super) fn instance_selector(instance_id: &str) -> String {
    if instance_id.is_empty() {
        format!("!{}", labels::INSTANCE_ID)
    } else {
        format!("{}={instance_id}", labels::INSTANCE_ID)
    }
}
