//! The rule by which pods of a new version keep away from nodes of the stable one (EPH-06).

use serde_json::{Value, json};

use crate::{
    labels::POD_TEMPLATE_HASH,
    rollout::{AntiAffinity, Rollout},
};

/// The label by which nodes are told apart.
const HOSTNAME: &str = "kubernetes.io/hostname";
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Which rule a Rollout asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The scheduler must follow it.
    Required,
    /// The scheduler should follow it.
    Preferred {
        /// How much, from 1 to 100.
        weight: i32,
    },
}

impl Rule {
    /// The rule that a Rollout asks for, if it does.
    pub fn of(rollout: &Rollout) -> Option<Self> {
        let strategy = &rollout.spec.strategy;
        let canary = strategy.canary.as_ref();
        let blue_green = strategy.blue_green.as_ref();
        canary
            .and_then(|canary| canary.anti_affinity.as_ref())
            .or_else(|| blue_green.and_then(|colours| colours.anti_affinity.as_ref()))
            .and_then(Self::read)
    }

    fn read(wish: &AntiAffinity) -> Option<Self> {
        if let Some(preferred) = &wish.preferred_during_scheduling_ignored_during_execution {
            let weight = preferred.weight;
            return Some(Self::Preferred { weight });
        }
        wish.required_during_scheduling_ignored_during_execution
            .as_ref()
            .map(|_| Self::Required)
    }

    /// The list of terms that the rule's term is in.
    fn list(self) -> &'static str {
        match self {
            Self::Required => REQUIRED,
            Self::Preferred { .. } => PREFERRED,
        }
    }

    /// A template's own affinity with the term that keeps away from pods of the stable version.
    pub fn added_to(self, affinity: &Value, (namespace, stable): (&str, &str)) -> Value {
        let term = json!({
            "labelSelector": {"matchExpressions": [
                {"key": POD_TEMPLATE_HASH, "operator": "In", "values": [stable]},
            ]},
            "namespaces": [namespace],
            "topologyKey": HOSTNAME,
        });
        let term = match self {
            Self::Required => term,
            Self::Preferred { weight } => json!({"weight": weight, "podAffinityTerm": term}),
        };
        let mut affinity = affinity.clone();
        if !affinity.is_object() {
            affinity = json!({});
        }
        let rules = &mut affinity["podAntiAffinity"];
        if !rules.is_object() {
            *rules = json!({});
        }
        let list = &mut rules[self.list()];
        match list.as_array_mut() {
            Some(terms) => terms.push(term),
            None => *list = json!([term]),
        }
        affinity
    }

    /// Where in its list the term stands that was added to an affinity, and the hash that it names.
    pub fn found_in(self, affinity: &Value) -> Option<(usize, &str)> {
        let terms = affinity["podAntiAffinity"][self.list()].as_array()?;
        terms.iter().enumerate().find_map(|(place, term)| {
            let term = match self {
                Self::Required => term,
                Self::Preferred { .. } => &term["podAffinityTerm"],
            };
            let expressions = term["labelSelector"]["matchExpressions"].as_array()?;
            let ours = expressions
                .iter()
                .find(|expression| expression["key"] == POD_TEMPLATE_HASH)?;
            Some((place, ours["values"][0].as_str().unwrap_or_default()))
        })
    }

    /// An affinity without the term that was added to it; null where nothing else is left.
    pub fn removed_from(self, affinity: &Value) -> Value {
        let Some((place, _)) = self.found_in(affinity) else {
            return affinity.clone();
        };
        let mut affinity = affinity.clone();
        let rules = &mut affinity["podAntiAffinity"];
        if let Some(terms) = rules[self.list()].as_array_mut() {
            terms.remove(place);
        }
        remove_if(rules, self.list(), |terms| {
            terms.as_array().is_some_and(Vec::is_empty)
        });
        remove_if(&mut affinity, "podAntiAffinity", is_hollow);
        if is_hollow(&affinity) {
            return Value::Null;
        }
        affinity
    }
}

fn remove_if(object: &mut Value, member: &str, is_unwanted: impl Fn(&Value) -> bool) {
    if let Some(members) = object.as_object_mut()
        && members.get(member).is_some_and(is_unwanted)
    {
        members.remove(member);
    }
}

/// Whether an object says nothing.
fn is_hollow(object: &Value) -> bool {
    object
        .as_object()
        .is_some_and(|members| members.values().all(Value::is_null))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps RSI-03 and EPH-06.
    #[test]
    fn what_was_added_is_found_and_taken_away_again() {
        let own = json!({"podAntiAffinity": {REQUIRED: [{"topologyKey": "zone"}]}});
        for rule in [Rule::Required, Rule::Preferred { weight: 7 }] {
            for affinity in [&own, &Value::Null] {
                let with = rule.added_to(affinity, ("shop", "aaa"));
                assert_eq!(rule.found_in(&with).map(|(_, hash)| hash), Some("aaa"));
                assert_eq!(rule.removed_from(&with), *affinity);
                assert_eq!(rule.found_in(affinity), None);
            }
        }
    }
}
