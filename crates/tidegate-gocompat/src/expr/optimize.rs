//! What upstream computes or turns around before the run. It is done here, too, because it shows: folding makes `1 % 0` an error
//! of compilation, `x and false` never looks at `x`, `len(filter(…))` needs no memory, and `filter(…)[0]` stops at the first.

mod fold;
mod loops;

use super::syntax::{Node, NodeId, Tree};

/// How often folding runs at most, as upstream's does.
const MAX_FOLDS: usize = 1_000;

/// A change to one node, made after its operands'.
type Pass = fn(&mut Tree, NodeId);

/// The passes after folding, in upstream's order, which matters: one makes what the next looks for.
const PASSES: [Pass; 11] = [
    loops::in_range,
    loops::filter_and_map,
    loops::length_of_filter,
    loops::last_of_filter,
    loops::first_of_filter,
    loops::combine_predicates,
    loops::sum_of_range,
    loops::sum_of_array,
    loops::sum_of_map,
    loops::any_of_count,
    loops::enough_for_count,
];

/// Optimizes a checked tree.
///
/// # Errors
/// With Go's text, if folding finds a division of integers by zero.
pub(super) fn optimize(tree: &mut Tree) -> Result<(), String> {
    for id in tree.bottom_up() {
        fold::in_strings(tree, id);
    }
    for _ in 0..MAX_FOLDS {
        let mut has_changed = false;
        for id in tree.bottom_up() {
            if let Some(node) = fold::fold(tree, id)? {
                tree.replace(id, node);
                has_changed = true;
            }
        }
        if !has_changed {
            break;
        }
    }
    for pass in PASSES {
        for id in tree.bottom_up() {
            pass(tree, id);
        }
    }
    Ok(())
}

/// The integer a node is, if it is one.
fn integer(tree: &Tree, id: NodeId) -> Option<i64> {
    match tree.node(id) {
        Node::Integer(integer) => Some(*integer),
        _ => None,
    }
}
