//! Go's `time.Duration`: what `300ms`, `1h30m` and `-1.5h` mean and how they are printed.

use std::fmt;

use crate::number::{float_of, float_of_unsigned, int_of};

/// Nanoseconds in a microsecond, a millisecond, a second, a minute and an hour: the units Go's texts know. There is no day.
const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000 * MICROSECOND;
const SECOND: u64 = 1_000 * MILLISECOND;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// The size of the smallest duration, one more than that of the largest.
const SIZE_LIMIT: u64 = 1 << 63;

/// A span of time in nanoseconds, of either sign, at most about 292 years.
///
/// `Display` prints Go's canonical text: `1h30m0s`, `1.5s`, `100µs`, `0s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(i64);

/// Why a text is no duration. `Display` is Go's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseDurationError {
    /// Not of the form number, unit, number, unit …, or beyond 292 years.
    Invalid {
        /// The whole text.
        text: String,
    },
    /// A number without a unit.
    MissingUnit {
        /// The whole text.
        text: String,
    },
    /// A unit Go does not know (`d`, `w`, …).
    UnknownUnit {
        /// The unit.
        unit: String,
        /// The whole text.
        text: String,
    },
}

impl fmt::Display for ParseDurationError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { text } => write!(out, "time: invalid duration {}", quote(text)),
            Self::MissingUnit { text } => {
                write!(out, "time: missing unit in duration {}", quote(text))
            }
            Self::UnknownUnit { unit, text } => write!(
                out,
                "time: unknown unit {} in duration {}",
                quote(unit),
                quote(text)
            ),
        }
    }
}

impl std::error::Error for ParseDurationError {}

/// Reads a duration as Go's `time.ParseDuration` does: an optional sign and one or more numbers with a unit
/// (`ns`, `us`, `µs`, `ms`, `s`, `m`, `h`); a lone `0` needs none.
///
/// # Errors
/// If the text is of another form, or the duration does not fit into 64 bits of nanoseconds.
pub fn parse(text: &str) -> Result<Duration, ParseDurationError> {
    let invalid = || ParseDurationError::Invalid {
        text: text.to_owned(),
    };
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(Duration(0));
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (amount, after) = Amount::read(rest).ok_or_else(invalid)?;
        let (unit, after) = read_unit(after, text)?;
        let nanoseconds = amount.times(unit).ok_or_else(invalid)?;
        total = total
            .checked_add(nanoseconds)
            .filter(|total| *total <= SIZE_LIMIT)
            .ok_or_else(invalid)?;
        rest = after;
    }
    if negative {
        return Ok(Duration(total.cast_signed().wrapping_neg()));
    }
    i64::try_from(total).map(Duration).map_err(|_| invalid())
}

