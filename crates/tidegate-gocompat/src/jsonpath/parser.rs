//! From a path's text to its parts. The grammar is that of client-go's reader, oddities included: inside brackets a text is
//! read once more as an action of its own, and what follows a `}` in there is dropped.

use super::syntax::{End, Filter, Node, Slice, Test};
use super::unquote::unquote;
use crate::number::{parse_float, parse_int};
use crate::quote::is_printed;

/// How deep filters may lie in one another; quotes allow for a few levels at most.
const MAX_DEPTH: usize = 10;

/// Reads a template.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, String> {
    parse_at(text, 0)
}

fn parse_at(text: &str, depth: usize) -> Result<Vec<Node>, String> {
    if depth > MAX_DEPTH {
        return Err("filters nest too deep".to_owned());
    }
    let mut parser = Parser {
        input: text,
        position: 0,
        start: 0,
        depth,
    };
    parser.template()
}

/// Reads a text that stands inside of braces. Only the first action counts.
fn parse_action(text: &str, depth: usize) -> Result<Vec<Node>, String> {
    let mut nodes = parse_at(&format!("{{{text}}}"), depth + 1)?.into_iter();
    match nodes.next() {
        Some(Node::List(list)) => Ok(list),
        Some(other) => Ok(vec![other]),
        None => Ok(Vec::new()),
    }
}

struct Parser<'t> {
    input: &'t str,
    /// The next character.
    position: usize,
    /// Where the piece begins that is being read.
    start: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.input[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.position += character.len_utf8();
        Some(character)
    }

    /// The piece that was read.
    fn take(&mut self) -> &'t str {
        let piece = &self.input[self.start..self.position];
        self.start = self.position;
        piece
    }

    /// Whether a backslash stands before the character that was read last.
    fn is_escaped(&self) -> bool {
        let before = self.position.checked_sub(2);
        before.and_then(|at| self.input.as_bytes().get(at)) == Some(&b'\\')
    }

    fn template(&mut self) -> Result<Vec<Node>, String> {
        let mut nodes = Vec::new();
        loop {
            let rest = self.rest();
            let length = rest.find('{').unwrap_or(rest.len());
            self.position += length;
            if length > 0 {
                nodes.push(Node::Text(self.take().as_bytes().to_vec()));
            }
            if self.next().is_none() {
                return Ok(nodes);
            }
            self.take();
            nodes.push(Node::List(self.action()?));
        }
    }

    /// What stands behind a `{`, and its `}`.
    fn action(&mut self) -> Result<Vec<Node>, String> {
        let mut list = Vec::new();
        loop {
            if self.rest().starts_with("[?(") {
                self.position += 3;
                list.push(self.filter()?);
                continue;
            }
            if self.rest().starts_with("..") {
                if matches!(list.last(), Some(Node::Recursive)) {
                    return Err("invalid multiple recursive descent".to_owned());
                }
                self.position += 2;
                list.push(Node::Recursive);
                self.take();
                if self.peek().is_some_and(is_word_character) {
                    list.push(self.field());
                }
                continue;
            }
            match self.peek() {
                None | Some('\r' | '\n') => return Err("unclosed action".to_owned()),
                Some('+' | '-' | '0'..='9') => list.push(self.number()?),
                Some(character) => {
                    self.position += character.len_utf8();
                    match character {
                        '}' => {
                            self.take();
                            return Ok(list);
                        }
                        // The current value needs no part of its own.
                        ' ' | '@' | '$' => {
                            self.take();
                        }
                        '[' => self.brackets(&mut list)?,
                        '"' | '\'' => list.push(self.quoted(character)?),
                        '.' => list.push(self.field()),
                        _ if is_word_character(character) => list.push(self.word()),
                        _ => {
                            return Err(format!(
                                "unrecognized character in action: {}",
                                name(character)
                            ));
                        }
                    }
                }
            }
        }
    }

    fn word(&mut self) -> Node {
        while self.peek().is_some_and(|next| !is_end(next)) {
            self.next();
        }
        match self.take() {
            "true" => Node::Bool(true),
            "false" => Node::Bool(false),
            word => Node::Word(word.to_owned()),
        }
    }

    fn number(&mut self) -> Result<Node, String> {
        self.next();
        while self
            .peek()
            .is_some_and(|next| next == '.' || next.is_ascii_digit())
        {
            self.next();
        }
        let text = self.take();
        if let Ok(int) = parse_int(text) {
            return Ok(Node::Int(int));
        }
        parse_float(text)
            .map(Node::Float)
            .map_err(|_| format!("cannot parse number {text}"))
    }

    /// What stands behind a dot.
    fn field(&mut self) -> Node {
        self.take();
        while let Some(next) = self.peek() {
            if next == '\\' {
                self.next();
            } else if is_end(next) {
                break;
            }
            self.next();
        }
        match self.take() {
            "*" => Node::Wildcard,
            name => Node::Field(name.replace('\\', "")),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<Node, String> {
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated quoted string".to_owned()),
                Some(next) if next == quote && !self.is_escaped() => break,
                Some(_) => {}
            }
        }
        let quoted = self.take();
        unquote(quoted)
            .map(Node::Text)
            .ok_or_else(|| format!("unquote string {quoted} error invalid syntax"))
    }

    /// What stands behind a `[` which begins no filter.
    fn brackets(&mut self, list: &mut Vec<Node>) -> Result<(), String> {
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated array".to_owned()),
                Some(']') => break,
                Some(_) => {}
            }
        }
        let inner = match self.take() {
            "[*]" => ":",
            text => &text[1..text.len() - 1],
        };
        if inner.contains(',') {
            let parts = inner
                .split(',')
                .map(|part| parse_action(&format!("[{}]", part.trim_matches(' ')), self.depth))
                .collect::<Result<_, _>>()?;
            list.push(Node::Union(parts));
            return Ok(());
        }
        if let Some(key) = key(inner) {
            list.extend(parse_action(&format!(".{key}"), self.depth)?);
            return Ok(());
        }
        list.push(Node::Slice(slice(inner)?));
        Ok(())
    }

    /// What stands behind a `[?(`.
    fn filter(&mut self) -> Result<Node, String> {
        self.take();
        let mut quote = None;
        let mut is_quote_closed = false;
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated filter".to_owned()),
                Some(next @ ('"' | '\'')) => match quote {
                    None => quote = Some(next),
                    Some(open) if open == next && !self.is_escaped() => is_quote_closed = true,
                    Some(_) => {}
                },
                // There may be one quoted text; inside of it a bracket means nothing.
                Some(')') if quote.is_some() == is_quote_closed => break,
                Some(_) => {}
            }
        }
        if self.next() != Some(']') {
            return Err("unclosed array expect ]".to_owned());
        }
        let text = self.take();
        let text = &text[..text.len() - 2];
        let filter = match comparison(text) {
            None => Filter {
                left: parse_action(text, self.depth)?,
                test: Test::Exists,
            },
            Some((left, operator, right)) => Filter {
                left: parse_action(left, self.depth)?,
                test: Test::Compare {
                    operator: operator.to_owned(),
                    right: parse_action(right, self.depth)?,
                },
            },
        };
        Ok(Node::Filter(Box::new(filter)))
    }
}

