//! Who receives traffic: the Services that a Rollout's routers send any to, as their objects stand now.

use std::collections::BTreeSet;

use serde_json::Value;
use tidegate_api::rollout::Rollout;
use tidegate_core::{
    observed::Objects,
    plan::{INGRESSES, VIRTUAL_SERVICES},
};

/// The Services to which the routers of a Rollout send traffic now, beside those of Ingress rules, which
/// have no weights.
pub fn receivers(rollout: &Rollout, objects: &Objects) -> BTreeSet<String> {
    let read = super::reads(rollout);
    let held = objects.iter().filter(|(key, _)| read.contains(key));
    held.flat_map(|(key, object)| {
        if key.resource == VIRTUAL_SERVICES {
            of_virtual_service(object)
        } else if key.resource == INGRESSES {
            of_actions(object)
        } else {
            Vec::new()
        }
    })
    .collect()
}

fn list<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value[member].as_array().map_or(&[], Vec::as_slice)
}

/// Destinations that are not switched off. A host counts up to its first dot (TR-308).
fn of_virtual_service(object: &Value) -> Vec<String> {
    ["http", "tls", "tcp"]
        .into_iter()
        .flat_map(|protocol| list(&object["spec"], protocol))
        .flat_map(|route| list(route, "route"))
        .filter(|destination| destination["weight"].as_i64() != Some(0))
        .filter_map(|destination| destination["destination"]["host"].as_str())
        .filter_map(|host| host.split('.').next())
        .map(str::to_owned)
        .collect()
}

/// Target groups that have a weight, of every action (TR-202).
fn of_actions(ingress: &Value) -> Vec<String> {
    let annotations = ingress["metadata"]["annotations"].as_object();
    annotations
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.contains("/actions."))
        .filter_map(|(_, text)| serde_json::from_str::<Value>(text.as_str()?).ok())
        .flat_map(|action| list(&action["ForwardConfig"], "TargetGroups").to_vec())
        .filter(|group| group["Weight"].as_i64() != Some(0))
        .filter_map(|group| group["ServiceName"].as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use tidegate_core::plan::ObjectKey;

    use super::*;

    fn rollout(routing: &Value) -> Rollout {
        serde_json::from_value(json!({
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"strategy": {"canary": {"trafficRouting": routing}}},
        }))
        .unwrap()
    }

    #[test]
    fn who_has_a_weight_behind_istio_receives_traffic() {
        let rollout = rollout(&json!({"istio": {"virtualService": {"name": "web"}}}));
        let object = json!({"spec": {"http": [{"route": [
            {"destination": {"host": "web-stable"}, "weight": 90},
            {"destination": {"host": "web-canary"}, "weight": 0},
            {"destination": {"host": "try-a.shop.svc.cluster.local"}, "weight": 10}]}]}});
        let place = |name: &str| ObjectKey::new(VIRTUAL_SERVICES, "shop", name);
        let own = (place("web"), Arc::new(object));
        let other = json!({"spec": {"tcp": [{"route": [{"destination": {"host": "x"}}]}]}});
        let objects = [own, (place("other"), Arc::new(other))].into();
        let found: Vec<String> = receivers(&rollout, &objects).into_iter().collect();
        assert_eq!(found, ["try-a", "web-stable"]);
    }

    #[test]
    fn who_has_a_weight_behind_a_load_balancer_of_aws_receives_traffic() {
        let rollout = rollout(&json!({"alb": {"ingress": "web", "servicePort": 80}}));
        let action = json!({"Type": "forward", "ForwardConfig": {"TargetGroups": [
            {"ServiceName": "web-canary", "ServicePort": "80", "Weight": 0},
            {"ServiceName": "try-a", "ServicePort": "80", "Weight": 5}]}});
        let ingress = json!({"metadata": {"annotations": {
            "alb.ingress.kubernetes.io/actions.web-stable": action.to_string(),
            "alb.ingress.kubernetes.io/scheme": "internal"}}});
        let key = ObjectKey::new(INGRESSES, "shop", "web");
        let objects = [(key, Arc::new(ingress))].into();
        let found: Vec<String> = receivers(&rollout, &objects).into_iter().collect();
        assert_eq!(found, ["try-a"]);
    }
}
