//! The names an expression may use.

use std::collections::BTreeMap;

use super::nature::Nature;
use super::parser::Names;
use super::value::{Function, Map, TooDeepError, Value};
use super::{Key, Type};

/// Names and their values.
#[derive(Clone, Debug)]
pub struct Environment {
    names: BTreeMap<String, Value>,
    knowledge: Knowledge,
}

/// Whether the checker knows the names and their types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Knowledge {
    /// It does: an unknown name is an error, and so is a use that a value's type does not allow.
    Strict,
    /// It does not: any name may be used, and is nil if there is none.
    None,
}

impl Environment {
    /// An environment whose names and types the checker knows, as upstream evaluates conditions of metrics.
    pub fn strict() -> Self {
        Self {
            names: BTreeMap::new(),
            knowledge: Knowledge::Strict,
        }
    }

    /// An environment of which the checker knows nothing, as upstream evaluates triggers of notifications.
    pub fn untyped() -> Self {
        Self {
            names: BTreeMap::new(),
            knowledge: Knowledge::None,
        }
    }

    /// Adds a name.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.names.insert(name.to_owned(), value);
        self
    }

    /// Adds a function.
    #[must_use]
    pub fn with_function(self, name: &str, function: Function) -> Self {
        self.with(name, Value::Function(function))
    }

    /// The value of a name; `None` if there is no such name.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.names.get(name)
    }

    /// All names as one map.
    pub(super) fn whole(&self) -> Result<Value, TooDeepError> {
        let entries = self
            .names
            .iter()
            .map(|(name, value)| (Key::text(name), value.clone()))
            .collect();
        Map::new(Type::object(), entries).map(Value::Map)
    }

    /// What the checker knows of a name.
    pub(super) fn typed(&self, name: &str) -> Option<Nature> {
        match self.knowledge {
            Knowledge::Strict => self.names.get(name).map(Nature::of_value),
            Knowledge::None => None,
        }
    }

    /// Whether an unknown name is an error.
    pub(super) fn is_strict(&self) -> bool {
        self.knowledge == Knowledge::Strict
    }
}

impl Names for Environment {
    fn has(&self, name: &str) -> bool {
        self.typed(name).is_some()
    }
}
