//! Go's numbers: conversions between integers and floats, and their texts.
//!
//! Rust's `as` saturates where Go's amd64 code answers with the smallest integer, so every conversion
//! that can lose something goes through this file.

use std::fmt::Write as _;

/// The value of a 64-bit integer as a float, rounded to the nearest.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "rounding to the nearest float is Go's float64(i)"
)]
pub fn float_of(integer: i64) -> f64 {
    integer as f64
}

/// The value of an unsigned 64-bit integer as a float, rounded to the nearest.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "rounding to the nearest float is Go's float64(u)"
)]
pub fn float_of_unsigned(integer: u64) -> f64 {
    integer as f64
}

/// The integer part of a float; what does not fit (NaN, infinities, beyond 64 bits) gives the smallest integer, as Go does on amd64.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the range is checked before the cast"
)]
pub fn int_of(float: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&float) {
        float as i64
    } else {
        i64::MIN
    }
}

/// Why a text is no number, in Go's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseNumberError {
    /// It does not look like one.
    Syntax,
    /// It is too large.
    Range,
}

impl ParseNumberError {
    /// The whole text of the error of a function of package `strconv`.
    pub fn text(self, function: &str, number: &str) -> String {
        let number = crate::quote::quote(number.as_bytes());
        let reason = match self {
            Self::Syntax => "invalid syntax",
            Self::Range => "value out of range",
        };
        format!("strconv.{function}: parsing {number}: {reason}")
    }
}

/// Reads a decimal integer with an optional sign, as `strconv.ParseInt(text, 10, 64)` does.
///
/// # Errors
/// If it is none, or does not fit.
pub fn parse_int(text: &str) -> Result<i64, ParseNumberError> {
    text.parse().map_err(|error: std::num::ParseIntError| {
        let is_too_large = matches!(
            error.kind(),
            std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow
        );
        if is_too_large {
            ParseNumberError::Range
        } else {
            ParseNumberError::Syntax
        }
    })
}

/// Reads a truth value as `strconv.ParseBool` does: 1, t, T, true, True, TRUE and the same for false.
///
/// # Errors
/// If it is none of them.
pub fn parse_bool(text: &str) -> Result<bool, ParseNumberError> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
        _ => Err(ParseNumberError::Syntax),
    }
}

/// Reads a float as `strconv.ParseFloat(text, 64)` does: decimal or hexadecimal, with underscores between digits, `NaN`, `Inf`.
///
/// # Errors
/// If it is none, or beyond the largest float.
pub fn parse_float(text: &str) -> Result<f64, ParseNumberError> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let name = unsigned.to_ascii_lowercase();
    match name.as_str() {
        "nan" if unsigned.len() == text.len() => return Ok(f64::NAN),
        "nan" => return Err(ParseNumberError::Syntax),
        "inf" | "infinity" => {
            return Ok(if text.starts_with('-') {
                f64::NEG_INFINITY
            } else {
                f64::INFINITY
            });
        }
        _ => {}
    }
    if name.bytes().any(|byte| matches!(byte, b'+' | b'-')) && !name.contains(['e', 'p']) {
        return Err(ParseNumberError::Syntax);
    }
    let hexadecimal = name.strip_prefix("0x");
    let digits = match hexadecimal {
        Some(digits) => without_underscores(digits, Base::Sixteen)?,
        None => without_underscores(&name, Base::Ten)?,
    };
    let size = match hexadecimal {
        Some(_) => parse_hexadecimal(&digits)?,
        // The standard library takes a second sign and names of its own; neither is left here.
        None if digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') => digits
            .parse::<f64>()
            .map_err(|_| ParseNumberError::Syntax)?,
        None => return Err(ParseNumberError::Syntax),
    };
    if size.is_infinite() {
        return Err(ParseNumberError::Range);
    }
    Ok(if text.starts_with('-') { -size } else { size })
}

/// The base of a number's digits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Base {
    Ten,
    Sixteen,
}

/// Takes underscores out, which must stand between digits (or behind a base's prefix).
fn without_underscores(digits: &str, base: Base) -> Result<String, ParseNumberError> {
    let mut out = String::with_capacity(digits.len());
    let mut is_after_digit = base == Base::Sixteen;
    let mut is_after_underscore = false;
    for character in digits.chars() {
        if character == '_' {
            if !is_after_digit {
                return Err(ParseNumberError::Syntax);
            }
            (is_after_digit, is_after_underscore) = (false, true);
            continue;
        }
        let is_digit = match base {
            Base::Ten => character.is_ascii_digit(),
            Base::Sixteen => character.is_ascii_hexdigit(),
        };
        if is_after_underscore && !is_digit {
            return Err(ParseNumberError::Syntax);
        }
        (is_after_digit, is_after_underscore) = (is_digit, false);
        out.push(character);
    }
    if is_after_underscore {
        return Err(ParseNumberError::Syntax);
    }
    Ok(out)
}

