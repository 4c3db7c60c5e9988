//! The words of the language.

use std::fmt;

use crate::quote::quote;

/// What sort of word a token is; the names stand in error texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name.
    Identifier,
    /// A number's text.
    Number,
    /// A string, unescaped.
    String,
    /// A byte string, unescaped.
    Bytes,
    /// An operator or keyword.
    Operator,
    /// One of `([{}])`.
    Bracket,
    /// The end of the source.
    End,
}

impl TokenKind {
    fn name(self) -> &'static str {
        match self {
            Self::Identifier => "Identifier",
            Self::Number => "Number",
            Self::String => "String",
            Self::Bytes => "Bytes",
            Self::Operator => "Operator",
            Self::Bracket => "Bracket",
            Self::End => "EOF",
        }
    }
}

/// A word of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// Its sort.
    pub(super) kind: TokenKind,
    /// Its text; bytes because a byte string may hold any.
    pub(super) text: Vec<u8>,
}

impl Token {
    /// A token of a text.
    pub(super) fn new(kind: TokenKind, text: &str) -> Self {
        Self {
            kind,
            text: text.as_bytes().to_vec(),
        }
    }

    /// The text; only byte strings may be no UTF-8, and nobody asks for theirs.
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    /// Whether this is the operator.
    pub(super) fn is_operator(&self, operator: &str) -> bool {
        self.kind == TokenKind::Operator && self.text == operator.as_bytes()
    }

    /// Whether this is the bracket.
    pub(super) fn is_bracket(&self, bracket: &str) -> bool {
        self.kind == TokenKind::Bracket && self.text == bracket.as_bytes()
    }
}

/// `Operator("+")`, as error texts name tokens.
impl fmt::Display for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.kind.name())?;
        if self.text.is_empty() {
            return Ok(());
        }
        write!(out, "({})", quote(&self.text))
    }
}
