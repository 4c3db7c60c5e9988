//! The values of expressions. Each knows its Go type, because the language tells an `int` from an `int64`, a list of floats
//! from a list of anything, and a nil list from an empty one.

mod function;
mod json;
mod key;
mod print;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub use function::Function;
pub(super) use function::{Known, conversion_error};
pub use key::Key;
pub use text::Text;

use super::types::{Kind, NamedType, StructType, Type};
use crate::duration::Duration;
use crate::time::{Time, Zone};

/// How deep lists and maps may lie in one another: far more than any answer of a provider, little enough that walking down
/// needs no more stack than there is.
pub(super) const MAX_DEPTH: u32 = 200;

/// A value.
#[derive(Clone, Debug)]
pub enum Value {
    /// `nil` of no type.
    Nil,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `int64`
    Int64(i64),
    /// `uint8`
    Uint8(u8),
    /// `uint64`
    Uint64(u64),
    /// `float64`
    Float(f64),
    /// `string`
    String(Text),
    /// `time.Time`
    Time(Arc<Time>),
    /// `time.Duration`
    Duration(Duration),
    /// `time.Month`, 1 is January.
    Month(i64),
    /// `time.Weekday`, 0 is Sunday.
    Weekday(i64),
    /// `*time.Location`
    Location(Zone),
    /// A slice or array.
    List(List),
    /// A map.
    Map(Map),
    /// A pointer, nil or not.
    Pointer(Arc<Pointer>),
    /// A struct.
    Struct(Arc<Struct>),
    /// A string of a type with a name of its own.
    Named(Arc<Named>),
    /// A function.
    Function(Function),
}

/// A slice or array with its type.
#[derive(Clone, Debug)]
pub struct List(Arc<ListBody>);

#[derive(Debug)]
struct ListBody {
    ty: Type,
    items: Vec<Value>,
    presence: Presence,
    depth: u32,
}

/// A map with its type, sorted by key.
#[derive(Clone, Debug)]
pub struct Map(Arc<MapBody>);

#[derive(Debug)]
struct MapBody {
    ty: Type,
    entries: BTreeMap<Key, Value>,
    presence: Presence,
    depth: u32,
}

/// Whether a list or map is nil: it then is empty and equals `nil`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Present,
    Nil,
}

/// A pointer with the type it points to.
#[derive(Debug)]
pub struct Pointer {
    target: Type,
    value: Option<Value>,
}

/// A struct's type and members, in the type's order.
#[derive(Debug)]
pub struct Struct {
    ty: Arc<StructType>,
    fields: Vec<Value>,
}

/// A string and the name of its type.
#[derive(Debug)]
pub struct Named {
    ty: Arc<NamedType>,
    text: Text,
}

/// Lists and maps lie in one another more than 200 deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooDeepError;

impl fmt::Display for TooDeepError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("value nests too deep")
    }
}

impl std::error::Error for TooDeepError {}

impl Value {
    /// A string.
    pub fn text(text: &str) -> Self {
        Self::String(Text::from(text))
    }

    /// A time.
    pub fn time(time: Time) -> Self {
        Self::Time(Arc::new(time))
    }

    /// A `[]float64`.
    pub fn floats(floats: impl IntoIterator<Item = f64>) -> Self {
        let items = floats.into_iter().map(Self::Float).collect();
        Self::List(List::flat(Type::Float64, items))
    }

    /// A `[]interface {}`.
    ///
    /// # Errors
    /// If it nests too deep.
    pub fn list(items: Vec<Self>) -> Result<Self, TooDeepError> {
        List::new(Type::list(), items).map(Self::List)
    }

    /// A `map[string]interface {}`.
    ///
    /// # Errors
    /// If it nests too deep.
    pub fn object(entries: impl IntoIterator<Item = (String, Self)>) -> Result<Self, TooDeepError> {
        let entries = entries
            .into_iter()
            .map(|(name, value)| (Key::text(&name), value))
            .collect();
        Map::new(Type::object(), entries).map(Self::Map)
    }

