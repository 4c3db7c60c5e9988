//! Strategic merge patch: merge patch that knows which lists of the built-in kinds have keys.

use serde_json::{Map, Value};

use crate::cluster::refusal::Refusal;

/// How a list is merged.
#[derive(Clone, Copy)]
pub(in crate::cluster) enum ListKind {
    /// Replaced as a whole.
    Atomic,
    /// Items are objects told apart by these members; the first that an item has counts.
    Keyed(&'static [&'static str]),
    /// Items are texts that are told apart by themselves.
    Set,
}

/// How the list of this name is merged, wherever it stands in a built-in kind.
pub(in crate::cluster) fn list_kind(name: &str) -> ListKind {
    match name {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "resourceClaims"
        | "schedulingGates"
        | "secrets" => ListKind::Keyed(&["name"]),
        "ports" => ListKind::Keyed(&["containerPort", "port"]),
        "volumeMounts" => ListKind::Keyed(&["mountPath"]),
        "volumeDevices" => ListKind::Keyed(&["devicePath"]),
        "hostAliases" | "podIPs" | "hostIPs" => ListKind::Keyed(&["ip"]),
        "topologySpreadConstraints" => ListKind::Keyed(&["topologyKey"]),
        "conditions" | "addresses" => ListKind::Keyed(&["type"]),
        "ownerReferences" => ListKind::Keyed(&["uid"]),
        "taints" => ListKind::Keyed(&["key"]),
        "finalizers" => ListKind::Set,
        _ => ListKind::Atomic,
    }
}

