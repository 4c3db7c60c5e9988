//! Rules for the canary strategy as a whole.

use tidegate_api::{
    int_or_string::IntOrString,
    rollout::{CanaryStrategy, PingPongSpec, RolloutTrafficRouting},
};

use super::field;
use crate::observed::Finding;

const ONE_SERVICE: &str = "This rollout uses the same service for the stable and canary services, \
    but two different services are required.";
const PING_PONG_INCOMPLETE: &str =
    "Ping service and Pong service must to be set to use Ping-Pong feature";
const PING_PONG_ONE_SERVICE: &str = "This rollout uses the same service for the ping and pong \
    services, but two different services are required.";
const PING_PONG_ROUTERS: &str =
    "Ping-pong feature works with the ALB, Istio, and plugin-based traffic routers only";
const ROOT_SERVICE: &str =
    "Root service field is required for the configuration with ALB and ping-pong feature enabled";
const SERVICES_NEEDED: &str =
    "Canary service and Stable service must to be set to use Traffic Routing";

/// Keeps VAL-08 to VAL-13, in upstream's order.
pub(super) fn check(canary: &CanaryStrategy, path: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(check_surge(canary, &format!("{path}.maxSurge")));
    if !canary.canary_service.is_empty() && canary.canary_service == canary.stable_service {
        let path = format!("{path}.stableService");
        let name = &canary.stable_service;
        findings.push(field::invalid_text(&path, name, ONE_SERVICE));
    }
    if let Some(ping_pong) = &canary.ping_pong {
        let routing = canary.traffic_routing.as_ref();
        findings.extend(check_ping_pong(ping_pong, routing, path));
    }
    if needs_both_services(canary) {
        for (member, name) in [
            ("stableService", &canary.stable_service),
            ("canaryService", &canary.canary_service),
        ] {
            if name.is_empty() {
                let path = format!("{path}.{member}");
                findings.push(field::invalid_text(&path, name, SERVICES_NEEDED));
            }
        }
    }
    findings.extend(check_scaling(canary, path));
    findings
}

/// Both literally zero would let nothing move.
fn check_surge(canary: &CanaryStrategy, path: &str) -> Option<Finding> {
    let surge = canary.max_surge.as_ref()?;
    let unavailable = canary.max_unavailable.as_ref()?;
    if literal(surge) != 0 || literal(unavailable) != 0 {
        return None;
    }
    let detail = "MaxSurge and MaxUnavailable both can not be zero";
    Some(field::invalid_json(
        path,
        serde_json::to_string(surge),
        detail,
    ))
}

/// The number in front of a `%`, or the number itself; 0 for what is neither.
fn literal(amount: &IntOrString) -> i64 {
    match amount {
        IntOrString::Int(number) => i64::from(*number),
        IntOrString::String(text) => {
            let digits = text
                .strip_suffix('%')
                .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
                .unwrap_or(text);
            digits.parse().unwrap_or(0)
        }
    }
}

fn check_ping_pong(
    ping_pong: &PingPongSpec,
    routing: Option<&RolloutTrafficRouting>,
    path: &str,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let unable = routing.is_some_and(|routing| {
        routing.alb.is_none() && routing.istio.is_none() && routing.plugins.is_empty()
    });
    if unable {
        let path = format!("{path}.trafficRouting.alb");
        findings.push(field::invalid_null(&path, PING_PONG_ROUTERS));
    }
    let PingPongSpec {
        ping_service: first,
        pong_service: second,
    } = ping_pong;
    let first_path = format!("{path}.pingPong.pingService");
    if first.is_empty() {
        findings.push(field::invalid_text(
            &first_path,
            first,
            PING_PONG_INCOMPLETE,
        ));
    }
    if second.is_empty() {
        let path = format!("{path}.pingPong.pongService");
        findings.push(field::invalid_text(&path, second, PING_PONG_INCOMPLETE));
    }
    if first == second {
        findings.push(field::invalid_text(
            &first_path,
            first,
            PING_PONG_ONE_SERVICE,
        ));
    }
    let alb = routing.and_then(|routing| routing.alb.as_ref());
    if alb.is_some_and(|alb| alb.root_service.is_empty()) {
        let path = format!("{path}.trafficRouting.alb.rootService");
        findings.push(field::invalid_text(&path, "", ROOT_SERVICE));
    }
    findings
}

/// Keeps VAL-11. Each member is named, so that a router that is new on the wire is noticed here.
fn needs_both_services(canary: &CanaryStrategy) -> bool {
    let Some(routing) = &canary.traffic_routing else {
        return false;
    };
    let RolloutTrafficRouting {
        istio,
        nginx,
        alb,
        smi,
        ambassador,
        app_mesh,
        traefik,
        managed_routes: _,
        apisix,
        plugins: _,
        max_traffic_weight: _,
    } = routing;
    let plain = canary.ping_pong.is_none();
    let whole_mesh = istio
        .as_ref()
        .is_some_and(|istio| istio.destination_rule.is_none());
    (plain && (alb.is_some() || whole_mesh))
        || smi.is_some()
        || apisix.is_some()
        || ambassador.is_some()
        || nginx.is_some()
        || app_mesh.is_some()
        || traefik.is_some()
}

/// Keeps VAL-12 and VAL-13.
fn check_scaling(canary: &CanaryStrategy, path: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let dynamic_path = format!("{path}.dynamicStableScale");
    let Some(routing) = &canary.traffic_routing else {
        if let Some(delay) = canary.scale_down_delay_seconds {
            findings.push(field::invalid_plain(
                &format!("{path}.scaleDownDelaySeconds"),
                delay,
                "Canary scaleDownDelaySeconds can only be used with traffic routing",
            ));
        }
        if canary.dynamic_stable_scale {
            findings.push(field::invalid_plain(
                &dynamic_path,
                true,
                "Canary dynamicStableScale can only be used with traffic routing",
            ));
        }
        return findings;
    };
    if canary.scale_down_delay_seconds.is_some() && canary.dynamic_stable_scale {
        findings.push(field::invalid_plain(
            &dynamic_path,
            true,
            "Canary dynamicStableScale cannot be used with scaleDownDelaySeconds",
        ));
    }
    let able = routing.nginx.is_some() || !routing.plugins.is_empty();
    if let Some(maximum) = routing.max_traffic_weight.filter(|_| !able) {
        findings.push(field::invalid_plain(
            &format!("{path}.trafficRouting.maxTrafficWeight"),
            maximum,
            "Canary maxTrafficWeight in traffic routing only supported in Nginx and Plugins",
        ));
    }
    findings
}
