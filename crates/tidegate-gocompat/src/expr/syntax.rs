//! The tree of an expression: nodes in one list, which name one another by index.
//!
//! A chain of comparisons (`a < b < c`) shares its inner operands, so the tree is, strictly, a graph without cycles.

mod operator;

pub(super) use operator::{Binary, CHAINED_AND, Unary, Word};

use super::builtins::Builtin;
use super::types::Type;
use super::value::{Text, Value};

/// The index of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId(usize);

/// An expression after parsing; the checker fills in what it learns.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// The static type of each node, once checked; `None` is unknown or nil.
    types: Vec<Option<Type>>,
    /// How deep operands lie below each node; left operands of binary operators do not count, as they are walked in a loop.
    heights: Vec<u32>,
    root: NodeId,
}

/// A part of an expression.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Nil,
    Identifier(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    String(Text),
    Bytes(Vec<u8>),
    /// A value known before the run.
    Constant(Value),
    /// Membership in a set of strings known before the run.
    InStrings {
        needle: NodeId,
        strings: Vec<Text>,
    },
    Unary {
        word: &'static Word<Unary>,
        operand: NodeId,
    },
    Binary {
        word: &'static Word<Binary>,
        left: NodeId,
        right: NodeId,
        equality: Equality,
    },
    /// The place to which a `?.` on nil jumps.
    Chain(NodeId),
    Member {
        base: NodeId,
        property: NodeId,
        access: Access,
        usage: Usage,
    },
    Slice {
        base: NodeId,
        from: Option<NodeId>,
        to: Option<NodeId>,
    },
    Call {
        callee: NodeId,
        arguments: Vec<NodeId>,
    },
    Builtin {
        builtin: &'static Builtin,
        arguments: Vec<NodeId>,
    },
    Loop(Loop),
    Pointer(String),
    Let {
        name: String,
        value: NodeId,
        body: NodeId,
    },
    Sequence(Vec<NodeId>),
    Conditional {
        condition: NodeId,
        then: NodeId,
        otherwise: NodeId,
    },
    Array(Vec<NodeId>),
    /// The sum of some parts, added from the right.
    Sum(Vec<NodeId>),
    Map(Vec<(NodeId, NodeId)>),
}

/// How `==` compares: Go's compiler picks a comparison by the static types, which then insists on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Equality {
    Any,
    Ints,
    Strings,
}

/// Whether a member is looked for in nil, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// `.` and `[]`
    Plain,
    /// `?.`
    Optional,
}

/// What becomes of a member; only error texts differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    Value,
    Called,
}

/// A builtin that runs a predicate over a list.
#[derive(Clone, Debug)]
pub(super) struct Loop {
    pub(super) kind: LoopKind,
    pub(super) collection: NodeId,
    pub(super) predicate: Option<NodeId>,
    /// The order of `sortBy`, the first accumulator of `reduce`.
    pub(super) extra: Option<NodeId>,
    /// What becomes of an item found; the item itself if `None`.
    pub(super) mapped: Option<NodeId>,
    /// What happens if `find` finds nothing.
    pub(super) missing: Missing,
    /// `count` need not count further.
    pub(super) enough: Option<i64>,
}

/// What happens if nothing is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Nil,
    Fails,
}

/// The builtins with a predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoopKind {
    All,
    None,
    Any,
    One,
    Filter,
    Map,
    Count,
    Sum,
    Find,
    FindIndex,
    FindLast,
    FindLastIndex,
    GroupBy,
    SortBy,
    Reduce,
}

impl LoopKind {
    const ALL: [(Self, &'static str); 15] = [
        (Self::All, "all"),
        (Self::None, "none"),
        (Self::Any, "any"),
        (Self::One, "one"),
        (Self::Filter, "filter"),
        (Self::Map, "map"),
        (Self::Count, "count"),
        (Self::Sum, "sum"),
        (Self::Find, "find"),
        (Self::FindIndex, "findIndex"),
        (Self::FindLast, "findLast"),
        (Self::FindLastIndex, "findLastIndex"),
        (Self::GroupBy, "groupBy"),
        (Self::SortBy, "sortBy"),
        (Self::Reduce, "reduce"),
    ];

    /// The loop of a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let (kind, _) = Self::ALL.iter().find(|(_, text)| *text == name)?;
        Some(*kind)
    }

