//! Numbers that may be percentages: what `25%` of ten pods is.

use std::fmt;

use tidegate_gocompat::{
    number::{ParseNumberError, float_of, int_of, parse_int},
    quote::quote,
};

use crate::int_or_string::IntOrString;

/// Where a part of a whole goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the next larger whole number.
    Up,
    /// To the next smaller one.
    Down,
}

/// Why a text is no percentage; prints Kubernetes' words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAPercentageError(String);

impl fmt::Display for NotAPercentageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid value for IntOrString: {}", self.0)
    }
}

impl std::error::Error for NotAPercentageError {}

/// The number as it is, or the percentage of a total. A text needs its `%`.
///
/// # Errors
/// When a text is no whole number with a `%` behind it.
pub fn scaled(
    value: &IntOrString,
    total: i64,
    rounding: Rounding,
) -> Result<i64, NotAPercentageError> {
    match value {
        IntOrString::Int(number) => Ok(i64::from(*number)),
        IntOrString::String(text) => {
            let digits = text.strip_suffix('%').ok_or_else(|| {
                NotAPercentageError("invalid type: string is not a percentage".to_owned())
            })?;
            percentage(text, digits, total, rounding)
        }
    }
}

/// [`scaled`] as upstream has it for `maxSurge` and `maxUnavailable`: **any** text is a percentage, so
/// that `"2"` is two per cent. Keeps CAN-01.
///
/// # Errors
/// When a text less all its `%` is no whole number.
pub fn scaled_any_text(
    value: &IntOrString,
    total: i64,
    rounding: Rounding,
) -> Result<i64, NotAPercentageError> {
    match value {
        IntOrString::Int(number) => Ok(i64::from(*number)),
        IntOrString::String(text) => percentage(text, &text.replace('%', ""), total, rounding),
    }
}

/// The whole number that a value says, 0 if it says none. Beyond 64 bits it is the largest or smallest
/// one, even where something else follows the digits.
pub fn whole(value: &IntOrString) -> i64 {
    let text = match value {
        IntOrString::Int(number) => return i64::from(*number),
        IntOrString::String(text) => text,
    };
    if let Ok(number) = parse_int(text) {
        return number;
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = digits.find(|char: char| !char.is_ascii_digit());
    let (digits, rest) = digits.split_at(end.unwrap_or(digits.len()));
    // Go reads digit by digit and stops where 64 bits without a sign are full.
    let is_full = parse_int(digits) == Err(ParseNumberError::Range)
        && (rest.is_empty() || digits.parse::<u64>().is_err());
    match (is_full, text.starts_with('-')) {
        (false, _) => 0,
        (true, false) => i64::MAX,
        (true, true) => i64::MIN,
    }
}

/// Computed in floats, as Kubernetes does: beyond 2^53 the last digits are lost.
fn percentage(
    text: &str,
    digits: &str,
    total: i64,
    rounding: Rounding,
) -> Result<i64, NotAPercentageError> {
    let percent = parse_int(digits).map_err(|error| {
        let text = quote(text.as_bytes());
        NotAPercentageError(format!(
            "invalid value {text}: {}",
            error.text("Atoi", digits)
        ))
    })?;
    let part = float_of(percent) * float_of(total) / 100.0;
    Ok(int_of(match rounding {
        Rounding::Up => part.ceil(),
        Rounding::Down => part.floor(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> IntOrString {
        IntOrString::from(text)
    }

    #[test]
    fn percentages_round_as_asked() {
        assert_eq!(scaled(&text("33%"), 10, Rounding::Up), Ok(4));
        assert_eq!(scaled(&text("33%"), 10, Rounding::Down), Ok(3));
        assert_eq!(scaled(&text("-33%"), 10, Rounding::Up), Ok(-3));
        assert_eq!(scaled(&IntOrString::Int(7), 10, Rounding::Up), Ok(7));
    }

    #[test]
    fn whole_numbers_stop_at_64_bits() {
        assert_eq!(whole(&text("7")), 7);
        assert_eq!(whole(&text("7%")), 0);
        assert_eq!(whole(&text("99999999999999999999%")), i64::MAX);
        assert_eq!(whole(&text("-9223372036854775809")), i64::MIN);
        assert_eq!(whole(&text("9223372036854775808x")), 0);
    }

    #[test]
    fn surge_takes_any_text_for_a_percentage() {
        assert_eq!(scaled_any_text(&text("20"), 10, Rounding::Up), Ok(2));
        assert_eq!(scaled_any_text(&text("2%0%"), 10, Rounding::Up), Ok(2));
        let error = scaled(&text("20"), 10, Rounding::Up).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid value for IntOrString: invalid type: string is not a percentage"
        );
        let error = scaled_any_text(&text("x%"), 10, Rounding::Up).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid value for IntOrString: invalid value \"x%\": strconv.Atoi: parsing \"x\": invalid syntax"
        );
    }
}
