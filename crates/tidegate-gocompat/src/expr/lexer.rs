//! Cuts the source into tokens, one at a time, so that an error in its tail does not hide one before it.

use super::escape::{unescape, unescape_bytes};
use super::token::{Token, TokenKind};

/// A question about a character.
type Test = fn(char) -> bool;

/// Names that are operators.
const KEYWORDS: [&str; 11] = [
    "in",
    "or",
    "and",
    "matches",
    "contains",
    "startsWith",
    "endsWith",
    "let",
    "if",
    "else",
    "not",
];

/// A cursor over the source.
pub(super) struct Lexer<'s> {
    source: &'s str,
    /// Where the token at hand begins, in bytes.
    start: usize,
    /// Where reading goes on, in bytes.
    end: usize,
    /// Whether the token before was `#`, after which only a name without blanks is read.
    is_after_pointer: bool,
    /// A token that was read and given back.
    waiting: Option<Token>,
}

impl<'s> Lexer<'s> {
    /// A cursor at the beginning.
    pub(super) fn new(source: &'s str) -> Self {
        Self {
            source,
            start: 0,
            end: 0,
            is_after_pointer: false,
            waiting: None,
        }
    }

    /// Gives a token back: it comes next.
    pub(super) fn put_back(&mut self, token: Token) {
        self.waiting = Some(token);
    }

    /// The next token; at the end [`TokenKind::End`], again and again.
    ///
    /// # Errors
    /// With Go's text, if what follows is no token.
    pub(super) fn next_token(&mut self) -> Result<Token, String> {
        if let Some(token) = self.waiting.take() {
            return Ok(token);
        }
        if std::mem::take(&mut self.is_after_pointer) {
            self.start = self.end;
            self.skip_while(is_name_character);
            if self.end > self.start {
                return Ok(self.token(TokenKind::Identifier));
            }
        }
        self.skip_blanks_and_comments()?;
        self.start = self.end;
        let Some(first) = self.next() else {
            return Ok(Token::new(TokenKind::End, ""));
        };
        match first {
            '\'' | '"' => {
                self.string(first)?;
                Ok(Token::new(TokenKind::String, &unescape(self.word())?))
            }
            '`' => self.raw_string(),
            'b' | 'B' if matches!(self.peek(), Some('\'' | '"')) => {
                let quote = self.next().unwrap_or('"');
                self.string(quote)?;
                Ok(Token {
                    kind: TokenKind::Bytes,
                    text: unescape_bytes(&self.word()[1..])?,
                })
            }
            '0'..='9' => {
                self.end = self.start;
                self.number()
            }
            '.' => self.dot(),
            '(' | '[' | '{' | ')' | ']' | '}' => Ok(self.token(TokenKind::Bracket)),
            _ => self.operator_or_name(first),
        }
    }

    fn operator_or_name(&mut self, first: char) -> Result<Token, String> {
        match first {
            '?' => self.accept(".?"),
            '#' => {
                self.accept("#");
                self.is_after_pointer = true;
            }
            '|' => self.accept("|"),
            ':' => self.accept(":"),
            ',' | ';' | '%' | '+' | '-' | '^' | '/' => {}
            '&' | '!' | '=' | '*' | '<' | '>' => self.accept("&=*"),
            _ if is_name_character(first) => {
                self.skip_while(is_name_character);
                let is_keyword = KEYWORDS.contains(&self.word());
                return Ok(self.token(if is_keyword {
                    TokenKind::Operator
                } else {
                    TokenKind::Identifier
                }));
            }
            _ => {
                let code = u32::from(first);
                return Err(format!("unrecognized character: U+{code:04X} '{first}'"));
            }
        }
        Ok(self.token(TokenKind::Operator))
    }

    fn skip_blanks_and_comments(&mut self) -> Result<(), String> {
        loop {
            self.skip_while(char::is_whitespace);
            let rest = &self.source[self.end..];
            if rest.starts_with("//") {
                self.skip_while(|character| character != '\n');
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let length = comment.find("*/").ok_or("unclosed comment")?;
                self.end += 2 + length + 2;
            } else {
                return Ok(());
            }
        }
    }

    /// Reads up to the closing quote, which was opened before.
    fn string(&mut self, quote: char) -> Result<(), String> {
        loop {
            match self.next() {
                None | Some('\n') => return Err("literal not terminated".to_owned()),
                Some('\\') => self.escape(quote)?,
                Some(character) if character == quote => return Ok(()),
                Some(_) => {}
            }
        }
    }

