//! An object as it was read beside its typed view, so that what we do not know survives a change
//! of what we do know: fields of newer versions, of other vendors' forks, of newer Kubernetes.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// Raw JSON and what we understand of it. They change together.
#[derive(Clone, Debug, PartialEq)]
pub struct Document<T> {
    raw: Value,
    typed: T,
}

impl<T: Serialize + DeserializeOwned> Document<T> {
    /// Reads an object.
    ///
    /// # Errors
    /// When a member that we know does not have the type it should.
    pub fn read(raw: Value) -> Result<Self, serde_json::Error> {
        let typed = T::deserialize(&raw)?;
        Ok(Self { raw, typed })
    }

    /// What we understand of it.
    pub fn typed(&self) -> &T {
        &self.typed
    }

    /// All of it.
    pub fn raw(&self) -> &Value {
        &self.raw
    }

    /// All of it, by itself.
    pub fn into_raw(self) -> Value {
        self.raw
    }

    /// Changes the typed view and carries the differences over to the raw object. Gives the JSON
    /// merge patch (RFC 7386) that does the same to the stored object; an empty object when
    /// nothing changed.
    ///
    /// Items of a list keep their unknown members as long as the list keeps its length or only
    /// grows or shrinks at one place.
    pub fn edit(&mut self, change: impl FnOnce(&mut T)) -> Value {
        let before = json(&self.typed);
        change(&mut self.typed);
        let after = json(&self.typed);
        let stored = self.raw.clone();
        carry_over(&before, &after, &mut self.raw);
        merge_patch(&stored, &self.raw).unwrap_or_else(|| Value::Object(Map::new()))
    }
}

fn json<T: Serialize>(typed: &T) -> Value {
    serde_json::to_value(typed).expect("wire types have text keys only")
}

/// Does to `raw` what happened between `before` and `after`, and nothing else.
fn carry_over(before: &Value, after: &Value, raw: &mut Value) {
    if before == after {
        return;
    }
    match (before, after, raw) {
        (Value::Object(before), Value::Object(after), Value::Object(raw)) => {
            raw.retain(|key, _| after.contains_key(key) || !before.contains_key(key));
            for (key, now) in after {
                match (before.get(key), raw.get_mut(key)) {
                    (Some(then), Some(raw)) => carry_over(then, now, raw),
                    // Not in the raw object, and not touched: a default of ours.
                    (Some(then), None) if then == now => {}
                    (Some(_) | None, _) => {
                        raw.insert(key.clone(), now.clone());
                    }
                }
            }
        }
        (Value::Array(before), Value::Array(after), Value::Array(raw))
            if before.len() == raw.len() =>
        {
            carry_over_items(before, after, raw);
        }
        (_, after, raw) => *raw = after.clone(),
    }
}

