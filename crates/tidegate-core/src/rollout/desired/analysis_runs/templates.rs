//! Analysis templates: which ones an analysis leads to, and how several become one (ANA-04, ANA-05).

use std::{collections::BTreeMap, sync::Arc};

use tidegate_api::{
    analysis::{
        AnalysisRunSpec, AnalysisTemplate, AnalysisTemplateSpec, Argument, ClusterAnalysisTemplate,
        DryRun, MeasurementRetention, Metric,
    },
    rollout::{AnalysisTemplateRef, Rollout, RolloutAnalysis},
};

use super::arguments;
use crate::observed::Observed;

/// How deep templates may name templates. Upstream has no limit and does not return from a circle.
const NESTING: usize = 16;

/// The templates that a Rollout's analyses lead to, as far as they exist.
#[derive(Clone, Debug, Default)]
pub struct Templates(BTreeMap<Key, Body>);

/// A template and its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub(crate) name: &'a str,
    pub(crate) spec: &'a AnalysisTemplateSpec,
}

/// Why references lead to no templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The template at fault.
    pub(crate) name: String,
    /// Who names it.
    pub(crate) named_by: NamedBy,
    /// What is wrong with it.
    pub(crate) sentence: String,
}

/// Who names a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// The analysis itself.
    Analysis,
    /// Another template.
    Template,
}

/// Which templates: of the Rollout's namespace (first) or of the cluster, and the name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    scope: Scope,
    name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Namespace,
    Cluster,
}

#[derive(Clone, Debug)]
enum Body {
    Own(Arc<AnalysisTemplate>),
    Shared(Arc<ClusterAnalysisTemplate>),
}

impl Body {
    fn spec(&self) -> &AnalysisTemplateSpec {
        match self {
            Self::Own(template) => &template.spec,
            Self::Shared(template) => &template.spec,
        }
    }
}

impl Key {
    fn new(reference: &AnalysisTemplateRef) -> Self {
        Self {
            scope: if reference.cluster_scope == Some(true) {
                Scope::Cluster
            } else {
                Scope::Namespace
            },
            name: reference.template_name.clone(),
        }
    }

    fn missing(&self) -> String {
        let kind = match self.scope {
            Scope::Namespace => "AnalysisTemplate",
            Scope::Cluster => "ClusterAnalysisTemplate",
        };
        format!("{kind} '{}' not found", self.name)
    }
}

impl Templates {
    /// Gathers what the analyses of the Rollout name, and what that names in turn.
    pub(crate) fn of(observed: &Observed) -> Self {
        let named = analyses(&observed.rollout).flat_map(|analysis| analysis.templates.clone());
        Self::gather(
            named,
            &observed.analysis_templates,
            &observed.cluster_analysis_templates,
        )
    }

    /// Gathers what is named, and what that names in turn.
    pub(crate) fn gather(
        named: impl Iterator<Item = AnalysisTemplateRef>,
        own: &BTreeMap<String, Arc<AnalysisTemplate>>,
        shared: &BTreeMap<String, Arc<ClusterAnalysisTemplate>>,
    ) -> Self {
        let mut templates = Self::default();
        let mut open: Vec<AnalysisTemplateRef> = named.collect();
        while let Some(reference) = open.pop() {
            let key = Key::new(&reference);
            if templates.0.contains_key(&key) {
                continue;
            }
            let found = match key.scope {
                Scope::Namespace => own
                    .get(&key.name)
                    .map(|template| Body::Own(Arc::clone(template))),
                Scope::Cluster => shared
                    .get(&key.name)
                    .map(|template| Body::Shared(Arc::clone(template))),
            };
            if let Some(body) = found {
                open.extend(body.spec().templates.iter().cloned());
                templates.0.insert(key, body);
            }
        }
        templates
    }

    /// Whether the template that is named is there.
    pub(crate) fn has(&self, reference: &AnalysisTemplateRef) -> bool {
        self.0.contains_key(&Key::new(reference))
    }

    /// Why the references lead to no templates, if they do not: one is missing, or templates name
    /// each other too deep. Each template is looked at once, however often it is named.
    pub(crate) fn fault(&self, references: &[AnalysisTemplateRef]) -> Option<Fault> {
        let mut heights = BTreeMap::new();
        self.height(references, 1, &mut heights).err()
    }

    /// How many templates stand upon each other below these references, which stand at a level.
    fn height(
        &self,
        references: &[AnalysisTemplateRef],
        level: usize,
        known: &mut BTreeMap<Key, usize>,
    ) -> Result<usize, Fault> {
        let named_by = if level == 1 {
            NamedBy::Analysis
        } else {
            NamedBy::Template
        };
        let mut highest = 0;
        for reference in references {
            let key = Key::new(reference);
            let fault = |sentence: String| Fault {
                name: reference.template_name.clone(),
                named_by,
                sentence,
            };
            let too_deep = || {
                fault(format!(
                    "templates name each other more than {NESTING} deep; break the circle"
                ))
            };
            let body = self.0.get(&key).ok_or_else(|| fault(key.missing()))?;
            if level > NESTING {
                return Err(too_deep());
            }
            let height = match known.get(&key) {
                Some(height) => *height,
                None => 1 + self.height(&body.spec().templates, level + 1, known)?,
            };
            if level + height > NESTING + 1 {
                return Err(too_deep());
            }
            known.insert(key, height);
            highest = highest.max(height);
        }
        Ok(highest)
    }

