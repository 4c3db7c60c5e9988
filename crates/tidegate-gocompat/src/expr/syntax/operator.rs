//! Operators, as they are spelled and how close they bind.

use super::super::token::Token;

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::expr) enum Unary {
    Not,
    Minus,
    Plus,
}

/// Operators with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::expr) enum Binary {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    Greater,
    GreaterOrEqual,
    LessOrEqual,
    In,
    Matches,
    Contains,
    StartsWith,
    EndsWith,
    Range,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Coalesce,
}

/// An operator as it is spelled in expressions and errors.
#[derive(Debug)]
pub(in crate::expr) struct Word<O> {
    pub(in crate::expr) text: &'static str,
    pub(in crate::expr) operator: O,
    /// A higher one binds closer.
    pub(in crate::expr) precedence: u32,
}

const fn word<O>(text: &'static str, operator: O, precedence: u32) -> Word<O> {
    Word {
        text,
        operator,
        precedence,
    }
}

/// The `&&` of a chain of comparisons.
pub(in crate::expr) static CHAINED_AND: Word<Binary> = word("&&", Binary::And, 15);

static BINARY: [Word<Binary>; 24] = [
    word("or", Binary::Or, 10),
    word("||", Binary::Or, 10),
    word("and", Binary::And, 15),
    word("&&", Binary::And, 15),
    word("==", Binary::Equal, 20),
    word("!=", Binary::NotEqual, 20),
    word("<", Binary::Less, 20),
    word(">", Binary::Greater, 20),
    word(">=", Binary::GreaterOrEqual, 20),
    word("<=", Binary::LessOrEqual, 20),
    word("in", Binary::In, 20),
    word("matches", Binary::Matches, 20),
    word("contains", Binary::Contains, 20),
    word("startsWith", Binary::StartsWith, 20),
    word("endsWith", Binary::EndsWith, 20),
    word("..", Binary::Range, 25),
    word("+", Binary::Add, 30),
    word("-", Binary::Subtract, 30),
    word("*", Binary::Multiply, 60),
    word("/", Binary::Divide, 60),
    word("%", Binary::Modulo, 60),
    word("**", Binary::Power, 100),
    word("^", Binary::Power, 100),
    word("??", Binary::Coalesce, 500),
];

static UNARY: [Word<Unary>; 4] = [
    word("not", Unary::Not, 50),
    word("!", Unary::Not, 50),
    word("-", Unary::Minus, 90),
    word("+", Unary::Plus, 90),
];

impl Binary {
    /// The operator a token spells.
    pub(in crate::expr) fn of(token: &Token) -> Option<&'static Word<Self>> {
        BINARY.iter().find(|word| token.is_operator(word.text))
    }

    /// Whether this is `<`, `>`, `<=` or `>=`, which may stand in a chain.
    pub(in crate::expr) fn is_comparison(self) -> bool {
        matches!(
            self,
            Self::Less | Self::Greater | Self::GreaterOrEqual | Self::LessOrEqual
        )
    }

    /// Whether `not` may stand before it.
    pub(in crate::expr) fn is_negatable(self) -> bool {
        matches!(
            self,
            Self::In | Self::Matches | Self::Contains | Self::StartsWith | Self::EndsWith
        )
    }
}

impl Unary {
    /// The operator a token spells.
    pub(in crate::expr) fn of(token: &Token) -> Option<&'static Word<Self>> {
        UNARY.iter().find(|word| token.is_operator(word.text))
    }
}
