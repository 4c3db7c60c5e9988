//! Reading a time by a layout.

use std::fmt;

use super::civil::days_in_month;
use super::layout::{Fraction, Offset, OffsetForm, Part, UtcForm, Zeros, next_part};
use super::{Civil, Time, Zone, month_name, weekday_name};
use crate::duration::quote;

/// Why a text is no time by a layout. `Display` is Go's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseTimeError {
    /// A part of the text does not look as the layout's part.
    Form {
        /// The whole text.
        text: String,
        /// The whole layout.
        layout: String,
        /// What is left of the text.
        rest: String,
        /// The part of the layout.
        part: String,
    },
    /// It looks right, but there is no such time.
    Meaning {
        /// The whole text.
        text: String,
        /// What is wrong, beginning with a colon.
        complaint: String,
    },
}

impl fmt::Display for ParseTimeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form {
                text,
                layout,
                rest,
                part,
            } => write!(
                out,
                "parsing time {} as {}: cannot parse {} as {}",
                quote(text),
                quote(layout),
                quote(rest),
                quote(part)
            ),
            Self::Meaning { text, complaint } => {
                write!(out, "parsing time {}{complaint}", quote(text))
            }
        }
    }
}

impl std::error::Error for ParseTimeError {}

/// Why one part could not be read.
enum Fault {
    /// Not of the part's form.
    Form,
    /// Beyond the part's range; the word says which.
    Range(&'static str),
}

/// Reads `text` by `layout`; without a zone it is in `zone`.
pub(super) fn read(layout: &str, text: &str, zone: &Zone) -> Result<Time, ParseTimeError> {
    let mut found = Found::default();
    let (mut layout_rest, mut rest) = (layout, text);
    let form_error = |rest: &str, part: &str| ParseTimeError::Form {
        text: text.to_owned(),
        layout: layout.to_owned(),
        rest: rest.to_owned(),
        part: part.to_owned(),
    };
    let meaning_error = |complaint: String| ParseTimeError::Meaning {
        text: text.to_owned(),
        complaint,
    };
    loop {
        let (literal, part, after) = next_part(layout_rest);
        rest = skip(rest, literal).map_err(|rest| form_error(rest, literal))?;
        let Some((part, part_text)) = part else {
            break;
        };
        let mut input = Input { rest, after };
        found.read(part, &mut input).map_err(|fault| match fault {
            Fault::Form => form_error(rest, part_text),
            Fault::Range(what) => meaning_error(format!(": {what} out of range")),
        })?;
        rest = input.rest;
        layout_rest = after;
    }
    if !rest.is_empty() {
        return Err(meaning_error(format!(": extra text: {}", quote(rest))));
    }
    found
        .date()
        .map_err(|complaint| meaning_error(complaint.to_owned()))?;
    Ok(found.time(zone))
}

/// Takes a literal off the text; a space in it stands for any number of them.
fn skip<'t>(mut text: &'t str, literal: &str) -> Result<&'t str, &'t str> {
    let mut literal = literal;
    while let Some(wanted) = literal.chars().next() {
        if wanted == ' ' {
            if !text.is_empty() && !text.starts_with(' ') {
                return Err(text);
            }
            literal = literal.trim_start_matches(' ');
            text = text.trim_start_matches(' ');
            continue;
        }
        text = text.strip_prefix(wanted).ok_or(text)?;
        literal = &literal[wanted.len_utf8()..];
    }
    Ok(text)
}

/// What is left of the text, and of the layout after the part at hand.
struct Input<'t> {
    rest: &'t str,
    after: &'t str,
}

