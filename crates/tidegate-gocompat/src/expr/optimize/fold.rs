//! Folding: operators on literals are computed before the run.

use super::super::syntax::{
    Binary, CHAINED_AND, Equality, Loop, LoopKind, Node, NodeId, Tree, Unary,
};
use super::super::types::Type;
use super::super::value::{List, Text, Value};
use crate::number::{float_of, pow};

/// Makes `x in ["a", "b"]` a look-up among strings, which insists on a string for `x`.
pub(super) fn in_strings(tree: &mut Tree, id: NodeId) {
    let Node::Binary {
        word, left, right, ..
    } = tree.node(id)
    else {
        return;
    };
    let Node::Array(items) = tree.node(*right) else {
        return;
    };
    if word.operator != Binary::In || items.is_empty() {
        return;
    }
    let strings: Option<Vec<Text>> = items
        .iter()
        .map(|item| match tree.node(*item) {
            Node::String(text) => Some(text.clone()),
            _ => None,
        })
        .collect();
    if let Some(strings) = strings {
        let needle = *left;
        tree.replace(id, Node::InStrings { needle, strings });
    }
}

/// What a node is folded to; `None` if it stays.
///
/// # Errors
/// With Go's text, for a division of integers by zero.
pub(super) fn fold(tree: &mut Tree, id: NodeId) -> Result<Option<Node>, String> {
    if let Node::Loop(body) = tree.node(id) {
        let body = body.clone();
        return Ok(merge_filters(tree, &body));
    }
    Ok(match tree.node(id) {
        Node::Unary { word, operand } => fold_unary(word.operator, tree.node(*operand)),
        Node::Binary {
            word, left, right, ..
        } => return fold_binary(word.operator, tree.node(*left), tree.node(*right)),
        Node::Array(items) => fold_array(tree, items),
        _ => None,
    })
}

fn fold_unary(operator: Unary, operand: &Node) -> Option<Node> {
    match (operator, operand) {
        (Unary::Minus, Node::Integer(integer)) => Some(Node::Integer(integer.wrapping_neg())),
        (Unary::Minus, Node::Float(float)) => Some(Node::Float(-float)),
        (Unary::Plus, Node::Integer(_) | Node::Float(_)) => Some(operand.clone()),
        (Unary::Not, Node::Bool(bool)) => Some(Node::Bool(!bool)),
        _ => None,
    }
}

/// A number written in the expression.
#[derive(Clone, Copy)]
enum Number {
    Integer(i64),
    Float(f64),
}

impl Number {
    fn of(node: &Node) -> Option<Self> {
        match node {
            Node::Integer(integer) => Some(Self::Integer(*integer)),
            Node::Float(float) => Some(Self::Float(*float)),
            _ => None,
        }
    }

    fn float(self) -> f64 {
        match self {
            Self::Integer(integer) => float_of(integer),
            Self::Float(float) => float,
        }
    }
}

fn fold_binary(operator: Binary, left: &Node, right: &Node) -> Result<Option<Node>, String> {
    if let (Some(left), Some(right)) = (Number::of(left), Number::of(right)) {
        return fold_numbers(operator, left, right);
    }
    Ok(match (operator, left, right) {
        (Binary::Add, Node::String(left), Node::String(right)) => {
            let joined = [left.bytes(), right.bytes()].concat();
            Some(Node::String(Text::from(joined)))
        }
        (Binary::Equal, Node::String(left), Node::String(right)) => Some(Node::Bool(left == right)),
        (Binary::Equal, Node::Bool(left), Node::Bool(right)) => Some(Node::Bool(left == right)),
        (Binary::And, Node::Bool(true), other)
        | (Binary::And, other, Node::Bool(true))
        | (Binary::Or, Node::Bool(false), other)
        | (Binary::Or, other, Node::Bool(false)) => Some(other.clone()),
        (Binary::And, Node::Bool(false), _) | (Binary::And, _, Node::Bool(false)) => {
            Some(Node::Bool(false))
        }
        (Binary::Or, Node::Bool(true), _) | (Binary::Or, _, Node::Bool(true)) => {
            Some(Node::Bool(true))
        }
        _ => None,
    })
}

fn fold_numbers(operator: Binary, left: Number, right: Number) -> Result<Option<Node>, String> {
    use Number::Integer;
    let integers: fn(i64, i64) -> i64 = match operator {
        Binary::Add => i64::wrapping_add,
        Binary::Subtract => i64::wrapping_sub,
        _ => i64::wrapping_mul,
    };
    let floats: fn(f64, f64) -> f64 = match operator {
        Binary::Add => |left, right| left + right,
        Binary::Subtract => |left, right| left - right,
        _ => |left, right| left * right,
    };
    Ok(match (operator, left, right) {
        (Binary::Add | Binary::Subtract | Binary::Multiply, Integer(left), Integer(right)) => {
            Some(Node::Integer(integers(left, right)))
        }
        (Binary::Add | Binary::Subtract | Binary::Multiply, _, _) => {
            Some(Node::Float(floats(left.float(), right.float())))
        }
        (Binary::Divide, _, _) => Some(Node::Float(left.float() / right.float())),
        (Binary::Power, _, _) => Some(Node::Float(pow(left.float(), right.float()))),
        (Binary::Modulo, Integer(_), Integer(0)) => {
            return Err("integer divide by zero".to_owned());
        }
        (Binary::Modulo, Integer(left), Integer(right)) => {
            Some(Node::Integer(left.wrapping_rem(right)))
        }
        (Binary::Equal, Integer(left), Integer(right)) => Some(Node::Bool(left == right)),
        _ => None,
    })
}

/// A list of plain literals is made once.
fn fold_array(tree: &Tree, items: &[NodeId]) -> Option<Node> {
    if items.is_empty() {
        return None;
    }
    let values: Option<Vec<Value>> = items
        .iter()
        .map(|item| match tree.node(*item) {
            Node::Integer(integer) => Some(Value::Int(*integer)),
            Node::Float(float) => Some(Value::Float(*float)),
            Node::String(text) => Some(Value::String(text.clone())),
            Node::Bool(bool) => Some(Value::Bool(*bool)),
            _ => None,
        })
        .collect();
    let list = List::flat(Type::Any, values?);
    Some(Node::Constant(Value::List(list)))
}

/// `filter(filter(list, a), b)` is `filter(list, a && b)`.
fn merge_filters(tree: &mut Tree, outer: &Loop) -> Option<Node> {
    let Node::Loop(inner) = tree.node(outer.collection).clone() else {
        return None;
    };
    if outer.kind != LoopKind::Filter || inner.kind != LoopKind::Filter {
        return None;
    }
    let (left, right) = (inner.predicate?, outer.predicate?);
    let both = tree.add(Node::Binary {
        word: &CHAINED_AND,
        left,
        right,
        equality: Equality::Any,
    });
    Some(Node::Loop(Loop {
        predicate: Some(both),
        ..inner
    }))
}