    /// The templates that references lead to, each once, those of the namespace first.
    ///
    /// # Errors
    /// Names the first one that does not exist.
    pub(crate) fn resolve(
        &self,
        references: &[AnalysisTemplateRef],
    ) -> Result<Vec<Named<'_>>, String> {
        let mut found = Vec::new();
        self.walk(references, &mut found)?;
        // The sort is stable: within a scope the order of naming stays.
        found.sort_by_key(|(key, _)| key.scope);
        let named = found.into_iter().map(|(key, spec)| Named {
            name: &key.name,
            spec,
        });
        Ok(named.collect())
    }

    fn walk<'a>(
        &'a self,
        references: &[AnalysisTemplateRef],
        found: &mut Vec<(&'a Key, &'a AnalysisTemplateSpec)>,
    ) -> Result<(), String> {
        for reference in references {
            let key = Key::new(reference);
            let (key, body) = self.0.get_key_value(&key).ok_or_else(|| key.missing())?;
            if found.iter().all(|(known, _)| *known != key) {
                found.push((key, body.spec()));
                self.walk(&body.spec().templates, found)?;
            }
        }
        Ok(())
    }
}

fn analyses(rollout: &Rollout) -> impl Iterator<Item = &RolloutAnalysis> {
    let strategy = &rollout.spec.strategy;
    let canary = strategy.canary.iter().flat_map(|canary| {
        let steps = canary
            .steps
            .iter()
            .filter_map(|step| step.analysis.as_ref());
        let background = canary
            .analysis
            .iter()
            .map(|background| &background.analysis);
        steps.chain(background)
    });
    let blue_green = strategy.blue_green.iter().flat_map(|colours| {
        let before = &colours.pre_promotion_analysis;
        before.iter().chain(&colours.post_promotion_analysis)
    });
    canary.chain(blue_green)
}

/// What a run of these templates measures, with these arguments. Keeps ANA-05 to ANA-07.
///
/// # Errors
/// Two metrics or rules of one name, an argument with two values, or one with none.
pub fn run_spec(
    templates: &[&AnalysisTemplateSpec],
    analysis: &RolloutAnalysis,
    given: &[Argument],
) -> Result<AnalysisRunSpec, String> {
    let template = flatten(templates)?;
    let args = arguments::merge(given, &template.args)?;
    let dry_run = analysis.dry_run.iter().chain(&template.dry_run);
    let kept = analysis.measurement_retention.iter();
    let kept = kept.chain(&template.measurement_retention);
    Ok(AnalysisRunSpec {
        args,
        dry_run: merge_dry_run(dry_run.cloned().collect())?,
        measurement_retention: merge_retention(kept.cloned().collect())?,
        metrics: template.metrics,
        terminate: false,
        ttl_strategy: None,
    })
}

/// Several templates as one. Keeps ANA-05.
///
/// # Errors
/// Two metrics or rules of one name, or an argument with two values.
pub fn flatten(templates: &[&AnalysisTemplateSpec]) -> Result<AnalysisTemplateSpec, String> {
    let all = || templates.iter().copied();
    let metrics: Vec<Metric> = all().flat_map(|spec| spec.metrics.clone()).collect();
    let names = metrics.iter().map(|metric| metric.name.as_str());
    if let Some(name) = duplicate(names) {
        return Err(format!("two metrics have the same name '{name}'"));
    }
    let dry_run = merge_dry_run(all().flat_map(|spec| spec.dry_run.clone()).collect())?;
    let kept = all().flat_map(|spec| spec.measurement_retention.clone());
    let measurement_retention = merge_retention(kept.collect())?;
    let mut args: Vec<Argument> = Vec::new();
    for argument in all().flat_map(|spec| &spec.args) {
        add_argument(&mut args, argument)?;
    }
    Ok(AnalysisTemplateSpec {
        metrics,
        args,
        dry_run,
        measurement_retention,
        templates: Vec::new(),
    })
}

fn merge_dry_run(rules: Vec<DryRun>) -> Result<Vec<DryRun>, String> {
    let names = rules.iter().map(|rule| rule.metric_name.as_str());
    match duplicate(names) {
        Some(name) => Err(format!(
            "two Dry-Run metric rules have the same name '{name}'"
        )),
        None => Ok(rules),
    }
}

fn merge_retention(rules: Vec<MeasurementRetention>) -> Result<Vec<MeasurementRetention>, String> {
    let names = rules.iter().map(|rule| rule.metric_name.as_str());
    match duplicate(names) {
        Some(name) => Err(format!(
            "two Measurement Retention metric rules have the same name '{name}'"
        )),
        None => Ok(rules),
    }
}

/// The first name that comes again.
fn duplicate<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = std::collections::BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

/// The first value that is given stays.
fn add_argument(args: &mut Vec<Argument>, argument: &Argument) -> Result<(), String> {
    let Some(known) = args.iter_mut().find(|known| known.name == argument.name) else {
        args.push(argument.clone());
        return Ok(());
    };
    match (&known.value, &argument.value) {
        (Some(first), Some(second)) if first != second => Err(format!(
            "Argument `{}` specified multiple times with different values: '{first}', '{second}'",
            known.name
        )),
        (Some(_), _) => Ok(()),
        (None, _) => {
            known.clone_from(argument);
            Ok(())
        }
    }
}
