//! The text form of quantities.

use std::cmp::Ordering;

use super::{
    Format, ParseQuantityError, Precision, Quantity,
    digits::{Digits, Sign},
};

/// The parts of a quantity's text.
struct Parts<'a> {
    sign: Sign,
    /// Without leading zeros, at least one digit.
    whole: &'a str,
    fraction: &'a str,
    suffix: &'a str,
}

/// At most so many digits pass the library's short way: 10^18 is the last power of ten in 64 bits.
const WORD_DIGITS: usize = 18;
/// Amounts are rounded up to this many places (nano).
const PLACES: i32 = 9;
/// Binary amounts stop at the largest 64-bit number.
const BINARY_LIMIT: u64 = i64::MAX.unsigned_abs();
/// Exponents beyond it are refused: nobody means 10^100000, and printing it would take megabytes.
const EXPONENT_LIMIT: i32 = 10_000;

/// Reads a quantity without blanks around it.
pub(super) fn read(text: &str) -> Result<Quantity, ParseQuantityError> {
    if text == "0" {
        return Ok(Quantity {
            text: Some(text.to_owned()),
            ..Quantity::default()
        });
    }
    let parts = split(text)?;
    let (format, exponent) = interpret(parts.suffix).ok_or(ParseQuantityError::Suffix)?;
    if let Some(short) = short_way(text, &parts, format, exponent) {
        return Ok(short);
    }
    Ok(long_way(&parts, format, exponent))
}

fn split(text: &str) -> Result<Parts<'_>, ParseQuantityError> {
    let (sign, rest) = match text.as_bytes().first() {
        None => return Err(ParseQuantityError::Form),
        Some(b'-') => (Sign::Negative, &text[1..]),
        Some(b'+') => (Sign::Positive, &text[1..]),
        Some(_) => (Sign::Positive, text),
    };
    let (whole, rest) = split_digits(rest);
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(rest) => split_digits(rest),
        None => ("", rest),
    };
    let letters = suffix.trim_start_matches(|char| "eEinumkKMGTP".contains(char));
    let number = letters.strip_prefix(['-', '+']).unwrap_or(letters);
    let (_, unknown) = split_digits(number);
    if !unknown.is_empty() {
        return Err(ParseQuantityError::Form);
    }
    Ok(Parts {
        sign,
        whole,
        fraction,
        suffix,
    })
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|char: char| !char.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

/// The notation and the power of two or ten that a suffix stands for.
fn interpret(suffix: &str) -> Option<(Format, i32)> {
    let known = match suffix {
        "n" => (Format::Decimal, -9),
        "u" => (Format::Decimal, -6),
        "m" => (Format::Decimal, -3),
        "" => (Format::Decimal, 0),
        "k" => (Format::Decimal, 3),
        "M" => (Format::Decimal, 6),
        "G" => (Format::Decimal, 9),
        "T" => (Format::Decimal, 12),
        "P" => (Format::Decimal, 15),
        "E" => (Format::Decimal, 18),
        "Ki" => (Format::Binary, 10),
        "Mi" => (Format::Binary, 20),
        "Gi" => (Format::Binary, 30),
        "Ti" => (Format::Binary, 40),
        "Pi" => (Format::Binary, 50),
        "Ei" => (Format::Binary, 60),
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            let limit = -EXPONENT_LIMIT..=EXPONENT_LIMIT;
            return limit
                .contains(&exponent)
                .then_some((Format::Exponent, exponent));
        }
    };
    Some(known)
}

/// Short numbers fit 64 bits; the texts of most are kept.
fn short_way(text: &str, parts: &Parts<'_>, format: Format, exponent: i32) -> Option<Quantity> {
    let digits = format!("{}{}", parts.whole, parts.fraction);
    let value: i64;
    let places;
    let is_canonical;
    if format == Format::Binary {
        let room = 15_i32
            .checked_sub(i32::try_from(parts.whole.len()).ok()?)?
            .checked_sub(exponent * 3 / 10 + 1)?;
        if !parts.fraction.is_empty() || room < 0 {
            return None;
        }
        let number: i64 = digits.parse().ok()?;
        value = number.checked_mul(1_i64.checked_shl(exponent.unsigned_abs())?)?;
        places = 0;
        is_canonical = number & 7 != 0;
    } else {
        if digits.len() > WORD_DIGITS {
            return None;
        }
        places = i32::try_from(parts.fraction.len()).ok()? - exponent;
        if places > PLACES {
            return None;
        }
        value = digits.parse().ok()?;
        is_canonical = places % 3 == 0 && !digits.ends_with("000") && !digits.starts_with('0');
    }
    Some(Quantity {
        sign: parts.sign,
        digits: Digits::from(value.unsigned_abs()),
        places,
        format,
        precision: Precision::Word,
        text: is_canonical.then(|| text.to_owned()),
    })
}

/// Everything else is computed exactly, rounded away from zero to nine places.
fn long_way(parts: &Parts<'_>, format: Format, exponent: i32) -> Quantity {
    let mut digits = Digits::parse(parts.whole, parts.fraction);
    let fraction = i32::try_from(parts.fraction.len()).unwrap_or(i32::MAX);
    let mut places = fraction;
    let mut format = format;
    if format == Format::Binary {
        digits = digits.times_power_of_two(exponent.unsigned_abs());
    } else {
        places = places.saturating_sub(exponent);
    }
    if !digits.is_zero() {
        digits = if places > PLACES {
            digits.without_places((places - PLACES).unsigned_abs()).0
        } else {
            digits.at_places(places, PLACES)
        };
        places = PLACES;
    }
    if format == Format::Binary {
        let limit = Digits::from(BINARY_LIMIT);
        if digits.compare(&limit.at_places(0, PLACES)) == Ordering::Greater {
            digits = limit;
            places = 0;
        } else if !digits.is_zero()
            && digits.compare(&Digits::from(1).at_places(0, PLACES)) == Ordering::Less
        {
            format = Format::Decimal;
        }
    }
    Quantity {
        sign: parts.sign,
        digits,
        places,
        format,
        precision: Precision::Unlimited,
        text: None,
    }
}