/// Prints a duration as Go does: `1h30m0s`, `1.5s`, `0s`.
pub fn print(duration: Duration) -> String {
    duration.to_string()
}

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A duration of so many nanoseconds.
    pub const fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// A duration of so many seconds; beyond 292 years the longest there is.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// The whole duration in nanoseconds.
    pub const fn nanoseconds(self) -> i64 {
        self.0
    }

    /// Whole seconds, cut towards zero.
    pub const fn whole_seconds(self) -> i64 {
        self.0 / 1_000_000_000
    }

    /// Seconds with their fraction.
    pub fn seconds(self) -> f64 {
        self.in_units_of(SECOND)
    }

    /// Minutes with their fraction.
    pub fn minutes(self) -> f64 {
        self.in_units_of(MINUTE)
    }

    /// Hours with their fraction.
    pub fn hours(self) -> f64 {
        self.in_units_of(HOUR)
    }

    fn in_units_of(self, unit: u64) -> f64 {
        let unit = unit.cast_signed();
        // Whole and fraction apart, as Go does, so that the sum rounds once.
        float_of(self.0 / unit) + float_of(self.0 % unit) / float_of(unit)
    }

    /// Cut towards zero to a multiple of `unit`; unchanged if `unit` is not positive.
    #[must_use]
    pub const fn truncated(self, unit: Self) -> Self {
        if unit.0 <= 0 {
            return self;
        }
        Self(self.0 - self.0 % unit.0)
    }

    /// Rounded to the nearest multiple of `unit`, halves away from zero; unchanged if `unit` is not positive.
    #[must_use]
    pub const fn rounded(self, unit: Self) -> Self {
        if unit.0 <= 0 {
            return self;
        }
        let rest = self.0 % unit.0;
        let is_up = rest.unsigned_abs() >= unit.0.unsigned_abs() - rest.unsigned_abs();
        let cut = self.0 - rest;
        Self(match (is_up, self.0 < 0) {
            (false, _) => cut,
            (true, true) => cut.saturating_sub(unit.0),
            (true, false) => cut.saturating_add(unit.0),
        })
    }

    /// The duration without its sign; the smallest gives the largest.
    #[must_use]
    pub const fn absolute(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// The age in one unit, cut to a whole number (`59s`, `47m`, `23h`, `364d`, `2y`); `<invalid>` from two seconds
    /// before now.
    pub fn short(self) -> String {
        let seconds = self.whole_seconds();
        let (minutes, hours) = (seconds / 60, seconds / 3_600);
        match () {
            () if seconds < -1 => "<invalid>".to_owned(),
            () if seconds < 0 => "0s".to_owned(),
            () if seconds < 60 => format!("{seconds}s"),
            () if minutes < 60 => format!("{minutes}m"),
            () if hours < 24 => format!("{hours}h"),
            () if hours < 24 * 365 => format!("{}d", hours / 24),
            () => format!("{}y", hours / 24 / 365),
        }
    }

    /// The age as `kubectl get` prints it: two units at most, coarser with size (`90s`, `9m5s`, `47h`, `3d4h`, `2y`);
    /// `<invalid>` from two seconds before now.
    pub fn human(self) -> String {
        let seconds = self.whole_seconds();
        if seconds < -1 {
            return "<invalid>".to_owned();
        }
        if seconds < 0 {
            return "0s".to_owned();
        }
        let (minutes, hours) = (seconds / 60, seconds / 3_600);
        let (days, years) = (hours / 24, hours / 24 / 365);
        match () {
            () if seconds < 120 => format!("{seconds}s"),
            () if minutes < 10 => two_units((minutes, "m"), (seconds % 60, "s")),
            () if minutes < 180 => format!("{minutes}m"),
            () if hours < 8 => two_units((hours, "h"), (minutes % 60, "m")),
            () if hours < 48 => format!("{hours}h"),
            () if days < 8 => two_units((days, "d"), (hours % 24, "h")),
            () if days < 730 => format!("{days}d"),
            () if days < 2_920 => two_units((years, "y"), (days % 365, "d")),
            () => format!("{years}y"),
        }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.unsigned_abs();
        if size == 0 {
            return out.write_str("0s");
        }
        if self.0 < 0 {
            out.write_str("-")?;
        }
        if size < SECOND {
            let (unit, name) = match () {
                () if size < MICROSECOND => (1, "ns"),
                () if size < MILLISECOND => (MICROSECOND, "µs"),
                () => (MILLISECOND, "ms"),
            };
            return write!(out, "{}{name}", Decimal { size, unit });
        }
        let (hours, minutes) = (size / HOUR, size / MINUTE % 60);
        if hours > 0 {
            write!(out, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(out, "{minutes}m")?;
        }
        let decimal = Decimal {
            size: size % MINUTE,
            unit: SECOND,
        };
        write!(out, "{decimal}s")
    }
}

/// `size / unit` as a decimal without trailing zeros.
struct Decimal {
    size: u64,
    unit: u64,
}

impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.size / self.unit)?;
        let fraction = self.size % self.unit;
        if fraction == 0 {
            return Ok(());
        }
        let digits = usize::try_from(self.unit.ilog10()).expect("a unit has few digits");
        let text = format!("{fraction:0digits$}");
        write!(out, ".{}", text.trim_end_matches('0'))
    }
}

fn two_units(coarse: (i64, &str), fine: (i64, &str)) -> String {
    if fine.0 == 0 {
        return format!("{}{}", coarse.0, coarse.1);
    }
    format!("{}{}{}{}", coarse.0, coarse.1, fine.0, fine.1)
}

/// A number of units: whole ones and a fraction of `1 / scale`s.
struct Amount {
    whole: u64,
    fraction: u64,
    scale: f64,
}

impl Amount {
    /// Reads `12`, `12.`, `12.5` or `.5`; `None` without a digit or beyond what a duration holds.
    fn read(text: &str) -> Option<(Self, &str)> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let mut whole: u64 = 0;
        for digit in text.bytes().take(digits) {
            whole = whole
                .checked_mul(10)?
                .checked_add(u64::from(digit - b'0'))
                .filter(|whole| *whole <= SIZE_LIMIT)?;
        }
        let mut amount = Self {
            whole,
            fraction: 0,
            scale: 1.0,
        };
        let rest = &text[digits..];
        let Some(rest) = rest.strip_prefix('.') else {
            return (digits > 0).then_some((amount, rest));
        };
        let places = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits + places == 0 {
            return None;
        }
        for digit in rest.bytes().take(places) {
            let grown = amount
                .fraction
                .checked_mul(10)
                .and_then(|grown| grown.checked_add(u64::from(digit - b'0')));
            // Further digits are below a nanosecond of any unit: Go drops them, too.
            let Some(grown) = grown.filter(|grown| *grown < SIZE_LIMIT) else {
                break;
            };
            amount.fraction = grown;
            amount.scale *= 10.0;
        }
        Some((amount, &rest[places..]))
    }

    fn times(&self, unit: u64) -> Option<u64> {
        let whole = self
            .whole
            .checked_mul(unit)
            .filter(|whole| *whole <= SIZE_LIMIT)?;
        let fraction = float_of_unsigned(self.fraction) * (float_of_unsigned(unit) / self.scale);
        whole
            .checked_add(int_of(fraction).unsigned_abs())
            .filter(|sum| *sum <= SIZE_LIMIT)
    }
}