    /// Its name in expressions.
    pub(super) fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("", |(_, name)| name)
    }

    /// Whether the predicate may be missing.
    pub(super) fn has_optional_predicate(self) -> bool {
        matches!(self, Self::Count | Self::Sum)
    }

    /// Whether there may be something behind the predicate.
    pub(super) fn has_extra(self) -> bool {
        matches!(self, Self::SortBy | Self::Reduce)
    }
}

impl Tree {
    /// A tree without nodes; it has no root until one is set.
    pub(super) fn new() -> Self {
        Self {
            nodes: Vec::new(),
            types: Vec::new(),
            heights: Vec::new(),
            root: NodeId(0),
        }
    }

    /// Adds a node; its height follows from its operands.
    pub(super) fn add(&mut self, node: Node) -> NodeId {
        let height = match &node {
            Node::Binary { left, right, .. } => self.height(*left).max(1 + self.height(*right)),
            other => {
                let mut height = 0;
                other.for_each_operand(&mut |operand| {
                    height = height.max(1 + self.height(operand));
                });
                height
            }
        };
        self.nodes.push(node);
        self.types.push(None);
        self.heights.push(height);
        NodeId(self.nodes.len() - 1)
    }

    /// The node of an index.
    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// Puts another node in the place of one.
    pub(super) fn replace(&mut self, id: NodeId, node: Node) {
        self.nodes[id.0] = node;
    }

    /// How deep operands lie below a node.
    pub(super) fn height(&self, id: NodeId) -> u32 {
        self.heights[id.0]
    }

    /// The static type of a node, if it was checked and is known.
    pub(super) fn type_of(&self, id: NodeId) -> Option<&Type> {
        self.types[id.0].as_ref()
    }

    /// Notes the static type of a node.
    pub(super) fn set_type(&mut self, id: NodeId, ty: Option<Type>) {
        self.types[id.0] = ty;
    }

    /// The whole expression.
    pub(super) fn root(&self) -> NodeId {
        self.root
    }

    /// Names the node that is the whole expression.
    pub(super) fn set_root(&mut self, root: NodeId) {
        self.root = root;
    }

    /// How many nodes there are, those out of use included.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The indices of all nodes.
    pub(super) fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// All nodes that belong to the expression, operands before what uses them.
    pub(super) fn bottom_up(&self) -> Vec<NodeId> {
        let mut order = Vec::new();
        let mut seen = vec![false; self.nodes.len()];
        let mut open = vec![(self.root, false)];
        while let Some((id, is_expanded)) = open.pop() {
            if is_expanded {
                order.push(id);
                continue;
            }
            if std::mem::replace(&mut seen[id.0], true) {
                continue;
            }
            open.push((id, true));
            let first = open.len();
            self.node(id)
                .for_each_operand(&mut |operand| open.push((operand, false)));
            // The first operand is to be popped first.
            open[first..].reverse();
        }
        order
    }

    /// Whether two nodes are the same expression, literally.
    pub(super) fn is_same(&self, one: NodeId, other: NodeId) -> bool {
        let mut open = vec![(one, other)];
        while let Some((one, other)) = open.pop() {
            if one == other {
                continue;
            }
            let (one, other) = (self.node(one), self.node(other));
            let mut operands = (Vec::new(), Vec::new());
            one.for_each_operand(&mut |operand| operands.0.push(operand));
            other.for_each_operand(&mut |operand| operands.1.push(operand));
            if !one.is_same_alone(other) || operands.0.len() != operands.1.len() {
                return false;
            }
            open.extend(operands.0.into_iter().zip(operands.1));
        }
        true
    }
}

impl NodeId {
    /// The index as a number.
    pub(super) fn index(self) -> usize {
        self.0
    }
}

