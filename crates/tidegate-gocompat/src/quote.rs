//! Go's double-quoted literals, as `%q` and `%#v` print a string.

use std::fmt::Write as _;

/// A text in quotes as `strconv.Quote` writes it: what does not print is escaped, bytes that are no UTF-8 as `\xNN`.
pub fn quote(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            quote_character(&mut out, character);
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

fn quote_character(out: &mut String, character: char) {
    let escape = match character {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\u{b}' => "\\v",
        _ => "",
    };
    if !escape.is_empty() {
        out.push_str(escape);
        return;
    }
    // Writing to a String cannot fail.
    let _ = match u32::from(character) {
        _ if is_printed(character) => out.write_char(character),
        code @ (0..=0x1f | 0x7f) => write!(out, "\\x{code:02x}"),
        code @ 0..=0xffff => write!(out, "\\u{code:04x}"),
        code => write!(out, "\\U{code:08x}"),
    };
}

/// The byte that the one letter behind a backslash stands for, in literals of Go and of expressions.
pub(crate) fn control(letter: char) -> Option<u8> {
    Some(match letter {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        _ => return None,
    })
}

/// Whether Go takes a character for printable: letters, marks, numbers, punctuation, symbols and the plain space.
pub(crate) fn is_printed(character: char) -> bool {
    match character {
        ' '..='~' => true,
        _ if character.is_whitespace() || character.is_control() => false,
        // Rust escapes what is unassigned, private, or a mark that would join the quote; the mark prints in Go.
        _ => {
            let escaped = character.escape_debug();
            escaped.len() == 1 || character.is_alphanumeric()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_in_go() {
        assert_eq!(quote(b"a\"b\\c\n"), r#""a\"b\\c\n""#);
        assert_eq!(quote("é\u{0}\u{7f}".as_bytes()), r#""é\x00\x7f""#);
        assert_eq!(quote(b"\xff"), r#""\xff""#);
        assert_eq!(quote(b"\x07\x08\x0c\n\r\t\x0b"), r#""\a\b\f\n\r\t\v""#);
        assert_eq!(quote("\u{a0}\u{200b}".as_bytes()), r#""\u00a0\u200b""#);
    }

    #[test]
    fn letters_behind_a_backslash_are_read_as_they_are_written() {
        for letter in "abfnrtv".chars() {
            let byte = control(letter).unwrap();
            assert_eq!(quote(&[byte]), format!("\"\\{letter}\""));
        }
        assert_eq!(control('q'), None);
    }
}
