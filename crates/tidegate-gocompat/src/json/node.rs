//! A JSON value as it was written: members in their order, numbers by their text.

use std::fmt;

use serde_json::{Number, Value};

use crate::number::parse_float;

/// How deep a text may nest. Go's limit is 10,000; ours keeps us off the end of the stack, and no API
/// server hands out anything nearly as deep.
const MAX_DEPTH: usize = 500;

/// A JSON value that keeps what `serde_json` forgets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// null
    Null,
    /// true or false
    Bool(bool),
    /// A number's text.
    Number(String),
    /// A text, without escapes.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// An object: members in their order, doubled names included.
    Object(Vec<(String, Self)>),
}

impl Node {
    /// The value as Go holds it once it has read it into `any`: every number is a float, and of two
    /// members with the same name the last one counts.
    ///
    /// # Errors
    /// When a number is beyond the largest float.
    pub fn to_value(&self) -> Result<Value, SyntaxError> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Text(text) => Value::String(text.clone()),
            Self::Number(text) => {
                let float = parse_float(text).ok().and_then(Number::from_f64);
                let float = float.ok_or_else(|| {
                    let of = "of type float64";
                    SyntaxError(format!(
                        "json: cannot unmarshal number {text} into Go value {of}"
                    ))
                })?;
                Value::Number(float)
            }
            Self::List(items) => {
                Value::Array(items.iter().map(Self::to_value).collect::<Result<_, _>>()?)
            }
            Self::Object(members) => {
                let members = members.iter();
                let members = members.map(|(name, node)| Ok((name.clone(), node.to_value()?)));
                Value::Object(members.collect::<Result<_, _>>()?)
            }
        })
    }
}

/// What is wrong with a text that is no JSON; prints Go's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError(String);

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SyntaxError {}

