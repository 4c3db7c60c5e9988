//! Several templates become one run (ANA-04 to ANA-06, ANA-08).

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tidegate_api::{
    analysis::{AnalysisTemplateSpec, Argument, DryRun, MeasurementRetention, Metric},
    rollout::{AnalysisTemplateRef, RolloutAnalysis},
};

use super::Templates;

/// How deep templates may name templates. Upstream has no limit and does not return from a circle.
const NESTING: usize = 16;

/// The spec of a run: metrics, rules and arguments of all templates, own ones before the cluster's.
pub(super) fn flatten(
    templates: &Templates,
    analysis: &RolloutAnalysis,
    given: Vec<Argument>,
) -> Result<Value, String> {
    let mut found = Found::default();
    found.collect(templates, &analysis.templates, NESTING)?;
    let specs: Vec<&AnalysisTemplateSpec> = found.own.into_iter().chain(found.cluster).collect();
    let metrics: Vec<&Metric> = specs.iter().flat_map(|spec| &spec.metrics).collect();
    unique(metrics.iter().map(|metric| metric.name.as_str()), |name| {
        format!("two metrics have the same name '{name}'")
    })?;
    let dry_run: Vec<&DryRun> = specs.iter().flat_map(|spec| &spec.dry_run).collect();
    let dry_run: Vec<&DryRun> = analysis.dry_run.iter().chain(dry_run).collect();
    unique(dry_run.iter().map(|rule| rule.metric_name.as_str()), |name| {
        format!("two Dry-Run metric rules have the same name '{name}'")
    })?;
    let retention = specs.iter().flat_map(|spec| &spec.measurement_retention);
    let retention: Vec<&MeasurementRetention> =
        analysis.measurement_retention.iter().chain(retention).collect();
    unique(retention.iter().map(|rule| rule.metric_name.as_str()), |name| {
        format!("two Measurement Retention metric rules have the same name '{name}'")
    })?;
    let args = merge(given, arguments(&specs)?)?;
    let mut spec = json!({"metrics": metrics});
    if !args.is_empty() {
        spec["args"] = json!(args);
    }
    if !dry_run.is_empty() {
        spec["dryRun"] = json!(dry_run);
    }
    if !retention.is_empty() {
        spec["measurementRetention"] = json!(retention);
    }
    Ok(spec)
}

#[derive(Default)]
struct Found<'a> {
    own: Vec<&'a AnalysisTemplateSpec>,
    own_names: BTreeSet<&'a str>,
    cluster: Vec<&'a AnalysisTemplateSpec>,
    cluster_names: BTreeSet<&'a str>,
}

impl<'a> Found<'a> {
    /// Each template once, depth first.
    fn collect(
        &mut self,
        templates: &'a Templates,
        references: &[AnalysisTemplateRef],
        depth: usize,
    ) -> Result<(), String> {
        if depth == 0 {
            return Err(format!("templates name each other more than {NESTING} deep"));
        }
        for reference in references {
            let name = reference.template_name.as_str();
            let spec = if reference.cluster_scope == Some(true) {
                let (name, template) = templates.cluster.get_key_value(name).ok_or_else(|| {
                    format!("clusteranalysistemplate.argoproj.io \"{name}\" not found")
                })?;
                if !self.cluster_names.insert(name) {
                    continue;
                }
                self.cluster.push(&template.spec);
                &template.spec
            } else {
                let (name, template) = templates.own.get_key_value(name).ok_or_else(|| {
                    format!("analysistemplate.argoproj.io \"{name}\" not found")
                })?;
                if !self.own_names.insert(name) {
                    continue;
                }
                self.own.push(&template.spec);
                &template.spec
            };
            self.collect(templates, &spec.templates, depth - 1)?;
        }
        Ok(())
    }
}

fn unique<'a>(
    names: impl Iterator<Item = &'a str>,
    sentence: impl Fn(&str) -> String,
) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(sentence(name));
        }
    }
    Ok(())
}

/// The templates' arguments; the first value that is given counts.
fn arguments(specs: &[&AnalysisTemplateSpec]) -> Result<Vec<Argument>, String> {
    let mut merged: Vec<Argument> = Vec::new();
    for argument in specs.iter().flat_map(|spec| &spec.args) {
        let Some(held) = merged.iter_mut().find(|held| held.name == argument.name) else {
            merged.push(argument.clone());
            continue;
        };
        match (&held.value, &argument.value) {
            (Some(held), Some(value)) if held != value => {
                return Err(format!(
                    "Argument `{}` specified multiple times with different values: '{held}', '{value}'",
                    argument.name
                ));
            }
            (Some(_), _) => {}
            (None, _) => *held = argument.clone(),
        }
    }
    Ok(merged)
}

/// Given arguments fill the templates'; those that no template knows are dropped.
fn merge(given: Vec<Argument>, mut of_templates: Vec<Argument>) -> Result<Vec<Argument>, String> {
    for argument in given {
        if let Some(held) = of_templates.iter_mut().find(|held| held.name == argument.name) {
            if argument.value.is_some() {
                held.value = argument.value;
            } else if argument.value_from.is_some() {
                held.value_from = argument.value_from;
            }
        }
    }
    let unresolved = of_templates
        .iter()
        .find(|argument| argument.value.is_none() && argument.value_from.is_none());
    match unresolved {
        Some(argument) => Err(format!("args.{} was not resolved", argument.name)),
        None => Ok(of_templates),
    }
}
