//! Go's types, as far as values of expressions have them. Their texts stand in error messages.

use std::fmt;
use std::sync::Arc;

/// A Go type. `Display` is Go's text, such as `map[string]interface {}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `interface {}`: any value.
    Any,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `int64`
    Int64,
    /// `uint8`, a byte
    Uint8,
    /// `uint64`
    Uint64,
    /// `float64`
    Float64,
    /// `string`
    String,
    /// `time.Time`
    Time,
    /// `time.Duration`
    Duration,
    /// `time.Month`
    Month,
    /// `time.Weekday`
    Weekday,
    /// `*time.Location`
    Location,
    /// `[]T`
    Slice(Arc<Self>),
    /// `[2]interface {}`: a key and a value.
    Pair,
    /// `map[K]V`
    Map(Arc<MapType>),
    /// `*T`
    Pointer(Arc<Self>),
    /// A struct with a name.
    Struct(Arc<StructType>),
    /// Another type under a name of its own.
    Named(Arc<NamedType>),
    /// `func(…) …`
    Function(Arc<Signature>),
}

/// Keys and elements of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapType {
    /// The keys' type: `string` or `interface {}`.
    pub key: Type,
    /// The elements' type.
    pub element: Type,
}

/// A struct: expressions see its exported members under their Go names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StructType {
    /// The name with its package, as in `types.Result`.
    pub name: String,
    /// The package's full path, as in `example.com/sdk/types`.
    pub package: String,
    /// Names and types of the members, in Go's order.
    pub fields: Vec<(String, Type)>,
}

/// A type defined as another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedType {
    /// The name with its package, as in `nrdb.Result`.
    pub name: String,
    /// The package's full path.
    pub package: String,
    /// What it is defined as.
    pub underlying: Type,
}

/// What a function takes and gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The parameters.
    pub parameters: Vec<Type>,
    /// The results; an expression sees the first.
    pub results: Vec<Type>,
}

/// The sort of a type, whatever its name: Go's `reflect.Kind`. `Display` is Go's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Invalid,
    Interface,
    Bool,
    Int,
    Int64,
    Uint8,
    Uint64,
    Float64,
    String,
    Struct,
    Slice,
    Array,
    Map,
    Pointer,
    Function,
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Invalid => "invalid",
            Self::Interface => "interface",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Uint8 => "uint8",
            Self::Uint64 => "uint64",
            Self::Float64 => "float64",
            Self::String => "string",
            Self::Struct => "struct",
            Self::Slice => "slice",
            Self::Array => "array",
            Self::Map => "map",
            Self::Pointer => "ptr",
            Self::Function => "func",
        })
    }
}

impl Kind {
    /// Whether values of the kind are whole numbers, signed or not.
    pub(super) fn is_integer(self) -> bool {
        matches!(self, Self::Int | Self::Int64 | Self::Uint8 | Self::Uint64)
    }

    /// Whether values of the kind are numbers.
    pub(super) fn is_number(self) -> bool {
        self.is_integer() || self == Self::Float64
    }

    /// Whether values of the kind are lists.
    pub(super) fn is_list(self) -> bool {
        matches!(self, Self::Slice | Self::Array)
    }
}

impl Type {
    /// `[]element`
    pub fn slice(element: Self) -> Self {
        Self::Slice(Arc::new(element))
    }

    /// `[]interface {}`
    pub fn list() -> Self {
        Self::slice(Self::Any)
    }

    /// `map[key]element`
    pub fn map(key: Self, element: Self) -> Self {
        Self::Map(Arc::new(MapType { key, element }))
    }

    /// `map[string]interface {}`
    pub fn object() -> Self {
        Self::map(Self::String, Self::Any)
    }

    /// `func(parameters) result`
    pub fn function(parameters: Vec<Self>, result: Self) -> Self {
        Self::Function(Arc::new(Signature {
            parameters,
            results: vec![result],
        }))
    }

    /// What the type is defined as, if it has a name of its own; else itself.
    pub(super) fn underlying(&self) -> &Self {
        let mut ty = self;
        while let Self::Named(named) = ty {
            ty = &named.underlying;
        }
        ty
    }

    /// The type a pointer points to, through any number of pointers; else itself.
    pub(super) fn pointed(&self) -> &Self {
        let mut ty = self;
        while let Self::Pointer(target) = ty {
            ty = target;
        }
        ty
    }

