//! How the encoder looks at a JSON value, whatever holds it.

use std::borrow::Cow;

use serde_json::Value;

use super::node::Node;
use crate::number::print_json_float;

/// A JSON value.
pub trait Tree: Sized {
    /// What it is.
    fn view(&self) -> View<'_, Self>;

    /// A member of an object; of two with the same name the last one counts.
    fn member(&self, name: &str) -> Option<&Self>;

    /// An object's members, as they are written. Empty for anything else.
    fn members(&self) -> Vec<(&str, &Self)>;
}

/// What a JSON value is.
#[derive(Debug)]
pub enum View<'a, T> {
    /// null
    Null,
    /// true or false
    Bool(bool),
    /// A number's text.
    Number(Cow<'a, str>),
    /// A text, without escapes.
    Text(&'a str),
    /// A list's items.
    List(&'a [T]),
    /// An object; see [`Tree::members`].
    Object,
}

/// Members stand in the order of their names and numbers as Go prints them: this is how an API server
/// hands objects out, whatever a user wrote.
impl Tree for Value {
    fn view(&self) -> View<'_, Self> {
        match self {
            Self::Null => View::Null,
            Self::Bool(flag) => View::Bool(*flag),
            Self::Number(number) => View::Number(Cow::Owned(number_text(number))),
            Self::String(text) => View::Text(text),
            Self::Array(items) => View::List(items),
            Self::Object(_) => View::Object,
        }
    }

    fn member(&self, name: &str) -> Option<&Self> {
        self.get(name)
    }

    fn members(&self) -> Vec<(&str, &Self)> {
        let members = self.as_object().into_iter().flatten();
        members
            .map(|(name, value)| (name.as_str(), value))
            .collect()
    }
}

fn number_text(number: &serde_json::Number) -> String {
    let float = if number.is_f64() {
        number.as_f64()
    } else {
        None
    };
    float
        .and_then(print_json_float)
        .unwrap_or_else(|| number.to_string())
}

impl Tree for Node {
    fn view(&self) -> View<'_, Self> {
        match self {
            Self::Null => View::Null,
            Self::Bool(flag) => View::Bool(*flag),
            Self::Number(text) => View::Number(Cow::Borrowed(text)),
            Self::Text(text) => View::Text(text),
            Self::List(items) => View::List(items),
            Self::Object(_) => View::Object,
        }
    }

    fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        let found = members.iter().rev().find(|(given, _)| given == name);
        found.map(|(_, value)| value)
    }

    fn members(&self) -> Vec<(&str, &Self)> {
        let Self::Object(members) = self else {
            return Vec::new();
        };
        members
            .iter()
            .map(|(name, value)| (name.as_str(), value))
            .collect()
    }
}