/// Reads `1.8p4` in base 16; the exponent is one of two and must be there.
fn parse_hexadecimal(digits: &str) -> Result<f64, ParseNumberError> {
    let (mantissa, exponent) = digits.split_once('p').ok_or(ParseNumberError::Syntax)?;
    let exponent: i32 = exponent.parse().map_err(|_| ParseNumberError::Syntax)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err(ParseNumberError::Syntax);
    }
    let mut size = 0.0_f64;
    for digit in whole.chars().chain(fraction.chars()) {
        let digit = digit.to_digit(16).ok_or(ParseNumberError::Syntax)?;
        size = size.mul_add(16.0, f64::from(digit));
    }
    let places = i32::try_from(fraction.len()).map_err(|_| ParseNumberError::Range)?;
    Ok(size * 2.0_f64.powi(exponent.saturating_sub(places.saturating_mul(4))))
}

/// `base` to the power of `exponent`, by Go's method: the whole part of the exponent by squaring, so that whole and half powers
/// come out alike to the last bit.
pub fn pow(base: f64, exponent: f64) -> f64 {
    /// Beyond this binary exponent the result is infinite or zero in any case.
    const FAR: i64 = 1 << 12;
    /// From here on a float is an even integer, and `int_of` no longer fits.
    const HUGE: f64 = 9_223_372_036_854_775_808.0;

    let is_special = base == 0.0
        || !base.is_finite()
        || !exponent.is_finite()
        || exponent.abs() >= HUGE
        || (base < 0.0 && exponent.fract() != 0.0);
    if is_special {
        return base.powf(exponent);
    }
    let (mut whole, mut fraction) = (exponent.abs().trunc(), exponent.abs().fract());
    let (mut mantissa, mut scale) = (1.0, 0_i64);
    if fraction != 0.0 {
        if fraction > 0.5 {
            fraction -= 1.0;
            whole += 1.0;
        }
        // Go's logarithm and exponential are not the platform's: beside halves the last bit may differ.
        mantissa = match fraction {
            0.5 => base.sqrt(),
            _ => (fraction * base.ln()).exp(),
        };
    }
    let (mut square, mut square_scale) = split(base);
    let mut bits = int_of(whole);
    while bits != 0 {
        if square_scale.abs() > FAR {
            scale += square_scale;
            break;
        }
        if bits & 1 == 1 {
            mantissa *= square;
            scale += square_scale;
        }
        square *= square;
        square_scale *= 2;
        if square < 0.5 {
            square += square;
            square_scale -= 1;
        }
        bits >>= 1;
    }
    if exponent < 0.0 {
        mantissa = 1.0 / mantissa;
        scale = -scale;
    }
    scaled(mantissa, scale)
}

/// A finite float other than zero as a number of at least a half and below one, and a power of two.
fn split(float: f64) -> (f64, i64) {
    /// Makes subnormal floats normal.
    const NORMAL: f64 = 18_014_398_509_481_984.0;
    const EXPONENT: u64 = 0x7ff << 52;

    if float.abs() < f64::MIN_POSITIVE {
        let (mantissa, scale) = split(float * NORMAL);
        return (mantissa, scale - 54);
    }
    let bits = float.to_bits();
    let scale = ((bits & EXPONENT) >> 52).cast_signed() - 1_022;
    (f64::from_bits(bits & !EXPONENT | 1_022 << 52), scale)
}

/// A float times a power of two, rounded once.
fn scaled(mut float: f64, mut scale: i64) -> f64 {
    /// Steps of a size that neither overflows nor loses bits before the last one.
    const STEP: i32 = 512;

    // The last step down must be the only one that may round.
    while scale > i64::from(STEP) && float.is_finite() {
        float *= 2.0_f64.powi(STEP);
        scale -= i64::from(STEP);
    }
    let (mantissa, own) = if float == 0.0 || !float.is_finite() {
        return float;
    } else {
        split(float)
    };
    let target = own + scale;
    let Ok(step) = i32::try_from(target) else {
        return if target < 0 {
            0.0 * float
        } else {
            f64::INFINITY * float
        };
    };
    match step {
        ..-1_080 => 0.0 * float,
        -1_080..=-1_000 => mantissa * 2.0_f64.powi(step + 100) * 2.0_f64.powi(-100),
        1_025.. => f64::INFINITY * float,
        1_001..=1_024 => mantissa * 2.0_f64.powi(step - 100) * 2.0_f64.powi(100),
        -999..=1_000 => mantissa * 2.0_f64.powi(step),
    }
}

