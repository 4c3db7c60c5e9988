//! Decoding as Go decodes: `null` equals absent, and the zero time is no time.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::meta::Time;

/// `null` becomes the type's default.
///
/// # Errors
/// When the value is neither `null` nor a `T`.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// `null` becomes an empty list, and a `null` item the type's default.
///
/// # Errors
/// When the value is neither `null` nor a list of `T`.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    let items = Option::<Vec<Option<T>>>::deserialize(deserializer)?;
    let items = items.unwrap_or_default().into_iter();
    Ok(items.map(Option::unwrap_or_default).collect())
}

/// `null` becomes an empty map, and a `null` member the type's default.
///
/// # Errors
/// When the value is neither `null` nor a map to `T`.
pub(crate) fn map<'de, D, T>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    let members = Option::<BTreeMap<String, Option<T>>>::deserialize(deserializer)?;
    let members = members.unwrap_or_default().into_iter();
    Ok(members
        .map(|(key, member)| (key, member.unwrap_or_default()))
        .collect())
}

/// `null` and `0001-01-01T00:00:00Z` become `None`.
///
/// # Errors
/// When the value is neither `null` nor an RFC 3339 time.
pub(crate) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Time>, D::Error> {
    let time = Option::<Time>::deserialize(deserializer)?;
    Ok(time.filter(|time| !time.is_go_zero()))
}

/// Whether a value is its type's default: what Go calls empty.
pub(crate) fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_json::json;

    use crate::{int_or_string::IntOrString, rollout::CanaryStrategy};

    #[test]
    fn null_is_as_good_as_absent_at_every_depth() {
        let strategy = CanaryStrategy::deserialize(json!({
            "canaryService": null,
            "dynamicStableScale": null,
            "maxSurge": null,
            "steps": [null, {"pause": {"duration": null}}],
            "canaryMetadata": {"labels": {"a": null}},
        }))
        .unwrap();
        assert_eq!(strategy.canary_service, "");
        assert_eq!(strategy.max_surge, None);
        assert_eq!(strategy.steps.len(), 2);
        assert_eq!(strategy.steps[0].pause, None);
        assert_eq!(strategy.steps[1].pause.as_ref().unwrap().duration, None);
        assert_eq!(strategy.canary_metadata.unwrap().labels["a"], "");
    }

    #[test]
    fn zero_is_not_absent_where_it_means_something() {
        let text = r#"{"maxSurge":0,"maxUnavailable":"25%","abortScaleDownDelaySeconds":0}"#;
        let strategy: CanaryStrategy = serde_json::from_str(text).unwrap();
        assert_eq!(strategy.max_surge, Some(IntOrString::Int(0)));
        assert_eq!(strategy.abort_scale_down_delay_seconds, Some(0));
        assert_eq!(
            serde_json::to_value(&strategy).unwrap(),
            serde_json::from_str::<serde_json::Value>(text).unwrap()
        );
    }
}