/// The size of the unit at the start of `rest`, and what follows it.
fn read_unit<'t>(rest: &'t str, text: &str) -> Result<(u64, &'t str), ParseDurationError> {
    let end = rest
        .bytes()
        .take_while(|byte| *byte != b'.' && !byte.is_ascii_digit())
        .count();
    let (unit, rest) = rest.split_at(end);
    let size = match unit {
        "" => {
            return Err(ParseDurationError::MissingUnit {
                text: text.to_owned(),
            });
        }
        "ns" => 1,
        // The micro sign and the Greek letter mu.
        "us" | "µs" | "μs" => MICROSECOND,
        "ms" => MILLISECOND,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        _ => {
            return Err(ParseDurationError::UnknownUnit {
                unit: unit.to_owned(),
                text: text.to_owned(),
            });
        }
    };
    Ok((size, rest))
}

/// A text in quotes as package `time` quotes it: bytes beyond ASCII and control characters as `\xNN`.
pub(crate) fn quote(text: &str) -> String {
    use fmt::Write as _;

    let mut out = String::from("\"");
    for byte in text.bytes() {
        // Writing to a String cannot fail.
        let _ = match byte {
            b'"' | b'\\' => write!(out, "\\{}", char::from(byte)),
            b' '..=b'~' | 0x7f => write!(out, "{}", char::from(byte)),
            _ => write!(out, "\\x{byte:02x}"),
        };
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, nanoseconds: i64, printed: &str) {
        let duration = parse(text).unwrap();
        assert_eq!(duration.nanoseconds(), nanoseconds, "{text}");
        assert_eq!(print(duration), printed, "{text}");
    }

    #[test]
    fn durations_read_and_print_as_in_go() {
        check("0", 0, "0s");
        check("1h30m", 5_400_000_000_000, "1h30m0s");
        check("-1.5h", -5_400_000_000_000, "-1h30m0s");
        check(".5s", 500_000_000, "500ms");
        check("5.s", 5_000_000_000, "5s");
        check("1us", 1_000, "1µs");
        check("1.5ms", 1_500_000, "1.5ms");
        check("30m1h", 5_400_000_000_000, "1h30m0s");
        check(
            "-9223372036854775808ns",
            i64::MIN,
            "-2562047h47m16.854775808s",
        );
        check(
            "9223372036854775807ns",
            i64::MAX,
            "2562047h47m16.854775807s",
        );
    }

    #[test]
    fn what_is_no_duration_says_why() {
        let cases = [
            ("", "time: invalid duration \"\""),
            ("1", "time: missing unit in duration \"1\""),
            ("1d", "time: unknown unit \"d\" in duration \"1d\""),
            (".s", "time: invalid duration \".s\""),
            (
                "9223372036854775808ns",
                "time: invalid duration \"9223372036854775808ns\"",
            ),
            (
                "1é",
                "time: unknown unit \"\\xc3\\xa9\" in duration \"1\\xc3\\xa9\"",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(parse(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn ages_are_printed_as_kubectl_does() {
        let cases = [
            (-2, "<invalid>"),
            (-1, "0s"),
            (119, "119s"),
            (120, "2m"),
            (545, "9m5s"),
            (3_599, "59m"),
            (7 * 3_600 + 60, "7h1m"),
            (47 * 3_600, "47h"),
            (3 * 86_400 + 4 * 3_600, "3d4h"),
            (729 * 86_400, "729d"),
            (1_000 * 86_400, "2y270d"),
            (3_000 * 86_400, "8y"),
        ];
        for (seconds, printed) in cases {
            assert_eq!(Duration::from_seconds(seconds).human(), printed);
        }
    }

    #[test]
    fn rounding_goes_away_from_zero() {
        let second = Duration::from_seconds(1);
        let half = Duration::from_nanoseconds(500_000_000);
        assert_eq!(half.rounded(second), second);
        assert_eq!(half.truncated(second), Duration::ZERO);
        assert_eq!(
            Duration::from_nanoseconds(-500_000_000).rounded(second),
            Duration::from_seconds(-1)
        );
    }
}
