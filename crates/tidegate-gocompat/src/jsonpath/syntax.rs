//! What a path consists of.

/// A part of a path.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// An action: values go through its parts one after another.
    List(Vec<Self>),
    /// A text stands for itself.
    Text(Vec<u8>),
    /// A member of an object.
    Field(String),
    /// An item or some items of a list.
    Slice(Slice),
    /// The items of a list that pass.
    Filter(Box<Filter>),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// `true` or `false`
    Bool(bool),
    /// All members or items.
    Wildcard,
    /// The values, and all lists, objects and texts inside them.
    Recursive,
    /// What several actions find, one after another.
    Union(Vec<Vec<Self>>),
    /// A word: `range`, `end`, or one that means nothing.
    Word(String),
}

/// `[start:end:step]`; a bound may be left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    /// The first item; negative numbers count from the end.
    pub(super) start: Option<i64>,
    /// Before which item to stop.
    pub(super) end: End,
    /// Every how manieth item to take.
    pub(super) step: Option<i64>,
}

/// Where a slice ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// At the end of the list.
    OfList,
    /// Before this item; negative numbers count from the end.
    Before(i64),
    /// After one item: no end was given at all. Zero is then the end of the list, so that `[-1]` is its last item.
    AfterOne(i64),
}

/// `[?(left operator right)]`
#[derive(Clone, Debug)]
pub(super) struct Filter {
    /// What is found in an item.
    pub(super) left: Vec<Node>,
    /// What to do with it.
    pub(super) test: Test,
}

/// What an item must be like.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// Something is found in it.
    Exists,
    /// What is found in it compares like this with something else.
    Compare {
        /// `==`, `<`, …, or something that is no operator: this shows only when a list is filtered.
        operator: String,
        /// The other side.
        right: Vec<Node>,
    },
}
