//! Printing a time by a layout.

use std::fmt::Write as _;

use super::layout::{Fraction, Offset, OffsetForm, Part, UtcForm, Zeros, next_part};
use super::{Civil, Time, month_name, weekday_name};

/// Prints `time` by Go's `layout`.
pub(super) fn print(time: &Time, layout: &str) -> String {
    let civil = time.civil();
    let mut out = String::new();
    let mut rest = layout;
    while !rest.is_empty() {
        let (literal, part, after) = next_part(rest);
        out.push_str(literal);
        let Some((part, _)) = part else {
            break;
        };
        // Writing to a String cannot fail.
        let _ = print_part(&mut out, part, &civil, time);
        rest = after;
    }
    out
}

fn print_part(out: &mut String, part: Part, civil: &Civil, time: &Time) -> std::fmt::Result {
    let hour12 = if civil.hour % 12 == 0 {
        12
    } else {
        civil.hour % 12
    };
    let half = if civil.hour >= 12 { "PM" } else { "AM" };
    match part {
        Part::LongMonth => out.write_str(&month_name(civil.month)),
        Part::Month => out.write_str(&month_name(civil.month)[..3]),
        Part::NumberMonth => write!(out, "{}", civil.month),
        Part::ZeroMonth => write!(out, "{:02}", civil.month),
        Part::LongWeekday => out.write_str(&weekday_name(civil.weekday())),
        Part::Weekday => out.write_str(&weekday_name(civil.weekday())[..3]),
        Part::Day => write!(out, "{}", civil.day),
        Part::UnderDay => write!(out, "{:2}", civil.day),
        Part::ZeroDay => write!(out, "{:02}", civil.day),
        Part::UnderYearDay => write!(out, "{:3}", civil.year_day()),
        Part::ZeroYearDay => write!(out, "{:03}", civil.year_day()),
        Part::Hour => write!(out, "{:02}", civil.hour),
        Part::Hour12 => write!(out, "{hour12}"),
        Part::ZeroHour12 => write!(out, "{hour12:02}"),
        Part::Minute => write!(out, "{}", civil.minute),
        Part::ZeroMinute => write!(out, "{:02}", civil.minute),
        Part::Second => write!(out, "{}", civil.second),
        Part::ZeroSecond => write!(out, "{:02}", civil.second),
        Part::LongYear if civil.year < 0 => write!(out, "-{:04}", civil.year.unsigned_abs()),
        Part::LongYear => write!(out, "{:04}", civil.year),
        Part::Year => write!(out, "{:02}", civil.year.rem_euclid(100)),
        Part::UpperHalf => out.write_str(half),
        Part::LowerHalf => out.write_str(&half.to_ascii_lowercase()),
        Part::ZoneName => out.write_str(&time.zone_now().0),
        Part::Offset(offset) => print_offset(out, offset, time.zone_now().1),
        Part::Fraction(fraction) => print_fraction(out, fraction, civil.nanosecond),
    }
}

fn print_offset(out: &mut String, offset: Offset, seconds: i64) -> std::fmt::Result {
    if offset.utc == UtcForm::Letter && seconds == 0 {
        return out.write_str("Z");
    }
    out.write_char(if seconds < 0 { '-' } else { '+' })?;
    let size = seconds.abs();
    let (hours, minutes, seconds) = (size / 3_600, size / 60 % 60, size % 60);
    match offset.form {
        OffsetForm::Hours => write!(out, "{hours:02}"),
        OffsetForm::Minutes => write!(out, "{hours:02}{minutes:02}"),
        OffsetForm::ColonMinutes => write!(out, "{hours:02}:{minutes:02}"),
        OffsetForm::Seconds => write!(out, "{hours:02}{minutes:02}{seconds:02}"),
        OffsetForm::ColonSeconds => write!(out, "{hours:02}:{minutes:02}:{seconds:02}"),
    }
}

fn print_fraction(out: &mut String, fraction: Fraction, nanosecond: i64) -> std::fmt::Result {
    let all = format!("{nanosecond:09}");
    let digits = &all[..fraction.digits.min(all.len())];
    let digits = match fraction.zeros {
        Zeros::Kept => digits,
        Zeros::Dropped => digits.trim_end_matches('0'),
    };
    if digits.is_empty() {
        return Ok(());
    }
    write!(out, "{}{digits}", fraction.separator)
}
