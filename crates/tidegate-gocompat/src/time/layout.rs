//! Go's layouts: texts that show how 2 January 2006, 15:04:05 MST looks.

/// One part of a layout that stands for something of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// `January`
    LongMonth,
    /// `Jan`
    Month,
    /// `1`
    NumberMonth,
    /// `01`
    ZeroMonth,
    /// `Monday`
    LongWeekday,
    /// `Mon`
    Weekday,
    /// `2`
    Day,
    /// `_2`
    UnderDay,
    /// `02`
    ZeroDay,
    /// `__2`
    UnderYearDay,
    /// `002`
    ZeroYearDay,
    /// `15`
    Hour,
    /// `3`
    Hour12,
    /// `03`
    ZeroHour12,
    /// `4`
    Minute,
    /// `04`
    ZeroMinute,
    /// `5`
    Second,
    /// `05`
    ZeroSecond,
    /// `2006`
    LongYear,
    /// `06`
    Year,
    /// `PM`
    UpperHalf,
    /// `pm`
    LowerHalf,
    /// `MST`
    ZoneName,
    /// `-0700` and its kin.
    Offset(Offset),
    /// `.000` or `.999`
    Fraction(Fraction),
}

/// How an offset from UTC is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offset {
    pub(super) form: OffsetForm,
    /// Whether UTC is written `Z`.
    pub(super) utc: UtcForm,
}

/// Which parts of an offset are written, and how they are held together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OffsetForm {
    /// `-07`
    Hours,
    /// `-0700`
    Minutes,
    /// `-07:00`
    ColonMinutes,
    /// `-070000`
    Seconds,
    /// `-07:00:00`
    ColonSeconds,
}

/// How UTC itself is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UtcForm {
    /// As any offset.
    Number,
    /// As `Z`.
    Letter,
}

/// A fraction of the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fraction {
    /// `.` or `,`.
    pub(super) separator: char,
    /// How many digits at most.
    pub(super) digits: usize,
    pub(super) zeros: Zeros,
}

/// What happens to zeros at the end of a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zeros {
    /// `.000`: they stay.
    Kept,
    /// `.999`: they go, and the fraction with the last of them.
    Dropped,
}

/// Texts that stand for something wherever they occur, longer ones first.
const PLAIN: [(&str, Part); 23] = [
    ("January", Part::LongMonth),
    ("Monday", Part::LongWeekday),
    ("MST", Part::ZoneName),
    ("2006", Part::LongYear),
    ("002", Part::ZeroYearDay),
    ("__2", Part::UnderYearDay),
    ("01", Part::ZeroMonth),
    ("02", Part::ZeroDay),
    ("03", Part::ZeroHour12),
    ("04", Part::ZeroMinute),
    ("05", Part::ZeroSecond),
    ("06", Part::Year),
    ("15", Part::Hour),
    ("_2", Part::UnderDay),
    ("PM", Part::UpperHalf),
    ("pm", Part::LowerHalf),
    ("1", Part::NumberMonth),
    ("2", Part::Day),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
    // Only where no lower-case letter follows: see `part_at`.
    ("Jan", Part::Month),
    ("Mon", Part::Weekday),
];

/// Offsets after their first character, longer ones first.
const OFFSETS: [(&str, OffsetForm); 5] = [
    ("07:00:00", OffsetForm::ColonSeconds),
    ("070000", OffsetForm::Seconds),
    ("07:00", OffsetForm::ColonMinutes),
    ("0700", OffsetForm::Minutes),
    ("07", OffsetForm::Hours),
];

/// Splits a layout at its first part: the literal before it, the part with its own text, and the rest.
pub(super) fn next_part(layout: &str) -> (&str, Option<(Part, &str)>, &str) {
    for (start, _) in layout.char_indices() {
        if let Some((part, length)) = part_at(&layout[start..]) {
            let end = start + length;
            return (
                &layout[..start],
                Some((part, &layout[start..end])),
                &layout[end..],
            );
        }
    }
    (layout, None, "")
}

/// The part a text begins with, and its length in bytes.
fn part_at(text: &str) -> Option<(Part, usize)> {
    // `_2006` is an underscore and a year.
    if text.starts_with("_2006") {
        return None;
    }
    let plain = PLAIN
        .iter()
        .find(|(form, _)| text.starts_with(form) && !is_cut_name(form, &text[form.len()..]));
    if let Some((form, part)) = plain {
        return Some((*part, form.len()));
    }
    let mut rest = text.chars();
    match rest.next()? {
        sign @ ('-' | 'Z') => {
            let (form, kind) = OFFSETS
                .iter()
                .find(|(form, _)| rest.as_str().starts_with(form))?;
            let utc = if sign == 'Z' {
                UtcForm::Letter
            } else {
                UtcForm::Number
            };
            let offset = Offset { form: *kind, utc };
            Some((Part::Offset(offset), 1 + form.len()))
        }
        separator @ ('.' | ',') => {
            let digit = rest
                .clone()
                .next()
                .filter(|digit| matches!(digit, '0' | '9'))?;
            let digits = rest.as_str().chars().take_while(|c| *c == digit).count();
            let is_all = !rest.as_str()[digits..].starts_with(|c: char| c.is_ascii_digit());
            let zeros = if digit == '0' {
                Zeros::Kept
            } else {
                Zeros::Dropped
            };
            let fraction = Fraction {
                separator,
                digits,
                zeros,
            };
            is_all.then_some((Part::Fraction(fraction), 1 + digits))
        }
        _ => None,
    }
}

/// Whether a short name is only the beginning of a word (`Month`, `Janitor`).
fn is_cut_name(form: &str, rest: &str) -> bool {
    matches!(form, "Jan" | "Mon") && rest.starts_with(|c: char| c.is_ascii_lowercase())
}
