//! Services that a Rollout has managed: once no Rollout names one any more, it is released.

use std::sync::Arc;

use tidegate_api::workload::Service;
use tidegate_core::{
    plan::{ObjectKey, ROLLOUTS, Resource, SERVICES},
    rollout::release::{self, Left},
};

use crate::{
    ask,
    reconcile::{Kind, Name, Shell, Verdict},
    record::About,
    watch::Found,
};

/// Services.
#[derive(Debug)]
pub(crate) struct Services;

impl Kind for Services {
    fn resource(&self) -> Resource {
        SERVICES
    }

    async fn pass(&self, shell: &Arc<Shell>, name: &Name) -> Verdict {
        match shell.caches.services.get(&name.0, &name.1) {
            Found::Good(service) => pass(shell, &service).await,
            Found::Broken(_) | Found::Absent => Verdict::Gone,
        }
    }
}

/// The Rollout that manages a Service may belong to another instance of the controller, whose Rollouts
/// the caches do not hold: what is not found there is asked for (QUE-08).
async fn pass(shell: &Shell, service: &Arc<Service>) -> Verdict {
    let metadata = &service.metadata;
    let Some(manager) = release::manager(metadata) else {
        return Verdict::Done(None);
    };
    match shell.caches.is_left(metadata) {
        Left::Perhaps => {}
        Left::No => return Verdict::Done(None),
    }
    let key = ObjectKey::new(ROLLOUTS, &metadata.namespace, manager);
    let live = match ask::object(&shell.server, &key).await {
        Ok(live) => live,
        Err(error) => {
            tracing::warn!(rollout = %manager, %error, "cannot read");
            return Verdict::Failed(None);
        }
    };
    let write = release::release(service, live.as_ref());
    let about = Arc::new(About {
        key: ObjectKey::new(SERVICES, &metadata.namespace, &metadata.name),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
    });
    shell.send_if_any(&about, write).await
}