    /// A pointer to a value, or a nil one.
    pub fn pointer(target: Type, value: Option<Self>) -> Self {
        Self::Pointer(Arc::new(Pointer { target, value }))
    }

    /// A struct; members in the type's order, missing ones are nil.
    pub fn structure(ty: Arc<StructType>, fields: Vec<Self>) -> Self {
        Self::Struct(Arc::new(Struct { ty, fields }))
    }

    /// A string under a type of its own.
    pub fn named_text(ty: Arc<NamedType>, text: &str) -> Self {
        let text = Text::from(text);
        Self::Named(Arc::new(Named { ty, text }))
    }

    /// The value's type; `None` for `nil`.
    pub fn type_of(&self) -> Option<Type> {
        Some(match self {
            Self::Nil => return None,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Int64(_) => Type::Int64,
            Self::Uint8(_) => Type::Uint8,
            Self::Uint64(_) => Type::Uint64,
            Self::Float(_) => Type::Float64,
            Self::String(_) => Type::String,
            Self::Time(_) => Type::Time,
            Self::Duration(_) => Type::Duration,
            Self::Month(_) => Type::Month,
            Self::Weekday(_) => Type::Weekday,
            Self::Location(_) => Type::Location,
            Self::List(list) => list.0.ty.clone(),
            Self::Map(map) => map.0.ty.clone(),
            Self::Pointer(pointer) => Type::Pointer(Arc::new(pointer.target.clone())),
            Self::Struct(body) => Type::Struct(Arc::clone(&body.ty)),
            Self::Named(named) => Type::Named(Arc::clone(&named.ty)),
            Self::Function(function) => Type::Function(Arc::clone(&function.signature)),
        })
    }

    /// The kind of the value's type.
    pub(super) fn kind(&self) -> Kind {
        self.type_of().map_or(Kind::Invalid, |ty| ty.kind())
    }

    /// The type's text as `%T` prints it: `<nil>` for nil.
    pub fn type_text(&self) -> String {
        self.type_of()
            .map_or_else(|| "<nil>".to_owned(), |ty| ty.to_string())
    }

    /// Whether the value is nil, or a nil list, map or pointer.
    pub fn is_nil(&self) -> bool {
        match self {
            Self::Nil => true,
            Self::List(list) => list.0.presence == Presence::Nil,
            Self::Map(map) => map.0.presence == Presence::Nil,
            Self::Pointer(pointer) => pointer.value.is_none(),
            Self::Bool(_)
            | Self::Int(_)
            | Self::Int64(_)
            | Self::Uint8(_)
            | Self::Uint64(_)
            | Self::Float(_)
            | Self::String(_)
            | Self::Time(_)
            | Self::Duration(_)
            | Self::Month(_)
            | Self::Weekday(_)
            | Self::Location(_)
            | Self::Struct(_)
            | Self::Named(_)
            | Self::Function(_) => false,
        }
    }

    /// What a pointer points to, through any number of them; a nil pointer gives nil. Else the value itself.
    #[must_use]
    pub fn pointed(self) -> Self {
        let mut value = self;
        while let Self::Pointer(pointer) = &value {
            value = pointer.value.clone().unwrap_or(Self::Nil);
        }
        value
    }

    /// What a variable of the type holds at first.
    pub(super) fn zero_of(ty: &Type) -> Self {
        match ty {
            Type::Slice(_) => Self::List(List::nil(ty.clone())),
            Type::Map(_) => Self::Map(Map::nil(ty.clone())),
            Type::Pointer(target) => Self::pointer(target.as_ref().clone(), None),
            Type::Float64 => Self::Float(0.0),
            Type::String => Self::text(""),
            Type::Any
            | Type::Bool
            | Type::Int
            | Type::Int64
            | Type::Uint8
            | Type::Uint64
            | Type::Time
            | Type::Duration
            | Type::Month
            | Type::Weekday
            | Type::Location
            | Type::Pair
            | Type::Struct(_)
            | Type::Named(_)
            | Type::Function(_) => Self::Nil,
        }
    }

