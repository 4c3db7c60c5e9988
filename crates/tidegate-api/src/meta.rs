//! Metadata, selectors, owners and times: what every object has.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant in whole seconds, written as RFC 3339 in UTC; fractions are cut off, as Go does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(Timestamp);

/// Seconds from 0001-01-01T00:00:00Z, which Go takes for "no time", to 1970.
const GO_ZERO_SECONDS: i64 = -62_135_596_800;

impl Time {
    /// The instant, cut to whole seconds towards the past.
    pub fn new(instant: Timestamp) -> Self {
        let nanos = instant.subsec_nanosecond();
        let seconds = instant.as_second() - i64::from(nanos < 0);
        Self(Timestamp::from_second(seconds).unwrap_or(Timestamp::MIN))
    }

    /// The instant.
    pub fn timestamp(self) -> Timestamp {
        self.0
    }

    /// Whether this is the zero of Go's time type.
    pub(crate) fn is_go_zero(self) -> bool {
        self.0.as_second() == GO_ZERO_SECONDS
    }
}

impl From<Timestamp> for Time {
    fn from(instant: Timestamp) -> Self {
        Self::new(instant)
    }
}

impl From<Time> for Timestamp {
    fn from(time: Time) -> Self {
        time.0
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for Time {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::new)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|error| de::Error::custom(format!("{text:?} is no RFC 3339 time: {error}")))
    }
}

/// The members of `metadata` that a controller looks at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectMeta {
    /// Unique within its kind and namespace.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub name: String,
    /// Prefix from which the API server makes a name.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub generate_name: String,
    /// Empty for kinds of the whole cluster.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub namespace: String,
    /// Unique over all objects that ever were.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub uid: String,
    /// Opaque; changes with every write.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub resource_version: String,
    /// Counts changes of the spec.
    #[serde(
        deserialize_with = "crate::lenient::null_as_default",
        skip_serializing_if = "crate::lenient::is_zero"
    )]
    pub generation: i64,
    /// When it was created.
    #[serde(
        deserialize_with = "crate::lenient::time",
        skip_serializing_if = "Option::is_none"
    )]
    pub creation_timestamp: Option<Time>,
    /// When its deletion began.
    #[serde(
        deserialize_with = "crate::lenient::time",
        skip_serializing_if = "Option::is_none"
    )]
    pub deletion_timestamp: Option<Time>,
    /// What selectors look at.
    #[serde(
        deserialize_with = "crate::lenient::map",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub labels: BTreeMap<String, String>,
    /// Everything else that is said of it.
    #[serde(
        deserialize_with = "crate::lenient::map",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub annotations: BTreeMap<String, String>,
    /// Who keeps it alive.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub owner_references: Vec<OwnerReference>,
    /// Who must agree before it goes.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub finalizers: Vec<String>,
}

impl ObjectMeta {
    /// The owner that manages this object, if there is one.
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references
            .iter()
            .find(|owner| owner.controller == Some(true))
    }

    /// A label's value; `""` if it is not there, as in a Go map.
    pub fn label(&self, key: &str) -> &str {
        self.labels.get(key).map_or("", String::as_str)
    }

    /// An annotation's value; `None` if it is not there.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).map(String::as_str)
    }
}

/// An owner of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OwnerReference {
    /// Group and version, such as `argoproj.io/v1alpha1`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub api_version: String,
    /// Kind.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub kind: String,
    /// Name, in the same namespace or of the whole cluster.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub name: String,
    /// Uid.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub uid: String,
    /// Whether it manages the object; at most one owner does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<bool>,
    /// Whether the owner cannot go before the object in a foreground deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_owner_deletion: Option<bool>,
}

/// Which labels an object must have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Each of these labels with this value.
    #[serde(
        deserialize_with = "crate::lenient::map",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub match_labels: BTreeMap<String, String>,
    /// And each of these demands.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// One demand of a [`LabelSelector`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelectorRequirement {
    /// The label.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    #[serde(deserialize_with = "crate::lenient::null_as_default")]
    pub operator: String,
    /// The values of `In` and `NotIn`.
    #[serde(
        deserialize_with = "crate::lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub values: Vec<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What a creation time becomes when it is read and written again.
    fn check(text: &str, expected: &Value) {
        let metadata = ObjectMeta::deserialize(json!({"creationTimestamp": text})).unwrap();
        let written = serde_json::to_value(metadata).unwrap();
        let found = written.get("creationTimestamp").unwrap_or(&Value::Null);
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_time_is_written_in_whole_seconds_of_utc() {
        check("2024-06-01T12:00:00Z", &json!("2024-06-01T12:00:00Z"));
        check("2024-06-01T12:00:00.987Z", &json!("2024-06-01T12:00:00Z"));
        check("2024-06-01T14:30:00+02:30", &json!("2024-06-01T12:00:00Z"));
        check("1969-12-31T23:59:59.5Z", &json!("1969-12-31T23:59:59Z"));
    }

    #[test]
    fn the_zero_time_of_go_is_no_time() {
        check("0001-01-01T00:00:00Z", &Value::Null);
    }

    #[test]
    fn only_an_owner_that_says_so_is_the_controller() {
        let owner = |name: &str, controller| OwnerReference {
            name: name.to_owned(),
            controller,
            ..OwnerReference::default()
        };
        let metadata = ObjectMeta {
            owner_references: vec![
                owner("a", None),
                owner("b", Some(false)),
                owner("c", Some(true)),
            ],
            ..ObjectMeta::default()
        };
        assert_eq!(metadata.controller().unwrap().name, "c");
    }
}
