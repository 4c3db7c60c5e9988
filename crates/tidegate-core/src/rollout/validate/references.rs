//! The objects that a Rollout names: do they exist, and do they fit?

use std::{collections::BTreeMap, sync::Arc};

use tidegate_api::{
    analysis::{AnalysisTemplateSpec, Metric},
    int_or_string::IntOrString,
    labels::{MANAGED_BY_ROLLOUTS, POD_TEMPLATE_HASH},
    rollout::{
        AnalysisRunArgument, AnalysisTemplateRef, BlueGreenStrategy, CanaryStrategy, Rollout,
        RolloutAnalysis,
    },
    workload::Service,
};

use super::{field, labels::string_map};
use crate::observed::{Finding, Observed};

/// How deep templates may name templates. Upstream has no limit and does not return from a circle.
const NESTING: usize = 16;

/// Services and analysis templates: first that they exist, then that they fit. Keeps VAL-30, VAL-31.
pub(super) fn check(observed: &Observed) -> Vec<Finding> {
    let services = services(&observed.rollout);
    let analyses = analyses(&observed.rollout);
    let mut findings: Vec<Finding> = services
        .iter()
        .filter_map(|named| missing_service(observed, named))
        .collect();
    for analysis in &analyses {
        findings.extend(missing_template(
            observed,
            analysis.templates,
            &analysis.path,
            NESTING,
        ));
    }
    if findings.is_empty() {
        findings.extend(
            services
                .iter()
                .flat_map(|named| check_service(observed, named)),
        );
        findings.extend(
            analyses
                .iter()
                .flat_map(|analysis| check_analysis(observed, analysis)),
        );
    }
    findings
}

/// A Service and the field that names it.
struct NamedService<'a> {
    path: &'static str,
    name: &'a str,
}

fn services(rollout: &Rollout) -> Vec<NamedService<'_>> {
    let strategy = &rollout.spec.strategy;
    let mut named: Vec<(&'static str, &str)> = Vec::new();
    if let Some(blue_green) = &strategy.blue_green {
        let BlueGreenStrategy {
            active_service,
            preview_service,
            ..
        } = blue_green;
        named.push(("spec.strategy.blueGreen.activeService", active_service));
        named.push(("spec.strategy.blueGreen.previewService", preview_service));
    } else if let Some(canary) = &strategy.canary {
        let CanaryStrategy {
            stable_service,
            canary_service,
            ping_pong,
            ..
        } = canary;
        named.push(("spec.strategy.canary.stableService", stable_service));
        named.push(("spec.strategy.canary.canaryService", canary_service));
        if let Some(services) = ping_pong {
            let path = "spec.strategy.canary.pingPong.pingService";
            named.push((path, &services.ping_service));
            let path = "spec.strategy.canary.pingPong.pongService";
            named.push((path, &services.pong_service));
        }
    }
    named
        .into_iter()
        .filter(|(_, name)| !name.is_empty())
        .map(|(path, name)| NamedService { path, name })
        .collect()
}

fn missing_service(observed: &Observed, named: &NamedService<'_>) -> Option<Finding> {
    (!observed.services.contains_key(named.name)).then(|| {
        let detail = format!("service {} not found", field::quote(named.name));
        field::invalid_text(named.path, named.name, &detail)
    })
}

fn check_service(observed: &Observed, named: &NamedService<'_>) -> Vec<Finding> {
    let Some(service) = observed.services.get(named.name) else {
        return Vec::new();
    };
    let rollout = &observed.rollout;
    let template = rollout.spec.template.value();
    let labels = string_map(template.pointer("/metadata/labels"));
    let mut findings = unmatched_labels(service, &labels, named.path);
    let manager = service.metadata.annotations.get(MANAGED_BY_ROLLOUTS);
    if manager.is_some_and(|manager| *manager != rollout.metadata.name) {
        let detail = format!(
            "Service {} is managed by another Rollout",
            field::quote(named.name)
        );
        findings.push(field::invalid_text(named.path, named.name, &detail));
    }
    findings
}

