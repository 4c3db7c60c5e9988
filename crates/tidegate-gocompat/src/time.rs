//! Go's `time.Time`: an instant and the zone it is told in.
//!
//! Instants reach from the year 1 (Go's zero time) and before to far beyond 9999, so the calendar is our own; only the rules
//! of named zones come from a library, with the data inside the binary: the answer must not depend on the machine.

mod civil;
mod layout;
mod print;
mod read;
mod zone;

use std::cmp::Ordering;

pub use civil::{Civil, month_name, weekday_name};
pub use read::ParseTimeError;
pub use zone::{UnknownZoneError, Zone};

use crate::duration::Duration;
use civil::SECONDS_PER_DAY;

/// Go's layout of RFC 3339.
pub const RFC_3339: &str = "2006-01-02T15:04:05Z07:00";
/// Go's layout of RFC 3339 with as many digits of the second as there are.
pub const RFC_3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";

const NANOSECONDS: i64 = 1_000_000_000;

/// Seconds from Go's zero time, the first instant of the year 1, to 1970.
const ZERO_TO_UNIX: i64 = 62_135_596_800;

/// An instant with nanoseconds, and a zone. Two times are equal by [`Time::is_same_instant`]; there is no `PartialEq`,
/// because Go has two notions of it.
#[derive(Clone, Debug)]
pub struct Time {
    /// Seconds since 1970-01-01T00:00:00Z.
    unix_seconds: i64,
    /// 0 ..= 999,999,999.
    nanoseconds: i64,
    zone: Zone,
}

impl Time {
    /// The instant `seconds` and `nanoseconds` after 1970, in UTC. Nanoseconds may be any number.
    pub fn from_unix(seconds: i64, nanoseconds: i64) -> Self {
        let carry = nanoseconds.div_euclid(NANOSECONDS);
        Self {
            unix_seconds: seconds.wrapping_add(carry),
            nanoseconds: nanoseconds.rem_euclid(NANOSECONDS),
            zone: Zone::Utc,
        }
    }

    /// The same instant as `timestamp`, in UTC.
    pub fn from_timestamp(timestamp: jiff::Timestamp) -> Self {
        Self::from_unix(
            timestamp.as_second(),
            i64::from(timestamp.subsec_nanosecond()),
        )
    }

    /// The instant for the rest of the house; `None` outside the years -9999 to 9999.
    pub fn to_timestamp(&self) -> Option<jiff::Timestamp> {
        let nanoseconds = i32::try_from(self.nanoseconds).ok()?;
        jiff::Timestamp::new(self.unix_seconds, nanoseconds).ok()
    }

    /// The instant at which clocks in `zone` show `civil`. Values out of range carry over (month 14 is February of the next year).
    pub fn from_civil(civil: &Civil, zone: &Zone) -> Self {
        let shown = civil.seconds_shown();
        // Go's rule: guess with the offset of the shown time taken as UTC, and correct once.
        let guess = zone.offset_seconds(shown);
        let offset = zone.offset_seconds(shown.wrapping_sub(guess));
        let mut time = Self::from_unix(shown.wrapping_sub(offset), civil.nanosecond);
        time.zone = zone.clone();
        time
    }

    /// Reads `text` by Go's `layout` (`2006-01-02` and the like). A text without a zone is in `zone`.
    ///
    /// # Errors
    /// If the text does not have the layout's form, or a part is out of range.
    pub fn parse(layout: &str, text: &str, zone: &Zone) -> Result<Self, ParseTimeError> {
        read::read(layout, text, zone)
    }

    /// Prints by Go's `layout`.
    pub fn format(&self, layout: &str) -> String {
        print::print(self, layout)
    }

    /// What clocks in the time's zone show.
    pub fn civil(&self) -> Civil {
        let shown = self
            .unix_seconds
            .wrapping_add(self.zone.offset_seconds(self.unix_seconds));
        Civil::of_seconds_shown(shown, self.nanoseconds)
    }

