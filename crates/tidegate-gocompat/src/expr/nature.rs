//! What is known of a value before the run.

use std::fmt;
use std::sync::Arc;

use super::types::{Kind, Type};
use super::value::Value;

/// What the checker knows of a part's value.
#[derive(Clone, Debug)]
pub(super) enum Nature {
    /// Nothing: it may be anything.
    Unknown,
    /// It is `nil`.
    Nil,
    /// Its type.
    Known(Known),
}

/// A type, and more about its items than the type says.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) ty: Type,
    /// What is known of a list's items, if it is more than their type.
    element: Option<Arc<Nature>>,
}

impl Nature {
    /// The nature of a type's values.
    pub(super) fn of(ty: Type) -> Self {
        Self::Known(Known { ty, element: None })
    }

    /// The nature of values of a type, or nothing.
    pub(super) fn of_option(ty: Option<&Type>) -> Self {
        ty.map_or(Self::Unknown, |ty| Self::of(ty.clone()))
    }

    /// The nature of a value at hand.
    pub(super) fn of_value(value: &Value) -> Self {
        value.type_of().map_or(Self::Nil, Self::of)
    }

    /// A list of anything, of which the items are known.
    pub(super) fn list_of(element: Self) -> Self {
        Self::Known(Known {
            ty: Type::list(),
            element: Some(Arc::new(element)),
        })
    }

    /// The type, if one is known; `interface {}` is a type.
    pub(super) fn ty(&self) -> Option<&Type> {
        match self {
            Self::Unknown | Self::Nil => None,
            Self::Known(known) => Some(&known.ty),
        }
    }

    /// The kind of the type; [`Kind::Invalid`] if none is known.
    pub(super) fn kind(&self) -> Kind {
        self.ty().map_or(Kind::Invalid, Type::kind)
    }

    pub(super) fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// Whether it may be anything.
    pub(super) fn is_unknown(&self) -> bool {
        match self {
            Self::Unknown => true,
            Self::Nil => false,
            Self::Known(known) => known.ty == Type::Any,
        }
    }

    pub(super) fn is(&self, ty: &Type) -> bool {
        self.ty() == Some(ty)
    }

    pub(super) fn is_bool(&self) -> bool {
        self.kind() == Kind::Bool
    }

    pub(super) fn is_string(&self) -> bool {
        self.kind() == Kind::String
    }

    pub(super) fn is_list(&self) -> bool {
        self.kind().is_list()
    }

    pub(super) fn is_integer(&self) -> bool {
        self.ty().is_some_and(Type::is_integer)
    }

    pub(super) fn is_number(&self) -> bool {
        self.ty().is_some_and(Type::is_number)
    }

    /// What a pointer points to; else the same.
    pub(super) fn pointed(self) -> Self {
        match &self {
            Self::Known(known) if matches!(known.ty, Type::Pointer(_)) => {
                Self::of(known.ty.pointed().clone())
            }
            Self::Known(_) | Self::Unknown | Self::Nil => self,
        }
    }

    /// The nature of a list's or map's items.
    pub(super) fn element(&self) -> Self {
        match self {
            Self::Unknown | Self::Nil => Self::Unknown,
            Self::Known(known) => match &known.element {
                Some(element) => element.as_ref().clone(),
                None => Self::of_option(known.ty.element()),
            },
        }
    }

    /// The same without what is known beyond the type.
    pub(super) fn type_only(&self) -> Self {
        match self {
            Self::Unknown => Self::Unknown,
            Self::Nil => Self::Nil,
            Self::Known(known) => Self::of(known.ty.clone()),
        }
    }

    /// Go's rule for putting such a value where `target` is wanted.
    pub(super) fn is_assignable_to(&self, target: &Self) -> bool {
        let Some(target_type) = target.ty() else {
            return false;
        };
        match self {
            Self::Unknown => false,
            Self::Nil => matches!(
                target_type.kind(),
                Kind::Pointer | Kind::Interface | Kind::Function | Kind::Map | Kind::Slice
            ),
            Self::Known(known) => known.ty.is_assignable_to(target_type),
        }
    }

    /// Whether `==` makes sense.
    pub(super) fn is_comparable_to(&self, other: &Self) -> bool {
        let are_both = |test: fn(&Self) -> bool| test(self) && test(other);
        self.is_unknown()
            || other.is_unknown()
            || self.is_nil()
            || other.is_nil()
            || are_both(Self::is_number)
            || are_both(|nature| nature.is(&Type::Duration))
            || are_both(|nature| nature.is(&Type::Time))
            || are_both(Self::is_list)
            || self.is_assignable_to(other)
    }

    /// Whether an operator may find at run time that both fit: one is unknown, and the other unknown, too, or one of those wanted.
    pub(super) fn may_fit(&self, other: &Self, wanted: &[fn(&Self) -> bool]) -> bool {
        let is_wanted = |nature: &Self| wanted.iter().any(|test| test(nature));
        match (self.is_unknown(), other.is_unknown()) {
            (true, true) => true,
            (true, false) => is_wanted(other),
            (false, true) => is_wanted(self),
            (false, false) => false,
        }
    }
}

/// The type's text; `unknown` for what is unknown or nil.
impl fmt::Display for Nature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ty() {
            Some(ty) => ty.fmt(out),
            None => out.write_str("unknown"),
        }
    }
}
