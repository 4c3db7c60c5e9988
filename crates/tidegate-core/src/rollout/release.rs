//! Services that no Rollout names any more: what a Rollout has put into them goes (QUE-08, QUE-09).

use serde_json::{Value, json};
use tidegate_api::{labels, meta::ObjectMeta, rollout::Rollout, workload::Service};

use crate::{
    plan::{Class, Guard, ObjectKey, SERVICES, Verb, Write},
    reason::Reason,
    rollout::service_names,
};

/// The Rollout that manages a Service, by its annotation; `None` if nobody does. Only such Services are
/// ever released, as with upstream: one without the annotation may have its selector from somebody else.
pub fn manager(service: &ObjectMeta) -> Option<&str> {
    let annotations = &service.annotations;
    annotations
        .get(labels::MANAGED_BY_ROLLOUTS)
        .map(String::as_str)
}

/// Whether a Service is managed by a Rollout that, as far as is known, does not name it.
pub fn is_left(service: &ObjectMeta, manager: Option<&Rollout>) -> Left {
    let named = manager.is_some_and(|rollout| service_names(rollout).contains(&service.name));
    if self::manager(service).is_some() && !named {
        Left::Perhaps
    } else {
        Left::No
    }
}

/// Whether a Service may be one that its Rollout has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It may: the Rollout is to be asked for.
    Perhaps,
    /// It is not.
    No,
}

/// The write that takes out of a Service what a Rollout has put into it, if the Rollout that manages it
/// does not name it. `manager` is that Rollout as it is now; `None` if it does not exist.
///
/// A selector can only select more without one of its keys, but for the last one: a Service without a
/// selector keeps whatever endpoints it had, so that one stays as it is (S0-20), which differs from
/// upstream. So does one whose Rollout cannot be read.
pub fn release(service: &Service, manager: Option<&Value>) -> Option<Write> {
    self::manager(&service.metadata)?;
    if let Some(manager) = manager {
        let rollout: Rollout = serde_json::from_value(manager.clone()).ok()?;
        if service_names(&rollout).contains(&service.metadata.name) {
            return None;
        }
    }
    let mut body = json!({"metadata": {"annotations": {labels::MANAGED_BY_ROLLOUTS: null}}});
    let selector = &service.spec.selector;
    if selector.contains_key(labels::POD_TEMPLATE_HASH) {
        if selector.len() == 1 {
            return None;
        }
        body["spec"] = json!({"selector": {labels::POD_TEMPLATE_HASH: null}});
    }
    let metadata = &service.metadata;
    Some(Write {
        verb: Verb::Patch,
        target: ObjectKey::new(SERVICES, &metadata.namespace, &metadata.name),
        guard: Guard::Version {
            uid: metadata.uid.clone(),
            resource_version: metadata.resource_version.clone(),
        },
        body,
        class: Class::Traffic,
        events: Vec::new(),
        reason: Reason::Because("no Rollout names it any more".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(selector: &Value) -> Service {
        serde_json::from_value(json!({
            "metadata": {
                "name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "3",
                "annotations": {labels::MANAGED_BY_ROLLOUTS: "web"},
            },
            "spec": {"selector": selector},
        }))
        .unwrap()
    }

    fn rollout(stable_service: &str) -> Value {
        json!({"metadata": {"name": "web"},
            "spec": {"strategy": {"canary": {"stableService": stable_service}}}})
    }

    #[test]
    fn what_its_rollout_names_stays() {
        let held = service(&json!({"app": "web", labels::POD_TEMPLATE_HASH: "abc"}));
        assert_eq!(release(&held, Some(&rollout("web"))), None);
    }

    /// Keeps QUE-08.
    #[test]
    fn what_nobody_names_loses_selector_and_annotation() {
        let left = service(&json!({"app": "web", labels::POD_TEMPLATE_HASH: "abc"}));
        for manager in [None, Some(&rollout("other"))] {
            let write = release(&left, manager).unwrap();
            assert_eq!(
                write.body,
                json!({
                    "metadata": {"annotations": {labels::MANAGED_BY_ROLLOUTS: null}},
                    "spec": {"selector": {labels::POD_TEMPLATE_HASH: null}},
                })
            );
        }
    }

    /// Fixes QUE-08.
    #[test]
    fn a_service_keeps_its_last_selector() {
        let alone = service(&json!({labels::POD_TEMPLATE_HASH: "abc"}));
        assert_eq!(release(&alone, None), None);
    }

    #[test]
    fn a_rollout_that_cannot_be_read_keeps_what_it_has() {
        let held = service(&json!({"app": "web", labels::POD_TEMPLATE_HASH: "abc"}));
        let unreadable = json!({"spec": {"replicas": "many"}});
        assert_eq!(release(&held, Some(&unreadable)), None);
    }

    /// Keeps QUE-09.
    #[test]
    fn a_service_without_the_annotation_is_nobodys_business() {
        let mut foreign = service(&json!({"app": "web", labels::POD_TEMPLATE_HASH: "abc"}));
        foreign.metadata.annotations.clear();
        assert_eq!(release(&foreign, None), None);
    }
}
