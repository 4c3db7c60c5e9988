//! POST to a pod's `eviction`: a deletion that a disruption budget may hold back.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::{
    super::{
        Call, Cluster, Patch, Target, fields,
        kinds::{DISRUPTION_BUDGETS, PODS},
        refusal::{Reason, Refusal},
        selector::LabelSelector,
    },
    delete::{Deletion, DeletionOptions},
    instant,
};

impl Cluster {
    /// Deletes a pod unless its disruption budget allows no disruption now.
    ///
    /// # Errors
    /// 404; 409 when a precondition does not hold; 429 when the budget keeps the pod; 500 when it has
    /// several.
    pub fn evict(
        &mut self,
        call: &Call,
        (namespace, name): (&str, &str),
        options: &DeletionOptions,
    ) -> Result<Deletion, Refusal> {
        let target = Target::new(PODS, namespace, name);
        let pod = self.stored(&target)?;
        if is_bound(&pod) {
            let budgets = self.budgets_of(&pod);
            match budgets.as_slice() {
                [] => {}
                [budget] if is_let_go(budget, &pod) => {}
                [budget] => self.spend(call, budget, &pod)?,
                [_, _, ..] => {
                    return Err(Refusal::new(
                        Reason::InternalError,
                        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
                    ));
                }
            }
        }
        self.delete(call, &target, options)
    }

    /// The budgets that select a pod.
    fn budgets_of(&self, pod: &Value) -> Vec<Arc<Value>> {
        let labels = fields::labels(pod);
        self.in_namespace(DISRUPTION_BUDGETS, Some(fields::namespace(pod)))
            .filter(|budget| {
                LabelSelector::of_json(&budget["spec"]["selector"]).matches_labels(labels)
            })
            .cloned()
            .collect()
    }

    /// Takes one disruption from a budget.
    fn spend(&mut self, call: &Call, budget: &Value, pod: &Value) -> Result<(), Refusal> {
        let (name, status) = (fields::name(budget), &budget["status"]);
        let count = |member: &str| fields::number(status, &[member]).unwrap_or(0);
        let generation = fields::number(budget, &["metadata", "generation"]).unwrap_or(0);
        if count("observedGeneration") < generation {
            return Err(Refusal::protected(&format!(
                "The disruption budget {name} is still being processed by the server."
            )));
        }
        let allowed = count("disruptionsAllowed");
        if allowed <= 0 {
            let (needed, healthy) = (count("desiredHealthy"), count("currentHealthy"));
            return Err(Refusal::protected(&format!(
                "The disruption budget {name} needs {needed} healthy pods and has {healthy} currently"
            )));
        }
        let mut disrupted: BTreeMap<String, Value> = fields::map(status, &["disruptedPods"])
            .iter()
            .map(|(name, since)| (name.clone(), since.clone()))
            .collect();
        disrupted.insert(fields::name(pod).to_owned(), json!(instant(call.now)));
        let patch = json!({"status": {
            "disruptionsAllowed": allowed - 1,
            "disruptedPods": disrupted,
        }});
        let target = Target::new(DISRUPTION_BUDGETS, fields::namespace(budget), name).status();
        self.patch(call, &target, &Patch::Merge(patch)).map(drop)
    }
}

/// Pods that have not begun, have ended or are going anyway need no budget.
fn is_bound(pod: &Value) -> bool {
    let phase = fields::text(pod, &["status", "phase"]);
    !fields::is_deleting(pod) && !["Succeeded", "Failed", "Pending"].contains(&phase)
}

/// Pods that are not ready may go without being counted: always, or as long as there are enough others.
fn is_let_go(budget: &Value, pod: &Value) -> bool {
    if fields::condition(pod, "Ready") == "True" {
        return false;
    }
    let count = |member: &str| fields::number(budget, &["status", member]).unwrap_or(0);
    let (healthy, needed) = (count("currentHealthy"), count("desiredHealthy"));
    fields::text(budget, &["spec", "unhealthyPodEvictionPolicy"]) == "AlwaysAllow"
        || (healthy >= needed && needed > 0)
}
