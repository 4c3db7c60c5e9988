//! Rules for the steps of a canary.

use tidegate_api::{
    pause,
    rollout::{
        AnalysisRunArgument, CanaryStep, CanaryStrategy, RolloutExperimentStep, RolloutPause,
        RolloutTrafficRouting, SetHeaderRoute, SetMirrorRoute, StringMatch,
    },
};

use super::field;
use crate::observed::Finding;

const STEP_KIND: &str = "Step must have one of the following set: experiment, setWeight, \
    setCanaryScale, plugin or pause";
const MATCH_SEVERAL: &str =
    "StringMatch match value must have exactly one of the following: exact, regex, prefix";
const MATCH_NONE: &str =
    "StringMatch value missed, match value must have one of the following: exact, regex, prefix";

/// Keeps VAL-14 to VAL-19, in upstream's order.
pub(super) fn check(canary: &CanaryStrategy, path: &str) -> Vec<Finding> {
    let routing = canary.traffic_routing.as_ref();
    let maximum = routing
        .and_then(|routing| routing.max_traffic_weight)
        .unwrap_or(100);
    let mut findings = Vec::new();
    for (index, step) in canary.steps.iter().enumerate() {
        let step_path = format!("{path}.steps[{index}]");
        findings.extend(check_kind(step, &step_path));
        findings.extend(check_weight(step, maximum, &step_path));
        findings.extend(
            step.pause
                .as_ref()
                .and_then(|pause| check_pause(pause, &step_path)),
        );
        if step.set_canary_scale.is_some() && routing.is_none() {
            findings.push(field::required(
                &format!("{path}.trafficRouting"),
                "SetCanaryScale requires TrafficRouting to be set",
            ));
        }
        if let Some(route) = &step.set_header_route {
            findings.extend(check_header_route(route, routing, &step_path));
        }
        if let Some(route) = &step.set_mirror_route {
            findings.extend(check_mirror_route(route, routing, &step_path));
        }
        findings.extend(check_managed(step, routing, path, &step_path));
        if let Some(experiment) = &step.experiment {
            findings.extend(check_experiment(experiment, routing, &step_path));
        }
        findings.extend(check_arguments(step, &step_path));
    }
    findings
}

fn check_kind(step: &CanaryStep, path: &str) -> Vec<Finding> {
    let CanaryStep {
        set_weight,
        pause,
        experiment,
        analysis,
        set_canary_scale,
        set_header_route,
        set_mirror_route,
        plugin,
    } = step;
    let exclusive = [
        set_weight.is_some(),
        pause.is_some(),
        experiment.is_some(),
        analysis.is_some(),
    ];
    let mut findings = Vec::new();
    if exclusive.iter().filter(|given| **given).count() > 1 {
        let given = format!(
            "step.Experiment: {} step.Pause: {} step.SetWeight: {} step.Analysis: {}",
            experiment.is_some(),
            pause.is_some(),
            set_weight.is_some(),
            analysis.is_some()
        );
        findings.push(field::invalid_text(path, &given, STEP_KIND));
    }
    let others = [
        set_canary_scale.is_some(),
        set_header_route.is_some(),
        set_mirror_route.is_some(),
        plugin.is_some(),
    ];
    if !exclusive.contains(&true) && !others.contains(&true) {
        // Upstream tells of each kind whether it is *missing*, in the same words as above.
        let missing = "step.Experiment: true step.Pause: true step.SetWeight: true step.Analysis: \
                       true step.SetCanaryScale: true step.SetHeaderRoute: true \
                       step.SetMirrorRoute: true step.Plugin: true";
        findings.push(field::invalid_text(path, missing, STEP_KIND));
    }
    findings
}

fn check_weight(step: &CanaryStep, maximum: i32, path: &str) -> Option<Finding> {
    let weight = step.set_weight?;
    (weight < 0 || weight > maximum).then(|| {
        field::invalid_plain(
            &format!("{path}.setWeight"),
            weight,
            &format!("SetWeight needs to be between 0 and {maximum}"),
        )
    })
}

fn check_pause(pause: &RolloutPause, path: &str) -> Option<Finding> {
    let seconds = pause::seconds(pause.duration.as_ref()?);
    (seconds < 0).then(|| {
        field::invalid_plain(
            &format!("{path}.pause.duration"),
            seconds,
            "Duration needs to be greater than 0",
        )
    })
}

fn check_header_route(
    route: &SetHeaderRoute,
    routing: Option<&RolloutTrafficRouting>,
    path: &str,
) -> Vec<Finding> {
    let path = format!("{path}.setHeaderRoute");
    let able = routing.filter(|routing| {
        routing.istio.is_some()
            || routing.alb.is_some()
            || routing.apisix.is_some()
            || !routing.plugins.is_empty()
    });
    let Some(routing) = able else {
        return vec![field::invalid_json(
            &path,
            serde_json::to_string(route),
            "SetHeaderRoute requires TrafficRouting, supports Istio and ALB and Apisix",
        )];
    };
    route
        .matches
        .iter()
        .enumerate()
        .filter_map(|(index, header)| {
            let path = format!("{path}.match[{index}]");
            let value = header.header_value.as_ref();
            if routing.alb.is_some() {
                check_exact(value, &path)
            } else {
                check_match(value, &path)
            }
        })
        .collect()
}

