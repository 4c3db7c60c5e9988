//! The text form of selectors.

use std::collections::{BTreeSet, VecDeque};

use super::{Operator, Requirement, invalid, quoted};
use crate::names::qualified_name_faults;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    End,
    Open,
    Close,
    Comma,
    Not,
    Word,
    Operator(Operator),
    Unknown,
}

#[derive(Clone, Debug)]
struct Token {
    kind: Kind,
    text: String,
}

impl Token {
    fn starts_requirement(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Not)
    }

    /// `in` and `notin` are words like any other where no operator can stand.
    fn or_word(mut self) -> Self {
        if matches!(self.kind, Kind::Operator(Operator::In | Operator::NotIn)) {
            self.kind = Kind::Word;
        }
        self
    }
}

/// Reads a selector's demands in their order.
pub(super) fn read(text: &str) -> Result<Vec<Requirement>, String> {
    let mut tokens = Tokens(scan(text));
    let mut requirements = Vec::new();
    loop {
        let token = tokens.peek();
        if token.kind == Kind::End {
            return Ok(requirements);
        }
        if !token.starts_requirement() {
            return Err(found(&token, "!, identifier, or 'end of string'"));
        }
        let requirement = tokens.requirement();
        let requirement =
            requirement.map_err(|error| format!("unable to parse requirement: {error}"))?;
        requirements.push(requirement);
        let token = tokens.next();
        if token.kind == Kind::End {
            return Ok(requirements);
        }
        if token.kind != Kind::Comma {
            return Err(found(&token, "',' or 'end of string'"));
        }
        let next = tokens.peek();
        if !next.starts_requirement() {
            return Err(found(&next, "identifier after ','"));
        }
    }
}

fn found(token: &Token, expected: &str) -> String {
    format!("found '{}', expected: {expected}", token.text)
}

/// What is left to read; behind the last token there is the end.
struct Tokens(VecDeque<Token>);

impl Tokens {
    fn peek(&self) -> Token {
        self.0.front().cloned().unwrap_or_else(end).or_word()
    }

    fn next(&mut self) -> Token {
        self.0.pop_front().unwrap_or_else(end).or_word()
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let mut token = self.next();
        let negated = token.kind == Kind::Not;
        if negated {
            token = self.next();
        }
        if token.kind != Kind::Word {
            return Err(found(&token, "identifier"));
        }
        let key = token.text;
        let wrong = qualified_name_faults(&key);
        if !wrong.is_empty() {
            return Err(invalid("<nil>", &quoted(&key), &wrong.join("; ")));
        }
        if negated {
            return Requirement::new(&key, Operator::DoesNotExist, Vec::new());
        }
        if matches!(self.peek().kind, Kind::End | Kind::Comma) {
            return Requirement::new(&key, Operator::Exists, Vec::new());
        }
        let token = self.0.pop_front().unwrap_or_else(end);
        let Kind::Operator(operator) = token.kind else {
            return Err(found(&token, "in, notin, =, ==, !=, gt, lt"));
        };
        let values = if matches!(operator, Operator::In | Operator::NotIn) {
            self.values()?
        } else {
            BTreeSet::from([self.value()?])
        };
        Requirement::new(&key, operator, values.into_iter().collect())
    }

    fn value(&mut self) -> Result<String, String> {
        if matches!(self.peek().kind, Kind::End | Kind::Comma) {
            return Ok(String::new());
        }
        let token = self.next();
        if token.kind != Kind::Word {
            return Err(found(&token, "identifier"));
        }
        Ok(token.text)
    }

    fn values(&mut self) -> Result<BTreeSet<String>, String> {
        let token = self.next();
        if token.kind != Kind::Open {
            return Err(format!("found '{}' expected: '('", token.text));
        }
        let first = self.peek();
        if first.kind == Kind::Close {
            self.next();
            return Ok(BTreeSet::from([String::new()]));
        }
        if !matches!(first.kind, Kind::Word | Kind::Comma) {
            return Err(found(&first, "',', ')' or identifier"));
        }
        let values = self.words()?;
        if self.next().kind != Kind::Close {
            return Err(found(&first, "')'"));
        }
        Ok(values)
    }

    /// Words with commas between; nothing between two of them is an empty word.
    fn words(&mut self) -> Result<BTreeSet<String>, String> {
        let mut words = BTreeSet::new();
        loop {
            let token = self.next();
            let next = self.peek();
            if token.kind == Kind::Word {
                words.insert(token.text);
                if next.kind == Kind::Close {
                    return Ok(words);
                }
                if next.kind != Kind::Comma {
                    return Err(found(&next, "',' or ')'"));
                }
                continue;
            }
            if token.kind != Kind::Comma {
                return Err(found(&token, "',', or identifier"));
            }
            if words.is_empty() || matches!(next.kind, Kind::Close | Kind::Comma) {
                words.insert(String::new());
            }
            if next.kind == Kind::Close {
                return Ok(words);
            }
            if next.kind == Kind::Comma {
                self.next();
            }
        }
    }
}

fn end() -> Token {
    Token {
        kind: Kind::End,
        text: String::new(),
    }
}

fn scan(text: &str) -> VecDeque<Token> {
    // Kubernetes' scanner takes NUL for the end.
    let mut rest = text.split('\0').next().unwrap_or_default();
    let mut tokens = VecDeque::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let Some(first) = rest.chars().next() else {
            tokens.push_back(end());
            return tokens;
        };
        let length = if is_symbol(first) {
            symbol_length(rest)
        } else {
            rest.find(|char| is_symbol(char) || " \t\r\n".contains(char))
                .unwrap_or(rest.len())
        };
        let (token, behind) = rest.split_at(length);
        tokens.push_back(Token {
            kind: kind(token),
            text: token.to_owned(),
        });
        rest = behind;
    }
}

fn is_symbol(char: char) -> bool {
    "=!(),><".contains(char)
}

/// Symbols are one character long, but for `==` and `!=`.
fn symbol_length(text: &str) -> usize {
    if text.starts_with("==") || text.starts_with("!=") {
        2
    } else {
        1
    }
}

fn kind(token: &str) -> Kind {
    match token {
        "(" => Kind::Open,
        ")" => Kind::Close,
        "," => Kind::Comma,
        "!" => Kind::Not,
        "=" => Kind::Operator(Operator::Equals),
        "==" => Kind::Operator(Operator::DoubleEquals),
        "!=" => Kind::Operator(Operator::NotEquals),
        ">" => Kind::Operator(Operator::GreaterThan),
        "<" => Kind::Operator(Operator::LessThan),
        "in" => Kind::Operator(Operator::In),
        "notin" => Kind::Operator(Operator::NotIn),
        _ if token.is_empty() => Kind::Unknown,
        _ => Kind::Word,
    }
}
