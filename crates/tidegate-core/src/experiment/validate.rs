//! What is wrong with an Experiment's spec, in upstream's words (EXP-01).

use std::collections::BTreeSet;

use tidegate_api::{experiment::Experiment, meta::LabelSelector};

use crate::observed::Finding;

/// Seconds until all pods must be available, unless the Experiment says otherwise.
const PROGRESS_DEADLINE_SECONDS: i32 = 600;
/// Seconds that pods stay up after the end, unless the Experiment says otherwise.
const SCALE_DOWN_DELAY_SECONDS: i32 = 30;

/// Seconds until all pods must be available.
pub fn progress_deadline_seconds(experiment: &Experiment) -> i32 {
    let given = experiment.spec.progress_deadline_seconds;
    given.unwrap_or(PROGRESS_DEADLINE_SECONDS)
}

/// Seconds that pods stay up after the end.
pub fn scale_down_delay_seconds(experiment: &Experiment) -> i32 {
    let given = experiment.spec.scale_down_delay_seconds;
    given.unwrap_or(SCALE_DOWN_DELAY_SECONDS)
}

/// The first thing that is wrong, if there is one: upstream tells no other.
pub fn findings(experiment: &Experiment) -> Vec<Finding> {
    fault(experiment)
        .map(|message| Finding { message })
        .into_iter()
        .collect()
}

fn fault(experiment: &Experiment) -> Option<String> {
    let name = &experiment.metadata.name;
    let mut names = BTreeSet::new();
    for (index, template) in experiment.spec.templates.iter().enumerate() {
        let Some(selector) = &template.selector else {
            return Some(format!(
                "Rollout has missing field '.Spec.Templates[{index}].Selector'"
            ));
        };
        if *selector == LabelSelector::default() {
            return Some(format!(
                "This experiment is selecting all pods at index {index}. A non-empty selector is required."
            ));
        }
        if template.min_ready_seconds > progress_deadline_seconds(experiment) {
            return Some(format!(
                "MinReadySeconds cannot be longer than ProgressDeadlineSeconds. Check template index {index}"
            ));
        }
        if template.name.is_empty() {
            return Some(format!(
                "Experiment {name} has empty template name at index {index}"
            ));
        }
        if !names.insert(&template.name) {
            let twice = &template.name;
            return Some(format!(
                "Experiment {name} has repeated template name '{twice}' in templates"
            ));
        }
    }
    None
}
