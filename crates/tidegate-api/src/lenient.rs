//! Decoding as Go decodes: `null` equals absent, and the zero time is no time.

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
