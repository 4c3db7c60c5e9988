//! Numbers that may be percentages: what `25%` of ten pods is.

use std::fmt;

use tidegate_gocompat::{
    number::{float_of, int_of},
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

/// The whole number that a value says, 0 if it says none.
pub fn whole(value: &IntOrString) -> i64 {
    match value {
        IntOrString::Int(number) => i64::from(*number),
        IntOrString::String(text) => text.parse().unwrap_or(0),
    }
}

/// Computed in floats, as Kubernetes does: beyond 2^53 the last digits are lost.
fn percentage(
    text: &str,
    digits: &str,
    total: i64,
    rounding: Rounding,
) -> Result<i64, NotAPercentageError> {
    let percent = tidegate_gocompat::number::parse_int(digits).map_err(|error| {
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