/// Reads a JSON text.
///
/// # Errors
/// When it is none, or nests deeper than 500 levels.
pub fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut reader = Reader {
        bytes: text.as_bytes(),
        text,
        at: 0,
        depth: 0,
    };
    let node = reader.value()?;
    reader.skip_blanks();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.unexpected("after top-level value")),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Result<Node, SyntaxError> {
        self.skip_blanks();
        match self.peek() {
            None => Err(end()),
            Some(b'{') => self.object(),
            Some(b'[') => self.list(),
            Some(b'"') => self.string().map(Node::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Node::Bool(true)),
            Some(b'f') => self.word("false", Node::Bool(false)),
            Some(b'n') => self.word("null", Node::Null),
            Some(_) => Err(self.unexpected("looking for beginning of value")),
        }
    }

    fn object(&mut self) -> Result<Node, SyntaxError> {
        self.enter()?;
        let mut members = Vec::new();
        self.skip_blanks();
        if self.peek() == Some(b'}') {
            self.leave();
            return Ok(Node::Object(members));
        }
        loop {
            self.skip_blanks();
            match self.peek() {
                None => return Err(end()),
                Some(b'"') => {}
                Some(_) => {
                    return Err(self.unexpected("looking for beginning of object key string"));
                }
            }
            let name = self.string()?;
            self.expect(b':', "after object key")?;
            members.push((name, self.value()?));
            self.skip_blanks();
            match self.peek() {
                None => return Err(end()),
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.leave();
                    return Ok(Node::Object(members));
                }
                Some(_) => return Err(self.unexpected("after object key:value pair")),
            }
        }
    }

    fn list(&mut self) -> Result<Node, SyntaxError> {
        self.enter()?;
        let mut items = Vec::new();
        self.skip_blanks();
        if self.peek() == Some(b']') {
            self.leave();
            return Ok(Node::List(items));
        }
        loop {
            items.push(self.value()?);
            self.skip_blanks();
            match self.peek() {
                None => return Err(end()),
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.leave();
                    return Ok(Node::List(items));
                }
                Some(_) => return Err(self.unexpected("after array element")),
            }
        }
    }

    fn enter(&mut self) -> Result<(), SyntaxError> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SyntaxError("exceeded max depth".to_owned()));
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.at += 1;
        self.depth -= 1;
    }

    fn number(&mut self) -> Result<Node, SyntaxError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.skip_digits(),
            _ => return Err(self.unexpected("in numeric literal")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        Ok(Node::Number(self.text[start..self.at].to_owned()))
    }

    fn digits(&mut self, context: &str) -> Result<(), SyntaxError> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.unexpected(context));
        }
        self.skip_digits();
        Ok(())
    }

    fn skip_digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str, node: Node) -> Result<Node, SyntaxError> {
        for byte in word.bytes() {
            if self.peek() != Some(byte) {
                let wanted = char::from(byte);
                return Err(self.unexpected(&format!("in literal {word} (expecting '{wanted}')")));
            }
            self.at += 1;
        }
        Ok(node)
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        self.at += 1;
        let mut out = String::new();
        let mut start = self.at;
        loop {
            match self.peek() {
                None => return Err(end()),
                Some(b'"') => {
                    out.push_str(&self.text[start..self.at]);
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    out.push_str(&self.text[start..self.at]);
                    self.at += 1;
                    out.push(self.escape()?);
                    start = self.at;
                }
                Some(0..0x20) => return Err(self.unexpected("in string literal")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<char, SyntaxError> {
        let char = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.unexpected("in string escape code")),
        };
        self.at += 1;
        Ok(char)
    }

    /// A half of a surrogate pair without its other half becomes U+FFFD.
    fn unicode_escape(&mut self) -> Result<char, SyntaxError> {
        let first = self.hex()?;
        if (0xd800..0xdc00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u") {
            let before = self.at;
            self.at += 1;
            let second = self.hex()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<u32, SyntaxError> {
        self.at += 1;
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.unexpected("in \\u hexadecimal character escape"));
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn expect(&mut self, byte: u8, context: &str) -> Result<(), SyntaxError> {
        self.skip_blanks();
        match self.peek() {
            None => Err(end()),
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(self.unexpected(context)),
        }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Names the byte at hand; behind the end Go sees a blank.
    fn unexpected(&self, context: &str) -> SyntaxError {
        let byte = self.peek().unwrap_or(b' ');
        let shown = match byte {
            b'\'' => "'\\''".to_owned(),
            b'"' => "'\"'".to_owned(),
            byte => {
                let quoted = crate::quote::quote(char::from(byte).to_string().as_bytes());
                format!("'{}'", quoted.trim_matches('"'))
            }
        };
        SyntaxError(format!("invalid character {shown} {context}"))
    }
}

fn end() -> SyntaxError {
    SyntaxError("unexpected end of JSON input".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_numbers_stay_as_written() {
        let node =
            parse(" {\"b\": 1.0, \"a\": [1e+21, -0], \"b\": \"\\u00e9\\ud83d\\ude00\\ud800\"} ");
        let number = |text: &str| Node::Number(text.to_owned());
        assert_eq!(
            node,
            Ok(Node::Object(vec![
                ("b".to_owned(), number("1.0")),
                (
                    "a".to_owned(),
                    Node::List(vec![number("1e+21"), number("-0")])
                ),
                ("b".to_owned(), Node::Text("é😀\u{fffd}".to_owned())),
            ]))
        );
    }

    #[test]
    fn what_is_no_json_is_refused_in_words_of_go() {
        let cases = [
            ("", "unexpected end of JSON input"),
            ("[1", "unexpected end of JSON input"),
            ("\"a", "unexpected end of JSON input"),
            (
                "[1,]",
                "invalid character ']' looking for beginning of value",
            ),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            (
                "{\"a\":1 2}",
                "invalid character '2' after object key:value pair",
            ),
            (
                "{a}",
                "invalid character 'a' looking for beginning of object key string",
            ),
            ("[1 2]", "invalid character '2' after array element"),
            ("01", "invalid character '1' after top-level value"),
            (
                "5.",
                "invalid character ' ' after decimal point in numeric literal",
            ),
            ("1e", "invalid character ' ' in exponent of numeric literal"),
            ("-", "invalid character ' ' in numeric literal"),
            (
                "tru",
                "invalid character ' ' in literal true (expecting 'e')",
            ),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            (
                "\"\\u12g4\"",
                "invalid character 'g' in \\u hexadecimal character escape",
            ),
            ("\"a\nb\"", "invalid character '\\n' in string literal"),
            (
                "'",
                "invalid character '\\'' looking for beginning of value",
            ),
        ];
        for (text, error) in cases {
            assert_eq!(parse(text).unwrap_err().to_string(), error, "{text}");
        }
    }

    #[test]
    fn deep_texts_are_refused_and_do_not_end_the_stack() {
        let deep = "[".repeat(100_000);
        assert_eq!(parse(&deep).unwrap_err().to_string(), "exceeded max depth");
    }
}