    /// The zone.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The zone's abbreviation (`CEST`) and its offset in seconds east of UTC at this instant.
    pub fn zone_now(&self) -> (String, i64) {
        (
            self.zone.abbreviation(self.unix_seconds),
            self.zone.offset_seconds(self.unix_seconds),
        )
    }

    /// The same instant told in another zone.
    #[must_use]
    pub fn in_zone(&self, zone: &Zone) -> Self {
        Self {
            zone: zone.clone(),
            ..self.clone()
        }
    }

    /// Whole seconds since 1970.
    pub fn unix_seconds(&self) -> i64 {
        self.unix_seconds
    }

    /// Nanoseconds within the second, 0 ..= 999,999,999.
    pub fn nanosecond(&self) -> i64 {
        self.nanoseconds
    }

    /// Nanoseconds since 1970; wraps beyond the years 1678 to 2262, as Go's do.
    pub fn unix_nanoseconds(&self) -> i64 {
        self.unix_seconds
            .wrapping_mul(NANOSECONDS)
            .wrapping_add(self.nanosecond())
    }

    /// Whether this is Go's zero time, the first instant of the year 1 in UTC.
    pub fn is_zero(&self) -> bool {
        self.unix_seconds == -ZERO_TO_UNIX && self.nanoseconds == 0
    }

    /// Whether both are the same instant, in whatever zones.
    pub fn is_same_instant(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Equal
    }

    /// Which instant is earlier, zones aside.
    pub fn compare(&self, other: &Self) -> Ordering {
        (self.unix_seconds, self.nanoseconds).cmp(&(other.unix_seconds, other.nanoseconds))
    }

    /// The instant `duration` later.
    #[must_use]
    pub fn plus(&self, duration: Duration) -> Self {
        let nanoseconds = duration.nanoseconds();
        let seconds = self.unix_seconds.wrapping_add(nanoseconds / NANOSECONDS);
        let mut sum = Self::from_unix(seconds, self.nanosecond() + nanoseconds % NANOSECONDS);
        sum.zone = self.zone.clone();
        sum
    }

    /// The instant `duration` earlier.
    #[must_use]
    pub fn minus(&self, duration: Duration) -> Self {
        self.plus(Duration::from_nanoseconds(
            duration.nanoseconds().wrapping_neg(),
        ))
    }

    /// The time from `earlier` to this; the longest or shortest duration if it does not fit.
    pub fn since(&self, earlier: &Self) -> Duration {
        let seconds = i128::from(self.unix_seconds) - i128::from(earlier.unix_seconds);
        let nanoseconds = seconds * i128::from(NANOSECONDS) + i128::from(self.nanoseconds)
            - i128::from(earlier.nanoseconds);
        let limit = if nanoseconds < 0 { i64::MIN } else { i64::MAX };
        Duration::from_nanoseconds(i64::try_from(nanoseconds).unwrap_or(limit))
    }

    /// The date moved by years, months and days, which carry over (31 January and a month is 3 March).
    #[must_use]
    pub fn plus_date(&self, years: i64, months: i64, days: i64) -> Self {
        let mut civil = self.civil();
        civil.year = civil.year.saturating_add(years);
        civil.month = civil.month.saturating_add(months);
        civil.day = civil.day.saturating_add(days);
        Self::from_civil(&civil, &self.zone)
    }

    /// Cut down to a multiple of `unit` since the year 1; unchanged if `unit` is not positive.
    #[must_use]
    pub fn truncated(&self, unit: Duration) -> Self {
        self.minus(self.remainder(unit))
    }

    /// Rounded to the nearest multiple of `unit` since the year 1, halves up; unchanged if `unit` is not positive.
    #[must_use]
    pub fn rounded(&self, unit: Duration) -> Self {
        let rest = self.remainder(unit);
        let missing = unit.nanoseconds().wrapping_sub(rest.nanoseconds());
        if rest.nanoseconds() < missing || unit.nanoseconds() <= 0 {
            return self.minus(rest);
        }
        self.plus(Duration::from_nanoseconds(missing))
    }

