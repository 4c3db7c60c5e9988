//! How long a canary's pause takes.

use tidegate_gocompat::duration;

use crate::int_or_string::IntOrString;

/// A pause's length in seconds: a number, digits, or a Go duration cut to whole seconds; -1 for what
/// nobody can read, and the smallest number for durations beyond 32 bits, as upstream's conversion has
/// it. Keeps CAN-31.
pub fn seconds(duration: &IntOrString) -> i32 {
    match duration {
        IntOrString::Int(seconds) => *seconds,
        IntOrString::String(text) => text.parse().unwrap_or_else(|_| {
            duration::parse(text).map_or(-1, |length| {
                i32::try_from(length.whole_seconds()).unwrap_or(i32::MIN)
            })
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_seconds_and_durations_are_cut() {
        let cases = [
            ("30", 30),
            ("-5", -5),
            ("1.5m", 90),
            ("1999ms", 1),
            ("1d", -1),
            ("", -1),
            ("2147483648", -1),
            ("600000h", i32::MIN),
        ];
        for (text, expected) in cases {
            assert_eq!(seconds(&IntOrString::from(text)), expected, "{text}");
        }
        assert_eq!(seconds(&IntOrString::Int(7)), 7);
    }
}
