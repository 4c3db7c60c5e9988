//! What escape sequences in strings mean.

use crate::quote;

/// How a string's escapes are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flavour {
    /// `\xff` is the character U+00FF.
    Text,
    /// `\xff` is the byte 255, and `\u` is an error.
    Bytes,
}

/// Takes the quotes off a string and resolves its escapes.
pub(super) fn unescape(quoted: &str) -> Result<String, String> {
    let bytes = resolve(quoted, Flavour::Text)?;
    Ok(String::from_utf8(bytes).expect("text escapes give whole characters"))
}

/// Takes the quotes off a byte string and resolves its escapes.
pub(super) fn unescape_bytes(quoted: &str) -> Result<Vec<u8>, String> {
    resolve(quoted, Flavour::Bytes)
}

fn resolve(quoted: &str, flavour: Flavour) -> Result<Vec<u8>, String> {
    let normal = quoted.replace("\r\n", "\n").replace('\r', "\n");
    let mut rest = normal
        .get(1..normal.len().saturating_sub(1))
        .ok_or_else(wrong)?;
    let mut out = Vec::with_capacity(rest.len());
    while let Some((plain, escaped)) = rest.split_once('\\') {
        out.extend_from_slice(plain.as_bytes());
        rest = resolve_one(escaped, flavour, &mut out)?;
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

fn wrong() -> String {
    "unable to unescape string".to_owned()
}

/// Resolves the escape whose backslash was taken off; what follows it.
fn resolve_one<'t>(
    escaped: &'t str,
    flavour: Flavour,
    out: &mut Vec<u8>,
) -> Result<&'t str, String> {
    let Some(kind) = escaped.chars().next() else {
        return Err("unable to unescape string, found '\\' as last character".to_owned());
    };
    let rest = &escaped[kind.len_utf8()..];
    if let Some(byte) = quote::control(kind) {
        out.push(byte);
        return Ok(rest);
    }
    if matches!(kind, '\\' | '\'' | '"' | '`' | '?') {
        out.push(u8::try_from(kind).expect("these characters are ASCII"));
        return Ok(rest);
    }
    let (code, rest) = match kind {
        'u' if flavour == Flavour::Text && rest.starts_with('{') => {
            let (digits, rest) = rest[1..].split_once('}').ok_or_else(wrong)?;
            (number(digits, 16)?, rest)
        }
        'x' | 'X' => take(rest, 2, 16)?,
        'u' if flavour == Flavour::Text => take(rest, 4, 16)?,
        'U' if flavour == Flavour::Text => take(rest, 8, 16)?,
        '0'..='3' => take(escaped, 3, 8)
            .map_err(|_| "unable to unescape octal sequence in string".to_owned())?,
        _ => return Err(wrong()),
    };
    if flavour == Flavour::Bytes {
        out.push(u8::try_from(code).map_err(|_| wrong())?);
        return Ok(rest);
    }
    if code > u32::from(char::MAX) {
        return Err(wrong());
    }
    // Go writes the replacement character for half of a surrogate pair.
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(rest)
}

/// The number of exactly `count` digits at the start, and what follows.
fn take(text: &str, count: usize, base: u32) -> Result<(u32, &str), String> {
    let (digits, rest) = text.split_at_checked(count).ok_or_else(wrong)?;
    Ok((number(digits, base)?, rest))
}

fn number(digits: &str, base: u32) -> Result<u32, String> {
    if !digits.chars().all(|digit| digit.is_digit(base)) {
        return Err(wrong());
    }
    u32::from_str_radix(digits, base).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_give_characters_in_strings_and_bytes_in_byte_strings() {
        assert_eq!(
            unescape(r#""a\x41\u00e9\101\u{1F600}\?""#).unwrap(),
            "aAéA😀?"
        );
        assert_eq!(unescape(r#""\xff""#).unwrap(), "ÿ");
        assert_eq!(unescape_bytes(r#""\xff\n""#).unwrap(), b"\xff\n");
        assert!(unescape_bytes(r#""\u00e9""#).is_err());
        assert!(unescape(r#""\400""#).is_err());
    }
}