    /// The type's kind.
    pub(super) fn kind(&self) -> Kind {
        match self.underlying() {
            Self::Any => Kind::Interface,
            Self::Bool => Kind::Bool,
            Self::Int | Self::Month | Self::Weekday => Kind::Int,
            Self::Int64 | Self::Duration => Kind::Int64,
            Self::Uint8 => Kind::Uint8,
            Self::Uint64 => Kind::Uint64,
            Self::Float64 => Kind::Float64,
            Self::String => Kind::String,
            Self::Time | Self::Struct(_) => Kind::Struct,
            Self::Location | Self::Pointer(_) => Kind::Pointer,
            Self::Slice(_) => Kind::Slice,
            Self::Pair => Kind::Array,
            Self::Map(_) | Self::Named(_) => Kind::Map,
            Self::Function(_) => Kind::Function,
        }
    }

    /// Whether this is one of Go's own integer types; a month is not.
    pub(super) fn is_integer(&self) -> bool {
        matches!(self, Self::Int | Self::Int64 | Self::Uint8 | Self::Uint64)
    }

    /// Whether this is one of Go's own number types; a duration is not.
    pub(super) fn is_number(&self) -> bool {
        self.is_integer() || *self == Self::Float64
    }

    /// The type of a list's or map's items; `None` if there are none.
    pub(super) fn element(&self) -> Option<&Self> {
        match self.underlying() {
            Self::Slice(element) | Self::Pointer(element) => Some(element),
            Self::Pair => Some(&Self::Any),
            Self::Map(map) => Some(&map.element),
            Self::Any
            | Self::Bool
            | Self::Int
            | Self::Int64
            | Self::Uint8
            | Self::Uint64
            | Self::Float64
            | Self::String
            | Self::Time
            | Self::Duration
            | Self::Month
            | Self::Weekday
            | Self::Location
            | Self::Struct(_)
            | Self::Named(_)
            | Self::Function(_) => None,
        }
    }

    /// Go's rule for putting a value of this type where `target` is wanted.
    pub(super) fn is_assignable_to(&self, target: &Self) -> bool {
        if self == target || *target == Self::Any {
            return true;
        }
        // A name may come or go if the rest is no type with a name of its own.
        let is_plain = |ty: &Self| {
            matches!(
                ty,
                Self::Slice(_) | Self::Map(_) | Self::Pointer(_) | Self::Function(_)
            )
        };
        self.underlying() == target.underlying() && (is_plain(self) || is_plain(target))
    }

    /// The package of a type with a name, and its name without the package.
    pub(super) fn package_and_name(&self) -> Option<(&str, &str)> {
        let (package, name): (&str, &str) = match self {
            Self::Time => ("time", "Time"),
            Self::Duration => ("time", "Duration"),
            Self::Month => ("time", "Month"),
            Self::Weekday => ("time", "Weekday"),
            Self::Location => ("time", "Location"),
            Self::Struct(body) => (&body.package, &body.name),
            Self::Named(named) => (&named.package, &named.name),
            Self::Any
            | Self::Bool
            | Self::Int
            | Self::Int64
            | Self::Uint8
            | Self::Uint64
            | Self::Float64
            | Self::String
            | Self::Slice(_)
            | Self::Pair
            | Self::Map(_)
            | Self::Pointer(_)
            | Self::Function(_) => return None,
        };
        Some((package, name.rsplit('.').next().unwrap_or(name)))
    }
}

impl fmt::Display for Type {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Any => "interface {}",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Uint8 => "uint8",
            Self::Uint64 => "uint64",
            Self::Float64 => "float64",
            Self::String => "string",
            Self::Time => "time.Time",
            Self::Duration => "time.Duration",
            Self::Month => "time.Month",
            Self::Weekday => "time.Weekday",
            Self::Location => "*time.Location",
            Self::Pair => "[2]interface {}",
            Self::Struct(body) => &body.name,
            Self::Named(named) => &named.name,
            Self::Slice(element) => return write!(out, "[]{element}"),
            Self::Map(map) => return write!(out, "map[{}]{}", map.key, map.element),
            Self::Pointer(target) => return write!(out, "*{target}"),
            Self::Function(signature) => return write!(out, "func{signature}"),
        };
        out.write_str(text)
    }
}

/// `(int, string) bool`
impl fmt::Display for Signature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |types: &[Type]| {
            let texts: Vec<String> = types.iter().map(ToString::to_string).collect();
            texts.join(", ")
        };
        write!(out, "({})", list(&self.parameters))?;
        match self.results.as_slice() {
            [] => Ok(()),
            [result] => write!(out, " {result}"),
            results => write!(out, " ({})", list(results)),
        }
    }
}
