//! Reads an expression: operators by precedence climbing, with limits on depth and size.

mod call;
mod operand;

use super::lexer::Lexer;
use super::syntax::{Binary, CHAINED_AND, Equality, Node, NodeId, Tree, Unary, Word};
use super::token::{Token, TokenKind};

/// How deep brackets and operators may nest, in the text and in the tree. Upstream has no such limit; people stay below 20.
/// Chosen so that parsing, checking and running need less than half of a 2 MiB stack even in debug builds.
pub(super) const MAX_NESTING: u32 = 250;

/// How many nodes an expression may have: upstream's limit.
const MAX_NODES: usize = 10_000;

/// Names an environment has: they hide builtins of the same name.
pub(super) trait Names {
    /// Whether the environment has the name.
    fn has(&self, name: &str) -> bool;
}

/// Parses the source.
///
/// # Errors
/// With Go's text, at the first thing that is wrong.
pub(super) fn parse(source: &str, names: &dyn Names) -> Result<Tree, String> {
    let mut lexer = Lexer::new(source);
    let current = lexer.next_token()?;
    let mut parser = Parser {
        lexer,
        current,
        tree: Tree::new(),
        created: 0,
        nesting: 0,
        predicates: 0,
        names,
    };
    let root = parser.sequence()?;
    if parser.current.kind != TokenKind::End {
        return Err(parser.unexpected());
    }
    parser.tree.set_root(root);
    Ok(parser.tree)
}

struct Parser<'s> {
    lexer: Lexer<'s>,
    current: Token,
    tree: Tree,
    /// How many nodes were made, as upstream counts them.
    created: usize,
    nesting: u32,
    /// How many predicates are open: within them `#` and a leading `.` mean the item.
    predicates: u32,
    names: &'s dyn Names,
}

/// What an operator's turn gave.
enum Step {
    /// The expression so far; operators may follow.
    On(NodeId),
    /// No operator for us.
    Done(NodeId),
}

