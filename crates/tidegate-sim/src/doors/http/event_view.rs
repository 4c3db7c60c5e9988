//! Events between `v1`, as they are stored, and `events.k8s.io/v1`.

use serde_json::{Map, Value, json};

use crate::cluster::fields::set_default;

/// Members that are called differently: in `v1` and in `events.k8s.io/v1`.
const NAMES: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

/// A stored event as `events.k8s.io/v1` shows it.
pub(super) fn shown(event: &Value) -> Value {
    let mut view = renamed(event, |name| {
        NAMES.iter().find(|pair| pair.0 == name).map(|pair| pair.1)
    });
    view.insert("apiVersion".to_owned(), json!("events.k8s.io/v1"));
    Value::Object(view)
}

/// An event, or a patch of one, that came in as `events.k8s.io/v1`.
pub(super) fn stored(event: &Value) -> Value {
    let mut event = renamed(event, |name| {
        NAMES.iter().find(|pair| pair.1 == name).map(|pair| pair.0)
    });
    if event.contains_key("apiVersion") {
        event.insert("apiVersion".to_owned(), json!("v1"));
        set_default(&mut event, "involvedObject", json!({}));
    }
    Value::Object(event)
}

fn renamed<'a>(
    event: &'a Value,
    other: impl Fn(&'a str) -> Option<&'static str>,
) -> Map<String, Value> {
    event
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let name = other(name).unwrap_or(name);
            (name.to_owned(), value.clone())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_the_same_after_there_and_back() {
        let event = json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": "a"},
            "involvedObject": {"name": "web"}, "message": "hello", "reason": "Hi",
            "reportingComponent": "c", "count": 2,
        });
        let view = shown(&event);
        assert_eq!(view["note"], "hello");
        assert_eq!(view["regarding"]["name"], "web");
        assert_eq!(stored(&view), event);
    }
}