impl<'t> Input<'t> {
    /// Takes `count` bytes; fails at the end and inside a character.
    fn take(&mut self, count: usize) -> Result<&'t str, Fault> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Fault::Form)?;
        self.rest = rest;
        Ok(taken)
    }

    fn digits(&self) -> usize {
        self.rest.bytes().take_while(u8::is_ascii_digit).count()
    }

    /// Takes a number of `least` to `most` digits.
    fn number(&mut self, least: usize, most: usize) -> Result<i64, Fault> {
        let count = self.digits().min(most);
        if count < least {
            return Err(Fault::Form);
        }
        self.take(count)?.parse().map_err(|_| Fault::Form)
    }

    /// Takes one of twelve or seven names, in any case, cut to `length` letters.
    fn name(
        &mut self,
        names: impl Iterator<Item = (i64, String)>,
        length: usize,
    ) -> Result<i64, Fault> {
        for (number, name) in names {
            let name = &name[..length.min(name.len())];
            let Some(start) = self.rest.get(..name.len()) else {
                continue;
            };
            if start.eq_ignore_ascii_case(name) {
                self.rest = &self.rest[name.len()..];
                return Ok(number);
            }
        }
        Err(Fault::Form)
    }

    /// Takes a separator and all digits behind it: nanoseconds.
    fn fraction(&mut self, digits: usize) -> Result<i64, Fault> {
        let text = self.take(1 + digits)?;
        let figures = text.strip_prefix(['.', ',']).ok_or(Fault::Form)?;
        let padded = format!("{figures:0<9}");
        padded
            .get(..9)
            .filter(|_| figures.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|figures| figures.parse().ok())
            .ok_or(Fault::Form)
    }

    fn begins_fraction(&self) -> bool {
        let mut bytes = self.rest.bytes();
        matches!(bytes.next(), Some(b'.' | b','))
            && bytes.next().is_some_and(|byte| byte.is_ascii_digit())
    }
}

/// Which half of the day a text names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Morning,
    Afternoon,
}

/// What was read so far.
#[derive(Default)]
struct Found {
    civil: Civil,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    half: Option<Half>,
    is_utc: bool,
    offset_seconds: Option<i64>,
    zone_name: String,
}

impl Found {
    fn read(&mut self, part: Part, input: &mut Input<'_>) -> Result<(), Fault> {
        match part {
            Part::LongMonth => self.month = Some(input.name(months(), usize::MAX)?),
            Part::Month => self.month = Some(input.name(months(), 3)?),
            Part::LongWeekday => drop(input.name(weekdays(), usize::MAX)?),
            Part::Weekday => drop(input.name(weekdays(), 3)?),
            Part::NumberMonth => self.month = Some(in_range(input.number(1, 2)?, 1, 12, "month")?),
            Part::ZeroMonth => self.month = Some(in_range(input.number(2, 2)?, 1, 12, "month")?),
            Part::Day => self.day = Some(input.number(1, 2)?),
            Part::UnderDay => {
                input.rest = input.rest.strip_prefix(' ').unwrap_or(input.rest);
                self.day = Some(input.number(1, 2)?);
            }
            Part::ZeroDay => self.day = Some(input.number(2, 2)?),
            Part::UnderYearDay => {
                for _ in 0..2 {
                    input.rest = input.rest.strip_prefix(' ').unwrap_or(input.rest);
                }
                self.year_day = Some(input.number(1, 3)?);
            }
            Part::ZeroYearDay => self.year_day = Some(input.number(3, 3)?),
            Part::Hour => self.civil.hour = in_range(input.number(1, 2)?, 0, 23, "hour")?,
            Part::Hour12 => self.civil.hour = in_range(input.number(1, 2)?, 0, 12, "hour")?,
            Part::ZeroHour12 => self.civil.hour = in_range(input.number(2, 2)?, 0, 12, "hour")?,
            Part::Minute => self.civil.minute = in_range(input.number(1, 2)?, 0, 59, "minute")?,
            Part::ZeroMinute => {
                self.civil.minute = in_range(input.number(2, 2)?, 0, 59, "minute")?;
            }
            Part::Second => self.read_second(1, input)?,
            Part::ZeroSecond => self.read_second(2, input)?,
            Part::LongYear => self.civil.year = input.number(4, 4)?,
            Part::Year => {
                let year = input.number(2, 2)?;
                // Unix time begins on 31 December 1969 in some zones.
                self.civil.year = year + if year >= 69 { 1900 } else { 2000 };
            }
            Part::UpperHalf => self.half = Some(read_half(input, ["AM", "PM"])?),
            Part::LowerHalf => self.half = Some(read_half(input, ["am", "pm"])?),
            Part::ZoneName => self.read_zone_name(input)?,
            Part::Offset(offset) => self.read_offset(offset, input)?,
            Part::Fraction(fraction) => self.read_fraction(fraction, input)?,
        }
        Ok(())
    }

