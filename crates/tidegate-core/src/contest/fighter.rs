//! Who it is that takes a write back, as far as `managedFields` tell.

use jiff::Timestamp;
use serde_json::Value;

/// As whom the controller writes: the API server takes it from the requests' user agent. Not the name of
/// Argo Rollouts' own controller, which may be the fighter, if somebody forgot to stop it.
pub const OURS: &str = "tidegate";

/// The manager who wrote a field of this patch last, of all but ourselves: by the fields that it owns, or
/// else by having written since we did. Who only writes the status fights for no field.
pub(super) fn fighter(live: &Value, patch: &Value, since: Timestamp) -> Option<String> {
    let entries = live.pointer("/metadata/managedFields")?.as_array()?;
    let others = entries.iter().filter(|entry| {
        let name = manager(entry);
        !name.is_empty() && name != OURS && entry["subresource"].as_str() != Some("status")
    });
    let mut others: Vec<&Value> = others.collect();
    others.sort_by_key(|entry| time(entry));
    let owner = others
        .iter()
        .rev()
        .find(|entry| owns(&entry["fieldsV1"], patch));
    // Entries know no parts of a second.
    let since = since.as_second();
    let recent = others.last().filter(|entry| {
        let at = time(entry);
        at.is_some_and(|at| at.as_second() >= since)
    });
    owner.or(recent).map(|entry| manager(entry).to_owned())
}

fn manager(entry: &Value) -> &str {
    entry["manager"].as_str().unwrap_or_default()
}

fn time(entry: &Value) -> Option<Timestamp> {
    entry["time"].as_str()?.parse().ok()
}

/// Whether these fields hold one that a patch writes.
fn owns(fields: &Value, patch: &Value) -> bool {
    let Some(members) = patch.as_object() else {
        return true;
    };
    members.iter().any(|(name, value)| {
        let field = fields.get(format!("f:{name}"));
        field.is_some_and(|field| {
            let is_whole = field.as_object().is_none_or(serde_json::Map::is_empty);
            is_whole || owns(field, value)
        })
    })
}

/// The fields of a patch, for people: those that the object has otherwise, if it is known.
pub(super) fn words(patch: &Value, live: Option<&Value>) -> String {
    let mut paths = Vec::new();
    gather((patch, live), "", &mut paths);
    if paths.is_empty() && live.is_some() {
        return words(patch, None);
    }
    paths.join(", ")
}

fn gather((patch, live): (&Value, Option<&Value>), place: &str, paths: &mut Vec<String>) {
    let Some(members) = patch.as_object() else {
        if live != Some(patch) {
            paths.push(place.to_owned());
        }
        return;
    };
    for (name, value) in members {
        let place = match (place.is_empty(), name.contains(['.', '/'])) {
            (true, _) => name.clone(),
            (false, false) => format!("{place}.{name}"),
            (false, true) => format!("{place}[{name}]"),
        };
        let live = live.map(|live| live.get(name).unwrap_or(&Value::Null));
        gather((value, live), &place, paths);
    }
}