fn unmatched_labels(
    service: &Arc<Service>,
    labels: &BTreeMap<String, String>,
    path: &str,
) -> Vec<Finding> {
    let name = &service.metadata.name;
    service
        .spec
        .selector
        .iter()
        .filter(|(key, value)| *key != POD_TEMPLATE_HASH && labels.get(*key) != Some(value))
        .map(|(key, _)| {
            let (service, label) = (field::quote(name), field::quote(key));
            let detail = format!("Service {service} has unmatch label {label} in rollout");
            field::invalid_text(path, name, &detail)
        })
        .collect()
}

/// Where an analysis stands; it decides whether its metrics may run for ever.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Background,
    Elsewhere,
}

/// An analysis and the field that names its templates.
struct NamedAnalysis<'a> {
    path: String,
    place: Place,
    templates: &'a [AnalysisTemplateRef],
    arguments: &'a [AnalysisRunArgument],
}

fn analyses(rollout: &Rollout) -> Vec<NamedAnalysis<'_>> {
    let strategy = &rollout.spec.strategy;
    let mut named: Vec<(String, Place, &RolloutAnalysis)> = Vec::new();
    if let Some(blue_green) = &strategy.blue_green {
        for (member, analysis) in [
            ("prePromotionAnalysis", &blue_green.pre_promotion_analysis),
            ("postPromotionAnalysis", &blue_green.post_promotion_analysis),
        ] {
            let path = format!("spec.strategy.blueGreen.{member}.templates");
            named.extend(
                analysis
                    .iter()
                    .map(|analysis| (path.clone(), Place::Elsewhere, analysis)),
            );
        }
    } else if let Some(canary) = &strategy.canary {
        for (index, step) in canary.steps.iter().enumerate() {
            let path = format!("spec.strategy.canary.steps[{index}].analysis.templates");
            named.extend(
                step.analysis
                    .iter()
                    .map(|analysis| (path.clone(), Place::Elsewhere, analysis)),
            );
        }
        if let Some(background) = &canary.analysis {
            let path = "spec.strategy.canary.analysis.templates".to_owned();
            named.push((path, Place::Background, &background.analysis));
        }
    }
    named
        .into_iter()
        .map(|(path, place, analysis)| NamedAnalysis {
            path,
            place,
            templates: &analysis.templates,
            arguments: &analysis.args,
        })
        .collect()
}

fn missing_template(
    observed: &Observed,
    references: &[AnalysisTemplateRef],
    path: &str,
    depth: usize,
) -> Option<Finding> {
    references.iter().find_map(|reference| {
        let name = &reference.template_name;
        let Some(spec) = template(observed, reference) else {
            let kind = kind(reference);
            let detail = format!("{kind} '{name}' not found");
            return Some(field::invalid_text(path, name, &detail));
        };
        if depth == 0 {
            let detail =
                format!("templates name each other more than {NESTING} deep; break the circle");
            return Some(field::invalid_text(path, name, &detail));
        }
        missing_template(observed, &spec.templates, "spec.templates", depth - 1)
    })
}

fn kind(reference: &AnalysisTemplateRef) -> &'static str {
    if reference.cluster_scope == Some(true) {
        "ClusterAnalysisTemplate"
    } else {
        "AnalysisTemplate"
    }
}

fn template<'a>(
    observed: &'a Observed,
    reference: &AnalysisTemplateRef,
) -> Option<&'a AnalysisTemplateSpec> {
    let name = &reference.template_name;
    if reference.cluster_scope == Some(true) {
        let template = observed.cluster_analysis_templates.get(name)?;
        Some(&template.spec)
    } else {
        let template = observed.analysis_templates.get(name)?;
        Some(&template.spec)
    }
}

/// The templates that references lead to, each once: own ones first, then the cluster's.
fn collect<'a>(
    observed: &'a Observed,
    references: &[AnalysisTemplateRef],
    found: &mut Vec<(&'static str, String, &'a AnalysisTemplateSpec)>,
    depth: usize,
) {
    for reference in references {
        let (kind, name) = (kind(reference), &reference.template_name);
        let known = found
            .iter()
            .any(|(known_kind, known_name, _)| *known_kind == kind && known_name == name);
        let Some(spec) = template(observed, reference).filter(|_| !known && depth > 0) else {
            continue;
        };
        found.push((kind, name.clone(), spec));
        collect(observed, &spec.templates, found, depth - 1);
    }
}

