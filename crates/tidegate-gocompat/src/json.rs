//! What Go's `encoding/json` makes of a value that is read into a struct and written again: members in
//! the struct's order, empty ones left out, null where a list is missing, maps sorted, its own escapes.
//!
//! A caller describes the structs ([`shape`]); nothing here knows what they are for. A value comes as
//! any [`Tree`]: as `serde_json` holds it, or as a [`Node`], which keeps the order of members and the
//! text of numbers.

mod encode;
mod equal;
mod node;
pub mod shape;
mod text;
mod tree;

pub use encode::{DecodeError, Encoded, UnsetTimes, encode, encode_with};
pub use equal::equal;
pub use node::{Node, SyntaxError, parse};
pub use text::{print_plain, write_plain, write_raw, write_text};
pub use tree::{Tree, View};