impl Node {
    /// Hands every operand to `visit`, in the order of evaluation.
    pub(super) fn for_each_operand(&self, visit: &mut dyn FnMut(NodeId)) {
        match self {
            Self::Nil
            | Self::Identifier(_)
            | Self::Integer(_)
            | Self::Float(_)
            | Self::Bool(_)
            | Self::String(_)
            | Self::Bytes(_)
            | Self::Constant(_)
            | Self::Pointer(_) => {}
            Self::InStrings {
                needle: operand, ..
            }
            | Self::Unary { operand, .. }
            | Self::Chain(operand) => visit(*operand),
            Self::Binary { left, right, .. } => [*left, *right].into_iter().for_each(visit),
            Self::Member { base, property, .. } => [*base, *property].into_iter().for_each(visit),
            Self::Slice { base, from, to } => {
                [Some(*base), *from, *to]
                    .into_iter()
                    .flatten()
                    .for_each(visit);
            }
            Self::Call { callee, arguments } => {
                visit(*callee);
                arguments.iter().copied().for_each(visit);
            }
            Self::Builtin { arguments, .. } => arguments.iter().copied().for_each(visit),
            Self::Loop(body) => [
                Some(body.collection),
                body.predicate,
                body.extra,
                body.mapped,
            ]
            .into_iter()
            .flatten()
            .for_each(visit),
            Self::Let { value, body, .. } => [*value, *body].into_iter().for_each(visit),
            Self::Sequence(items) | Self::Array(items) | Self::Sum(items) => {
                items.iter().copied().for_each(visit);
            }
            Self::Conditional {
                condition,
                then,
                otherwise,
            } => [*condition, *then, *otherwise].into_iter().for_each(visit),
            Self::Map(pairs) => pairs
                .iter()
                .flat_map(|(key, value)| [*key, *value])
                .for_each(visit),
        }
    }

    /// Whether two nodes are alike, their operands aside.
    fn is_same_alone(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nil, Self::Nil)
            | (Self::Chain(_), Self::Chain(_))
            | (Self::Call { .. }, Self::Call { .. })
            | (Self::Sequence(_), Self::Sequence(_))
            | (Self::Conditional { .. }, Self::Conditional { .. })
            | (Self::Array(_), Self::Array(_))
            | (Self::Sum(_), Self::Sum(_))
            | (Self::Map(_), Self::Map(_)) => true,
            (Self::Identifier(one), Self::Identifier(other))
            | (Self::Pointer(one), Self::Pointer(other))
            | (Self::Let { name: one, .. }, Self::Let { name: other, .. }) => one == other,
            (Self::Integer(one), Self::Integer(other)) => one == other,
            (Self::Float(one), Self::Float(other)) => one.to_bits() == other.to_bits(),
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::String(one), Self::String(other)) => one == other,
            (Self::Bytes(one), Self::Bytes(other)) => one == other,
            (Self::Constant(one), Self::Constant(other)) => {
                // Folded lists hold plain values only, so their texts tell them apart together with their types.
                format!("{one:?}") == format!("{other:?}")
            }
            (Self::InStrings { strings: one, .. }, Self::InStrings { strings: other, .. }) => {
                one == other
            }
            (Self::Unary { word: one, .. }, Self::Unary { word: other, .. }) => {
                one.text == other.text
            }
            (Self::Binary { word: one, .. }, Self::Binary { word: other, .. }) => {
                one.text == other.text
            }
            (Self::Member { access: one, .. }, Self::Member { access: other, .. }) => one == other,
            (
                Self::Slice { from, to, .. },
                Self::Slice {
                    from: other_from,
                    to: other_to,
                    ..
                },
            ) => from.is_some() == other_from.is_some() && to.is_some() == other_to.is_some(),
            (Self::Builtin { builtin: one, .. }, Self::Builtin { builtin: other, .. }) => {
                one.name == other.name
            }
            (Self::Loop(one), Self::Loop(other)) => {
                one.kind == other.kind && one.mapped.is_some() == other.mapped.is_some()
            }
            _ => false,
        }
    }
}