/// The items at both ends that did not change stay as they are. Of those between, each takes the
/// place of the one before it if there are as many, else they are taken as they are.
fn carry_over_items(before: &[Value], after: &[Value], raw: &mut Vec<Value>) {
    let same_head = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let same_tail = before[same_head..]
        .iter()
        .rev()
        .zip(after[same_head..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let then = &before[same_head..before.len() - same_tail];
    let now = &after[same_head..after.len() - same_tail];
    let middle = same_head..before.len() - same_tail;
    if then.len() == now.len() {
        for ((then, now), raw) in then.iter().zip(now).zip(&mut raw[middle]) {
            carry_over(then, now, raw);
        }
    } else {
        raw.splice(middle, now.iter().cloned());
    }
}

/// The JSON merge patch (RFC 7386) that makes `to` of `from`; `None` if they are equal. Lists are
/// replaced whole, and a member that is gone is `null`.
pub fn merge_patch(from: &Value, to: &Value) -> Option<Value> {
    let (Value::Object(from), Value::Object(to)) = (from, to) else {
        return (from != to).then(|| to.clone());
    };
    let mut patch = Map::new();
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, now) in to {
        let member = match from.get(key) {
            Some(then) => merge_patch(then, now),
            None => Some(now.clone()),
        };
        patch.extend(member.map(|member| (key.clone(), member)));
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// Applies a JSON merge patch (RFC 7386).
pub fn apply_merge_patch(patch: &Value, target: &mut Value) {
    let Value::Object(members) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else {
        return;
    };
    for (key, member) in members {
        if member.is_null() {
            target.remove(key);
        } else {
            apply_merge_patch(member, target.entry(key.clone()).or_insert(Value::Null));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        pod_template::PodTemplate,
        rollout::{CanaryStrategy, Rollout},
    };

    fn stored() -> Value {
        json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Rollout",
            "metadata": {"name": "door", "managedFields": [{"manager": "kubectl"}]},
            "spec": {
                "replicas": 2,
                "ofTomorrow": {"x": 1},
                "template": {"spec": {
                    "containers": [{"name": "app", "image": "a:1", "ofKubernetesTomorrow": true}],
                    "ofNode": 12_345_678_901_234_567_u64,
                }},
                "strategy": {"canary": {"stableService": null, "steps": [
                    {"setWeight": 5, "note": "first"},
                    {"pause": {}, "note": "second"},
                    {"setWeight": 50, "note": "third"},
                ]}},
            },
            "status": {"ofUpstream": [1, 2]},
        })
    }

    /// Edits the stored object; the patch must do to it what the edit did.
    fn check(change: impl FnOnce(&mut Rollout), patch: &Value) -> Value {
        let mut stored = stored();
        let mut document = Document::<Rollout>::read(stored.clone()).unwrap();
        let made = document.edit(change);
        assert_eq!(made, *patch);
        apply_merge_patch(&made, &mut stored);
        assert_eq!(stored, *document.raw());
        stored
    }

    #[test]
    fn an_edit_that_changes_nothing_gives_an_empty_patch() {
        check(|_| {}, &json!({}));
    }

    #[test]
    fn an_edit_of_the_status_touches_nothing_else() {
        let after = check(
            |rollout| rollout.status.abort = true,
            &json!({"status": {"abort": true}}),
        );
        assert_eq!(after["status"]["ofUpstream"], json!([1, 2]));
    }

    #[test]
    fn unknown_members_of_list_items_survive_a_change_beside_them() {
        let after = check(
            |rollout| {
                let canary = rollout.spec.strategy.canary.as_mut().unwrap();
                canary.steps[0].set_weight = Some(10);
                canary.steps[2].set_weight = Some(60);
            },
            &json!({"spec": {"strategy": {"canary": {"steps": [
                {"setWeight": 10, "note": "first"},
                {"pause": {}, "note": "second"},
                {"setWeight": 60, "note": "third"},
            ]}}}}),
        );
        assert_eq!(after["spec"]["ofTomorrow"], json!({"x": 1}));
    }

    #[test]
    fn unknown_members_of_list_items_survive_a_removal() {
        check(
            |rollout| {
                let canary = rollout.spec.strategy.canary.as_mut().unwrap();
                canary.steps.remove(1);
            },
            &json!({"spec": {"strategy": {"canary": {"steps": [
                {"setWeight": 5, "note": "first"},
                {"setWeight": 50, "note": "third"},
            ]}}}}),
        );
    }

    #[test]
    fn unknown_fields_of_a_pod_template_survive_a_new_image() {
        let after = check(
            |rollout| {
                let mut template = rollout.spec.template.value().clone();
                template["spec"]["containers"][0]["image"] = json!("a:2");
                rollout.spec.template = PodTemplate::new(template);
            },
            &json!({"spec": {"template": {"spec": {"containers": [
                {"name": "app", "image": "a:2", "ofKubernetesTomorrow": true},
            ]}}}}),
        );
        let spec = &after["spec"]["template"]["spec"];
        assert_eq!(spec["ofNode"], json!(12_345_678_901_234_567_u64));
    }

    #[test]
    fn a_member_that_is_taken_away_is_null_in_the_patch() {
        let after = check(
            |rollout| rollout.spec.replicas = None,
            &json!({"spec": {"replicas": null}}),
        );
        assert_eq!(after["spec"].get("replicas"), None);
    }

    #[test]
    fn a_null_member_is_as_good_as_an_absent_one() {
        let canary = json!({"spec": {"strategy": {"canary": {"stableService": null, "steps": null}},
            "minReadySeconds": null, "template": null}, "status": null, "metadata": null});
        let document = Document::<Rollout>::read(canary).unwrap();
        let mut expected = Rollout::default();
        expected.spec.strategy.canary = Some(CanaryStrategy::default());
        assert_eq!(*document.typed(), expected);
    }

    #[test]
    fn a_member_of_the_wrong_type_is_an_error() {
        let error = Document::<Rollout>::read(json!({"spec": {"replicas": "two"}})).unwrap_err();
        assert!(error.to_string().contains("\"two\""), "{error}");
    }

    #[test]
    fn a_merge_patch_follows_the_rfc() {
        let mut target = json!({"a": [1], "b": {"c": 1, "d": 2}, "e": "text"});
        apply_merge_patch(
            &json!({"a": [2], "b": {"c": null}, "e": {"f": null, "g": 1}}),
            &mut target,
        );
        assert_eq!(target, json!({"a": [2], "b": {"d": 2}, "e": {"g": 1}}));
    }
}