    /// Checks the form of an escape sequence behind its backslash; its meaning is [`unescape`]'s.
    fn escape(&mut self, quote: char) -> Result<(), String> {
        let wrong = || "invalid char escape".to_owned();
        let (base, count) = match self.next() {
            Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\') => return Ok(()),
            Some(character) if character == quote => return Ok(()),
            // The first octal digit is read already.
            Some('0'..='7') => (8, 2),
            Some('x') => (16, 2),
            Some('u') if self.peek() == Some('{') => {
                self.next();
                let digits = self.digits(16, 6);
                return match (digits, self.next()) {
                    (1.., Some('}')) => Ok(()),
                    _ => Err(wrong()),
                };
            }
            Some('u') => (16, 4),
            Some('U') => (16, 8),
            _ => return Err(wrong()),
        };
        if self.digits(base, count) < count {
            return Err(wrong());
        }
        Ok(())
    }

    /// Reads at most `most` digits of the base; how many there were.
    fn digits(&mut self, base: u32, most: usize) -> usize {
        let mut count = 0;
        while count < most && self.peek().is_some_and(|digit| digit.is_digit(base)) {
            self.next();
            count += 1;
        }
        count
    }

    /// Reads a string in backquotes; two of them are one.
    fn raw_string(&mut self) -> Result<Token, String> {
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err("literal not terminated".to_owned()),
                Some('`') if self.peek() == Some('`') => {
                    self.next();
                    text.push('`');
                }
                Some('`') => return Ok(Token::new(TokenKind::String, &text)),
                Some(character) => text.push(character),
            }
        }
    }

    /// Reads a number's text; whether it means something is the parser's.
    fn number(&mut self) -> Result<Token, String> {
        let mut is_digit: Test = |c| c.is_ascii_digit() || c == '_';
        if self.peek() == Some('0') {
            self.next();
            let prefixes: [(&str, Test); 3] = [
                ("xX", |c| c.is_ascii_hexdigit() || c == '_'),
                ("oO", |c| matches!(c, '0'..='7' | '_')),
                ("bB", |c| matches!(c, '0' | '1' | '_')),
            ];
            for (prefix, digits) in prefixes {
                if self.peek().is_some_and(|c| prefix.contains(c)) {
                    self.next();
                    is_digit = digits;
                    break;
                }
            }
        }
        self.skip_while(is_digit);
        let before_dot = self.end;
        if self.peek() == Some('.') {
            self.next();
            // `1..2` is a range.
            if self.peek() == Some('.') {
                self.end = before_dot;
                return Ok(self.token(TokenKind::Number));
            }
            self.skip_while(is_digit);
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            self.next();
            self.accept("+-");
            self.skip_while(is_digit);
        }
        if self.peek().is_some_and(is_name_character) {
            self.next();
            let word = crate::quote::quote(self.word().as_bytes());
            return Err(format!("bad number syntax: {word}"));
        }
        Ok(self.token(TokenKind::Number))
    }

    /// Reads `.`, `..` or a number that begins with its point.
    fn dot(&mut self) -> Result<Token, String> {
        if self.peek().is_some_and(|next| next.is_ascii_digit()) {
            return self.number();
        }
        self.accept(".");
        Ok(self.token(TokenKind::Operator))
    }

    fn token(&self, kind: TokenKind) -> Token {
        Token::new(kind, self.word())
    }

    fn word(&self) -> &'s str {
        &self.source[self.start..self.end]
    }

    fn peek(&self) -> Option<char> {
        self.source[self.end..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.end += next.len_utf8();
        Some(next)
    }

    fn accept(&mut self, valid: &str) {
        if self.peek().is_some_and(|next| valid.contains(next)) {
            self.next();
        }
    }

    fn skip_while(&mut self, is_wanted: Test) {
        while self.peek().is_some_and(is_wanted) {
            self.next();
        }
    }
}

/// Whether a character may stand in a name.
fn is_name_character(character: char) -> bool {
    matches!(character, '_' | '$') || character.is_alphanumeric()
}

/// Whether a text is a name, keywords included.
pub(super) fn is_name(text: &str) -> bool {
    let starts_with_letter = text
        .chars()
        .next()
        .is_some_and(|first| matches!(first, '_' | '$') || first.is_alphabetic());
    starts_with_letter && text.chars().all(is_name_character)
}
