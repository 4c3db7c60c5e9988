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
    fn floats_beyond_the_integers_give_the_smallest_integer() {
        for float in [f64::NAN, 1e30, -1e30, 9_223_372_036_854_775_808.0] {
            assert_eq!(int_of(float), i64::MIN);
        }
        assert_eq!(int_of(3.99), 3);
        assert_eq!(int_of(-3.99), -3);
    }
}
