//! What is looked for before a decision: names that an Experiment may want, the Rollout whose step it is,
//! and what has to be asked of the API server because a cache may lag behind.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;
use tidegate_api::{
    analysis::AnalysisTemplateSpec, experiment::Experiment, meta::ObjectMeta,
    rollout::AnalysisTemplateRef,
};

use super::{Observed, analyses, assess, parse, replica_set, validate};
use crate::{
    analysis_run::{is_completed, unreadable},
    plan::{ANALYSIS_RUNS, ANALYSIS_TEMPLATES, CLUSTER_ANALYSIS_TEMPLATES, ObjectKey, ROLLOUTS},
};

/// The Rollout whose step an Experiment is, as its owner reference says.
pub fn rollout(experiment: &ObjectMeta) -> Option<ObjectKey> {
    let owner = experiment.controller()?;
    (owner.kind == ROLLOUTS.kind)
        .then(|| ObjectKey::new(ROLLOUTS, &experiment.namespace, &owner.name))
}

/// The names that its ReplicaSets may have.
pub fn set_names(experiment: &Experiment) -> BTreeSet<String> {
    let names = experiment.spec.templates.iter().flat_map(|template| {
        let known = assess::template(&experiment.status, &template.name);
        let taken = known.and_then(|known| known.collision_count);
        [None, taken].map(|taken| replica_set::name(experiment, template, taken))
    });
    names.collect()
}

/// The names that its Services may have.
pub fn service_names(experiment: &Experiment) -> BTreeSet<String> {
    let asked = experiment.spec.templates.iter();
    let asked = asked.filter_map(|template| template.service.as_ref());
    let mut names = set_names(experiment);
    names.extend(
        asked
            .map(|service| service.name.clone())
            .filter(|name| !name.is_empty()),
    );
    names
}

/// What the caches do not hold, although a decision depends on it: AnalysisRuns that the status names
/// (EXP-13), and templates of analyses that are still to begin, which may just have been applied together
/// with the Experiment. They are to be asked for, and [`Observed::learn`] takes what was found; that may
/// lead to more.
pub fn missing(observed: &Observed) -> Vec<ObjectKey> {
    let experiment = &observed.experiment;
    let is_settled = experiment.metadata.deletion_timestamp.is_some()
        || !validate::findings(experiment).is_empty();
    if is_settled {
        return Vec::new();
    }
    let mut missing = analyses::missing(observed);
    missing.extend(missing_templates(observed));
    missing
}

fn missing_templates(observed: &Observed) -> BTreeSet<ObjectKey> {
    let experiment = &observed.experiment;
    let status = &experiment.status;
    let mut missing = BTreeSet::new();
    if assess::is_terminating(&experiment.spec, status) {
        return missing;
    }
    let to_begin = experiment.spec.analyses.iter().filter(|analysis| {
        assess::analysis(status, &analysis.name)
            .is_none_or(|run| run.analysis_run.is_empty() && !is_completed(&run.phase))
    });
    let mut open: Vec<AnalysisTemplateRef> = to_begin.map(analyses::reference).collect();
    let mut seen = BTreeSet::new();
    while let Some(reference) = open.pop() {
        let key = template_key(observed, &reference);
        if !seen.insert(key.clone()) {
            continue;
        }
        match held(observed, &key) {
            Some(spec) => open.extend(spec.templates.iter().cloned()),
            None if observed.gone_templates.contains(&key) => {}
            None => {
                missing.insert(key);
            }
        }
    }
    missing
}

fn template_key(observed: &Observed, reference: &AnalysisTemplateRef) -> ObjectKey {
    let name = &reference.template_name;
    if reference.cluster_scope == Some(true) {
        return ObjectKey::new(CLUSTER_ANALYSIS_TEMPLATES, "", name);
    }
    let namespace = &observed.experiment.metadata.namespace;
    ObjectKey::new(ANALYSIS_TEMPLATES, namespace, name)
}

fn held<'a>(observed: &'a Observed, key: &ObjectKey) -> Option<&'a AnalysisTemplateSpec> {
    if key.resource == CLUSTER_ANALYSIS_TEMPLATES {
        let template = observed.cluster_analysis_templates.get(&key.name);
        return template.map(|template| &template.spec);
    }
    let template = observed.analysis_templates.get(&key.name);
    template.map(|template| &template.spec)
}

impl Observed {
    /// Takes what the API server has said of something [`missing`]: the object, or that there is none. A
    /// template that cannot be read is as good as none.
    pub fn learn(&mut self, key: &ObjectKey, found: Option<Value>) {
        if key.resource == ANALYSIS_RUNS {
            self.learn_of_run(key, found);
            return;
        }
        if key.resource == CLUSTER_ANALYSIS_TEMPLATES {
            let found = found.and_then(|value| serde_json::from_value(value).ok());
            let found = found.map(|template| (key.name.clone(), Arc::new(template)));
            self.cluster_analysis_templates.extend(found);
        } else {
            let found = found.and_then(|value| serde_json::from_value(value).ok());
            let found = found.map(|template| (key.name.clone(), Arc::new(template)));
            self.analysis_templates.extend(found);
        }
        if held(self, key).is_none() {
            self.gone_templates.insert(key.clone());
        }
    }

    fn learn_of_run(&mut self, key: &ObjectKey, found: Option<Value>) {
        let run = found.map(|value| {
            serde_json::from_value(value.clone()).unwrap_or_else(|error| {
                let metadata = serde_json::from_value(value["metadata"].clone());
                let metadata = metadata.unwrap_or_default();
                unreadable::stand_in(&metadata, &value["status"], &error.to_string())
            })
        });
        match run.filter(|run| parse::is_own(&self.experiment, &run.metadata)) {
            Some(run) => self.analysis_runs.push(Arc::new(run)),
            None => {
                self.gone_runs.insert(key.name.clone());
            }
        }
    }
}
