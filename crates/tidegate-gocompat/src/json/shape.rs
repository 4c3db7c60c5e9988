//! What is known of Go's structs: names, order, types and the tags of their members.

/// A struct: its name as Go prints it (`v1.Container`) and its members in order.
#[derive(Debug)]
pub struct Struct {
    /// Package and name, as in Go's error texts.
    pub name: &'static str,
    /// The members, in the order in which Go writes them.
    pub fields: &'static [Field],
}

/// A member of a struct.
#[derive(Debug)]
pub struct Field {
    /// The name in JSON; empty for an inlined struct.
    pub name: &'static str,
    /// The type.
    pub kind: Kind,
    /// When it is written.
    pub rule: Rule,
}

/// When a member is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Always.
    Always,
    /// Unless it is empty (`omitempty`): false, 0, nothing in it, not given. A struct is never empty.
    OmitEmpty,
    /// Unless it is the zero time (`omitzero`).
    OmitZero,
    /// Not as a member: its own members stand in its place.
    Inline,
}

/// A type.
#[derive(Debug)]
pub enum Kind {
    /// A boolean.
    Bool,
    /// A number of 32 bits.
    Int32,
    /// A number of 64 bits.
    Int64,
    /// A text; with the name of its type.
    Text(&'static str),
    /// JSON that is carried along as it was written.
    Raw,
    /// A type that reads and writes itself.
    Own(&'static Own),
    /// A pointer: tells "not given" from zero.
    Pointer(&'static Self),
    /// A slice.
    List(&'static Self),
    /// A map with texts as keys.
    Map(&'static Self),
    /// A struct.
    Struct(&'static Struct),
}

/// A type that reads and writes itself.
#[derive(Debug)]
pub struct Own {
    /// Its name as Go prints it.
    pub name: &'static str,
    /// Writes the value's JSON, or says why it cannot be read (Go's text).
    pub write: fn(Scalar<'_>, &mut String) -> Result<(), String>,
    /// Whether this is the zero value, for `omitzero`.
    pub is_zero: fn(Scalar<'_>) -> bool,
    /// Whether two values mean the same.
    pub equal: fn(Scalar<'_>, Scalar<'_>) -> bool,
}

/// A value as a type that reads itself gets it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// Null, or not given.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number, as it was written.
    Number(&'a str),
    /// A text.
    Text(&'a str),
    /// A list.
    List,
    /// An object.
    Object,
}

/// The name of a type as Go prints it in errors; a pointer's is that of its target.
pub(super) fn go_name(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "bool".to_owned(),
        Kind::Int32 => "int32".to_owned(),
        Kind::Int64 => "int64".to_owned(),
        Kind::Text(name) => (*name).to_owned(),
        Kind::Raw => "json.RawMessage".to_owned(),
        Kind::Own(own) => own.name.to_owned(),
        Kind::Pointer(target) => go_name(target),
        Kind::List(item) => format!("[]{}", nested(item)),
        Kind::Map(value) => format!("map[string]{}", nested(value)),
        Kind::Struct(of) => of.name.to_owned(),
    }
}

fn nested(kind: &Kind) -> String {
    let star = if matches!(kind, Kind::Pointer(_)) {
        "*"
    } else {
        ""
    };
    format!("{star}{}", go_name(kind))
}