    fn remainder(&self, unit: Duration) -> Duration {
        let unit = i128::from(unit.nanoseconds());
        if unit <= 0 {
            return Duration::ZERO;
        }
        let since_zero = (i128::from(self.unix_seconds) + i128::from(ZERO_TO_UNIX))
            * i128::from(NANOSECONDS)
            + i128::from(self.nanoseconds);
        let rest = since_zero.rem_euclid(unit);
        Duration::from_nanoseconds(i64::try_from(rest).expect("below a 64-bit unit"))
    }

    /// The ISO 8601 year and week.
    pub fn iso_week(&self) -> (i64, i64) {
        let civil = self.civil();
        // The week belongs to the year of its Thursday.
        let shift = 3 - (civil.weekday() + 6) % 7;
        let thursday = Civil::of_seconds_shown(
            civil.seconds_shown().wrapping_add(shift * SECONDS_PER_DAY),
            0,
        );
        (thursday.year, (thursday.year_day() - 1) / 7 + 1)
    }
}

/// `2023-08-14 10:20:30.5 +0200 CEST`, as Go prints a time with `%v`.
impl std::fmt::Display for Time {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn utc(layout: &str, text: &str) -> Time {
        Time::parse(layout, text, &Zone::Utc).unwrap()
    }

    #[test]
    fn times_read_and_print_by_go_layouts() {
        let time = utc(RFC_3339, "2023-08-14T10:20:30.5+02:00");
        assert_eq!(time.format(RFC_3339_NANO), "2023-08-14T10:20:30.5+02:00");
        assert_eq!(time.to_string(), "2023-08-14 10:20:30.5 +0200 +0200");
        assert_eq!(time.in_zone(&Zone::Utc).format("3:04PM"), "8:20AM");
        assert_eq!(
            utc("2006-01-02", "2023-08-14").unix_seconds(),
            1_691_971_200
        );
        assert_eq!(time.format("Mon Jan _2 2006, 002"), "Mon Aug 14 2023, 226");
        assert_eq!(
            utc("02 Jan 06 15:04 MST", "14 Aug 23 10:20 CEST").to_string(),
            "2023-08-14 10:20:00 +0000 CEST"
        );
    }

    #[test]
    fn named_zones_know_their_summer() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let summer = Time::parse("2006-01-02", "2023-08-14", &berlin).unwrap();
        assert_eq!(summer.civil().hour, 0);
        assert_eq!(summer.in_zone(&Zone::Utc).civil().hour, 22);
        assert_eq!(summer.zone_now(), ("CEST".to_owned(), 7_200));
        assert_eq!(
            Zone::named("Nowhere/City").unwrap_err().to_string(),
            "unknown time zone Nowhere/City"
        );
    }

    #[test]
    fn what_does_not_fit_the_layout_says_where() {
        let error = Time::parse("2006-01-02", "2023-13-01", &Zone::Utc).unwrap_err();
        assert_eq!(
            error.to_string(),
            "parsing time \"2023-13-01\": month out of range"
        );
        let error = Time::parse(RFC_3339, "x", &Zone::Utc).unwrap_err();
        assert_eq!(
            error.to_string(),
            "parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\""
        );
    }

    #[test]
    fn dates_carry_over_and_round_from_the_year_one() {
        let time = utc("2006-01-02", "2023-01-31");
        assert_eq!(time.plus_date(0, 1, 0).format("2006-01-02"), "2023-03-03");
        assert_eq!(time.plus_date(0, -1, 0).format("2006-01-02"), "2022-12-31");
        let time = utc(RFC_3339, "2023-08-14T10:30:00Z");
        let hour = crate::duration::parse("1h").unwrap();
        assert_eq!(
            time.truncated(hour).format(RFC_3339),
            "2023-08-14T10:00:00Z"
        );
        assert_eq!(time.rounded(hour).format(RFC_3339), "2023-08-14T11:00:00Z");
        assert_eq!(time.iso_week(), (2023, 33));
        assert!(utc("15:04:05", "00:00:00").plus_date(1, 0, 0).is_zero());
    }
}
