//! S2-10: nobody pulls at a field to and fro.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    cluster::{Change, Locator, What, fields, istio, kinds},
    digest::Digest,
};

/// Returns to an earlier value that need no explanation: a value that is set, taken back and set again
/// is a controller that cannot make up its mind.
const MOST_RETURNS: usize = 1;

/// More values than these are not remembered: whoever goes to and fro is seen by the last few.
const MOST_VALUES: usize = 8;

/// The values that the controller gave to fields since somebody else last did something.
#[derive(Clone, Debug, Default)]
pub(super) struct Flaps(BTreeMap<(Locator, &'static str), Vec<String>>);

impl Flaps {
    /// Somebody else did something: what was right before may be wrong now.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Takes in a write of the controller; tells which field it pulls at.
    pub(super) fn take(&mut self, change: &Change) -> Option<String> {
        let (name, value) = field(change)?;
        let old = change.old.as_deref().map(value)?;
        let new = value(&change.new);
        if change.what == What::Deleted || old == new {
            return None;
        }
        let values = self
            .0
            .entry((change.object.clone(), name))
            .or_insert_with(|| vec![old]);
        if values.len() == MOST_VALUES {
            values.remove(0);
        }
        values.push(new);
        let returns = (1..values.len())
            .filter(|place| values[..*place].contains(&values[*place]))
            .count();
        (returns > MOST_RETURNS).then(|| {
            format!(
                "S2-10: {name} of {} goes {}",
                change.object.name,
                values.join(", ")
            )
        })
    }

    pub(super) fn digest(&self, digest: &mut Digest) {
        for ((object, _), values) in &self.0 {
            digest.text(&object.name);
            for value in values {
                digest.text(value);
            }
            digest.number(u64::try_from(values.len()).unwrap_or(u64::MAX));
        }
    }
}

/// What a field is called, and how it is read.
type Field = (&'static str, fn(&Value) -> String);

/// The field that decides who is served, and how it is read.
fn field(change: &Change) -> Option<Field> {
    let kind = change.object.kind;
    if kind == kinds::REPLICA_SETS {
        Some(("spec.replicas", |set| set["spec"]["replicas"].to_string()))
    } else if kind == kinds::SERVICES {
        Some(("spec.selector", |service| {
            service["spec"]["selector"].to_string()
        }))
    } else if kind == kinds::INGRESSES {
        Some(("its weight", |ingress| {
            let notes = fields::map(ingress, &["metadata", "annotations"]);
            let weight = notes
                .iter()
                .find(|(key, _)| key.ends_with("/canary-weight"));
            weight.map_or_else(String::new, |(_, weight)| weight.to_string())
        }))
    } else if kind == istio::VIRTUAL_SERVICES {
        Some(("its weights", |service| {
            each(service, &ROUTES, |route| {
                let to = fields::list(route, &["route"]);
                // Where to counts, too: one experiment may follow another.
                let shares = to.iter().map(|to| {
                    let name = |member| fields::text(to, &["destination", member]);
                    format!("{}:{} {}", name("host"), name("subset"), to["weight"])
                });
                shares.collect::<Vec<_>>().join("/")
            })
        }))
    } else if kind == istio::DESTINATION_RULES {
        Some(("its subsets", |rule| {
            each(rule, &["subsets"], |subset| subset["labels"].to_string())
        }))
    } else if kind == kinds::ROLLOUTS {
        Some(("status.phase", |rollout| {
            fields::text(rollout, &["status", "phase"]).to_owned()
        }))
    } else {
        None
    }
}

/// Where routes stand in the spec of a `VirtualService`.
const ROUTES: [&str; 3] = ["http", "tls", "tcp"];

/// A word for each entry of lists in a spec.
fn each(object: &Value, lists: &[&str], word: fn(&Value) -> String) -> String {
    let entries = lists
        .iter()
        .flat_map(|list| fields::list(object, &["spec", list]));
    entries.map(word).collect::<Vec<_>>().join(" ")
}
