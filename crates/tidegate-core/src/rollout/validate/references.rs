//! The objects that a Rollout names: do they exist, and do they fit?

use std::{collections::BTreeMap, sync::Arc};

use tidegate_api::{
    analysis::{Argument, Metric},
    int_or_string::IntOrString,
    labels::POD_TEMPLATE_HASH,
    rollout::{BlueGreenStrategy, CanaryStrategy, Rollout, RolloutAnalysis},
    workload::Service,
};

use super::field;
use crate::{
    analysis_run::args::{self, Values},
    observed::{Finding, Observed},
    rollout::{
        desired::analysis_runs::templates::{self, Named, NamedBy, Templates},
        release, service_names,
    },
};

/// Stands for a value that only a run knows, as upstream has it.
const UNKNOWN: &str = "dummy-value";

/// Services and analysis templates: first that they exist, then that they fit. Keeps VAL-30, VAL-31.
pub(super) fn check(rollout: &Rollout, observed: &Observed) -> Vec<Finding> {
    let services = services(rollout);
    let analyses = analyses(rollout);
    let mut findings: Vec<Finding> = services
        .iter()
        .filter_map(|named| missing_service(observed, named))
        .collect();
    let templates = Templates::of(observed);
    findings.extend(
        analyses
            .iter()
            .filter_map(|analysis| missing_template(&templates, analysis)),
    );
    if findings.is_empty() {
        findings.extend(
            services
                .iter()
                .flat_map(|named| check_service(rollout, observed, named)),
        );
        findings.extend(
            analyses
                .iter()
                .flat_map(|analysis| check_analysis(&templates, analysis)),
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

fn check_service(rollout: &Rollout, observed: &Observed, named: &NamedService<'_>) -> Vec<Finding> {
    let Some(service) = observed.services.get(named.name) else {
        return Vec::new();
    };
    let labels = super::template_labels(rollout.spec.template.value());
    let mut findings = unmatched_labels(service, &labels, named.path);
    let name = field::quote(named.name);
    let detail = format!("Service {name} is managed by another Rollout");
    match release::manager(&service.metadata) {
        Some(manager) if manager != rollout.metadata.name => {
            findings.push(field::invalid_text(named.path, named.name, &detail));
        }
        Some(_) => {}
        None => {
            findings.extend(older_rival(rollout, observed, named.name).map(|rival| {
                let rival = field::quote(&rival.metadata.name);
                let detail = format!("{detail}: {rival}, which is older, names it, too");
                field::invalid_text(named.path, named.name, &detail)
            }));
        }
    }
    findings
}

/// A Rollout that names the same Service and was there before. Until its annotation stands on the Service,
/// upstream lets whoever is faster have it (S2-14).
fn older_rival<'a>(
    rollout: &Rollout,
    observed: &'a Observed,
    service: &str,
) -> Option<&'a Arc<Rollout>> {
    let age = |one: &Rollout| (one.metadata.creation_timestamp, one.metadata.name.clone());
    let rivals = observed.rivals.iter();
    rivals
        .filter(|rival| service_names(rival).contains(service) && age(rival) < age(rollout))
        .min_by_key(|rival| age(rival))
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
    analysis: &'a RolloutAnalysis,
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
            analysis,
        })
        .collect()
}

fn missing_template(templates: &Templates, analysis: &NamedAnalysis<'_>) -> Option<Finding> {
    let fault = templates.fault(&analysis.analysis.templates)?;
    let path = match fault.named_by {
        NamedBy::Analysis => &analysis.path,
        NamedBy::Template => "spec.templates",
    };
    Some(field::invalid_text(path, &fault.name, &fault.sentence))
}

fn check_analysis(templates: &Templates, analysis: &NamedAnalysis<'_>) -> Vec<Finding> {
    // What is missing was told before.
    let Ok(found) = templates.resolve(&analysis.analysis.templates) else {
        return Vec::new();
    };
    // Values are known only when the run is made: here it counts who gives one.
    let given: Vec<Argument> = analysis
        .analysis
        .args
        .iter()
        .map(|argument| Argument {
            name: argument.name.clone(),
            value: Some(String::new()),
            value_from: None,
        })
        .collect();
    let specs: Vec<_> = found.iter().map(|template| template.spec).collect();
    if let Err(fault) = templates::run_spec(&specs, analysis.analysis, &given) {
        let names: Vec<&str> = found.iter().map(|template| template.name).collect();
        let value = format!("templateNames: [{}]", names.join(" "));
        return vec![field::invalid_text(&analysis.path, &value, &fault)];
    }
    found
        .iter()
        .flat_map(|template| match analysis.place {
            Place::Background => unfilled_arguments(analysis, template),
            Place::Elsewhere => unfit_metrics(analysis, template),
        })
        .collect()
}

fn unfilled_arguments(analysis: &NamedAnalysis<'_>, template: &Named<'_>) -> Vec<Finding> {
    let Named { name, spec } = *template;
    let given = &analysis.analysis.args;
    spec.args
        .iter()
        .filter(|argument| argument.value.is_none() && argument.value_from.is_none())
        .filter_map(|argument| {
            let detail = if given.is_empty() {
                "missing analysis arguments in rollout spec"
            } else if given.iter().any(|given| given.name == argument.name) {
                return None;
            } else {
                argument.name.as_str()
            };
            Some(field::invalid_text(&analysis.path, name, detail))
        })
        .collect()
}

/// Metrics that name no argument of their template, and those that nothing ends.
fn unfit_metrics(analysis: &NamedAnalysis<'_>, template: &Named<'_>) -> Vec<Finding> {
    let Named { name, spec } = *template;
    let metrics = values(analysis.analysis, &spec.args).and_then(|values| {
        let metrics = spec.metrics.iter();
        metrics
            .map(|metric| args::resolve(metric, &values))
            .collect::<Result<Vec<Metric>, String>>()
    });
    let metrics = match metrics {
        Ok(metrics) => metrics,
        Err(fault) => {
            let detail = format!("AnalysisTemplate {name}: {fault}");
            return vec![field::invalid_text(&analysis.path, name, &detail)];
        }
    };
    metrics
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

/// What stands for the arguments of a template before a run is made: its own values, and a word where only the
/// run knows.
///
/// Differs from upstream: where the template has no value, the one that the Rollout gives counts, so that a
/// `count` may come from there.
fn values(analysis: &RolloutAnalysis, own: &[Argument]) -> Result<Values, String> {
    let given = |name: &str| {
        let given = analysis.args.iter().find(|given| given.name == name)?;
        (!given.value.is_empty()).then(|| given.value.clone())
    };
    let value = |argument: &Argument| {
        let name = &argument.name;
        let value = match (&argument.value, &argument.value_from) {
            (Some(_), Some(_)) => {
                return Err(format!("arg '{name}' has both Value and ValueFrom fields"));
            }
            (Some(value), None) => Some(value.clone()),
            (None, None) => given(name),
            (None, Some(_)) => None,
        };
        let value = value.unwrap_or_else(|| UNKNOWN.to_owned());
        Ok((name.clone(), value))
    };
    own.iter().map(value).collect()
}

/// Whether nothing ends the metric: an interval without a count (ANA-21).
fn is_endless(metric: &Metric) -> bool {
    let counted = match &metric.count {
        None => false,
        Some(IntOrString::Int(count)) => *count != 0,
        Some(IntOrString::String(text)) => text.parse::<i64>().is_ok_and(|count| count != 0),
    };
    !counted && !metric.interval.is_empty()
}