    fn read_second(&mut self, least: usize, input: &mut Input<'_>) -> Result<(), Fault> {
        self.civil.second = in_range(input.number(least, 2)?, 0, 59, "second")?;
        // A fraction may stand where the layout has none.
        let next = next_part(input.after).1.map(|(part, _)| part);
        if input.begins_fraction() && !matches!(next, Some(Part::Fraction(_))) {
            self.read_all_digits(input)?;
        }
        Ok(())
    }

    fn read_fraction(&mut self, fraction: Fraction, input: &mut Input<'_>) -> Result<(), Fault> {
        match fraction.zeros {
            Zeros::Kept => self.civil.nanosecond = input.fraction(fraction.digits)?,
            Zeros::Dropped if input.begins_fraction() => self.read_all_digits(input)?,
            Zeros::Dropped => {}
        }
        Ok(())
    }

    fn read_all_digits(&mut self, input: &mut Input<'_>) -> Result<(), Fault> {
        let digits = input.rest[1..]
            .bytes()
            .take_while(u8::is_ascii_digit)
            .count();
        self.civil.nanosecond = input.fraction(digits)?;
        Ok(())
    }

    fn read_offset(&mut self, offset: Offset, input: &mut Input<'_>) -> Result<(), Fault> {
        if offset.utc == UtcForm::Letter && input.rest.starts_with('Z') {
            input.take(1)?;
            self.is_utc = true;
            return Ok(());
        }
        let sign = match input.take(1)? {
            "+" => 1,
            "-" => -1,
            _ => return Err(Fault::Form),
        };
        let colon = |input: &mut Input<'_>| match input.take(1)? {
            ":" => Ok(()),
            _ => Err(Fault::Form),
        };
        let hours = in_range(input.number(2, 2)?, 0, 24, "time zone offset hour")?;
        let (mut minutes, mut seconds) = (0, 0);
        match offset.form {
            OffsetForm::Hours => {}
            OffsetForm::Minutes => minutes = input.number(2, 2)?,
            OffsetForm::ColonMinutes => {
                colon(input)?;
                minutes = input.number(2, 2)?;
            }
            OffsetForm::Seconds => {
                minutes = input.number(2, 2)?;
                seconds = input.number(2, 2)?;
            }
            OffsetForm::ColonSeconds => {
                colon(input)?;
                minutes = input.number(2, 2)?;
                colon(input)?;
                seconds = input.number(2, 2)?;
            }
        }
        in_range(minutes, 0, 60, "time zone offset minute")?;
        in_range(seconds, 0, 60, "time zone offset second")?;
        self.offset_seconds = Some(sign * ((hours * 60 + minutes) * 60 + seconds));
        Ok(())
    }

    fn read_zone_name(&mut self, input: &mut Input<'_>) -> Result<(), Fault> {
        if input.rest.starts_with("UTC") {
            input.take(3)?;
            self.is_utc = true;
            return Ok(());
        }
        let length = zone_name_length(input.rest).ok_or(Fault::Form)?;
        input.take(length)?.clone_into(&mut self.zone_name);
        Ok(())
    }

    /// Settles hour, month and day; the complaint begins with a colon.
    fn date(&mut self) -> Result<(), &'static str> {
        match self.half {
            Some(Half::Afternoon) if self.civil.hour < 12 => self.civil.hour += 12,
            Some(Half::Morning) if self.civil.hour == 12 => self.civil.hour = 0,
            Some(Half::Morning | Half::Afternoon) | None => {}
        }
        let year = self.civil.year;
        if let Some(year_day) = self.year_day {
            let (month, day) =
                date_of_year_day(year, year_day).ok_or(": day-of-year out of range")?;
            if self.month.is_some_and(|given| given != month) {
                return Err(": day-of-year does not match month");
            }
            if self.day.is_some_and(|given| given != day) {
                return Err(": day-of-year does not match day");
            }
            (self.month, self.day) = (Some(month), Some(day));
        }
        self.civil.month = self.month.unwrap_or(1);
        self.civil.day = self.day.unwrap_or(1);
        if (1..=days_in_month(year, self.civil.month)).contains(&self.civil.day) {
            return Ok(());
        }
        Err(": day out of range")
    }

    fn time(&self, zone: &Zone) -> Time {
        if self.is_utc {
            return Time::from_civil(&self.civil, &Zone::Utc);
        }
        let shown = Time::from_civil(&self.civil, &Zone::Utc).unix_seconds();
        if let Some(offset) = self.offset_seconds {
            let instant = shown.wrapping_sub(offset);
            let name = &self.zone_name;
            let is_own = zone.offset_seconds(instant) == offset
                && (name.is_empty() || zone.abbreviation(instant) == *name);
            let told_in = if is_own {
                zone.clone()
            } else {
                Zone::fixed(name, offset)
            };
            return Time::from_civil(&self.civil, &told_in);
        }
        if self.zone_name.is_empty() {
            return Time::from_civil(&self.civil, zone);
        }
        if zone.offset_of(&self.zone_name, shown).is_some() {
            return Time::from_civil(&self.civil, zone);
        }
        // An unknown name has the offset 0, but GMT+3 says its own; it does not move the instant, as in Go.
        let hours = self.zone_name.strip_prefix("GMT").unwrap_or("0");
        let offset = hours.parse().unwrap_or(0) * 3_600;
        Time::from_civil(&self.civil, &Zone::Utc).in_zone(&Zone::fixed(&self.zone_name, offset))
    }
}