/// Merges a patch into an object.
///
/// # Errors
/// When a directive is not understood or an item lacks its key.
pub(super) fn merge(target: &mut Value, patch: &Value) -> Result<(), Refusal> {
    let Some(patch) = patch.as_object() else {
        return Err(Refusal::bad_request("a strategic merge patch is an object"));
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(members) = target.as_object_mut() else {
        return Ok(());
    };
    merge_members(members, patch)
}

fn merge_members(
    members: &mut Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<(), Refusal> {
    match patch.get("$patch").and_then(Value::as_str) {
        None | Some("merge") => {}
        Some("replace") => {
            *members = without_directives(patch);
            return Ok(());
        }
        Some("delete") => {
            members.clear();
            return Ok(());
        }
        Some(unknown) => {
            return Err(Refusal::bad_request(format!(
                "Unknown patch type found: {unknown}"
            )));
        }
    }
    if let Some(keys) = patch.get("$retainKeys").and_then(Value::as_array) {
        members.retain(|name, _| keys.iter().any(|key| key == name));
    }
    let known = |name: &str| !name.starts_with('$') || name.starts_with("$deleteFrom");
    for (name, value) in patch.iter().filter(|(name, _)| known(name)) {
        if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
            if let (Some(items), Some(gone)) = (
                members.get_mut(list).and_then(Value::as_array_mut),
                value.as_array(),
            ) {
                items.retain(|item| !gone.contains(item));
            }
        } else if value.is_null() {
            members.remove(name);
        } else if value.is_object() {
            merge(members.entry(name.clone()).or_insert(Value::Null), value)?;
        } else if let Some(items) = value.as_array() {
            merge_list(members, name, items)?;
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    for (name, order) in patch {
        if let Some(list) = name.strip_prefix("$setElementOrder/")
            && let (Some(items), Some(order)) = (
                members.get_mut(list).and_then(Value::as_array_mut),
                order.as_array(),
            )
        {
            sort(items, order, list_kind(list));
        }
    }
    Ok(())
}

fn without_directives(patch: &Map<String, Value>) -> Map<String, Value> {
    patch
        .iter()
        .filter(|(name, _)| !name.starts_with('$'))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn merge_list(
    members: &mut Map<String, Value>,
    name: &str,
    patch: &[Value],
) -> Result<(), Refusal> {
    let place = members
        .entry(name.to_owned())
        .or_insert_with(|| Value::Array(Vec::new()));
    let kind = list_kind(name);
    let (ListKind::Keyed(_) | ListKind::Set, Some(items)) = (kind, place.as_array_mut()) else {
        *place = Value::Array(patch.to_vec());
        return Ok(());
    };
    let replaced = patch
        .iter()
        .any(|item| item.get("$patch").and_then(Value::as_str) == Some("replace"));
    if replaced {
        items.clear();
    }
    for item in patch {
        match kind {
            ListKind::Set => {
                if !items.contains(item) {
                    items.push(item.clone());
                }
            }
            ListKind::Keyed(keys) => merge_item(items, item, keys)?,
            ListKind::Atomic => {}
        }
    }
    Ok(())
}

fn merge_item(
    items: &mut Vec<Value>,
    item: &Value,
    keys: &'static [&'static str],
) -> Result<(), Refusal> {
    let directive = item.get("$patch").and_then(Value::as_str);
    let Some(key) = key_of(item, keys) else {
        if directive == Some("replace") {
            return Ok(());
        }
        return Err(Refusal::bad_request(format!(
            "map: {item} does not contain declared merge key: {}",
            keys.first().copied().unwrap_or_default()
        )));
    };
    let place = items
        .iter()
        .position(|other| key_of(other, keys) == Some(key));
    match (directive, place) {
        (Some("delete"), Some(place)) => {
            items.remove(place);
            Ok(())
        }
        (Some("delete"), None) => Ok(()),
        (_, Some(place)) => merge(&mut items[place], item),
        (_, None) => {
            let mut fresh = Value::Object(Map::new());
            merge(&mut fresh, item)?;
            items.push(fresh);
            Ok(())
        }
    }
}

/// The member by which an item is told apart, with its value.
pub(in crate::cluster) fn key_of<'a>(
    item: &'a Value,
    keys: &'static [&'static str],
) -> Option<(&'static str, &'a Value)> {
    keys.iter()
        .find_map(|key| item.get(key).map(|value| (*key, value)))
}

/// Puts items into the order that the patch's author saw; what the author did not see comes last.
fn sort(items: &mut [Value], order: &[Value], kind: ListKind) {
    let place = |item: &Value| {
        let found = match kind {
            ListKind::Keyed(keys) => order
                .iter()
                .position(|wanted| key_of(wanted, keys) == key_of(item, keys)),
            ListKind::Set | ListKind::Atomic => order.iter().position(|wanted| wanted == item),
        };
        found.unwrap_or(usize::MAX)
    };
    items.sort_by_key(place);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(mut target: Value, patch: &Value) -> Value {
        merge(&mut target, patch).unwrap();
        target
    }

    #[test]
    fn containers_are_merged_by_name_and_keep_their_order() {
        let target =
            json!({"containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}]});
        let patch = json!({
            "$setElementOrder/containers": [{"name": "a"}, {"name": "b"}],
            "containers": [{"name": "b", "image": "b:2", "env": [{"name": "X", "value": "1"}]}],
        });
        assert_eq!(
            merged(target, &patch),
            json!({"containers": [
                {"name": "a", "image": "a:1"},
                {"name": "b", "image": "b:2", "env": [{"name": "X", "value": "1"}]},
            ]})
        );
    }

    #[test]
    fn directives_delete_and_replace() {
        let target = json!({"ports": [{"port": 80}, {"port": 443}], "selector": {"a": "1"}, "finalizers": ["x", "y"]});
        let patch = json!({
            "ports": [{"port": 80, "$patch": "delete"}],
            "selector": {"$patch": "replace", "b": "2"},
            "$deleteFromPrimitiveList/finalizers": ["x"],
        });
        assert_eq!(
            merged(target, &patch),
            json!({"ports": [{"port": 443}], "selector": {"b": "2"}, "finalizers": ["y"]})
        );
    }

    #[test]
    fn an_item_without_its_key_is_refused() {
        assert!(merge(&mut json!({"env": []}), &json!({"env": [{"value": "1"}]})).is_err());
    }
}
