//! The `JSONPath` of the web metric: client-go's dialect, missing keys being errors.
//!
//! A path is a template: text, and actions in braces. `{.data.ok}` is a member, `$.data.ok` without braces is the
//! text itself. An action is a list of parts through which values go one after another; a template gives one list of
//! values for each of its parts. It is not RFC 9535: an index beyond the end is an error, `[?(@.ok)]` asks for
//! presence, a number is compared only with a number of the same kind (`1.0`, not `1`), and there is no `&&`.
//!
//! Whatever the path and the values, an answer comes soon and without panic. Differs from upstream: a search takes four
//! million steps at most, filters nest ten levels and ranges a hundred, because upstream has no such limits and takes
//! all memory; and members of an object come in the order of their names, not in a random one.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a part of a path goes into one or two of the twenty kinds of values and passes by all others, also new ones"
)]

mod compare;
mod find;
mod parser;
mod syntax;
mod unquote;

use std::fmt;

use crate::expr::Value;

use syntax::Node;

/// A path ready to search with.
#[derive(Clone, Debug)]
pub struct Path(Vec<Node>);

/// A path does not parse. `Display` is Go's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError(String);

/// A search failed. `Display` is Go's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindError(String);

impl fmt::Display for ParseError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for FindError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for ParseError {}
impl std::error::Error for FindError {}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// At the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parser::parse(text).map(Self).map_err(ParseError)
    }

    /// The values found: one list for each part of the template. Keeps MP-304.
    ///
    /// # Errors
    /// If a key is missing, an index is out of bounds, values cannot be compared, or there are too many of them.
    pub fn find(&self, data: &Value) -> Result<Vec<Vec<Value>>, FindError> {
        find::find(&self.0, data).map_err(FindError)
    }
}

#[cfg(test)]
mod tests;
