//! Turning around builtins with a predicate.

use super::super::syntax::{
    Access, Binary, Equality, Loop, LoopKind, Missing, Node, NodeId, Tree, Word,
};
use super::super::token::{Token, TokenKind};
use super::super::types::{Kind, Type};
use super::integer;

/// The operator a text spells.
fn word(text: &str) -> &'static Word<Binary> {
    Binary::of(&Token::new(TokenKind::Operator, text)).expect("the text is an operator")
}

fn binary(tree: &mut Tree, text: &str, left: NodeId, right: NodeId) -> NodeId {
    tree.add(Node::Binary {
        word: word(text),
        left,
        right,
        equality: Equality::Any,
    })
}

/// The loop of a kind that a node is.
fn loop_of(tree: &Tree, id: NodeId, kind: LoopKind) -> Option<Loop> {
    match tree.node(id) {
        Node::Loop(body) if body.kind == kind => Some(body.clone()),
        _ => None,
    }
}

/// The bounds of a range of integers that a node is.
fn range(tree: &Tree, id: NodeId) -> Option<(NodeId, NodeId)> {
    match tree.node(id) {
        Node::Binary {
            word, left, right, ..
        } if word.operator == Binary::Range => {
            integer(tree, *left)?;
            integer(tree, *right)?;
            Some((*left, *right))
        }
        _ => None,
    }
}

/// The only argument of a call of the builtin.
fn argument_of(tree: &Tree, id: NodeId, name: &str) -> Option<NodeId> {
    match tree.node(id) {
        Node::Builtin { builtin, arguments } if builtin.name == name => match arguments[..] {
            [only] => Some(only),
            _ => None,
        },
        _ => None,
    }
}

/// `int in 1..9` is `int >= 1 and int <= 9`.
pub(super) fn in_range(tree: &mut Tree, id: NodeId) {
    let Node::Binary {
        word: operator,
        left,
        right,
        ..
    } = *tree.node(id)
    else {
        return;
    };
    let is_int = tree.type_of(left).map(Type::kind) == Some(Kind::Int);
    if operator.operator != Binary::In || !is_int {
        return;
    }
    let Some((from, to)) = range(tree, right) else {
        return;
    };
    let from = binary(tree, ">=", left, from);
    let to = binary(tree, "<=", left, to);
    let both = Node::Binary {
        word: word("and"),
        left: from,
        right: to,
        equality: Equality::Any,
    };
    tree.replace(id, both);
}

/// `map(filter(list, a), b)` maps while it filters, unless `b` counts.
pub(super) fn filter_and_map(tree: &mut Tree, id: NodeId) {
    let Some(map) = loop_of(tree, id, LoopKind::Map) else {
        return;
    };
    let Some(filter) = loop_of(tree, map.collection, LoopKind::Filter) else {
        return;
    };
    let counts = map.predicate.is_some_and(|body| has_index(tree, body));
    if filter.mapped.is_some() || counts {
        return;
    }
    let mapped = Loop {
        mapped: map.predicate,
        ..filter
    };
    tree.replace(id, Node::Loop(mapped));
}

fn has_index(tree: &Tree, id: NodeId) -> bool {
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        if matches!(tree.node(id), Node::Pointer(name) if name == "index") {
            return true;
        }
        tree.node(id)
            .for_each_operand(&mut |operand| open.push(operand));
    }
    false
}

/// `len(filter(…))` only counts.
pub(super) fn length_of_filter(tree: &mut Tree, id: NodeId) {
    let filter =
        argument_of(tree, id, "len").and_then(|list| loop_of(tree, list, LoopKind::Filter));
    if let Some(filter) = filter {
        let count = Loop {
            kind: LoopKind::Count,
            mapped: None,
            ..filter
        };
        tree.replace(id, Node::Loop(count));
    }
}

