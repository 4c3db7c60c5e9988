//! Following a kind: which objects of it, and whether it must be there.

use super::{
    Arc, CLUSTER_ANALYSIS_TEMPLATES, Cache, Cached, DESTINATION_RULES, Need, Resource, Scope,
    Served, Server, Tell, VIRTUAL_SERVICES, labels, watch,
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
            need: if [VIRTUAL_SERVICES, DESTINATION_RULES].contains(&resource) {
                Need::IfServed
            } else {
                Need::Always
            },
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
}

/// Which objects belong to this instance of the controller (QUE-02).
pub(super) fn instance_selector(instance_id: &str) -> String {
    if instance_id.is_empty() {
        format!("!{}", labels::INSTANCE_ID)
    } else {
        format!("{}={instance_id}", labels::INSTANCE_ID)
    }
}
