//! The scale subresource: how many replicas, for whoever scales without knowing the kind.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::{
    Call, Cluster, Target, fields,
    kinds::Kind,
    refusal::{Cause, Reason, Refusal},
};

impl Cluster {
    /// The `Scale` of an object.
    ///
    /// # Errors
    /// 404 when the object or the subresource does not exist.
    pub fn scale(&self, target: &Target<'_>) -> Result<Value, Refusal> {
        let object = self.stored(target)?;
        let kind = self.kinds.get(target.kind);
        let paths = scale_paths(kind)?;
        let read = |path: &[String]| {
            let names: Vec<&str> = path.iter().map(String::as_str).collect();
            fields::at(&object, &names).cloned()
        };
        let mut status = Map::new();
        let replicas = read(&paths.status_replicas).unwrap_or_else(|| json!(0));
        status.insert("replicas".to_owned(), replicas);
        if let Some(selector) = read(&paths.selector) {
            let text = match selector.as_str() {
                Some(text) => text.to_owned(),
                None => as_text(&selector),
            };
            status.insert("selector".to_owned(), Value::String(text));
        }
        let mut metadata = Map::new();
        for member in [
            "name",
            "namespace",
            "uid",
            "resourceVersion",
            "creationTimestamp",
        ] {
            if let Some(value) = fields::at(&object, &["metadata", member]) {
                metadata.insert(member.to_owned(), value.clone());
            }
        }
        Ok(json!({
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": metadata,
            "spec": {"replicas": read(&paths.spec_replicas).unwrap_or_else(|| json!(0))},
            "status": status,
        }))
    }

    /// Takes the wanted count from a `Scale` into its object; returns the object as stored.
    pub(super) fn write_scale(
        &mut self,
        call: &Call,
        target: &Target<'_>,
        scale: &Value,
    ) -> Result<Arc<Value>, Refusal> {
        let old = self.stored(target)?;
        let kind = Arc::clone(self.kinds.get(target.kind));
        let paths = scale_paths(&kind)?;
        let replicas = fields::number(scale, &["spec", "replicas"]).unwrap_or(0);
        if replicas < 0 {
            let cause = Cause::invalid(
                "spec.replicas",
                &json!(replicas),
                "must be greater than or equal to 0",
            );
            return Err(Refusal::invalid(&kind, target.name, &[cause]));
        }
        let mut proposed = (*old).clone();
        if let Some((last, parents)) = paths.spec_replicas.split_last() {
            let mut place = &mut proposed;
            for name in parents {
                fields::map_mut(place, name);
                place = &mut place[name.as_str()];
            }
            place[last.as_str()] = json!(replicas);
        }
        let metadata = fields::map_mut(&mut proposed, "metadata");
        for member in ["uid", "resourceVersion"] {
            if let Some(value) = fields::at(scale, &["metadata", member]) {
                metadata.insert(member.to_owned(), value.clone());
            }
        }
        self.replace(call, target, (old, proposed))
    }
}

fn scale_paths(kind: &Kind) -> Result<&super::super::kinds::ScalePaths, Refusal> {
    kind.scale.as_ref().ok_or_else(|| {
        Refusal::new(
            Reason::NotFound,
            "the server could not find the requested resource",
        )
    })
}

/// `{matchLabels}` in the text form of a selector.
fn as_text(selector: &Value) -> String {
    let terms: Vec<String> = fields::map(selector, &["matchLabels"])
        .iter()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    terms.join(",")
}