fn check_mirror_route(
    route: &SetMirrorRoute,
    routing: Option<&RolloutTrafficRouting>,
    path: &str,
) -> Vec<Finding> {
    let path = format!("{path}.setMirrorRoute");
    let mut findings = Vec::new();
    let able =
        routing.is_some_and(|routing| routing.istio.is_some() || !routing.plugins.is_empty());
    if !able {
        findings.push(field::invalid_json(
            &path,
            serde_json::to_string(route),
            "SetMirrorRoute requires TrafficRouting, supports Istio and Plugins",
        ));
    }
    for (index, rule) in route.matches.iter().enumerate() {
        let path = format!("{path}.match[{index}]");
        // Upstream looks at the method twice, so its finding stands on both sides of the path's.
        for value in [&rule.method, &rule.path, &rule.method] {
            findings.extend(
                value
                    .as_ref()
                    .and_then(|value| check_match(Some(value), &path)),
            );
        }
    }
    findings
}

fn check_exact(value: Option<&StringMatch>, path: &str) -> Option<Finding> {
    let Some(value) = value else {
        return Some(field::invalid_null(path, MATCH_NONE));
    };
    let exact_only = !value.exact.is_empty() && value.regex.is_empty() && value.prefix.is_empty();
    (!exact_only).then(|| {
        field::invalid_json(
            path,
            serde_json::to_string(value),
            "SetHeaderRoute match value invalid. ALB supports 'exact' value only",
        )
    })
}

fn check_match(value: Option<&StringMatch>, path: &str) -> Option<Finding> {
    let Some(value) = value else {
        return Some(field::invalid_null(path, MATCH_NONE));
    };
    let given = [&value.exact, &value.regex, &value.prefix]
        .iter()
        .filter(|text| !text.is_empty())
        .count();
    let detail = match given {
        0 => MATCH_NONE,
        1 => return None,
        _ => MATCH_SEVERAL,
    };
    Some(field::invalid_json(
        path,
        serde_json::to_string(value),
        detail,
    ))
}

fn check_managed(
    step: &CanaryStep,
    routing: Option<&RolloutTrafficRouting>,
    path: &str,
    step_path: &str,
) -> Vec<Finding> {
    let Some(routing) = routing else {
        return Vec::new();
    };
    let header = step.set_header_route.as_ref().map(|route| &route.name);
    let mirror = step.set_mirror_route.as_ref().map(|route| &route.name);
    if header.is_none() && mirror.is_none() {
        return Vec::new();
    }
    if routing.managed_routes.is_empty() {
        return vec![field::required(
            &format!("{path}.trafficRouting.managedRoutes"),
            "Rollout has missing field 'spec.strategy.canary.trafficRouting.managedRoutes'",
        )];
    }
    [("setHeaderRoute", header), ("setMirrorRoute", mirror)]
        .into_iter()
        .filter_map(|(member, name)| {
            let name = name?;
            let known = routing
                .managed_routes
                .iter()
                .any(|route| route.name == *name);
            (!known).then(|| {
                field::invalid_text(
                    &format!("{step_path}.{member}"),
                    name,
                    "Steps define a route that does not exist in \
                     spec.strategy.canary.trafficRouting.managedRoutes",
                )
            })
        })
        .collect()
}

fn check_experiment(
    experiment: &RolloutExperimentStep,
    routing: Option<&RolloutTrafficRouting>,
    path: &str,
) -> Vec<Finding> {
    let detail = match routing {
        None => "Experiment template weight cannot be set unless TrafficRouting is enabled",
        Some(routing)
            if routing.alb.is_none()
                && routing.smi.is_none()
                && routing.istio.is_none()
                && routing.plugins.is_empty() =>
        {
            "Experiment template weight is only available for TrafficRouting with SMI, ALB, Istio \
             and Plugins at this time"
        }
        Some(_) => return Vec::new(),
    };
    experiment
        .templates
        .iter()
        .enumerate()
        .filter_map(|(index, template)| {
            let path = format!("{path}.experiment.templates[{index}].weight");
            Some(field::invalid_plain(&path, template.weight?, detail))
        })
        .collect()
}

fn check_arguments(step: &CanaryStep, path: &str) -> Vec<Finding> {
    let mut arguments: Vec<&AnalysisRunArgument> = Vec::new();
    if let Some(experiment) = &step.experiment {
        arguments.extend(
            experiment
                .analyses
                .iter()
                .flat_map(|analysis| &analysis.args),
        );
    }
    if let Some(analysis) = &step.analysis {
        arguments.extend(&analysis.args);
    }
    arguments
        .iter()
        .filter_map(|argument| {
            let field = argument.value_from.as_ref()?.field_ref.as_ref()?;
            let metadata = field.field_path.starts_with("metadata");
            (metadata && !is_metadata_path(&field.field_path)).then(|| {
                field::invalid_json(
                    &format!("{path}.analyses"),
                    serde_json::to_string(&arguments),
                    "Analyses arguments must refer to valid object metadata supported by downwardAPI",
                )
            })
        })
        .collect()
}

/// Whether the path is one that the downward API knows: whole maps, single members of them, or one of
/// the plain texts. A member that is not there is empty, not wrong.
fn is_metadata_path(path: &str) -> bool {
    let member = path.strip_suffix("']").and_then(|path| {
        let (map, key) = path.split_once("['")?;
        Some((map, key))
    });
    match member {
        Some((map, key)) => {
            ["metadata.annotations", "metadata.labels"].contains(&map)
                && super::labels::check_key(&key.to_lowercase(), "").is_empty()
        }
        None => [
            "metadata.annotations",
            "metadata.labels",
            "metadata.name",
            "metadata.namespace",
            "metadata.uid",
        ]
        .contains(&path),
    }
}
