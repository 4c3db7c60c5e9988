//! Quoted texts in paths: Go's escapes, in either kind of quotes.

use crate::quote;

/// Takes the quotes off a text and resolves its escapes; `None` if it is not well-formed. The bytes need not be UTF-8:
/// `\xff` is one byte.
pub(super) fn unquote(quoted: &str) -> Option<Vec<u8>> {
    let mark = quoted.chars().next()?;
    let inner = quoted.strip_prefix(mark)?.strip_suffix(mark)?;
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(character) = rest.chars().next() {
        if character == mark {
            return None;
        }
        rest = &rest[character.len_utf8()..];
        if character == '\\' {
            rest = escape(rest, mark, &mut out)?;
        } else {
            push(character, &mut out);
        }
    }
    Some(out)
}

fn push(character: char, out: &mut Vec<u8>) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Resolves the escape whose backslash was taken off; what follows it.
fn escape<'t>(escaped: &'t str, mark: char, out: &mut Vec<u8>) -> Option<&'t str> {
    let kind = escaped.chars().next()?;
    let rest = &escaped[kind.len_utf8()..];
    if let Some(byte) = quote::control(kind) {
        out.push(byte);
        return Some(rest);
    }
    let byte = match kind {
        '\\' => b'\\',
        '\'' | '"' if kind == mark => u8::try_from(kind).ok()?,
        'x' => {
            let (code, rest) = number(rest, 2, 16)?;
            out.push(u8::try_from(code).ok()?);
            return Some(rest);
        }
        'u' | 'U' => {
            let (code, rest) = number(rest, if kind == 'u' { 4 } else { 8 }, 16)?;
            push(char::from_u32(code)?, out);
            return Some(rest);
        }
        '0'..='7' => {
            let (code, rest) = number(escaped, 3, 8)?;
            out.push(u8::try_from(code).ok()?);
            return Some(rest);
        }
        _ => return None,
    };
    out.push(byte);
    Some(rest)
}

/// The number of exactly `count` digits at the start, and what follows.
fn number(text: &str, count: usize, base: u32) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(count)?;
    if !digits.chars().all(|digit| digit.is_digit(base)) {
        return None;
    }
    Some((u32::from_str_radix(digits, base).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(quoted: &str, expected: Option<&[u8]>) {
        assert_eq!(unquote(quoted).as_deref(), expected, "{quoted}");
    }

    #[test]
    fn escapes_are_those_of_go_literals() {
        check(r"'a\n\t\\\'b'", Some(b"a\n\t\\'b"));
        check(
            r#""\"\x41\101\u00e9\U0001F600""#,
            Some("\"AAé😀".as_bytes()),
        );
        check(r"'\xff'", Some(b"\xff"));
        check("''", Some(b""));
    }

    #[test]
    fn what_is_no_escape_is_refused() {
        for quoted in [
            r#"'\"'"#,
            r"'\q'",
            r"'\x4'",
            r"'\400'",
            r"'\ud800'",
            "'a'b'",
            "'",
            "",
            r"'\",
        ] {
            check(quoted, None);
        }
    }
}