/// A float as `fmt` prints it with `%v`: the shortest digits that read back, with an exponent below 1e-4 and from 1e6 on.
pub fn print_float(float: f64) -> String {
    if float.is_nan() {
        return "NaN".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let (mantissa, exponent) = shortest(float);
    if (-4..6).contains(&exponent) {
        return format!("{float}");
    }
    with_exponent(&mantissa, exponent, ExponentWidth::TwoDigits)
}

/// A finite float as `encoding/json` prints it: an exponent below 1e-6 and from 1e21 on, without a leading zero.
/// `None` for NaN and infinities, which JSON cannot say.
pub fn print_json_float(float: f64) -> Option<String> {
    if !float.is_finite() {
        return None;
    }
    let size = float.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let (mantissa, exponent) = shortest(float);
        return Some(with_exponent(&mantissa, exponent, ExponentWidth::Shortest));
    }
    Some(format!("{float}"))
}

/// How many digits an exponent has at least.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ExponentWidth {
    TwoDigits,
    Shortest,
}

/// The shortest digits of a finite float (with sign and point) and its decimal exponent.
fn shortest(float: f64) -> (String, i32) {
    let text = format!("{float:e}");
    let (mantissa, exponent) = text
        .split_once('e')
        .expect("`{:e}` prints an exponent for finite floats");
    let exponent = exponent
        .parse()
        .expect("an exponent of a float has at most three digits");
    (mantissa.to_owned(), exponent)
}

fn with_exponent(mantissa: &str, exponent: i32, width: ExponentWidth) -> String {
    let mut out = mantissa.to_owned();
    let sign = if exponent < 0 { '-' } else { '+' };
    let size = exponent.unsigned_abs();
    // Writing to a String cannot fail.
    let _ = match width {
        // encoding/json shortens e-09 to e-9 but leaves e+21.
        ExponentWidth::Shortest => write!(out, "e{sign}{size}"),
        ExponentWidth::TwoDigits => write!(out, "e{sign}{size:02}"),
    };
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_go_prints_them() {
        let cases = [
            (100_000.0, "100000", "100000"),
            (1_000_000.0, "1e+06", "1000000"),
            (12_345_678.0, "1.2345678e+07", "12345678"),
            (1e20, "1e+20", "100000000000000000000"),
            (1e21, "1e+21", "1e+21"),
            (0.0001, "0.0001", "0.0001"),
            (0.00001, "1e-05", "0.00001"),
            (1e-7, "1e-07", "1e-7"),
            (-0.0, "-0", "-0"),
            (0.97, "0.97", "0.97"),
        ];
        for (float, printed, json) in cases {
            assert_eq!(print_float(float), printed);
            assert_eq!(print_json_float(float).as_deref(), Some(json));
        }
        assert_eq!(print_float(f64::INFINITY), "+Inf");
        assert_eq!(print_json_float(f64::NAN), None);
    }

    #[test]
    fn whole_and_half_powers_are_gos_to_the_last_bit() {
        for (base, exponent, power) in [
            (3.0, 2.5, 15.588_457_268_119_894),
            (2.0, 63.0, 9_223_372_036_854_775_808.0),
            (2.0, -1.0, 0.5),
            (-2.0, 3.0, -8.0),
            (2.0, 1_024.0, f64::INFINITY),
            (-2.0, 1_025.0, f64::NEG_INFINITY),
            (2.0, -1_074.0, 5e-324),
            (2.0, -1_080.0, 0.0),
            (10.0, 308.0, 1.000_000_000_000_000_6e308),
            (1.1, 1e300, f64::INFINITY),
            (0.5, 1e300, 0.0),
            (0.0, 0.0, 1.0),
            (1.0, f64::NAN, 1.0),
        ] {
            assert_eq!(
                pow(base, exponent).to_bits(),
                f64::to_bits(power),
                "{base} ** {exponent}"
            );
        }
        assert!(pow(-8.0, 1.0 / 3.0).is_nan());
    }

    #[test]
    fn floats_read_as_in_go() {
        for (text, float) in [
            ("1_000", 1_000.0),
            ("-.5e3", -500.0),
            ("1.", 1.0),
            ("0x1p4", 16.0),
            ("0x_1.8p1", 3.0),
            ("+Inf", f64::INFINITY),
        ] {
            assert_eq!(
                parse_float(text).map(f64::to_bits),
                Ok(float.to_bits()),
                "{text}"
            );
        }
        for text in [
            "+nan", "infin", ".", " 1", "0x10", "1__0", "_1", "1_", "--1", "",
        ] {
            assert_eq!(parse_float(text), Err(ParseNumberError::Syntax), "{text}");
        }
        assert_eq!(parse_float("1e999"), Err(ParseNumberError::Range));
        assert!(parse_float("nan").is_ok_and(f64::is_nan));
    }

    #[test]
    fn floats_beyond_the_integers_give_the_smallest_integer() {
        for float in [f64::NAN, 1e30, -1e30, 9_223_372_036_854_775_808.0] {
            assert_eq!(int_of(float), i64::MIN);
        }
        assert_eq!(int_of(3.99), 3);
        assert_eq!(int_of(-3.99), -3);
    }
}
