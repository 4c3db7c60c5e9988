//! Zones: UTC, fixed offsets, and the named ones of the tz database.

use std::fmt;
use std::sync::Arc;

/// What maps instants to what clocks show.
#[derive(Clone, Debug)]
pub enum Zone {
    /// UTC, also Go's `Local`: controllers run in UTC.
    Utc,
    /// A fixed offset, with the name it was given (may be empty).
    Fixed(Arc<FixedZone>),
    /// A zone of the tz database.
    Named(Arc<NamedZone>),
}

/// A name and an offset in seconds east of UTC.
#[derive(Debug)]
pub struct FixedZone {
    name: String,
    offset_seconds: i64,
}

/// A zone's name and rules.
#[derive(Debug)]
pub struct NamedZone {
    name: String,
    rules: jiff::tz::TimeZone,
}

/// There is no zone of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownZoneError {
    name: String,
}

impl fmt::Display for UnknownZoneError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "unknown time zone {}", self.name)
    }
}

impl std::error::Error for UnknownZoneError {}

impl Zone {
    /// A zone with a fixed offset.
    pub fn fixed(name: &str, offset_seconds: i64) -> Self {
        Self::Fixed(Arc::new(FixedZone {
            name: name.to_owned(),
            offset_seconds,
        }))
    }

    /// A zone by its name in the tz database; an empty name and `UTC` are UTC.
    ///
    /// # Errors
    /// If the database does not know the name.
    pub fn named(name: &str) -> Result<Self, UnknownZoneError> {
        if matches!(name, "" | "UTC" | "Local") {
            return Ok(Self::Utc);
        }
        let rules = jiff::tz::TimeZoneDatabase::bundled()
            .get(name)
            .ok()
            // The library ignores case; Go's file names do not.
            .filter(|rules| rules.iana_name() == Some(name))
            .ok_or_else(|| UnknownZoneError {
                name: name.to_owned(),
            })?;
        Ok(Self::Named(Arc::new(NamedZone {
            name: name.to_owned(),
            rules,
        })))
    }

    /// The zone's name as Go's `Location.String` tells it.
    pub fn name(&self) -> &str {
        match self {
            Self::Utc => "UTC",
            Self::Fixed(zone) => &zone.name,
            Self::Named(zone) => &zone.name,
        }
    }

    /// Seconds east of UTC at an instant.
    pub(super) fn offset_seconds(&self, unix_seconds: i64) -> i64 {
        match self {
            Self::Utc => 0,
            Self::Fixed(zone) => zone.offset_seconds,
            Self::Named(zone) => i64::from(zone.rules.to_offset(clamped(unix_seconds)).seconds()),
        }
    }

    /// The abbreviation in use at an instant; `+0200` if there is none.
    pub(super) fn abbreviation(&self, unix_seconds: i64) -> String {
        let name = match self {
            Self::Utc => "UTC".to_owned(),
            Self::Fixed(zone) => zone.name.clone(),
            Self::Named(zone) => zone
                .rules
                .to_offset_info(clamped(unix_seconds))
                .abbreviation()
                .to_owned(),
        };
        if name.is_empty() {
            return print_offset(self.offset_seconds(unix_seconds));
        }
        name
    }

    /// The offset in use at an instant, if the zone knows it by that abbreviation then.
    pub(super) fn offset_of(&self, abbreviation: &str, unix_seconds: i64) -> Option<i64> {
        (self.abbreviation(unix_seconds) == abbreviation).then(|| self.offset_seconds(unix_seconds))
    }
}

/// Zone rules exist for the years -9999 to 9999: beyond, the last one holds.
fn clamped(unix_seconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(unix_seconds).unwrap_or(if unix_seconds < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    })
}

/// `+0200`, or `+02` without minutes where Go's abbreviation rule asks for it.
fn print_offset(offset_seconds: i64) -> String {
    let sign = if offset_seconds < 0 { '-' } else { '+' };
    let minutes = offset_seconds.abs() / 60;
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}