impl Parser<'_> {
    fn sequence(&mut self) -> Result<NodeId, String> {
        let mut items = vec![self.expression(0)?];
        while self.current.is_operator(";") {
            self.advance()?;
            if self.current.kind == TokenKind::End {
                break;
            }
            items.push(self.expression(0)?);
        }
        match items.as_slice() {
            [only] => Ok(*only),
            _ => self.create(Node::Sequence(items)),
        }
    }

    /// Reads operands and operators of at least the precedence.
    fn expression(&mut self, precedence: u32) -> Result<NodeId, String> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(too_deep());
        }
        let expression = if precedence == 0 && self.current.is_operator("let") {
            self.declaration()
        } else if precedence == 0 && self.current.is_operator("if") {
            self.if_else()
        } else {
            self.operators(precedence)
        };
        self.nesting -= 1;
        expression
    }

    fn operators(&mut self, precedence: u32) -> Result<NodeId, String> {
        let mut left = self.operand()?;
        let mut previous = None;
        while self.current.kind == TokenKind::Operator {
            match self.operator(left, precedence, &mut previous)? {
                Step::On(node) => left = node,
                Step::Done(node) => {
                    left = node;
                    break;
                }
            }
        }
        if precedence == 0 {
            return self.conditional(left);
        }
        Ok(left)
    }

    fn operator(
        &mut self,
        left: NodeId,
        precedence: u32,
        previous: &mut Option<Binary>,
    ) -> Result<Step, String> {
        if self.current.is_operator("|") {
            if precedence > 0 {
                return Ok(Step::Done(left));
            }
            self.advance()?;
            let name = self.expect_identifier()?;
            *previous = None;
            return Ok(Step::On(self.call(&name, vec![left], call::Lookup::All)?));
        }
        if self.current.is_operator("not") {
            return self.negated(left, precedence, previous);
        }
        match Binary::of(&self.current) {
            Some(word) if word.precedence >= precedence => {
                Ok(Step::On(self.binary(left, word, previous)?))
            }
            Some(_) | None => Ok(Step::Done(left)),
        }
    }

    /// Reads `not in` and its kin.
    fn negated(
        &mut self,
        left: NodeId,
        precedence: u32,
        previous: &mut Option<Binary>,
    ) -> Result<Step, String> {
        let not = self.current.clone();
        let negation = Unary::of(&not).expect("`not` is an operator");
        self.advance()?;
        match Binary::of(&self.current) {
            Some(word) if word.operator.is_negatable() => {
                if word.precedence < precedence {
                    // An outer call reads the two words again: the lexer goes back to the second.
                    let second = std::mem::replace(&mut self.current, not);
                    self.lexer.put_back(second);
                    return Ok(Step::Done(left));
                }
                let positive = self.binary(left, word, previous)?;
                let negated = Node::Unary {
                    word: negation,
                    operand: positive,
                };
                Ok(Step::On(self.create(negated)?))
            }
            Some(_) | None => Err(self.unexpected()),
        }
    }

    fn binary(
        &mut self,
        left: NodeId,
        word: &'static Word<Binary>,
        previous: &mut Option<Binary>,
    ) -> Result<NodeId, String> {
        self.advance()?;
        if *previous == Some(Binary::Coalesce) && word.operator != Binary::Coalesce {
            let text = word.text;
            return Err(format!(
                "Operator ({text}) and coalesce expressions (??) cannot be mixed. Wrap either by parentheses."
            ));
        }
        *previous = Some(word.operator);
        if word.operator.is_comparison() {
            return self.comparisons(left, word);
        }
        // Powers group from the right.
        let right_precedence = if word.operator == Binary::Power {
            word.precedence
        } else {
            word.precedence + 1
        };
        let right = self.expression(right_precedence)?;
        self.create_binary(word, left, right)
    }

    /// Reads `a < b <= c`, which is `a < b && b <= c`.
    fn comparisons(
        &mut self,
        mut left: NodeId,
        mut word: &'static Word<Binary>,
    ) -> Result<NodeId, String> {
        let mut whole = None;
        loop {
            let right = self.expression(word.precedence + 1)?;
            let comparison = self.create_binary(word, left, right)?;
            let sofar = match whole {
                None => comparison,
                Some(before) => self.create_binary(&CHAINED_AND, before, comparison)?,
            };
            match Binary::of(&self.current) {
                Some(next) if next.operator.is_comparison() => word = next,
                Some(_) | None => return Ok(sofar),
            }
            self.advance()?;
            whole = Some(sofar);
            left = right;
        }
    }

    /// Reads `? then : otherwise` and `?: otherwise`.
    fn conditional(&mut self, mut node: NodeId) -> Result<NodeId, String> {
        while self.current.is_operator("?") {
            self.advance()?;
            let then = if self.current.is_operator(":") {
                node
            } else {
                self.expression(0)?
            };
            self.expect_operator(":")?;
            let otherwise = self.expression(0)?;
            node = self.create(Node::Conditional {
                condition: node,
                then,
                otherwise,
            })?;
        }
        Ok(node)
    }

    /// Reads `let name = value; body`.
    fn declaration(&mut self) -> Result<NodeId, String> {
        self.expect_operator("let")?;
        let name = self.expect_identifier()?;
        self.expect_operator("=")?;
        let value = self.expression(0)?;
        self.expect_operator(";")?;
        let body = self.sequence()?;
        self.create(Node::Let { name, value, body })
    }

    /// Reads `if condition { then } else { otherwise }`; an `if` may follow the `else`.
    fn if_else(&mut self) -> Result<NodeId, String> {
        self.advance()?;
        let condition = self.expression(0)?;
        let then = self.block()?;
        self.expect_operator("else")?;
        let otherwise = if self.current.is_operator("if") {
            self.expression(0)?
        } else {
            self.block()?
        };
        // Upstream forgets to count this one.
        self.created = self.created.saturating_sub(1);
        self.create(Node::Conditional {
            condition,
            then,
            otherwise,
        })
    }

    fn block(&mut self) -> Result<NodeId, String> {
        self.expect_bracket("{")?;
        let body = self.sequence()?;
        self.expect_bracket("}")?;
        Ok(body)
    }

    fn create_binary(
        &mut self,
        word: &'static Word<Binary>,
        left: NodeId,
        right: NodeId,
    ) -> Result<NodeId, String> {
        self.create(Node::Binary {
            word,
            left,
            right,
            equality: Equality::Any,
        })
    }

    /// Adds a node, within the limits.
    fn create(&mut self, node: Node) -> Result<NodeId, String> {
        self.count_node()?;
        let id = self.tree.add(node);
        if self.tree.height(id) > MAX_NESTING {
            return Err(too_deep());
        }
        Ok(id)
    }

    fn count_node(&mut self) -> Result<(), String> {
        self.created += 1;
        if self.created > MAX_NODES {
            return Err("compilation failed: expression exceeds maximum allowed nodes".to_owned());
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<(), String> {
        if self.current.kind == TokenKind::End {
            return Err("unexpected end of expression".to_owned());
        }
        self.current = self.lexer.next_token()?;
        Ok(())
    }

    fn unexpected(&self) -> String {
        format!("unexpected token {}", self.current)
    }

    fn expect_operator(&mut self, operator: &str) -> Result<(), String> {
        if self.current.is_operator(operator) {
            return self.advance();
        }
        Err(self.unexpected())
    }

    fn expect_bracket(&mut self, bracket: &str) -> Result<(), String> {
        if self.current.is_bracket(bracket) {
            return self.advance();
        }
        Err(self.unexpected())
    }

    fn expect_identifier(&mut self) -> Result<String, String> {
        if self.current.kind != TokenKind::Identifier {
            return Err(self.unexpected());
        }
        let name = self.current.text().to_owned();
        self.advance()?;
        Ok(name)
    }
}

fn too_deep() -> String {
    format!("compilation failed: expression nests deeper than {MAX_NESTING} levels")
}