/// `filter(…)[-1]` and `last(filter(…))` look from behind.
pub(super) fn last_of_filter(tree: &mut Tree, id: NodeId) {
    find_in_filter(tree, id, (-1, "last"), LoopKind::FindLast);
}

/// `filter(…)[0]` and `first(filter(…))` stop at the first.
pub(super) fn first_of_filter(tree: &mut Tree, id: NodeId) {
    find_in_filter(tree, id, (0, "first"), LoopKind::Find);
}

fn find_in_filter(tree: &mut Tree, id: NodeId, (index, builtin): (i64, &str), kind: LoopKind) {
    let (list, missing) = match *tree.node(id) {
        Node::Member {
            base,
            property,
            access: Access::Plain,
            ..
        } if integer(tree, property) == Some(index) => (Some(base), Missing::Fails),
        _ => (argument_of(tree, id, builtin), Missing::Nil),
    };
    if let Some(filter) = list.and_then(|list| loop_of(tree, list, LoopKind::Filter)) {
        let find = Loop {
            kind,
            missing,
            ..filter
        };
        tree.replace(id, Node::Loop(find));
    }
}

/// `all(list, a) && all(list, b)` is `all(list, a && b)`, and so on.
pub(super) fn combine_predicates(tree: &mut Tree, id: NodeId) {
    let Node::Binary {
        word: operator,
        left,
        right,
        ..
    } = *tree.node(id)
    else {
        return;
    };
    let (Node::Loop(left), Node::Loop(right)) = (tree.node(left).clone(), tree.node(right).clone())
    else {
        return;
    };
    let combined = match (left.kind, operator.text) {
        (LoopKind::All, "and" | "&&") | (LoopKind::Any, "or" | "||") => operator.text,
        (LoopKind::None, "and") => "or",
        (LoopKind::None, "&&") => "||",
        _ => return,
    };
    let are_alike = left.kind == right.kind
        && tree.type_of(left.collection) == tree.type_of(right.collection)
        && tree.is_same(left.collection, right.collection);
    let (true, Some(one), Some(other)) = (are_alike, left.predicate, right.predicate) else {
        return;
    };
    let both = binary(tree, combined, one, other);
    combine_predicates(tree, both);
    let common = Loop {
        predicate: Some(both),
        ..left
    };
    tree.replace(id, Node::Loop(common));
}

/// Sums over a range of integers are computed by Gauss' formula.
pub(super) fn sum_of_range(tree: &mut Tree, id: NodeId) {
    let Node::Loop(body) = tree.node(id) else {
        return;
    };
    let body = body.clone();
    let Some((from, to)) = range(tree, body.collection) else {
        return;
    };
    let (Some(from), Some(to)) = (integer(tree, from), integer(tree, to)) else {
        return;
    };
    if to < from {
        return;
    }
    let series = Series {
        count: to.wrapping_sub(from).wrapping_add(1),
        sum: to
            .wrapping_sub(from)
            .wrapping_add(1)
            .wrapping_mul(from.wrapping_add(to))
            / 2,
    };
    let folded = match (body.kind, body.predicate) {
        (LoopKind::Sum, None) => Some(series.sum),
        (LoopKind::Sum, Some(predicate)) => series.sum_with(tree, predicate),
        (LoopKind::Reduce, Some(predicate)) if adds_item(tree, predicate) => match body.extra {
            None => Some(series.sum),
            Some(first) => integer(tree, first).map(|first| first.wrapping_add(series.sum)),
        },
        _ => None,
    };
    if let Some(integer) = folded {
        tree.replace(id, Node::Integer(integer));
    }
}

/// How many integers there are, and their sum.
struct Series {
    count: i64,
    sum: i64,
}

