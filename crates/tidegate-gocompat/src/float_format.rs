//! Floats as Go's verbs `e`, `f` and `%.2f` print them (`g` and `%v` are [`crate::number::print_float`]).

use std::fmt::Write as _;

/// The shortest digits that read back, with an exponent of at least two digits (`strconv`'s `e`).
pub fn with_exponent(float: f64) -> String {
    if let Some(name) = name(float) {
        return name.to_owned();
    }
    let text = format!("{float:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// The shortest digits that read back, without an exponent (`strconv`'s `f` with precision -1).
pub fn plain(float: f64) -> String {
    name(float).map_or_else(|| format!("{float}"), str::to_owned)
}

/// A number of decimals, rounded to the nearest (`%.2f`, `%f` with six).
pub fn fixed(float: f64, decimals: usize) -> String {
    name(float).map_or_else(|| format!("{float:.decimals$}"), str::to_owned)
}

/// What `fmt` prints for a float with a verb that floats do not have, such as `%d`.
pub fn wrong_verb(verb: char, float: f64) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "%!{verb}(float64={})",
        crate::number::print_float(float)
    );
    out
}

fn name(float: f64) -> Option<&'static str> {
    if float.is_nan() {
        return Some("NaN");
    }
    if float.is_infinite() {
        return Some(if float > 0.0 { "+Inf" } else { "-Inf" });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_each_verb_has_it() {
        assert_eq!(with_exponent(0.0), "0e+00");
        assert_eq!(with_exponent(-755.0), "-7.55e+02");
        assert_eq!(with_exponent(1e-100), "1e-100");
        assert_eq!(plain(1e21), "1000000000000000000000");
        assert_eq!(fixed(2.675, 2), "2.67");
        assert_eq!(fixed(0.5, 0), "0");
        assert_eq!(fixed(f64::INFINITY, 2), "+Inf");
        assert_eq!(wrong_verb('d', 1e6), "%!d(float64=1e+06)");
    }
}