    /// How deep lists and maps lie in one another.
    fn depth(&self) -> u32 {
        match self {
            Self::List(list) => list.0.depth,
            Self::Map(map) => map.0.depth,
            Self::Pointer(pointer) => 1 + pointer.value.as_ref().map_or(0, Self::depth),
            Self::Struct(body) => 1 + body.fields.iter().map(Self::depth).max().unwrap_or(0),
            Self::Nil
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Int64(_)
            | Self::Uint8(_)
            | Self::Uint64(_)
            | Self::Float(_)
            | Self::String(_)
            | Self::Time(_)
            | Self::Duration(_)
            | Self::Month(_)
            | Self::Weekday(_)
            | Self::Location(_)
            | Self::Named(_)
            | Self::Function(_) => 0,
        }
    }
}

fn depth_above<'v>(items: impl Iterator<Item = &'v Value>) -> Result<u32, TooDeepError> {
    let depth = 1 + items.map(Value::depth).max().unwrap_or(0);
    if depth > MAX_DEPTH {
        return Err(TooDeepError);
    }
    Ok(depth)
}

impl List {
    /// A list of a slice or array type.
    ///
    /// # Errors
    /// If it nests too deep.
    pub fn new(ty: Type, items: Vec<Value>) -> Result<Self, TooDeepError> {
        let depth = depth_above(items.iter())?;
        Ok(Self(Arc::new(ListBody {
            ty,
            items,
            presence: Presence::Present,
            depth,
        })))
    }

    /// A slice of items which hold no others.
    pub(super) fn flat(element: Type, items: Vec<Value>) -> Self {
        Self::new(Type::slice(element), items).expect("flat lists are one deep")
    }

    /// A nil slice of a slice type.
    pub fn nil(ty: Type) -> Self {
        Self(Arc::new(ListBody {
            ty,
            items: Vec::new(),
            presence: Presence::Nil,
            depth: 1,
        }))
    }

    /// The type.
    pub fn ty(&self) -> &Type {
        &self.0.ty
    }

    /// The items.
    pub fn items(&self) -> &[Value] {
        &self.0.items
    }

    /// Some of the items, as a slice of the same type.
    pub(super) fn part(&self, start: usize, end: usize) -> Self {
        let ty = match &self.0.ty {
            Type::Pair => Type::list(),
            ty => ty.clone(),
        };
        Self(Arc::new(ListBody {
            ty,
            items: self.0.items[start..end].to_vec(),
            presence: self.0.presence,
            depth: self.0.depth,
        }))
    }
}

impl Map {
    /// A map of a map type.
    ///
    /// # Errors
    /// If it nests too deep.
    pub fn new(ty: Type, entries: BTreeMap<Key, Value>) -> Result<Self, TooDeepError> {
        let depth = depth_above(entries.values())?;
        Ok(Self(Arc::new(MapBody {
            ty,
            entries,
            presence: Presence::Present,
            depth,
        })))
    }

    /// A nil map of a map type.
    pub fn nil(ty: Type) -> Self {
        Self(Arc::new(MapBody {
            ty,
            entries: BTreeMap::new(),
            presence: Presence::Nil,
            depth: 1,
        }))
    }

    /// The type.
    pub fn ty(&self) -> &Type {
        &self.0.ty
    }

    /// The entries, by key.
    pub fn entries(&self) -> &BTreeMap<Key, Value> {
        &self.0.entries
    }
}

impl Pointer {
    /// What it points to; `None` if it is nil.
    pub fn value(&self) -> Option<&Value> {
        self.value.as_ref()
    }
}

impl Struct {
    /// The type.
    pub fn ty(&self) -> &StructType {
        &self.ty
    }

    /// The members in the type's order.
    pub fn fields(&self) -> &[Value] {
        &self.fields
    }

    /// A member by its Go name.
    pub fn field(&self, name: &str) -> Option<&Value> {
        let index = self.ty.fields.iter().position(|(field, _)| field == name)?;
        Some(self.fields.get(index).unwrap_or(&Value::Nil))
    }
}

impl Named {
    /// The string.
    pub fn text(&self) -> &Text {
        &self.text
    }
}
