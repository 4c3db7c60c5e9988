//! Operands: literals, names, lists, maps, brackets, and what may follow them (`.member`, `[index]`, `(arguments)`).

use super::super::lexer::is_name;
use super::super::syntax::{Access, Node, NodeId, Unary, Usage, Word};
use super::super::value::Text;
use super::call::Lookup;
use super::{Parser, TokenKind};
use crate::quote::quote;

impl Parser<'_> {
    /// Kept small, as every level of nesting takes this frame: whatever needs room has a function of its own.
    pub(super) fn operand(&mut self) -> Result<NodeId, String> {
        match self.current.kind {
            TokenKind::Identifier => self.name(),
            TokenKind::Number | TokenKind::String | TokenKind::Bytes => self.literal(),
            TokenKind::Bracket => self.brackets(),
            TokenKind::Operator => match Unary::of(&self.current) {
                Some(word) => self.unary(word),
                None => self.prefix(),
            },
            TokenKind::End => Err(self.unexpected()),
        }
    }

    fn brackets(&mut self) -> Result<NodeId, String> {
        match self.current.text() {
            "(" => self.group(),
            "[" => self.array(),
            "{" => self.map(),
            _ => Err(self.unexpected()),
        }
    }

    fn group(&mut self) -> Result<NodeId, String> {
        self.advance()?;
        let inner = self.sequence()?;
        self.expect_bracket(")")?;
        self.postfix(inner)
    }

    fn unary(&mut self, word: &'static Word<Unary>) -> Result<NodeId, String> {
        self.advance()?;
        let operand = self.expression(word.precedence)?;
        let node = self.create(Node::Unary { word, operand })?;
        self.postfix(node)
    }

    /// Reads `#`, a leading `.`, or `::name(…)`.
    fn prefix(&mut self) -> Result<NodeId, String> {
        let is_item = self.predicates > 0;
        match self.current.text() {
            "#" if is_item => self.pointer(),
            "." if is_item => {
                // The point belongs to the member, which `postfix` reads.
                let node = self.create(Node::Pointer(String::new()))?;
                self.postfix(node)
            }
            "::" => {
                self.advance()?;
                let name = self.expect_identifier()?;
                let node = self.call(&name, Vec::new(), Lookup::Builtins)?;
                self.postfix(node)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn pointer(&mut self) -> Result<NodeId, String> {
        self.advance()?;
        let mut name = String::new();
        if self.current.kind == TokenKind::Identifier {
            self.current.text().clone_into(&mut name);
            self.advance()?;
        }
        let node = self.create(Node::Pointer(name))?;
        self.postfix(node)
    }

    fn name(&mut self) -> Result<NodeId, String> {
        let name = self.current.text().to_owned();
        self.advance()?;
        if matches!(name.as_str(), "true" | "false" | "nil") {
            return self.constant(&name);
        }
        let node = if self.current.is_bracket("(") {
            self.call(&name, Vec::new(), Lookup::All)?
        } else {
            self.identifier(name)?
        };
        self.postfix(node)
    }

    /// Nothing may follow a constant directly.
    fn constant(&mut self, name: &str) -> Result<NodeId, String> {
        self.create(match name {
            "true" => Node::Bool(true),
            "false" => Node::Bool(false),
            _ => Node::Nil,
        })
    }

    fn identifier(&mut self, name: String) -> Result<NodeId, String> {
        self.create(Node::Identifier(name))
    }

    fn literal(&mut self) -> Result<NodeId, String> {
        let token = self.current.clone();
        self.advance()?;
        let literal = match token.kind {
            // Nothing may follow a number directly: `1.a` is a bad number, `1[0]` an unexpected bracket.
            TokenKind::Number => return self.create(number(token.text())?),
            TokenKind::Bytes => Node::Bytes(token.text),
            TokenKind::String
            | TokenKind::Identifier
            | TokenKind::Operator
            | TokenKind::Bracket
            | TokenKind::End => Node::String(Text::from(token.text())),
        };
        let node = self.create(literal)?;
        self.postfix(node)
    }

    fn array(&mut self) -> Result<NodeId, String> {
        self.expect_bracket("[")?;
        let mut items = Vec::new();
        while !self.current.is_bracket("]") {
            if !items.is_empty() {
                self.expect_operator(",")?;
                if self.current.is_bracket("]") {
                    break;
                }
            }
            items.push(self.expression(0)?);
        }
        self.expect_bracket("]")?;
        let node = self.create(Node::Array(items))?;
        self.postfix(node)
    }

    fn map(&mut self) -> Result<NodeId, String> {
        self.expect_bracket("{")?;
        let mut pairs = Vec::new();
        while !self.current.is_bracket("}") {
            if !pairs.is_empty() {
                self.expect_operator(",")?;
                if self.current.is_bracket("}") {
                    break;
                }
                if self.current.is_operator(",") {
                    return Err(self.unexpected());
                }
            }
            let key = self.map_key()?;
            self.expect_operator(":")?;
            let value = self.expression(0)?;
            // Upstream has a node of its own for pairs.
            self.count_node()?;
            pairs.push((key, value));
        }
        self.expect_bracket("}")?;
        let node = self.create(Node::Map(pairs))?;
        self.postfix(node)
    }

    fn map_key(&mut self) -> Result<NodeId, String> {
        match self.current.kind {
            TokenKind::Number | TokenKind::String | TokenKind::Identifier => {
                let key = Node::String(Text::from(self.current.text()));
                self.advance()?;
                self.create(key)
            }
            TokenKind::Bracket if self.current.is_bracket("(") => self.expression(0),
            TokenKind::Bracket | TokenKind::Bytes | TokenKind::Operator | TokenKind::End => {
                Err(format!(
                    "a map key must be a quoted string, a number, a identifier, or an expression enclosed in parentheses ({})",
                    self.unexpected()
                ))
            }
        }
    }

    /// Reads members, indices, slices and calls of members.
    pub(super) fn postfix(&mut self, mut node: NodeId) -> Result<NodeId, String> {
        loop {
            let is_optional = self.current.is_operator("?.");
            if is_optional || self.current.is_operator(".") {
                self.advance()?;
                if is_optional && self.current.is_bracket("[") {
                    node = self.index(node, Access::Optional)?;
                    continue;
                }
                let access = if is_optional {
                    Access::Optional
                } else {
                    Access::Plain
                };
                node = self.member(node, access)?;
            } else if self.current.is_bracket("[") {
                node = self.index(node, Access::Plain)?;
            } else {
                return Ok(node);
            }
        }
    }

    fn member(&mut self, base: NodeId, access: Access) -> Result<NodeId, String> {
        let token = self.current.clone();
        self.advance()?;
        let is_keyword = token.kind == TokenKind::Operator && is_name(token.text());
        if token.kind != TokenKind::Identifier && !is_keyword {
            return Err("expected name".to_owned());
        }
        let property = self.create(Node::String(Text::from(token.text())))?;
        // A chain goes on: it ends behind the last member, so that nil skips all of them.
        let (base, is_chain) = match self.tree.node(base) {
            Node::Chain(inner) => (*inner, true),
            _ => (base, false),
        };
        let is_call = self.current.is_bracket("(");
        let usage = if is_call { Usage::Called } else { Usage::Value };
        let mut node = self.create(Node::Member {
            base,
            property,
            access,
            usage,
        })?;
        if is_call {
            let arguments = self.arguments(Vec::new())?;
            node = self.create(Node::Call {
                callee: node,
                arguments,
            })?;
        }
        if is_chain || access == Access::Optional {
            node = self.create(Node::Chain(node))?;
        }
        Ok(node)
    }

    /// Reads `[index]` or `[from:to]`.
    fn index(&mut self, base: NodeId, access: Access) -> Result<NodeId, String> {
        self.expect_bracket("[")?;
        let mut from = None;
        if !self.current.is_operator(":") {
            let index = self.expression(0)?;
            if !self.current.is_operator(":") {
                let mut node = self.create(Node::Member {
                    base,
                    property: index,
                    access,
                    usage: Usage::Value,
                })?;
                if access == Access::Optional {
                    node = self.create(Node::Chain(node))?;
                }
                self.expect_bracket("]")?;
                return Ok(node);
            }
            from = Some(index);
        }
        self.expect_operator(":")?;
        let mut to = None;
        if !self.current.is_bracket("]") {
            to = Some(self.expression(0)?);
        }
        let node = self.create(Node::Slice { base, from, to })?;
        self.expect_bracket("]")?;
        Ok(node)
    }
}

/// What a number's text means.
fn number(text: &str) -> Result<Node, String> {
    let digits = text.replace('_', "").to_ascii_lowercase();
    let prefixes = [("0x", 16, "hex"), ("0b", 2, "binary"), ("0o", 8, "octal")];
    let with_prefix = prefixes
        .iter()
        .find_map(|(prefix, base, name)| Some((digits.strip_prefix(prefix)?, *base, *name)));
    // A point or an exponent makes a float, but `e` is a hexadecimal digit.
    if digits.contains(['.', 'e']) && !digits.starts_with("0x") {
        return match digits.parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(Node::Float(float)),
            Ok(_) => Err(literal_error("float", "ParseFloat", text, RANGE)),
            Err(_) => Err(literal_error("float", "ParseFloat", text, SYNTAX)),
        };
    }
    let (figures, base, kind) = with_prefix.unwrap_or((digits.as_str(), 10, "integer"));
    i64::from_str_radix(figures, base)
        .map(Node::Integer)
        .map_err(|error| {
            let reason = match error.kind() {
                std::num::IntErrorKind::PosOverflow => RANGE,
                _ => SYNTAX,
            };
            literal_error(kind, "ParseInt", text, reason)
        })
}

const RANGE: &str = "value out of range";
const SYNTAX: &str = "invalid syntax";

fn literal_error(name: &str, function: &str, text: &str, reason: &str) -> String {
    let digits = quote(text.replace('_', "").as_bytes());
    format!("invalid {name} literal: strconv.{function}: parsing {digits}: {reason}")
}
