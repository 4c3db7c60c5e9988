//! Labels and annotations that pods have for as long as their version has a role (EPH-01).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidegate_gocompat::json::write_text;

use crate::{labels, rollout::PodTemplateMetadata};

/// What was injected into a ReplicaSet's template, as its annotation remembers it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Injected {
    /// Every key that may be on its pods because of us.
    pub metadata: PodTemplateMetadata,
    /// The template's own values of such keys.
    pub covered: PodTemplateMetadata,
    /// Whether its pods are known to follow.
    pub pods: Following,
}

/// Whether pods have what the template of their ReplicaSet has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Following {
    /// They were looked at since the template was written.
    #[default]
    Settled,
    /// They may have what was injected before.
    Pending,
}

/// The member of the annotation that says that pods may not follow yet. Upstream reads past it.
const PENDING: &str = "pending";
/// The member of the annotation that holds the template's own values. Upstream reads past it.
const COVERED: &str = "covered";

impl Injected {
    /// Reads the annotation of a ReplicaSet; `None` if there is none that can be read.
    pub fn read(annotations: &BTreeMap<String, String>) -> Option<Self> {
        let text = annotations.get(labels::EPHEMERAL_METADATA)?;
        let value: Value = serde_json::from_str(text).ok()?;
        if !value.is_object() {
            return None;
        }
        let metadata = PodTemplateMetadata::deserialize(&value).ok()?;
        let pods = if value[PENDING] == true {
            Following::Pending
        } else {
            Following::Settled
        };
        let covered = PodTemplateMetadata::deserialize(&value[COVERED]).unwrap_or_default();
        Some(Self {
            metadata,
            covered,
            pods,
        })
    }

    /// What is remembered once a role's metadata is all that is injected into a template.
    #[must_use]
    pub fn of_role(&self, held: &PodTemplateMetadata, desired: &PodTemplateMetadata) -> Self {
        let mut covered = self.covered.clone();
        for (covered, held, known, desired) in [
            (
                &mut covered.labels,
                &held.labels,
                &self.metadata.labels,
                &desired.labels,
            ),
            (
                &mut covered.annotations,
                &held.annotations,
                &self.metadata.annotations,
                &desired.annotations,
            ),
        ] {
            covered.retain(|key, _| desired.contains_key(key));
            for (key, value) in held {
                let differs = desired.get(key).is_some_and(|desired| desired != value);
                if differs && !known.contains_key(key) {
                    covered.insert(key.clone(), value.clone());
                }
            }
        }
        Self {
            metadata: desired.clone(),
            covered,
            pods: Following::Settled,
        }
    }

    /// The annotation's text, as Go writes it.
    pub fn text(&self) -> String {
        let mut members = members_of(&self.metadata);
        let covered = members_of(&self.covered);
        if !covered.is_empty() {
            members.push(format!("\"{COVERED}\":{{{}}}", covered.join(",")));
        }
        match self.pods {
            Following::Settled => {}
            Following::Pending => members.push(format!("\"{PENDING}\":true")),
        }
        format!("{{{}}}", members.join(","))
    }
}

fn members_of(metadata: &PodTemplateMetadata) -> Vec<String> {
    [
        ("labels", &metadata.labels),
        ("annotations", &metadata.annotations),
    ]
    .into_iter()
    .filter(|(_, map)| !map.is_empty())
    .map(|(name, map)| format!("\"{name}\":{}", map_text(map)))
    .collect()
}

fn map_text(map: &BTreeMap<String, String>) -> String {
    let mut text = String::from("{");
    for (place, (key, value)) in map.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        write_text(key, &mut text);
        text.push(':');
        write_text(value, &mut text);
    }
    text.push('}');
    text
}

/// What must change in the metadata of a template or a pod; a value of `None` takes the key away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Of its labels.
    pub labels: BTreeMap<String, Option<String>>,
    /// Of its annotations.
    pub annotations: BTreeMap<String, Option<String>>,
}

impl Changes {
    /// From what something has to what it should have. Only what was injected before is taken away.
    /// As upstream, a value that is empty is not written where there is no such key.
    pub fn between(
        held: &PodTemplateMetadata,
        injected: Option<&PodTemplateMetadata>,
        desired: Option<&PodTemplateMetadata>,
    ) -> Self {
        let nothing = PodTemplateMetadata::default();
        let injected = injected.unwrap_or(&nothing);
        let desired = desired.unwrap_or(&nothing);
        Self {
            labels: of_map(&held.labels, &injected.labels, &desired.labels),
            annotations: of_map(
                &held.annotations,
                &injected.annotations,
                &desired.annotations,
            ),
        }
    }

