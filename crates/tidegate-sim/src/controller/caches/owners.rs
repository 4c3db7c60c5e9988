//! Whose an object is, so that a change of it leads there. What is seen of Jobs only tells when to look at
//! their runs; as in the shell.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;
use tidegate_api::{analysis::AnalysisRun, labels};
use tidegate_integrations::{metrics::job, traffic};

use super::{Caches, Change, Locator, fields, is_watched, kinds};

impl Caches {
    /// The metrics of a run that wait for a Job which has come to its end.
    pub(in crate::controller) fn ended(&self, run: &AnalysisRun) -> BTreeSet<String> {
        job::awaited(run)
            .into_iter()
            .filter(|(_, key)| {
                let job = self.jobs.raw(&key.namespace, &key.name);
                job.is_some_and(|job| job::has_ended(job))
            })
            .map(|(metric, _)| metric)
            .collect()
    }

    /// The `DestinationRules` that carry the marks of a Rollout of this name.
    pub(in crate::controller) fn rules_of(
        &self,
        namespace: &str,
        rollout: &str,
    ) -> Vec<Arc<Value>> {
        self.destination_rules
            .entries(namespace)
            .filter(|rule| traffic::manager(&rule.value) == Some(rollout))
            .map(|rule| Arc::clone(&rule.value))
            .collect()
    }
}

/// The run that a Job measures for (ANA-47).
pub(super) fn measured(change: &Change) -> Option<Locator> {
    let job = &change.new;
    let owner = fields::owners(job).iter();
    let owner = owner
        .filter(|owner| fields::text(owner, &["kind"]) == "AnalysisRun")
        .map(|owner| fields::text(owner, &["name"]))
        .next();
    let named = |key: &str| fields::text(job, &["metadata", "annotations", key]);
    let (namespace, name) = match owner {
        Some(owner) => (&*change.object.namespace, owner),
        None => (
            named(labels::ANALYSIS_RUN_NAMESPACE),
            named(labels::ANALYSIS_RUN_NAME),
        ),
    };
    let is_watched = is_watched(change.object.kind, job) && !name.is_empty();
    is_watched.then(|| Locator::new(kinds::ANALYSIS_RUNS, namespace, name))
}

/// The Rollout or Experiment that controls the changed object (QUE-06).
pub(super) fn owner(change: &Change) -> Option<Locator> {
    let owners = fields::owners(&change.new);
    let mut controllers = owners
        .iter()
        .filter(|owner| owner.get("controller") == Some(&Value::Bool(true)));
    controllers.find_map(|owner| {
        let kind = match fields::text(owner, &["kind"]) {
            "Rollout" => kinds::ROLLOUTS,
            "Experiment" => kinds::EXPERIMENTS,
            _ => return None,
        };
        let name = fields::text(owner, &["name"]);
        Some(Locator::new(kind, &change.object.namespace, name))
    })
}