fn months() -> impl Iterator<Item = (i64, String)> {
    (1..=12).map(|month| (month, month_name(month)))
}

fn weekdays() -> impl Iterator<Item = (i64, String)> {
    (0..7).map(|weekday| (weekday, weekday_name(weekday)))
}

fn in_range(number: i64, least: i64, most: i64, what: &'static str) -> Result<i64, Fault> {
    if (least..=most).contains(&number) {
        return Ok(number);
    }
    Err(Fault::Range(what))
}

fn read_half(input: &mut Input<'_>, [morning, afternoon]: [&str; 2]) -> Result<Half, Fault> {
    let text = input.take(2)?;
    if text == morning {
        return Ok(Half::Morning);
    }
    if text == afternoon {
        return Ok(Half::Afternoon);
    }
    Err(Fault::Form)
}

fn date_of_year_day(year: i64, year_day: i64) -> Option<(i64, i64)> {
    let mut day = year_day;
    for month in 1..=12 {
        let length = days_in_month(year, month);
        if day <= length {
            return (day >= 1).then_some((month, day));
        }
        day -= length;
    }
    None
}

/// How many bytes of the text look like the abbreviation of a zone.
fn zone_name_length(text: &str) -> Option<usize> {
    if text.starts_with("ChST") || text.starts_with("MeST") {
        return Some(4);
    }
    if let Some(rest) = text.strip_prefix("GMT") {
        return Some(3 + signed_offset_length(rest));
    }
    if text.starts_with(['+', '-']) {
        return Some(signed_offset_length(text)).filter(|length| *length > 0);
    }
    let letters = text
        .bytes()
        .take(6)
        .take_while(u8::is_ascii_uppercase)
        .count();
    match letters {
        3 => Some(3),
        // Four letters must end in T, or be WITA.
        4 if text.as_bytes()[3] == b'T' || text.starts_with("WITA") => Some(4),
        5 if text.as_bytes()[4] == b'T' => Some(5),
        _ => None,
    }
}

/// How many bytes are a sign and hours below 24; 0 if none.
fn signed_offset_length(text: &str) -> usize {
    let Some(digits) = text.strip_prefix(['+', '-']) else {
        return 0;
    };
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    let hours: Option<i64> = digits[..count].parse().ok();
    match hours {
        Some(0..=23) => 1 + count,
        Some(_) | None => 0,
    }
}