    /// Whether nothing must change.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty()
    }

    /// The merge patch of `metadata`.
    pub fn patch(&self) -> Value {
        let mut members = Map::new();
        for (name, changes) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            if !changes.is_empty() {
                members.insert(name.to_owned(), json!(changes));
            }
        }
        Value::Object(members)
    }

    /// What comes of it.
    pub fn applied_to(&self, held: &PodTemplateMetadata) -> PodTemplateMetadata {
        let mut result = held.clone();
        for (map, changes) in [
            (&mut result.labels, &self.labels),
            (&mut result.annotations, &self.annotations),
        ] {
            for (key, value) in changes {
                match value {
                    Some(value) => map.insert(key.clone(), value.clone()),
                    None => map.remove(key),
                };
            }
        }
        result
    }
}

fn of_map(
    held: &BTreeMap<String, String>,
    injected: &BTreeMap<String, String>,
    desired: &BTreeMap<String, String>,
) -> BTreeMap<String, Option<String>> {
    let missing = desired
        .iter()
        .filter(|(key, value)| held.get(*key).map_or("", String::as_str) != **value)
        .map(|(key, value)| (key.clone(), Some(value.clone())));
    let unwanted = injected
        .keys()
        .filter(|key| !desired.contains_key(*key) && held.contains_key(*key))
        .map(|key| (key.clone(), None));
    missing.chain(unwanted).collect()
}

/// Labels and annotations of a pod template.
pub fn metadata_of(template: &Value) -> PodTemplateMetadata {
    PodTemplateMetadata::deserialize(&template["metadata"]).unwrap_or_default()
}

/// A template without what was injected into it, and with its own values again.
pub fn without(template: &Value, injected: &Injected) -> Value {
    let mut template = template.clone();
    let Injected {
        metadata, covered, ..
    } = injected;
    for (member, keys, own) in [
        ("/metadata/labels", &metadata.labels, &covered.labels),
        (
            "/metadata/annotations",
            &metadata.annotations,
            &covered.annotations,
        ),
    ] {
        if let Some(held) = template.pointer_mut(member).and_then(Value::as_object_mut) {
            held.retain(|key, _| !keys.contains_key(key));
            held.extend(own.iter().map(|(key, value)| (key.clone(), json!(value))));
        }
    }
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(value: Value) -> PodTemplateMetadata {
        serde_json::from_value(value).unwrap()
    }

    /// Keeps RSI-03 and EPH-01.
    #[test]
    fn only_what_was_injected_is_taken_away() {
        let held = metadata(json!({"labels": {"app": "web", "role": "canary"}}));
        let injected = metadata(json!({"labels": {"role": "canary", "gone": "1"}}));
        let changes = Changes::between(&held, Some(&injected), None);
        assert_eq!(changes.patch(), json!({"labels": {"role": null}}));
        assert_eq!(
            changes.applied_to(&held),
            metadata(json!({"labels": {"app": "web"}}))
        );
    }

    #[test]
    fn the_annotation_is_read_as_it_is_written() {
        let injected = Injected {
            metadata: metadata(json!({"labels": {"role": "canary"}, "annotations": {"a": "<&>"}})),
            covered: metadata(json!({"labels": {"role": "own"}})),
            pods: Following::Pending,
        };
        let text = injected.text();
        assert_eq!(
            text,
            r#"{"labels":{"role":"canary"},"annotations":{"a":"\u003c\u0026\u003e"},"covered":{"labels":{"role":"own"}},"pending":true}"#
        );
        let note = BTreeMap::from([(labels::EPHEMERAL_METADATA.to_owned(), text)]);
        assert_eq!(Injected::read(&note), Some(injected));
    }

    #[test]
    fn the_templates_own_values_are_remembered_for_as_long_as_they_are_covered() {
        let own = metadata(json!({"labels": {"track": "live", "app": "web"}}));
        let canary = metadata(json!({"labels": {"track": "canary"}}));
        let injected = Injected::default().of_role(&own, &canary);
        assert_eq!(
            injected.text(),
            r#"{"labels":{"track":"canary"},"covered":{"labels":{"track":"live"}}}"#
        );
        let template = json!({"metadata": {"labels": {"track": "canary", "app": "web"}}});
        assert_eq!(metadata_of(&without(&template, &injected)), own);
        let stable = metadata(json!({"labels": {"track": "stable"}}));
        let injected = injected.of_role(&canary, &stable);
        assert_eq!(
            injected.covered,
            metadata(json!({"labels": {"track": "live"}}))
        );
        let injected = injected.of_role(&stable, &PodTemplateMetadata::default());
        assert_eq!(injected.covered, PodTemplateMetadata::default());
    }

    #[test]
    fn what_cannot_be_read_was_not_injected() {
        for text in ["", "null", "[]", "{\"labels\": 5}"] {
            let note = BTreeMap::from([(labels::EPHEMERAL_METADATA.to_owned(), text.to_owned())]);
            assert_eq!(Injected::read(&note), None, "{text}");
        }
    }
}