fn check_analysis(observed: &Observed, analysis: &NamedAnalysis<'_>) -> Vec<Finding> {
    let mut templates = Vec::new();
    collect(observed, analysis.templates, &mut templates, NESTING);
    templates.sort_by_key(|(kind, _, _)| *kind != "AnalysisTemplate");
    if let Some(fault) = merge_fault(&templates, analysis.arguments) {
        let names: Vec<&str> = templates.iter().map(|(_, name, _)| name.as_str()).collect();
        let value = format!("templateNames: [{}]", names.join(" "));
        return vec![field::invalid_text(&analysis.path, &value, &fault)];
    }
    templates
        .iter()
        .flat_map(|(_, name, spec)| match analysis.place {
            Place::Background => unfilled_arguments(analysis, name, spec),
            Place::Elsewhere => endless_metrics(analysis, name, spec),
        })
        .collect()
}

/// Why the templates cannot become one AnalysisRun, if they cannot (ANA-05 to ANA-07).
fn merge_fault(
    templates: &[(&'static str, String, &AnalysisTemplateSpec)],
    given: &[AnalysisRunArgument],
) -> Option<String> {
    let mut metrics: Vec<&str> = Vec::new();
    for metric in templates.iter().flat_map(|(_, _, spec)| &spec.metrics) {
        if metrics.contains(&metric.name.as_str()) {
            return Some(format!("two metrics have the same name '{}'", metric.name));
        }
        metrics.push(&metric.name);
    }
    let mut values: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    let mut order: Vec<&str> = Vec::new();
    let mut resolved: BTreeMap<&str, bool> = BTreeMap::new();
    for argument in templates.iter().flat_map(|(_, _, spec)| &spec.args) {
        let name = argument.name.as_str();
        let value = argument.value.as_deref();
        match values.get(name) {
            Some(Some(held)) => {
                if let Some(value) = value.filter(|value| value != held) {
                    return Some(format!(
                        "Argument `{name}` specified multiple times with different values: \
                         '{held}', '{value}'"
                    ));
                }
            }
            Some(None) => {
                values.insert(name, value);
                resolved.insert(name, value.is_some() || argument.value_from.is_some());
            }
            None => {
                order.push(name);
                values.insert(name, value);
                resolved.insert(name, value.is_some() || argument.value_from.is_some());
            }
        }
    }
    for argument in given {
        if let Some(filled) = resolved.get_mut(argument.name.as_str()) {
            *filled = true;
        }
    }
    let missing = order
        .into_iter()
        .find(|name| resolved.get(name) == Some(&false))?;
    Some(format!("args.{missing} was not resolved"))
}

fn unfilled_arguments(
    analysis: &NamedAnalysis<'_>,
    name: &str,
    spec: &AnalysisTemplateSpec,
) -> Vec<Finding> {
    spec.args
        .iter()
        .filter(|argument| argument.value.is_none() && argument.value_from.is_none())
        .filter_map(|argument| {
            let detail = if analysis.arguments.is_empty() {
                "missing analysis arguments in rollout spec"
            } else if analysis
                .arguments
                .iter()
                .any(|given| given.name == argument.name)
            {
                return None;
            } else {
                argument.name.as_str()
            };
            Some(field::invalid_text(&analysis.path, name, detail))
        })
        .collect()
}

fn endless_metrics(
    analysis: &NamedAnalysis<'_>,
    name: &str,
    spec: &AnalysisTemplateSpec,
) -> Vec<Finding> {
    spec.metrics
        .iter()
        .filter(|metric| is_endless(metric))
        .map(|metric| {
            let count = metric
                .count
                .as_ref()
                .map_or_else(|| "<nil>".to_owned(), ToString::to_string);
            let detail = format!(
                "AnalysisTemplate {name} has metric {} which runs indefinitely. Invalid value for \
                 count: {count}",
                metric.name
            );
            field::invalid_text(&analysis.path, name, &detail)
        })
        .collect()
}

/// Whether nothing ends the metric: an interval without a count (ANA-21). A count that comes from an
/// argument is known only when the run is made.
fn is_endless(metric: &Metric) -> bool {
    let counted = match &metric.count {
        None => false,
        Some(IntOrString::Int(count)) => *count != 0,
        Some(IntOrString::String(text)) => {
            text.contains("{{") || text.parse::<i64>().is_ok_and(|count| count != 0)
        }
    };
    !counted && !metric.interval.is_empty()
}