impl Series {
    /// The sum of what the predicate makes of each integer, if it only adds, subtracts or multiplies one number.
    fn sum_with(&self, tree: &Tree, predicate: NodeId) -> Option<i64> {
        if is_item(tree, predicate) {
            return Some(self.sum);
        }
        let Node::Binary {
            word, left, right, ..
        } = *tree.node(predicate)
        else {
            return None;
        };
        let (constant, is_item_left) = if is_item(tree, left) {
            (integer(tree, right)?, true)
        } else if is_item(tree, right) {
            (integer(tree, left)?, false)
        } else {
            return None;
        };
        let constants = self.count.wrapping_mul(constant);
        match (word.operator, is_item_left) {
            (Binary::Multiply, _) => Some(constant.wrapping_mul(self.sum)),
            (Binary::Add, _) => Some(self.sum.wrapping_add(constants)),
            (Binary::Subtract, true) => Some(self.sum.wrapping_sub(constants)),
            (Binary::Subtract, false) => Some(constants.wrapping_sub(self.sum)),
            _ => None,
        }
    }
}

fn is_item(tree: &Tree, id: NodeId) -> bool {
    matches!(tree.node(id), Node::Pointer(name) if name.is_empty())
}

/// Whether a predicate is `# + #acc` or `#acc + #`.
fn adds_item(tree: &Tree, id: NodeId) -> bool {
    let Node::Binary {
        word, left, right, ..
    } = *tree.node(id)
    else {
        return false;
    };
    let is_sum = |id| matches!(tree.node(id), Node::Pointer(name) if name == "acc");
    word.operator == Binary::Add
        && ((is_item(tree, left) && is_sum(right)) || (is_sum(left) && is_item(tree, right)))
}

/// `sum([a, b])` is `a + b`, whatever the two are.
pub(super) fn sum_of_array(tree: &mut Tree, id: NodeId) {
    let Some(sum) = loop_of(tree, id, LoopKind::Sum).filter(|sum| sum.predicate.is_none()) else {
        return;
    };
    if let Node::Array(items) = tree.node(sum.collection)
        && items.len() >= 2
    {
        let items = items.clone();
        tree.replace(id, Node::Sum(items));
    }
}

/// `sum(map(list, a))` is `sum(list, a)`.
pub(super) fn sum_of_map(tree: &mut Tree, id: NodeId) {
    let Some(sum) = loop_of(tree, id, LoopKind::Sum).filter(|sum| sum.predicate.is_none()) else {
        return;
    };
    if let Some(map) = loop_of(tree, sum.collection, LoopKind::Map) {
        let direct = Loop {
            collection: map.collection,
            predicate: map.predicate,
            ..sum
        };
        tree.replace(id, Node::Loop(direct));
    }
}

/// A comparison of a count with an integer.
fn count_comparison(tree: &Tree, id: NodeId) -> Option<(Binary, NodeId, Loop, i64)> {
    let Node::Binary {
        word, left, right, ..
    } = *tree.node(id)
    else {
        return None;
    };
    let count = loop_of(tree, left, LoopKind::Count).filter(|count| count.predicate.is_some())?;
    Some((word.operator, left, count, integer(tree, right)?))
}

/// `count(list, a) > 0` is `any(list, a)`.
pub(super) fn any_of_count(tree: &mut Tree, id: NodeId) {
    if let Some((Binary::Greater, _, count, 0) | (Binary::GreaterOrEqual, _, count, 1)) =
        count_comparison(tree, id)
    {
        let any = Loop {
            kind: LoopKind::Any,
            ..count
        };
        tree.replace(id, Node::Loop(any));
    }
}

/// `count(list, a) >= 9` need not count beyond 9.
pub(super) fn enough_for_count(tree: &mut Tree, id: NodeId) {
    let Some((operator, count_id, count, limit)) = count_comparison(tree, id) else {
        return;
    };
    let enough = match operator {
        Binary::Greater | Binary::LessOrEqual => limit.wrapping_add(1),
        Binary::GreaterOrEqual | Binary::Less => limit,
        _ => return,
    };
    if limit >= 0 && enough > 1 {
        let limited = Loop {
            enough: Some(enough),
            ..count
        };
        tree.replace(count_id, Node::Loop(limited));
    }
}
