//! A tool that keeps objects as its repository has them: it takes back what others write.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use tidegate_api::meta::Time;

use crate::{
    cluster::{Call, Cluster, Locator, Patch, Target, fields},
    digest::Digest,
};

/// As whom it writes.
pub(crate) const ACTOR: &str = "keeper";

/// What it keeps.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The object.
    pub object: Locator,
    /// How the repository has it, as a merge patch.
    pub patch: Value,
    /// As whom `managedFields` know the tool.
    pub manager: String,
    /// How soon it sees a change.
    pub delay: SignedDuration,
    /// How often it will still take something back.
    pub times: u32,
}

/// The tool.
#[derive(Clone, Debug, Default)]
pub(super) struct Keeper {
    kept: Vec<(Kept, Option<Timestamp>)>,
}

impl Keeper {
    pub(super) fn keep(&mut self, kept: Kept) {
        self.kept.push((kept, None));
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.kept.iter().filter_map(|(_, due)| *due).min()
    }

    pub(super) fn digest(&self, digest: &mut Digest) {
        for (kept, due) in &self.kept {
            digest.text(&kept.object.name);
            digest.number(u64::from(kept.times));
            digest.some_instant(*due);
        }
    }

    pub(super) fn step(&mut self, cluster: &mut Cluster, now: Timestamp) {
        for (kept, due) in &mut self.kept {
            let Locator {
                kind,
                namespace,
                name,
            } = &kept.object;
            let object = cluster.get(*kind, namespace, name);
            let Some(object) = object.filter(|one| kept.times > 0 && differs(one, &kept.patch))
            else {
                *due = None;
                continue;
            };
            if now < *due.get_or_insert(now + kept.delay) {
                continue;
            }
            let api_version = fields::text(object, &["apiVersion"]).to_owned();
            let mut patch = kept.patch.clone();
            let mut entries = fields::list(object, &["metadata", "managedFields"]).to_vec();
            entries.retain(|entry| entry["manager"] != kept.manager.as_str());
            entries.push(json!({
                "manager": kept.manager,
                "operation": "Update",
                "apiVersion": api_version,
                "time": Time::new(now).to_string(),
                "fieldsType": "FieldsV1",
                "fieldsV1": owned(&kept.patch),
            }));
            patch["metadata"]["managedFields"] = Value::Array(entries);
            let target = Target::new(*kind, namespace, name);
            let call = Call::new(now, ACTOR);
            let done = cluster.patch(&call, &target, &Patch::Merge(patch));
            assert!(
                done.is_ok(),
                "the repository has what the API takes: {done:?}"
            );
            *due = None;
            kept.times -= 1;
        }
    }
}

/// Whether a merge patch would change something.
fn differs(object: &Value, patch: &Value) -> bool {
    let Some(members) = patch.as_object() else {
        return object != patch;
    };
    members
        .iter()
        .any(|(name, patch)| differs(object.get(name).unwrap_or(&Value::Null), patch))
}

/// The fields of a patch in the form of `fieldsV1`.
fn owned(patch: &Value) -> Value {
    let members = patch.as_object().into_iter().flatten();
    let fields = members.map(|(name, value)| (format!("f:{name}"), owned(value)));
    Value::Object(fields.collect::<Map<String, Value>>())
}