/// `left operator right`: the first run of operators' characters divides; both sides need a character.
fn comparison(text: &str) -> Option<(&str, &str, &str)> {
    let is_operator = |character: char| matches!(character, '!' | '<' | '>' | '=');
    let (left, rest) = text.split_at(text.find(is_operator)?);
    let length = rest.find(|next| !is_operator(next)).unwrap_or(rest.len());
    // A character of the operator is given to an empty right side.
    let length = length.min(rest.len() - 1);
    if left.is_empty() || length == 0 {
        return None;
    }
    let (operator, right) = rest.split_at(length);
    Some((left, operator, right))
}

/// `'key'`
fn key(inner: &str) -> Option<&str> {
    let key = inner.strip_prefix('\'')?.strip_suffix('\'')?;
    (!key.contains('\'')).then_some(key)
}

/// `start:end:step`
fn slice(inner: &str) -> Result<Slice, String> {
    let parts: Vec<&str> = inner.split(':').collect();
    let is_number = |part: &&str| {
        let digits = part.strip_prefix('-').unwrap_or(part);
        digits.bytes().all(|digit| digit.is_ascii_digit())
    };
    if parts.len() > 3 || !parts.iter().all(is_number) {
        return Err(format!("invalid array index {inner}"));
    }
    let bound = |part: Option<&&str>| match part {
        None | Some(&"") => Ok(None),
        Some(text) => parse_int(text)
            .map(Some)
            .map_err(|_| format!("array index {text} is not a number")),
    };
    let start = bound(parts.first())?;
    let end = if parts.len() > 1 {
        bound(parts.get(1))?.map_or(End::OfList, End::Before)
    } else {
        End::AfterOne(start.unwrap_or(0).wrapping_add(1))
    };
    let step = bound(parts.get(2))?;
    Ok(Slice { start, end, step })
}

/// Whether a word or a member's name ends before a character.
fn is_end(next: char) -> bool {
    matches!(
        next,
        ' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}'
    )
}

fn is_word_character(character: char) -> bool {
    character == '_' || character.is_alphabetic() || character.is_ascii_digit()
}

/// `U+007B '{'`
fn name(character: char) -> String {
    let code = format!("U+{:04X}", u32::from(character));
    if is_printed(character) {
        format!("{code} '{character}'")
    } else {
        code
    }
}
