//! Hashes that may stand in names: no vowels, so that no bad word comes out.

use tidegate_gocompat::{fnv, json::Tree};

use crate::shape::{CANARY_STEPS, encode};

const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// The hash of some bytes: FNV-1a with 32 bits, printed as a number and encoded.
pub fn of_bytes(bytes: &[u8]) -> String {
    of_sum(fnv::hash(bytes))
}

/// A sum, printed as a number and encoded.
pub fn of_sum(sum: u32) -> String {
    encode_text(&sum.to_string())
}

/// Each character by a letter or digit that makes no words. A text with characters of several bytes
/// comes out as long as it was, with NUL behind it, as upstream's function has it.
pub fn encode_text(text: &str) -> String {
    let mut out: String = text.chars().map(letter).collect();
    while out.len() < text.len() {
        out.push('\0');
    }
    out
}

fn letter(char: char) -> char {
    let index = usize::try_from(u32::from(char) % 27).expect("a word holds 32 bits");
    char::from(ALPHABET[index])
}

/// The hash of a canary's steps, as they stand in the Rollout. Keeps STS-11.
pub fn of_steps<T: Tree>(steps: &T) -> String {
    of_bytes(steps_text(steps).as_bytes())
}

/// The bytes that [`of_steps`] hashes; no steps are written as `null`, however they are given.
pub fn steps_text<T: Tree>(steps: &T) -> String {
    let text = encode(&CANARY_STEPS, steps).text;
    if text == "[]" {
        return "null".to_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sums_are_encoded_digit_by_digit() {
        assert_eq!(of_bytes(b""), "65bb57b6b5");
        assert_eq!(encode_text("0123456789"), "456789bcdf");
        assert_eq!(encode_text("é"), "w\0");
    }

    #[test]
    fn no_steps_hash_alike() {
        assert_eq!(of_steps(&json!(null)), "5ffbfbbd64");
        assert_eq!(of_steps(&json!([])), "5ffbfbbd64");
    }

    #[test]
    fn steps_are_written_in_the_order_of_go() {
        let steps = json!([{"pause": {"duration": "1h"}}, {"setWeight": 5}, {}]);
        assert_eq!(
            steps_text(&steps),
            r#"[{"pause":{"duration":"1h"}},{"setWeight":5},{}]"#
        );
    }
}
